/* Nonsense of every layer into a whole device. Each input is a series of steps: a byte says what, then what of it.
 *
 * LLVMFuzzerTestOneInput is libFuzzer's entry. Without libFuzzer (-DBWC_STANDALONE), the program makes inputs of its own
 * from a seed: fuzz SEED RUNS; or takes one from a file: fuzz FILE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/board.h"
#include "../core/commands.h"
#include "../core/crc.h"
#include "../core/device.h"

static struct bwc_device device;
static uint32_t link_heard;
static uint8_t firmware_sha256[32], blocks[BWC_LOG_SLOTS + 1][512];
static size_t sizes[BWC_LOG_SLOTS + 1];

const struct bwc_identity bwc_board_identity = {"bwc-sdk", "Fuzz", "FUZZ-1", "none", "1.0", firmware_sha256,
                                                BWC_CAPABILITY_LAB | BWC_CAPABILITY_SIMULATOR};

void bwc_board_send(unsigned pipe, const uint8_t *data, size_t size)
{
    (void)pipe;
    if (size == BWC_HEADER && (data[2] & 15) == BWC_FRAME_TYPE_HELLO_ACK)
        link_heard = (uint32_t)bwc_get(data + 4, 4);
}

void bwc_board_random(uint8_t *to, size_t size)
{
    static uint8_t next = 1;
    while (size--)
        *to++ = next++;
}

bool bwc_board_load(unsigned block, void *to, size_t size)
{
    memcpy(to, blocks[block], size);
    return sizes[block] == size;
}

bool bwc_board_store(unsigned block, const void *from, size_t size)
{
    memcpy(blocks[block], from, sizes[block] = size);
    return true;
}

void bwc_board_health(struct bwc_health *health) { memset(health, 0, sizeof *health); }

/* A good frame around whatever there is, on the link that was granted. */
static void frame(uint8_t type, uint8_t epoch, uint16_t seq, uint16_t ack, const uint8_t *payload, size_t size)
{
    uint8_t made[BWC_HEADER + 512 + BWC_CRC] = {0xb3, 0x57, (uint8_t)(0x10 | type)};
    bwc_put(made + 4, 4, type == BWC_FRAME_TYPE_HELLO ? 0 : link_heard);
    made[8] = epoch;
    made[9] = 1;
    bwc_put(made + 10, 2, seq);
    bwc_put(made + 12, 2, ack);
    bwc_put(made + 14, 2, size);
    bwc_put(made + 20, 4, bwc_crc32c(0, made, 20));
    if (size)
        memcpy(made + BWC_HEADER, payload, size);
    bwc_put(made + BWC_HEADER + size, 4, bwc_crc32c((uint32_t)bwc_get(made + 20, 4), payload, size));
    bwc_receive(&device, 0, made, BWC_HEADER + (size ? size + BWC_CRC : 0), device.now);
}

/* What a good host says next: acknowledges all that there is, in the life that there is. */
static void data(const uint8_t *payload, size_t size)
{
    struct bwc_channel *c = &device.channel;
    bool open = c->state == BWC_OPEN;
    frame(BWC_FRAME_TYPE_DATA, (uint8_t)(c->epoch + !open), open ? c->next : 0,
          open ? (uint16_t)(c->seq + (c->flight != 0)) : 0, payload, size);
}

static void until_ready(uint32_t roles)
{
    static const uint8_t hello[12] = {1, 2, 3, 4, 0xf4, 0, 1, 1, 4};
    uint8_t preamble[32] = "BWC\1\1\0\1\2\1\0\0\0\0\2", handshake[] = "\1\x17\0\0\1\0h", info[12 + 128] = {0};
    uint8_t record[4] = {BWC_RECORD_TYPE_DATA};
    uint8_t all[4 + sizeof info];
    frame(BWC_FRAME_TYPE_HELLO, 0, 0, 0, hello, sizeof hello);
    frame(BWC_FRAME_TYPE_PING, 255, 1, 0, 0, 0);
    data(preamble, sizeof preamble);
    memcpy(all, handshake, 7);
    bwc_put(all + 7, 4, roles);
    memset(all + 11, 7, 16);
    data(all, 27);
    bwc_put(info, 4, 32 + 3 + 4 + 3 + 8 + 4 + 32);
    bwc_put(info + 4, 2, BWC_OP_SESSION_INFO);
    memcpy(info + 12, device.session.binding, 32);
    memcpy(info + 44, "\1\2\1", 3);
    bwc_put(info + 47, 4, roles);
    memcpy(info + 51, "\1\0h", 3);
    bwc_put(record + 1, 3, 12 + 86);
    memcpy(all, record, 4);
    memcpy(all + 4, info, 12 + 86);
    data(all, 4 + 12 + 86);
    data((const uint8_t *)"\2\x0c\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
}

static void message(uint16_t opcode, uint32_t request, const uint8_t *body, size_t size)
{
    uint8_t record[4 + 12 + 512] = {BWC_RECORD_TYPE_DATA};
    bwc_put(record + 1, 3, 12 + size);
    bwc_put(record + 4, 4, size);
    bwc_put(record + 8, 2, opcode);
    bwc_put(record + 12, 4, request);
    if (size)
        memcpy(record + 16, body, size);
    for (size_t at = 0; at < 16 + size; at += BWC_MAX_PAYLOAD)
        data(record + at, 16 + size - at < BWC_MAX_PAYLOAD ? 16 + size - at : BWC_MAX_PAYLOAD);
}

/* Makes a body fit as far as a good host would: recordings and revisions that there are, a setting that there is. */
static size_t sensible(uint16_t opcode, const uint8_t *from, size_t size, uint8_t *body)
{
    static const uint8_t setting[] = "\1\0\x22\0\x15\0recording.pre_event_s\2";
    const struct bwc_recording *chosen = &device.recordings.all[size % 2];
    size_t fixed = 0;
    memset(body, 0, 512);
    if (opcode == BWC_OP_CONFIG_STAGE || opcode == BWC_OP_CONFIG_COMMIT) {
        bwc_put(body, 4, device.state.config_revision);
        fixed = 4;
    }
    if (opcode == BWC_OP_CONFIG_STAGE) {
        memcpy(body + 4, setting, sizeof setting - 1);
        body[4 + sizeof setting - 1] = size ? from[0] : 0;
        return 4 + 2 + 2 + 0x22;
    }
    if (opcode == BWC_OP_CLOCK_SET) {
        bwc_put(body + 18, 4, device.state.clock_revision);
        memcpy(body, from, size < 5 ? size : 5);
        body[16] = (uint8_t)(size % 6);
        body[17] = size > 5 ? from[5] % 7 : 1;
        return 22;
    }
    if (opcode == BWC_OP_RECORDINGS_OPEN || opcode == BWC_OP_RECORDINGS_TABLE || opcode == BWC_OP_RECORDINGS_MANIFEST) {
        memcpy(body, chosen->id, 16);
        memcpy(body + 16, chosen->manifest_sha256, 32);
        body[50] = size ? from[0] : 0;
        return 66;
    }
    memcpy(body + fixed, from, size);
    return fixed + (size < 10 ? 10 : size);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    const uint8_t *end = at + size;
    memset(sizes, 0, sizeof sizes);
    bwc_boot(&device, 0);
    if (size && at[0] & 1)
        until_ready(0xff);
    while (end - at >= 2) {
        uint8_t what = at[0];
        size_t take = at[1] % 80;
        at += 2;
        if (take > (size_t)(end - at))
            take = (size_t)(end - at);
        switch (what & 7) {
        case 0: /* raw bytes */
            bwc_receive(&device, 0, at, take, device.now);
            break;
        case 1: /* a frame of any type */
            frame(what >> 4, device.channel.epoch, what >> 3, device.channel.seq, at, take);
            break;
        case 2: /* bytes of the channel */
            if (take)
                data(at, take);
            break;
        case 3: /* a session that is ready */
            if (device.channel.state != BWC_OPEN)
                until_ready(take ? at[0] : 0xff);
            break;
        case 4: /* a command, or word about a stream, with any body and any id */
            if (what & 8)
                message(0x10 + (what >> 4) % 4, take ? at[0] % 4 : 1, at, take);
            else
                message(bwc_commands[(what >> 3) % 21].opcode, take ? at[take - 1] : 1, at, take);
            break;
        case 5: { /* one that may be carried out */
            uint8_t body[512];
            uint16_t opcode = bwc_commands[(what >> 3) % 21].opcode;
            message(opcode, take % 4 + 1, body, sensible(opcode, at, take, body));
            break;
        }
        case 6: /* the host acknowledges */
            frame(BWC_FRAME_TYPE_ACK, device.channel.epoch, 0,
                  (uint16_t)(device.channel.seq + (device.channel.flight != 0)), 0, 0);
            break;
        default: /* time */
            bwc_tick(&device, device.now + (bwc_time)take * BWC_MS(20));
        }
        at += take;
    }
    return 0;
}

#ifdef BWC_STANDALONE
int main(int count, char **words)
{
    static uint8_t input[4096];
    uint64_t state = count > 1 ? strtoull(words[1], 0, 10) : 1;
    unsigned long runs = count > 2 ? strtoul(words[2], 0, 10) : 1000;
    if (count == 2) {
        FILE *file = fopen(words[1], "rb");
        return file ? LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof input, file)) : 2;
    }
    for (unsigned long run = 0; run < runs; run++) {
        size_t size = 0, most;
        state = state * 6364136223846793005u + 1442695040888963407u;
        most = (size_t)(state >> 33) % sizeof input;
        while (size < most) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            input[size++] = (uint8_t)(state >> 33);
        }
        LLVMFuzzerTestOneInput(input, size);
    }
    printf("%lu inputs\n", runs);
    return 0;
}
#endif
