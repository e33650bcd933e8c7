#include "audit.h"

#include <string.h>

#include "board.h"
#include "commands.h"
#include "defects.h"
#include "device.h"
#include "sha256.h"

static unsigned block_of(uint32_t sequence) { return 1 + sequence % BWC_LOG_SLOTS; }

static bool load(struct bwc_entry *entry, uint32_t sequence)
{
    return sequence && bwc_board_load(block_of(sequence), entry, sizeof *entry) && entry->sequence == sequence;
}

/* Finds the newest entry. */
void bwc_audit_begin(struct bwc_device *d)
{
    struct bwc_entry entry;
    for (unsigned block = 1; block <= BWC_LOG_SLOTS; block++)
        if (bwc_board_load(block, &entry, sizeof entry) && entry.sequence > d->log.last) {
            d->log.last = entry.sequence;
            memcpy(d->log.sha256, entry.sha256, sizeof entry.sha256);
        }
}

static void chain(const uint8_t previous[32], struct bwc_entry *entry)
{
    struct bwc_sha256 hash;
    uint8_t fields[8 + 8 + 4 + 1 + 1], size[2];
    bwc_put(fields, 8, entry->sequence);
    bwc_put(fields + 8, 8, (uint64_t)entry->utc_ns);
    bwc_put(fields + 16, 4, entry->boot_counter);
    fields[20] = entry->kind;
    fields[21] = entry->actor_size;
    bwc_put(size, 2, entry->detail_size);
    bwc_sha256_begin(&hash);
    bwc_sha256_add(&hash, "BWC-AUDIT-CHAIN1", 16);
    bwc_sha256_add(&hash, previous, 32);
    bwc_sha256_add(&hash, fields, sizeof fields);
    bwc_sha256_add(&hash, entry->actor, entry->actor_size);
    bwc_sha256_add(&hash, size, sizeof size);
    bwc_sha256_add(&hash, entry->detail, entry->detail_size);
    bwc_sha256_end(&hash, entry->sha256);
}

/* A number in decimal, at most 20 characters. */
static uint8_t *decimal(uint8_t *to, int64_t number)
{
    uint8_t digits[20];
    unsigned count = 0;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    if (number < 0)
        *to++ = '-';
    do
        digits[count++] = (uint8_t)('0' + left % 10);
    while (left /= 10);
    while (count)
        *to++ = digits[--count];
    return to;
}

static bool append(struct bwc_device *d, uint8_t kind, const char *detail, const int64_t *numbers)
{
    struct bwc_entry entry = {.utc_ns = bwc_utc_ns(d, d->now), .sequence = d->log.last + 1,
                              .boot_counter = d->state.boot_counter, .kind = kind};
    bool by_host = d->session.state == BWC_READY;
    const char *actor = by_host ? d->session.identity : bwc_board_identity.serial;
    uint8_t *at = entry.detail;
    entry.actor_size = by_host ? d->session.identity_size : (uint8_t)strlen(actor);
    memcpy(entry.actor, actor, entry.actor_size);
    for (; *detail && at < entry.detail + BWC_DETAIL_MAX - 20; detail++)
        if (*detail == '#')
            at = decimal(at, *numbers++);
        else
            *at++ = (uint8_t)*detail;
    entry.detail_size = (uint8_t)(at - entry.detail);
    chain(d->log.sha256, &entry);
    if (DEFECT(BROKEN_CHAIN))
        entry.sha256[0] ^= 1;
    if (!bwc_board_store(block_of(entry.sequence), &entry, sizeof entry))
        return false;
    d->log.last = entry.sequence;
    memcpy(d->log.sha256, entry.sha256, sizeof entry.sha256);
    return true;
}

/* The block before the oldest entry stays: its hash is what that entry is chained to. */
bool bwc_audit(struct bwc_device *d, uint8_t kind, const char *detail, const int64_t *numbers)
{
    if (d->log.last - d->state.log_first + 2 >= BWC_LOG_SLOTS - 1) { /* AUD-002 */
        d->state.log_first += BWC_LOG_SLOTS / 4;
        if (!bwc_keep(d)
            || !append(d, BWC_AUDIT_KIND_PRUNED, "before #", (const int64_t[]){d->state.log_first}))
            return false;
    }
    return append(d, kind, detail, numbers);
}

void bwc_audit_session_opened(struct bwc_device *d)
{
    bwc_audit(d, BWC_AUDIT_KIND_SESSION_OPENED, "roles #", (const int64_t[]){d->session.roles});
}

void bwc_audit_session_closed(struct bwc_device *d) { bwc_audit(d, BWC_AUDIT_KIND_SESSION_CLOSED, "", 0); }

uint8_t bwc_audit_page(struct bwc_device *d, const void *request)
{
    const struct bwc_read_audit *asked = request;
    struct bwc_entry kept, before;
    struct bwc_audit_entry entry = {0};
    struct bwc_audit_page page = {.entries = {&entry, 0, 1}, .last = d->log.last};
    uint64_t wanted = asked->after + 1 < d->state.log_first ? d->state.log_first : asked->after + 1;
    if (asked->after >= d->log.last) { /* AUD-006 */
        page.previous_sha256 = d->log.sha256;
        page.entries.count = 0;
    } else {
        if (!load(&kept, (uint32_t)wanted) || (wanted > 1 && !load(&before, (uint32_t)wanted - 1)))
            return BWC_ERROR_CODE_STORAGE_FAULT;
        page.previous_sha256 = wanted > 1 ? before.sha256 : 0;
        entry.sequence = kept.sequence;
        entry.utc_ns = kept.utc_ns;
        entry.boot_counter = kept.boot_counter;
        entry.kind = kept.kind;
        entry.actor = (struct bwc_bytes){kept.actor, kept.actor_size};
        entry.detail = (struct bwc_bytes){kept.detail, kept.detail_size};
        entry.sha256 = kept.sha256;
    }
    bwc_reply(d, &BWC_TABLE_AUDIT_PAGE, &page);
    return 0;
}

uint8_t bwc_audit_head(struct bwc_device *d, const void *request)
{
    (void)request;
    bwc_reply(d, &BWC_TABLE_AUDIT_HEAD, &(struct bwc_audit_head){d->log.last, d->log.sha256, d->state.log_first});
    return 0;
}
