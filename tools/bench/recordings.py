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
from tools.bench.sessions import aim as told_aim
from tools.bench.sessions import simulator

HTTP: Final = "tools.bench.http_receiver"
COPY: Final = "tools.bench.copy_receiver"
BESIDE: Final = {"large": {IDEAL: "≥ 1.25", HTTP: "≥ 0.90"}, "small": {COPY: ""}}
"""Who stands beside ours, each for a result of its own, and the aim."""
FULL: Final = {"large": (8, 128), "small": (500, 1)}
"""Recordings, MiB each."""
QUICK: Final = {"large": (4, 32), "small": (100, 1)}
ROUNDS: Final = 5
ROOM: Final = 4
"""Free space wanted, in sizes: the throw-away file, the stored ones, those to copy from, and a margin."""


def recordings(kind: str, quick: bool, mib: int | None, rounds: int | None, store: Path) -> Iterator[Result]:
    """`large` or `small` ones; a result for each contender beside ours. `mib` is the size of each of the quick ones."""
    count, each = (QUICK if quick or mib else FULL)[kind]
    each = mib or each
    _check_room(store, count * each)
    if kind == "large":
        with (
            serving("tools.bench.ideal_sender", "tcp") as ideal,
            serving("tools.bench.http_sender") as http,
        ):
            yield from _beside(kind, {IDEAL: ideal, HTTP: http}, count, each, rounds, store)
    else:
        source = store / "source"
        source.mkdir()
        for number in range(count):
            (source / f"{number}.mp4").write_bytes(bytes([number % 256]) * (each * MIB))
        yield from _beside(kind, {COPY: str(source)}, count, each, rounds, store)


def _check_room(store: Path, total_mib: int) -> None:
    if shutil.disk_usage(store).free < ROOM * total_mib * MIB:
        raise BenchError(f"{store} has no room for {ROOM} × {total_mib} MiB")


def _beside(
    kind: str, beside: dict[str, str], count: int, mib: int, rounds: int | None, store: Path
) -> Iterator[Result]:
    camera = simulator("--recordings", str(count), "--mib", str(mib), "--listen", LISTEN["tcp"])
    with serving(*camera) as uri:
        contenders = {OURS: uri} | beside
        samples: dict[str, list[Sample]] = {module: [] for module in contenders}
        order = list(contenders)
        for _ in range(rounds or ROUNDS):
            for module in order:
                samples[module].append(_sample(module, contenders[module], count, mib, store))
            order.reverse()  # none always runs on what another left behind
    for module, aim in BESIDE[kind].items():
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
        aim=told_aim(aim),
        more={
            "CPU s/GiB": statistics.median(sample.cpu_seconds for sample in ours) / gib,
            "its": statistics.median(sample.cpu_seconds for sample in other) / gib,
            "peak RSS MiB": max(sample.peak_rss_bytes for sample in ours) / MIB,
            "ms each": statistics.median(sample.seconds for sample in ours) * 1000 / count,
        },
    )
