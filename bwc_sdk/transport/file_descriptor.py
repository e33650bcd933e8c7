"""What the transports over a file descriptor that does not block have in common: the event loop itself moves bytes.

No thread: a pty or USB serial port hands out 4 KiB a read, and to wake another thread for each costs several times
what the bytes do. A subclass opens and closes; everything else is here.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from typing import ClassVar, Final

from bwc_protocol.byte_queue import ByteQueue
from bwc_sdk.errors import BwcError, DeviceLost
from bwc_sdk.host.unbounded_calls import UNBOUNDED_CALLS, closing
from bwc_sdk.transport import Limits, Receiver

READ_MAX: Final = 65_536
"""Bytes of one turn, in as many reads as it takes: then the loop's other work has its turn."""
FAREWELL_S: Final = 0.2
"""How long the last bytes, a farewell, may take to go out at the end."""


class DescriptorTransport(ABC):
    """A byte pipe over a file descriptor. Belongs to the event loop that opened it."""

    high_water: ClassVar[int] = 65_536
    """Bytes that wait to be written: more would hide from the link how slow the pipe is."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self._fd = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receiver: Receiver | None = None
        self._buffer = memoryview(bytearray(READ_MAX))
        self._queue = ByteQueue()
        self._starved = False
        self._writing = False
        self._drained: asyncio.Future[None] | None = None

    # What a subclass does, in a thread, since it may block

    @abstractmethod
    def _open_device(self) -> int:
        """Opens exclusively; the descriptor, which must not block. Raises `TransportError`; then nothing is open."""

    @abstractmethod
    def _close_device(self) -> None:
        """Closes what was opened. Raises nothing."""

    # The transport

    async def open(self, receiver: Receiver) -> None:
        self._loop = asyncio.get_running_loop()
        # Opening may block for seconds on a half-dead USB device; it must not hold the loop.
        opening = self._loop.run_in_executor(UNBOUNDED_CALLS, self._open_device)
        try:
            fd = await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread goes on by itself; what it opens in the end must not stay claimed.
            opening.add_done_callback(self._opened_too_late)
            raise
        self._fd, self._receiver = fd, receiver
        self._loop.add_reader(fd, self._readable)

    def _opened_too_late(self, opening: "asyncio.Future[int]") -> None:
        assert self._loop is not None
        if not opening.cancelled() and opening.exception() is None:
            closing(self._loop, self._close_device)

    def room(self) -> int:
        room = self.high_water - self._queue.size if self._fd >= 0 else 0
        self._starved = room <= 0
        return max(0, room)

    def write(self, parts: list[bytes]) -> None:
        if self._fd < 0 or self._receiver is None:
            return
        self._queue.add(parts)
        if not self._writing:
            self._flush()

    def pause(self) -> None:
        if self._fd >= 0 and self._receiver is not None and self._loop is not None:
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        if self._fd >= 0 and self._receiver is not None and self._loop is not None:
            self._loop.add_reader(self._fd, self._readable)

    async def close(self) -> None:
        if self._fd < 0 or self._loop is None:
            return
        receiver, self._receiver = self._receiver, None
        self._loop.remove_reader(self._fd)
        if self._queue.size and receiver is not None:
            self._drained = self._loop.create_future()
            await asyncio.wait((self._drained,), timeout=FAREWELL_S)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._loop.remove_writer(fd)
            self._queue.clear()
            await closing(self._loop, self._close_device)

    # The loop

    def _readable(self) -> None:
        fill = 0
        error: OSError | None = None
        try:
            while fill < READ_MAX:
                size = os.readv(self._fd, [self._buffer[fill:]])
                if not size:
                    error = OSError("end of file")
                    break
                fill += size
        except BlockingIOError:
            pass
        except OSError as raised:
            error = raised
        if fill and self._receiver is not None:
            self._receiver.received(self._buffer[:fill])
        if error is not None:
            self._lose(error)

    def _flush(self) -> None:
        try:
            while self._queue.size:
                self._queue.drop(os.writev(self._fd, self._queue.first()))
        except BlockingIOError:
            pass
        except OSError as error:
            # Told later: a writer does not expect the end of the pipe inside its own call.
            assert self._loop is not None
            self._loop.call_soon(self._lose, error)
            self._queue.clear()
        self._watch_writable(self._queue.size > 0)
        if not self._queue.size and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._starved and self._queue.size < self.high_water and self._receiver is not None:
            self._starved = False
            self._receiver.writable()

    def _watch_writable(self, wanted: bool) -> None:
        assert self._loop is not None
        if wanted and not self._writing:
            self._loop.add_writer(self._fd, self._flush)
        elif self._writing and not wanted:
            self._loop.remove_writer(self._fd)
        self._writing = wanted

    def _lose(self, cause: OSError) -> None:
        receiver, self._receiver = self._receiver, None
        if self._fd < 0 or receiver is None:
            return  # closed meanwhile
        assert self._loop is not None
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._writing = False
        self._queue.clear()
        error: BwcError = DeviceLost(f"the device is gone: {cause.strerror or cause}", device=self.name)
        error.__cause__ = cause
        receiver.lost(error)
