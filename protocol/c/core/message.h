/* Messages: what comes in the plaintext, and what answers it (spec: Messages). Requests are worked on one by one. */
#ifndef BWC_MESSAGE_H
#define BWC_MESSAGE_H

#include "frame.h"

struct bwc_device;

#define BWC_MESSAGE_HEADER 12

enum bwc_flags { BWC_REQUEST = 0, BWC_REPLY = 1, BWC_ERROR = 2, BWC_EVENT = 4 };

struct bwc_messages {
    uint8_t header[BWC_MESSAGE_HEADER], header_fill;
    uint32_t left;                 /* bytes of the body that are still to come */
    uint16_t fill;                 /* bytes of the body that are kept */
    uint8_t body[BWC_MAX_REQUEST]; /* before the handshake is over, of the preamble and of its record */
    uint32_t length, request;      /* of the message that is worked on */
    uint16_t opcode;
    uint32_t refused;              /* commands that were refused for want of a role, by their place in the table */
};

/* For the session. */
void bwc_message_begin(struct bwc_device *device);
void bwc_message_end(struct bwc_device *device);
void bwc_message_info(struct bwc_device *device);
void bwc_message_take(struct bwc_device *device, const uint8_t *data, size_t *size);

/* For commands and streams: says a message with this body. bwc_reply answers the request that is worked on. */
void bwc_message_send(struct bwc_device *device, uint16_t opcode, uint16_t flags, uint32_t request,
                      const struct bwc_table *table, const void *body);
void bwc_reply(struct bwc_device *device, const struct bwc_table *table, const void *body);

#endif
