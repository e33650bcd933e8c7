"""What a run finds out about one device: its tests as they come, and the report of them at the end."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_sdk.errors import BwcError
from bwc_sdk.shipped import specification
from bwc_sdk.version import __version__
from hil_tests.conformance import device
from hil_tests.conformance.coverage import why_untested
from hil_tests.conformance.folder import write
from hil_tests.conformance.report import Captured, Device, Environment, Report, Requirement, Tried
from hil_tests.judging import observing
from hil_tests.judging.measured import Measured
from hil_tests.judging.rules import Rule, Scope
from hil_tests.judging.verdict import Outcome, Verdict, gravest, judge, softened
from hil_tests.run.acting import MOVED, actuators_there
from hil_tests.run.measuring import MEASURED
from hil_tests.run.running import DeviceRun

NOBODY_ASKED: Final = "no test came so far as to ask who it is"
NO_SESSION: Final = "the device gives no session yet"


@dataclasses.dataclass(slots=True)
class Gathered:
    """What is known of a test so far."""

    rules: dict[str, str]
    tried: Tried
    phases: list[Outcome] = dataclasses.field(default_factory=list)


class Gathering:
    """Gathers what becomes of each test on one device, and makes the report of it."""

    def __init__(self, run: DeviceRun, folder: Path, *, scope: Scope, strict: bool, seed: int) -> None:
        self.run = run
        self.folder = folder
        self.report: Report | None = None
        """What the run found, once it is over."""
        self.failure: BwcError | None = None
        """Why it could not be written."""
        self._scope = scope
        self._strict = strict
        self._seed = seed
        self._gathered: dict[str, Gathered] = {}
        self._measured: dict[str, Measured] = {}
        self._known: device.Known | None = None
        self._done_to_it: dict[str, None] = {}
        self._began = time.monotonic()
        self._started = datetime.now(UTC)
        self._seen: set[Path] = set()
        self._no_session: str | None = None
        """Why the device gives no session; "" = it does; None = nobody looked yet."""

    def expect(self, nodeid: str, facts: dict[str, Any]) -> Gathered:
        """Counts on a test that nobody ran yet."""
        one = self._gathered.get(nodeid)
        if one is None:
            tried = Tried(name=facts["name"], outcome=Outcome.NOT_RUN, expected=facts["promise"])
            one = self._gathered[nodeid] = Gathered(facts["rules"], tried)
        return one

    # In the process that runs a test

    def leave_out(self, nodeid: str, facts: dict[str, Any]) -> bool:
        """Whether a test that needs more than the link is left out, since the device gives no session at all."""
        if self._no_session is None:
            # Where somebody is expected, the bench finds out first who it is: nobody else is asked anything.
            reached = self.run.device.expected is not None or self.run.bench is not None
            self._no_session = "" if reached else device.why_no_session(self.run.new_bench())
        if not self._no_session:
            return False
        self.run.unreached = self._no_session
        one = self.expect(nodeid, facts)
        one.tried = dataclasses.replace(one.tried, why=f"{NO_SESSION}: {self._no_session}")
        return True

    def after(self, item: pytest.Item) -> dict[str, Any]:
        """What a test leaves behind, once it is over."""
        bench = self.run.bench
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
            "done_to_it": [*self.run.remarks],
            "connected_as": str(dict(item.user_properties).get("bwc_identity_used", "")),
            "device": dataclasses.asdict(device.of(bench)[0]) if bench is not None else None,
            "session": [bench.session, bench.secure] if bench is not None else None,
        }

    def _new_captures(self) -> list[Path]:
        captures = self.run.captures
        there = set(captures.glob("*.jsonl")) if captures is not None and captures.is_dir() else set()
        new, self._seen = sorted(there - self._seen), there
        return new

    # In the process that gathers

    def take(self, report: pytest.TestReport, found: dict[str, Any]) -> None:
        """Takes what a phase of a test came to."""
        one = self.expect(report.nodeid, found)
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
        self._done_to_it |= dict.fromkeys(found["done_to_it"])
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

    def finish(self, ended_early: str) -> BwcError | None:
        """Writes the report. Gives the error for which it could not be."""
        left_out = f"{NO_SESSION}: {self._no_session}" if self._no_session else ""
        try:
            found = self.made(ended_early or left_out)
            self.report = write(found, self.folder, self.run.new_bench().identities)
        except BwcError as error:
            self.failure = error
        return self.failure

    def made(self, ended_early: str) -> Report:
        """The report, of what has been gathered."""
        why = self.run.unreached or (NOBODY_ASKED if self.run.device.expected else None)
        nobody = None if why is None else device.unknown(self.run.new_bench(), why)
        who, session, secure = self._known or nobody or device.ask(self.run.new_bench())
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
            seed=self._seed,
            environment=environment(),
            started_utc=self._started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            duration_s=round(time.monotonic() - self._began, 1),
            ended_early=ended_early,
            remarks=(*self._done_to_it,),
        )

    def _actuators(self) -> tuple[str, ...]:
        """What could act on the device beside the link."""
        return tuple(map(str, actuators_there(self.run.device).values()))

    @staticmethod
    def _with_reason(tried: Tried, ended_early: str) -> Tried:
        if tried.outcome is Outcome.NOT_RUN and not tried.why:
            return dataclasses.replace(tried, why=f"not run: {ended_early or 'the run ended before it'}")
        return tried

    def _requirement(self, rule: Rule, tests: Iterable[tuple[dict[str, str], Tried]]) -> Requirement:
        guarding = [(rules, tried) for rules, tried in tests if rule.number in rules]
        own = [(rules[rule.number], tried) for rules, tried in guarding]
        judged = [
            dataclasses.replace(tried, outcome=softened(tried.outcome, level, strict=self._strict))
            for level, tried in own
        ]
        verdict, why = judge([(one.outcome, one.why) for one in judged], why_untested(rule))
        if verdict in (Verdict.FAIL, Verdict.WARN):
            why = why or failed_at_others(rule.number, guarding)
        level = "MUST" if not own else min((level for level, _ in own), key=("MUST", "SHOULD", "INFO").index)
        return Requirement(
            verdict=verdict,
            level=level,
            section=rule.section,
            sentence=rule.sentence,
            why=why,
            tests=tuple(judged),
        )


def failed_at_others(number: str, guarding: Iterable[tuple[Collection[str], Tried]]) -> str:
    """Whether all that failed of a rule's tests says itself that it failed at other rules which these tests guard as
    well, so that nobody looks for the fault where it need not be; "" where one does not say so."""
    others: dict[str, None] = {}
    for rules, tried in guarding:
        if tried.outcome is Outcome.FAILED:
            named = [one for one in rules if one in tried.expected]
            if not named or number in named:
                return ""
            others |= dict.fromkeys(named)
    if not others:
        return ""
    return f"its test failed at {' and '.join(others)}, and tells nothing of this rule: look there first"


def environment() -> Environment:
    """What the suite runs on."""
    return Environment(
        sdk=__version__,
        python=platform.python_version(),
        pytest=version("pytest"),
        platform=platform.platform(),
        specification_sha256=hashlib.sha256(specification().encode()).hexdigest(),
    )
