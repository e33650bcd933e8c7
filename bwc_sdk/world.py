"""What the SDK needs of the world: time, randomness, files and workers; given in, never imported elsewhere.

Time that drives protocol and timers is the event loop's own (`loop.time()`), so that a loop with a virtual
clock runs everything above it in virtual time.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bwc_sdk.filesystem import FileSystem, OsFileSystem
from bwc_sdk.workers import InlineWorkers as InlineWorkers
from bwc_sdk.workers import ThreadWorkers as ThreadWorkers
from bwc_sdk.workers import Workers as Workers

_pool: list[ThreadWorkers] = []


def _shared_workers() -> ThreadWorkers:
    if not _pool:
        _pool.append(ThreadWorkers())
    return _pool[0]


@dataclass(frozen=True, slots=True)
class World:
    """Time, randomness, files and workers of one program (or of one test)."""

    utc_ns: Callable[[], int] = time.time_ns
    """The host's UTC in ns since 1970; never used for a decision about correctness."""
    entropy: Callable[[int], bytes] = secrets.token_bytes
    files: FileSystem = field(default_factory=OsFileSystem)
    workers: Workers = field(default_factory=_shared_workers)
