"""Writes to a pty from a thread, in writes that are large and block.

A pty takes 4 KiB at a time. Each time the writer has to be woken, and when the event loop does it, the host waits
while the loop makes the next frames. A write that blocks is woken inside the system, without the interpreter's lock:
the host is fed meanwhile.
"""

import asyncio
import os
import termios
import threading
from collections.abc import Callable, Sequence
from typing import Final

from bwc_protocol.byte_queue import ByteQueue
from firmware_sim.ports.outflow import OutflowUser, WriteSome

WRITE_MAX: Final = 131_072
"""Bytes of one write, about: two of the largest frames, a millisecond, after which there is room for more."""
SMALL: Final = 4_096
"""A reply goes out from the loop itself if nothing is ahead of it: a pty takes this much at once, and no thread has
to be woken."""
INTERRUPT_S: Final = 1.0
"""How long the thread may take to come back out of a write that is interrupted; Linux needs a fraction of a
millisecond."""


class ThreadOutflow:
    """Writes to the terminal `fd`, which must not block; only while the thread writes, it does.

    So whoever else reads it has to look first whether there is something. The thread is a daemon, and begins with
    the first bytes that are many.
    """

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
        self._changed = threading.Condition(threading.Lock())
        self._waiting = ByteQueue()
        self._starved = False
        self._writing = False
        self._life = 0
        """Counts what was forgotten: a write of an earlier life does not count."""
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        with self._changed:
            return self._waiting.size

    def room(self) -> int:
        with self._changed:
            room = self._high_water - self._waiting.size
            self._starved = room <= 0
            return max(0, room)

    def write(self, parts: Sequence[bytes | memoryview]) -> None:
        with self._changed:
            at_once = not self._waiting.size and not self._writing
            self._waiting.add(parts)
            if at_once and self._waiting.size <= SMALL:
                self._write_here()
            if self._waiting.size and not self._closed:
                self._changed.notify()
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="pty-writer", daemon=True)
                    self._thread.start()

    def forget(self) -> None:
        with self._changed:
            self._life += 1
            self._waiting.clear()
            self._starved = False
            if self._writing:
                self._interrupt()
                self._changed.wait_for(lambda: not self._writing, INTERRUPT_S)

    def close(self) -> None:
        """Ends the thread; `fd` may be closed afterwards."""
        self.forget()
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _write_here(self) -> None:
        """Nothing is being written: `fd` does not block."""
        try:
            self._waiting.drop(self._write_some(self._waiting.first()))
        except BlockingIOError:
            pass
        except OSError:
            self._fail()

    def _interrupt(self) -> None:
        """Ends a write that blocks. What wakes it is that output was stopped and goes on; then it sees that it must
        not block any more. Whether the host reads makes no difference."""
        os.set_blocking(self._fd, False)
        try:
            termios.tcflow(self._fd, termios.TCOOFF)
            termios.tcflow(self._fd, termios.TCOON)
        except termios.error:
            pass  # the host's end is gone for good, which ends the write as well

    # The thread

    def _run(self) -> None:
        while (work := self._next()) is not None:
            life, parts = work
            size, failed = 0, False
            try:
                size = self._write_some(parts)
            except BlockingIOError:
                pass  # interrupted
            except OSError:
                failed = True
            self._wrote(life, size, failed)

    def _next(self) -> tuple[int, list[bytes | memoryview]] | None:
        with self._changed:
            while not self._waiting.size and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            os.set_blocking(self._fd, True)
            self._writing = True
            return self._life, self._waiting.first(WRITE_MAX)

    def _wrote(self, life: int, size: int, failed: bool) -> None:
        with self._changed:
            self._writing = False
            self._changed.notify_all()
            if life != self._life:
                return  # forgotten meanwhile; `fd` may be another's by now
            os.set_blocking(self._fd, False)
            self._waiting.drop(size)
            if failed:
                self._fail()
                return
            if not self._waiting.size:
                self._notify(self._user.all_written)
            if self._starved and self._waiting.size < self._high_water:
                self._starved = False
                self._notify(self._user.room_again)

    def _fail(self) -> None:
        self._waiting.clear()
        self._notify(self._user.write_failed)

    def _notify(self, what: Callable[[], None]) -> None:
        """Later, on the loop: nobody expects it inside a write of his own. Not any more if all is forgotten by then."""
        try:
            self._loop.call_soon_threadsafe(self._notified, self._life, what)
        except RuntimeError:
            pass  # the loop has ended; nobody is left to be told

    def _notified(self, life: int, what: Callable[[], None]) -> None:
        if life == self._life:
            what()
