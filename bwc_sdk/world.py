"""What the SDK needs of the world: time, randomness, files and workers; given in, never imported elsewhere.

Time that drives protocol and timers is the event loop's own (`loop.time()`), so that a loop with a virtual
clock runs everything above it in virtual time.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bwc_sdk.filesystem import FileSystem, OsFileSystem
from bwc_sdk.host_time import HostTime, host_time
from bwc_sdk.workers import InlineWorkers as InlineWorkers
from bwc_sdk.workers import ThreadWorkers as ThreadWorkers
from bwc_sdk.workers import Workers as Workers

_pool: list[ThreadWorkers] = []


def _shared_workers() -> ThreadWorkers:
    if not _pool:
        _pool.append(ThreadWorkers())
    return _pool[0]


SAME_CLOCK_S: Final = 1.0
"""A loop whose time is this close to the system's runs in real time; virtual ones begin at 0."""
UTC_STEP_NS: Final = max(1, round(time.get_clock_info("time").resolution * 1e9))
"""By how much the system's UTC goes ahead at once: 16 ms on some Windows, where a stamp is worth no more."""


def loop_elapsed_ns() -> int:
    """A stopwatch in ns that goes with the loop: in real time the system's, in virtual time the loop's own."""
    loop_s = asyncio.get_running_loop().time()
    if abs(loop_s - time.monotonic()) >= SAME_CLOCK_S:
        return round(loop_s * 1e9)
    return _stopwatch_ns()


def _raw_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


# One that nobody steps or slews, where there is one.
_stopwatch_ns: Final = _raw_ns if hasattr(time, "CLOCK_MONOTONIC_RAW") else time.perf_counter_ns


@dataclass(frozen=True, slots=True)
class World:
    """Time, randomness, files and workers of one program (or of one test)."""

    utc_ns: Callable[[], int] = time.time_ns
    """The host's UTC in ns since 1970: what is written down, never how long something took."""
    entropy: Callable[[int], bytes] = secrets.token_bytes
    files: FileSystem = field(default_factory=OsFileSystem)
    workers: Workers = field(default_factory=_shared_workers)
    elapsed_ns: Callable[[], int] | None = None
    """A stopwatch in ns from any beginning, on which no step of the UTC shows. None: the system's beside the system's
    UTC, and that of the loop beside another, which may be virtual."""
    host_time: Callable[[], HostTime] = host_time
    """What this host knows of its UTC. May take seconds: ask it by `workers.wait`."""

    def stopwatch(self) -> Callable[[], int]:
        """The stopwatch that goes with `utc_ns`; read under the loop."""
        if self.elapsed_ns is not None:
            return self.elapsed_ns
        return _stopwatch_ns if self.utc_ns is time.time_ns else loop_elapsed_ns
