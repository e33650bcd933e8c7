"""Steps that cannot be taken back: a bench file allows each by its name, for one device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil_tests.verdicts import not_tested

if TYPE_CHECKING:
    from hil_tests.device.bench import Bench
    from hil_tests.run.under_test import UnderTest


def demand_leave(device: UnderTest, bench: Bench, steps: tuple[str, ...]) -> None:
    """Skips a test that takes a step which nobody allowed: on hardware the bench file says so, of each step, and on a
    simulator whoever names it as expendable says so of all."""
    allowed = device.entry.irreversible if device.entry is not None else frozenset()
    if bench.simulator and bench.may_destroy:
        return
    for step in steps:
        if step not in allowed:
            not_tested(
                f"it cannot be taken back: nobody allows {step!r} to {bench.identity}; in a bench file its device says "
                f'irreversible = ["{step}"]'
            )
