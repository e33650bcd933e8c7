"""What a camera lives on: its battery, which can be taken out, and the dock, which may feed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from bwc_protocol.messages.identity import CameraState
from firmware_sim.camera.model import AMBIENT_C, IDLE_MA, OFF_MA, RECORDING_MA, SLEEPING_MA
from firmware_sim.physics.battery import Battery

AMBIENT_RANGE_C: Final = (-40.0, 85.0)
"""In a parked car in the sun, and in the north."""


class Supplied(Protocol):
    """The camera that it feeds."""

    running: bool
    docked: bool
    dock_feeds: bool
    battery: Battery

    @property
    def state(self) -> CameraState:
        """What it is doing."""


class Supply:
    """Of one camera. `went` is called when nothing feeds it any more, `came` when something does again."""

    def __init__(self, camera: Supplied, went: Callable[[], None], came: Callable[[], None]) -> None:
        self.battery_in = True
        self.ambient_c = AMBIENT_C
        self._camera = camera
        self._went, self._came = went, came

    @property
    def fed(self) -> bool:
        """Whether the dock gives it power."""
        return self._camera.docked and self._camera.dock_feeds

    @property
    def there(self) -> bool:
        """Whether it has any power."""
        return self.battery_in or self.fed

    @property
    def empty(self) -> bool:
        """Whether the battery has to be spared: the camera switches itself off."""
        return self.battery_in and self._camera.battery.empty

    def advance(self, passed_s: float) -> None:
        """Lets time pass for the battery. One that lies beside the camera carries nothing."""
        load_ma = self._load_ma() if self.battery_in else OFF_MA
        self._camera.battery.advance(passed_s, load_ma, self.ambient_c, charging=self.fed and self.battery_in)

    def take_battery_out(self) -> None:
        """Whatever it does at the time."""
        self.battery_in = False
        self.look()

    def put_battery_in(self) -> None:
        """A camera that was without power starts."""
        was_there, self.battery_in = self.there, True
        if not was_there:
            self._came()

    def look(self) -> None:
        """A camera that nothing feeds is off at once."""
        if not self.there:
            self._went()

    def _load_ma(self) -> float:
        if not self._camera.running:
            return OFF_MA
        match self._camera.state:
            case CameraState.RECORDING | CameraState.POST_EVENT:
                return RECORDING_MA
            case CameraState.SLEEPING:
                return SLEEPING_MA
            case _:
                return IDLE_MA
