#include "sha256.h"

#include <string.h>

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turned(uint32_t word, unsigned bits) { return word >> bits | word << (32 - bits); }

static void work(struct bwc_sha256 *hash)
{
    uint32_t words[16], s[8];
    for (unsigned i = 0; i < 16; i++)
        words[i] = (uint32_t)hash->block[4 * i] << 24 | (uint32_t)hash->block[4 * i + 1] << 16
                   | (uint32_t)hash->block[4 * i + 2] << 8 | hash->block[4 * i + 3];
    memcpy(s, hash->state, sizeof s);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t w = words[i & 15], first, second;
        if (i >= 16) {
            uint32_t a = words[(i + 1) & 15], b = words[(i + 14) & 15];
            w += (turned(a, 7) ^ turned(a, 18) ^ a >> 3) + words[(i + 9) & 15]
                 + (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
            words[i & 15] = w;
        }
        first = s[7] + (turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6]))
                + constants[i] + w;
        second = (turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22))
                 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += first;
        s[0] = first + second;
    }
    for (unsigned i = 0; i < 8; i++)
        hash->state[i] += s[i];
}

void bwc_sha256_begin(struct bwc_sha256 *hash)
{
    static const uint32_t begin[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, begin, sizeof begin);
    hash->size = 0;
}

void bwc_sha256_add(struct bwc_sha256 *hash, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size) {
        size_t held = hash->size % 64, take = 64 - held < size ? 64 - held : size;
        memcpy(hash->block + held, at, take);
        hash->size += (uint32_t)take;
        at += take;
        size -= take;
        if (held + take == 64)
            work(hash);
    }
}

void bwc_sha256_end(struct bwc_sha256 *hash, uint8_t digest[32])
{
    uint32_t size = hash->size;
    uint8_t end[8] = {0, 0, 0, (uint8_t)(size >> 29), (uint8_t)(size >> 21), (uint8_t)(size >> 13),
                      (uint8_t)(size >> 5), (uint8_t)(size << 3)};
    bwc_sha256_add(hash, "\x80", 1);
    while (hash->size % 64 != 56)
        bwc_sha256_add(hash, "", 1);
    bwc_sha256_add(hash, end, 8);
    for (unsigned i = 0; i < 32; i++)
        digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - i % 4 * 8));
}
