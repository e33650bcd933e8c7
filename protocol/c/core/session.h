/* Preamble and insecure session: who speaks, which version, and records of plaintext (spec: Preamble, Session). It
 * protects nothing, which is why such a device states LAB. */
#ifndef BWC_SESSION_H
#define BWC_SESSION_H

#include "message.h"

enum bwc_session_state {
    BWC_PREAMBLE,
    BWC_NO_COMMON, /* neither version nor protection: the host leaves */
    BWC_HANDSHAKE,
    BWC_INFO,
    BWC_READY,
    BWC_OVER
};

#define BWC_IDENTITY_MAX 64

struct bwc_session {
    uint8_t state, reset; /* reset: what the channel is closed with, once the alert is acknowledged */
    uint8_t minor;        /* of version 1 */
    bwc_time due;         /* when it has to be READY; once it is over, when the channel is closed */
    uint32_t peer_limit;  /* plaintext that the host takes at once */
    uint8_t binding[32];  /* SHA-256 of both preambles */
    uint8_t record[4], record_fill;
    uint32_t left;        /* bytes of the record's body that are still to come */
    char identity[BWC_IDENTITY_MAX + 1];
    uint8_t identity_size;
    uint32_t may, roles;  /* what the handshake gave the host; what its SESSION_INFO asked for */
    bool informed;        /* SESSION_INFO has come */
};

/* For the channel. */
void bwc_session_begin(struct bwc_device *device);
void bwc_session_end(struct bwc_device *device);
void bwc_session_consume(struct bwc_device *device);
void bwc_session_tick(struct bwc_device *device);
bwc_time bwc_session_deadline(const struct bwc_device *device);

/* For messages: where the plaintext of the next record goes, and that it is there; at most 512 bytes, unless the host takes more (SES-004). */
uint8_t *bwc_session_open(struct bwc_device *device);
void bwc_session_seal(struct bwc_device *device, uint8_t *body, uint32_t size);
void bwc_session_heard_info(struct bwc_device *device, const struct bwc_session_info *info);
void bwc_session_heard_ready(struct bwc_device *device);

/* Ends the conversation (spec: Ends of a conversation): with this alert, or with none at once. */
#define BWC_NO_ALERT 255
void bwc_session_fail(struct bwc_device *device, uint8_t alert, uint8_t reset);

#endif
