"""An actuator of a bench: a switch, a relay or a button at one device, and what it really cuts.

A relay in a USB cable takes no power from a camera: that has a battery. So each actuator says what it cuts, and whoever
wants a loss of power asks for what cuts all of it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bwc_sdk.errors import BwcError


class Cut(enum.StrEnum):
    """What a device loses."""

    DATA = "data"
    """The way by which the host speaks to it."""
    VBUS = "vbus"
    """The supply by its USB port or by the contacts of its dock. A camera lives on, by its battery."""
    BATTERY = "battery"
    """The battery. A camera in its dock lives on, by the dock."""


class Move(enum.StrEnum):
    """What can be done to an actuator."""

    OFF = "off"
    ON = "on"
    CYCLE = "cycle"
    """Off and on again, of what knows no state between."""
    PRESS = "press"


SWITCHED: Final = frozenset({Move.OFF, Move.ON})
SWITCHES: Final[Mapping[str, frozenset[Cut]]] = {
    "data_switch": frozenset({Cut.DATA}),
    "vbus_relay": frozenset({Cut.VBUS}),
    "bay_relay": frozenset({Cut.DATA, Cut.VBUS}),
    "battery_cut": frozenset({Cut.BATTERY}),
}
"""What has two states, by its name in a bench file, and what each cuts where the file does not say otherwise."""
BUTTON: Final = re.compile(r"button(_[a-z0-9_]{1,24})?")
"""The name of one: `button`, or `button_record` where there are several."""
ENTIRE_SUPPLY: Final = frozenset({Cut.VBUS, Cut.BATTERY})
"""What has to go for a loss of power."""


class ActuatorFailed(BwcError):
    """Raised when an actuator did not do what it was told: the bench is at fault, and nothing is said of the device."""

    layer = "bench"


class NoSuchActuator(BwcError):
    """Raised when the bench has no such actuator, or nobody is there to be asked: what needs it is not tested."""

    layer = "bench"


class Driver(Protocol):
    """How an actuator is moved. Each call ends within a time that the driver bounds."""

    @property
    def moves(self) -> frozenset[Move]:
        """What it can do."""
        ...

    @property
    def unattended(self) -> bool:
        """Whether it needs nobody who is there."""
        ...

    def move(self, what: Move) -> None:
        """Moves it. Raises `ActuatorFailed`, `NoSuchActuator`."""
        ...

    def check(self) -> str:
        """Looks, and moves nothing, whether it could be moved; what is to be known of it, or "". Raises
        `ActuatorFailed` with what to do."""
        ...

    def __str__(self) -> str:
        """How it is moved, for a report."""
        ...


@dataclass(frozen=True, slots=True)
class Actuator:
    """One actuator at one device."""

    name: str
    cuts: frozenset[Cut]
    driver: Driver

    def can(self, what: Move) -> bool:
        """Whether it can be moved so; what has two states can also be cycled."""
        return what in self.driver.moves or (what is Move.CYCLE and self.driver.moves >= SWITCHED)

    @property
    def takes_all(self) -> bool:
        """Whether it alone is a loss of power."""
        return self.cuts >= ENTIRE_SUPPLY

    def __str__(self) -> str:
        return f"{self.name} ({self.driver}): {in_words(self.cuts)}"


def in_words(cuts: frozenset[Cut]) -> str:
    """What is cut, in words, in one order."""
    return f"cuts {' and '.join(cut for cut in Cut if cut in cuts)}" if cuts else "cuts nothing"
