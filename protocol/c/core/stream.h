/* Bulk streams to the host: offsets, credit, and whose turn it is (spec: Streams). */
#ifndef BWC_STREAM_H
#define BWC_STREAM_H

#include "frame.h"

struct bwc_device;

struct bwc_stream {
    uint32_t id; /* of the request that opened it; 0: none */
    uint8_t recording;
    bool table;       /* the chunk table, else footage */
    uint32_t begin;   /* offset in the segment of its first byte */
    uint32_t sent, length;
    uint64_t limit;
};

struct bwc_streams {
    struct bwc_stream all[BWC_STREAMS];
    uint8_t turn;
};

/* For commands: answers the request that is worked on by opening a stream. */
void bwc_stream_open(struct bwc_device *device, unsigned recording, bool table, uint32_t begin, uint32_t length);
bool bwc_stream_known(const struct bwc_device *device, uint32_t id);
unsigned bwc_streams_open(const struct bwc_device *device);

/* For messages: false where the host breaks a rule. */
bool bwc_stream_credit(struct bwc_device *device, uint32_t id, uint64_t limit);
bool bwc_stream_heard_end(struct bwc_device *device, uint32_t id, const struct bwc_stream_end *end);
bool bwc_stream_cancel(struct bwc_device *device, uint32_t id);
void bwc_stream_end_all(struct bwc_device *device);

/* For the channel, which has nothing else to say: seals the next piece, if one has credit. */
void bwc_stream_fill(struct bwc_device *device);

#endif
