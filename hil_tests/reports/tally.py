"""What became of the tests on each device, told at the end of a run: FAIL of the device apart from INFRA of the bench.

In the process that started the run, of what all that run tests tell.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from hil_tests.judging.verdict import Outcome
from hil_tests.reports.junit import JUnit
from hil_tests.run.told import AGAIN, BENCH_ONLY, Told, of, word
from hil_tests.run.under_test import DEVICES

INCONCLUSIVE: Final = 21
"""How a run ends in which nothing failed but the bench: as 'bwc conformance' does."""
TALLY: Final = pytest.StashKey["Tally"]()


@dataclass(slots=True)
class Test:
    """A test that is over, and what it came to."""

    nodeid: str
    outcome: Outcome
    why: str
    attempt: int
    log: str = ""


@dataclass(slots=True)
class OfDevice:
    """What is known of one device."""

    described: str = ""
    remarks: dict[str, None] = field(default_factory=dict)
    dead: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    """Who it said that it is."""
    measured: list[dict[str, Any]] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)

    @property
    def counted(self) -> Counter[str]:
        """How many tests came to what, in words."""
        return Counter(word(test.outcome, test.attempt) for test in self.tests)


class Tally:
    """Takes what is told of each test."""

    def __init__(self, config: pytest.Config) -> None:
        self.devices = {name: OfDevice() for name in config.stash[DEVICES]}
        self.failed_elsewhere = False
        """Whether a test failed that is on no device."""
        self._why: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = of(report)
        if told is None:
            self.failed_elsewhere = self.failed_elsewhere or report.failed
            return
        if report.when == "setup":
            self._why.pop(report.nodeid, None)  # of an earlier attempt
        if told.get("why"):
            self._why.setdefault(report.nodeid, told["why"])
        if "came_to" in told:
            self._over(report.nodeid, told)

    def _over(self, nodeid: str, told: Told) -> None:
        device = self.devices[told["on"]]
        device.described = told.get("device", "") or device.described
        device.remarks |= dict.fromkeys([*told.get("remarks", ()), *told["done_to_it"]])
        device.facts = told.get("facts", device.facts)
        device.measured += told["measured"]
        device.dead = told["dead"]
        outcome, why = Outcome(told["came_to"]), self._why.pop(nodeid, "")
        device.tests.append(Test(nodeid, outcome, why, told["attempt"], told.get("log", "")))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.failed_elsewhere = self.failed_elsewhere or report.failed

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        tests = [test for device in self.devices.values() for test in device.tests]
        broken = any(test.outcome is Outcome.FAILED for test in tests) or self.failed_elsewhere
        bench = any(test.outcome in BENCH_ONLY for test in tests)
        if bench and not broken and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            session.exitstatus = INCONCLUSIVE

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        tested = {name: device for name, device in self.devices.items() if device.tests}
        if not any(device.described or device.dead for device in tested.values()):
            return
        tell = terminalreporter.write_line
        terminalreporter.write_sep("-", "device under test" if len(tested) == 1 else "devices under test")
        for name, device in tested.items():
            tell(device.described or f"{name or 'the device'}: nobody found out who it is")
            tell("  " + ", ".join(f"{n} {what}" for what, n in device.counted.items()))
            for remark in device.remarks:
                tell(f"  {remark}")
            if device.dead:
                tell(f"  DEAD, and its other tests were not run: {device.dead}")
            for test in device.tests:
                if test.outcome in (Outcome.FAILED, *BENCH_ONLY) and not (
                    test.why and test.why == device.dead
                ):
                    tell(f"  {word(test.outcome)} {test.nodeid}" + (f": {test.why}" if test.why else ""))


def start_tally(config: pytest.Config) -> None:
    """Registers what counts."""
    tally = config.stash[TALLY] = Tally(config)
    config.pluginmanager.register(tally, "bwc-tally")
    config.pluginmanager.register(JUnit(config), "bwc-junit")


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Says INFRA where the bench came between, and never 'passed' of what only passed at its second attempt."""
    told = of(report)
    if told is None:
        return None
    if report.outcome == AGAIN:
        return "tried again", "A", "INFRA, tried again"
    if report.when == "call" and report.passed and told["attempt"] > 1:
        passed = word(Outcome.PASSED, told["attempt"])
        return passed, "2", passed.upper()
    if report.when == "call" and report.failed and told.get("outcome") in BENCH_ONLY:
        return "error", "E", "INFRA"
    return None
