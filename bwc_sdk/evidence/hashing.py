"""Hashes the footage of a store on all processors, in bounded memory."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Self

from bwc_protocol.evidence import DIGEST_SIZE, chunk_span

PIECE_BYTES: Final = 16 << 20
"""Footage of one task: large enough that tasks cost nothing, small enough that the last ones end together."""
AHEAD: Final = 4
"""Tasks for each worker that wait for one: what is known of footage stays small, however much of it there is."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A chunk that is not what its table says, or that cannot be read."""

    chunk: int
    why: str
    """Empty where its hash differs."""


Opener = Callable[[], int]


class ChunkVerifier:
    """Compares chunks with their tables, many at once. Results come in the order in which segments were given."""

    def __init__(self, workers: int | None = None, on_bytes: Callable[[int], None] | None = None) -> None:
        self._count = workers or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._count, thread_name_prefix="bwc-verify")
        self._room = threading.Semaphore(self._count * AHEAD)
        self._own = threading.local()
        self._on_bytes = on_bytes
        self._lock = threading.Lock()
        self.bytes_hashed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def segment(
        self, opened: Opener, size_bytes: int, chunk_size: int, table: bytes
    ) -> list[Future[list[Wrong]]]:
        """Begins to hash a segment; waits while enough is under way. Each task opens the file for itself."""
        chunks = len(table) // DIGEST_SIZE
        step = max(1, PIECE_BYTES // chunk_size)
        tasks = []
        for first in range(0, chunks, step):
            span = range(first, min(first + step, chunks))
            self._room.acquire()
            try:
                task = self._pool.submit(self._piece, opened, size_bytes, chunk_size, table, span)
            except BaseException:
                self._room.release()
                raise
            task.add_done_callback(lambda _: self._room.release())
            tasks.append(task)
        return tasks

    def _piece(
        self, opened: Opener, size_bytes: int, chunk_size: int, table: bytes, span: range
    ) -> list[Wrong]:
        try:
            file = opened()
        except OSError as error:
            return [Wrong(chunk, error.strerror or str(error)) for chunk in span]
        try:
            return list(self._wrong(file, size_bytes, chunk_size, table, span))
        finally:
            os.close(file)

    def _wrong(
        self, file: int, size_bytes: int, chunk_size: int, table: bytes, span: range
    ) -> Iterator[Wrong]:
        buffer = self._buffer(chunk_size)
        for chunk in span:
            offset, size = chunk_span(chunk, size_bytes, chunk_size)
            try:
                got = _read_into(file, buffer[:size], offset)
            except OSError as error:
                yield Wrong(chunk, error.strerror or str(error))
                continue
            digest = hashlib.sha256(buffer[:got]).digest()
            with self._lock:
                self.bytes_hashed += got
            if self._on_bytes is not None:
                self._on_bytes(got)
            if digest != table[chunk * DIGEST_SIZE : (chunk + 1) * DIGEST_SIZE]:
                yield Wrong(chunk, "")

    def _buffer(self, size: int) -> memoryview:
        """One for each worker."""
        there: memoryview | None = getattr(self._own, "buffer", None)
        if there is None or len(there) < size:
            there = self._own.buffer = memoryview(bytearray(size))
        return there


def _read_into(file: int, into: memoryview, offset: int) -> int:
    """As many bytes as there are, up to the whole of it."""
    got = 0
    while got < len(into):
        count = os.preadv(file, [into[got:]], offset + got)
        if not count:
            break
        got += count
    return got


def stretches(wrong: list[Wrong]) -> Iterator[tuple[int, int, str]]:
    """Chunks that are wrong for the same reason and follow each other, as one: the first, the last, and why."""
    first = last = -1
    why = ""
    for one in sorted(wrong, key=lambda one: one.chunk):
        if first >= 0 and one.chunk == last + 1 and one.why == why:
            last = one.chunk
            continue
        if first >= 0:
            yield first, last, why
        first, last, why = one.chunk, one.chunk, one.why
    if first >= 0:
        yield first, last, why
