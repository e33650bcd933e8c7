"""A camera, as the parts of it see it that act by themselves: radio, wearer, report, snapshot."""

from __future__ import annotations

from typing import Protocol

from bwc_protocol.declare import Event
from bwc_protocol.messages.assignment import AssignmentState
from bwc_protocol.messages.identity import CameraState
from firmware_sim.camera.recorder import Recorder
from firmware_sim.camera.settings import Settings
from firmware_sim.device.snapshot import Lasting
from firmware_sim.physics.battery import Battery
from firmware_sim.storage.storage import Storage


class Reporting(Protocol):
    """What tells hosts that something changed."""

    def changes(self) -> None:
        """Tells what changed since the last call."""


class CameraBody(Lasting, Protocol):
    """Its models and its state."""

    running: bool
    docked: bool
    battery: Battery
    storage: Storage
    settings: Settings
    recorder: Recorder
    assignment: AssignmentState
    powered_s: float

    @property
    def powered_min(self) -> int:
        """Whole minutes that it has been running since it was made."""

    @property
    def report(self) -> Reporting: ...

    @property
    def state(self) -> CameraState:
        """What it is doing."""

    @property
    def may_record(self) -> bool:
        """Whether its footage would be anybody's."""

    def settle(self) -> None:
        """Brings it up to the present."""

    def broadcast(self, event: Event) -> None:
        """Sends an event to every host."""
