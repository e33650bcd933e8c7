"""From whatever a camera is to the state that a test wants, by what the bench has at it.

`off` is a loss of all power, `undocked` one of the dock's supply alone; `docked` answers; `provisioned` belongs to an
agency or to a lab, and has its clock set; `recording` records. Nothing is enrolled, assigned or erased here: that is
for people, by `bwc enroll` and `bwc provision`.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from typing import Any, Final

import attr
from labgrid.binding import BindingState
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.strategy import Strategy, StrategyError
from labgrid.strategy.common import never_retry

from bwc_protocol.messages.identity import CameraState, DeviceStatus, Fault
from bwc_sdk.errors import LinkError, TransportError
from bwc_sdk.labgrid.asked import seconds
from bwc_sdk.labgrid.power import ENTIRE_SUPPLY, BWCButtonDriver, BWCDockPowerDriver, in_words

RESTART_S: Final = 40.0
"""Within this a camera is back from a loss of power, unless the environment file gives it longer."""
RESTART_MAX_S: Final = 600.0
SEEN_S: Final = 10.0
"""Within this a camera shows what a switch or a button has done: it debounces, and files a recording first."""
PAUSE_S: Final = 0.1
RECORD: Final = ("button_record", "button")
"""The button that starts a recording: that one, or the only one."""


class Status(enum.Enum):
    """What a camera is, from nothing on upwards."""

    unknown = 0
    off = 1
    undocked = 2
    docked = 3
    provisioned = 4
    recording = 5


@target_factory.reg_driver
@attr.s(eq=False)
class BWCStrategy(Strategy):
    """Moves the switches and buttons of its target (`BWCDockPowerDriver`, `BWCButtonDriver`), and looks at the camera
    whether it is as it should be. One that came to nothing is not tried again."""

    bindings = {"driver": "BWCDriver"}  # noqa: RUF012 - labgrid reads a plain dict
    status = attr.ib(default=Status.unknown)
    restart_s = attr.ib(default=RESTART_S, validator=seconds(RESTART_MAX_S))

    @never_retry
    @step(args=["status"])
    def transition(self, status: Status | str, *, step: Any) -> None:
        """Brings the camera to a state. Raises `StrategyError`, now and ever after, where it does not come to it."""
        wanted = _status(status)
        if wanted is self.status:
            step.skip("nothing to do")
            return
        match wanted:
            case Status.off:
                self._cut(ENTIRE_SUPPLY)
            case Status.undocked:
                self._undock()
            case Status.docked:
                self._dock()
            case Status.provisioned:
                self._provisioned()
            case Status.recording:
                self._record()
            case Status.unknown:
                raise StrategyError("nothing can be brought to 'unknown'")
        self.status = wanted

    @never_retry
    @step(args=["status"])
    def force(self, status: Status | str) -> None:
        """Takes the camera for what somebody says that it is."""
        self.status = _status(status)
        if self.status in (Status.docked, Status.provisioned, Status.recording):
            self.target.activate(self.driver)

    # The states

    def _undock(self) -> None:
        self._dock()
        cut = self._cut(frozenset({"vbus"}), sparing=frozenset({"battery"}))
        if "data" not in cut:
            self._await("it still says that it is docked", lambda now: not now.docked)

    def _dock(self) -> None:
        for switch in self._switches:
            self._activated(switch).on()
        self._answering()
        self._await("it does not say that it is docked and ready", lambda now: now.docked and _ready(now))

    def _provisioned(self) -> None:
        self.transition(Status.docked)
        camera = self.driver.camera
        if camera.peer.secure and not camera.trust.read().enrolled:
            raise StrategyError(
                f"{camera.identity} belongs to nobody; try: 'bwc enroll', and then 'bwc provision'"
            )
        if camera.device.status().faults & Fault.CLOCK_UNSET:
            raise StrategyError(
                f"the clock of {camera.identity} is not set; try: 'bwc provision', or sync_clock()"
            )

    def _record(self) -> None:
        self.transition(Status.provisioned)
        if any("vbus" in one.what_it_cuts and "data" not in one.what_it_cuts for one in self._switches):
            # Many do not record in their dock.
            self._cut(frozenset({"vbus"}), sparing=frozenset({"battery", "data"}))
            self._await("it still says that it is docked", lambda now: not now.docked)
        self._activated(self._record_button).press()
        self._await(
            "it does not record after its button was pressed", lambda now: now.state is CameraState.RECORDING
        )

    # What is at the camera

    @property
    def _switches(self) -> list[BWCDockPowerDriver]:
        return [one for one in self.target.drivers if isinstance(one, BWCDockPowerDriver)]

    @property
    def _record_button(self) -> BWCButtonDriver:
        buttons = {one.actuator: one for one in self.target.drivers if isinstance(one, BWCButtonDriver)}
        for name in RECORD:
            if name in buttons:
                return buttons[name]
        raise StrategyError(
            "no button starts a recording here: add a BWCButtonDriver with actuator: button_record"
        )

    def _cut(self, wanted: frozenset[str], *, sparing: frozenset[str] = frozenset()) -> frozenset[str]:
        """Switches off the fewest that together cut what is wanted, and nothing that is spared; what they cut."""
        usable = [
            one for one in self._switches if one.what_it_cuts & wanted and not one.what_it_cuts & sparing
        ]
        usable.sort(key=lambda one: (-len(one.what_it_cuts & wanted), len(one.what_it_cuts)))
        chosen: list[BWCDockPowerDriver] = []
        left = wanted
        for one in usable:
            if one.what_it_cuts & left:
                chosen.append(one)
                left -= one.what_it_cuts
        if left:
            raise StrategyError(
                f"no BWCDockPowerDriver of this target cuts {in_words(left)}: a camera has a battery"
            )
        cut = frozenset[str]().union(*(one.what_it_cuts for one in chosen))
        if "data" in cut or cut >= ENTIRE_SUPPLY:
            self._deactivated()
        for one in chosen:
            self._activated(one).off()
        return cut

    def _activated(self, driver: Any) -> Any:
        self.target.activate(driver)
        return driver

    def _deactivated(self) -> None:
        if self.driver.state is BindingState.active:
            self.target.deactivate(self.driver)

    # What the camera says

    def _answering(self) -> None:
        """Connects, to a camera that may be restarting."""
        until = time.monotonic() + self.restart_s
        while True:
            try:
                self.target.activate(self.driver)
                self.driver.camera.device.status()
                return
            except (TransportError, LinkError):
                self._deactivated()
                if time.monotonic() > until:
                    raise
            time.sleep(PAUSE_S)

    def _await(self, otherwise: str, is_so: Callable[[DeviceStatus], bool]) -> None:
        """Looks until the camera shows it. Raises `StrategyError` with what it shows instead."""
        until = time.monotonic() + SEEN_S
        while not is_so(now := self.driver.status()):
            if time.monotonic() > until:
                raise StrategyError(f"{otherwise}, {SEEN_S:g} s later: {now.state}, docked: {now.docked}")
            time.sleep(PAUSE_S)


def _ready(now: DeviceStatus) -> bool:
    return now.state is not CameraState.BOOTING


def _status(status: Status | str) -> Status:
    if isinstance(status, Status):
        return status
    if status not in Status.__members__:
        raise StrategyError(f"there is no state {status!r}: take one of {', '.join(Status.__members__)}")
    return Status[status]
