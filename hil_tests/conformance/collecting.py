"""Collects a run: a pytest plugin object that observes each test, and writes the report at the end.

Where pytest-xdist runs the tests, each worker observes, and the one that started them gathers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import time
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from bwc_sdk.cli.printing.text import clean
from bwc_sdk.errors import BwcError
from bwc_sdk.shipped import specification
from bwc_sdk.version import __version__
from hil_tests.acting import MOVED, actuators_there
from hil_tests.conformance import device, observing
from hil_tests.conformance.coverage import why_untested
from hil_tests.conformance.folder import run_folder, write
from hil_tests.conformance.measuring import MEASURED
from hil_tests.conformance.report import Captured, Device, Environment, Measured, Report, Requirement, Tried
from hil_tests.conformance.rules import Rule, Scope, marked
from hil_tests.conformance.verdict import Outcome, gravest, judge, softened
from hil_tests.conformance.words import summary
from hil_tests.running import BENCH, READ_ONLY, UNREACHED, bench_of
from hil_tests.under_test import UNDER_TEST

if TYPE_CHECKING:
    from hil_tests.bench import Bench

RUN: Final = "bwc_report_run"
NOBODY_ASKED: Final = "no test came so far as to ask who it is"
NO_SESSION: Final = "the device gives no session yet"
LINK_FAMILIES: Final = frozenset({"FRM", "LNK", "CHN"})
"""Rules whose raw tests need nothing of a device but its link."""


@dataclasses.dataclass(slots=True)
class Gathered:
    """What is known of a test so far."""

    rules: dict[str, str]
    tried: Tried
    phases: list[Outcome] = dataclasses.field(default_factory=list)


class Collector:
    """Gathers what becomes of each test of a session, and makes the report of it."""

    def __init__(self, config: pytest.Config, folder: Path, *, scope: Scope, strict: bool) -> None:
        self.folder = folder
        self.report: Report | None = None
        """What the run found, once it is over."""
        self.failure: BwcError | None = None
        """Why it could not be written."""
        self._config = config
        self._scope = scope
        self._strict = strict
        self._gathered: dict[str, Gathered] = {}
        self._measured: dict[str, Measured] = {}
        self._known: device.Known | None = None
        self._began = time.monotonic()
        self._started = datetime.now(UTC)
        self._seen: set[Path] = set()
        self._uncollected = ""
        self._no_session: str | None = None
        """Why the device gives no session; "" = it does; None = nobody looked yet."""
        worker = getattr(config, "workerinput", {})
        self._run = worker.get(RUN) or run_folder()
        self.captures = folder / self._run / worker.get("workerid", "")
        """Where the wire logs of this process go."""

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
            self._expect(item.nodeid, _facts(item))
        if hasattr(config, "workeroutput"):
            config.workeroutput[RUN] = {item.nodeid: _facts(item) for item in items}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker tells at its end which tests there were: those that it did not come to are known, too."""
        for nodeid, facts in getattr(node, "workeroutput", {}).get(RUN, {}).items():
            self._expect(nodeid, facts)

    def _expect(self, nodeid: str, facts: dict[str, Any]) -> Gathered:
        one = self._gathered.get(nodeid)
        if one is None:
            tried = Tried(name=facts["name"], outcome=Outcome.NOT_RUN, expected=facts["promise"])
            one = self._gathered[nodeid] = Gathered(facts["rules"], tried)
        return one

    def _is_meant(self, item: pytest.Item) -> bool:
        return not self._scope.wanted or any(self._scope.has(number) for number in marked(item))

    # In the process that runs a test

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Leaves out what needs more than the link where the device gives no session at all: it has the report of its
        link at once, and not after a wait in each of hundreds of tests."""
        if _only_link(item) or not _is_on_device(item):
            return None
        if self._no_session is None:
            # Where somebody is expected, the bench finds out first who it is: nobody else is asked anything.
            expected = self._config.stash[UNDER_TEST].expected is not None
            reached = expected or self._config.stash.get(BENCH, None) is not None
            self._no_session = "" if reached else device.why_no_session(bench_of(self._config))
        if not self._no_session:
            return None
        self._config.stash[UNREACHED] = self._no_session
        one = self._expect(item.nodeid, _facts(item))
        one.tried = dataclasses.replace(one.tried, why=f"{NO_SESSION}: {self._no_session}")
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        bench = self._config.stash.get(BENCH, None)
        found = _facts(item) | observing.phase_of(item, call, report, reached=bench is not None)
        if report.when == "teardown":
            found |= self._after(item, bench)
        report.bwc_observed = found  # type: ignore[attr-defined]  # ours, carried from the workers of pytest-xdist
        return report

    def _after(self, item: pytest.Item, bench: Bench | None) -> dict[str, Any]:
        captures = self._new_captures()
        return {
            "transcript": observing.transcript_of(item, captures),
            "captures": [
                {
                    "file": path.relative_to(self.folder).as_posix(),
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
                for path in captures
            ],
            "measured": [dataclasses.asdict(one) for one in item.stash.get(MEASURED, [])],
            "moved": item.stash.get(MOVED, list[str]()),
            "connected_as": str(dict(item.user_properties).get("bwc_identity_used", "")),
            "device": dataclasses.asdict(device.of(bench)[0]) if bench is not None else None,
            "session": [bench.session, bench.secure] if bench is not None else None,
        }

    def _new_captures(self) -> list[Path]:
        there = set(self.captures.glob("*.jsonl")) if self.captures.is_dir() else set()
        new, self._seen = sorted(there - self._seen), there
        return new

    # In the process that gathers

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found: dict[str, Any] | None = getattr(report, "bwc_observed", None)
        if found is None:
            return
        one = self._expect(report.nodeid, found)
        said = one.tried
        if report.when == "setup" and one.phases:  # another plugin runs it again: each attempt counts
            said = dataclasses.replace(said, attempts=said.attempts + 1)
        said = dataclasses.replace(said, seconds=round(said.seconds + report.duration, 3))
        if "outcome" in found:
            outcome = Outcome(found["outcome"])
            if not one.phases or gravest([outcome, said.outcome]) is outcome:
                told = {
                    name: found.get(name, "") or getattr(said, name)
                    for name in ("expected", "observed", "why")
                }
                said = dataclasses.replace(said, outcome=outcome, **told)
            one.phases.append(outcome)
        if "transcript" in found:
            said = self._with_log(said, found)
        one.tried = said

    def _with_log(self, said: Tried, found: dict[str, Any]) -> Tried:
        for each in found["measured"]:
            self._measured[each["name"]] = Measured(**each)
        if found["device"] is not None and self._known is None:
            who = {**found["device"], "capabilities": tuple(found["device"]["capabilities"])}
            self._known = (Device(**who), *found["session"])
        return dataclasses.replace(
            said,
            transcript=tuple(
                observing.shortened(found["transcript"], whole=said.outcome is not Outcome.PASSED)
            ),
            captures=(*said.captures, *(Captured(**each) for each in found["captures"])),
            connected_as=found["connected_as"],
            moved=tuple(found["moved"]),
        )

    # After the tests

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if hasattr(self._config, "workerinput") or not self._collected(exitstatus):
            return
        try:
            found = self.made(self._why_early(session, exitstatus))
            self.report = write(found, self.folder, bench_of(self._config).identities)
        except BwcError as error:
            self.failure = error
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
        left_out = f"{NO_SESSION}: {self._no_session}" if self._no_session else ""
        return self._uncollected or interrupted or left_out

    @staticmethod
    def _collected(exitstatus: int) -> bool:
        """Whether there was a run at all: wrong usage and an error of pytest are no verdict."""
        return exitstatus not in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.report is not None or self.failure is not None:
            terminalreporter.write_sep("-", "conformance")
        if self.failure is not None:
            terminalreporter.write_line(f"no report: {self.failure}; try: {self.failure.advice}")
        elif self.report is not None:
            for line in summary(self.report, self.folder):
                terminalreporter.write_line(clean(line))

    def made(self, ended_early: str) -> Report:
        """The report, of what has been gathered."""
        expected = self._config.stash[UNDER_TEST].expected
        why = self._config.stash.get(UNREACHED, NOBODY_ASKED if expected else None)
        nobody = None if why is None else device.unknown(bench_of(self._config), why)
        who, session, secure = self._known or nobody or device.ask(bench_of(self._config))
        tests = [(one.rules, self._with_reason(one.tried, ended_early)) for one in self._gathered.values()]
        return Report(
            device=who,
            session=session,
            secure=secure,
            scope=self._scope.wanted,
            strict=self._strict,
            requirements={rule.number: self._requirement(rule, tests) for rule in self._scope.rules()},
            others=tuple(tried for rules, tried in tests if not rules),
            measurements=tuple(self._measured.values()),
            actuators=self._actuators(),
            seed=None,
            environment=environment(),
            started_utc=self._started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            duration_s=round(time.monotonic() - self._began, 1),
            ended_early=ended_early,
        )

    def _actuators(self) -> tuple[str, ...]:
        """What could act on the device beside the link."""
        return tuple(map(str, actuators_there(self._config).values()))

    @staticmethod
    def _with_reason(tried: Tried, ended_early: str) -> Tried:
        if tried.outcome is Outcome.NOT_RUN and not tried.why:
            return dataclasses.replace(tried, why=f"not run: {ended_early or 'the run ended before it'}")
        return tried

    def _requirement(self, rule: Rule, tests: Iterable[tuple[dict[str, str], Tried]]) -> Requirement:
        own = [(rules[rule.number], tried) for rules, tried in tests if rule.number in rules]
        judged = [
            dataclasses.replace(tried, outcome=softened(tried.outcome, level, strict=self._strict))
            for level, tried in own
        ]
        verdict, why = judge([(one.outcome, one.why) for one in judged], why_untested(rule))
        level = "MUST" if not own else min((level for level, _ in own), key=("MUST", "SHOULD", "INFO").index)
        return Requirement(
            verdict=verdict,
            level=level,
            section=rule.section,
            sentence=rule.sentence,
            why=why,
            tests=tuple(judged),
        )


def environment() -> Environment:
    """What the suite runs on."""
    return Environment(
        sdk=__version__,
        python=platform.python_version(),
        pytest=version("pytest"),
        platform=platform.platform(),
        specification_sha256=hashlib.sha256(specification().encode()).hexdigest(),
    )


def _only_link(item: pytest.Item) -> bool:
    """Whether a test is of the link alone: by its file, since others may open a session to see a rule of the link."""
    families = {number[:3] for number in marked(item)} | {item.path.stem.removeprefix("test_")[:3].upper()}
    asks_for_more = (
        "bwc_bench" in getattr(item, "fixturenames", ()) or item.get_closest_marker(READ_ONLY) is None
    )
    return families <= LINK_FAMILIES and not asks_for_more


def _is_on_device(item: pytest.Item) -> bool:
    return not {"bwc_bench", "wire"}.isdisjoint(getattr(item, "fixturenames", ()))


def _facts(item: pytest.Item) -> dict[str, Any]:
    """What is known of a test before it runs."""
    return {"name": _name(item), "rules": marked(item), "promise": observing.promise(item)}


def _name(item: pytest.Item) -> str:
    """`test_lnk.py::test_…`, wherever the suite is installed."""
    return "::".join([item.path.name, *item.nodeid.split("::")[1:]])
