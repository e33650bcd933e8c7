"""Limits of a bench: what a measurement of one device may come to, instead of what the suite asks of any."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from hil_tests.benches.checked import Wrong, is_table, number, switch
from hil_tests.benches.measurements import MEASUREMENTS

LIMITS_MAX: Final = 64
"""The suite measures a dozen values, and a lab has some of its own."""
NAME_MAX: Final = 64
VALUE: Final = (-1e15, 1e15)
"""Any value of a measurement, in bytes as in seconds."""
ADVICE: Final = 'write "reboot time" = { at_most = 30 }, in the unit of the report'
BOUNDS: Final = ("at_least", "at_most")
OWN: Final = "own"
"""The word for a measurement of the lab's own tests: of no other may the suite not know the name."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One of them; None = as the suite has it."""

    at_least: float | None = None
    at_most: float | None = None


def limits(device: str, value: object, wrong: Wrong) -> dict[str, Limit]:
    """The limits of a device, by the name of the measurement. Raises `BenchFileError`."""
    where = f"[devices.{device}.limits]"
    if not is_table(value) or len(value) > LIMITS_MAX:
        raise wrong(f"{where} is no table of at most {LIMITS_MAX} limits", ADVICE)
    found: dict[str, Limit] = {}
    for name, said in value.items():
        if not 1 <= len(name) <= NAME_MAX:
            raise wrong(f"{where} has a name of more than {NAME_MAX} characters", ADVICE)
        if not is_table(said) or not said.keys() <= {*BOUNDS, OWN} or said.keys().isdisjoint(BOUNDS):
            raise wrong(f"{where} {name!r} has not just 'at_least' and 'at_most'", ADVICE)
        at = {
            key: number(f"{where} {name!r}", key, said[key], *VALUE, wrong) for key in BOUNDS if key in said
        }
        found[name] = Limit(**at)
        if len(at) == 2 and at["at_least"] > at["at_most"]:
            raise wrong(
                f"{where} {name!r}: nothing is at least {at['at_least']:g} and at most {at['at_most']:g}",
                ADVICE,
            )
        own = OWN in said and switch(f"{where} {name!r}", OWN, said[OWN], wrong)
        if not own and name not in MEASUREMENTS:
            raise wrong(f"{where}: the suite measures no {name!r}{_meant(name)}", _names(name))
    return found


def _meant(name: str) -> str:
    """The name that is nearest, where one is near."""
    near = difflib.get_close_matches(name.lower(), MEASUREMENTS, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _names(name: str) -> str:
    return (
        f"take one of {', '.join(map(repr, MEASUREMENTS))}; "
        f"of a test of your own: {name!r} = {{ own = true, at_most = … }}"
    )
