"""Several recordings of one camera over TCP, in one offload.

Large ones beside the ideal receiver, which receives and reads back one after the other, and beside `requests`, which
downloads as many bytes and never looks at them again. Small ones beside `cp -r` and `sync`.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.offloading import GIB, IDEAL, LISTEN, MIB, OURS, warm
from tools.bench.process import BenchError, Sample, run_child, serving
from tools.bench.result import Result, compare

HTTP: Final = "tools.bench.http_receiver"
COPY: Final = "tools.bench.copy_receiver"
LARGE: Final = (8, 128)
SMALL: Final = (500, 1)
"""Recordings, MiB each."""
QUICK_LARGE: Final = (4, 32)
QUICK_SMALL: Final = (100, 1)
ROUNDS: Final = 5
ROOM: Final = 4
"""Free space wanted, in sizes: the throw-away file, the stored ones, those to copy from, and a margin."""


def recordings(kind: str, quick: bool, rounds: int | None, store: Path) -> Iterator[Result]:
    """`large` or `small` ones; a result for each contender beside ours."""
    if kind == "large":
        count, mib = QUICK_LARGE if quick else LARGE
        _check_room(store, count * mib)
        with (
            serving("tools.bench.ideal_sender", "tcp") as ideal,
            serving("tools.bench.http_sender") as http,
        ):
            beside = {IDEAL: (ideal, "≥ 1.25"), HTTP: (http, "≥ 0.90")}
            yield from _beside(beside, count, mib, rounds, store)
    else:
        count, mib = QUICK_SMALL if quick else SMALL
        _check_room(store, count * mib)
        source = store / "source"
        source.mkdir()
        for number in range(count):
            (source / f"{number}.mp4").write_bytes(bytes([number % 256]) * (mib * MIB))
        yield from _beside({COPY: (str(source), "")}, count, mib, rounds, store)


def _check_room(store: Path, total_mib: int) -> None:
    if shutil.disk_usage(store).free < ROOM * total_mib * MIB:
        raise BenchError(f"{store} has no room for {ROOM} × {total_mib} MiB")


def _beside(
    beside: dict[str, tuple[str, str]], count: int, mib: int, rounds: int | None, store: Path
) -> Iterator[Result]:
    camera = ("bwc_sdk", "sim", "--recordings", str(count), "--mib", str(mib), "--listen", LISTEN["tcp"])
    with serving(*camera) as uri:
        contenders = {OURS: uri} | {module: address for module, (address, _) in beside.items()}
        samples: dict[str, list[Sample]] = {module: [] for module in contenders}
        order = list(contenders)
        for _ in range(rounds or ROUNDS):
            for module in order:
                samples[module].append(_sample(module, contenders[module], count, mib, store))
            order.reverse()  # none always runs on what another left behind
    for module, (_, aim) in beside.items():
        yield _result(module, aim, count, mib, samples)


def _sample(module: str, address: str, count: int, mib: int, store: Path) -> Sample:
    warm(store, count * mib)
    target = store / "target"
    target.mkdir()
    try:
        # Ours counts what it stored in all; the others are told how many files of which size.
        each = str(count * mib) if module == OURS else str(mib)
        return run_child(module, address, each, target, str(count))
    finally:
        shutil.rmtree(target)


def _result(module: str, aim: str, count: int, mib: int, samples: dict[str, list[Sample]]) -> Result:
    ours, other = samples[OURS], samples[module]
    gib = count * mib * MIB / GIB
    rate = count * mib * MIB / 1e6
    return compare(
        f"recordings {count} × {mib} MiB, {module.removeprefix('tools.bench.').removesuffix('_receiver')}",
        "MB/s",
        [rate / sample.seconds for sample in ours],
        [rate / sample.seconds for sample in other],
        aim=aim,
        more={
            "CPU s/GiB": statistics.median(sample.cpu_seconds for sample in ours) / gib,
            "its": statistics.median(sample.cpu_seconds for sample in other) / gib,
            "peak RSS MiB": max(sample.peak_rss_bytes for sample in ours) / MIB,
            "ms each": statistics.median(sample.seconds for sample in ours) * 1000 / count,
        },
    )
