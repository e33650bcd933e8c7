/* What was recorded: listing, manifests, chunk tables, footage (spec: Recording, Recordings). */
#ifndef BWC_RECORDINGS_H
#define BWC_RECORDINGS_H

#include "frame.h"

struct bwc_device;

#define BWC_RECORDINGS_MAX 4
#define BWC_CHUNK 4096

/* What a camera works out when it closes a recording, and keeps. This one closes what its board has when it boots. */
struct bwc_recording {
    uint8_t id[16], table_sha256[32], manifest_sha256[32];
};

struct bwc_recordings {
    uint8_t count, read; /* read: of which footage was opened in this session, a bit each */
    struct bwc_recording all[BWC_RECORDINGS_MAX];
};

void bwc_recordings_begin(struct bwc_device *device);

/* Bytes of a chunk table. A camera that records has it in its storage. */
void bwc_recordings_table(const struct bwc_device *device, unsigned recording, uint32_t offset, uint8_t *to,
                          uint32_t size);

#endif
