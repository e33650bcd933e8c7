"""The seconds by which a simulated device lives: those of the event loop that drives it."""

import asyncio
import time
from typing import Final

SAME_CLOCK_S: Final = 1.0
"""A loop whose time is this close to the system's runs in real time; virtual ones begin at 0."""


class DeviceTime:
    """Monotonic seconds, from 0 at the device's first boot of this run.

    The loop may change while the device lives: a test runs several, the blocking twin has one in a thread.
    Between loops in real time it runs on; where virtual time begins or ends it goes on from where it stood.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._real = False
        self._origin_s = 0.0
        self._last_s = 0.0

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes the time of `loop` from now on."""
        if loop is self._loop:
            return
        real = abs(loop.time() - time.monotonic()) < SAME_CLOCK_S
        if not (real and self._real):
            self._origin_s = loop.time() - self()
        self._loop, self._real = loop, real

    def skip(self, seconds: float) -> None:
        """Lets time jump ahead: a night in the dock, a fortnight in a drawer."""
        self._origin_s -= seconds
        self._last_s += seconds

    def __call__(self) -> float:
        if self._loop is not None:
            self._last_s = max(self._last_s, self._loop.time() - self._origin_s)
        return self._last_s
