"""The script of a shift, as a TOML file.

    hours = 10                                   # how long it is; what nobody ended by then goes on
    settings = { "recording.pre_event_s" = 60 }  # every camera is configured so, if its wearer says nothing else

    [[wearer]]
    officer = "K1"
    unit = "north"                               # may be left out, and so may all that follows
    charge = 60                                  # %, when it begins
    settings = { "mute.allowed" = true }         # configured so
    steps = [                                    # hours:minutes since it began, and what a tester's hands do then
      "0:00 undock",
      "1:10 record start event=traffic-stop",
      "1:25:30 record stop event-over",
      "1:30 categorise traffic",
      "9:30 dock",
    ]

Steps are the commands of a camera that stands alone (`bwc sim --control`), but for those that move time.
`shift.schema.json` beside this module describes each key, for editors.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeGuard

from firmware_sim.control.camera_control import LONE_COMMANDS
from firmware_sim.control.command import Command, not_understood, usages_of
from firmware_sim.control.errors import ControlError
from firmware_sim.device.nearest import among

FILE_MAX: Final = 4 << 20
"""Bytes of a script: a thousand wearers of thirty steps have a quarter."""
HOURS_MAX: Final = 31 * 24
"""A month: a camera that nobody docked for longer is another case than a shift."""
WEARERS_MAX: Final = 1_000
STEPS_MAX: Final = 10_000
"""Of one wearer."""
TEXT_MAX: Final = 64
"""Bytes of an officer, or of a unit, as in an assignment."""
KEY_PARTS_MAX: Final = 4
"""Parts of the key of a setting, as far as they are followed: there are two."""
SHOWN_MAX: Final = 64
TOP_KEYS: Final = ("hours", "settings", "wearer")
KEYS: Final = ("officer", "unit", "charge", "settings", "steps")
MOVE_TIME: Final = frozenset({("advance",), ("snapshot",), ("restore",)})
"""Commands that no step is: time passes by itself, and never goes back."""
COMMANDS: Final[Mapping[tuple[str, ...], Command]] = {
    words: one for words, one in LONE_COMMANDS.items() if words not in MOVE_TIME
}
_STEP: Final = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d))? +(\S.*)")


class ShiftError(Exception):
    """Raised for a script that is none; the text names the wearer and the step."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a wearer does, or what happens to the camera, at a moment of the shift."""

    at_s: float
    words: tuple[str, ...]

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.at_s), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}{f':{seconds:02}' if seconds else ''} {' '.join(self.words)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wearer:
    """One officer with a camera."""

    officer: str
    unit: str = ""
    charge_pct: int | None = None
    """When it begins; None: as the camera comes."""
    settings: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    """In their order in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What everybody does, and how long it is."""

    hours: float
    wearers: tuple[Wearer, ...]


def schema() -> str:
    """The JSON Schema of a script, as the package brings it."""
    return files("firmware_sim.shift").joinpath("shift.schema.json").read_text("utf-8")


def read_shift(path: Path) -> Shift:
    """Reads a script. Raises `ShiftError`, which names the file, and `OSError`."""
    with path.open("rb") as file:
        data = file.read(FILE_MAX + 1)
    try:
        if len(data) > FILE_MAX:
            raise ShiftError(f"it is longer than {FILE_MAX} bytes: is the path right?")
        return parse_shift(data.decode())
    except UnicodeDecodeError as error:
        raise ShiftError(f"{path}: it is no text in UTF-8: is the path right?") from error
    except ShiftError as error:
        raise ShiftError(f"{path}: {error}") from error


def parse_shift(text: str) -> Shift:
    """The shift that a script tells. Raises `ShiftError`."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ShiftError(f"it is no TOML: {error}") from error
    _only(document, TOP_KEYS, "the script")
    hours = document.get("hours")
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= HOURS_MAX:
        raise ShiftError(f"'hours' says how long the shift is, above 0 and at most {HOURS_MAX}")
    wearers = document.get("wearer")
    if not isinstance(wearers, list) or not 1 <= len(wearers) <= WEARERS_MAX:
        raise ShiftError(f"it has 1 to {WEARERS_MAX} wearers, each a table [[wearer]]")
    every = _settings(document, "the script")
    return Shift(
        hours=float(hours),
        wearers=tuple(
            _wearer(number, one, hours * 3600, every) for number, one in enumerate(wearers, start=1)
        ),
    )


def parse_step(text: str) -> Step:
    """One step of a wearer. Raises `ShiftError`."""
    found = _STEP.fullmatch(text)
    if found is None:
        raise ShiftError(f"{_shown(text)} is no step: write it as '1:25 record start', hours:minutes first")
    hours, minutes, seconds, line = found.groups()
    words = tuple(line.split())
    command = COMMANDS.get(words[:2]) or COMMANDS.get(words[:1])
    usages = usages_of(COMMANDS)
    try:
        if command is None:
            raise not_understood(usages, list(words))
        command.read(list(words[len(command.words) :]), usages[words[0]])
    except ControlError as error:
        raise ShiftError(f"{_shown(text)}: {error.word}: {error}") from error
    return Step(int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0), words)


def _wearer(number: int, table: object, length_s: float, every: Mapping[str, str]) -> Wearer:
    where = f"wearer {number}"
    if not _is_table(table):
        raise ShiftError(f"{where} is no table: write [[wearer]] on a line of its own")
    _only(table, KEYS, where)
    officer = _text(table, "officer", where)
    if not officer.strip():
        raise ShiftError(f"{where} has no 'officer', who carries the camera")
    charge = table.get("charge")
    if charge is not None and (
        isinstance(charge, bool) or not isinstance(charge, int) or not 1 <= charge <= 100
    ):
        raise ShiftError(f"{where} 'charge' is a whole number from 1 to 100")
    steps = table.get("steps", [])
    if (
        not isinstance(steps, list)
        or len(steps) > STEPS_MAX
        or not all(isinstance(one, str) for one in steps)
    ):
        raise ShiftError(f"{where} 'steps' is a list of at most {STEPS_MAX} texts")
    try:
        made = [parse_step(one) for one in steps]
    except ShiftError as error:
        raise ShiftError(f"{where}: {error}") from error
    for before, after in pairwise(made):
        if after.at_s < before.at_s:
            raise ShiftError(f"{where}: '{after}' comes before '{before}': steps stand in their order")
    if made and made[-1].at_s > length_s:
        raise ShiftError(f"{where}: '{made[-1]}' is after the end of the shift")
    return Wearer(
        officer=officer,
        unit=_text(table, "unit", where),
        charge_pct=charge,
        settings={**every, **_settings(table, where)},
        steps=tuple(made),
    )


def _settings(table: Mapping[str, object], where: str) -> dict[str, str]:
    """Settings by their keys, as `bwc sim --set` takes them: "mute.allowed" = true, or mute.allowed = true."""
    found: dict[str, str] = {}
    left = [("", table.get("settings", {}))]
    while left:
        at, value = left.pop()
        if _is_table(value) and at.count(".") < KEY_PARTS_MAX:
            left += [(f"{at}.{key}" if at else key, one) for key, one in value.items()]
        elif at and isinstance(value, str | int):
            if at in found:
                raise ShiftError(f"{where} 'settings' has {_shown(at)} twice")
            found[at] = _written(value)
        else:
            raise ShiftError(f"{where} 'settings' is a table of texts, whole numbers, true and false")
    return dict(sorted(found.items()))


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _only(table: Mapping[str, object], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            raise ShiftError(f"{where} has no key {_shown(key)}{among(key, keys)}")


def _text(table: Mapping[str, object], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or len(value.encode()) > TEXT_MAX or not value.isprintable():
        raise ShiftError(f"{where} {key!r} is a line of text of at most {TEXT_MAX} bytes")
    return value


def _written(value: object) -> str:
    """As `bwc sim --set` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…")
