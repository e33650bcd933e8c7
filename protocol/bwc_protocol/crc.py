"""The checksum of frames, defined once (spec: Frame).

CRC-32C finds damage on the way; it protects against no attacker and is never called integrity. crcmod holds the
definition and generates the tables for other languages; google-crc32c computes the same function some sixty
times faster and without holding the interpreter lock. A test holds the two together.
"""

from collections.abc import Callable
from typing import Final

import crcmod
import google_crc32c

POLYNOMIAL: Final = 0x1_1EDC_6F41
"""Castagnoli's polynomial, with its leading 1; it finds all errors of up to 5 bits in a header of 24 bytes."""
INITIAL: Final = 0x0000_0000
"""As crcmod counts: the checksum of nothing, which is a register full of ones before `FINAL_XOR`."""
FINAL_XOR: Final = 0xFFFF_FFFF
REFLECTED: Final = True
"""Bytes enter lowest bit first."""

CRC_32C: Final = crcmod.Crc(POLYNOMIAL, initCrc=INITIAL, rev=REFLECTED, xorOut=FINAL_XOR)
"""The definition: reference, and source of `table`; too slow for data."""

CHECK: Final = 0xE306_9283
"""The checksum of the nine characters `123456789`, by which implementations compare themselves."""

RESIDUE: Final = 0x4867_4BC7
"""The checksum of anything that ends in its own checksum, little-endian: verifies a header in one call."""

crc32c: Final[Callable[[bytes], int]] = google_crc32c.value
"""CRC-32C of immutable bytes, as an unsigned number of 32 bits. Raises `TypeError` for writable buffers."""


extend_crc32c: Final[Callable[[int, bytes], int]] = google_crc32c.extend
"""CRC-32C of what a first checksum covers and of the bytes behind it, as one."""


def table() -> tuple[int, ...]:
    """The 256 entries for computing `CRC_32C` a byte at a time."""
    return tuple(CRC_32C.table)
