/* Channel 0: a reliable, ordered stream of bytes each way, one frame at a time (spec: Channel). The others are not
 * there (CHN-028). */
#ifndef BWC_CHANNEL_H
#define BWC_CHANNEL_H

#include "frame.h"

struct bwc_device;

enum bwc_channel_state { BWC_CLOSED, BWC_OPEN, BWC_RESETTING };

struct bwc_channel {
    uint8_t state, epoch, reset; /* reset: the reason, while it is repeated */
    uint8_t expiries;            /* of the timer, in a row */
    bool ack_due, probing;
    uint16_t next;               /* number of the next frame of the host */
    uint16_t seq, edge;          /* number of the frame that is under way, or the next; where the host's window ends */
    uint16_t flight;             /* bytes of `out` that are under way */
    bwc_time sent, timer, round_trip;
    bwc_time came;               /* when what is in the slot came */
    uint8_t slot[BWC_MAX_PAYLOAD];
    uint16_t slot_fill, slot_at; /* what is in the slot, and how much of it was taken: the window is open when all is */
    uint32_t out_fill;           /* what waits to be sent, and what is under way before it */
    uint8_t out[BWC_MAX_PAYLOAD + BWC_ANSWER_MAX + 8];
};

/* For the link. */
void bwc_channel_begin(struct bwc_device *device);
void bwc_channel_end(struct bwc_device *device);
void bwc_channel_hear(struct bwc_device *device, const struct bwc_frame *frame);
void bwc_channel_ping(struct bwc_device *device);
void bwc_channel_tick(struct bwc_device *device);
bwc_time bwc_channel_deadline(const struct bwc_device *device);

/* For the session. */
uint32_t bwc_channel_room(const struct bwc_device *device);
uint8_t *bwc_channel_write(struct bwc_device *device, uint32_t size); /* the place; there has to be room */
void bwc_channel_reset(struct bwc_device *device, uint8_t reason);

#endif
