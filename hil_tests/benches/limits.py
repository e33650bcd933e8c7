"""Limits of a bench: what a measurement of one device may come to, instead of what the suite asks of any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil_tests.benches.checked import Wrong, is_table, number

LIMITS_MAX: Final = 64
"""The suite measures a dozen values, and a lab has some of its own."""
NAME_MAX: Final = 64
VALUE: Final = (-1e15, 1e15)
"""Any value of a measurement, in bytes as in seconds."""
ADVICE: Final = 'write "reboot time" = { at_most = 30 }, in the unit of the report'


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
        if not is_table(said) or not said or not said.keys() <= {"at_least", "at_most"}:
            raise wrong(f"{where} {name!r} has not just 'at_least' and 'at_most'", ADVICE)
        at = {key: number(f"{where} {name!r}", key, one, *VALUE, wrong) for key, one in said.items()}
        found[name] = Limit(**at)
        if len(at) == 2 and at["at_least"] > at["at_most"]:
            raise wrong(
                f"{where} {name!r}: nothing is at least {at['at_least']:g} and at most {at['at_most']:g}",
                ADVICE,
            )
    return found
