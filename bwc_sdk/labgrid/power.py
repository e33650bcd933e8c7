"""Switches and buttons at a camera, over whatever moves them in a lab: they say what they cut.

A relay in a USB cable takes no power from a camera, which has a battery: it is undocked by it. So each switch has the
name and the cuts of the bench's actuators (docs/benches.md), and none of them is a `ResetProtocol`.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.protocol import DigitalOutputProtocol, PowerProtocol
from labgrid.step import step

from bwc_sdk.labgrid.asked import one_of, seconds

CUTS: Final = {
    "data_switch": frozenset({"data"}),
    "vbus_relay": frozenset({"vbus"}),
    "bay_relay": frozenset({"data", "vbus"}),
    "battery_cut": frozenset({"battery"}),
}
"""What each cuts where the environment file does not say otherwise: the words of a bench file."""
WORDS: Final = ("data", "vbus", "battery")
ENTIRE_SUPPLY: Final = frozenset({"vbus", "battery"})
"""What has to go for a loss of power."""
BUTTON: Final = re.compile(r"button(_[a-z0-9_]{1,24})?")
OFF_S: Final = 2.0
"""How long a cycle leaves it off: what is stored in capacitors is gone by then, and a hub has noticed."""
OFF_MAX_S: Final = 60.0
PRESS_S: Final = 0.2
PRESS_MAX_S: Final = 30.0
"""The longest press that means something: that of a physical reset."""


def _known_cuts(owner: Any, field: Any, value: object) -> None:
    if value is not None and not (isinstance(value, list) and value and set(value) <= set(WORDS)):
        raise ValueError(f"{type(owner).__name__}: cuts is no list of {', '.join(WORDS)}: write cuts: [vbus]")


@target_factory.reg_driver
@attr.s(eq=False)
class BWCDockPowerDriver(Driver, PowerProtocol):
    """A switch at a camera, over a digital output, or over another power driver, which cannot know what it cuts.

    `closed` is what the digital output is set to for the supply, or the data, to pass.
    """

    bindings = {"output": {DigitalOutputProtocol, PowerProtocol}}  # noqa: RUF012 - labgrid reads a plain dict
    actuator = attr.ib(default="vbus_relay", validator=one_of(*CUTS))
    cuts = attr.ib(default=None, validator=_known_cuts)
    closed = attr.ib(default=True, validator=attr.validators.instance_of(bool))
    delay = attr.ib(default=OFF_S, validator=seconds(OFF_MAX_S))

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.cuts is None and not isinstance(self.output, DigitalOutputProtocol):
            raise ValueError(
                f"{self.display_name} lacks cuts: {type(self.output).__name__} switches a supply, and many hubs "
                "that do cut the data alone; see whether a USB light there goes out, and write cuts: [data, vbus]"
            )

    @property
    def what_it_cuts(self) -> frozenset[str]:
        """Of data, vbus and battery."""
        return CUTS[self.actuator] if self.cuts is None else frozenset(self.cuts)

    @property
    def is_loss_of_power(self) -> bool:
        """Whether it alone takes all supply of a camera."""
        return self.what_it_cuts >= ENTIRE_SUPPLY

    def __str__(self) -> str:
        return f"{self.actuator} (cuts {in_words(self.what_it_cuts)})"

    @Driver.check_active
    @step()
    def on(self) -> None:
        """Lets it pass."""
        self._set(True)

    @Driver.check_active
    @step()
    def off(self) -> None:
        """Cuts it."""
        self._set(False)

    @Driver.check_active
    @step()
    def cycle(self) -> None:
        """Cuts it for `delay` seconds. It is on again also where something goes wrong meanwhile."""
        try:
            self.off()
            time.sleep(self.delay)
        finally:
            self.on()

    def _set(self, passes: bool) -> None:
        self.logger.info("%s %s", self, "on" if passes else "off")
        if isinstance(self.output, DigitalOutputProtocol):
            self.output.set(passes is self.closed)
        elif passes:
            self.output.on()
        else:
            self.output.off()


@target_factory.reg_driver
@attr.s(eq=False)
class BWCButtonDriver(Driver):
    """A button of a camera, pressed by a digital output: `button`, or `button_record` where there are several."""

    bindings = {"output": DigitalOutputProtocol}  # noqa: RUF012 - labgrid reads a plain dict
    actuator = attr.ib(default="button_record", validator=attr.validators.matches_re(BUTTON))
    press_s = attr.ib(default=PRESS_S, validator=seconds(PRESS_MAX_S))

    def __str__(self) -> str:
        return self.actuator

    @Driver.check_active
    @step()
    def press(self) -> None:
        """Presses it for `press_s` seconds, and lets it go whatever happens."""
        try:
            self.output.set(True)
            time.sleep(self.press_s)
        finally:
            self.output.set(False)


def in_words(cuts: frozenset[str]) -> str:
    """What is cut, in one order."""
    return " and ".join(word for word in WORDS if word in cuts)
