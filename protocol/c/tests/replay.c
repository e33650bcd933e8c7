/* A board without hardware, on which the vectors are played: commands on standard input, what became of them on
 * standard output. Times and bytes come from there; random numbers are those of the vectors.
 *
 *   crc HEX                            its checksum
 *   stream MOST CUT HEX                the frames in it, one a line, then "."; it comes in pieces of CUT bytes
 *   frame TYPE CHANNEL LINK EPOCH WINDOW SEQ ACK [HEX]     that frame
 *   message NAME SIDE HEX              "malformed", or the values as JSON, and what they encode to
 *   boot                               a new device
 *   defect NAME                        from now on it breaks that rule
 *   at MILLISECONDS [HEX]              time passes, then bytes come: lines "out MILLISECONDS HEX", then "." */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/board.h"
#include "../core/crc.h"
#include "../core/defects.h"
#include "../core/device.h"
#include "every_message.h"

#define LINE_MAX 400000

static struct bwc_device device;
static uint8_t said[1 << 16], bytes[LINE_MAX / 2];
static size_t said_size;
static uint32_t nonce;
static bool reversed;
static const uint8_t firmware_sha256[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                            16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

const struct bwc_identity bwc_board_identity = {"bwc-sdk", "Replay", "BWC-000042", "none", "1.0", firmware_sha256,
                                                BWC_CAPABILITY_SIMULATOR};

void bwc_board_send(unsigned pipe, const uint8_t *data, size_t size)
{
    (void)pipe;
    memcpy(said + said_size, data, size);
    said_size += size;
}

void bwc_board_random(uint8_t *to, size_t size)
{
    if (size == 4) {
        bwc_put(to, 4, nonce);
        nonce += 0x01010101;
        return;
    }
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(0xa0 + (reversed ? size - 1 - i : i));
    reversed = !reversed;
}

bool bwc_board_load(unsigned block, void *to, size_t size) { return (void)block, (void)to, (void)size, false; }
bool bwc_board_store(unsigned block, const void *from, size_t size)
{
    return (void)block, (void)from, (void)size, true;
}

void bwc_board_health(struct bwc_health *health)
{
    *health = (struct bwc_health){.charge_pct = 83, .voltage_mv = 3912, .current_ma = -412, .temperature_dc = 287,
                                  .cycles = 118, .health_pct = 94, .time_left_s = 21300};
}

/* Out */

static void print_hex(const uint8_t *data, size_t size)
{
    while (size--)
        printf("%02x", *data++);
}

static void print_said(double at_ms)
{
    struct bwc_parser parser;
    struct bwc_frame frame;
    const uint8_t *at = said;
    bwc_parser_begin(&parser);
    while (at < said + said_size) {
        at += bwc_parser_take(&parser, at, (size_t)(said + said_size - at), 0);
        while (bwc_parser_next(&parser, BWC_MAX_PAYLOAD, &frame)) {
            printf("out %.3f ", at_ms);
            print_hex(parser.bytes, parser.used);
            putchar('\n');
        }
    }
    said_size = 0;
}

/* In */

static size_t read_hex(const char *text)
{
    size_t size = 0;
    unsigned byte;
    while (text && sscanf(text, "%2x", &byte) == 1) {
        bytes[size++] = (uint8_t)byte;
        text += 2;
    }
    return size;
}

static void stream(uint16_t most, size_t cut, size_t size)
{
    struct bwc_parser parser;
    struct bwc_frame frame;
    const uint8_t *at = bytes;
    bool more = true;
    bwc_parser_begin(&parser);
    while (more) {
        size_t rest = (size_t)(bytes + size - at);
        at += bwc_parser_take(&parser, at, rest < cut ? rest : cut, 0);
        do
            while (bwc_parser_next(&parser, most, &frame))
                if (frame.type >= BWC_FRAME_TYPE_HELLO && frame.type <= BWC_FRAME_TYPE_BYE) {
                    print_hex(parser.bytes, parser.used);
                    putchar('\n');
                }
        while (at == bytes + size && bwc_parser_expire(&parser, BWC_MS(200)));
        more = at < bytes + size;
    }
    puts(".");
}

/* Messages: decoded, shown, and encoded again; lists into an arena, as a firmware has them when it sends */

static uint64_t arena[1 << 15];
static size_t arena_fill;

static void *room(size_t size)
{
    void *found = arena + arena_fill;
    arena_fill += (size + 7) / 8;
    return arena_fill < sizeof arena / sizeof *arena ? found : (abort(), found);
}

static void show(const struct bwc_table *table, uint8_t *values)
{
    putchar('[');
    for (unsigned i = 0; i < table->count; i++) {
        const struct bwc_field *field = &table->fields[i];
        uint8_t *place = values + field->place;
        if (i)
            putchar(',');
        switch (field->kind) {
        case BWC_U8:
        case BWC_BOOL:
        case BWC_ENUM:
            printf("%u", *place);
            break;
        case BWC_U16:
            printf("%u", *(uint16_t *)place);
            break;
        case BWC_U32:
        case BWC_FLAGS:
            printf("%" PRIu32, *(uint32_t *)place);
            break;
        case BWC_U64:
            printf("%" PRIu64, *(uint64_t *)place);
            break;
        case BWC_I16:
            printf("%d", *(int16_t *)place);
            break;
        case BWC_I32:
            printf("%" PRId32, *(int32_t *)place);
            break;
        case BWC_I64:
            printf("%" PRId64, *(int64_t *)place);
            break;
        case BWC_ITEMS: {
            struct bwc_items *list = (struct bwc_items *)place, rest = *list;
            uint8_t *structs = room((size_t)list->count * field->of->size);
            putchar('[');
            for (unsigned n = 0; n < list->count; n++) {
                if (n)
                    putchar(',');
                bwc_next_item(&rest, field->of, structs + n * field->of->size);
                show(field->of, structs + n * field->of->size);
            }
            putchar(']');
            list->structs = structs;
            break;
        }
        default:
            putchar('"');
            print_hex(field->kind == BWC_BYTES ? *(uint8_t **)place : (uint8_t *)((struct bwc_bytes *)place)->at,
                      field->kind == BWC_BYTES ? field->high : ((struct bwc_bytes *)place)->size);
            putchar('"');
        }
    }
    putchar(']');
}

static void message(const char *name, const char *side, size_t size)
{
    static uint8_t again[1 << 17];
    const struct bwc_table *table = 0;
    void *values;
    for (unsigned i = 0; i < sizeof every / sizeof *every; i++)
        if (!strcmp(every[i].name, name) && !strcmp(every[i].side, side))
            table = every[i].table;
    if (!table) {
        puts("unknown");
        return;
    }
    arena_fill = 0;
    values = room(table->size + 1u);
    if (!bwc_decode(table, bytes, size, values)) {
        puts("malformed");
        return;
    }
    show(table, values);
    putchar(' ');
    print_hex(again, bwc_encode(table, values, again, sizeof again));
    putchar('\n');
}

/* Behaviour */

static void boot(void)
{
    nonce = 0x55667788;
    reversed = false;
    said_size = 0;
    bwc_boot(&device, 0);
    device.state.boot_counter = 9;
}

static void pass(double at_ms, size_t size)
{
    bwc_time until = (bwc_time)(at_ms * 1000 + 0.5);
    while (bwc_deadline(&device) <= until) {
        bwc_time due = bwc_deadline(&device);
        bwc_tick(&device, due > device.now ? due : device.now);
        print_said((double)device.now / 1000);
    }
    bwc_receive(&device, 0, bytes, size, until);
    print_said(at_ms);
    puts(".");
}

enum bwc_defect bwc_defect;

static void choose(const char *wanted)
{
#define X(name, rule, what)                                                                                            \
    if (!strcmp(wanted, #name))                                                                                        \
        bwc_defect = BWC_DEFECT_##name;
    BWC_ALL_DEFECTS(X)
#undef X
}

int main(void)
{
    static char line[LINE_MAX];
    while (fgets(line, sizeof line, stdin)) {
        char *verb = strtok(line, " \n"), *first = strtok(0, " \n"), *second = strtok(0, " \n");
        if (!strcmp(verb, "crc"))
            printf("%08" PRIx32 "\n", bwc_crc32c(0, bytes, read_hex(first)));
        else if (!strcmp(verb, "stream"))
            stream((uint16_t)atoi(first), (size_t)atoi(second), read_hex(strtok(0, " \n")));
        else if (!strcmp(verb, "frame")) {
            struct bwc_frame frame = {.type = (uint8_t)atoi(first), .channel = (uint8_t)atoi(second)};
            frame.link = (uint32_t)strtoul(strtok(0, " \n"), 0, 10);
            frame.epoch = (uint8_t)atoi(strtok(0, " \n"));
            frame.window = (uint8_t)atoi(strtok(0, " \n"));
            frame.seq = (uint16_t)atoi(strtok(0, " \n"));
            frame.ack = (uint16_t)atoi(strtok(0, " \n"));
            frame.length = (uint16_t)read_hex(strtok(0, " \n"));
            frame.payload = bytes;
            bwc_frame_send(0, &frame);
            print_hex(said, said_size);
            said_size = 0;
            putchar('\n');
        } else if (!strcmp(verb, "message"))
            message(first, second, read_hex(strtok(0, " \n")));
        else if (!strcmp(verb, "boot"))
            boot();
        else if (!strcmp(verb, "defect"))
            choose(first);
        else if (!strcmp(verb, "at"))
            pass(strtod(first, 0), read_hex(second));
    }
    return 0;
}
