/* The device's end of a secure session (protocol/README.md, "Secure session") by wolfSSL: TLS alone, without link
 * and messages. What the channel would carry comes on standard input and goes to standard output; what comes
 * inside the session is sent back. It ends with the session: 0 in order, 1 when the host was refused or failed.
 *
 *   cc -o wolfssl_device wolfssl_device.c -lwolfssl
 *   wolfssl_device ROOT.pem CHAIN.pem KEY.pem
 */
#define _GNU_SOURCE
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD 512 /* as a device with little memory asks for: max_fragment_length, RFC 6066 */

/* What a host's certificate has to show beyond what wolfSSL looks at itself (chain, signatures, purpose serverAuth): a
 * role, an object identifier under the protocol's arc. A product would walk the extended key usage; bytes of an
 * identifier of this length are unmistakable. */
static unsigned char role_arc[32];
static size_t role_arc_size;

/* 2.25.UUID.1 as the contents of an OBJECT IDENTIFIER: the first arcs are 2 * 40 + 25, then base 128. */
static void make_role_arc(void)
{
    static const unsigned char uuid[16] = {0x18, 0x81, 0xc7, 0xfa, 0x27, 0x88, 0x4a, 0x7a,
                                           0xbc, 0x47, 0x69, 0x97, 0xd5, 0xc4, 0x96, 0xba};
    unsigned char digits[19];
    int at = 18, bit;
    memset(digits, 0, sizeof digits);
    for (bit = 0; bit < 128; bit++)
        if (uuid[15 - bit / 8] >> (bit % 8) & 1)
            digits[18 - bit / 7] |= 1 << (bit % 7);
    for (at = 0; at < 18 && digits[at] == 0; at++) {
    }
    role_arc[role_arc_size++] = 2 * 40 + 25;
    for (; at < 19; at++)
        role_arc[role_arc_size++] = digits[at] | (at < 18 ? 0x80 : 0);
    role_arc[role_arc_size++] = 1;
}

/* Everything that the device holds against the host is held here: wolfSSL has not sent its own certificate yet.
 * A device judges no times: it has no clock to rely on, only the floor. */
static int check_host(int good, WOLFSSL_X509_STORE_CTX *store)
{
    const unsigned char *der;
    size_t size;
    int time = store->error == ASN_BEFORE_DATE_E || store->error == ASN_AFTER_DATE_E
               || store->error == X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD
               || store->error == X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD;
    if (!good && !time) {
        fprintf(stderr, "chain: %s\n", wolfSSL_ERR_reason_error_string(store->error));
        return 0;
    }
    if (store->error_depth != 0)
        return 1;
    der = store->certs[0].buffer;
    size = store->certs[0].length;
    if (!memmem(der, size, role_arc, role_arc_size)) {
        fprintf(stderr, "role: it has none\n");
        return 0;
    }
    return 1;
}

static int from_host(WOLFSSL *tls, char *room, int size, void *context)
{
    ssize_t got = read(STDIN_FILENO, room, size);
    (void)tls, (void)context;
    return got > 0 ? (int)got : WOLFSSL_CBIO_ERR_CONN_CLOSE;
}

static int to_host(WOLFSSL *tls, char *data, int size, void *context)
{
    ssize_t put = write(STDOUT_FILENO, data, size);
    (void)tls, (void)context;
    return put > 0 ? (int)put : WOLFSSL_CBIO_ERR_GENERAL;
}

static int complain(WOLFSSL *tls, int result, const char *what)
{
    char text[WOLFSSL_MAX_ERROR_SZ];
    int error = wolfSSL_get_error(tls, result);
    fprintf(stderr, "%s: %s (%d)\n", what, wolfSSL_ERR_error_string(error, text), error);
    return 1;
}

int main(int count, char **path)
{
    int groups[] = {WOLFSSL_ECC_SECP256R1}, got;
    char room[4096];
    WOLFSSL_CTX *context;
    WOLFSSL *tls;

    make_role_arc();
    wolfSSL_Init();
    context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    if (count != 4 || !context
        || wolfSSL_CTX_load_verify_locations(context, path[1], NULL) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_use_certificate_chain_file(context, path[2]) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_use_PrivateKey_file(context, path[3], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_set_groups(context, groups, 1) != WOLFSSL_SUCCESS
        || wolfSSL_CTX_set_cipher_list(context, "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384")
               != WOLFSSL_SUCCESS
        || wolfSSL_CTX_UseMaxFragment(context, WOLFSSL_MFL_2_9) != WOLFSSL_SUCCESS) {
        fprintf(stderr, "usage: wolfssl_device ROOT.pem CHAIN.pem KEY.pem\n");
        return 2;
    }
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, check_host);
    wolfSSL_CTX_SetIORecv(context, from_host);
    wolfSSL_CTX_SetIOSend(context, to_host);
    tls = wolfSSL_new(context);
    if ((got = wolfSSL_connect(tls)) != WOLFSSL_SUCCESS)
        return complain(tls, got, "handshake");
    fprintf(stderr, "connected %s %s\n", wolfSSL_get_version(tls), wolfSSL_get_cipher_name(tls));
    while ((got = wolfSSL_read(tls, room, sizeof room)) > 0) {
        int sent = 0, put;
        while (sent < got) {
            int size = got - sent < RECORD ? got - sent : RECORD;
            if ((put = wolfSSL_write(tls, room + sent, size)) <= 0)
                return complain(tls, put, "write");
            sent += put;
        }
    }
    if (wolfSSL_get_error(tls, got) != WOLFSSL_ERROR_ZERO_RETURN)
        return complain(tls, got, "read");
    wolfSSL_shutdown(tls);
    wolfSSL_free(tls);
    wolfSSL_CTX_free(context);
    return 0;
}
