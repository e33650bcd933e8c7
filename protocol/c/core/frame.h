/* Frames: a header of 24 bytes, a payload, and the CRCs of both (spec: Frame). */
#ifndef BWC_FRAME_H
#define BWC_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "generated/messages.h"
#include "limits.h"

#define BWC_HEADER 24
#define BWC_CRC 4
#define BWC_CONTROL_MAX 64 /* payload of every frame that is not DATA */
#define BWC_MAX_CHANNEL 64
#define BWC_FRAME_ROOM (BWC_MAX_PAYLOAD > BWC_CONTROL_MAX ? BWC_MAX_PAYLOAD : BWC_CONTROL_MAX)

struct bwc_frame {
    uint8_t version, type, channel, epoch, window;
    uint16_t seq, ack, length;
    uint32_t link;
    const uint8_t *payload;
};

/* What came and is no whole frame yet: after a wrong payload CRC the search goes on inside it (FRM-002). */
struct bwc_parser {
    uint8_t bytes[BWC_HEADER + BWC_FRAME_ROOM + BWC_CRC];
    uint32_t fill, wanted, used;
    bwc_time last; /* when a byte came last */
};

/* A pipe was opened anew (FRM-005). */
void bwc_parser_begin(struct bwc_parser *parser);

/* Takes bytes until there is something to look at; gives how many. Call bwc_parser_next until it gives none. */
size_t bwc_parser_take(struct bwc_parser *parser, const uint8_t *data, size_t size, bwc_time now);

/* The next whole frame. Its payload lies in the parser until the next call. `most` bounds the payload of DATA. */
bool bwc_parser_next(struct bwc_parser *parser, uint16_t most, struct bwc_frame *frame);

/* Gives up a frame that has not grown for 200 ms: look for others behind its first byte (FRM-004). */
bool bwc_parser_expire(struct bwc_parser *parser, bwc_time now);
bwc_time bwc_parser_deadline(const struct bwc_parser *parser);

/* Says it on a pipe. */
void bwc_frame_send(unsigned pipe, const struct bwc_frame *frame);

#endif
