"""The steps of a self-test that all devices have, and how steps become a report."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.identity import SelfTestStep, TestResult
from firmware_sim.device.audit_log import AuditLog
from firmware_sim.physics.clock import DeviceClock

MS: Final = 1_000_000
DETAIL_MAX: Final = 96
"""Characters of a step's detail, which is a line."""

Outcome = tuple[TestResult, str]


class Testable(Protocol):
    """What all devices have to be tested for."""

    clock: DeviceClock
    audit: AuditLog


D = TypeVar("D")
Steps = Iterable[tuple[str, Callable[[D], Outcome]]]


def run_steps(device: D, steps: Steps[D]) -> tuple[SelfTestStep, ...]:
    """Runs the steps in order."""
    found = []
    for name, step in steps:
        result, detail = step(device)
        found.append(SelfTestStep(name=name, result=result, detail=detail[:DETAIL_MAX]))
    return tuple(found)


def verdict(good: bool, detail: str) -> Outcome:
    """Passed or failed."""
    return (TestResult.PASSED if good else TestResult.FAILED), detail


def clock_step(device: Testable) -> Outcome:
    """Whether the time is known, and how well."""
    clock = device.clock
    if clock.state is ClockState.UNSET:
        return TestResult.FAILED, "not set"
    return TestResult.PASSED, f"{clock.state.name.lower()}, {bound_of(clock)}"


def bound_of(clock: DeviceClock) -> str:
    """How far off it may be. Rounded up: a bound that is rounded down is none."""
    return f"within {-(-clock.uncertainty_ns() // MS)} ms"


def audit_step(device: Testable) -> Outcome:
    """Whether the log still chains."""
    chained, entries = device.audit.verify_tail()
    return verdict(chained, f"{entries} entries")
