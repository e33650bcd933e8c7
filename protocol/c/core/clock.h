/* The clock: UTC by the board's counter and an offset, set within limits (spec: Clock). */
#ifndef BWC_CLOCK_H
#define BWC_CLOCK_H

#include "frame.h"

struct bwc_device;

struct bwc_clock {
    int64_t ahead_ns; /* UTC less what the board counts */
    int64_t moved_ns; /* by ROUTINE and CORRECTION, since it was set anew (CLK-015) */
    int64_t last_set_utc_ns;
    uint64_t uncertainty_ns; /* when it was set */
    bwc_time set;
    uint8_t state, source, assurance;
};

void bwc_clock_begin(struct bwc_device *device);
int64_t bwc_utc_ns(const struct bwc_device *device, bwc_time at);

#endif
