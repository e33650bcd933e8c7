"""Gathers what becomes of each test of a session, and makes a report of it for each device under test.

A plugin of pytest (`--bwc-report`). Each process that runs tests hands what it saw over with pytest's own reports; the
one that started them gathers.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_sdk.cli.printing.text import clean
from bwc_sdk.errors import BwcError
from hil_tests.conformance.folder import run_folder
from hil_tests.conformance.gathering import Gathering
from hil_tests.conformance.report import Report
from hil_tests.conformance.words import summary
from hil_tests.judging import observing
from hil_tests.judging.rules import Scope, marked
from hil_tests.run.order import SEED
from hil_tests.run.running import ON_THE_WIRE, READ_ONLY, RUNS, device_name

RUN: Final = "bwc_report_run"
LINK_FAMILIES: Final = frozenset({"FRM", "LNK", "CHN"})
"""Rules whose raw tests need nothing of a device but its link."""


class Collector:
    """Gathers what becomes of each test of a session, a device at a time. With one device all tests are of it; with
    several those are of none that are not on any."""

    def __init__(self, config: pytest.Config, folder: Path, *, scope: Scope, strict: bool) -> None:
        self._config = config
        self._scope = scope
        self._uncollected = ""
        worker = getattr(config, "workerinput", {})
        self._run = worker.get(RUN) or run_folder()
        runs = config.stash[RUNS]
        self._of: Mapping[str, Gathering] = {
            name: Gathering(
                run,
                folder / name if len(runs) > 1 else folder,
                scope=scope,
                strict=strict,
                seed=config.stash[SEED],
            )
            for name, run in runs.items()
        }
        for one in self._of.values():
            # Where the wire logs of this process go.
            one.run.captures = one.folder / self._run / worker.get("workerid", "")

    @property
    def report(self) -> Report | None:
        """What the run found of its only device, once it is over."""
        return self._only.report

    @property
    def failure(self) -> BwcError | None:
        """Why it could not be written."""
        return self._only.failure

    @property
    def reports(self) -> dict[str, Report]:
        """What the run found of each device, once it is over."""
        return {name: one.report for name, one in self._of.items() if one.report is not None}

    @property
    def _only(self) -> Gathering:
        (only,) = self._of.values()
        return only

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Workers of pytest-xdist put their wire logs beside each other."""
        node.workerinput[RUN] = self._run

    # Before the tests

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leaves out what the scope does not ask for."""
        kept = [item for item in items if self._is_meant(item)]
        left = [item for item in items if not self._is_meant(item)]
        if left:
            config.hook.pytest_deselected(items=left)
        items[:] = kept
        for item in items:
            self._expect(item.nodeid, self._facts(item))
        if hasattr(config, "workeroutput"):
            config.workeroutput[RUN] = {item.nodeid: self._facts(item) for item in items}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker tells at its end which tests there were: those that it did not come to are known, too."""
        for nodeid, facts in getattr(node, "workeroutput", {}).get(RUN, {}).items():
            self._expect(nodeid, facts)

    def _expect(self, nodeid: str, facts: dict[str, Any]) -> None:
        if facts["on"] is not None:
            self._of[facts["on"]].expect(nodeid, facts)

    def _is_meant(self, item: pytest.Item) -> bool:
        return not self._scope.wanted or any(self._scope.has(number) for number in marked(item))

    def _facts(self, item: pytest.Item) -> dict[str, Any]:
        """What is known of a test before it runs."""
        on = device_name(item)
        if on is None and len(self._of) == 1:
            on = next(iter(self._of))
        return {"on": on, "name": _name(item), "rules": marked(item), "promise": observing.promise(item)}

    # In the process that runs a test

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Leaves out what needs more than the link where the device gives no session at all: it has the report of its
        link at once, and not after a wait in each of hundreds of tests."""
        facts = self._facts(item)
        if _only_link(item) or not _needs_device(item) or facts["on"] is None:
            return None
        return self._of[facts["on"]].leave_out(item.nodeid, facts) or None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        found = self._facts(item)
        if found["on"] is None:
            return report
        of = self._of[found["on"]]
        found |= observing.phase_of(item, call, report, reached=of.run.bench is not None)
        if report.when == "teardown":
            found |= of.after(item)
        report.bwc_observed = found  # type: ignore[attr-defined]  # ours, carried from the workers of pytest-xdist
        return report

    # In the process that gathers

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found: dict[str, Any] | None = getattr(report, "bwc_observed", None)
        if found is not None:
            self._of[found["on"]].take(report, found)

    # After the tests

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if hasattr(self._config, "workerinput") or not self._collected(exitstatus):
            return
        early = self._why_early(session, exitstatus)
        failures = [one.finish(early) for one in self._of.values()]
        if any(failures):
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._uncollected = (
                f"{report.nodeid} cannot be collected: {str(report.longrepr).splitlines()[-1]}"
            )

    def _why_early(self, session: pytest.Session, exitstatus: int) -> str:
        """Why the run ended before its last test; "" if it did not."""
        told = session.shouldstop or session.shouldfail
        if isinstance(told, str):
            return told
        interrupted = "it was interrupted" if exitstatus == pytest.ExitCode.INTERRUPTED else ""
        return self._uncollected or interrupted

    @staticmethod
    def _collected(exitstatus: int) -> bool:
        """Whether there was a run at all: wrong usage and an error of pytest are no verdict."""
        return exitstatus not in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name, one in self._of.items():
            if one.report is None and one.failure is None:
                continue
            terminalreporter.write_sep("-", f"conformance of {name}" if len(self._of) > 1 else "conformance")
            if one.failure is not None:
                terminalreporter.write_line(f"no report: {one.failure}; try: {one.failure.advice}")
            elif one.report is not None:
                for line in summary(one.report, one.folder):
                    terminalreporter.write_line(clean(line))


def _only_link(item: pytest.Item) -> bool:
    """Whether a test is of the link alone: by its file, since others may open a session to see a rule of the link."""
    families = {number[:3] for number in marked(item)} | {item.path.stem.removeprefix("test_")[:3].upper()}
    asks_for_more = (
        "bwc_bench" in getattr(item, "fixturenames", ()) or item.get_closest_marker(READ_ONLY) is None
    )
    return families <= LINK_FAMILIES and not asks_for_more


def _needs_device(item: pytest.Item) -> bool:
    return not {"bwc_bench", *ON_THE_WIRE}.isdisjoint(getattr(item, "fixturenames", ()))


def _name(item: pytest.Item) -> str:
    """`test_lnk.py::test_…`, wherever the suite is installed."""
    return "::".join([item.path.name, *item.nodeid.split("::")[1:]])
