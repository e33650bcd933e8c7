"""Start of the command line: `bwc --version` beside `python -c pass`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.process import BenchError
from tools.bench.result import Result, compare

ROUNDS: Final = 15
AIM: Final = "≤ 4.00"


def start_up(rounds: int | None) -> Iterator[Result]:
    """Milliseconds until the process has ended."""
    script = Path(sys.executable).with_name("bwc")
    bwc = [str(script)] if script.exists() else [sys.executable, "-m", "bwc_sdk"]
    ours: list[float] = []
    beside: list[float] = []
    for _ in range(rounds or ROUNDS):
        beside.append(_milliseconds([sys.executable, "-c", "pass"]))
        ours.append(_milliseconds([*bwc, "--version"]))
    yield compare("bwc --version", "ms", ours, beside, aim=AIM)


def _milliseconds(command: list[str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    taken = time.perf_counter() - begin
    if done.returncode:
        raise BenchError(f"{' '.join(command)} gave {done.returncode}: {done.stderr.decode()}")
    return taken * 1e3
