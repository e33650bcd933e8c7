/* A whole device. A board keeps one of these, and calls the functions below from its one loop. */
#ifndef BWC_DEVICE_H
#define BWC_DEVICE_H

#include "audit.h"
#include "channel.h"
#include "clock.h"
#include "config.h"
#include "link.h"
#include "recordings.h"
#include "session.h"
#include "stream.h"

/* Block 0 of the board's storage: what outlives a power cut beside the log. */
struct bwc_state {
    uint32_t boot_counter;
    uint32_t log_first; /* oldest entry that is kept */
    uint32_t clock_revision, config_revision;
    struct bwc_value settings[BWC_SETTINGS];
};

struct bwc_device {
    bwc_time now;
    struct bwc_pipe pipes[BWC_PIPES];
    struct bwc_link link;
    struct bwc_channel channel;
    struct bwc_session session;
    struct bwc_messages messages;
    struct bwc_streams streams;
    struct bwc_clock clock;
    struct bwc_config config;
    struct bwc_recordings recordings;
    struct bwc_log log;
    struct bwc_state state;
};

/* Power comes on: reads what was kept, counts the boot. */
void bwc_boot(struct bwc_device *device, bwc_time now);

/* Bytes of a pipe, in pieces of any size; a pipe that is opened anew or lost, which a UART never says. */
void bwc_receive(struct bwc_device *device, unsigned pipe, const uint8_t *data, size_t size, bwc_time now);
void bwc_pipe_lost(struct bwc_device *device, unsigned pipe);

/* Call bwc_tick when bwc_deadline has come; earlier does no harm. */
void bwc_tick(struct bwc_device *device, bwc_time now);
bwc_time bwc_deadline(const struct bwc_device *device);

/* Keeps `state`; false where storage failed. */
bool bwc_keep(struct bwc_device *device);

#endif
