"""The report on a host: the same as that on a device, of what the cases found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from hil_tests.conformance.gathering import environment
from hil_tests.conformance.report import HOST, Device, Report, Requirement, Tried
from hil_tests.hosts.visit import Case, Visit
from hil_tests.judging.rules import Rule, Scope, all_rules
from hil_tests.judging.verdict import Outcome, judge

OF_DEVICES: Final = "it is about devices, and a host was judged"
NOT_SEEN: Final = "a device sees nothing of it, or no case makes a host show it"
UNPROTECTED: Final = "these sessions have no protection"
OF_CERTIFICATES: Final = ("SES-004", "SES-026")
"""Rules that show in a secure session alone."""


class Reporter:
    """Knows when a run began, and makes its report."""

    def __init__(self, uri: str, session: str, *, secure: bool, scope: Scope) -> None:
        self._uri, self._session = uri, session
        self._secure, self._scope = secure, scope
        self._began = time.monotonic()
        self._started = datetime.now(UTC)

    def made(self, cases: Sequence[Case], visits: Sequence[Visit], ended_early: str) -> Report:
        """The report on all that was played, and was to be."""
        played = {visit.case.name: visit for visit in visits}
        tried = [one for case in cases for one in self._tried(case, played.get(case.name), ended_early)]
        identity = next((visit.identity for visit in visits if visit.identity), "")
        return Report(
            device=Device(uri=self._uri, identity=identity, kind=HOST),
            session=self._session,
            secure=self._secure,
            scope=self._scope.wanted,
            strict=False,
            requirements={rule.number: self._requirement(rule, tried) for rule in self._scope.rules()},
            others=tuple(one for name, one in tried if name not in all_rules()),
            measurements=(),
            actuators=("the device itself: it was busy, slow, wrong or gone, as its cases say",),
            seed=None,
            environment=environment(),
            started_utc=self._started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            duration_s=round(time.monotonic() - self._began, 1),
            ended_early=ended_early,
            role=HOST,
        )

    def _tried(self, case: Case, visit: Visit | None, ended_early: str) -> Iterator[tuple[str, Tried]]:
        found = {} if visit is None else visit.judge.found
        for rule in dict.fromkeys([*case.rules, *found]):
            name = f"case {case.name}" if rule in all_rules() else f"{rule} (case {case.name})"
            log = () if visit is None else tuple(visit.judge.transcript.lines)
            if rule in found:
                one = found[rule]
                outcome = Outcome.FAILED if one.is_broken else Outcome.PASSED
                expected = one.expected or f"the rule is kept by one whose device {case.what}"
                yield (
                    rule,
                    Tried(
                        name=name, outcome=outcome, expected=expected, observed=one.observed, transcript=log
                    ),
                )
            elif not self._secure and rule in OF_CERTIFICATES:
                yield rule, Tried(name=name, outcome=Outcome.NOT_APPLICABLE, why=UNPROTECTED)
            else:
                why = f"not played: {ended_early}" if visit is None else _why(visit)
                yield rule, Tried(name=name, outcome=Outcome.NOT_RUN, why=why, transcript=log)

    def _requirement(self, rule: Rule, tried: Sequence[tuple[str, Tried]]) -> Requirement:
        own = tuple(one for number, one in tried if number == rule.number)
        verdict, why = judge(
            [(one.outcome, one.why) for one in own], NOT_SEEN if rule.of_hosts else OF_DEVICES
        )
        return Requirement(
            verdict=verdict, level="MUST", section=rule.section, sentence=rule.sentence, why=why, tests=own
        )


def _why(visit: Visit) -> str:
    """Why a case that was played says nothing."""
    if not visit.came:
        return "no host came"
    return "the host left, or gave up, before it came to that"
