"""labgrid's drivers as the actuators of a bench: `BWCDockPowerDriver` and `BWCButtonDriver`, whatever moves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from labgrid.driver import ManualPowerDriver, ManualSwitchDriver

from bwc_sdk.errors import BwcError
from bwc_sdk.labgrid import BWCButtonDriver, BWCDockPowerDriver
from hil_tests.actuators.actuator import Actuator, ActuatorFailed, Cut, Move

PEOPLE: Final = (ManualPowerDriver, ManualSwitchDriver)
"""Drivers that ask somebody at the terminal."""


@dataclass(frozen=True, slots=True)
class LabgridDriver:
    """One driver of a target, activated when it is moved first."""

    driver: Any
    acts: Mapping[Move, Callable[[], object]]

    @property
    def moves(self) -> frozenset[Move]:
        return frozenset(self.acts)

    @property
    def unattended(self) -> bool:
        return not isinstance(self.driver.output, PEOPLE)

    def move(self, what: Move) -> None:
        self._try(self.acts[what])

    def check(self) -> str:
        self._try(lambda: None)
        return ""

    def _try(self, act: Callable[[], object]) -> None:
        try:
            self.driver.target.activate(self.driver)
            act()
        except Exception as error:  # whatever a driver of labgrid's, or of the lab's own, meets
            if isinstance(error, BwcError):
                raise
            raise ActuatorFailed(
                f"{self} failed: {type(error).__name__}: {error}",
                advice="try it by hand, by labgrid's own drivers: is its resource there?",
            ) from error

    def __str__(self) -> str:
        output = self.driver.output
        return f"by labgrid's {type(output).__name__}" + (f" {output.name}" if output.name else "")


def switch(driver: BWCDockPowerDriver) -> Actuator:
    """A switch, with what its driver says that it cuts."""
    acts = {Move.ON: driver.on, Move.OFF: driver.off}
    return Actuator(driver.actuator, frozenset(map(Cut, driver.what_it_cuts)), LabgridDriver(driver, acts))


def button(driver: BWCButtonDriver) -> Actuator:
    """A button, which cuts nothing."""
    return Actuator(driver.actuator, frozenset(), LabgridDriver(driver, {Move.PRESS: driver.press}))
