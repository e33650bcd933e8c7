#include "frame.h"

#include <string.h>

#include "board.h"
#include "crc.h"
#include "defects.h"

#define PARTIAL BWC_MS(200) /* silence inside a frame that ends it */

void bwc_parser_begin(struct bwc_parser *parser)
{
    parser->fill = parser->used = 0;
    parser->wanted = BWC_HEADER;
}

size_t bwc_parser_take(struct bwc_parser *parser, const uint8_t *data, size_t size, bwc_time now)
{
    size_t take = parser->wanted - parser->fill;
    if (take > size)
        take = size;
    memcpy(parser->bytes + parser->fill, data, take);
    parser->fill += (uint32_t)take;
    parser->last = now;
    return take;
}

/* Whether the bytes at the front are a whole frame; `used` then says how long it is, else how much is no frame. */
static bool at_front(struct bwc_parser *parser, uint16_t most, struct bwc_frame *frame)
{
    const uint8_t *at = parser->bytes;
    uint32_t length, whole;
    parser->wanted = BWC_HEADER;
    if (parser->fill && (at[0] != 0xb3 || (parser->fill > 1 && at[1] != 0x57)))
        goto bad;
    if (parser->fill < BWC_HEADER)
        return false;
    if (bwc_crc32c(0, at, 20) != bwc_get(at + 20, 4) && !DEFECT(HEADER_CRC))
        goto bad;
    frame->type = at[2] & 15;
    length = (uint32_t)bwc_get(at + 14, 2);
    if (length > (frame->type == BWC_FRAME_TYPE_DATA ? most : BWC_CONTROL_MAX)) /* FRM-003 */
        goto bad;
    whole = BWC_HEADER + (length ? length + BWC_CRC : 0);
    if (parser->fill < whole) {
        parser->wanted = whole;
        return false;
    }
    if (length && !DEFECT(PAYLOAD_CRC)
        && bwc_crc32c((uint32_t)bwc_get(at + 20, 4), at + BWC_HEADER, length) != bwc_get(at + BWC_HEADER + length, 4))
        goto bad;
    frame->version = at[2] >> 4;
    frame->channel = at[3];
    frame->link = (uint32_t)bwc_get(at + 4, 4);
    frame->epoch = at[8];
    frame->window = at[9];
    frame->seq = (uint16_t)bwc_get(at + 10, 2);
    frame->ack = (uint16_t)bwc_get(at + 12, 2);
    frame->length = (uint16_t)length;
    frame->payload = at + BWC_HEADER;
    parser->used = whole;
    return true;
bad:
    parser->used = DEFECT(SKIPS_FRAME) ? parser->fill : 1;
    return false;
}

bool bwc_parser_next(struct bwc_parser *parser, uint16_t most, struct bwc_frame *frame)
{
    for (;;) {
        const uint8_t *rest = parser->bytes + parser->used, *end = parser->bytes + parser->fill;
        if (parser->used) {
            while (rest < end && *rest != 0xb3)
                rest++;
            parser->fill = (uint32_t)(end - rest);
            memmove(parser->bytes, rest, parser->fill);
            parser->used = 0;
        }
        if (at_front(parser, most, frame))
            return true;
        if (!parser->used)
            return false;
    }
}

bool bwc_parser_expire(struct bwc_parser *parser, bwc_time now)
{
    if (!parser->fill || parser->used || now < parser->last + PARTIAL || DEFECT(PARTIAL_FOR_EVER))
        return false;
    parser->used = 1;
    return true;
}

bwc_time bwc_parser_deadline(const struct bwc_parser *parser)
{
    return parser->fill && !DEFECT(PARTIAL_FOR_EVER) ? parser->last + PARTIAL : BWC_NEVER;
}

void bwc_frame_send(unsigned pipe, const struct bwc_frame *frame)
{
    uint8_t header[BWC_HEADER] = {0xb3, 0x57, (uint8_t)(1 << 4 | frame->type), frame->channel};
    uint8_t crc[BWC_CRC];
    bwc_put(header + 4, 4, frame->link);
    header[8] = frame->epoch;
    header[9] = frame->window;
    bwc_put(header + 10, 2, frame->seq);
    bwc_put(header + 12, 2, frame->ack);
    bwc_put(header + 14, 2, frame->length);
    bwc_put(header + 20, 4, bwc_crc32c(0, header, 20)); /* bytes 16 to 19: sack, always 0 with one slot */
    bwc_board_send(pipe, header, sizeof header);
    if (frame->length) {
        bwc_put(crc, 4, bwc_crc32c((uint32_t)bwc_get(header + 20, 4), frame->payload, frame->length));
        bwc_board_send(pipe, frame->payload, frame->length);
        bwc_board_send(pipe, crc, sizeof crc);
    }
}
