/* The log: numbered, chained by hash, bounded (spec: Audit log). */
#ifndef BWC_AUDIT_H
#define BWC_AUDIT_H

#include "frame.h"

struct bwc_device;

#define BWC_DETAIL_MAX 64

/* An entry as it lies in the board's storage, in the block of its number modulo BWC_LOG_SLOTS, and one. */
struct bwc_entry {
    int64_t utc_ns;
    uint32_t sequence, boot_counter;
    uint8_t kind, actor_size, detail_size, spare;
    uint8_t actor[64], detail[BWC_DETAIL_MAX], sha256[32];
};

struct bwc_log {
    uint32_t last; /* newest entry; the oldest is state.log_first */
    uint8_t sha256[32];
};

void bwc_audit_begin(struct bwc_device *device);

/* Logs it; each # of `detail` is the next of `numbers`. False where storage failed. */
bool bwc_audit(struct bwc_device *device, uint8_t kind, const char *detail, const int64_t *numbers);
void bwc_audit_session_opened(struct bwc_device *device);
void bwc_audit_session_closed(struct bwc_device *device);

#endif
