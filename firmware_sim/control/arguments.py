"""What a tester's commands take, and how it is written in a line."""

from __future__ import annotations

import math
import re
from typing import Annotated, Final, TypeVar

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import AGENCY_FIRST, ActivationEvent, GivenBy, Purpose, TriggerReason, word_of
from bwc_protocol.evidence import StopReason as StopWord
from bwc_protocol.word import Word
from firmware_sim.camera.supply import AMBIENT_RANGE_C
from firmware_sim.control.command import Written, shown
from firmware_sim.control.errors import WrongUsage
from firmware_sim.device.nearest import among
from firmware_sim.flash.flash import Unsynced

OF_THE_CAMERA: Final = frozenset(
    {StopWord.STORAGE_FULL, StopWord.POWER_LOST, StopWord.SWITCHED_OFF, StopWord.CONTINUED}
)
"""Reasons that nobody else gives."""
SWITCH: Final = {"on": True, "off": False}
GIVERS: Final = {"button": GivenBy.BUTTON, "app": GivenBy.APP}
ADVANCE_MAX_S: Final = 366 * 86_400.0
"""A year at once: it takes seconds."""
STEP_MAX_S: Final = 200 * 366 * 86_400.0
"""Further from any present than a clock that lost its time."""
NUMBER_MAX: Final = 0xFFFF_FFFF
SAID_MAX: Final = 32
"""Bytes of a category, or of a case number, as on the wire."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
TIME: Final = re.compile(r"([+-]?[0-9]{1,12}(?:\.[0-9]{1,9})?)(s|m|h|d)?")
UNITS_S: Final = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
W = TypeVar("W", bound=Word)


def _spoken(of: type[W], text: str) -> W | Unknown:
    word = word_of(of, text)
    if word is None:
        known = [str(one) for one in of]
        raise WrongUsage(f"there is no {shown(text)}{among(text, known, f'and {AGENCY_FIRST} to 255')}")
    return word


def _reason(text: str) -> StopWord | Unknown:
    reason = _spoken(StopWord, text)
    if reason in OF_THE_CAMERA:
        raise WrongUsage(f"{reason} is what the camera says by itself")
    return reason


def _one_of(
    known: dict[str, W] | dict[str, bool] | dict[str, GivenBy] | dict[str, Unsynced], text: str
) -> object:
    if text not in known:
        raise WrongUsage(f"there is no {shown(text)}{among(text, known)}")
    return known[text]


def _trigger(text: str) -> TriggerReason:
    known = {str(trigger): trigger for trigger in TriggerReason}
    if text not in known:
        raise WrongUsage(f"there is no trigger {shown(text)}{among(text, known)}")
    return known[text]


def seconds(low: float, high: float, text: str) -> float:
    """A time within its bounds. Raises `WrongUsage`."""
    match = TIME.fullmatch(text)
    found = float(match[1]) * UNITS_S[match[2]] if match else math.nan
    if not low <= found <= high:
        raise WrongUsage(
            f"a time is written 90, 15m, 8h or 2d, from {low:g} to {high:g} s; not {shown(text)}"
        )
    return found


def number(name: str, low: float, high: float, text: str) -> float:
    """A number within its bounds. Raises `WrongUsage`."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not low <= found <= high:
        raise WrongUsage(f"{name} is a number from {low:g} to {high:g}, not {shown(text)}")
    return found


def _whole(name: str, low: int, text: str) -> int:
    found = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(NUMBER_MAX)) else -1
    if not low <= found <= NUMBER_MAX:
        raise WrongUsage(f"{name} is a whole number from {low}, not {shown(text)}")
    return found


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise WrongUsage(
            f"a NAME has letters, digits, and _ . - after the first, 64 at most; not {shown(text)}"
        )
    return text


def _line(name: str, most: int, text: str) -> str:
    if not text.isprintable() or len(text.encode()) > most:
        raise WrongUsage(f"{name} has at most {most} bytes, not {shown(text)}")
    return text


OnOff = Annotated[bool, Written("on|off", lambda text: _one_of(SWITCH, text))]
Trigger = Annotated[TriggerReason, Written("TRIGGER", _trigger)]
Event = Annotated[ActivationEvent | Unknown, Written("WORD", lambda text: _spoken(ActivationEvent, text))]
For = Annotated[Purpose | Unknown, Written("WORD", lambda text: _spoken(Purpose, text))]
By = Annotated[GivenBy | None, Written("button|app", lambda text: _one_of(GIVERS, text))]
Reason = Annotated[StopWord | Unknown, Written("REASON", _reason)]
Duration = Annotated[float, Written("TIME", lambda text: seconds(0.0, ADVANCE_MAX_S, text))]
Step = Annotated[float, Written("TIME", lambda text: seconds(-STEP_MAX_S, STEP_MAX_S, text))]
Celsius = Annotated[float, Written("CELSIUS", lambda text: number("CELSIUS", *AMBIENT_RANGE_C, text))]
Percent = Annotated[float, Written("PERCENT", lambda text: number("PERCENT", 0, 100, text))]
Fate = Annotated[
    Unsynced,
    Written("kept|dropped|torn", lambda text: _one_of({one.value: one for one in Unsynced}, text)),
]
Sequence = Annotated[int, Written("NUMBER", lambda text: _whole("NUMBER", 1, text))]
Newest = Annotated[int | None, Written("NUMBER", lambda text: _whole("NUMBER", 1, text))]
"""A recording; None: the newest."""
Index = Annotated[int, Written("INDEX", lambda text: _whole("INDEX", 0, text))]
Name = Annotated[str, Written("NAME", _name)]
Category = Annotated[str, Written("CATEGORY", lambda text: _line("CATEGORY", SAID_MAX, text))]
Case = Annotated[str, Written("CASE", lambda text: _line("CASE", SAID_MAX, text))]
