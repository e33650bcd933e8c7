"""What the simulated devices answer, one file a subject: the mirror of the declared messages.

Importing this package fills `CAMERA` and `STATION`. A handler reads or changes the device and gives the reply,
or raises `Refusal`. Roles are checked before it is called; preconditions are its business.
"""

from firmware_sim.handlers import (
    assignment,
    audit,
    battery,
    clock,
    config,
    device,
    recordings,
    station,
    storage,
)
from firmware_sim.handlers.registry import CAMERA, STATION

__all__ = [
    "CAMERA",
    "STATION",
    "assignment",
    "audit",
    "battery",
    "clock",
    "config",
    "device",
    "recordings",
    "station",
    "storage",
]
