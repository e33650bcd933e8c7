"""Stored bytes of a segment: in memory, in a file, or made on the fly."""

import hashlib
import random
import struct
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Protocol

from bwc_protocol.evidence import CHUNK_SIZE, TAG_SIZE, ChunkHasher, chunk_count, sealing
from firmware_sim.flash.flash import Flash

PHASES: Final = 61
"""Alignments of the noise, one chunk after the other: few, so that the hash of each is begun once, and prime, so that
no power of two meets the same one twice."""
STRIDE: Final = 17_191
"""Bytes between two alignments."""
PIECE: Final = 4 * CHUNK_SIZE
"""Bytes that are handled at a time when a whole blob is hashed or copied: memory stays bounded."""
FORM: Final = 3
"""Raised when synthetic bytes change, so that no recipe that was kept makes others than were hashed."""
_STAMP: Final = struct.Struct("<QQ")
_BODY: Final = CHUNK_SIZE - _STAMP.size


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
    """Bytes in a file of the flash."""

    flash: Flash
    name: str
    size_bytes: int

    def read(self, offset: int, size: int) -> bytes:
        return self.flash.read(self.name, offset, min(size, max(0, self.size_bytes - offset)))


@cache
def _noise() -> memoryview:
    """Noise, so long that a chunk of any alignment is one slice of it."""
    return memoryview(random.Random(0xB0D7).randbytes(PHASES * STRIDE + CHUNK_SIZE))


@cache
def _begun(phase: int) -> "hashlib._Hash":
    """The hash of a whole chunk of this alignment, up to its stamp: 1 MiB is hashed once, and not for each chunk."""
    start = phase * STRIDE
    return hashlib.sha256(_noise()[start : start + _BODY])


@dataclass(frozen=True, slots=True)
class SyntheticBlob:
    """Bytes that need no memory: any size, the same for the same seed, several GB/s, hashed for next to nothing.

    Each whole stretch of `CHUNK_SIZE` ends with seed and index, and what is left over begins with them, so that no two
    are alike. Of one that `grows` all begin with them: whatever size it has, it is the begin of any larger one.
    """

    seed: int
    size_bytes: int
    grows: bool = False

    def read(self, offset: int, size: int) -> bytes | memoryview:
        end = min(offset + size, self.size_bytes)
        pieces: list[bytes | memoryview] = []
        while offset < end:
            index, within = divmod(offset, CHUNK_SIZE)
            stop = min(end - index * CHUNK_SIZE, CHUNK_SIZE)
            pieces += self._piece(index, within, stop)
            offset = index * CHUNK_SIZE + stop
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def table(self) -> bytes:
        """SHA-256 of each chunk of `CHUNK_SIZE` of one that does not grow, as `chunk_table` would find it."""
        whole, rest = divmod(self.size_bytes, CHUNK_SIZE)
        digests = []
        for index in range(whole):
            begun = _begun(self._phase(index)).copy()
            begun.update(self._stamp(index))
            digests.append(begun.digest())
        if rest:
            digests.append(hashlib.sha256(self.read(whole * CHUNK_SIZE, rest)).digest())
        return b"".join(digests)

    def _phase(self, index: int) -> int:
        return (self.seed + index) % PHASES

    def _stamp(self, index: int) -> bytes:
        return _STAMP.pack(self.seed & 0xFFFF_FFFF_FFFF_FFFF, index)

    def _piece(self, index: int, begin: int, stop: int) -> list[bytes | memoryview]:
        """From `begin` to `stop` of one chunk."""
        whole = (index + 1) * CHUNK_SIZE <= self.size_bytes and not self.grows
        noise_begins, noise_ends = (0, _BODY) if whole else (_STAMP.size, CHUNK_SIZE)
        stamp_begins = _BODY if whole else 0
        start = self._phase(index) * STRIDE - noise_begins
        first, last = max(begin, noise_begins), min(stop, noise_ends)
        noise = [_noise()[start + first : start + last]] if first < last else []
        first, last = max(begin - stamp_begins, 0), min(stop - stamp_begins, _STAMP.size)
        stamp = [self._stamp(index)[first:last]] if first < last else []
        return [*noise, *stamp] if whole else [*stamp, *noise]


@dataclass(frozen=True, slots=True)
class SealedBlob:
    """Another blob as it is stored encrypted, chunk by chunk.

    What it holds is a recipe: the ciphertext is made whenever it is read, so that synthetic footage needs no room. It
    stands for stored ciphertext, and for that alone it has the key; a camera's firmware keeps none.
    """

    plain: Blob
    key: bytes = field(repr=False)
    segment: int
    chunk_size: int
    _last: dict[int, bytes] = field(default_factory=dict, repr=False, compare=False)
    """The chunk that was made last, under its number: hosts read in pieces of less than one."""

    @property
    def size_bytes(self) -> int:
        return sealing.stored_size(self.plain.size_bytes, self.chunk_size)

    def read(self, offset: int, size: int) -> bytes | memoryview:
        end = min(offset + size, self.size_bytes)
        pieces: list[memoryview] = []
        while offset < end:
            index, within = divmod(offset, self.chunk_size)
            stop = min(end - index * self.chunk_size, self.chunk_size)
            pieces.append(memoryview(self._chunk(index))[within:stop])
            offset = index * self.chunk_size + stop
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _chunk(self, index: int) -> bytes:
        if index not in self._last:
            held = self.chunk_size - TAG_SIZE
            plain = self.plain.read(index * held, held)
            self._last.clear()
            self._last[index] = sealing.Sealer(self.key).seal_chunk(self.segment, index, plain)
        return self._last[index]


Recipe = SyntheticBlob | SealedBlob
"""Bytes that are kept as what they are made from."""


def synthetic_of(blob: Blob) -> SyntheticBlob | None:
    """What a blob is made from, encrypted or not, where nothing of it has to be stored; else None."""
    made_from = blob.plain if isinstance(blob, SealedBlob) else blob
    return made_from if isinstance(made_from, SyntheticBlob) else None


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
    if isinstance(blob, SyntheticBlob) and (blob.grows or size_bytes % CHUNK_SIZE == 0):
        return SyntheticBlob(blob.seed, size_bytes, blob.grows)
    if isinstance(blob, SealedBlob) and size_bytes % blob.chunk_size == 0:
        plain = first_bytes(blob.plain, sealing.plain_size(size_bytes, blob.chunk_size))
        return SealedBlob(plain, blob.key, blob.segment, blob.chunk_size)
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
    if isinstance(blob, SyntheticBlob) and chunk_size == CHUNK_SIZE and not blob.grows:
        return blob.table()
    if isinstance(blob, SealedBlob) and chunk_size == blob.chunk_size:
        return chunk_hashes(blob, chunk_size, 0, chunk_count(blob.size_bytes, chunk_size))
    hasher = ChunkHasher(chunk_size)
    for offset in range(0, blob.size_bytes, PIECE):
        hasher.update(blob.read(offset, PIECE))
    return hasher.table()


def chunk_hashes(blob: Blob, chunk_size: int, first: int, end: int) -> bytes:
    """SHA-256 of each of some chunks, from the one numbered `first` to the one before `end`."""
    if (
        isinstance(blob, SyntheticBlob)
        and first == 0
        and chunk_size == CHUNK_SIZE
        and end == chunk_count(blob.size_bytes, chunk_size)
    ):
        return chunk_table(blob)
    read = (blob.read(index * chunk_size, chunk_size) for index in range(first, end))
    return b"".join(hashlib.sha256(data).digest() for data in read)
