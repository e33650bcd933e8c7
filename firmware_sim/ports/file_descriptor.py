"""A pipe over a file descriptor that does not block: what TCP sockets and pty masters have in common."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from firmware_sim.device.pipe import PipeUser
from firmware_sim.ports.outflow import LoopOutflow, Outflow

BUFFER: Final = 1_048_576
"""One read: sixteen of the largest frames, so that the loop is entered seldom."""


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
        self._outflow = self._make_outflow()
        self._ending = False
        self.silent = True
        """Whether not a byte has come."""
        self._loop.add_reader(fd, self._readable)

    # For the port

    def room(self) -> int:
        return 0 if self._ending else self._outflow.room()

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        if not self._ending:
            self._outflow.write(parts)

    def restarted(self) -> None:
        """The device vanishes; what it sent last still goes out."""
        self._ending = True
        if not self._outflow.waiting:
            self._lose()

    def pull(self) -> None:
        """Ends at once."""
        self._lose()

    # What the descriptor is

    @abstractmethod
    def _read_into(self, view: memoryview) -> int:
        """Bytes read; 0 when the host's end is gone. Raises `OSError`, `BlockingIOError` among them."""

    @abstractmethod
    def _write_some(self, parts: list[bytes | memoryview]) -> int:
        """Bytes written. Raises `OSError`, `BlockingIOError` among them."""

    @abstractmethod
    def _gone(self) -> None:
        """The host's end is gone: stop, or wait for the next host."""

    @abstractmethod
    def _close(self) -> None:
        """Closes the descriptor; it is no longer watched."""

    def _make_outflow(self) -> Outflow:
        """How its output gets out."""
        return LoopOutflow(self._loop, self._fd, self._write_some, self.high_water, self)

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
            return
        self.silent = False
        if self.user is not None and not self._ending:
            self.user.received(self._view[:size])

    def room_again(self) -> None:
        if self.user is not None and not self._ending:
            self.user.writable()

    def all_written(self) -> None:
        if self._ending:
            self._lose()

    def write_failed(self) -> None:
        self._gone()

    def _stop(self) -> None:
        """Stops watching the descriptor."""
        self._outflow.forget()
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
