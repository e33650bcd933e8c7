/* Bodies of messages: structs to bytes and back, by the tables of their fields (spec: Field types). */
#ifndef BWC_CODEC_H
#define BWC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that lie elsewhere: in the request that was decoded, or in the firmware. */
struct bwc_bytes {
    const uint8_t *at;
    uint16_t size;
};

/* A list of records. To be sent: `structs`, an array. That came: `raw`, which bwc_next_item takes apart. */
struct bwc_items {
    const void *structs;
    const uint8_t *raw;
    uint16_t count;
};

enum bwc_kind {
    BWC_U8,
    BWC_U16,
    BWC_U32,
    BWC_U64,
    BWC_I16,
    BWC_I32,
    BWC_I64,
    BWC_BOOL,
    BWC_ENUM,
    BWC_FLAGS,
    BWC_BYTES, /* so many as `high` says */
    BWC_TEXT,
    BWC_BLOB,
    BWC_ITEMS
};

/* A number of 32 bits that is not known. */
#define BWC_NOT_KNOWN UINT32_MAX

struct bwc_table;

struct bwc_field {
    uint8_t kind;
    uint8_t later; /* was appended after 1.0: it may be missing, and is then nothing */
    uint16_t place;
    uint32_t low, high; /* range of a number, 0 and 0: all that its type has; else most bytes or items */
    const struct bwc_table *of;
};

struct bwc_table {
    const struct bwc_field *fields;
    uint16_t count, size;
};

/* False for a body that breaks its declaration. What lies elsewhere stays in `body`. */
bool bwc_decode(const struct bwc_table *table, const uint8_t *body, size_t size, void *to);

/* The next item of a list that was decoded; call it `count` times. */
void bwc_next_item(struct bwc_items *list, const struct bwc_table *table, void *to);

/* Bytes written; 0 if there is no room, or for a message without fields. */
size_t bwc_encode(const struct bwc_table *table, const void *from, uint8_t *to, size_t room);

/* Whether these bytes are a text that a message may carry (MSG-014). */
bool bwc_is_text(const uint8_t *at, size_t size);

/* Numbers as they are on the wire. */
uint64_t bwc_get(const uint8_t *at, unsigned size);
void bwc_put(uint8_t *at, unsigned size, uint64_t value);

extern const uint32_t bwc_forbidden[][2];
extern const uint16_t bwc_forbidden_count;

#endif
