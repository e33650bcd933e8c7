"""A camera behind a pseudo-terminal, which a host opens as a serial port.

The port outlives its hosts: one closes it, the next opens it. Without a host the master says nothing but that nobody
is there, at once and for ever; so the simulator then holds the host's end open itself, until a host's first bytes come.
"""

import asyncio
import errno
import logging
import os
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.plan import FaultCount
from firmware_sim.ports.file_descriptor import DescriptorPipe
from firmware_sim.ports.thread_outflow import ThreadOutflow
from firmware_sim.serving.attach import attach
from firmware_sim.station.station import SimStation

log = logging.getLogger(__name__)

MAX_PAYLOAD: Final = 61_440
REPLUG_S: Final = 1.0
"""A cable that was pulled is plugged in again after this."""
REPLUG_TRIES: Final = 20
"""How often the old name is waited for, a tenth of a second each: its last user may still have it open."""
RETRY_S: Final = 0.1
PTYS: Final = "/dev/pts/"


class PtyPipe(DescriptorPipe):
    """The master's end of one pty."""

    high_water = 262_144
    """Two writes of the thread, so that one is made while the other goes out: a few milliseconds."""

    def __init__(self, master: int, name: str, gone: Callable[[], None]) -> None:
        self._name = name
        self._on_gone = gone
        self._held = -1  # the host's end, while no host has it
        self._retry: asyncio.TimerHandle | None = None
        os.set_blocking(master, False)
        super().__init__(master, MAX_PAYLOAD)

    def restarted(self) -> None:
        """A line stays when the device behind it resets itself."""

    def _read_into(self, view: memoryview) -> int:
        return os.readv(self._fd, [view])

    def _write_some(self, parts: list[bytes | memoryview]) -> int:
        return os.writev(self._fd, parts)

    def _make_outflow(self) -> ThreadOutflow:
        self._writer = ThreadOutflow(self._loop, self._fd, self._write_some, self.high_water, self)
        return self._writer

    def _gone(self) -> None:
        """No host has the port open: what is under way is nobody's, and reading waits for the next one's bytes."""
        self._stop()
        try:
            termios.tcflush(self._fd, termios.TCIOFLUSH)
        except termios.error as error:  # what lies there is then cut off by the next host's nonce
            log.debug("%s: %s", self._name, error)
        if self.user is not None:
            self.user.host_left()
        self._hold()

    def _hold(self) -> None:
        self._retry = None
        try:
            self._held = os.open(self._name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:  # a host that came meanwhile keeps it to itself; it will go, too
            log.debug("%s: %s", self._name, error)
            self._retry = self._loop.call_later(RETRY_S, self._hold)
            return
        self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        if self._held >= 0:  # a host is there; from now on its leaving has to show
            os.close(self._held)
            self._held = -1
        super()._readable()

    def _close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
        self._writer.close()
        os.close(self._fd)
        self._loop.call_soon(self._on_gone)


class PtyPort:
    """Makes the pty and, after a pulled cable, the next one. `uri` is where it is now.

    With `link` a symbolic link of that name leads to it, as udev makes them, so that its name stays; it is
    absent while the cable is out. Without, the old name is taken again if nobody else took it meanwhile;
    `moved` is told the URI when it could not be.
    """

    def __init__(
        self,
        camera: SimCamera | SimStation,
        *,
        link: Path | None = None,
        faults: FaultCount | None = None,
        moved: Callable[[str], None] = lambda uri: None,
    ) -> None:
        self._camera = camera
        self._link = link
        self._faults = faults
        self._moved = moved
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._name = ""
        self._pipe: PtyPipe | None = None
        self._plug(*_open())

    @property
    def uri(self) -> str:
        """The device URI of the port."""
        return f"serial:{self._link or self._name}"

    def close(self) -> None:
        """Ends the port for good."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.pull()
        self._unlink()

    def pull(self) -> None:
        """Pulls the cable; it is plugged in again a second later."""
        if self._pipe is not None:
            self._pipe.pull()

    def _plug(self, master: int, name: str) -> None:
        if self._link is not None:
            try:
                _lead(self._link, name)
            except OSError:
                os.close(master)
                raise
        self._name = name
        self._pipe = PtyPipe(master, name, self._unplugged)
        self._pipe.user = attach(self._camera, self._pipe, self.uri, self._faults)

    def _unplugged(self) -> None:
        self._pipe = None
        if not self._closed:
            self._unlink()
            self._timer = self._loop.call_later(REPLUG_S, self._replug, REPLUG_TRIES)

    def _replug(self, tries: int) -> None:
        self._timer = None
        try:
            master, name = _open()
        except OSError as error:  # there is none just now
            log.warning("%s: %s", self.uri, error)
            self._timer = self._loop.call_later(REPLUG_S, self._replug, tries)
            return
        if self._link is None and name != self._name:
            if tries:
                os.close(master)
                self._timer = self._loop.call_later(RETRY_S, self._replug, tries - 1)
                return
            self._name = name
            self._moved(self.uri)
        try:
            self._plug(master, name)
        except OSError as error:  # somebody has put something in the place of the link: wait until it is gone
            log.warning("%s: %s", self._link, error)
            self._timer = self._loop.call_later(REPLUG_S, self._replug, tries)

    def _unlink(self) -> None:
        if self._link is not None and self._link.is_symlink() and str(self._link.readlink()) == self._name:
            self._link.unlink(missing_ok=True)  # else somebody has put something in its place


def _lead(link: Path, name: str) -> None:
    """Makes `link` lead to the pty, in the place of one that led to another; anything else is left as it is."""
    ours = link.is_symlink() and str(link.readlink()).startswith(PTYS)
    if not ours and (link.is_symlink() or link.exists()):
        raise FileExistsError(errno.EEXIST, "it is there already, and is no link to a pty", str(link))
    making = link.with_name(f".{link.name}.{os.getpid()}")
    making.unlink(missing_ok=True)
    making.symlink_to(name)
    making.replace(link)


def _open() -> tuple[int, str]:
    """A new pty in raw mode: its master, and the path that hosts open. Raises `OSError` if there is none."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        return master, os.ttyname(slave)
    except (OSError, termios.error) as error:
        os.close(master)
        raise OSError(f"no pseudo-terminal: {error}") from error
    finally:
        os.close(slave)
