"""Tables `[devices.NAME.actuators.SWITCH]` of a bench file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hil_tests.actuators.actuator import BUTTON, SWITCHED, SWITCHES, Actuator, Cut, Move
from hil_tests.actuators.command import CommandDriver
from hil_tests.actuators.person import PersonDriver
from hil_tests.actuators.simulator import LINE_MAX, simulated
from hil_tests.actuators.uhubctl import PROGRAM, HubDriver
from hil_tests.benches.checked import Wrong, is_table, matching, number, text, texts, whole

ACTUATORS_MAX: Final = 16
"""Of one device: four switches, and more buttons than a camera has."""
WORDS_MAX: Final = 64
WORD_MAX: Final = 1024
"""A command line, by words and by characters of each."""
ASKED_MAX: Final = 200
"""Characters that a person is asked to read: a line or two."""
PORT_MAX: Final = 31
TIMEOUT_S: Final = (0.1, 600.0)
"""From that of a test to ten minutes, for whoever has to walk to the bench."""
COMMAND_S: Final = 10.0
HUB_S: Final = 30.0
PERSON_S: Final = 120.0
LOCATION: Final = re.compile(r"[0-9]{1,3}(-[0-9]{1,3}(\.[0-9]{1,3}){0,6})?")
BY_MOVE: Final = tuple(move.value for move in Move)
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "simulator": ("press",),
    "command": (*BY_MOVE, "timeout_s"),
    "uhubctl": ("location", "port", "program", "timeout_s"),
    "person": ("off", "on", "press", "timeout_s"),
}
"""Keys of an actuator beside `driver` and `cuts`, by its driver."""


def actuators(
    device: str, tables: object, *, uri: str, control: Path | None, wrong: Wrong
) -> dict[str, Actuator]:
    """The actuators of a device. Raises `BenchFileError`."""
    where = f"[devices.{device}.actuators]"
    if not is_table(tables) or not 1 <= len(tables) <= ACTUATORS_MAX:
        raise wrong(
            f"{where} is no table of 1 to {ACTUATORS_MAX} actuators", f"begin one by {where[:-1]}.NAME]"
        )
    found: dict[str, Actuator] = {}
    for name, table in tables.items():
        at = f"{where[:-1]}.{name[:32]}]"
        if name not in SWITCHES and not BUTTON.fullmatch(name):
            near = difflib.get_close_matches(name, SWITCHES, n=1)
            raise wrong(
                f"{at}: there is no such actuator",
                f"take {near[0]}" if near else f"take {', '.join(SWITCHES)}, button or button_NAME",
            )
        if not is_table(table):
            raise wrong(f"{at} is no table", f"write {at} on a line of its own, and its keys below")
        found[name] = _actuator(at, name, table, uri, control, wrong)
    return found


def _actuator(
    at: str, name: str, table: dict[str, object], uri: str, control: Path | None, wrong: Wrong
) -> Actuator:
    driver = table.get("driver")
    if not isinstance(driver, str) or driver not in KEYS:
        near = difflib.get_close_matches(driver, KEYS, n=1) if isinstance(driver, str) else []
        raise wrong(
            f"{at} 'driver' is none of {', '.join(KEYS)}",
            f'write driver = "{near[0] if near else "command"}"',
        )
    allowed = ("driver", *(() if driver == "simulator" else ("cuts",)), *KEYS[driver])
    for key in table:
        if key not in allowed:
            raise wrong(f"{at} has no key {key[:64]!r}", f"with driver {driver} it has {', '.join(allowed)}")
    button = name not in SWITCHES
    if driver == "simulator":
        press = text(at, "press", table["press"], LINE_MAX, wrong) if "press" in table else None
        if press is not None and (not button or not (press.isascii() and press.isprintable())):
            raise wrong(f"{at} 'press' is no command for a button", 'write press = "record start"')
        made = simulated(name, uri, control, press=press)
        if made is None:
            raise wrong(
                f"{at}: a simulator has no such actuator at {uri}",
                "a station's bay (?bay=3) has a bay_relay and a camera alone a vbus_relay; both have a battery_cut, "
                'and buttons with press = "…"',
            )
        return made
    cuts = _cuts(at, name, table, driver, wrong)
    timeout = {"command": COMMAND_S, "uhubctl": HUB_S, "person": PERSON_S}[driver]
    if "timeout_s" in table:
        timeout = number(at, "timeout_s", table["timeout_s"], *TIMEOUT_S, wrong)
    if driver == "uhubctl":
        return Actuator(name, cuts, _hub(at, button, table, timeout, wrong))
    if driver == "command":
        lines = {
            move: texts(at, move.value, table[move], WORDS_MAX, WORD_MAX, wrong)
            for move in Move
            if move in table
        }
        _require_moves(at, button, frozenset(lines), wrong)
        return Actuator(name, cuts, CommandDriver(lines, timeout, wrong.directory))
    asked = {move: text(at, move.value, table[move], ASKED_MAX, wrong) for move in Move if move in table}
    _require_moves(at, button, frozenset(asked), wrong)
    return Actuator(name, cuts, PersonDriver(asked, timeout))


def _cuts(at: str, name: str, table: dict[str, object], driver: str, wrong: Wrong) -> frozenset[Cut]:
    button = name not in SWITCHES
    if "cuts" not in table:
        if driver == "uhubctl":
            raise wrong(
                f"{at} lacks 'cuts'",
                "many hubs cut the data and leave VBUS, and cannot tell: see whether a USB light there goes out, "
                'and write cuts = ["data", "vbus"] or cuts = ["data"]',
            )
        return frozenset() if button else SWITCHES[name]
    if button:
        raise wrong(f"{at} 'cuts': a button cuts nothing", "leave it out")
    said = texts(at, "cuts", table["cuts"], len(Cut), WORD_MAX, wrong)
    if unknown := [one for one in said if one not in list(Cut)]:
        raise wrong(f"{at} 'cuts' has {unknown[0][:32]!r}", f"take of {', '.join(Cut)}")
    return frozenset(Cut(one) for one in said)


def _hub(at: str, button: bool, table: dict[str, object], timeout: float, wrong: Wrong) -> HubDriver:
    if button:
        raise wrong(f"{at}: a hub presses no button", "name it as what it cuts, or take another driver")
    for key in ("location", "port"):
        if key not in table:
            raise wrong(f"{at} lacks {key!r}", "'uhubctl' shows the hubs by location, and their ports")
    program: tuple[str, ...] = PROGRAM
    if "program" in table:
        program = texts(at, "program", table["program"], WORDS_MAX, WORD_MAX, wrong)
    return HubDriver(
        location=matching(at, "location", table["location"], LOCATION, '"1-4.2"', wrong),
        port=whole(at, "port", table["port"], 1, PORT_MAX, wrong),
        program=program,
        timeout_s=timeout,
        directory=wrong.directory,
    )


def _require_moves(at: str, button: bool, moves: frozenset[Move], wrong: Wrong) -> None:
    """A button is pressed; a switch goes off and on, or does both by itself."""
    if button and moves != {Move.PRESS}:
        raise wrong(f"{at} is a button, and has not just 'press'", "a button has press = …, and no more")
    if not button and (Move.PRESS in moves or not (moves >= SWITCHED or moves == {Move.CYCLE})):
        raise wrong(
            f"{at} has not both 'off' and 'on'",
            "a switch has off = … and on = …; of a command cycle = … is enough",
        )
