#include "stream.h"

#include <string.h>

#include "board.h"
#include "defects.h"
#include "device.h"
#include "protection.h"

#define AROUND (BWC_RECORD_AROUND + BWC_MESSAGE_HEADER + 8) /* record, message and offset before the bytes of a piece */
#define PIECE_LEAST 64                      /* where frames are smaller than that, a piece takes several */

static struct bwc_stream *find(struct bwc_device *d, uint32_t id)
{
    for (unsigned i = 0; id && i < BWC_STREAMS; i++)
        if (d->streams.all[i].id == id)
            return &d->streams.all[i];
    return 0;
}

bool bwc_stream_known(const struct bwc_device *d, uint32_t id) { return find((struct bwc_device *)d, id) != 0; }

unsigned bwc_streams_open(const struct bwc_device *d)
{
    unsigned count = 0;
    for (unsigned i = 0; i < BWC_STREAMS; i++)
        count += d->streams.all[i].id != 0;
    return count;
}

void bwc_stream_end_all(struct bwc_device *d) { memset(&d->streams, 0, sizeof d->streams); }

void bwc_stream_open(struct bwc_device *d, unsigned recording, bool table, uint32_t begin, uint32_t length)
{
    struct bwc_stream *stream = d->streams.all;
    while (stream->id)
        stream++;
    *stream = (struct bwc_stream){d->messages.request, (uint8_t)recording, table, begin, 0, length, 0};
    bwc_reply(d, &BWC_TABLE_STREAM_OPENED, &(struct bwc_stream_opened){.length = length});
}

bool bwc_stream_credit(struct bwc_device *d, uint32_t id, uint64_t limit)
{
    struct bwc_stream *stream = find(d, id);
    if (!stream)
        return true; /* STR-007 */
    if (limit < stream->limit && !DEFECT(CREDIT_TAKEN_BACK)) /* STR-003 */
        return false;
    stream->limit = limit;
    return true;
}

bool bwc_stream_heard_end(struct bwc_device *d, uint32_t id, const struct bwc_stream_end *end)
{
    struct bwc_stream *stream = find(d, id);
    if (!stream)
        return true;
    stream->id = 0;
    return end->code || (end->offset == stream->length && stream->sent == stream->length); /* STR-004 */
}

bool bwc_stream_cancel(struct bwc_device *d, uint32_t id)
{
    struct bwc_stream *stream = find(d, id);
    if (stream)
        stream->id = 0;
    return true;
}

static void seal(struct bwc_device *d, struct bwc_stream *stream, uint32_t size)
{
    uint8_t *at = bwc_session_open(d), *data = at + BWC_MESSAGE_HEADER + 8;
    uint32_t offset = stream->begin + stream->sent;
    bool read = true;
    if (stream->table)
        bwc_recordings_table(d, stream->recording, offset, data, size);
    else
        read = bwc_board_footage(stream->recording, offset, data, size);
    if (read) {
        bwc_put(at, 4, 8 + size);
        bwc_put(at + 4, 2, 0x11);
        bwc_put(at + 6, 2, 0);
        bwc_put(at + 8, 4, stream->id);
        bwc_put(at + 12, 8, stream->sent);
        bwc_session_seal(d, at, BWC_MESSAGE_HEADER + 8 + size);
        stream->sent += size;
    }
    if (!read || stream->sent == stream->length) { /* STR-004, STR-005 */
        struct bwc_stream_end end = {.offset = stream->sent, .code = read ? 0 : BWC_ERROR_CODE_STORAGE_FAULT};
        bwc_message_send(d, BWC_OP_STREAM_END, 0, stream->id, &BWC_TABLE_STREAM_END, &end);
        stream->id = 0;
    }
}

void bwc_stream_fill(struct bwc_device *d)
{
    uint32_t most = d->link.live.max_payload > AROUND + PIECE_LEAST ? d->link.live.max_payload - AROUND : PIECE_LEAST;
    if (most > d->session.peer_limit - BWC_MESSAGE_HEADER - 8) /* SES-004 */
        most = d->session.peer_limit - BWC_MESSAGE_HEADER - 8;
    for (unsigned i = 0; i < BWC_STREAMS; i++) {
        struct bwc_stream *stream = &d->streams.all[d->streams.turn];
        uint32_t size;
        d->streams.turn = (uint8_t)((d->streams.turn + 1) % BWC_STREAMS);
        if (!stream->id || (stream->limit <= stream->sent && !DEFECT(BEYOND_CREDIT)))
            continue;
        size = stream->length - stream->sent;
        if (stream->limit < stream->length && !DEFECT(BEYOND_CREDIT)) /* STR-001, STR-011 */
            size = (uint32_t)stream->limit - stream->sent;
        seal(d, stream, size < most ? size : most);
        return;
    }
}
