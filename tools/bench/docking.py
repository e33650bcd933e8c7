"""Many cameras through one docking station beside one camera alone, without a station and through one, each by the
offload engine over TCP.

As many bytes in all for each, shared among the cameras, a recording each; footage was made and hashed before. Sessions,
lists, tables and syncs are timed on both sides, so that the total has to be large enough for a recording of each of
sixty-four cameras to be one: 16 MiB are a minute of footage. The simulated station, its cameras and the link of each
bay are one process on the same processors: what the relay costs there is in the figure, too.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.offloading import OURS, warm
from tools.bench.process import Sample, run_child, serving
from tools.bench.result import Result, compare
from tools.bench.sessions import aim, simulator

MIB: Final = 1_048_576
ROUNDS: Final = 5
AIMS: Final = {1: "", 4: "", 16: "≥ 1.00", 64: "≥ 0.80"}
DOCK: Final = "tools.bench.dock_receiver"
LISTEN: Final = ("--listen", "tcp:127.0.0.1:0")
MANY: Final = "all bays"
ALONE: Final = "a camera without a station"
ONE_BAY: Final = "one bay of a station"

Contender = tuple[str, str, tuple[int, ...]]
"""Module, address, and what else it is told: MiB a camera, cameras."""


def docking(cameras: int, sizes_mib: list[int], rounds: int | None, store: Path) -> Iterator[Result]:
    """A result a size, which is that of all cameras together; each has a whole number of MiB, at least 1."""
    for mib in sizes_mib:
        each = max(1, mib // cameras)
        total = each * cameras
        sim = simulator("--recordings", "1")
        with (
            serving(*sim, "--mib", str(total), *LISTEN) as alone,
            serving(*sim, "--mib", str(total), "--station", "1", *LISTEN) as one_bay,
            serving(*sim, "--mib", str(each), "--station", str(cameras), *LISTEN) as station,
        ):
            contenders: dict[str, Contender] = {
                MANY: (DOCK, station, (each, cameras)),
                ALONE: (OURS, alone, (total,)),
            }
            if cameras > 1:
                contenders[ONE_BAY] = (DOCK, one_bay, (total, 1))
            samples: dict[str, list[Sample]] = {name: [] for name in contenders}
            order = list(contenders)
            for _ in range(rounds or ROUNDS):
                for name in order:
                    samples[name].append(_sample(store, total, contenders[name]))
                order.reverse()  # none always runs on what another left behind
        yield _result(cameras, total, samples)


def _sample(store: Path, total_mib: int, contender: Contender) -> Sample:
    module, address, (mib, *more) = contender
    warm(store, total_mib)
    target = store / "target"
    target.mkdir()
    try:
        return run_child(module, address, str(mib), target, *map(str, more))
    finally:
        shutil.rmtree(target)


def _result(cameras: int, mib: int, samples: dict[str, list[Sample]]) -> Result:
    rates = {name: [mib * MIB / 1e6 / one.seconds for one in those] for name, those in samples.items()}
    more = {"CPU s/GiB": statistics.median(one.cpu_seconds for one in samples[MANY]) * 1024 / mib}
    if cameras > 1:
        one_bay = statistics.median(rates[ONE_BAY])
        more["MB/s of one bay"] = one_bay
        more["of one bay"] = statistics.median(rates[MANY]) / one_bay
        peaks = [statistics.median(one.peak_rss_bytes for one in samples[name]) for name in (MANY, ALONE)]
        more["MiB/further camera"] = (peaks[0] - peaks[1]) / MIB / (cameras - 1)
    return compare(
        f"station {cameras} × {mib // cameras} MiB",
        "MB/s",
        rates[MANY],
        rates[ALONE],
        aim=aim(AIMS.get(cameras, "")),
        more=more,
    )
