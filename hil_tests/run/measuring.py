"""Measurements: values with unit and limits, which a test hands to the report (hil_tests/README.md)."""

from __future__ import annotations

import dataclasses
import math
from typing import Final, Protocol

import pytest

from hil_tests.judging.measured import Measured
from hil_tests.run.running import run_of
from hil_tests.verdicts import RuleBroken

MEASURED: Final = pytest.StashKey[list[Measured]]()
"""Where a test's measurements are in its item's stash."""


class Measure(Protocol):
    """What the fixture `measure` gives."""

    def __call__(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        note: str = "",
    ) -> None: ...


def measure_for(item: pytest.Item) -> Measure:
    """Measures for a test: keeps each value for the report, and then fails beyond a limit (`RuleBroken`): that of
    the bench file, or else the test's own."""
    kept, run = item.stash.setdefault(MEASURED, []), run_of(item)

    def measure(
        name: str,
        value: float,
        unit: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        note: str = "",
    ) -> None:
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value}, which is no measurement")
        own = None if run is None or run.device.entry is None else run.device.entry.limits.get(name)
        if own is not None:
            at_least = at_least if own.at_least is None else own.at_least
            at_most = at_most if own.at_most is None else own.at_most
            note = f"{note}; " * bool(note) + "by a limit of the bench file"
        one = Measured(name=name, value=value, unit=unit, at_least=at_least, at_most=at_most, note=note)
        kept.append(dataclasses.replace(one, test=item.name))
        if not one.within:
            raise RuleBroken(f"{name} of {one.limits} {unit}", f"{value:g} {unit}")

    return measure
