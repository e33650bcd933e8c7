"""The time in which a simulated device lives, from the moment that it is made.

A device is made in one of two worlds. Made at the system's time, it lives in real time at once, served or not: what
takes a while (making its footage, waiting for a host) passes for the device as well. Made at an instant that a
scenario gives, its time stands at that instant until a loop drives it, and is the loop's from then on.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

SAME_CLOCK_S: Final = 1.0
"""A loop whose time is this close to the system's runs in real time; virtual ones begin at 0."""


class DeviceTime:
    """Monotonic seconds, from 0 when the device is made, and the true time that they stand for.

    `utc_ns` is the instant at which a scenario begins; None: now, in real time.

    The loop may change while the device lives: a test runs several, the blocking twin has one in a thread. Between
    loops in real time it runs on; where virtual time begins or ends it goes on from where it stood.
    """

    def __init__(self, utc_ns: int | None = None) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._real = utc_ns is None
        self._reading: Callable[[], float] | None = time.monotonic if self._real else None
        self._origin_s = time.monotonic() if self._real else 0.0
        self._last_s = 0.0
        self._made_utc_ns = time.time_ns() if utc_ns is None else utc_ns

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes the time of `loop` from now on."""
        if loop is self._loop:
            return
        real = abs(loop.time() - time.monotonic()) < SAME_CLOCK_S
        if not (real and self._real):
            self._origin_s = loop.time() - self()
        self._loop, self._reading, self._real = loop, loop.time, real

    def skip(self, seconds: float) -> None:
        """Lets time jump ahead: a night in the dock, a fortnight in a drawer."""
        self._origin_s -= seconds
        self._last_s += seconds

    def rewind(self, seconds: float) -> None:
        """Goes back to where it stood so long ago, while the true time goes on: for a device that is rolled back."""
        self.skip(-seconds)
        self._made_utc_ns += round(seconds * 1e9)

    def __call__(self) -> float:
        if self._reading is not None:
            self._last_s = max(self._last_s, self._reading() - self._origin_s)
        return self._last_s

    def utc_ns(self) -> int:
        """The true time, which the device does not know."""
        return self._made_utc_ns + round(self() * 1e9)
