"""A verdict in a few lines, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from hil_tests.conformance.page import HEADLINES
from hil_tests.conformance.report import HOST, PAGE, Report, Requirement, Tried
from hil_tests.judging.verdict import Outcome, Verdict

WRONG: Final = (Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE)
TESTS_MAX: Final = 2
"""Tests of one rule that are told: the others, of the same with other bytes, are in the report."""
SAID_MAX: Final = 8
"""Lines of what was expected or observed: the page has the rest."""


def summary(report: Report, folder: Path) -> Iterator[str]:
    """All that whoever started the run has to know at once."""
    yield headline(report)
    if report.ended_early:
        yield f"not all was run: {report.ended_early}"
    yield from table(report)
    for number, one in report.requirements.items():
        if one.verdict in WRONG:
            yield from broken(number, one)
    yield from _others(report.others)
    yield f"signed by: {report.signed_by}" if report.signed_by else f"NOT SIGNED: {report.unsigned_because}"
    yield f"report: {folder / PAGE}"


def _others(tests: Iterable[Tried]) -> Iterator[str]:
    """What is wrong beside the rules: of what came to nothing for one reason, a few tests and how many more."""
    for_one_reason: Counter[str] = Counter()
    for test in tests:
        if test.outcome not in (Outcome.FAILED, Outcome.INFRA, Outcome.VANISHED):
            continue
        if test.outcome is Outcome.INFRA:
            for_one_reason[test.why] += 1
            if for_one_reason[test.why] > TESTS_MAX:
                continue
        yield f"{test.name}: {test.outcome}"
        yield from _said(test)
    for why, n in for_one_reason.items():
        if n > TESTS_MAX:
            yield f"{n - TESTS_MAX} tests more: {Outcome.INFRA}: {why}"


def headline(report: Report) -> str:
    """One line: the verdict, on which device, and what that is."""
    device = report.device
    if device.nature == HOST:
        return f"{HEADLINES[report.conformity]}: host {device.identity or 'of no name'}, {report.session}"
    who = f"{device.identity} ({device.model}, firmware {device.firmware})" if device.identity else device.uri
    return f"{HEADLINES[report.conformity]}: {who}, {device.nature}, {report.session}"


def table(report: Report) -> Iterator[str]:
    """A line for each chapter of the specification, with how many rules got which verdict."""
    sections = report.sections()
    width = max(map(len, [*sections, "chapter"]))
    yield "  ".join([f"{'chapter':{width}}", *(f"{name:>{_wide(name)}}" for name in Verdict)])
    for name, rules in sections.items():
        yield "  ".join([f"{name:{width}}", *(f"{n or '-':>{_wide(v)}}" for v, n in _counts(rules).items())])


def _wide(verdict: Verdict) -> int:
    return max(4, len(verdict))


def _counts(rules: Mapping[str, Requirement]) -> dict[Verdict, int]:
    listed = [one.verdict for one in rules.values()]
    return {verdict: listed.count(verdict) for verdict in Verdict}


def broken(number: str, one: Requirement) -> Iterator[str]:
    """What is wrong about a rule: its sentence, and of each test that says so what it expected and saw."""
    yield f"{number} {one.verdict}: {one.sentence}"
    if one.why:
        yield f"  why: {one.why}"
    wrong = [test for test in one.tests if test.outcome in (Outcome.FAILED, Outcome.WARNED)]
    for test in wrong[:TESTS_MAX]:
        yield from _said(test)
    if len(wrong) > TESTS_MAX:
        yield f"  {len(wrong) - TESTS_MAX} tests more in the report"


def _said(test: Tried) -> Iterator[str]:
    for label, said in (("expected", test.expected), ("observed", test.observed), ("why", test.why)):
        lines = said.splitlines()
        for number, line in enumerate(lines[:SAID_MAX]):
            yield f"  {label if not number else ' ' * len(label)}{':' if not number else ' '} {line}"
        if len(lines) > SAID_MAX:
            yield f"  {' ' * len(label)}  … {len(lines) - SAID_MAX} lines more in the report"
    yield f"  test: {test.name}"
