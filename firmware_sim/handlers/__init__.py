"""What the simulated camera answers, one file a subject: the mirror of the declared messages.

Importing this package fills `CAMERA`. A handler reads or changes the camera and gives the reply, or raises
`Refusal`. Roles are checked before it is called; preconditions are its business.
"""

from firmware_sim.handlers import assignment, audit, battery, clock, config, device, recordings, storage
from firmware_sim.handlers.registry import CAMERA

__all__ = ["CAMERA", "assignment", "audit", "battery", "clock", "config", "device", "recordings", "storage"]
