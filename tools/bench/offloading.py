"""Offload of one recording: ours beside the ideal receiver, on the same kind of link."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.process import BenchError, Sample, run_child, serving
from tools.bench.result import Result, compare
from tools.bench.sessions import aim, simulator

MIB: Final = 1_048_576
GIB: Final = 1024 * MIB
LISTEN: Final = {"tcp": "tcp:127.0.0.1:0", "pty": "pty", "usb": "usbip:127.0.0.1:0"}
AIMS: Final = {"tcp": 0.80, "pty": 0.90, "usb": 0.70}
ROOM: Final = 3
"""Free space wanted, in sizes: the throw-away file, the stored one, and a margin."""

OURS: Final = "tools.bench.our_receiver"
IDEAL: Final = "tools.bench.ideal_receiver"


def offloading(link: str, sizes_mib: list[int], rounds: int | None, store: Path) -> Iterator[Result]:
    """A result a size. The camera and the ideal's sender are processes of their own."""
    with serving("tools.bench.ideal_sender", link) as ideal:
        for mib in sizes_mib:
            if shutil.disk_usage(store).free < ROOM * mib * MIB:
                raise BenchError(f"{store} has no room for {ROOM} × {mib} MiB")
            camera = simulator("--recordings", "1", "--mib", str(mib), "--listen", LISTEN[link])
            with serving(*camera) as uri:
                yield _one_size(link, mib, rounds or _rounds(mib), store, {OURS: uri, IDEAL: ideal})


def _one_size(link: str, mib: int, rounds: int, store: Path, contenders: dict[str, str]) -> Result:
    samples: dict[str, list[Sample]] = {module: [] for module in contenders}
    order = list(contenders)
    for _ in range(rounds):
        for module in order:
            samples[module].append(sample(module, contenders[module], mib, store))
        order.reverse()  # neither always runs on what the other left behind
    ours, ideal = samples[OURS], samples[IDEAL]
    more = {
        "CPU s/GiB": statistics.median(s.cpu_seconds for s in ours) * GIB / (mib * MIB),
        "ideal's": statistics.median(s.cpu_seconds for s in ideal) * GIB / (mib * MIB),
        "peak RSS MiB": max(s.peak_rss_bytes for s in ours) / MIB,
    }
    rate = mib * MIB / 1e6
    return compare(
        f"offload {link} {mib} MiB",
        "MB/s",
        [rate / s.seconds for s in ours],
        [rate / s.seconds for s in ideal],
        aim=aim(f"≥ {AIMS[link]:.2f}"),
        more=more,
    )


def sample(module: str, address: str, mib: int, store: Path) -> Sample:
    """One run of a contender, into a directory of its own."""
    warm(store, mib)
    target = store / "target"
    target.mkdir()
    try:
        return run_child(module, address, str(mib), target)
    finally:
        shutil.rmtree(target)


def warm(store: Path, mib: int) -> None:
    """Writes and removes a throw-away file, untimed: a virtual machine is slow to touch memory that lay idle."""
    path, block = store / "throw-away", bytes(MIB)
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(block)
    path.unlink()


def _rounds(mib: int) -> int:
    return 9 if mib < 256 else 7 if mib < 1024 else 5
