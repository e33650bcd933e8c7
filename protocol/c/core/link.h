/* The link: one live conversation of two ends over one pipe, named by a nonce (spec: Link). */
#ifndef BWC_LINK_H
#define BWC_LINK_H

#include "frame.h"

struct bwc_device;

struct bwc_grant {
    uint32_t link, host_nonce; /* link 0: there is none */
    uint16_t max_payload;
};

struct bwc_pipe {
    struct bwc_parser parser;
    struct bwc_grant candidate;
};

struct bwc_link {
    struct bwc_grant live;
    uint8_t pipe; /* which has the live link */
    uint32_t last_nonce;
    bwc_time heard, ping, bye; /* last frame of the link; next PING; when BYE(UNKNOWN_LINK) may be said again */
};

/* The loop of a board calls these by way of device.h. */
void bwc_link_receive(struct bwc_device *device, unsigned pipe, const uint8_t *data, size_t size);
void bwc_link_lost(struct bwc_device *device, unsigned pipe);
void bwc_link_tick(struct bwc_device *device);
bwc_time bwc_link_deadline(const struct bwc_device *device);

/* Says a frame on the live link. */
void bwc_link_send(struct bwc_device *device, struct bwc_frame *frame);

#endif
