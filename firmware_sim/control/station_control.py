"""What a tester does by hand at a simulated docking station and to the cameras around it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Final

from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.camera_control import (
    CAMERA_USAGES,
    Control,
    NoSuchBay,
    NoSuchCamera,
    Refused,
    WrongUsage,
    act_on,
    press,
    shown,
    told,
)
from firmware_sim.control.hands import Hands

if TYPE_CHECKING:
    from firmware_sim.station.bay import SimBay

HEAT_C: Final = (-40.0, 150.0)
"""What the sensor at the contacts can read."""
STATION_USAGES: Final = {
    "undock": "undock BAY",
    "dock": "dock BAY [CAMERA]",
    "heat": "heat BAY CELSIUS",
    "cool": "cool BAY",
    "swell": "swell BAY",
    "camera": f"camera BAY|CAMERA {' | '.join(CAMERA_USAGES.values())}",
    "reboot": "reboot",
    "crash": "crash",
    "enroll": "enroll",
    "reset": "reset",
}


class StationControl(Control):
    """The hands at a station. `CAMERA` is a serial number, also that of a camera that is away."""

    usages: Mapping[str, str] = STATION_USAGES

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._station = hands.station

    def act(self, words: list[str]) -> str:
        match words:
            case ["undock", number]:
                return self._moved(self._bay(number), None, out=True)
            case ["dock", number, *name] if len(name) < 2:
                bay = self._bay(number)
                return self._moved(bay, self._named(name[0]) if name else None, out=False)
            case ["heat", number, celsius]:
                bay = self._bay(number)
                bay.heat_dc = round(10 * _celsius(celsius))
                return self._sensed(bay)
            case ["cool", number]:
                bay = self._bay(number)
                bay.heat_dc = None
                return self._sensed(bay)
            case ["swell", number]:
                bay = self._bay(number)
                self._in_bay(bay)
                bay.swollen = True
                return self._sensed(bay)
            case ["camera", who, *rest] if rest:
                camera = self._in_bay(self._bay(who)) if who.isdecimal() else self._named(who)
                if not act_on(camera, rest):
                    raise self.not_understood(words)
                return f"{rest[0]} {told(camera)}"
            case ["reboot"]:
                self._demand_awake()
                self._station.request_reboot(0.0)
                self._station.settle()
                return "state=off"
            case ["crash"]:
                self._demand_awake()
                self._station.crash()
                return "state=off"
            case ["enroll"]:
                press(self._station, "enroll")
                return f"station={self._station.serial}"
            case ["reset"]:
                press(self._station, "reset")
                return "state=off"
            case _:
                raise self.not_understood(words)

    def _moved(self, bay: SimBay, camera: SimCamera | None, *, out: bool) -> str:
        try:
            moved = self._hands.take(bay.number) if out else self._hands.put(bay.number, camera)
        except ValueError as error:
            raise Refused(str(error)) from error
        return f"bay={bay.number} camera={moved.serial} docking={bay.docking} state={bay.state}"

    def _sensed(self, bay: SimBay) -> str:
        """Has the sensors read at once: whoever heats a bay need not wait for the station's next look."""
        self._station.settle()
        return f"bay={bay.number} celsius={bay.temperature_dc / 10:.1f} state={bay.state}"

    def _demand_awake(self) -> None:
        if not self._station.awake():
            raise Refused("it is off")

    def _bay(self, word: str) -> SimBay:
        bays = self._station.bays
        number = int(word) if word.isdecimal() and len(word) < 4 else 0
        if number not in bays:
            raise NoSuchBay(f"there is no bay {shown(word)}, only 1 to {len(bays)}")
        return bays[number]

    def _in_bay(self, bay: SimBay) -> SimCamera:
        if bay.camera is None:
            raise NoSuchCamera(f"bay {bay.number} is empty")
        return bay.camera

    def _named(self, serial: str) -> SimCamera:
        for camera in chain(self._station.cameras(), self._hands):
            if camera.serial == serial:
                return camera
        raise NoSuchCamera(f"there is no camera {shown(serial)} here")


def _celsius(word: str) -> float:
    low, high = HEAT_C
    try:
        celsius = float(word)
    except ValueError:
        celsius = math.nan
    if not low <= celsius <= high:
        raise WrongUsage(f"CELSIUS is a number from {low:.0f} to {high:.0f}, not {shown(word)}")
    return celsius
