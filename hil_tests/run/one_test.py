"""One test on a device, from its setup to what is told of it: attempts, health, and what became of it.

A report goes on only when the test is over: by then it is known whether the device came through it healthy, which is
part of whether the test passed, and whether the bench came between, so that the test may be tried once more.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Final

import pytest
from _pytest._code.code import TerminalRepr
from _pytest.runner import (
    runtestprotocol,
)  # as pytest-rerunfailures does: no public way runs a test without telling

from hil_tests.judging.verdict import Outcome
from hil_tests.run.losing import look_for_the_device
from hil_tests.run.running import ON_THE_WIRE, DeviceRun, device_name, run_of
from hil_tests.run.told import AGAIN, of, outcome_of, told_of, word
from hil_tests.run.wire_log import WireLog

ATTEMPTS: Final = 2
"""Of a test in which nothing but the bench failed. No assertion is ever tried again."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Whose fault a failure is, and what was said on the wire, come with the report."""
    report = yield
    run = run_of(item)
    if run is None:
        return report
    report.bwc = told_of(call, item, report, run)  # type: ignore[attr-defined]  # ours, carried from workers
    if report.failed and not ON_THE_WIRE.isdisjoint(getattr(item, "fixturenames", ())):
        from hil_tests.raw.transcript import TRANSCRIPT

        transcript = item.stash.get(TRANSCRIPT, None)
        if transcript is not None:
            report.sections.append(("the wire", "\n".join(transcript.lines)))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Runs a test on a device: once, or twice where the bench came between."""
    run = run_of(item)
    if run is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in range(1, ATTEMPTS + 1):
        log = WireLog(item, run, attempt)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        kept_at = log.end(word(outcome_of(reports)), passed=not any(one.failed for one in reports))
        look_for_the_device(item, nextitem, reports)
        again = attempt < ATTEMPTS and _worth_another(item, run, reports)
        for report in _as_tried(reports) if again else _as_over(item, run, reports, attempt, kept_at):
            item.ihook.pytest_runtest_logreport(report=report)
        if not again:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _worth_another(item: pytest.Item, run: DeviceRun, reports: list[pytest.TestReport]) -> bool:
    """Whether nothing but the bench failed, by what passes by, and the device is there."""
    if run.dead or item.session.shouldstop:
        return False
    failed = [told for one in reports if one.failed and (told := of(one)) is not None]
    return bool(failed) and all(told["passes_by"] for told in failed)


def _as_tried(reports: list[pytest.TestReport]) -> list[pytest.TestReport]:
    """What is told of an attempt after which there is another: why, and nothing that ends the test."""
    told = [one for one in reports if one.when != "teardown"]
    for one in reports:
        if one.failed:
            one.outcome = AGAIN  # type: ignore[assignment]  # no word of pytest's: it neither passed nor failed
            if one not in told:
                told.append(one)
    left_behind = getattr(reports[-1], "bwc_observed", {})
    observed = getattr(told[-1], "bwc_observed", None)
    if observed is not None:
        observed.update({name: value for name, value in left_behind.items() if name not in observed})
    return told


def _as_over(
    item: pytest.Item, run: DeviceRun, reports: list[pytest.TestReport], attempt: int, log: str
) -> list[pytest.TestReport]:
    """What is told of the last attempt: a device that is not healthy after it fails the test, and not its teardown."""
    from hil_tests.run.measuring import MEASURED

    reports = _failed_by_health(reports)
    last = of(reports[-1])
    assert last is not None
    outcome = outcome_of(reports)
    if not any(
        hasattr(one, "wasxfail") for one in reports
    ):  # a defect that is known is neither this nor that
        last["came_to"] = str(outcome)
    last |= {"attempt": attempt, "log": log}
    if run.bench is not None:
        who = {name.removeprefix("bwc_"): str(said) for name, said in run.bench.facts()}
        last |= {"device": run.bench.describe(), "remarks": [*run.bench.remarks()], "facts": who}
    measured = [{**dataclasses.asdict(one), "within": one.within} for one in item.stash.get(MEASURED, [])]
    last |= {"done_to_it": [*run.remarks], "dead": run.dead, "measured": measured}
    facts = [*_facts(item), ("bwc_outcome", word(outcome, attempt)), ("bwc_attempts", attempt)]
    facts += [("bwc_wire_log", log)] if log else []
    for one in reports:
        one.user_properties += facts
        if (told := of(one)) is not None:
            told["attempt"] = attempt
    shown = [
        (name.removeprefix("bwc_").replace("_", " "), value) for name, value in _facts(item) if value != ""
    ]
    for one in reports:
        if one.failed:
            show(one, [*shown, ("wire log", log or "none: nothing was said")])
    return reports


def show(report: pytest.TestReport, facts: list[tuple[str, object]]) -> None:
    """Puts facts below a failure, where terminal, JUnit and HTML all show them."""
    text = "\n".join(f"{name}: {value}" for name, value in facts)
    if isinstance(report.longrepr, TerminalRepr) and hasattr(report.longrepr, "addsection"):
        report.longrepr.addsection("bwc", text)
    else:
        report.longrepr = f"{report.longrepr}\n{text}"


def _failed_by_health(reports: list[pytest.TestReport]) -> list[pytest.TestReport]:
    after = reports[-1]
    told = of(after)
    if told is None or not told.get("unhealthy"):
        return reports
    call = next((one for one in reports if one.when == "call"), None)
    if call is None:
        return reports
    if call.failed:
        call.sections.append(("after the test", str(after.longrepr)))
    else:
        call.outcome, call.longrepr = "failed", after.longrepr
        if hasattr(call, "wasxfail"):
            del call.wasxfail
        if (said := of(call)) is not None:
            said["outcome"] = str(Outcome.FAILED)
    after.outcome, after.longrepr = "passed", None
    return reports


def _facts(item: pytest.Item) -> list[tuple[str, object]]:
    """What whoever reads of a test has to know beside what it connected to."""
    from hil_tests.judging.rules import marked
    from hil_tests.run.order import SEED

    return [
        ("bwc_device", device_name(item) or ""),
        ("bwc_rules", ",".join(marked(item))),
        ("bwc_seed", item.config.stash[SEED]),
    ]
