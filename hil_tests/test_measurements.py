"""What a report says in numbers: how quick the device is on this link, how right its clock, how full its cell."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Final

import pytest

import bwc_sdk.sync
from bwc_sdk import Role
from bwc_sdk.clients.clock_sync import DEVICE_PPM
from bwc_sdk.offload import OffloadPolicy
from bwc_sdk.sync import SyncCamera, connect
from hil_tests.device.bench import Bench
from hil_tests.run.measuring import Measure
from hil_tests.verdicts import not_tested

CONNECT_S: Final = 15.0
"""An opening ends within this (LNK-016)."""
ANSWER_S: Final = 1.0
"""What needs no storage is answered within this (MSG-011)."""
ROUNDS: Final = 20
DRIFT_S: Final = 5.0
"""How long is looked for the drift. By a slow line it would take half a minute, and the rest of the suite waits."""
COPIED_MAX: Final = 64 << 20
"""Bytes of the largest recording that is copied to see how quick the link is: six seconds of a USB at high speed."""


@pytest.mark.bwc_read_only
def test_how_long_it_takes_to_connect(bwc_guarded: Bench, measure: Measure) -> None:
    began = 0.0

    def once() -> SyncCamera:
        nonlocal began
        began = time.monotonic()  # of the attempt that succeeds: another host may have the device before
        return connect(
            bwc_guarded.uri,
            role=Role.AUDITOR,
            identity=bwc_guarded.key_files,
            lab=bwc_guarded.lab,
            allow_insecure=bwc_guarded.allow_insecure,
        )

    bwc_guarded.note_identity(Role.AUDITOR)
    bwc_guarded.when_free(once)
    measure(
        "connect time", time.monotonic() - began, "s", at_most=CONNECT_S, note="to a session that is ready"
    )


@pytest.mark.bwc_read_only
def test_how_long_an_answer_takes(camera: SyncCamera, measure: Measure) -> None:
    took = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        camera.device.status()
        took.append(time.monotonic() - began)
    measure(
        "round trip, median", statistics.median(took), "s", at_most=ANSWER_S, note="device.status, 20 times"
    )
    measure("round trip, longest", max(took), "s")


@pytest.mark.bwc_read_only
def test_the_cell(camera: SyncCamera, measure: Measure) -> None:
    status = camera.battery.status()
    measure("battery charge", status.charge_pct, "%", at_least=0, at_most=100)
    measure("battery voltage", status.voltage_mv / 1000, "V")
    measure("battery temperature", status.temperature_dc / 10, "°C")
    measure("battery health", status.health_pct, "%", at_least=0, at_most=100)


@pytest.mark.bwc_read_only
def test_how_far_the_clock_is_off_and_how_it_drifts(camera: SyncCamera, measure: Measure) -> None:
    first = now = camera.clock.measure()
    apart_ns = 0
    measure(
        "clock offset",
        first.offset_ns / 1e9,
        "s",
        note=f"host less device, ± {first.uncertainty_ns / 1e9:.2g} s",
    )
    until = time.monotonic() + DRIFT_S
    bound = float("inf")
    while bound > DEVICE_PPM and time.monotonic() < until:  # drift shows once two looks are far enough apart
        now = camera.clock.measure()
        apart_ns = now.stamp.after_ns - first.stamp.after_ns
        bound = 1e6 * (first.uncertainty_ns + now.uncertainty_ns) / max(1, apart_ns)
    if bound > DEVICE_PPM:
        not_tested(f"over this link {DRIFT_S:g} s tell no drift that is below {bound:.0f} ppm")
    drift = 1e6 * (first.offset_ns - now.offset_ns) / apart_ns
    measure("clock drift", drift, "ppm", note=f"± {bound:.2g} ppm, over {apart_ns / 1e9:.2g} s")


def test_how_quick_the_link_is(bwc_guarded: Bench, dock_store: Path, measure: Measure) -> None:
    with bwc_guarded.connect(Role.BENCH) as camera:
        small = [entry for entry in camera.recordings.list() if 0 < entry.size_bytes <= COPIED_MAX]
    if not small:
        not_tested(f"the device has no recording of at most {COPIED_MAX >> 20} MiB")
    bwc_guarded.note_identity(Role.DOCK_OFFLOAD)
    began = time.monotonic()
    result = bwc_sdk.sync.offload(
        bwc_guarded.uri,
        dock_store,
        recordings=[max(small, key=lambda entry: entry.size_bytes).sequence],
        policy=OffloadPolicy(allow_slow=True),
        identity=bwc_guarded.key_files,
        lab=bwc_guarded.lab,
        allow_insecure=bwc_guarded.allow_insecure,
    ).run()
    took_s = time.monotonic() - began
    copied = result.bytes_received
    measure(
        "offload rate",
        copied / took_s,
        "byte/s",
        note=f"{copied:,} bytes in {took_s:.2g} s, with the connecting",
    )
