"""Samples of child processes: a fresh process a sample, so that its memory peak is its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
CHILD_S: Final = 300.0
"""A sample that takes longer hangs: 1 GiB over a pty takes about 20 s."""
FAREWELL_S: Final = 5.0
"""A server that has not ended by then is killed."""


class BenchError(Exception):
    """Raised when a contender did not do its work; a figure of half the work would flatter it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one piece of work cost one process."""

    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int


@contextmanager
def measured() -> Iterator[None]:
    """Measures its body in a child process and prints the sample for `run_child`, if nothing was raised."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    yield
    seconds, cpu_seconds = time.perf_counter() - wall, _cpu_seconds() - cpu
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_rss_bytes": _peak_rss_bytes()}))


def run_child(module: str, *arguments: str | Path) -> Sample:
    """Runs `python -m module arguments` and gives the sample that it printed last. Raises `BenchError`."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CHILD_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{module} did not end within {CHILD_S:.0f} s") from error
    if done.returncode or not done.stdout.strip():
        raise BenchError(f"{module} gave {done.returncode}:\n{done.stderr.strip()}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Keeps `python -m arguments` running; gives the line that it prints once it answers."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            if not address:
                raise BenchError(f"{' '.join(arguments)} ended before it answered")
            yield address
        finally:
            server.terminate()
            try:
                server.wait(FAREWELL_S)
            except subprocess.TimeoutExpired:
                server.kill()


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_rss_bytes() -> int:
    # `ru_maxrss` of a child begins at what its parent had when it forked; the kernel's own mark does not.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
