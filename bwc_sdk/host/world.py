"""What the SDK needs of the world: time, randomness, files, workers and sessions; given in, never imported elsewhere.

Time that drives protocol and timers is the event loop's own (`loop.time()`), so that a loop with a virtual
clock runs everything above it in virtual time.
"""

import asyncio
import secrets
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import SessionFactory
from bwc_protocol.versions import NEWEST, Version
from bwc_sdk.host.filesystem import FileSystem, OsFileSystem
from bwc_sdk.host.workers import InlineWorkers as InlineWorkers
from bwc_sdk.host.workers import ThreadWorkers as ThreadWorkers
from bwc_sdk.host.workers import Workers as Workers

if TYPE_CHECKING:
    from bwc_sdk.host.host_time import HostTime

_pool: list[ThreadWorkers] = []


def _shared_workers() -> ThreadWorkers:
    if not _pool:
        _pool.append(ThreadWorkers())
    return _pool[0]


SAME_CLOCK_S: Final = 1.0
"""A loop whose time is this close to the system's runs in real time; virtual ones begin at 0."""
UTC_STEP_NS: Final = max(1, round(time.get_clock_info("time").resolution * 1e9))
"""By how much the system's UTC goes ahead at once: 16 ms on some Windows, where a stamp is worth no more."""


def utc_ns() -> int:
    """The system's UTC; under a loop in virtual time what it was when the loop first asked, and what passed since."""
    loop = _virtual_loop()
    if loop is None:
        return time.time_ns()
    if loop not in _began_ns:
        _began_ns[loop] = time.time_ns() - round(loop.time() * 1e9)
    return _began_ns[loop] + round(loop.time() * 1e9)


def elapsed_ns() -> int:
    """A stopwatch in ns, on which no step of the UTC shows: the system's, or that of a loop in virtual time."""
    loop = _virtual_loop()
    return _stopwatch_ns() if loop is None else round(loop.time() * 1e9)


def _virtual_loop() -> asyncio.AbstractEventLoop | None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return loop if abs(loop.time() - time.monotonic()) >= SAME_CLOCK_S else None


def _raw_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


# One that nobody steps or slews, where there is one.
_stopwatch_ns: Final = _raw_ns if hasattr(time, "CLOCK_MONOTONIC_RAW") else time.perf_counter_ns
_began_ns: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, int]] = weakref.WeakKeyDictionary()


def host_time() -> "HostTime":
    """What this host's system says of its own clock; asking it is loaded when it is first wanted."""
    from bwc_sdk.host.host_time import host_time as ask

    return ask()


def host_id() -> bytes:
    """What tells this host from others; reading it is loaded when it is first wanted."""
    from bwc_sdk.host.host_id import host_id as ask

    return ask()


@dataclass(frozen=True, slots=True)
class World:
    """Time, randomness, files, workers and sessions of one program (or of one test)."""

    utc_ns: Callable[[], int] = utc_ns
    """The host's UTC in ns since 1970: what is written down, never how long something took."""
    entropy: Callable[[int], bytes] = secrets.token_bytes
    files: FileSystem = field(default_factory=OsFileSystem)
    workers: Workers = field(default_factory=_shared_workers)
    elapsed_ns: Callable[[], int] = elapsed_ns
    """A stopwatch in ns from any beginning, on which no step of the UTC shows; read under the loop."""
    host_time: Callable[[], "HostTime"] = host_time
    """What this host knows of its UTC. May take seconds: ask it by `workers.wait`."""
    host_id: Callable[[], bytes] = host_id
    """What tells this host from others that write into the same store. May read a file: ask it by `workers.wait`."""
    session: SessionFactory = insecure_session
    """Makes this host's end of the session that protects a connection."""
    speaks: Version = NEWEST
    """The newest version of the protocol that this host speaks: one before the present makes it a host of that time."""
