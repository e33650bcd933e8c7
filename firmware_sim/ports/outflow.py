"""The output half of a pipe over a descriptor: what waits to be written, and how it gets out."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

PARTS_MAX: Final = 512
"""Buffers of one gathered write; the system takes at least 1,024."""

WriteSome = Callable[[list[memoryview]], int]
"""Writes what the descriptor takes of the buffers; the bytes that it took. Raises `OSError`, `BlockingIOError` too."""


class OutflowUser(Protocol):
    """Who is told how the writing goes, on the event loop."""

    def room_again(self) -> None:
        """`room` is above 0, after it was 0."""

    def all_written(self) -> None:
        """Nothing waits any more."""

    def write_failed(self) -> None:
        """The descriptor takes nothing more; what waited is gone."""


class Outflow(Protocol):
    """Writes bytes in their order. `write` never blocks."""

    @property
    def waiting(self) -> int:
        """Bytes that are still to be written."""

    def room(self) -> int:
        """Bytes that `write` should be given."""

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        """Queues bytes."""

    def forget(self) -> None:
        """Drops what waits: once this returns, none of it is written any more."""


class Waiting:
    """Buffers in their order, and how many bytes they hold."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: deque[memoryview] = deque()

    def add(self, parts: Sequence[bytes | memoryview]) -> None:
        """Appends buffers; an empty one is never written."""
        for part in parts:
            if part:
                self._parts.append(memoryview(part))
                self.size += len(part)

    def first(self, limit: int | None = None) -> list[memoryview]:
        """The buffers of the next write, as many as reach `limit` bytes."""
        chosen: list[memoryview] = []
        size = 0
        for part in self._parts:
            if len(chosen) == PARTS_MAX or (limit is not None and size >= limit):
                break
            chosen.append(part)
            size += len(part)
        return chosen

    def take(self, size: int) -> None:
        """The first `size` bytes are out."""
        self.size -= size
        while size:
            first = self._parts[0]
            if len(first) > size:
                self._parts[0] = first[size:]
                return
            size -= len(first)
            self._parts.popleft()

    def clear(self) -> None:
        """Drops everything."""
        self._parts.clear()
        self.size = 0


class LoopOutflow:
    """Writes when the event loop says that the descriptor, which does not block, takes something."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        fd: int,
        write_some: WriteSome,
        high_water: int,
        user: OutflowUser,
    ) -> None:
        self._loop = loop
        self._fd = fd
        self._write_some = write_some
        self._high_water = high_water
        self._user = user
        self._waiting = Waiting()
        self._starved = False
        self._watching = False

    @property
    def waiting(self) -> int:
        return self._waiting.size

    def room(self) -> int:
        room = self._high_water - self._waiting.size
        self._starved = room <= 0
        return max(0, room)

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        self._waiting.add(parts)
        if not self._watching:
            self._flush()

    def forget(self) -> None:
        self._waiting.clear()
        self._watch(False)

    def _flush(self) -> None:
        try:
            while self._waiting.size:
                self._waiting.take(self._write_some(self._waiting.first()))
        except BlockingIOError:
            pass
        except OSError:
            self.forget()
            self._user.write_failed()
            return
        self._watch(self._waiting.size > 0)
        if not self._waiting.size:
            self._user.all_written()
        if self._starved and self._waiting.size < self._high_water:
            self._starved = False
            self._user.room_again()

    def _watch(self, wanted: bool) -> None:
        if wanted and not self._watching:
            self._loop.add_writer(self._fd, self._flush)
        elif self._watching and not wanted:
            self._loop.remove_writer(self._fd)
        self._watching = wanted
