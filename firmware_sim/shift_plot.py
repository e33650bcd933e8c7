"""`bwc sim plot`: a day of a simulated camera as a picture: docked, worn for a shift, and docked again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Final

import typer

from firmware_sim import exit_codes
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.device.device import SET_WITHIN_NS
from firmware_sim.drawing.panels import Curve, Panel, Picture, Span, draw
from firmware_sim.footage.source import SyntheticFootage

DAY_MIN: Final = 24 * 60
BEGINS_MIN: Final = 7 * 60
"""When the shift begins, by the clock on the wall."""
RECORDINGS_MAX: Final = 12
LENGTH_MIN: Final = (2, 8)
NS: Final = 1_000_000_000
STEP_S: Final = 60
SEED_MAX: Final = 0xFFFF_FFFF
DOCKED, WORN, RECORDING = "in the dock", "worn", "recording"


@dataclass(slots=True)
class Shift:
    """What a camera went through, minute by minute."""

    identity: str
    minutes: list[float] = field(default_factory=list)
    charge_pct: list[float | None] = field(default_factory=list)
    temperature_c: list[float | None] = field(default_factory=list)
    used_gb: list[float | None] = field(default_factory=list)
    clock_error_ms: list[float | None] = field(default_factory=list)
    spans: list[tuple[int, int, str]] = field(default_factory=list)
    """From minute to minute, and what was."""
    recordings: int = 0


def play_shift(
    *,
    seed: int,
    hours: int = 8,
    recordings: int = 6,
    lengths_min: tuple[int, int] = LENGTH_MIN,
    on: datetime | None = None,
) -> Shift:
    """A day from midnight to midnight, in no time: the dock sets the clock before the shift and behind it.

    Recordings are spread over the shift as `seed` draws them; every byte of them is hashed, as a camera does.
    """
    day = datetime.combine((on or datetime.now(UTC)).date(), time(), UTC)
    camera = SimCamera(
        CameraOptions(seed=seed, footage=SyntheticFootage()), utc_ns=round(day.timestamp()) * NS
    )
    try:
        return _played(camera, _presses(seed, hours, recordings, lengths_min), hours)
    finally:
        camera.close()


def _presses(seed: int, hours: int, recordings: int, lengths_min: tuple[int, int]) -> dict[int, bool]:
    """Minutes at which the button is pressed: to begin, or to end. Each recording has a stretch of the shift."""
    rng = random.Random(f"presses {seed}")
    presses: dict[int, bool] = {}
    stretch = hours * 60 // max(1, recordings)
    for number in range(recordings):
        length = min(rng.randint(*lengths_min), max(1, stretch - 3))
        begin = BEGINS_MIN + number * stretch + rng.randint(1, max(1, stretch - length - 2))
        presses |= {begin: True, begin + length: False}
    return presses


def _played(camera: SimCamera, presses: dict[int, bool], hours: int) -> Shift:
    shift = Shift(camera.serial)
    ends_min = BEGINS_MIN + hours * 60
    shift.spans = [(0, BEGINS_MIN, DOCKED), (BEGINS_MIN, ends_min, WORN), (ends_min, DAY_MIN, DOCKED)]
    began: int | None = None
    for minute in range(DAY_MIN + 1):
        if minute in (BEGINS_MIN, ends_min):
            camera.clock.set_utc_ns(camera.true_utc_ns(), SET_WITHIN_NS)
            camera.undock() if minute == BEGINS_MIN else camera.dock()
        if minute in presses:
            if presses[minute]:
                camera.wearer.start()
                began = minute
            elif began is not None:
                camera.wearer.stop()
                shift.spans.append((began, minute, RECORDING))
        shift.minutes.append(minute)
        shift.charge_pct.append(camera.battery.charge_pct)
        shift.temperature_c.append(camera.battery.temperature_dc / 10)
        shift.used_gb.append((camera.options.capacity_bytes - camera.storage.free_bytes) / 1e9)
        shift.clock_error_ms.append((camera.clock.utc_ns() - camera.true_utc_ns()) / 1e6)
        camera.time.skip(STEP_S)
        camera.awake()
        camera.settle()
    shift.recordings = len(camera.storage)
    return shift


def picture_of(shift: Shift, seed: int) -> Picture:
    """The day as it is drawn."""
    used = max((one for one in shift.used_gb if one is not None), default=0.0)
    return Picture(
        title=f"A shift of {shift.identity} (SIMULATOR)",
        subtitle=f"seed {seed}, {shift.recordings} recordings, {used:.1f} GB; the dock sets the clock before the shift "
        "and behind it",
        x=[minute / 60 for minute in shift.minutes],
        x_label="hour of the day (UTC)",
        panels=(
            Panel("Charge", "%", (Curve(shift.charge_pct),), low=0, high=102),
            Panel("Temperature of the cell", "°C", (Curve(shift.temperature_c),)),
            Panel("Storage used", "GB", (Curve(shift.used_gb),), low=0),
            Panel("Clock: how far the device is ahead", "ms", (Curve(shift.clock_error_ms),)),
        ),
        spans=tuple(Span(begin / 60, end / 60, what) for begin, end, what in shift.spans),
    )


def plot(
    out: Annotated[
        Path, typer.Option("--out", readable=False, metavar="FILE", help="Where the picture goes.")
    ] = Path("shift.png"),
    seed: Annotated[
        int,
        typer.Option(metavar="NUMBER", min=0, max=SEED_MAX, help="The same seed is the same shift."),
    ] = 0,
    hours: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=16, help="Hours of the shift, from 07:00 on.")
    ] = 8,
    recordings: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, max=RECORDINGS_MAX, help="Recordings of the shift, of minutes each."
        ),
    ] = 6,
) -> None:
    """Draw a day of a simulated camera as PNG: charge, temperature, storage and clock error.

    It passes in a few seconds, most of which go into hashing what is recorded.
    """
    try:
        import matplotlib.figure  # noqa: F401  # before the work, and not after it
    except ImportError as error:
        typer.echo("bwc sim plot: it needs the optional part 'plot': pip install 'bwc-sdk[plot]'", err=True)
        raise typer.Exit(exit_codes.MISSING_PART) from error
    try:
        out.touch()
        draw(picture_of(play_shift(seed=seed, hours=hours, recordings=recordings), seed), out)
    except OSError as error:
        typer.echo(f"bwc sim plot: {out} cannot be written: {error.strerror or error}", err=True)
        raise typer.Exit(exit_codes.BAD_FILE) from error
    typer.echo(str(out))
