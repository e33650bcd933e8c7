"""`bwc evidence verify` beside `openssl dgst -sha256` over the same footage, on as many processors."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tools.bench.process import CHILD_S, BenchError, serving
from tools.bench.result import Result, compare

MIB: Final = 1 << 20
AIM: Final = 0.8
FILES_PER_CORE: Final = 4
"""So that neither waits long for its last file."""


def verifying(mib: int, rounds: int | None, directory: Path) -> Result:
    """MB/s of each until the process has ended, over recordings of `mib` MiB that the page cache holds."""
    cores = os.cpu_count() or 1
    store = directory / "store"
    _offload(store, cores * FILES_PER_CORE, mib)
    footage = sorted(store.glob("*.mp4*"))
    size = sum(path.stat().st_size for path in footage)
    verify = [sys.executable, "-m", "bwc_sdk", "evidence", "verify", str(store), "--allow-insecure", "--json"]
    openssl = ["xargs", "-0", "-P", str(cores), "-n", "1", "openssl", "dgst", "-sha256"]
    names = b"\0".join(os.fsencode(path) for path in footage)
    ours, beside, peaks = [], [], []
    for round_ in range(1 + (rounds or 7)):
        seconds, peak = _timed(verify, b"", (0, 19))
        hashed, _ = _timed(openssl, names, (0,))
        if round_:  # the first one fills the page cache
            ours.append(size / seconds / 1e6)
            beside.append(size / hashed / 1e6)
            peaks.append(peak)
    return compare(
        f"evidence verify, {len(footage)} x {mib} MiB / openssl dgst",
        "MB/s",
        ours,
        beside,
        aim=f"≥ {AIM:.2f}",
        more={"peak RSS MiB": statistics.median(peaks) / MIB},
    )


def _offload(store: Path, recordings: int, mib: int) -> None:
    camera = ("bwc_sdk", "sim", "--recordings", str(recordings), "--mib", str(mib), "--insecure")
    with serving(*camera) as address:
        command = [sys.executable, "-m", "bwc_sdk", "offload", str(store), "--mkdir", "--allow-insecure"]
        done = subprocess.run(
            [*command, "--device", address], capture_output=True, check=False, timeout=CHILD_S
        )
    if done.returncode:
        raise BenchError(f"the store to verify was not made: {done.stderr.decode(errors='replace')}")


def _timed(command: list[str], given: bytes, good: tuple[int, ...]) -> tuple[float, int]:
    """Seconds that a command took, and the most memory that it had, in bytes."""
    begin = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in good:
        raise BenchError(f"{' '.join(command[:6])} gave {process.returncode}")
    return time.perf_counter() - begin, used.ru_maxrss * 1024
