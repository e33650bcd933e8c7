"""What a firmware update changed: two reports, rule by rule and value by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hil_tests.conformance.report import Report
from hil_tests.judging.measured import Measured
from hil_tests.judging.verdict import Verdict

GRAVITY: Final = (
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
    Verdict.NOT_TESTED,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.FAIL,
)
"""From good to bad. A rule that was kept and is not tested any more is worse than before: nobody knows."""
TOLERANCE_PCT: Final = 20.0
"""By how much a measurement differs from one run to the next without anything having changed."""
FACTS: Final = ("uri", "identity", "model", "hardware", "firmware", "firmware_sha256", "protocol", "nature")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A rule whose verdict is another one. `before` or `after` is "" where one report does not speak of it."""

    number: str
    sentence: str
    before: str
    after: str
    worse: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """A measurement that changed by more than the tolerance, or went over or back within its limits."""

    name: str
    unit: str
    before: float | None
    after: float | None
    changed_pct: float | None
    within: bool
    worse: bool
    """Whether it is beyond a limit now, and was not before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactChange:
    """Something about the device itself."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that differs."""

    facts: tuple[FactChange, ...]
    rules: tuple[RuleChange, ...]
    values: tuple[ValueChange, ...]

    @property
    def worse(self) -> bool:
        """Whether anything is worse than before."""
        return any(one.worse for one in self.rules) or any(one.worse for one in self.values)


def compare(before: Report, after: Report, tolerance_pct: float = TOLERANCE_PCT) -> Difference:
    """What is different in `after`. Of a report on some rules only the others are no change."""
    return Difference(
        facts=tuple(_facts(before, after)),
        rules=tuple(_rules(before, after)),
        values=tuple(_values(before, after, tolerance_pct)),
    )


def _facts(before: Report, after: Report) -> Iterator[FactChange]:
    for name in FACTS:
        was, now = str(getattr(before.device, name)), str(getattr(after.device, name))
        if was != now:
            yield FactChange(name=name, before=was, after=now)
    if before.session != after.session:
        yield FactChange(name="session", before=before.session, after=after.session)


def _rules(before: Report, after: Report) -> Iterator[RuleChange]:
    for number in sorted({*before.requirements, *after.requirements}):
        was, now = before.requirements.get(number), after.requirements.get(number)
        if (was is None and before.scope) or (now is None and after.scope) or not (was or now):
            continue
        old, new = (was.verdict if was else ""), (now.verdict if now else "")
        if old == new:
            continue
        one = now or was
        assert one is not None
        worse = bool(was and now and GRAVITY.index(now.verdict) > GRAVITY.index(was.verdict))
        worse = worse or (was is None and now is not None and now.verdict is Verdict.FAIL)
        why = "" if now is None else now.why or next((t.observed for t in now.tests if t.observed), "")
        yield RuleChange(number=number, sentence=one.sentence, before=old, after=new, worse=worse, why=why)


def _values(before: Report, after: Report, tolerance_pct: float) -> Iterator[ValueChange]:
    was = {one.name: one for one in before.measurements}
    now = {one.name: one for one in after.measurements}
    for name in {**was, **now}:
        change = _value(was.get(name), now.get(name))
        moved = change.changed_pct is None or abs(change.changed_pct) > tolerance_pct
        if moved or change.worse or (name in was and name in now and was[name].within != now[name].within):
            yield change


def _value(was: Measured | None, now: Measured | None) -> ValueChange:
    one = now or was
    assert one is not None
    both = was is not None and now is not None and was.unit == now.unit
    changed = None
    if both and was is not None and now is not None and was.value != now.value:
        changed = round((now.value - was.value) / abs(was.value) * 100, 1) if was.value else None
    return ValueChange(
        name=one.name,
        unit=one.unit,
        before=was.value if was else None,
        after=now.value if now else None,
        changed_pct=0.0
        if both and was is not None and now is not None and was.value == now.value
        else changed,
        within=one.within,
        worse=now is not None and not now.within and (was is None or was.within),
    )
