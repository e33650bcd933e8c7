"""Chunks of a stored segment and the table of their hashes (spec: Recording).

A segment of `size` bytes is stored as chunks of `chunk_size` bytes, the last one shorter. Its table is the
SHA-256 of each chunk in order, 32 bytes a chunk; the manifest holds the SHA-256 of that table.
"""

import hashlib
from typing import Protocol

from bwc_protocol.evidence.vocabulary import CHUNK_SIZE, DIGEST_SIZE, EvidenceError

Bytes = bytes | bytearray | memoryview
"""What hashing takes without copying it."""


def chunk_count(size_bytes: int, chunk_size: int = CHUNK_SIZE) -> int:
    """Chunks of a segment of `size_bytes`."""
    return -(-size_bytes // chunk_size)


def chunk_span(index: int, size_bytes: int, chunk_size: int = CHUNK_SIZE) -> tuple[int, int]:
    """Offset and length in bytes of chunk `index`. Raises `IndexError` outside the segment."""
    if not 0 <= index < chunk_count(size_bytes, chunk_size):
        raise IndexError(f"chunk {index} of {chunk_count(size_bytes, chunk_size)}")
    offset = index * chunk_size
    return offset, min(chunk_size, size_bytes - offset)


def table_sha256(table: Bytes) -> bytes:
    """SHA-256 of a chunk table, as the manifest states it."""
    return hashlib.sha256(table).digest()


def chunk_digest(table: bytes, index: int) -> bytes:
    """The SHA-256 that `table` states for chunk `index`. Raises `IndexError` outside the table."""
    if not 0 <= index < len(table) // DIGEST_SIZE:
        raise IndexError(f"chunk {index} of {len(table) // DIGEST_SIZE}")
    return table[index * DIGEST_SIZE : (index + 1) * DIGEST_SIZE]


class Chunked(Protocol):
    """What a manifest states of a segment and its chunk table."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def chunk_size(self) -> int: ...
    @property
    def table_sha256(self) -> bytes: ...


def verify_table(table: bytes, segment: Chunked) -> None:
    """Checks a table that a device sent against what the manifest states.

    Raises `EvidenceError` with rule `table-length` or `table-hash`. Nothing in a table may be used before.
    """
    expected = chunk_count(segment.size_bytes, segment.chunk_size) * DIGEST_SIZE
    if len(table) != expected:
        raise EvidenceError("table-length", f"{len(table)} bytes, and the segment's size asks for {expected}")
    if table_sha256(table) != segment.table_sha256:
        raise EvidenceError("table-hash", "the table does not hash to what the manifest states")


class ChunkHasher:
    """Builds a chunk table from bytes in pieces of any size, in order."""

    def __init__(self, chunk_size: int = CHUNK_SIZE) -> None:
        self.chunk_size = chunk_size
        self.size_bytes = 0
        self._closed = bytearray()
        self._open = hashlib.sha256()
        self._room = chunk_size

    def update(self, data: Bytes) -> int:
        """Takes the next bytes; returns how many chunks they completed (to be journalled by a camera)."""
        view = memoryview(data).cast("B")
        self.size_bytes += len(view)
        completed = 0
        while len(view) >= self._room:
            self._open.update(view[: self._room])
            view = view[self._room :]
            self._closed += self._open.digest()
            self._open = hashlib.sha256()
            self._room = self.chunk_size
            completed += 1
        self._open.update(view)
        self._room -= len(view)
        return completed

    @property
    def closed(self) -> bytes:
        """Digests of the chunks that are complete."""
        return bytes(self._closed)

    def table(self) -> bytes:
        """The table of everything taken so far, with the last, shorter chunk if there is one."""
        partial = self._open.digest() if self._room < self.chunk_size else b""
        return bytes(self._closed) + partial
