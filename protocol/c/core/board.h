/* What the core asks of a board: a firmware author writes these for his hardware, and a loop that calls device.h. */
#ifndef BWC_BOARD_H
#define BWC_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sends bytes on a pipe, in order; may wait for room as long as it goes on receiving meanwhile (CHN-020), or drop all
 * of them. */
void bwc_board_send(unsigned pipe, const uint8_t *data, size_t size);

/* Fresh random bytes: from a generator in hardware, never from the time. */
void bwc_board_random(uint8_t *to, size_t size);

/* Small blocks that outlive a power cut: whole as they were, or whole as they are now. Block 0 is what the device
 * knows, 1 and on are its log. False: there is none of this size, or storage has failed. */
bool bwc_board_load(unsigned block, void *to, size_t size);
bool bwc_board_store(unsigned block, const void *from, size_t size);

/* Who the device is, and what the numbers of a listing cannot tell. */
struct bwc_identity {
    const char *manufacturer, *model, *serial, *hardware, *firmware;
    const uint8_t *firmware_sha256; /* 32 bytes */
    uint32_t capabilities;          /* LAB, with SIMULATOR where it is none of a camera's hardware */
};
extern const struct bwc_identity bwc_board_identity;

/* Readings. */
struct bwc_health {
    uint8_t charge_pct, charging, health_pct;
    uint16_t voltage_mv, cycles;
    int16_t temperature_dc;
    int32_t current_ma;
    uint32_t time_left_s; /* UINT32_MAX: not known, as while it charges */
    uint8_t ext_csd_rev, pre_eol, life_time_a, life_time_b;
    uint16_t bad_blocks;
    uint64_t written_bytes, capacity_bytes, free_bytes;
    bool docked;
};
void bwc_board_health(struct bwc_health *health);

/* Footage that was recorded, numbered from 0: facts, and bytes of its one segment. */
struct bwc_footage {
    uint32_t size_bytes, duration_ms;
    int64_t started_utc_ns;
};
unsigned bwc_board_recordings(void);
void bwc_board_recording(unsigned recording, struct bwc_footage *footage);
bool bwc_board_footage(unsigned recording, uint32_t offset, uint8_t *to, size_t size);

#endif
