"""Start of the command line: `bwc --version` and `bwc info` of a local simulator beside `python -c pass`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.process import BenchError, serving
from tools.bench.result import Result, compare
from tools.bench.sessions import insecure, simulator

ROUNDS: Final = 15
AIM_VERSION: Final = "≤ 4.00"
AIM_INFO: Final = "≤ 20.00"
"""Loading nothing but asyncio, typer and construct makes 9."""


def start_up(rounds: int | None) -> Iterator[Result]:
    """Milliseconds until the process has ended."""
    script = Path(sys.executable).with_name("bwc")
    bwc = [str(script)] if script.exists() else [sys.executable, "-m", "bwc_sdk"]
    camera = simulator("--recordings", "0", "--footage", "synthetic")
    with tempfile.TemporaryDirectory(prefix="bwc-bench-") as compiled, serving(*camera) as uri:
        # As an installed package starts: its bytecode is there, whatever this shell says of writing it.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = compiled
        commands = {
            "bwc --version": [*bwc, "--version"],
            "bwc info": [*bwc, "--device", uri, "--allow-insecure" if insecure() else "--lab", "info"],
        }
        for command in commands.values():
            _milliseconds(command, env)  # writes the bytecode
        taken: dict[str, list[float]] = {name: [] for name in ("pass", *commands)}
        for _ in range(rounds or ROUNDS):
            taken["pass"].append(_milliseconds([sys.executable, "-c", "pass"], env))
            for name, command in commands.items():
                taken[name].append(_milliseconds(command, env))
    for name, aim in (("bwc --version", AIM_VERSION), ("bwc info", AIM_INFO)):
        # The truer figure of a machine that does other things, too.
        least = min(taken[name]) / min(taken["pass"])
        yield compare(name, "ms", taken[name], taken["pass"], aim=aim, more={"ratio of the quickest": least})


def _milliseconds(command: list[str], env: dict[str, str]) -> float:
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, env=env)
    taken = time.perf_counter() - begin
    if done.returncode:
        raise BenchError(f"{' '.join(command)} gave {done.returncode}: {done.stderr.decode()}")
    return taken * 1e3
