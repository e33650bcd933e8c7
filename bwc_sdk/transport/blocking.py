"""What the transports of blocking libraries have in common: one thread reads, one writes.

They share nothing with the event loop but two queues; the loop is woken once for all that was read since it last
looked. A subclass opens, reads, writes and closes; everything else is here.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Final

from bwc_sdk.errors import BwcError, DeviceLost, PortBusy
from bwc_sdk.host.exhaustion import lack_of
from bwc_sdk.host.unbounded_calls import UNBOUNDED_CALLS, closing
from bwc_sdk.transport import Limits, Receiver

BACKLOG_MAX: Final = 4_194_304
"""Bytes read and not yet taken by the loop before the reader waits: two windows of the link."""
FAREWELL_S: Final = 0.2
"""How long the last bytes, a farewell, may take to go out at the end."""
JOIN_S: Final = 1.0
"""How long a thread may take to notice the end; it is a daemon, and left behind then."""


class BlockingTransport(ABC):
    """A byte pipe over a library that blocks. Belongs to the event loop that opened it."""

    faults: ClassVar[tuple[type[Exception], ...]] = (OSError,)
    """What the library raises when the device goes away."""
    high_water: ClassVar[int] = 65_536
    """Bytes that wait for the writer: more would hide from the link how slow the pipe is."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self._ends: tuple[type[Exception], ...] = (*self.faults, BwcError)
        self._opened = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receiver: Receiver | None = None
        self._threads: list[threading.Thread] = []
        lock = threading.Lock()
        self._lock = lock
        self._drained = threading.Condition(lock)
        self._work = threading.Condition(lock)
        self._renew()

    def _renew(self) -> None:
        """Nothing is under way: a transport may be opened again after it was closed."""
        self._closing = False
        self._read: deque[bytes] = deque()
        self._read_bytes = 0
        self._woken = False
        self._paused = False
        self._to_write: deque[bytes] = deque()
        self._to_write_bytes = 0
        self._starved = False

    # What a subclass does. Each is called in a thread of its own, and may block.

    @abstractmethod
    def _open_device(self) -> None:
        """Opens exclusively. Raises `TransportError`; then nothing is left open."""

    @abstractmethod
    def _read_some(self) -> bytes:
        """What came, b"" when nothing did; returns soon after `_interrupt`. Raises one of `faults`, `BwcError`."""

    @abstractmethod
    def _write_all(self, data: bytes) -> None:
        """Writes. Once `_closing` is set it gives up what is not taken soon. Raises one of `faults`, `BwcError`."""

    @abstractmethod
    def _close_device(self) -> None:
        """Closes what was opened. Raises nothing."""

    def _interrupt(self) -> None:  # noqa: B027  # nothing to do is a good answer
        """Ends a read and a write that block; where they end by themselves there is nothing to do."""

    # The transport

    async def open(self, receiver: Receiver) -> None:
        self._loop = asyncio.get_running_loop()
        if any(thread.is_alive() for thread in self._threads):
            raise PortBusy("it is still being closed", device=self.name)
        self._renew()
        # Opening may block for seconds on a half-dead USB device; it must not hold the loop.
        opening = self._loop.run_in_executor(UNBOUNDED_CALLS, self._open_device)
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            # The thread goes on by itself; what it opens in the end must not stay claimed.
            opening.add_done_callback(self._opened_too_late)
            raise
        self._receiver = receiver
        self._threads = []
        try:
            for work in (self._reading, self._writing):
                thread = threading.Thread(target=work, name=f"bwc{work.__name__}", daemon=True)
                thread.start()
                self._threads.append(thread)
        except RuntimeError as error:
            self._receiver = None
            self._shut()
            raise lack_of(error, self.name) from error
        self._opened = True

    def _opened_too_late(self, opening: "asyncio.Future[None]") -> None:
        assert self._loop is not None
        if not opening.cancelled() and opening.exception() is None:
            closing(self._loop, self._close_device)

    def room(self) -> int:
        with self._lock:
            room = self.high_water - self._to_write_bytes
            self._starved = room <= 0
            return max(0, room) if self._opened else 0

    def write(self, parts: list[bytes]) -> None:
        with self._lock:
            self._to_write.extend(parts)
            self._to_write_bytes += sum(map(len, parts))
            self._work.notify()

    def pause(self) -> None:
        self._paused = True  # the reader goes on until its backlog is full

    def resume(self) -> None:
        paused, self._paused = self._paused, False
        if paused and self._loop is not None:
            self._loop.call_soon(self._take)

    async def close(self) -> None:
        self._receiver = None
        if self._opened and self._loop is not None:
            self._opened = False
            await closing(self._loop, self._shut)

    def _shut(self) -> None:
        with self._lock:
            self._closing = True
            self._work.notify_all()
            self._drained.notify_all()
        for writing in self._threads[1:]:
            writing.join(FAREWELL_S)
        self._interrupt()
        for thread in self._threads:
            thread.join(JOIN_S)
        self._close_device()

    # The reading thread

    def _reading(self) -> None:
        try:
            while not self._closing:
                data = self._read_some()
                if data:
                    self._hand_over(data)
        except self._ends as error:
            self._report(error)

    def _hand_over(self, data: bytes) -> None:
        with self._lock:
            while self._read_bytes > BACKLOG_MAX and not self._closing:
                self._drained.wait()
            self._read.append(data)
            self._read_bytes += len(data)
            if self._woken:
                return
            self._woken = True
        self._call(self._take)

    def _take(self) -> None:
        if self._paused:
            return  # `resume` takes it
        with self._lock:
            if not self._read:
                return
            pieces, self._read = self._read, deque()
            self._read_bytes = 0
            self._woken = False
            self._drained.notify()
        if self._receiver is not None:
            self._receiver.received(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    # The writing thread

    def _writing(self) -> None:
        try:
            while (data := self._next_write()) is not None:
                self._write_all(data)
                with self._lock:
                    self._to_write_bytes -= len(data)
                    wake, self._starved = self._starved, False
                if wake:
                    self._call(self._notify_writable)
        except self._ends as error:
            self._report(error)

    def _next_write(self) -> bytes | None:
        """All that waits, or None at the end. What is queued before the end is a farewell, and still goes out."""
        with self._lock:
            while not self._to_write and not self._closing:
                self._work.wait()
            if not self._to_write:
                return None
            data = b"".join(self._to_write)
            self._to_write.clear()
            return data

    def _notify_writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()

    # Both

    def _report(self, error: Exception) -> None:
        if self._closing:
            return
        if not isinstance(error, BwcError):
            lost = DeviceLost(f"the device is gone: {error}", device=self.name)
            lost.__cause__ = error
            error = lost
        self._call(self._notify_lost, error)

    def _notify_lost(self, error: BwcError) -> None:
        self._paused = False
        self._take()  # what came before the end is told before it, also to one who had asked for a pause
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(error)

    def _call(self, function: Callable[..., Any], *args: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            pass  # the loop has ended; nobody is left to be told
