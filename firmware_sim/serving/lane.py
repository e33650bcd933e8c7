"""One direction of a line in memory: bytes arrive in their order, at a rate, in pieces."""

import asyncio
from collections.abc import Callable
from typing import Final

from bwc_protocol.byte_queue import ByteQueue

HIGH_WATER: Final = 2_097_152
"""Bytes under way on a line without a rate: one window of the largest frames."""
UART_BUFFER: Final = 4_096
"""… and on a line with one: what a UART driver holds. More would hide from the link how slow the line is."""
SLICE_S: Final = 0.01
"""A line with a rate delivers what came in this time at once."""


class Lane:
    """`deliver` takes what arrives, `writable` is called when there is room again after there was none."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[bytes], None],
        writable: Callable[[], None],
        *,
        rate: float | None = None,
        piece: int | None = None,
        free_at: float = 0.0,
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._writable = writable
        self._rate = rate
        self._piece = piece
        self._capacity = HIGH_WATER if rate is None else UART_BUFFER
        self._queue = ByteQueue()
        self._starved = False
        self._scheduled = False
        self._free_at = free_at  # when what is on the line now has left it
        self._slot = 0  # bytes whose time on the line runs; what came since waits for its own
        self._ended: Callable[[], None] | None = None
        self._open = True

    def room(self) -> int:
        """Bytes that `push` should be given."""
        room = self._capacity - self._queue.size if self._open else 0
        self._starved = room <= 0
        return max(0, room)

    @property
    def drained_at(self) -> float:
        """When the last of what was pushed arrives, in seconds of the loop."""
        return (
            self._free_at + (self._queue.size - self._slot) / self._rate
            if self._rate and self._queue.size
            else 0.0
        )

    def push(self, parts: list[bytes]) -> None:
        """Sends bytes."""
        if self._open:
            self._queue.add(parts)
            self._schedule()

    def end(self, ended: Callable[[], None]) -> None:
        """Takes no more; calls `ended` when what is under way has arrived."""
        if self._open:
            self._open = False
            self._ended = ended
            self._schedule()

    def break_off(self) -> None:
        """Loses what is under way; nothing is delivered any more."""
        self._open = False
        self._ended = None
        self._queue.clear()

    def _schedule(self) -> None:
        if self._scheduled:
            return
        self._scheduled = True
        if self._rate is None:
            self._loop.call_soon(self._run)
        else:
            self._slot = min(self._slice(), self._queue.size)
            self._free_at = max(self._free_at, self._loop.time()) + self._slot / self._rate
            self._loop.call_at(self._free_at, self._run)

    def _slice(self) -> int:
        by_time = HIGH_WATER if self._rate is None else max(1, int(self._rate * SLICE_S))
        return min(by_time, self._piece or by_time)

    def _run(self) -> None:
        self._scheduled = False
        if self._rate is None:
            data = b"".join(self._queue.take(self._queue.size))
            step = self._piece or max(1, len(data))
            for at in range(0, len(data), step):
                self._deliver(data[at : at + step])
        else:
            self._deliver(b"".join(self._queue.take(self._slot)))
        if self._queue.size:
            self._schedule()
        elif self._ended is not None:
            ended, self._ended = self._ended, None
            ended()
        if self._starved and self._open and self._queue.size < self._capacity:
            self._starved = False
            self._writable()
