#include "device.h"

#include <string.h>

#include "board.h"

void bwc_boot(struct bwc_device *d, bwc_time now)
{
    memset(d, 0, sizeof *d);
    d->now = now;
    if (!bwc_board_load(0, &d->state, sizeof d->state)) {
        memset(&d->state, 0, sizeof d->state);
        d->state.log_first = d->state.clock_revision = d->state.config_revision = 1;
        bwc_config_defaults(d);
    }
    d->state.boot_counter++;
    d->session.state = BWC_OVER;
    for (unsigned i = 0; i < BWC_PIPES; i++)
        bwc_parser_begin(&d->pipes[i].parser);
    bwc_channel_begin(d);
    bwc_clock_begin(d);
    bwc_audit_begin(d);
    bwc_recordings_begin(d);
    bwc_keep(d);
    bwc_audit(d, BWC_AUDIT_KIND_BOOT, "power on", 0);
}

bool bwc_keep(struct bwc_device *d) { return bwc_board_store(0, &d->state, sizeof d->state); }

void bwc_receive(struct bwc_device *d, unsigned pipe, const uint8_t *data, size_t size, bwc_time now)
{
    d->now = now;
    bwc_link_receive(d, pipe, data, size);
}

void bwc_pipe_lost(struct bwc_device *d, unsigned pipe) { bwc_link_lost(d, pipe); }

void bwc_tick(struct bwc_device *d, bwc_time now)
{
    d->now = now;
    bwc_link_tick(d);
    bwc_channel_tick(d);
    bwc_session_tick(d);
}

bwc_time bwc_deadline(const struct bwc_device *d)
{
    bwc_time due = bwc_link_deadline(d);
    if (bwc_channel_deadline(d) < due)
        due = bwc_channel_deadline(d);
    return bwc_session_deadline(d) < due ? bwc_session_deadline(d) : due;
}
