#include "clock.h"

#include "commands.h"
#include "defects.h"
#include "device.h"

#define S INT64_C(1000000000)
#define EARLIEST (INT64_C(1704067200) * S) /* 2024-01-01 */
#define LATEST (INT64_C(4102444800) * S)   /* 2100-01-01 */
#define SYNCED_FOR BWC_MS(86400000)        /* then HOLDOVER */
#define DRIFT_SHIFT 5                      /* microseconds / 2^5 are nanoseconds at 31 ppm: the board's crystal has 20 */

/* A board without a battery for its clock has lost the time whenever it boots (CLK-006). */
void bwc_clock_begin(struct bwc_device *d)
{
    d->clock.ahead_ns = EARLIEST;
    d->clock.state = BWC_CLOCK_STATE_UNSET;
}

int64_t bwc_utc_ns(const struct bwc_device *d, bwc_time at) { return d->clock.ahead_ns + (int64_t)at * 1000; }

static uint64_t uncertainty_ns(const struct bwc_device *d)
{
    if (d->clock.state == BWC_CLOCK_STATE_UNSET)
        return UINT64_MAX; /* CLK-014 */
    return d->clock.uncertainty_ns + ((d->now - d->clock.set) >> DRIFT_SHIFT);
}

uint8_t bwc_clock_read(struct bwc_device *d, const void *request)
{
    const struct bwc_clock *clock = &d->clock;
    bool old = clock->state == BWC_CLOCK_STATE_SYNCED && d->now - clock->set > SYNCED_FOR;
    (void)request;
    bwc_reply(d, &BWC_TABLE_CLOCK_READING,
              &(struct bwc_clock_reading){
                  .utc_ns = bwc_utc_ns(d, d->now),
                  .state = old ? BWC_CLOCK_STATE_HOLDOVER : clock->state,
                  .uncertainty_ns = uncertainty_ns(d),
                  .source = clock->source,
                  .last_set_utc_ns = clock->last_set_utc_ns,
                  .revision = d->state.clock_revision,
                  .assurance = clock->assurance,
              });
    return 0;
}

uint8_t bwc_clock_exchange(struct bwc_device *d, const void *request)
{
    const struct bwc_exchange_time *asked = request;
    bwc_reply(d, &BWC_TABLE_CLOCK_EXCHANGE,
              &(struct bwc_clock_exchange){
                  .host_sent_ns = asked->host_sent_ns,
                  .device_received_ns = bwc_utc_ns(d, d->channel.came), /* CLK-001 */
                  .device_sent_ns = bwc_utc_ns(d, d->now),
                  .revision = d->state.clock_revision,
              });
    return 0;
}

static bool beyond(int64_t step, int64_t limit) { return step > limit || step < -limit; }

/* In the order of the specification (CLK-013). */
static uint8_t judge(const struct bwc_device *d, const struct bwc_set_clock *set, int64_t utc_ns)
{
    bool bench = set->reason == BWC_CLOCK_REASON_BENCH, first = set->reason == BWC_CLOCK_REASON_FIRST_SET;
    bool unset = d->clock.state == BWC_CLOCK_STATE_UNSET;
    int64_t limit = set->reason == BWC_CLOCK_REASON_ROUTINE ? 300 * S : 86400 * S, after;
    if (!set->reason || set->reason > BWC_CLOCK_REASON_BENCH || set->source > BWC_TIME_SOURCE_OPERATOR
        || set->assurance > BWC_TIME_ASSURANCE_UNVERIFIED)
        return BWC_ERROR_CODE_OUT_OF_RANGE;
    if (set->revision != d->state.clock_revision && !DEFECT(ANY_REVISION)) /* CLK-003 */
        return BWC_ERROR_CODE_CONFLICT;
    if (bench && !(d->session.roles & BWC_ROLE_BENCH))
        return BWC_ERROR_CODE_NOT_PERMITTED;
    if (!bench && set->source == BWC_TIME_SOURCE_UNSYNCHRONISED) /* CLK-005 */
        return BWC_ERROR_CODE_IMPLAUSIBLE;
    if (!bench && first != unset)
        return BWC_ERROR_CODE_WRONG_STATE;
    if (!bench && !first && (beyond(set->offset_ns, limit) || beyond(d->clock.moved_ns + set->offset_ns, 86400 * S))
        && !DEFECT(ANY_STEP))
        return BWC_ERROR_CODE_IMPLAUSIBLE; /* CLK-002, CLK-015 */
    if (!bench && set->uncertainty_ns > 60u * (uint64_t)S) /* CLK-011 */
        return BWC_ERROR_CODE_IMPLAUSIBLE;
    if (__builtin_add_overflow(utc_ns, set->offset_ns, &after) || after < EARLIEST || after >= LATEST)
        return BWC_ERROR_CODE_OUT_OF_RANGE;
    return 0;
}

uint8_t bwc_clock_set(struct bwc_device *d, const void *request)
{
    const struct bwc_set_clock *set = request;
    struct bwc_clock *clock = &d->clock, before = *clock;
    int64_t utc_ns = bwc_utc_ns(d, d->now);
    uint8_t refused = judge(d, set, utc_ns);
    bool anew = set->reason == BWC_CLOCK_REASON_BENCH || set->reason == BWC_CLOCK_REASON_FIRST_SET;
    if (refused)
        return refused;
    clock->ahead_ns += set->offset_ns;
    clock->moved_ns = anew ? 0 : clock->moved_ns + set->offset_ns;
    clock->last_set_utc_ns = utc_ns + set->offset_ns;
    clock->uncertainty_ns = set->uncertainty_ns;
    clock->set = d->now;
    clock->state = BWC_CLOCK_STATE_SYNCED;
    clock->source = set->source;
    clock->assurance = set->assurance;
    d->state.clock_revision++;
    if (!DEFECT(UNLOGGED_SET)
        && !bwc_audit(d, BWC_AUDIT_KIND_CLOCK_SET, "reason # source # assurance # was #",
                      (const int64_t[]){set->reason, set->source, set->assurance, utc_ns})) { /* CLK-004 */
        *clock = before;
        d->state.clock_revision--;
        return BWC_ERROR_CODE_STORAGE_FAULT;
    }
    bwc_keep(d);
    bwc_reply(d, &BWC_TABLE_CLOCK_SET,
              &(struct bwc_clock_set){utc_ns, utc_ns + set->offset_ns, d->state.clock_revision});
    return 0;
}
