#include "link.h"

#include <string.h>

#include "board.h"
#include "defects.h"
#include "device.h"

#define PING_AFTER BWC_MS(1000)
#define DEAD_AFTER BWC_MS(5000)
#define BYE_EVERY BWC_MS(1000)
#define RETRY_AFTER_MS 1000
#define MIN_PAYLOAD 20
#define HELLO_SIZE 12
#define BYE_SIZE 12

static void hear(struct bwc_device *d, unsigned pipe, const struct bwc_frame *frame);

/* DATA may be as long as the larger of what was agreed; before that, as what is offered (FRM-003). */
static uint16_t most(const struct bwc_device *d, unsigned pipe)
{
    const struct bwc_grant *candidate = &d->pipes[pipe].candidate, *live = &d->link.live;
    uint16_t known = candidate->link ? candidate->max_payload : 0;
    if (live->link && d->link.pipe == pipe && live->max_payload > known)
        known = live->max_payload;
    return known ? known : BWC_MAX_PAYLOAD;
}

void bwc_link_receive(struct bwc_device *d, unsigned pipe, const uint8_t *data, size_t size)
{
    struct bwc_parser *parser = &d->pipes[pipe].parser;
    struct bwc_frame frame;
    while (bwc_parser_expire(parser, d->now))
        while (bwc_parser_next(parser, most(d, pipe), &frame))
            hear(d, pipe, &frame);
    while (size) {
        size_t took = bwc_parser_take(parser, data, size, d->now);
        data += took;
        size -= took;
        while (bwc_parser_next(parser, most(d, pipe), &frame))
            hear(d, pipe, &frame);
    }
}

void bwc_link_send(struct bwc_device *d, struct bwc_frame *frame)
{
    frame->link = d->link.live.link;
    bwc_frame_send(d->link.pipe, frame);
}

static void end(struct bwc_device *d)
{
    d->link.live.link = 0;
    bwc_channel_end(d);
}

void bwc_link_lost(struct bwc_device *d, unsigned pipe)
{
    bwc_parser_begin(&d->pipes[pipe].parser);
    d->pipes[pipe].candidate.link = 0;
    if (d->link.live.link && d->link.pipe == pipe)
        end(d);
}

/* Opening */

static void bye(unsigned pipe, uint32_t link, uint32_t host_nonce, uint8_t reason)
{
    uint8_t payload[BYE_SIZE] = {0};
    bwc_put(payload, 4, host_nonce);
    bwc_put(payload + 4, 4, reason == BWC_BYE_REASON_BUSY ? RETRY_AFTER_MS : 0);
    payload[8] = reason;
    bwc_frame_send(pipe,
                   &(struct bwc_frame){.type = BWC_FRAME_TYPE_BYE, .link = link, .length = BYE_SIZE, .payload = payload});
}

static void nominate(struct bwc_device *d, struct bwc_grant *candidate, uint32_t host_nonce, uint16_t max_payload)
{
    uint8_t drawn[4];
    do { /* LNK-005 */
        bwc_board_random(drawn, sizeof drawn);
        candidate->link = (uint32_t)bwc_get(drawn, 4);
    } while (!candidate->link || candidate->link == d->link.live.link || candidate->link == d->link.last_nonce);
    d->link.last_nonce = candidate->link;
    candidate->host_nonce = host_nonce;
    candidate->max_payload = max_payload < BWC_MAX_PAYLOAD ? max_payload : BWC_MAX_PAYLOAD;
}

static void hello(struct bwc_device *d, unsigned pipe, const struct bwc_frame *frame)
{
    const uint8_t *at = frame->payload;
    struct bwc_grant *live = &d->link.live, *candidate = &d->pipes[pipe].candidate, *known;
    uint32_t host_nonce;
    uint16_t max_payload;
    uint8_t ack[8];
    if (frame->length < HELLO_SIZE) /* FRM-009 */
        return;
    host_nonce = (uint32_t)bwc_get(at, 4);
    max_payload = (uint16_t)bwc_get(at + 4, 2);
    if (live->link && d->link.pipe != pipe) { /* LNK-008 */
        bye(pipe, 0, host_nonce, BWC_BYE_REASON_BUSY);
        return;
    }
    if (at[6] > 1 || at[7] < 1) { /* LNK-018 */
        bye(pipe, 0, host_nonce, BWC_BYE_REASON_VERSION);
        return;
    }
    if (max_payload < MIN_PAYLOAD || !at[8]) { /* LNK-017 */
        bye(pipe, 0, host_nonce, BWC_BYE_REASON_PROTOCOL);
        return;
    }
    known = live->link && live->host_nonce == host_nonce ? live : candidate;
    if (!known->link || known->host_nonce != host_nonce || DEFECT(FRESH_HELLO_ACK)) /* LNK-002 */
        nominate(d, known = candidate, host_nonce, max_payload);
    bwc_put(ack, 4, known->host_nonce);
    bwc_put(ack + 4, 2, known->max_payload);
    ack[6] = 1; /* version */
    ack[7] = 1; /* window */
    bwc_frame_send(pipe, &(struct bwc_frame){.type = BWC_FRAME_TYPE_HELLO_ACK, .link = known->link,
                                             .length = sizeof ack, .payload = ack});
    if (DEFECT(HELLO_ENDS_LINK) && live->link && known == candidate)
        end(d);
}

static void heard_bye(struct bwc_device *d, unsigned pipe, const struct bwc_frame *frame)
{
    struct bwc_grant *candidate = &d->pipes[pipe].candidate;
    if (frame->length < BYE_SIZE || !frame->link)
        return;
    if (frame->link == candidate->link) /* LNK-021 */
        candidate->link = 0;
    else if (frame->link == d->link.live.link && d->link.pipe == pipe) /* LNK-011 */
        end(d);
}

/* The first valid frame of the candidate makes it live, and ends what was (LNK-003, LNK-004). */
static void elect(struct bwc_device *d, unsigned pipe)
{
    struct bwc_grant elected = d->pipes[pipe].candidate;
    if (d->link.live.link)
        end(d);
    d->link.live = elected;
    d->link.pipe = (uint8_t)pipe;
    for (unsigned i = 0; i < BWC_PIPES; i++)
        d->pipes[i].candidate.link = 0;
    bwc_channel_begin(d);
}

static void hear(struct bwc_device *d, unsigned pipe, const struct bwc_frame *frame)
{
    struct bwc_link *link = &d->link;
    uint32_t candidate = d->pipes[pipe].candidate.link;
    if (frame->type == BWC_FRAME_TYPE_HELLO) {
        hello(d, pipe, frame);
        return;
    }
    if (frame->type == BWC_FRAME_TYPE_BYE) {
        heard_bye(d, pipe, frame);
        return;
    }
    if (frame->type < BWC_FRAME_TYPE_DATA || frame->type > BWC_FRAME_TYPE_BYE || frame->version != 1) /* LNK-020 */
        return;
    if (!frame->link || (frame->link != candidate && (frame->link != link->live.link || link->pipe != pipe))) {
        if (frame->link && d->now >= link->bye && !DEFECT(NO_UNKNOWN_LINK)) { /* LNK-010 */
            bye(pipe, frame->link, 0, BWC_BYE_REASON_UNKNOWN_LINK);
            link->bye = d->now + BYE_EVERY;
        }
        return;
    }
    if (candidate && frame->link == candidate)
        elect(d, pipe);
    link->heard = d->now;
    link->ping = d->now + PING_AFTER;
    if (frame->channel <= BWC_MAX_CHANNEL) /* LNK-022 */
        bwc_channel_hear(d, frame);
}

/* Alive */

void bwc_link_tick(struct bwc_device *d)
{
    struct bwc_link *link = &d->link;
    for (unsigned i = 0; i < BWC_PIPES; i++)
        if (bwc_parser_deadline(&d->pipes[i].parser) <= d->now)
            bwc_link_receive(d, i, 0, 0);
    if (!link->live.link)
        return;
    if (d->now >= link->heard + DEAD_AFTER && !DEFECT(NEVER_SILENT)) { /* LNK-015 */
        bye(link->pipe, link->live.link, 0, BWC_BYE_REASON_SILENT);
        end(d);
    } else if (d->now >= link->ping) { /* LNK-013, LNK-023 */
        link->ping = d->now + PING_AFTER;
        if (!DEFECT(NO_PING))
            bwc_channel_ping(d);
    }
}

bwc_time bwc_link_deadline(const struct bwc_device *d)
{
    const struct bwc_link *link = &d->link;
    bwc_time due = BWC_NEVER;
    for (unsigned i = 0; i < BWC_PIPES; i++)
        if (bwc_parser_deadline(&d->pipes[i].parser) < due)
            due = bwc_parser_deadline(&d->pipes[i].parser);
    if (link->live.link && link->ping < due)
        due = link->ping;
    return due;
}
