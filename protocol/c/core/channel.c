#include "channel.h"

#include <string.h>

#include "board.h"
#include "defects.h"
#include "device.h"

#define TIMER_INITIAL BWC_MS(250)
#define TIMER_FLOOR BWC_MS(100) /* above the pauses of a busy host */
#define TIMER_MAX BWC_MS(2000)
#define RETRIES 12 /* some 17 s */
#define RESET_MAX BWC_MS(1000)
#define RESET_SIZE 4
#define FIRST_EPOCH 255

void bwc_channel_begin(struct bwc_device *d)
{
    d->channel.state = BWC_CLOSED;
    d->channel.epoch = FIRST_EPOCH;
    d->channel.round_trip = 0;
}

static void close_as(struct bwc_device *d, enum bwc_channel_state state)
{
    if (d->channel.state == BWC_OPEN)
        bwc_session_end(d);
    d->channel.state = state;
    d->channel.probing = false;
    d->channel.out_fill = d->channel.flight = d->channel.slot_fill = d->channel.slot_at = 0; /* CHN-010 */
}

void bwc_channel_end(struct bwc_device *d) { close_as(d, BWC_CLOSED); }

/* Saying */

static void say(struct bwc_device *d, uint8_t type, uint8_t channel, uint8_t epoch, uint16_t seq, const uint8_t *payload,
                uint16_t length)
{
    struct bwc_channel *c = &d->channel;
    struct bwc_frame frame = {.type = type, .channel = channel, .epoch = epoch, .seq = seq, .length = length,
                              .payload = payload};
    if (!channel && c->state == BWC_OPEN && epoch == c->epoch && type != BWC_FRAME_TYPE_RESET) {
        frame.ack = DEFECT(ACKS_AHEAD) ? (uint16_t)(c->next + 1) : c->next;
        frame.window = c->slot_fill == 0;
        if (type == BWC_FRAME_TYPE_DATA || type == BWC_FRAME_TYPE_ACK)
            c->ack_due = false;
    }
    bwc_link_send(d, &frame);
}

static void acknowledge(struct bwc_device *d) { say(d, BWC_FRAME_TYPE_ACK, 0, d->channel.epoch, 0, 0, 0); }

static void say_reset(struct bwc_device *d, uint8_t channel, uint8_t epoch, uint8_t reason)
{
    uint8_t payload[RESET_SIZE] = {reason};
    say(d, BWC_FRAME_TYPE_RESET, channel, epoch, 0, payload, sizeof payload);
}

void bwc_channel_ping(struct bwc_device *d) { say(d, BWC_FRAME_TYPE_PING, 0, d->channel.epoch, d->channel.seq, 0, 0); }

static bool window_open(const struct bwc_channel *c) { return (int16_t)(c->edge - c->seq) > 0; }

/* The next frame, if none is under way, or the same again. */
static void send_data(struct bwc_device *d)
{
    struct bwc_channel *c = &d->channel;
    c->probing = false;
    if (!c->flight) {
        c->flight = (uint16_t)(c->out_fill < d->link.live.max_payload ? c->out_fill : d->link.live.max_payload);
        c->expiries = 0;
        c->timer = c->round_trip ? 2 * c->round_trip + TIMER_FLOOR : TIMER_INITIAL;
    }
    c->sent = d->now;
    say(d, BWC_FRAME_TYPE_DATA, 0, c->epoch, c->seq, c->out, c->flight);
}

static void pump(struct bwc_device *d)
{
    struct bwc_channel *c = &d->channel;
    if (c->state != BWC_OPEN || c->flight)
        return;
    if (!c->out_fill)
        bwc_stream_fill(d);
    if (c->out_fill && (window_open(c) || DEFECT(IGNORES_WINDOW)))
        send_data(d);
    else if (c->out_fill && !c->probing) { /* CHN-018: probe the window of 0; what is heard meanwhile delays nothing */
        c->probing = true;
        c->sent = d->now;
        c->timer = RESET_MAX;
    }
}

uint32_t bwc_channel_room(const struct bwc_device *d) { return (uint32_t)sizeof d->channel.out - d->channel.out_fill; }

uint8_t *bwc_channel_write(struct bwc_device *d, uint32_t size)
{
    uint8_t *at = d->channel.out + d->channel.out_fill;
    d->channel.out_fill += size;
    return at;
}

void bwc_channel_reset(struct bwc_device *d, uint8_t reason)
{
    close_as(d, BWC_RESETTING);
    d->channel.reset = reason;
    d->channel.timer = TIMER_INITIAL;
    d->channel.sent = d->now;
    say_reset(d, 0, d->channel.epoch, reason);
}

/* Hearing */

static void work(struct bwc_device *d)
{
    struct bwc_channel *c = &d->channel;
    bwc_session_consume(d);
    if (c->slot_fill && c->slot_at == c->slot_fill) {
        c->slot_fill = c->slot_at = 0;
        c->ack_due = true; /* the window opens again */
    }
    pump(d);
    if (c->state == BWC_OPEN && c->ack_due) /* CHN-016, unless DATA has just said it */
        acknowledge(d);
}

static void heard_reset(struct bwc_device *d, const struct bwc_frame *frame)
{
    struct bwc_channel *c = &d->channel;
    bool answer;
    if (frame->length < RESET_SIZE)
        return;
    answer = frame->payload[0] == BWC_RESET_REASON_ANSWER; /* CHN-005 */
    if (frame->channel) {
        if (!answer)
            say_reset(d, frame->channel, frame->epoch, BWC_RESET_REASON_ANSWER); /* CHN-028 */
        return;
    }
    if (frame->epoch == c->epoch)
        close_as(d, BWC_CLOSED);
    else if (frame->epoch == (uint8_t)(c->epoch + 1) && c->state != BWC_OPEN && !answer) { /* CHN-007 */
        close_as(d, BWC_CLOSED);
        c->epoch = frame->epoch;
    } else
        return; /* CHN-009 */
    if (!answer && !DEFECT(NO_RESET_ANSWER)) /* CHN-004 */
        say_reset(d, 0, c->epoch, BWC_RESET_REASON_ANSWER);
}

/* What the host reports of what it got, and how much it takes. */
static void heard_state(struct bwc_device *d, const struct bwc_frame *frame)
{
    struct bwc_channel *c = &d->channel;
    uint16_t acked = (uint16_t)(frame->ack - c->seq), edge = (uint16_t)(frame->ack + frame->window);
    if (acked > (c->flight ? 1 : 0)) /* CHN-011 */
        return;
    if (acked) {
        if (!c->expiries) /* Karn: a frame that was sent twice measures nothing */
            c->round_trip = (c->round_trip ? (7 * c->round_trip + d->now - c->sent) / 8 : d->now - c->sent) + 1;
        c->out_fill -= c->flight;
        memmove(c->out, c->out + c->flight, c->out_fill);
        c->flight = 0;
        c->seq++;
    }
    if ((int16_t)(edge - c->edge) > 0) /* CHN-012 */
        c->edge = edge;
}

static void heard_data(struct bwc_device *d, const struct bwc_frame *frame)
{
    struct bwc_channel *c = &d->channel;
    bool taken = c->slot_fill == 0 && frame->seq == c->next;
    if (taken || (DEFECT(DELIVERS_TWICE) && !c->slot_fill && frame->seq == (uint16_t)(c->next - 1))) {
        memcpy(c->slot, frame->payload, frame->length);
        c->slot_fill = frame->length;
        c->slot_at = 0;
        c->came = d->now;
        c->next = (uint16_t)(frame->seq + 1);
        c->ack_due = true;
    } else {
        c->ack_due = !DEFECT(SILENT_ON_DUPLICATES); /* a duplicate, a gap, beyond the window (CHN-014, CHN-016) */
    }
}

void bwc_channel_hear(struct bwc_device *d, const struct bwc_frame *frame)
{
    struct bwc_channel *c = &d->channel;
    bool data = frame->type == BWC_FRAME_TYPE_DATA;
    if (frame->type == BWC_FRAME_TYPE_RESET) {
        heard_reset(d, frame);
        return;
    }
    if (data && (!frame->length || frame->length > d->link.live.max_payload)) /* CHN-026 */
        return;
    if (frame->channel) {
        if (frame->type == BWC_FRAME_TYPE_PING)
            say(d, BWC_FRAME_TYPE_PONG, frame->channel, frame->epoch, frame->seq, 0, 0);
        else if (data && !frame->seq)
            say_reset(d, frame->channel, frame->epoch, BWC_RESET_REASON_NO_DEVICE); /* CHN-008 */
        return;
    }
    if (data && !frame->seq && c->state != BWC_OPEN && frame->epoch == (uint8_t)(c->epoch + 1)) { /* CHN-002 */
        c->state = BWC_OPEN;
        c->epoch = frame->epoch;
        c->next = c->seq = c->edge = 0;
        c->probing = false;
        bwc_session_begin(d);
    }
    if (c->state == BWC_OPEN && frame->epoch == c->epoch) { /* CHN-017 */
        heard_state(d, frame);
        if (data)
            heard_data(d, frame);
    } else if (frame->type != BWC_FRAME_TYPE_PING) {
        return;
    }
    if (frame->type == BWC_FRAME_TYPE_PING)
        say(d, BWC_FRAME_TYPE_PONG, 0, frame->epoch, DEFECT(PONG_FORGETS) ? 0 : frame->seq, 0, 0); /* LNK-014 */
    if (c->state == BWC_OPEN && frame->epoch == c->epoch)
        work(d);
}

/* Time */

void bwc_channel_tick(struct bwc_device *d)
{
    struct bwc_channel *c = &d->channel;
    if (bwc_channel_deadline(d) > d->now)
        return;
    c->timer = 2 * c->timer;
    if (c->state == BWC_RESETTING) { /* CHN-006 */
        c->timer = c->timer < RESET_MAX ? c->timer : RESET_MAX;
        c->sent = d->now;
        say_reset(d, 0, c->epoch, c->reset);
        return;
    }
    c->timer = c->timer < TIMER_MAX ? c->timer : TIMER_MAX;
    if (!c->flight) { /* CHN-018 */
        bwc_channel_ping(d);
        c->sent = d->now;
        c->timer = RESET_MAX;
    } else if (++c->expiries > RETRIES) { /* CHN-024 */
        bwc_channel_reset(d, BWC_RESET_REASON_TIMEOUT);
    } else { /* CHN-025: with one frame under way, its copy is all that could be sent for a PONG that does not report it */
        bwc_channel_ping(d);
        if (DEFECT(CHANGES_COPIES))
            c->out[0] ^= 1;
        send_data(d);
    }
}

bwc_time bwc_channel_deadline(const struct bwc_device *d)
{
    const struct bwc_channel *c = &d->channel;
    bool waits = c->state == BWC_RESETTING || (c->state == BWC_OPEN && c->out_fill);
    return waits && d->link.live.link ? c->sent + c->timer : BWC_NEVER;
}
