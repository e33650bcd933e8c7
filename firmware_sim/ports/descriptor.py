"""A pipe over a file descriptor that does not block: what TCP sockets and pty masters have in common."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Final

from firmware_sim.pipe import PipeUser

BUFFER: Final = 1_048_576
"""One read: sixteen of the largest frames, so that the loop is entered seldom."""
PARTS_MAX: Final = 512
"""Buffers of one gathered write; the system takes at least 1,024."""


class DescriptorPipe(ABC):
    """`fd` is watched by the running loop until `_stop`. Subclasses say how to read, write and close it."""

    high_water = 2_097_152
    """Bytes that wait in user space: one window of the largest frames."""

    def __init__(self, fd: int, max_payload: int) -> None:
        self.max_payload = max_payload
        self.user: PipeUser | None = None
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray(BUFFER)
        self._view = memoryview(self._buffer)
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._starved = False
        self._writing = False
        self._ending = False
        self._loop.add_reader(fd, self._readable)

    # For the port

    def room(self) -> int:
        room = 0 if self._ending else self.high_water - self._queued
        self._starved = room <= 0
        return max(0, room)

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        if self._ending:
            return
        self._queue.extend(memoryview(part) for part in parts if part)  # an empty one is never written
        self._queued += sum(map(len, parts))
        if not self._writing:
            self._flush()

    def restarted(self) -> None:
        """The device vanishes; what it sent last still goes out."""
        self._ending = True
        if not self._queue:
            self._lose()

    def pull(self) -> None:
        """Ends at once."""
        self._queue.clear()
        self._lose()

    # What the descriptor is

    @abstractmethod
    def _read_into(self, view: memoryview) -> int:
        """Bytes read; 0 when the host's end is gone. Raises `OSError`, `BlockingIOError` among them."""

    @abstractmethod
    def _write_some(self, parts: list[memoryview]) -> int:
        """Bytes written. Raises `OSError`, `BlockingIOError` among them."""

    @abstractmethod
    def _gone(self) -> None:
        """The host's end is gone: stop, or wait for the next host."""

    @abstractmethod
    def _close(self) -> None:
        """Closes the descriptor; it is no longer watched."""

    # The loop

    def _readable(self) -> None:
        try:
            size = self._read_into(self._view)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self._gone()
        elif self.user is not None and not self._ending:
            self.user.received(self._view[:size])

    def _flush(self) -> None:
        try:
            while self._queue:
                parts = [self._queue[i] for i in range(min(len(self._queue), PARTS_MAX))]
                self._wrote(self._write_some(parts))
        except BlockingIOError:
            pass
        except OSError:
            self._forget_output()
            self._gone()
            return
        self._watch_writable(bool(self._queue))
        if not self._queue and self._ending:
            self._lose()
        elif self._starved and self._queued < self.high_water and self.user is not None:
            self._starved = False
            self.user.writable()

    def _wrote(self, size: int) -> None:
        self._queued -= size
        while size:
            first = self._queue[0]
            if len(first) > size:
                self._queue[0] = first[size:]
                return
            size -= len(first)
            self._queue.popleft()

    def _watch_writable(self, wanted: bool) -> None:
        if wanted and not self._writing:
            self._loop.add_writer(self._fd, self._flush)
        elif self._writing and not wanted:
            self._loop.remove_writer(self._fd)
        self._writing = wanted

    def _forget_output(self) -> None:
        self._queue.clear()
        self._queued = 0
        self._watch_writable(False)

    def _stop(self) -> None:
        """Stops watching the descriptor."""
        self._forget_output()
        self._loop.remove_reader(self._fd)

    def _lose(self) -> None:
        """The pipe is over: closes it and tells its user, once."""
        if self._fd < 0:
            return
        self._stop()
        self._close()
        self._fd = -1
        self._ending = True
        user, self.user = self.user, None
        if user is not None:
            user.lost()
