#include "session.h"

#include <string.h>

#include "board.h"
#include "defects.h"
#include "device.h"
#include "protection.h"
#include "sha256.h"

#define PREAMBLE_SIZE 32
#define READY_WITHIN BWC_MS(10000)
#define LINGER BWC_MS(1000)
#define RECORD_HEADER 4
#define RECORD_MAX 65536
#define HANDSHAKE_MAX (16384 - RECORD_HEADER)
#define HANDSHAKE_KEPT (2u + BWC_IDENTITY_MAX + 4 + 16)
#define NEWEST_MINOR 2
#define MAX_PLAINTEXT 65536 /* plaintext is worked on as it comes: it needs no room */
#define MIN_PLAINTEXT 512

void bwc_session_begin(struct bwc_device *d)
{
    memset(&d->session, 0, sizeof d->session);
    d->session.due = d->now + READY_WITHIN;
    bwc_message_begin(d);
}

void bwc_session_end(struct bwc_device *d)
{
    if (d->session.state == BWC_READY)
        bwc_audit_session_closed(d);
    d->session.state = BWC_OVER;
    d->session.due = BWC_NEVER;
    bwc_message_end(d);
}

void bwc_session_fail(struct bwc_device *d, uint8_t alert, uint8_t reset)
{
    bwc_session_end(d);
    if (alert == BWC_NO_ALERT || (BWC_PROTECTION && alert != BWC_ALERT_CLOSE)) { /* TLS has no such alerts */
        bwc_channel_reset(d, reset);
        return;
    }
#ifdef BWC_TLS
    bwc_tls_close();
#else
    memcpy(bwc_channel_write(d, 5), (uint8_t[]){BWC_RECORD_TYPE_ALERT, 1, 0, 0, alert}, 5);
#endif
    d->session.reset = reset;
    d->session.due = d->now + LINGER;
}

static void malformed(struct bwc_device *d) { bwc_session_fail(d, BWC_ALERT_MALFORMED, BWC_RESET_REASON_PROTOCOL); }

#ifdef BWC_TLS
static uint8_t plaintext[BWC_MAX_PAYLOAD + BWC_ANSWER_MAX]; /* of the next record */

uint8_t *bwc_session_open(struct bwc_device *d) { return (void)d, plaintext; }

void bwc_session_seal(struct bwc_device *d, uint8_t *body, uint32_t size)
{
    (void)d;
    bwc_tls_write(body, size);
}
#else
uint8_t *bwc_session_open(struct bwc_device *d)
{
    return d->channel.out + d->channel.out_fill + RECORD_HEADER;
}

void bwc_session_seal(struct bwc_device *d, uint8_t *body, uint32_t size)
{
    bwc_put(body - RECORD_HEADER, 4, BWC_RECORD_TYPE_DATA | size << 8);
    bwc_channel_write(d, RECORD_HEADER + size);
}
#endif

/* Preamble */

/* The device speaks first in either session. */
static void begin(struct bwc_device *d)
{
#ifdef BWC_TLS
    bwc_tls_begin(d);
#else
    const char *name = bwc_board_identity.serial;
    uint32_t size = (uint32_t)strlen(name), length = 2 + size + 4 + 16;
    uint8_t *at = bwc_channel_write(d, RECORD_HEADER + length);
    bwc_put(at, 4, BWC_RECORD_TYPE_HANDSHAKE | length << 8);
    bwc_put(at + 4, 2, size);
    memcpy(at + 6, name, size);
    memset(at + 6 + size, 0, 4);
    bwc_board_random(at + 10 + size, 16);
#endif
}

static void answer_preamble(struct bwc_device *d, const uint8_t *theirs)
{
    struct bwc_session *s = &d->session;
    struct bwc_sha256 hash;
    uint8_t *ours;
    bool common = theirs[4] < 1 || (theirs[4] == 1 && theirs[5] <= NEWEST_MINOR); /* their oldest is not too new */
    s->minor = theirs[6] > 1 || theirs[7] > NEWEST_MINOR ? NEWEST_MINOR : theirs[7];
    common = common && theirs[6] >= 1 && theirs[9] == BWC_PROTECTION;
    s->peer_limit = (uint32_t)bwc_get(theirs + 12, 4);
    if (theirs[8] != BWC_PEER_KIND_HOST || s->peer_limit < MIN_PLAINTEXT) { /* SES-002 */
        bwc_session_fail(d, BWC_NO_ALERT, BWC_RESET_REASON_PROTOCOL);
        return;
    }
    ours = bwc_channel_write(d, PREAMBLE_SIZE);
    memcpy(ours, "BWC\1\1\0\1\2\2\0\0\0", 12);
    ours[9] = BWC_PROTECTION;
    bwc_put(ours + 12, 4, MAX_PLAINTEXT);
    bwc_board_random(ours + 16, 16);
    s->state = common ? BWC_HANDSHAKE : BWC_NO_COMMON; /* SES-003, SES-019 */
    if (!common)
        return;
    bwc_sha256_begin(&hash);
    bwc_sha256_add(&hash, theirs, PREAMBLE_SIZE);
    bwc_sha256_add(&hash, ours, PREAMBLE_SIZE);
    bwc_sha256_end(&hash, s->binding);
    begin(d);
}

static void take_preamble(struct bwc_device *d, const uint8_t *data, size_t *size)
{
    uint16_t *fill = &d->messages.fill;
    uint8_t *theirs = d->messages.body;
    size_t take = PREAMBLE_SIZE - *fill;
    if (take > *size)
        take = *size;
    memcpy(theirs + *fill, data, take);
    *fill = (uint16_t)(*fill + take);
    *size = take;
    if (memcmp(theirs, "BWC\1", *fill < 4 ? *fill : 4))
        bwc_session_fail(d, BWC_NO_ALERT, BWC_RESET_REASON_PROTOCOL);
    else if (*fill == PREAMBLE_SIZE) {
        *fill = 0;
        answer_preamble(d, theirs);
    } else if (DEFECT(HASTY_PREAMBLE) && *fill >= 16 && *fill - take < 16) {
        memcpy(bwc_channel_write(d, 1), "B", 1);
    }
}

#ifdef BWC_TLS
/* Records of TLS */

static void over(struct bwc_device *d, enum bwc_tls_result how)
{
    if (how == BWC_TLS_CLOSED) { /* SES-016 */
        bwc_session_fail(d, BWC_ALERT_CLOSE, BWC_RESET_REASON_NORMAL);
        return;
    }
    bwc_session_end(d); /* what TLS has to say of it lies in the channel */
    d->session.reset = how == BWC_TLS_REFUSED ? BWC_RESET_REASON_REFUSED : BWC_RESET_REASON_PROTOCOL;
    d->session.due = d->now + LINGER;
}

static void take_tls(struct bwc_device *d)
{
    struct bwc_session *s = &d->session;
    struct bwc_messages *m = &d->messages;
    while (d->channel.state == BWC_OPEN && s->state >= BWC_HANDSHAKE && s->state != BWC_OVER
           && bwc_channel_room(d) >= BWC_ANSWER_MAX) {
        uint8_t piece[64];
        size_t size = m->header_fill < BWC_MESSAGE_HEADER ? 1 : m->left < sizeof piece ? m->left : sizeof piece;
        enum bwc_tls_result how = s->state == BWC_HANDSHAKE ? bwc_tls_shake(s->identity, &s->identity_size, &s->may)
                                                            : bwc_tls_read(piece, &size);
        if (how == BWC_TLS_WAITS)
            return;
        if (how != BWC_TLS_DONE)
            over(d, how);
        else if (s->state == BWC_HANDSHAKE) {
            s->state = BWC_INFO;
            bwc_message_info(d);
        } else
            bwc_message_take(d, piece, &size);
    }
}

static void take_record(struct bwc_device *d, const uint8_t *data, size_t *size)
{
    (void)d;
    bwc_tls_feed(data, *size);
}
#else
/* Records */

static void heard_handshake(struct bwc_device *d)
{
    struct bwc_session *s = &d->session;
    const uint8_t *at = d->messages.body;
    uint16_t fill = d->messages.fill, size = fill < 2 ? 0 : (uint16_t)bwc_get(at, 2);
    d->messages.fill = 0;
    if (fill < 2 || size > BWC_IDENTITY_MAX || fill < 2 + size + 4 + 16 || !bwc_is_text(at + 2, size)) {
        malformed(d); /* SES-014 */
        return;
    }
    memcpy(s->identity, at + 2, size);
    s->identity_size = (uint8_t)size;
    s->may = (uint32_t)bwc_get(at + 2 + size, 4);
    s->state = BWC_INFO;
    bwc_message_info(d);
}

static void heard_alert(struct bwc_device *d, uint8_t alert)
{
    if (alert == BWC_ALERT_CLOSE) /* SES-016 */
        bwc_session_fail(d, BWC_ALERT_CLOSE, BWC_RESET_REASON_NORMAL);
    else
        bwc_session_fail(d, BWC_NO_ALERT, BWC_RESET_REASON_PROTOCOL);
}

static void begin_record(struct bwc_device *d)
{
    struct bwc_session *s = &d->session;
    uint32_t length = s->left = (uint32_t)bwc_get(s->record + 1, 3);
    uint8_t type = s->record[0];
    bool bad = length > RECORD_MAX; /* SES-014 */
    if (type == BWC_RECORD_TYPE_HANDSHAKE) {
        bad |= s->state != BWC_HANDSHAKE || length > HANDSHAKE_MAX;
        if (!bad && !length)
            heard_handshake(d);
    } else if (type == BWC_RECORD_TYPE_DATA) {
        bad |= s->state == BWC_HANDSHAKE;
    } else {
        bad |= type != BWC_RECORD_TYPE_ALERT || length != 1;
    }
    if (bad)
        malformed(d);
    else if (!length)
        s->record_fill = 0;
}

static void take_record(struct bwc_device *d, const uint8_t *data, size_t *size)
{
    struct bwc_session *s = &d->session;
    struct bwc_messages *m = &d->messages;
    if (s->record_fill < RECORD_HEADER) {
        s->record[s->record_fill++] = *data;
        *size = 1;
        if (s->record_fill == RECORD_HEADER)
            begin_record(d);
        return;
    }
    if (*size > s->left)
        *size = s->left;
    if (s->record[0] == BWC_RECORD_TYPE_DATA)
        bwc_message_take(d, data, size);
    else if (s->record[0] == BWC_RECORD_TYPE_HANDSHAKE) {
        size_t keep = HANDSHAKE_KEPT - m->fill < *size ? HANDSHAKE_KEPT - m->fill : *size;
        memcpy(m->body + m->fill, data, keep);
        m->fill = (uint16_t)(m->fill + keep);
    }
    s->left -= (uint32_t)*size;
    if (s->left || s->state == BWC_OVER)
        return;
    s->record_fill = 0;
    if (s->record[0] == BWC_RECORD_TYPE_HANDSHAKE)
        heard_handshake(d);
    else if (s->record[0] == BWC_RECORD_TYPE_ALERT)
        heard_alert(d, *data);
}
#endif

/* Works on what came, step by step, as long as there is room for whatever may be to be said. */
void bwc_session_consume(struct bwc_device *d)
{
    struct bwc_channel *c = &d->channel;
    struct bwc_session *s = &d->session;
    if (s->state == BWC_OVER && c->state == BWC_OPEN && !c->out_fill && s->due != BWC_NEVER) { /* SES-018 */
        bwc_channel_reset(d, s->reset);
        return;
    }
    while (c->state == BWC_OPEN && c->slot_at < c->slot_fill) {
        size_t size = c->slot_fill - c->slot_at;
        const uint8_t *data = c->slot + c->slot_at;
        if (s->state != BWC_OVER && s->state != BWC_NO_COMMON) {
            if (bwc_channel_room(d) < BWC_ANSWER_MAX)
                return;
            if (s->state == BWC_PREAMBLE)
                take_preamble(d, data, &size);
            else
                take_record(d, data, &size);
        }
        c->slot_at = (uint16_t)(c->slot_at + size); /* what comes after the end is dropped (SES-015) */
    }
#ifdef BWC_TLS
    take_tls(d);
#endif
}

/* SESSION_INFO and READY */

void bwc_session_heard_info(struct bwc_device *d, const struct bwc_session_info *info)
{
    struct bwc_session *s = &d->session;
    bool agrees = !s->informed && !memcmp(info->preambles_sha256, s->binding, sizeof s->binding) && info->major == 1
                  && info->minor == s->minor && info->kind == BWC_PEER_KIND_HOST
                  && info->identity.size == s->identity_size
                  && (!info->identity.size || !memcmp(info->identity.at, s->identity, s->identity_size));
    if (!agrees && !DEFECT(ANY_SESSION_INFO)) { /* SES-006, SES-009 */
        malformed(d);
    } else if (!info->roles || (info->roles & ~s->may && !DEFECT(ROLES_FOR_ALL))) { /* SES-020 */
        bwc_session_fail(d, BWC_ALERT_REFUSED, BWC_RESET_REASON_REFUSED);
    } else {
        s->informed = true;
        s->roles = info->roles;
    }
}

void bwc_session_heard_ready(struct bwc_device *d)
{
    struct bwc_session *s = &d->session;
    if (!s->informed || s->state != BWC_INFO) { /* SES-009, SES-017 */
        malformed(d);
        return;
    }
    s->state = BWC_READY;
    s->due = BWC_NEVER;
    bwc_audit_session_opened(d);
}

/* Time */

void bwc_session_tick(struct bwc_device *d)
{
    if (bwc_session_deadline(d) > d->now)
        return;
    if (d->session.state == BWC_OVER)
        bwc_channel_reset(d, d->session.reset);
    else if (!DEFECT(NO_HANDSHAKE_LIMIT)) /* SES-005 */
        bwc_session_fail(d, BWC_NO_ALERT, BWC_RESET_REASON_PROTOCOL);
    else
        d->session.due = BWC_NEVER;
}

bwc_time bwc_session_deadline(const struct bwc_device *d)
{
    return d->channel.state == BWC_OPEN ? d->session.due : BWC_NEVER;
}
