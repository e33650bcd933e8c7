#include "recordings.h"

#include <string.h>

#include "board.h"
#include "commands.h"
#include "defects.h"
#include "device.h"
#include "sha256.h"

#define MANIFEST_ROOM 320
#define TRIGGER 1 /* a button */

/* Chunks */

static void hash_chunk(unsigned recording, uint32_t chunk, uint8_t digest[32])
{
    struct bwc_footage footage;
    struct bwc_sha256 hash;
    uint8_t piece[64];
    uint32_t at = chunk * BWC_CHUNK, end = at + BWC_CHUNK;
    bwc_board_recording(recording, &footage);
    if (end > footage.size_bytes)
        end = footage.size_bytes;
    bwc_sha256_begin(&hash);
    while (at < end) {
        uint32_t take = end - at < sizeof piece ? end - at : sizeof piece;
        bwc_board_footage(recording, at, piece, take);
        bwc_sha256_add(&hash, piece, take);
        at += take;
    }
    bwc_sha256_end(&hash, digest);
}

static uint32_t chunks(unsigned recording)
{
    struct bwc_footage footage;
    bwc_board_recording(recording, &footage);
    return (footage.size_bytes + BWC_CHUNK - 1) / BWC_CHUNK;
}

void bwc_recordings_table(const struct bwc_device *d, unsigned recording, uint32_t offset, uint8_t *to, uint32_t size)
{
    uint8_t digest[32];
    (void)d;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t at = offset + i;
        if (!i || !(at % 32))
            hash_chunk(recording, at / 32, digest);
        to[i] = digest[at % 32];
    }
}

/* Manifests: deterministic CBOR, shortest heads, keys in order (RFC 8949, section 4.2.1) */

enum { UINT = 0, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, FALSE = 0xf4 };

static uint8_t *head(uint8_t *to, unsigned major, uint64_t number)
{
    unsigned size = number < 24 ? 0 : number < 1u << 8 ? 1 : number < 1u << 16 ? 2 : number >> 32 ? 8 : 4;
    static const uint8_t kinds[] = {0, 24, 25, 0, 26, 0, 0, 0, 27};
    *to++ = (uint8_t)(major << 5 | (size ? kinds[size] : (uint8_t)number));
    while (size--)
        *to++ = (uint8_t)(number >> 8 * size);
    return to;
}

static uint8_t *string(uint8_t *to, unsigned major, const void *from, size_t size)
{
    to = head(to, major, size);
    memcpy(to, from, size);
    return to + size;
}

static size_t write_manifest(const struct bwc_device *d, unsigned recording, uint8_t *to)
{
    static const uint8_t zeros[32];
    const struct bwc_recording *known = &d->recordings.all[recording];
    const char *serial = bwc_board_identity.serial;
    struct bwc_footage footage;
    int64_t ended;
    uint8_t *at = head(to, MAP, 20); /* no clock_revision (22): the times are not by this clock (REC-092) */
    bwc_board_recording(recording, &footage);
    ended = footage.started_utc_ns + (int64_t)footage.duration_ms * 1000000; /* REC-025 */
    for (unsigned key = 0; key < 20; key++) {
        at = head(at, UINT, key);
        switch (key) {
        case 0: /* version */
        case 8: /* boot_counter: it was recorded before the board ran */
            at = head(at, UINT, 1);
            break;
        case 1:
            at = string(at, TEXT, serial, strlen(serial));
            break;
        case 2:
            at = string(at, BYTES, known->id, sizeof known->id);
            break;
        case 3:
            at = head(at, UINT, recording + 1);
            break;
        case 4:
            at = string(at, BYTES, recording ? known[-1].manifest_sha256 : zeros, 32);
            break;
        case 5:
            at = head(at, UINT, TRIGGER);
            break;
        case 6:
        case 7:
            at = head(at, UINT, (uint64_t)(key == 6 ? footage.started_utc_ns : ended));
            break;
        case 9:  /* pre-event footage: none was asked for, and there is none */
        case 10:
        case 13: /* clock_state: UNSET */
            at = head(at, UINT, 0);
            break;
        case 11: /* mute, stealth: never */
        case 12:
            at = head(at, ARRAY, 0);
            break;
        case 14: /* so that there is no bound of its error */
            at = head(at, UINT, UINT32_MAX);
            break;
        case 15:
            at = head(at, TEXT, 0);
            break;
        case 16:
            at = string(at, BYTES, zeros, 32);
            break;
        case 17:
            at = string(at, BYTES, bwc_board_identity.firmware_sha256, 32);
            break;
        case 18:
            *at++ = FALSE;
            break;
        default: /* segments: one */
            at = head(head(at, ARRAY, 1), MAP, 6);
            at = head(head(at, UINT, 0), UINT, footage.size_bytes);
            at = head(head(at, UINT, 1), UINT, BWC_CHUNK);
            at = head(head(at, UINT, 2), UINT, 0);
            at = string(head(at, UINT, 3), BYTES, known->table_sha256, 32);
            at = head(head(at, UINT, 4), UINT, (uint64_t)footage.started_utc_ns);
            at = head(head(at, UINT, 5), UINT, footage.duration_ms);
        }
    }
    return (size_t)(at - to);
}

void bwc_recordings_begin(struct bwc_device *d)
{
    d->recordings.count = (uint8_t)(bwc_board_recordings() < BWC_RECORDINGS_MAX ? bwc_board_recordings()
                                                                                : BWC_RECORDINGS_MAX);
    for (unsigned i = 0; i < d->recordings.count; i++) {
        struct bwc_recording *known = &d->recordings.all[i];
        struct bwc_sha256 hash;
        uint8_t manifest[MANIFEST_ROOM], digest[32], number = (uint8_t)i;
        bwc_sha256_begin(&hash);
        for (uint32_t chunk = 0; chunk < chunks(i); chunk++) {
            hash_chunk(i, chunk, digest);
            bwc_sha256_add(&hash, digest, sizeof digest);
        }
        bwc_sha256_end(&hash, known->table_sha256);
        bwc_sha256_begin(&hash); /* random, in a camera that records */
        bwc_sha256_add(&hash, bwc_board_identity.serial, strlen(bwc_board_identity.serial));
        bwc_sha256_add(&hash, &number, 1);
        bwc_sha256_end(&hash, digest);
        memcpy(known->id, digest, sizeof known->id);
        bwc_sha256_begin(&hash);
        bwc_sha256_add(&hash, manifest, write_manifest(d, i, manifest));
        bwc_sha256_end(&hash, known->manifest_sha256);
    }
}

/* Commands */

uint8_t bwc_recordings_page(struct bwc_device *d, const void *request)
{
    const struct bwc_list_recordings *asked = request;
    struct bwc_recording_entry entry = {0};
    struct bwc_list_page page = {{&entry, 0, 0}, 0, d->recordings.count};
    struct bwc_footage footage;
    if (asked->after < d->recordings.count) { /* one a page (REC-018) */
        unsigned i = asked->after;
        bwc_board_recording(i, &footage);
        page.recordings.count = 1;
        page.next = i + 1 < d->recordings.count ? i + 1 : 0;
        entry.recording = d->recordings.all[i].id;
        entry.sequence = i + 1;
        entry.started_utc_ns = footage.started_utc_ns;
        entry.duration_ms = footage.duration_ms;
        entry.size_bytes = footage.size_bytes;
        entry.segments = 1;
        entry.trigger = TRIGGER;
        entry.manifest_sha256 = d->recordings.all[i].manifest_sha256;
    }
    bwc_reply(d, &BWC_TABLE_LIST_PAGE, &page);
    return 0;
}

static unsigned find(const struct bwc_device *d, const uint8_t *id)
{
    unsigned i = 0;
    while (i < d->recordings.count && memcmp(d->recordings.all[i].id, id, sizeof d->recordings.all[i].id))
        i++;
    return i;
}

uint8_t bwc_recordings_manifest(struct bwc_device *d, const void *request)
{
    unsigned i = find(d, ((const struct bwc_read_manifest *)request)->recording);
    uint8_t manifest[MANIFEST_ROOM];
    if (i == d->recordings.count)
        return BWC_ERROR_CODE_NOT_FOUND;
    bwc_reply(d, &BWC_TABLE_MANIFEST_REPLY,
              &(struct bwc_manifest_reply){.manifest = {manifest, (uint16_t)write_manifest(d, i, manifest)}});
    return 0;
}

/* NOT_FOUND, CONFLICT, NOT_FOUND: in this order. */
static uint8_t choose(const struct bwc_device *d, const uint8_t *id, const uint8_t *manifest_sha256, uint16_t segment,
                      unsigned *chosen)
{
    unsigned i = *chosen = find(d, id);
    if (i == d->recordings.count)
        return BWC_ERROR_CODE_NOT_FOUND;
    if (memcmp(d->recordings.all[i].manifest_sha256, manifest_sha256, 32) && !DEFECT(ANY_MANIFEST)) /* REC-005 */
        return BWC_ERROR_CODE_CONFLICT;
    return segment ? BWC_ERROR_CODE_NOT_FOUND : 0;
}

uint8_t bwc_recordings_open_table(struct bwc_device *d, const void *request)
{
    const struct bwc_open_table *asked = request;
    unsigned i;
    uint8_t refused = choose(d, asked->recording, asked->manifest_sha256, asked->segment, &i);
    if (!refused)
        bwc_stream_open(d, i, true, 0, 32 * chunks(i));
    return refused;
}

uint8_t bwc_recordings_open(struct bwc_device *d, const void *request)
{
    const struct bwc_open_segment *asked = request;
    struct bwc_footage footage;
    uint64_t left;
    unsigned i;
    uint8_t refused = choose(d, asked->recording, asked->manifest_sha256, asked->segment, &i);
    if (refused)
        return refused;
    bwc_board_recording(i, &footage);
    if (asked->offset >= footage.size_bytes)
        return BWC_ERROR_CODE_OUT_OF_RANGE;
    left = footage.size_bytes - asked->offset;
    if (asked->length > left && !DEFECT(CUTS_SHORT)) /* REC-016, REC-020 */
        return BWC_ERROR_CODE_OUT_OF_RANGE;
    if (!(d->recordings.read >> i & 1)) { /* AUD-004: once a session */
        if (!bwc_audit(d, BWC_AUDIT_KIND_OFFLOAD_READ, "recording #", (const int64_t[]){i + 1}))
            return BWC_ERROR_CODE_STORAGE_FAULT;
        d->recordings.read = (uint8_t)(d->recordings.read | 1 << i);
    }
    if (asked->length && asked->length < left)
        left = asked->length;
    bwc_stream_open(d, i, false, (uint32_t)asked->offset, (uint32_t)left);
    return 0;
}
