"""Stored bytes of a segment: in memory, in a file, or made on the fly."""

import os
import random
import struct
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from bwc_protocol.evidence import CHUNK_SIZE, ChunkHasher

BLOCK_SIZE: Final = 1_048_583
"""The first prime above a chunk: repeated, it gives each chunk of a recording another alignment."""
PIECE: Final = 4 * CHUNK_SIZE
"""Bytes that are handled at a time when a whole blob is hashed or copied: memory stays bounded."""
_STAMP: Final = struct.Struct("<QQ")


class Blob(Protocol):
    """Bytes that do not change any more."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""

    def read(self, offset: int, size: int) -> bytes | memoryview:
        """`size` bytes from `offset`; fewer only at the end. Raises `OSError` if the storage fails."""


@dataclass(frozen=True, slots=True)
class MemoryBlob:
    """Bytes in memory."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


@dataclass(frozen=True, slots=True)
class FileBlob:
    """Bytes in a file of the state directory; opened for each read, so that thousands need no handles."""

    path: Path
    size_bytes: int

    def read(self, offset: int, size: int) -> bytes:
        handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            return os.pread(handle, min(size, max(0, self.size_bytes - offset)), offset)
        finally:
            os.close(handle)


@cache
def _noise() -> memoryview:
    """A block of noise and the begin of its repetition, so that any piece of a chunk is one slice of it."""
    block = random.Random(0xB0D7).randbytes(BLOCK_SIZE)
    return memoryview(block + block[:CHUNK_SIZE])


@dataclass(frozen=True, slots=True)
class SyntheticBlob:
    """Bytes that need no memory: any size, the same for the same seed, several GB/s.

    Each stretch of `CHUNK_SIZE` begins with seed and index, so that no two are alike.
    """

    seed: int
    size_bytes: int

    def read(self, offset: int, size: int) -> bytes | memoryview:
        end = min(offset + size, self.size_bytes)
        noise, phase, pieces = _noise(), self.seed % BLOCK_SIZE, []
        while offset < end:
            index, within = divmod(offset, CHUNK_SIZE)
            stop = min(end, (index + 1) * CHUNK_SIZE)
            if within < _STAMP.size:
                stamp = _STAMP.pack(self.seed & 0xFFFF_FFFF_FFFF_FFFF, index)[within : within + stop - offset]
                pieces.append(memoryview(stamp))
                offset += len(stamp)
            start = (phase + offset) % BLOCK_SIZE
            pieces.append(noise[start : start + stop - offset])
            offset = stop
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first `size_bytes` of another blob: what a power cut left of it."""

    whole: Blob
    size_bytes: int

    def read(self, offset: int, size: int) -> bytes | memoryview:
        return self.whole.read(offset, min(size, max(0, self.size_bytes - offset)))


def first_bytes(blob: Blob, size_bytes: int) -> Blob:
    """The blob cut off after `size_bytes`, in the plainest form."""
    if size_bytes == blob.size_bytes:
        return blob
    if isinstance(blob, SyntheticBlob):
        return SyntheticBlob(blob.seed, size_bytes)
    return Prefix(blob, size_bytes)


@dataclass(slots=True)
class Rotten:
    """Another blob with flipped bits (`flips`: offset to mask) and bad blocks, for fault plans."""

    whole: Blob
    flips: dict[int, int] = field(default_factory=dict)
    bad_blocks: list[range] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return self.whole.size_bytes

    def read(self, offset: int, size: int) -> bytes:
        wanted = range(offset, offset + size)
        if any(bad.start < wanted.stop and wanted.start < bad.stop for bad in self.bad_blocks):
            raise OSError("a block of the flash cannot be read")
        data = bytearray(self.whole.read(offset, size))
        for at, mask in self.flips.items():
            if offset <= at < offset + len(data):
                data[at - offset] ^= mask
        return bytes(data)


def chunk_table(blob: Blob, chunk_size: int = CHUNK_SIZE) -> bytes:
    """The table of SHA-256 of a blob's chunks."""
    hasher = ChunkHasher(chunk_size)
    for offset in range(0, blob.size_bytes, PIECE):
        hasher.update(blob.read(offset, PIECE))
    return hasher.table()
