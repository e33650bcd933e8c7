"""Many cameras through one docking station beside one camera alone, each by the offload engine over TCP.

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

MIB: Final = 1_048_576
ROUNDS: Final = 5
AIMS: Final = {1: "", 4: "", 16: "≥ 1.00", 64: "≥ 0.80"}
DOCK: Final = "tools.bench.dock_receiver"
LISTEN: Final = ("--listen", "tcp:127.0.0.1:0")


def docking(cameras: int, sizes_mib: list[int], rounds: int | None, store: Path) -> Iterator[Result]:
    """A result a size, which is that of all cameras together; each has a whole number of MiB, at least 1."""
    for mib in sizes_mib:
        each = max(1, mib // cameras)
        sim = ("bwc_sdk", "sim", "--recordings", "1", "--mib")
        with (
            serving(*sim, str(each * cameras), *LISTEN) as alone,
            serving(*sim, str(each), "--station", str(cameras), *LISTEN) as station,
        ):
            ours: list[Sample] = []
            beside: list[Sample] = []
            for number in range(rounds or ROUNDS):
                for many in (
                    (False, True) if number % 2 else (True, False)
                ):  # neither always runs on what the other left
                    if many:
                        ours.append(_sample(store, each * cameras, DOCK, station, each, cameras))
                    else:
                        beside.append(_sample(store, each * cameras, OURS, alone, each * cameras))
        yield _result(cameras, each * cameras, ours, beside)


def _sample(store: Path, total_mib: int, module: str, address: str, mib: int, *more: int) -> Sample:
    warm(store, total_mib)
    target = store / "target"
    target.mkdir()
    try:
        return run_child(module, address, str(mib), target, *map(str, more))
    finally:
        shutil.rmtree(target)


def _result(cameras: int, mib: int, ours: list[Sample], beside: list[Sample]) -> Result:
    rate = mib * MIB / 1e6
    more = {"CPU s/GiB": statistics.median(one.cpu_seconds for one in ours) * 1024 / mib}
    if cameras > 1:
        peaks = [statistics.median(one.peak_rss_bytes for one in samples) for samples in (ours, beside)]
        more["MiB/further camera"] = (peaks[0] - peaks[1]) / MIB / (cameras - 1)
    return compare(
        f"station {cameras} × {mib // cameras} MiB",
        "MB/s",
        [rate / one.seconds for one in ours],
        [rate / one.seconds for one in beside],
        aim=AIMS.get(cameras, ""),
        more=more,
    )
