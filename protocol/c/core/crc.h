/* CRC-32C (spec: Frame). It finds damage; it is no protection against anybody. */
#ifndef BWC_CRC_H
#define BWC_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Continues `crc`, the checksum of what went before: 0 for nothing. */
uint32_t bwc_crc32c(uint32_t crc, const uint8_t *data, size_t size);

#endif
