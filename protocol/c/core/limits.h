/* What a board chooses at build time (-DBWC_MAX_PAYLOAD=1024), with the least that the specification allows. */
#ifndef BWC_LIMITS_H
#define BWC_LIMITS_H

#include <stdint.h>

#ifndef BWC_MAX_PAYLOAD /* bytes of payload in the largest frame that is offered: 20 to 61440 (LNK-017) */
#define BWC_MAX_PAYLOAD 244
#endif
#ifndef BWC_PIPES /* ways to this device, such as a bulk endpoint beside a serial port; one host has it at a time */
#define BWC_PIPES 1
#endif
#ifndef BWC_MAX_REQUEST /* longest body of a request that is decoded: 512 at least (MSG-019) */
#define BWC_MAX_REQUEST 512
#endif
#ifndef BWC_STREAMS /* bulk streams at once: a table fits beside footage (STR-012) */
#define BWC_STREAMS 2
#endif
#ifndef BWC_LOG_SLOTS /* entries of the log that fit in the board's storage, and one */
#define BWC_LOG_SLOTS 32
#endif

/* Room for the largest answer with its headers: the device takes a request only while there is so much. */
#define BWC_ANSWER_MAX 460

#if BWC_MAX_PAYLOAD < 20 || BWC_MAX_PAYLOAD > 61440 || BWC_MAX_REQUEST < 512 || BWC_STREAMS < 2 || BWC_STREAMS > 8
#error "beyond the limits of the specification"
#endif

/* Microseconds since the board was switched on. The core never asks for the time: whoever calls it says it. */
typedef uint64_t bwc_time;
#define BWC_MS(ms) ((bwc_time)(ms) * 1000u)
#define BWC_NEVER UINT64_MAX

#endif
