"""The actuators at the device under test: moved by name or by what they cut, told of in the report, given back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hil_tests.actuators.actuator import (
    ENTIRE_SUPPLY,
    SWITCHED,
    Actuator,
    ActuatorFailed,
    Cut,
    Move,
    NoSuchActuator,
    in_words,
)

OFF_S: Final = 2.0
"""How long a supply stays off: what is stored in capacitors is gone by then, and a hub has noticed."""
OFF_MAX_S: Final = 60.0


class Actuators:
    """What is at one device. `moved` tells of each move, and what it cut."""

    def __init__(self, device: str, actuators: Mapping[str, Actuator], *, attended: bool = False) -> None:
        self.moved: list[str] = []
        self._device = device
        self._all = dict(actuators)
        self._attended = attended
        self._off: list[str] = []

    def __iter__(self) -> Iterator[Actuator]:
        return iter(self._all.values())

    def __contains__(self, name: object) -> bool:
        return name in self._all

    def of(self, name: str) -> Actuator:
        """The actuator of that name. Raises `NoSuchActuator`, also for one that is a person where nobody is there."""
        if name not in self._all:
            raise NoSuchActuator(
                f"no {name} is at {self._device}: a bench file names one, [devices.NAME.actuators.{name}]"
            )
        one = self._all[name]
        if not (one.driver.unattended or self._attended):
            raise NoSuchActuator(
                f"{name} of {self._device} is a person: --bwc-attended says that somebody is there"
            )
        return one

    def that_cut(self, wanted: Iterable[Cut], *, sparing: Iterable[Cut] = ()) -> tuple[Actuator, ...]:
        """The fewest that together cut all of `wanted`, and nothing of `sparing`. Raises `NoSuchActuator`."""
        wanted, spared = frozenset(wanted), frozenset(sparing)
        usable = [
            one
            for one in self
            if one.cuts & wanted
            and not one.cuts & spared
            and one.can(Move.CYCLE)
            and (one.driver.unattended or self._attended)
        ]
        usable.sort(key=lambda one: (-len(one.cuts & wanted), len(one.cuts)))
        chosen: list[Actuator] = []
        left = wanted
        for one in usable:
            if one.cuts & left:
                chosen.append(one)
                left -= one.cuts
        if left:
            but = f", and leaves its {' and '.join(sorted(spared))}" if spared else ""
            raise NoSuchActuator(f"nothing at {self._device} {in_words(left)}{but}")
        return tuple(chosen)

    # Moving

    def off(self, name: str) -> None:
        """Switches off; it is on again after the test at the latest. Raises `ActuatorFailed`."""
        one = self._able(name, Move.OFF)
        self._off.append(name)  # before it is moved: one that fails halfway is switched on, too
        self._move(one, Move.OFF)

    def on(self, name: str) -> None:
        """Switches on."""
        self._move(self._able(name, Move.ON), Move.ON)
        self._off = [other for other in self._off if other != name]

    def press(self, name: str) -> None:
        """Presses a button."""
        self._move(self._able(name, Move.PRESS), Move.PRESS)

    def cycle(self, *names: str, off_s: float = OFF_S) -> None:
        """Takes away at once what these cut, for `off_s`, and gives it back."""
        if not 0 <= off_s <= OFF_MAX_S:
            raise ValueError(f"{off_s} s off: at most {OFF_MAX_S:g}")
        chosen = [self._able(name, Move.CYCLE) for name in names]
        switched = [one for one in chosen if one.driver.moves >= SWITCHED]
        for one in switched:
            self.off(one.name)
        for one in chosen:
            if one not in switched:
                self._move(one, Move.CYCLE)
        if switched:
            time.sleep(off_s)
        for one in reversed(switched):
            self.on(one.name)

    def lose_power(self, *, off_s: float = OFF_S) -> None:
        """All supply of the device goes, and comes back: battery and VBUS. Raises `NoSuchActuator`."""
        self.cycle(*(one.name for one in self.that_cut(ENTIRE_SUPPLY)), off_s=off_s)

    def restore(self) -> None:
        """Switches on whatever is off, the last first. Tries all, and then raises the first `ActuatorFailed`."""
        failed: ActuatorFailed | None = None
        for name in reversed(self.left_off):
            try:
                self.on(name)
            except ActuatorFailed as error:
                failed = failed or error
        if failed is not None:
            raise failed

    @property
    def left_off(self) -> tuple[str, ...]:
        """What is off."""
        return tuple(dict.fromkeys(self._off))

    def _able(self, name: str, what: Move) -> Actuator:
        one = self.of(name)
        if not one.can(what):
            able = ", ".join(sorted(one.driver.moves))
            raise NoSuchActuator(f"{name} of {self._device} cannot be moved by '{what}', only by: {able}")
        return one

    def _move(self, one: Actuator, what: Move) -> None:
        try:
            one.driver.move(what)
        except ActuatorFailed as error:
            self.moved.append(f"{one.name} {what} failed: {error.rule}")
            raise ActuatorFailed(
                f"{one.name} {what}: {error.rule}", device=self._device, advice=error.advice
            ) from error
        cuts = f" ({in_words(one.cuts)})" if what in (Move.OFF, Move.CYCLE) else ""
        self.moved.append(f"{one.name} {what}{cuts}, {one.driver}")
