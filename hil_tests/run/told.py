"""What is told of each phase of a test on a device, beside what pytest tells: plain values, carried from workers."""

from __future__ import annotations

from typing import Any, Final, cast

import pytest

from hil_tests.judging.verdict import GRAVITY, Outcome, gravest
from hil_tests.run.running import DeviceRun

BENCH_ONLY: Final = (Outcome.INFRA, Outcome.VANISHED, Outcome.NOT_RUN)
"""What somebody has to look at, and what says nothing against the device: FAIL is another word."""

WHY_MAX: Final = 200
"""Characters of what was observed that a summary repeats."""
AGAIN: Final = "rerun"
"""What becomes of a report of an attempt after which there is another: it neither passed nor failed. The word is that
of pytest-rerunfailures, which pytest-html and others know."""
_WORDS: Final = {
    Outcome.FAILED: "FAIL",
    Outcome.INFRA: "INFRA",
    Outcome.VANISHED: "INFRA",
    Outcome.NOT_RUN: "INFRA",
    Outcome.NOT_TESTED: "not tested",
    Outcome.NOT_APPLICABLE: "not applicable",
}

Told = dict[str, Any]


def told_of(
    call: pytest.CallInfo[None], item: pytest.Item, report: pytest.TestReport, run: DeviceRun
) -> Told:
    """What a phase of a test came to."""
    found: Told = {"on": run.device.name}
    if call.excinfo is None:
        return found | ({"outcome": str(Outcome.PASSED)} if report.when == "call" else {})
    if hasattr(report, "wasxfail"):
        return found | {"outcome": str(Outcome.NOT_TESTED)}
    from hil_tests.judging.observing import phase_of
    from hil_tests.verdicts import is_unhealthy

    error = call.excinfo.value
    phase = phase_of(item, call, report, reached=run.bench is not None)
    return found | {
        "outcome": phase["outcome"],
        "why": phase["why"] or str(phase["observed"]).partition("\n")[0][:WHY_MAX],
        "unhealthy": report.when == "teardown" and is_unhealthy(error),
        "passes_by": _passes_by(error) and not (run.bench is not None and run.bench.in_its_own_way),
    }


def of(report: pytest.TestReport) -> Told | None:
    """What was told of a phase of a test; None for a test that is on no device."""
    return cast("Told | None", getattr(report, "bwc", None))


def outcome_of(reports: list[pytest.TestReport]) -> Outcome:
    """What all phases of a test come to."""
    outcomes = [Outcome(told["outcome"]) for report in reports if (told := of(report)) and "outcome" in told]
    return gravest(outcomes) if outcomes else GRAVITY[-1]


def word(outcome: Outcome, attempt: int = 1) -> str:
    """What a test came to, for people: FAIL is the device's, INFRA is the bench's."""
    if outcome is Outcome.PASSED and attempt > 1:
        return f"passed at attempt {attempt}"
    return _WORDS.get(outcome, str(outcome))


def _passes_by(error: BaseException) -> bool:
    """Whether it may well be otherwise in a moment, whatever the device does: another host has it, this one is full."""
    from bwc_sdk.errors import DeviceBusy, HostExhausted
    from hil_tests.actuators.actuator import ActuatorFailed

    return isinstance(error, DeviceBusy | HostExhausted | ActuatorFailed)
