"""The trend of a soak as a picture: what a device and its host did over all cycles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from firmware_sim.drawing.panels import Curve, Panel, Picture, draw
from hil_tests.soak.journal import HELD, CycleRecord, Head

NAME: Final = "trend.png"
MIB: Final = 1 << 20


def draw_trend(head: Head, cycles: Sequence[CycleRecord], path: Path) -> None:
    """Writes the picture. Raises `ImportError` without the extra `plot`, `OSError`."""
    draw(picture_of(head, cycles), path)


def picture_of(head: Head, cycles: Sequence[CycleRecord]) -> Picture:
    """What is drawn of these cycles."""

    def curve(value: Callable[[CycleRecord], float | None], scale: float = 1.0, label: str = "") -> Curve:
        found = [value(one) for one in cycles]
        return Curve([None if one is None else one * scale for one in found], label)

    last = cycles[-1]
    kind = "SIMULATOR" if head.simulator else "hardware"
    held = (
        f"{len(cycles)} cycles, all held"
        if last.result == HELD
        else f"{last.invariant} broken in cycle {last.cycle}"
    )
    offset = curve(lambda one: one.clock_offset_ms)
    clock = Curve(offset.values, "", [one.clock_uncertainty_ms for one in cycles])
    return Picture(
        title=f"Soak of {head.identity} ({kind}): {held}",
        subtitle=f"seed {head.seed}, {head.began_utc} to {last.utc}, {head.docking}"[:150],
        x=[one.cycle for one in cycles],
        x_label="cycle",
        columns=2,
        panels=(
            Panel("Offload rate", "MB/s", (curve(lambda one: one.offload_rate, 1e-6),), low=0),
            Panel("Connect time", "ms", (curve(lambda one: one.connect_s, 1e3),), low=0),
            Panel("Battery", "%", (curve(lambda one: one.battery_pct),), low=0, high=102),
            Panel(
                "Recordings",
                "",
                (
                    curve(lambda one: one.recordings, label="on the device"),
                    curve(lambda one: one.stored, label="in the store"),
                ),
                low=0,
            ),
            Panel("Clock: what is to be added to the device's time", "ms", (clock,)),
            Panel("Memory of this host", "MiB", (curve(lambda one: one.memory_bytes, 1 / MIB),), low=0),
            Panel("Storage used", "%", (curve(lambda one: one.storage_used, 100),), low=0),
            Panel(
                "Files and threads of this host",
                "",
                (
                    curve(lambda one: one.files, label="files"),
                    curve(lambda one: one.threads, label="threads"),
                ),
                low=0,
            ),
        ),
        marks=tuple(float(one.cycle) for one in cycles if one.faults or one.interruptions),
        marks_label="bad line, or stopped halfway",
        trouble=None if last.result == HELD else (float(last.cycle), last.result),
    )
