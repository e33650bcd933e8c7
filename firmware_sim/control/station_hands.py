"""The hands of a tester at a simulated docking station and at the cameras around it: the Python API, of which
`bwc sim --station … --control` is the text form."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Final

from bwc_protocol.messages.station import LedMeaning
from firmware_sim.camera.camera import SimCamera
from firmware_sim.control import arguments as of
from firmware_sim.control.camera_hands import CameraHands, press
from firmware_sim.control.command import Written, command, shown
from firmware_sim.control.errors import NoSuchBay, NoSuchCamera, Refused
from firmware_sim.control.hands import Hands
from firmware_sim.control.passing import pass_time
from firmware_sim.station.station import SimStation

if TYPE_CHECKING:
    from firmware_sim.station.bay import SimBay

HEAT_C: Final = (-40.0, 150.0)
"""What the sensor at the contacts can read."""


def bay_of(text: str) -> int:
    """The number of a bay. Raises `NoSuchBay`."""
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise NoSuchBay(f"there is no bay {shown(text)}: bays have numbers")
    return int(text)


Bay = Annotated[int, Written("BAY", bay_of)]
Serial = Annotated[str | None, Written("CAMERA", str)]
Heat = Annotated[float, Written("CELSIUS", lambda text: of.number("CELSIUS", *HEAT_C, text))]


@dataclass(frozen=True, slots=True)
class Moved:
    """A camera that came or went."""

    bay: int
    camera: str
    docking: int
    state: str

    def __str__(self) -> str:
        return f"bay={self.bay} camera={self.camera} docking={self.docking} state={self.state}"


@dataclass(frozen=True, slots=True)
class Sensed:
    """What a bay's sensors read."""

    bay: int
    celsius: float
    state: str

    def __str__(self) -> str:
        return f"bay={self.bay} celsius={self.celsius:.1f} state={self.state}"


@dataclass(frozen=True, slots=True)
class BayLights:
    """The light of each bay that was asked for."""

    lights: dict[int, LedMeaning]

    def __str__(self) -> str:
        return " ".join(f"{bay}={light}" for bay, light in self.lights.items())


class StationHands:
    """Does to a station, and to the cameras that `hands` move there, what somebody who stands before it can do.

    What has no effect raises a `ControlError`, what cannot be kept `OSError`: then it was not done.
    """

    def __init__(self, hands: Hands) -> None:
        self.station: SimStation = hands.station
        self._hands = hands
        self._cameras: dict[SimCamera, CameraHands] = {}

    def camera(self, who: int | str) -> CameraHands:
        """The hands at the camera in a bay, or at that of a serial number, also while it is away."""
        camera = self._in_bay(self._bay(who)) if isinstance(who, int) else self._named(who)
        return self._cameras.setdefault(camera, CameraHands(camera))

    @command
    def undock(self, bay: Bay) -> Moved:
        """takes the camera out, whatever runs on it"""
        return self._moved(self._bay(bay), None, out=True)

    @command
    def unlatch(self, bay: Bay) -> BayLights:
        """opens the lock of a bay by hand"""
        self._bay(bay)
        self.station.unlatch(bay)
        return self.show(bay)

    @command
    def dock(self, bay: Bay, camera: Serial = None) -> Moved:
        """puts back the one that was taken out of that bay last, or any that is away by its serial number"""
        return self._moved(self._bay(bay), None if camera is None else self._named(camera), out=False)

    @command
    def heat(self, bay: Bay, celsius: Heat) -> Sensed:
        """the sensor at the contacts reads this, at once"""
        self._bay(bay).heat_dc = round(10 * celsius)
        return self._sensed(bay)

    @command
    def cool(self, bay: Bay) -> Sensed:
        """the sensor reads what the camera has"""
        self._bay(bay).heat_dc = None
        return self._sensed(bay)

    @command
    def swell(self, bay: Bay) -> Sensed:
        """the camera's cell swells, until it is taken out"""
        self._in_bay(self._bay(bay))
        self._bay(bay).swollen = True
        return self._sensed(bay)

    @command
    def advance(self, seconds: of.Duration) -> None:
        """lets that much time pass at once for the station, the cameras in it, and those that are away"""
        pass_time([self.station, *self.station.cameras(), *self._hands], seconds)

    @command
    def show(self, bay: Annotated[int | None, Written("BAY", bay_of)] = None) -> BayLights:
        """the light of each bay, or of one"""
        self.station.settle()
        bays = self.station.bays.values() if bay is None else [self._bay(bay)]
        return BayLights({one.number: one.led for one in bays})

    @command
    def reboot(self) -> None:
        """the station, in order"""
        self._demand_awake()
        self.station.request_reboot(0.0)
        self.station.settle()

    @command
    def crash(self) -> None:
        """the station, as by a watchdog"""
        self._demand_awake()
        self.station.crash()

    @command
    def enroll(self) -> None:
        """the station's own button: for two minutes it can be enrolled"""
        press(self.station, "enroll")

    @command
    def reset(self) -> None:
        """the opened case: keys go, and it can be enrolled anew"""
        press(self.station, "reset")

    def _moved(self, bay: SimBay, camera: SimCamera | None, *, out: bool) -> Moved:
        try:
            moved = self._hands.take(bay.number) if out else self._hands.put(bay.number, camera)
        except ValueError as error:
            raise Refused(str(error)) from error
        return Moved(bay.number, moved.serial, bay.docking, str(bay.state))

    def _sensed(self, number: int) -> Sensed:
        """Has the sensors read at once: whoever heats a bay need not wait for the station's next look."""
        self.station.settle()
        bay = self._bay(number)
        return Sensed(bay.number, bay.temperature_dc / 10, str(bay.state))

    def _demand_awake(self) -> None:
        if not self.station.awake():
            raise Refused("it is off")

    def _bay(self, number: int) -> SimBay:
        bays = self.station.bays
        if number not in bays:
            raise NoSuchBay(f"there is no bay '{number}', only 1 to {len(bays)}")
        return bays[number]

    def _in_bay(self, bay: SimBay) -> SimCamera:
        if bay.camera is None:
            raise NoSuchCamera(f"bay {bay.number} is empty")
        return bay.camera

    def _named(self, serial: str) -> SimCamera:
        for camera in chain(self.station.cameras(), self._hands):
            if camera.serial == serial:
                return camera
        raise NoSuchCamera(f"there is no camera {shown(serial)} here")
