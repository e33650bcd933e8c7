"""Hands at a simulated device: through the named pipe of `bwc sim --control`, or of a simulator in this process.

They take the camera out of its dock or its bay and put it back, pull its cable, take its power, and press its buttons.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.actuators.actuator import ENTIRE_SUPPLY, SWITCHES, Actuator, ActuatorFailed, Cut, Move

if TYPE_CHECKING:
    from firmware_sim.control.camera_control import Control

ANSWER_S: Final = 10.0
"""Within this a simulator in this process has carried out a command: it takes no longer than its own step."""
LINE_MAX: Final = 200
"""Characters of a command: a simulator takes 256 bytes, and a pipe takes so much at once."""
IN_MEMORY: Final = "sim"
RECORD: Final = "button_record"


@dataclass(frozen=True, slots=True)
class SimulatorDriver:
    """A line of text for each move (docs/benches.md, a tester's hands)."""

    uri: str
    control: Path | None
    """The named pipe; None = a simulator of this process."""
    lines: Mapping[Move, str]

    @property
    def moves(self) -> frozenset[Move]:
        return frozenset(self.lines)

    @property
    def unattended(self) -> bool:
        return True

    def move(self, what: Move) -> None:
        if self.control is None:
            _act_in_memory(DeviceUri.parse(self.uri), self.lines[what])
        else:
            _write(self.control, f"{self.lines[what]}\n".encode())

    def check(self) -> str:
        if self.control is not None:
            os.close(_open(self.control))
        return ""

    def __str__(self) -> str:
        return "by the hands at a simulator"


def simulated(name: str, uri: str, control: Path | None, *, press: str | None = None) -> Actuator | None:
    """An actuator of that name at a simulator, as far as it has one: `press` is what a button does, `record start` for
    the recording button."""
    bay = DeviceUri.parse(uri).bay
    at = f"camera {bay} " if bay else ""
    lines: dict[Move, str]
    match name:
        case "bay_relay" if bay:
            lines, cuts = {Move.OFF: f"undock {bay}", Move.ON: f"dock {bay}"}, SWITCHES[name]
        case "vbus_relay" if not bay:
            lines, cuts = {Move.OFF: "undock", Move.ON: "dock"}, SWITCHES[name]
        case "battery_cut":
            lines, cuts = {Move.CYCLE: f"{at}power cut torn"}, ENTIRE_SUPPLY
        case "data_switch":
            lines, cuts = {Move.OFF: f"{at}unplug", Move.ON: f"{at}plug"}, SWITCHES[name]
        case _ if press or name == RECORD:
            lines, cuts = {Move.PRESS: at + (press or "record start")}, frozenset[Cut]()
        case _:
            return None
    return Actuator(name, cuts, SimulatorDriver(uri, control, lines))


def all_simulated(uri: str, control: Path | None) -> dict[str, Actuator]:
    """What is at a simulator without anybody's word: one of this process, or one whose `control` is named."""
    if control is None and DeviceUri.parse(uri).scheme != IN_MEMORY:
        return {}
    found = (simulated(name, uri, control) for name in (*SWITCHES, RECORD))
    return {one.name: one for one in found if one is not None}


def _open(control: Path) -> int:
    try:
        if not stat.S_ISFIFO(control.stat().st_mode):
            raise ActuatorFailed(
                f"{control} is no named pipe: a simulator reads a file to its end, and no further",
                advice=f"make one, 'mkfifo {control}', before 'bwc sim --control {control}'",
            )
        return os.open(control, os.O_WRONLY | os.O_NONBLOCK)  # never waits for a simulator that is not there
    except OSError as error:
        raise ActuatorFailed(
            f"no simulator takes commands from {control}: {error.strerror or error}",
            advice=f"start it: 'bwc sim --control {control}'",
        ) from error


def _write(control: Path, line: bytes) -> None:
    pipe = _open(control)
    try:
        os.write(pipe, line)  # whole or not at all: shorter than what a pipe takes at once
    except OSError as error:
        raise ActuatorFailed(
            f"the simulator takes nothing from {control}: {error.strerror or error}",
            advice="it hangs, or its pipe is full: start it anew",
        ) from error
    finally:
        os.close(pipe)


_HANDS: Final[WeakKeyDictionary[Any, Any]] = WeakKeyDictionary()
"""Who holds the cameras that were taken out of a station of this process."""


def _act_in_memory(uri: DeviceUri, line: str) -> None:
    from bwc_sdk.sync.loop import loop_thread

    device: Any = transport_for(uri)

    async def act() -> str | None:  # in the loop in which the simulator lives
        return _control_of(device.camera).answer(line.encode())

    answer = loop_thread().run(act(), ANSWER_S) or ""
    if not answer.startswith("ok "):
        raise ActuatorFailed(
            f"the simulator did not do '{line}': {answer}",
            device=str(uri),
            advice="is it in a state for that?",
        )


def _control_of(device: Any) -> Control:
    from firmware_sim.control.camera_control import CameraControl
    from firmware_sim.control.hands import Hands
    from firmware_sim.control.station_control import StationControl
    from firmware_sim.station.station import SimStation

    if not isinstance(device, SimStation):
        return CameraControl(device)
    if device not in _HANDS:
        _HANDS[device] = Hands(device)
    return StationControl(_HANDS[device])
