"""Where lines of commands come from: standard input, a named pipe or a file; read in a thread, carried out in the loop.

No more is read than was carried out, so that nothing piles up. The end of the input is not the end of the device.
"""

import asyncio
import os
import select
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firmware_sim.control.camera_control import LINE_MAX

STANDARD_INPUT: Final = "-"
STDIN_FD: Final = 0
READ_MAX: Final = 4_096
"""Bytes of one read: a pipe's own unit."""


class Lines:
    """Cuts bytes into lines. Of one that is too long only so much is kept that it is known to be."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` ends."""
        *ended, begun = (self._begun + data).split(b"\n")
        self._begun = begun[: LINE_MAX + 1]
        return ended

    def rest(self) -> list[bytes]:
        """The last line, if the input ended within it."""
        begun, self._begun = self._begun, b""
        return [begun] if begun else []


class ControlInput:
    """Lines of `source`: `-` is standard input, anything else a path. Raises `OSError` for one that cannot be read.

    A named pipe stays open when its writers have left: the next one may come.
    """

    def __init__(self, source: str) -> None:
        self._own = source != STANDARD_INPUT
        self._fd = _open(source) if self._own else STDIN_FD
        self._woken, self._waker = os.pipe()
        self._carried_out = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self, carry_out: Callable[[bytes], None]) -> None:
        """Begins to read; `carry_out` is called for each line, in the running loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._run, args=(loop, carry_out), name="sim-control", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Reads no more. To be called in the loop, or when it has ended."""
        if self._over:
            return
        self._over = True
        self._carried_out.set()
        os.write(self._waker, b"!")
        if self._thread is not None:
            self._thread.join()
        for fd in (self._woken, self._waker, *((self._fd,) if self._own else ())):
            os.close(fd)

    def _run(self, loop: asyncio.AbstractEventLoop, carry_out: Callable[[bytes], None]) -> None:
        def one(line: bytes) -> None:
            try:
                if not self._over:
                    carry_out(line)
            finally:
                self._carried_out.set()

        lines = Lines()
        while not self._over:
            data = self._read()
            for line in lines.feed(data) if data else lines.rest():
                self._carried_out.clear()
                if self._over:
                    return
                loop.call_soon_threadsafe(one, line)
                self._carried_out.wait()
            if not data:
                return

    def _read(self) -> bytes:
        """What has come; nothing at the end, or when the source fails, which is its end as well."""
        try:
            ready, _, _ = select.select([self._fd, self._woken], [], [])
            return os.read(self._fd, READ_MAX) if self._woken not in ready else b""
        except (OSError, ValueError):
            return b""


def _open(source: str) -> int:
    kind = Path(source).stat().st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(f"{source} is a directory; commands come from a file or a named pipe")
    return os.open(source, os.O_RDWR if stat.S_ISFIFO(kind) else os.O_RDONLY)
