"""Plays a shift: each camera lives through it in virtual time, as fast as that goes, and is as it came back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bwc_protocol.messages.audit import AuditKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.provisioning import provision
from firmware_sim.control.camera_hands import LoneCameraHands
from firmware_sim.control.command import carry_out
from firmware_sim.control.errors import ControlError
from firmware_sim.control.passing import pass_time
from firmware_sim.device.trust.kept import Agency
from firmware_sim.flash.directory_flash import DirectoryFlash
from firmware_sim.flash.flash import StateError
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.shift.script import COMMANDS, Shift, ShiftError, Step, Wearer

SEGMENT_MIB: Final = 1
"""Of each segment: hours of footage are then made in no time."""


class PlayedFlash(DirectoryFlash):
    """The directory of a camera, durable from the end of the shift on, and not at each of its seconds: a shift that is
    interrupted is worked anew."""

    over = False

    def sync(self, name: str) -> None:
        if self.over:
            super().sync(name)

    def sync_directory(self, name: str = "") -> None:
        if self.over:
            super().sync_directory(name)


@dataclass(frozen=True, slots=True)
class Happened:
    """A step of somebody, and what became of it."""

    officer: str
    camera: str
    step: Step
    refused: str
    """Why it had no effect, such as of a camera whose battery is empty; "" if it had."""

    def __str__(self) -> str:
        end = f": {self.refused}" if self.refused else ""
        return f"{self.officer} ({self.camera}) {self.step}{end}"


@dataclass(frozen=True, slots=True)
class Played:
    """A shift that is over: the cameras as their wearers left them, in the order of the script."""

    cameras: tuple[SimCamera, ...]
    happened: tuple[Happened, ...]

    @property
    def refused(self) -> tuple[Happened, ...]:
        """What had no effect."""
        return tuple(one for one in self.happened if one.refused)

    def close(self) -> None:
        """Ends all cameras in order: their state is kept."""
        for camera in self.cameras:
            camera.close()


def play(
    shift: Shift,
    *,
    seed: int = 0,
    ends_utc_ns: int | None = None,
    mib: int = SEGMENT_MIB,
    agency: Agency | None = None,
    sealed: bool = True,
    state: Callable[[int], Path | None] = lambda number: None,
    cameras: Sequence[SimCamera] = (),
    docked: Callable[[SimCamera], object] = lambda camera: None,
) -> Played:
    """Plays a shift that is over at `ends_utc_ns`, which is now unless somebody says otherwise.

    The camera of wearer n, from 1, has the seed `seed` + n, keeps its state where `state(n)` says, and begins the shift
    in its dock, assigned and configured. Each segment of its footage is `mib` MiB of synthetic bytes. The same shift,
    seed and end give the same recordings. `cameras` are those of an earlier shift, one for each wearer: they stay as
    that left them until this one begins, and nobody closes them here. `docked` is called as each of them comes into its
    dock, at that moment of its life: what a dock does there may take time.

    Raises `ShiftError` for settings that a camera refuses and for a state that has a camera already, and what
    `make_camera` raises; then nothing that was made here stays open.
    """
    ends_ns = time.time_ns() if ends_utc_ns is None else ends_utc_ns
    begins_ns = ends_ns - round(shift.hours * 3600 * 1e9)
    carried: list[SimCamera] = []
    happened: list[Happened] = []
    if cameras and len(cameras) != len(shift.wearers):
        raise ShiftError(f"there are {len(shift.wearers)} wearers, and {len(cameras)} cameras")
    with ExitStack() as held:
        for number, wearer in enumerate(shift.wearers, start=1):
            flash: PlayedFlash | None = None
            if cameras:
                camera = cameras[number - 1]
                pass_time([camera], max(0.0, (begins_ns - camera.true_utc_ns()) / 1e9))
            else:
                where = state(number)
                if where is not None and where.exists() and any(where.iterdir()):
                    raise ShiftError(f"{where} has a camera: a shift is worked with new ones")
                flash = None if where is None else PlayedFlash(where)
                camera = make_camera(
                    seed=seed + number,
                    mib=mib,
                    footage=Footage.SYNTHETIC,
                    state=flash,
                    utc_ns=begins_ns,
                    agency=agency,
                    sealed=sealed,
                )
                held.callback(camera.close)
            carried.append(camera)
            _issue(camera, wearer)
            happened += _work(camera, wearer, shift.hours * 3600, docked)
            if flash is not None:
                flash.over = True
                flash.sync_all()
        if ends_utc_ns is None:  # while it was played, too
            for camera in carried:
                pass_time([camera], max(0.0, (time.time_ns() - camera.true_utc_ns()) / 1e9))
        held.pop_all()
    return Played(tuple(carried), tuple(happened))


def _issue(camera: SimCamera, wearer: Wearer) -> None:
    """Configured and assigned, as by a technician before the shift."""
    try:
        provision(camera, wearer.settings)
    except ValueError as error:
        raise ShiftError(f"{wearer.officer}: {error}") from error
    pseudonym = camera.new_pseudonym()
    assignment = replace(
        camera.assignment,
        assigned=True,
        officer=wearer.officer,
        unit=wearer.unit,
        since_utc_ns=camera.clock.utc_ns(),
        revision=camera.assignment.revision + 1,
        pseudonym=pseudonym,
    )
    said = f"{wearer.officer}, unit {wearer.unit or '-'}, {pseudonym}"
    camera.audit.append(AuditKind.ASSIGNED, said, camera.serial, *camera.state_change(assignment=assignment))
    camera.assignment = assignment
    if wearer.charge_pct is not None:
        camera.battery.charge_to(wearer.charge_pct)


def _work(
    camera: SimCamera, wearer: Wearer, length_s: float, docked: Callable[[SimCamera], object]
) -> Iterator[Happened]:
    hands, began_s = LoneCameraHands(camera), camera.time()
    for step in wearer.steps:
        pass_time([camera], max(0.0, began_s + step.at_s - camera.time()))
        was_docked, refused = camera.docked, ""
        try:
            carry_out(hands, COMMANDS, list(step.words))
        except ControlError as error:
            refused = f"{error.word}: {error}"
        except (OSError, StateError) as error:
            refused = str(error)
        if camera.docked and not was_docked:
            docked(camera)
        yield Happened(wearer.officer, camera.serial, step, refused)
    pass_time([camera], max(0.0, began_s + length_s - camera.time()))
