"""The marks by which a test says what it needs, read at collection. Imports nothing of the SDK before there is one.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.run.running import is_on_device

if TYPE_CHECKING:
    from collections.abc import Callable

STATE: Final = "bwc_state"
NEEDS: Final = "bwc_needs"
IRREVERSIBLE: Final = "bwc_irreversible"
RECORDINGS_MAX: Final = 256
"""Recordings that a test may ask for: a page of the listing."""
SKEW_MAX_S: Final = 366 * 86_400.0
"""A clock that is a year off is as wrong as any."""
UNITS_S: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_SKEW: Final = re.compile(r"([+-])(\d{1,9}(?:\.\d{1,3})?)(s|min|h|d)")
_STEP: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
WANTED: Final = pytest.StashKey["Wanted"]()
"""What a collected test needs, in its item's stash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedState:
    """The state of a device that a test begins in; what is None or nought is as it comes."""

    battery_pct: int | None = None
    recordings: int = 0
    """At least so many, of whatever origin."""
    clock_skew_s: float = 0.0
    """By how much the device's clock is ahead of where it was."""
    storage_full: float | None = None
    """Share of the room that is taken, at least."""

    @property
    def changes(self) -> bool:
        """Whether the device has to be changed for it, whatever it has."""
        return self.battery_pct is not None or self.storage_full is not None or self.clock_skew_s != 0

    def __str__(self) -> str:
        said = (
            f"battery={self.battery_pct}" if self.battery_pct is not None else "",
            f"recordings={self.recordings}" if self.recordings else "",
            f"clock_skew={self.clock_skew_s:+g}s" if self.clock_skew_s else "",
            f"storage_full={self.storage_full:g}" if self.storage_full is not None else "",
        )
        return ", ".join(filter(None, said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that a test says of what it needs."""

    state: WantedState | None = None
    needs: tuple[str, ...] = ()
    """Actuators and capabilities, by their names."""
    irreversible: tuple[str, ...] = ()
    """Steps that cannot be taken back, by their names."""


NOTHING: Final = Wanted()


class WrongMark(Exception):
    """Raised for a mark that says nothing that could be done; the text is a sentence."""


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        f"{STATE}(battery=15, recordings=3, clock_skew='+3h', storage_full=0.9): the state of the device that the test "
        "begins in; it is put back afterwards, but for recordings",
        f"{NEEDS}(name, ...): actuators of the bench, such as 'power_cycle', 'battery_cut' or 'button', or "
        "capabilities of the device, such as 'mute'",
        f"{IRREVERSIBLE}(step, ...): takes a step that cannot be taken back; runs only where the bench file's device "
        "allows that step, or on a simulator that --bwc-expendable names",
    ):
        config.addinivalue_line("markers", line)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Reads the marks of all tests. Raises `UsageError` with each mark that is wrong."""
    wrong: list[str] = []
    for item in items:
        if (
            any(item.iter_markers(STATE))
            or any(item.iter_markers(NEEDS))
            or any(item.iter_markers(IRREVERSIBLE))
        ):
            try:
                item.stash[WANTED] = wanted_by(item)
            except WrongMark as error:
                wrong.append(f"{item.nodeid}: {error}")
    if wrong:
        raise pytest.UsageError("\n".join(wrong))


def wanted_by(item: pytest.Item) -> Wanted:
    """What a test needs, by all its marks; of a state the nearest mark says each thing. Raises `WrongMark`."""
    if not is_on_device(item):
        raise WrongMark(
            f"it is marked {STATE}, {NEEDS} or {IRREVERSIBLE}, and is on no device: ask for a fixture such as 'camera'"
        )
    said: dict[str, object] = {}
    for mark in item.iter_markers(STATE):
        if mark.args or not mark.kwargs:
            raise WrongMark(f"{STATE} takes words with values, one at least: {STATE}(battery=15)")
        said = {**mark.kwargs, **said}
    return Wanted(
        state=_state(said) if said else None,
        needs=tuple(dict.fromkeys(_names(item, NEEDS, _known_need))),
        irreversible=tuple(dict.fromkeys(_names(item, IRREVERSIBLE, _step))),
    )


def _names(item: pytest.Item, mark_name: str, check: Callable[[str], str]) -> Iterator[str]:
    for mark in item.iter_markers(mark_name):
        if not mark.args or mark.kwargs:
            raise WrongMark(f"{mark_name} takes names, one at least")
        for name in mark.args:
            if not isinstance(name, str):
                raise WrongMark(f"{mark_name}({name!r}): a name is text")
            yield check(name)


def _step(name: str) -> str:
    if not _STEP.fullmatch(name):
        raise WrongMark(
            f"{IRREVERSIBLE}({name!r}): a step is named by small letters, digits and hyphens, 32 at most, as in "
            "a bench file's list 'irreversible'"
        )
    return name


def _known_need(name: str) -> str:
    from hil_tests.states.needs import known_names

    known = known_names()
    if name not in known and not name.startswith("button_"):
        raise WrongMark(
            f"{NEEDS}({name!r}): there is none of that name; known are {', '.join(sorted(known))}"
        )
    return name


# A state


def _state(said: Mapping[str, object]) -> WantedState:
    for key in said:
        if key not in READERS:
            raise WrongMark(f"{STATE}({key}=…): there is no such word; there are {', '.join(READERS)}")
    made = {READERS[key][0]: READERS[key][1](value) for key, value in said.items()}
    return WantedState(**made)  # type: ignore[arg-type]  # each reader gives what its field takes


def _battery(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise WrongMark(f"{STATE}(battery={value!r}): a charge in %, a whole number from 1 to 100")
    return value


def _recordings(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= RECORDINGS_MAX:
        raise WrongMark(
            f"{STATE}(recordings={value!r}): how many at least, a whole number from 1 to {RECORDINGS_MAX}"
        )
    return value


def _storage(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise WrongMark(
            f"{STATE}(storage_full={value!r}): the share that is taken, above 0 and up to 1, such as 0.9"
        )
    return float(value)


def _skew(value: object) -> float:
    found = _SKEW.fullmatch(value) if isinstance(value, str) else None
    seconds = float(found[1] + found[2]) * UNITS_S[found[3]] if found else 0.0
    if not 0 < abs(seconds) <= SKEW_MAX_S:
        raise WrongMark(
            f"{STATE}(clock_skew={value!r}): how far ahead or behind, at most a year, such as '+3h', '-20min', '+90s', "
            "'-2d'"
        )
    return seconds


READERS: Final[Mapping[str, tuple[str, Callable[[object], object]]]] = {
    "battery": ("battery_pct", _battery),
    "recordings": ("recordings", _recordings),
    "clock_skew": ("clock_skew_s", _skew),
    "storage_full": ("storage_full", _storage),
}
"""For each word of `bwc_state` its field, and what reads its value."""
