#include "codec.h"

#include <string.h>

static const uint8_t nothing[32]; /* for bytes that an older peer left out */
static const uint8_t sizes[] = {1, 2, 4, 8, 2, 4, 8, 1, 1, 4};

uint64_t bwc_get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    while (size--)
        value = value << 8 | at[size];
    return value;
}

void bwc_put(uint8_t *at, unsigned size, uint64_t value)
{
    for (; size--; value >>= 8)
        *at++ = (uint8_t)value;
}

/* Numbers in a struct have the byte order of the machine. */
static uint64_t load(const void *at, unsigned size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    switch (size) {
    case 1:
        memcpy(&u8, at, 1);
        return u8;
    case 2:
        memcpy(&u16, at, 2);
        return u16;
    case 4:
        memcpy(&u32, at, 4);
        return u32;
    default:
        memcpy(&u64, at, 8);
        return u64;
    }
}

static void save(void *at, unsigned size, uint64_t value)
{
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;
    memcpy(at, size == 1 ? (void *)&u8 : size == 2 ? (void *)&u16 : size == 4 ? (void *)&u32 : (void *)&value, size);
}

/* Strict UTF-8: the shortest form, no surrogates, nothing above U+10FFFF, none of the forbidden code points. */
bool bwc_is_text(const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    while (at < end) {
        uint32_t code = *at++;
        unsigned more = code < 0x80 ? 0 : code < 0xc2 ? 9 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : code < 0xf5 ? 3 : 9;
        if (more > (size_t)(end - at))
            return false;
        if (more)
            code &= 0x3f >> more;
        for (unsigned i = 0; i < more; i++, at++) {
            if ((*at & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*at & 0x3f);
        }
        if (code > 0x10ffff || (more == 2 && code < 0x800) || (more == 3 && code < 0x10000))
            return false;
        for (unsigned i = 0; i < bwc_forbidden_count; i++)
            if (code >= bwc_forbidden[i][0] && code <= bwc_forbidden[i][1])
                return false;
    }
    return true;
}

static bool decode_sized(const struct bwc_field *field, const uint8_t **at, const uint8_t *end, uint8_t *to);

bool bwc_decode(const struct bwc_table *table, const uint8_t *body, size_t size, void *to)
{
    const uint8_t *at = body, *end = body + size;
    if (to)
        memset(to, 0, table->size);
    for (unsigned i = 0; i < table->count; i++) {
        const struct bwc_field *field = &table->fields[i];
        uint8_t *place = to ? (uint8_t *)to + field->place : 0;
        if (at == end && field->later) { /* MSG-013 */
            if (place && field->kind == BWC_BYTES)
                memcpy(place, &(const uint8_t *){nothing}, sizeof(const uint8_t *));
            continue;
        }
        if (field->kind <= BWC_FLAGS) {
            unsigned width = sizes[field->kind];
            uint64_t value;
            if ((size_t)(end - at) < width)
                return false;
            value = bwc_get(at, width);
            if ((field->high && (value < field->low || value > field->high)) || (field->kind == BWC_BOOL && value > 1))
                return false;
            if (place)
                save(place, width, value);
            at += width;
        } else if (field->kind == BWC_BYTES) {
            if ((size_t)(end - at) < field->high)
                return false;
            if (place)
                memcpy(place, &at, sizeof at);
            at += field->high;
        } else if (!decode_sized(field, &at, end, place)) {
            return false;
        }
    }
    return true;
}

static bool decode_sized(const struct bwc_field *field, const uint8_t **at, const uint8_t *end, uint8_t *to)
{
    const uint8_t *from = *at + 2;
    uint16_t size;
    if (end - *at < 2)
        return false;
    size = (uint16_t)bwc_get(*at, 2);
    if (size > field->high)
        return false;
    if (field->kind == BWC_ITEMS) {
        struct bwc_items list = {0, from, size};
        for (; size; size--) {
            uint16_t each;
            if (end - from < 2 || end - from - 2 < (each = (uint16_t)bwc_get(from, 2)))
                return false;
            if (!bwc_decode(field->of, from + 2, each, 0))
                return false;
            from += 2 + each;
        }
        if (to)
            memcpy(to, &list, sizeof list);
        *at = from;
        return true;
    }
    if (end - from < size || (field->kind == BWC_TEXT && !bwc_is_text(from, size)))
        return false;
    if (to)
        memcpy(to, &(struct bwc_bytes){from, size}, sizeof(struct bwc_bytes));
    *at = from + size;
    return true;
}

void bwc_next_item(struct bwc_items *list, const struct bwc_table *table, void *to)
{
    uint16_t size = (uint16_t)bwc_get(list->raw, 2);
    bwc_decode(table, list->raw + 2, size, to);
    list->raw += 2 + size;
}

size_t bwc_encode(const struct bwc_table *table, const void *from, uint8_t *to, size_t room)
{
    uint8_t *at = to, *end = to + room;
    for (unsigned i = 0; i < table->count; i++) {
        const struct bwc_field *field = &table->fields[i];
        const uint8_t *place = (const uint8_t *)from + field->place;
        if (field->kind <= BWC_FLAGS) {
            unsigned width = sizes[field->kind];
            if ((size_t)(end - at) < width)
                return 0;
            bwc_put(at, width, load(place, width));
            at += width;
        } else if (field->kind == BWC_ITEMS) {
            struct bwc_items list;
            memcpy(&list, place, sizeof list);
            if (end - at < 2)
                return 0;
            bwc_put(at, 2, list.count);
            at += 2;
            for (unsigned n = 0; n < list.count; n++) {
                size_t size;
                if (end - at < 2)
                    return 0;
                size = bwc_encode(field->of, (const uint8_t *)list.structs + n * field->of->size, at + 2,
                                  (size_t)(end - at - 2));
                if (!size)
                    return 0;
                bwc_put(at, 2, size);
                at += 2 + size;
            }
        } else {
            struct bwc_bytes bytes = {0, (uint16_t)field->high};
            memcpy(&bytes, place, field->kind == BWC_BYTES ? sizeof(const uint8_t *) : sizeof bytes);
            if ((size_t)(end - at) < bytes.size + 2u)
                return 0;
            if (field->kind != BWC_BYTES) {
                bwc_put(at, 2, bytes.size);
                at += 2;
            }
            if (bytes.size)
                memcpy(at, bytes.at ? bytes.at : nothing, bytes.size);
            at += bytes.size;
        }
    }
    return (size_t)(at - to);
}
