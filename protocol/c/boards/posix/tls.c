/* The secure session of the POSIX board, by wolfSSL (spec: Secure session, Secure device): TLS and the checks of a host.
 * What else a secure device has, the trust commands and what they keep, is not here: so it stays LAB.
 *
 * The callback of verification comes before wolfSSL writes the device's certificate, and its refusal keeps it from
 * that: a host that does not pass has seen a ClientHello and an alert. */
#define _GNU_SOURCE
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "tls.h"

#include <stdio.h>
#include <string.h>

#include "../../core/channel.h"
#include "../../core/device.h"
#include "../../core/protection.h"

#define IN_MAX (2 * BWC_MAX_PAYLOAD)

static WOLFSSL_CTX *context;
static WOLFSSL *tls;
static struct bwc_device *served;
static struct {
    size_t at, fill;
    uint8_t bytes[IN_MAX];
} in;
static char host_name[BWC_IDENTITY_MAX + 1];
static uint32_t host_roles;
static bool refused;

/* Roles: object identifiers 2.25.UUID.1.n in the extended key usage, n from 1. Bytes of such length are unmistakable. */
static uint8_t arc[21];
static size_t arc_size;

static void make_arc(void)
{
    static const uint8_t uuid[16] = {0x18, 0x81, 0xc7, 0xfa, 0x27, 0x88, 0x4a, 0x7a,
                                     0xbc, 0x47, 0x69, 0x97, 0xd5, 0xc4, 0x96, 0xba};
    uint8_t digits[19] = {0};
    int at;
    for (int bit = 0; bit < 128; bit++)
        if (uuid[15 - bit / 8] >> (bit % 8) & 1)
            digits[18 - bit / 7] = (uint8_t)(digits[18 - bit / 7] | 1 << (bit % 7));
    for (at = 0; !digits[at]; at++) {
    }
    arc[arc_size++] = 2 * 40 + 25;
    for (; at < 19; at++)
        arc[arc_size++] = (uint8_t)(digits[at] | (at < 18 ? 0x80 : 0));
    arc[arc_size++] = 1;
}

static int check_host(int good, WOLFSSL_X509_STORE_CTX *store)
{
    const uint8_t *at, *end;
    WOLFSSL_X509 *leaf;
    const char *name;
    bool time = store->error == ASN_BEFORE_DATE_E || store->error == ASN_AFTER_DATE_E; /* SES-025 */
    refused = refused || (!good && !time);
    if (refused || store->error_depth != 0)
        return !refused;
    at = store->certs[0].buffer;
    end = at + store->certs[0].length;
    leaf = wolfSSL_X509_load_certificate_buffer(at, (int)(end - at), WOLFSSL_FILETYPE_ASN1);
    name = leaf ? wolfSSL_X509_get_subjectCN(leaf) : 0;
    snprintf(host_name, sizeof host_name, "%s", name ? name : "");
    wolfSSL_X509_free(leaf);
    host_roles = 0;
    while ((at = memmem(at, (size_t)(end - at), arc, arc_size)) && at + arc_size < end) {
        at += arc_size;
        if (*at >= 1 && *at <= 7)
            host_roles |= 1u << (*at - 1);
    }
    host_roles &= ~BWC_ROLE_EVIDENCE_RECIPIENT;
    refused = !host_name[0] || !host_roles;
    return !refused;
}

static int from_host(WOLFSSL *session, char *room, int size, void *unused)
{
    size_t take = in.fill - in.at < (size_t)size ? in.fill - in.at : (size_t)size;
    (void)session, (void)unused;
    if (!take)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    memcpy(room, in.bytes + in.at, take);
    in.at += take;
    return (int)take;
}

static int to_host(WOLFSSL *session, char *data, int size, void *unused)
{
    uint32_t room = bwc_channel_room(served);
    (void)session, (void)unused;
    if (!room)
        return WOLFSSL_CBIO_ERR_WANT_WRITE;
    if ((uint32_t)size > room)
        size = (int)room;
    memcpy(bwc_channel_write(served, (uint32_t)size), data, (size_t)size);
    return size;
}

bool bwc_tls_prepare(const char *root, const char *chain, const char *key)
{
    int groups[] = {WOLFSSL_ECC_SECP256R1};
    make_arc();
    wolfSSL_Init();
    context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    if (!context || wolfSSL_CTX_load_verify_locations(context, root, 0) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_use_certificate_chain_file(context, chain) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_use_PrivateKey_file(context, key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_set_groups(context, groups, 1) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_set_cipher_list(context, "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384") != WOLFSSL_SUCCESS)
        return false;
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, check_host);
    wolfSSL_CTX_SetIORecv(context, from_host);
    wolfSSL_CTX_SetIOSend(context, to_host);
    return true;
}

/* What the core asks for */

void bwc_tls_end(void)
{
    wolfSSL_free(tls);
    tls = 0;
}

void bwc_tls_begin(struct bwc_device *device)
{
    bwc_tls_end();
    served = device;
    in.at = in.fill = 0;
    refused = false;
    tls = wolfSSL_new(context);
    wolfSSL_connect(tls);
}

void bwc_tls_feed(const uint8_t *data, size_t size)
{
    in.fill -= in.at;
    memmove(in.bytes, in.bytes + in.at, in.fill);
    in.at = 0;
    if (size > sizeof in.bytes - in.fill)
        size = sizeof in.bytes - in.fill; /* never: the core feeds when the last was read */
    memcpy(in.bytes + in.fill, data, size);
    in.fill += size;
}

static enum bwc_tls_result result_of(int result)
{
    switch (wolfSSL_get_error(tls, result)) {
    case WOLFSSL_ERROR_WANT_READ:
    case WOLFSSL_ERROR_WANT_WRITE:
        return BWC_TLS_WAITS;
    case WOLFSSL_ERROR_ZERO_RETURN:
        return BWC_TLS_CLOSED;
    default:
        return refused ? BWC_TLS_REFUSED : BWC_TLS_BROKEN;
    }
}

enum bwc_tls_result bwc_tls_shake(char *identity, uint8_t *identity_size, uint32_t *roles)
{
    int result = wolfSSL_connect(tls);
    if (result != WOLFSSL_SUCCESS)
        return result_of(result);
    *identity_size = (uint8_t)strlen(host_name);
    memcpy(identity, host_name, *identity_size);
    *roles = host_roles;
    return BWC_TLS_DONE;
}

enum bwc_tls_result bwc_tls_read(uint8_t *to, size_t *size)
{
    int got = wolfSSL_read(tls, to, (int)*size);
    if (got <= 0)
        return result_of(got);
    *size = (size_t)got;
    return BWC_TLS_DONE;
}

void bwc_tls_write(const uint8_t *data, size_t size) { wolfSSL_write(tls, data, (int)size); }

void bwc_tls_close(void) { wolfSSL_shutdown(tls); }
