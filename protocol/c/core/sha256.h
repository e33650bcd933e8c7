/* SHA-256 (FIPS 180-4). A product has it in hardware, or in its TLS library. */
#ifndef BWC_SHA256_H
#define BWC_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct bwc_sha256 {
    uint32_t state[8];
    uint32_t size; /* bytes so far; a segment's chunk has at most 1 MiB, all else less */
    uint8_t block[64];
};

void bwc_sha256_begin(struct bwc_sha256 *hash);
void bwc_sha256_add(struct bwc_sha256 *hash, const void *data, size_t size);
void bwc_sha256_end(struct bwc_sha256 *hash, uint8_t digest[32]);

#endif
