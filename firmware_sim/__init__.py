"""Firmware of a body-worn camera and of a docking station, simulated.

For authors of tests: `make_camera` and `make_station` make one, `LoneCameraHands` and `StationHands` do to it what a
tester does by hand (docs/benches.md), `FaultPlan` is what goes wrong. Each is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from firmware_sim.control.camera_hands import CameraHands, LoneCameraHands
    from firmware_sim.control.hands import Hands
    from firmware_sim.control.station_hands import StationHands
    from firmware_sim.faults.plan import FaultPlan
    from firmware_sim.scenarios import make_camera, make_station

__all__ = [
    "CameraHands",
    "FaultPlan",
    "Hands",
    "LoneCameraHands",
    "StationHands",
    "make_camera",
    "make_station",
]

_MODULES: Final = {
    "CameraHands": "control.camera_hands",
    "FaultPlan": "faults.plan",
    "Hands": "control.hands",
    "LoneCameraHands": "control.camera_hands",
    "StationHands": "control.station_hands",
    "make_camera": "scenarios",
    "make_station": "scenarios",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
