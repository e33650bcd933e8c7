/* What both boards have recorded before they were switched on: one file, twice. */
#include <string.h>

#include "../core/board.h"
#include "footage.h"

#define STARTED INT64_C(1767258000000000000) /* 2026-01-01 09:00 */
#define DURATION_MS 8000

unsigned bwc_board_recordings(void) { return 2; }

void bwc_board_recording(unsigned recording, struct bwc_footage *facts)
{
    facts->size_bytes = sizeof footage;
    facts->duration_ms = DURATION_MS;
    facts->started_utc_ns = STARTED + recording * INT64_C(3600000000000);
}

bool bwc_board_footage(unsigned recording, uint32_t offset, uint8_t *to, size_t size)
{
    (void)recording;
    memcpy(to, footage + offset, size);
    return true;
}
