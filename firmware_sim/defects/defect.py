"""What a defect is, and how it gets into a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from firmware_sim.camera.camera import SimCamera
from firmware_sim.station.station import SimStation


@dataclass(frozen=True, slots=True)
class Defect:
    """One way in which a camera breaks one rule. Everything else is as it should be."""

    of_stations: ClassVar[bool] = False
    name: str
    rule: str
    """The number of the rule that it breaks."""
    what: str
    """What such a device does, in a sentence without its subject."""
    into: Callable[[SimCamera], None]
    """Puts it into a camera."""

    def put(self, device: SimCamera | SimStation) -> None:
        """Puts it into a camera, or into each that stands in a station."""
        for camera in device.cameras():
            self.into(camera)


@dataclass(frozen=True, slots=True)
class StationDefect:
    """The same of a docking station; the cameras in its bays are as they should be."""

    of_stations: ClassVar[bool] = True
    name: str
    rule: str
    what: str
    into: Callable[[SimStation], None]

    def put(self, device: SimCamera | SimStation) -> None:
        """Puts it into a station. Raises `ValueError` for a camera."""
        if not isinstance(device, SimStation):
            raise ValueError(f"{self.name} is a defect of docking stations, and this is a camera")
        self.into(device)
