"""What the SDK needs of the world: time, randomness, files and workers; given in, never imported elsewhere.

Time that drives protocol and timers is the event loop's own (`loop.time()`), so that a loop with a virtual
clock runs everything above it in virtual time.
"""

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from bwc_sdk.filesystem import FileSystem, OsFileSystem

T = TypeVar("T")


class Workers(Protocol):
    """Runs blocking work (hashing, writing, fsync) beside the event loop."""

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work(*args)`."""


class ThreadWorkers:
    """A small pool of threads, about one a core: hashing and writing release the interpreter lock."""

    def __init__(self, threads: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads or max(2, os.cpu_count() or 2), "bwc-worker")

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)


class InlineWorkers:
    """Runs the work at once, on the loop: for virtual time, where a thread would break determinism."""

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        return work(*args)


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
