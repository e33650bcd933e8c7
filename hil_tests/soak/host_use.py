"""What this process uses of the host, and whether it grows."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil_tests.soak.invariants import hold

WARM: Final = 10
"""Cycles until pools of threads are there and modules are loaded; growth is counted from there."""
THREADS_MORE: Final = 8
"""The SDK makes its threads for waiting as they are needed, and never more."""
FILES_MORE: Final = 16
"""Descriptors: a connection and a store that are open at the moment, twice."""
MEMORY_MORE: Final = 128 << 20
MEMORY_SHARE: Final = 0.25
"""What an allocator keeps of the largest cycle differs by more than nothing; what leaks a connection a cycle is beyond
this after some hundred."""
_DESCRIPTORS: Final = Path("/proc/self/fd")
_MEMORY: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class HostUse:
    """At one moment; None where this system does not tell."""

    memory_bytes: int | None
    files: int | None
    threads: int

    @staticmethod
    def now() -> HostUse:
        """What is in use."""
        return HostUse(_memory_bytes(), _files(), threading.active_count())

    def must_not_exceed(self, before: HostUse) -> None:
        """Raises `InvariantBroken` where it is much more than it was."""
        hold(
            "I7",
            self.threads <= before.threads + THREADS_MORE,
            f"{self.threads} threads, {before.threads} after the first cycles",
        )
        if self.files is not None and before.files is not None:
            hold(
                "I7",
                self.files <= before.files + FILES_MORE,
                f"{self.files} open files, {before.files} after the first cycles",
            )
        if self.memory_bytes is not None and before.memory_bytes is not None:
            most = round(before.memory_bytes * (1 + MEMORY_SHARE)) + MEMORY_MORE
            hold(
                "I7",
                self.memory_bytes <= most,
                f"{self.memory_bytes >> 20} MiB of memory, {before.memory_bytes >> 20} after the first cycles",
            )


def _files() -> int | None:
    try:
        return len(os.listdir(_DESCRIPTORS)) - 1  # noqa: PTH208  # the listing itself is one
    except OSError:
        return None


def _memory_bytes() -> int | None:
    try:
        return int(_MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return _peak_bytes()


def _peak_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
