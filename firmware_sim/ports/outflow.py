"""The output half of a pipe over a descriptor: what waits to be written, and how it gets out."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from bwc_protocol.byte_queue import ByteQueue

WriteSome = Callable[[list[bytes | memoryview]], int]
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
        self._waiting = ByteQueue()
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
                self._waiting.drop(self._write_some(self._waiting.first()))
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
