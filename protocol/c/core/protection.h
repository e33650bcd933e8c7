/* What protects a channel where it is not the insecure session (spec: Secure session): built in by -DBWC_TLS, brought by
 * a board with a TLS library, such as boards/posix/tls.c. The device is the client. */
#ifndef BWC_PROTECTION_H
#define BWC_PROTECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bwc_device;

#ifdef BWC_TLS
#define BWC_PROTECTION 1     /* as the preamble names it */
#define BWC_RECORD_AROUND 22 /* bytes of a record beside its plaintext */
#else
#define BWC_PROTECTION 0
#define BWC_RECORD_AROUND 4
#endif

enum bwc_tls_result { BWC_TLS_WAITS, BWC_TLS_DONE, BWC_TLS_CLOSED, BWC_TLS_REFUSED, BWC_TLS_BROKEN };

/* Begins a session, or ends one without a word. What it says goes out by bwc_channel_write, as far as there is room. */
void bwc_tls_begin(struct bwc_device *device);
void bwc_tls_end(void);

/* Bytes of the channel. */
void bwc_tls_feed(const uint8_t *data, size_t size);

/* Goes on with the handshake. DONE: the host has passed every check, and this is its name and what it may. */
enum bwc_tls_result bwc_tls_shake(char *identity, uint8_t *identity_size, uint32_t *roles);

/* Plaintext: DONE, and how much of it there was; seals; says that this was all. */
enum bwc_tls_result bwc_tls_read(uint8_t *to, size_t *size);
void bwc_tls_write(const uint8_t *data, size_t size);
void bwc_tls_close(void);

#endif
