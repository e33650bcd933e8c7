"""A camera behind a serial line of this machine: a USB gadget's port (`/dev/ttyGS0`), or a UART with a cable on it.

On a Linux board with a USB device port the board becomes the camera: what a host sees is `/dev/ttyACM0`.
"""

import asyncio
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
from firmware_sim.serving.attach import attach
from firmware_sim.station.station import SimStation

log = logging.getLogger(__name__)

MAX_PAYLOAD: Final = 16_384
REOPEN_S: Final = 0.5
"""A line that hung up, as a gadget's does when its host leaves, is opened again after this, for as long as it takes."""


class TtyPipe(DescriptorPipe):
    """The line, while it is open."""

    high_water = 65_536
    """The system holds some KiB; more here would hide from the link how slow the line is."""

    def __init__(self, fd: int, hung_up: Callable[[], None]) -> None:
        self._hung_up = hung_up
        super().__init__(fd, MAX_PAYLOAD)

    def restarted(self) -> None:
        """A line stays when the device behind it resets itself."""

    def _read_into(self, view: memoryview) -> int:
        return os.readv(self._fd, [view])

    def _write_some(self, parts: list[bytes | memoryview]) -> int:
        return os.writev(self._fd, parts)

    def _gone(self) -> None:
        self._lose()

    def _close(self) -> None:
        os.close(self._fd)
        self._loop.call_soon(self._hung_up)


class TtyPort:
    """Serves whoever is at the other end of `path`. Raises `OSError` when it cannot be opened."""

    def __init__(self, camera: SimCamera | SimStation, path: Path, faults: FaultCount | None = None) -> None:
        self._camera = camera
        self._path = path
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._pipe: TtyPipe | None = None
        self._serve()

    @property
    def uri(self) -> str:
        """The line. What the host calls its own end of it is not known here."""
        return f"tty:{self._path}"

    def close(self) -> None:
        """Ends the port for good."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._pipe is not None:
            self._pipe.pull()

    def _serve(self) -> None:
        fd = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            tty.setraw(fd)
        except termios.error as error:
            os.close(fd)
            raise OSError(f"{self._path} is no serial line") from error
        self._pipe = TtyPipe(fd, self._hung_up)
        self._pipe.user = attach(self._camera, self._pipe, self.uri, self._faults)

    def _hung_up(self) -> None:
        self._pipe = None
        if not self._closed:
            self._timer = self._loop.call_later(REOPEN_S, self._reopen)

    def _reopen(self) -> None:
        self._timer = None
        try:
            self._serve()
        except OSError as error:
            log.debug("%s: %s", self.uri, error)
            self._hung_up()
