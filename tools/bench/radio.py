"""Offload over BLE beside bare bleak notifications of as many bytes, over the same virtual Bluetooth.

There is no radio in it: both are bounded by what bumble costs, and the ratio says what our layers add to that.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tools.bench.offloading import sample
from tools.bench.process import Sample, serving
from tools.bench.result import Result, compare
from tools.bench.sessions import aim, simulator

MIB: Final = 1_048_576
ROUNDS: Final = 5
AIM: Final = "≥ 0.80"
OURS: Final = "tools.bench.our_receiver"
BARE: Final = "tools.bench.bare_listener"


def radio(sizes_mib: list[int], rounds: int | None, store: Path) -> Iterator[Result]:
    """A result a size. Camera and notifier are processes of their own."""
    for mib in sizes_mib:
        camera = simulator("--recordings", "1", "--mib", str(mib), "--set", "radio.ble_docked=full")
        with (
            serving("tools.bench.bare_notifier", str(mib)) as bare,
            serving(*camera, "--listen", "ble:tcp-server:127.0.0.1:0") as uri,
        ):
            yield _one_size(mib, rounds or ROUNDS, store, {OURS: uri, BARE: bare})


def _one_size(mib: int, rounds: int, store: Path, contenders: dict[str, str]) -> Result:
    samples: dict[str, list[Sample]] = {module: [] for module in contenders}
    order = list(contenders)
    for _ in range(rounds):
        for module in order:
            samples[module].append(sample(module, contenders[module], mib, store))
        order.reverse()  # neither always runs on what the other left behind
    rate = mib * MIB / 1e3
    ours, bare = samples[OURS], samples[BARE]
    return compare(
        f"offload BLE {mib} MiB",
        "kB/s",
        [rate / one.seconds for one in ours],
        [rate / one.seconds for one in bare],
        aim=aim(AIM),
        more={
            "CPU s/MiB": statistics.median(one.cpu_seconds for one in ours) / mib,
            "bare": statistics.median(one.cpu_seconds for one in bare) / mib,
        },
    )
