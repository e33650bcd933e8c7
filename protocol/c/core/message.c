#include "message.h"

#include <string.h>

#include "board.h"
#include "commands.h"
#include "defects.h"
#include "device.h"
#include "protection.h"

#define BODY_MAX 65524
#define COMMANDS_FROM 0x0100
#define STREAM_DATA 0x11
#define STREAM_DATA_LEAST 9 /* its offset, and a byte */

void bwc_message_begin(struct bwc_device *d)
{
    d->messages.header_fill = 0;
    d->messages.fill = 0;
    d->messages.refused = 0;
    d->recordings.read = 0;
    bwc_stream_end_all(d);
}

void bwc_message_end(struct bwc_device *d)
{
    bwc_stream_end_all(d);
    if (!DEFECT(KEEPS_STAGED))
        bwc_config_drop_staged(d); /* CFG-006 */
}

static void malformed(struct bwc_device *d)
{
    bwc_session_fail(d, BWC_ALERT_MALFORMED, BWC_RESET_REASON_PROTOCOL);
}

/* Saying */

void bwc_message_send(struct bwc_device *d, uint16_t opcode, uint16_t flags, uint32_t request,
                      const struct bwc_table *table, const void *body)
{
    uint8_t *at = bwc_session_open(d);
    size_t size = bwc_encode(table, body, at + BWC_MESSAGE_HEADER, bwc_channel_room(d) - BWC_RECORD_AROUND - BWC_MESSAGE_HEADER);
    bwc_put(at, 4, size);
    bwc_put(at + 4, 2, opcode);
    bwc_put(at + 6, 2, flags);
    bwc_put(at + 8, 4, request);
    bwc_session_seal(d, at, (uint32_t)(BWC_MESSAGE_HEADER + size));
}

void bwc_reply(struct bwc_device *d, const struct bwc_table *table, const void *body)
{
    bwc_message_send(d, d->messages.opcode, BWC_REPLY, d->messages.request, table, body);
}

static void refuse(struct bwc_device *d, uint8_t code)
{
    struct bwc_error_reply error = {.code = code, .retry_after_ms = code == BWC_ERROR_CODE_BUSY ? 1000 : 0};
    bwc_message_send(d, d->messages.opcode, BWC_ERROR, d->messages.request, &BWC_TABLE_ERROR_REPLY, &error);
}

/* The first message of the device. */
void bwc_message_info(struct bwc_device *d)
{
    const struct bwc_identity *known = &bwc_board_identity;
    struct bwc_session_info info = {
        .preambles_sha256 = d->session.binding,
        .major = 1,
        .minor = d->session.minor,
        .kind = BWC_PEER_KIND_CAMERA,
        .identity = {(const uint8_t *)known->serial, (uint16_t)strlen(known->serial)},
        .capabilities = known->capabilities,
        .boot_counter = d->state.boot_counter,
        .firmware_sha256 = known->firmware_sha256,
    };
    bwc_message_send(d, BWC_OP_SESSION_INFO, 0, 0, &BWC_TABLE_SESSION_INFO, &info);
}

/* Hearing */

static void control(struct bwc_device *d)
{
    struct bwc_messages *m = &d->messages;
    union {
        struct bwc_session_info info;
        struct bwc_stream_credit credit;
        struct bwc_stream_end end;
        struct bwc_stream_cancel cancel;
    } as;
    const struct bwc_table *table = m->opcode == BWC_OP_SESSION_INFO     ? &BWC_TABLE_SESSION_INFO
                                    : m->opcode == BWC_OP_SESSION_READY  ? &BWC_TABLE_READY
                                    : m->opcode == BWC_OP_STREAM_CREDIT  ? &BWC_TABLE_STREAM_CREDIT
                                    : m->opcode == BWC_OP_STREAM_END     ? &BWC_TABLE_STREAM_END
                                    : m->opcode == BWC_OP_STREAM_CANCEL  ? &BWC_TABLE_STREAM_CANCEL
                                                                         : 0;
    if (m->opcode == STREAM_DATA)
        return; /* of an upload that there is not (STR-007) */
    if (!table || !bwc_decode(table, m->body, m->fill, &as)) { /* MSG-004, MSG-023 */
        malformed(d);
        return;
    }
    if (m->opcode == BWC_OP_SESSION_INFO)
        bwc_session_heard_info(d, &as.info);
    else if (m->opcode == BWC_OP_SESSION_READY)
        bwc_session_heard_ready(d);
    else if (m->opcode == BWC_OP_STREAM_CREDIT ? !bwc_stream_credit(d, m->request, as.credit.limit)
             : m->opcode == BWC_OP_STREAM_END  ? !bwc_stream_heard_end(d, m->request, &as.end)
                                               : !bwc_stream_cancel(d, m->request))
        malformed(d);
}

/* In the order of the specification's table of errors (MSG-018). */
static uint8_t request(struct bwc_device *d)
{
    struct bwc_messages *m = &d->messages;
    const struct bwc_command *command = bwc_command(m->opcode);
    union bwc_any_request body;
    unsigned place;
    if (d->session.state != BWC_READY && !DEFECT(BEFORE_READY))
        return BWC_ERROR_CODE_NOT_READY;
    if (!command)
        return BWC_ERROR_CODE_UNSUPPORTED;
    place = (unsigned)(command - bwc_commands);
    if (!(command->roles & d->session.roles) && !DEFECT(ANY_ROLE)) { /* ROL-001 */
        if (!(m->refused >> place & 1))
            bwc_audit(d, BWC_AUDIT_KIND_REFUSED, "role for #", (const int64_t[]){m->opcode});
        m->refused |= 1u << place;
        return BWC_ERROR_CODE_NOT_PERMITTED;
    }
    if (bwc_stream_known(d, m->request) || (command->opens_stream && bwc_streams_open(d) == BWC_STREAMS))
        return BWC_ERROR_CODE_BUSY;
    if (m->length > BWC_MAX_REQUEST) /* MSG-020 */
        return BWC_ERROR_CODE_OUT_OF_RANGE;
    if (!m->request || !bwc_decode(command->request, m->body, m->fill, &body)) /* MSG-003 */
        return BWC_ERROR_CODE_MALFORMED;
    return command->carry_out(d, &body);
}

static void complete(struct bwc_device *d)
{
    struct bwc_messages *m = &d->messages;
    uint8_t code;
    m->header_fill = 0;
    if (m->opcode < COMMANDS_FROM) {
        control(d);
    } else {
        code = request(d);
        if (code)
            refuse(d, code);
        else if (DEFECT(ANSWERS_TWICE))
            refuse(d, BWC_ERROR_CODE_INTERNAL);
    }
    m->fill = 0;
}

static void take_header(struct bwc_device *d)
{
    struct bwc_messages *m = &d->messages;
    uint16_t flags = (uint16_t)bwc_get(m->header + 6, 2);
    m->length = m->left = (uint32_t)bwc_get(m->header, 4);
    m->opcode = (uint16_t)bwc_get(m->header + 4, 2);
    m->request = (uint32_t)bwc_get(m->header + 8, 4);
    if (m->length > BODY_MAX || (flags && !DEFECT(ANY_FLAGS))
        || (m->opcode == STREAM_DATA && m->length < STREAM_DATA_LEAST)) /* MSG-004, MSG-024 */
        malformed(d);
}

void bwc_message_take(struct bwc_device *d, const uint8_t *data, size_t *size)
{
    struct bwc_messages *m = &d->messages;
    if (m->header_fill < BWC_MESSAGE_HEADER) {
        m->header[m->header_fill++] = *data;
        *size = 1;
        if (m->header_fill < BWC_MESSAGE_HEADER)
            return;
        take_header(d);
    } else {
        size_t keep = BWC_MAX_REQUEST - m->fill;
        if (*size > m->left)
            *size = m->left;
        if (keep > *size)
            keep = *size;
        memcpy(m->body + m->fill, data, keep);
        m->fill = (uint16_t)(m->fill + keep);
        m->left -= (uint32_t)*size;
    }
    if (!m->left && d->session.state != BWC_OVER)
        complete(d);
}
