"""From what became of its tests to the verdict on a rule, and on a device."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Final


class Outcome(enum.StrEnum):
    """What became of one test."""

    PASSED = "passed"
    FAILED = "failed"
    """The device did something else than it must."""
    WARNED = "warned"
    """The same, of what it should."""
    VANISHED = "vanished"
    """The device was there, and then it was not."""
    INFRA = "infra"
    """Bench, host or suite came to nothing; of the device it says nothing."""
    NOT_APPLICABLE = "not-applicable"
    NOT_TESTED = "not-tested"
    NOT_RUN = "not-run"
    """The run ended before its turn, or the device does not come so far."""


class Verdict(enum.StrEnum):
    """What is said of a rule."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_APPLICABLE = "NOT-APPLICABLE"
    NOT_TESTED = "NOT-TESTED"


class Conformity(enum.StrEnum):
    """What is said of a device, and of a run."""

    CONFORMING = "conforming"
    """No rule that was tested is broken, and each of them got its verdict."""
    BROKEN = "broken"
    INCONCLUSIVE = "inconclusive"


GRAVITY: Final = (
    Outcome.FAILED,
    Outcome.VANISHED,
    Outcome.INFRA,
    Outcome.WARNED,
    Outcome.PASSED,
    Outcome.NOT_RUN,
    Outcome.NOT_TESTED,
    Outcome.NOT_APPLICABLE,
)
"""Which of several outcomes speaks for all: a test that passes at its second attempt has not passed."""
_VERDICTS: Final = {
    Outcome.FAILED: Verdict.FAIL,
    Outcome.VANISHED: Verdict.INCONCLUSIVE,
    Outcome.INFRA: Verdict.INCONCLUSIVE,
    Outcome.WARNED: Verdict.WARN,
    Outcome.PASSED: Verdict.PASS,
    Outcome.NOT_RUN: Verdict.INCONCLUSIVE,
    Outcome.NOT_TESTED: Verdict.NOT_TESTED,
    Outcome.NOT_APPLICABLE: Verdict.NOT_APPLICABLE,
}
UNTESTED: Final = "no test of the suite is marked with it"


def gravest(outcomes: Iterable[Outcome]) -> Outcome:
    """The one that speaks for all of them."""
    return min(outcomes, key=GRAVITY.index)


def softened(outcome: Outcome, level: str, *, strict: bool) -> Outcome:
    """An outcome as the level of the mark has it: what a device only should do breaks nothing, unless `strict`."""
    return Outcome.WARNED if outcome is Outcome.FAILED and level != "MUST" and not strict else outcome


def judge(outcomes: Sequence[tuple[Outcome, str]], untested: str = UNTESTED) -> tuple[Verdict, str]:
    """The verdict on a rule by the outcomes of its tests, and why, as far as the tests do not say it themselves.

    Each outcome comes with its reason; `untested` is why a rule may have no test.
    """
    if not outcomes:
        return Verdict.NOT_TESTED, untested
    speaks = gravest(outcome for outcome, _ in outcomes)
    why = next(why for outcome, why in outcomes if outcome is speaks)
    return _VERDICTS[speaks], "" if speaks is Outcome.PASSED else why


def conformity(verdicts: Iterable[Verdict], others: Iterable[Outcome] = ()) -> Conformity:
    """What all the verdicts come to; `others` are what became of tests that guard no numbered rule."""
    found = set(verdicts)
    outcomes = set(others)
    if Verdict.FAIL in found or Outcome.FAILED in outcomes:
        return Conformity.BROKEN
    unsure = {Outcome.VANISHED, Outcome.INFRA, Outcome.NOT_RUN}
    if Verdict.INCONCLUSIVE in found or outcomes & unsure or not found & {Verdict.PASS, Verdict.WARN}:
        return Conformity.INCONCLUSIVE
    return Conformity.CONFORMING


def counted(verdicts: Iterable[Verdict]) -> Mapping[Verdict, int]:
    """How many rules got each verdict."""
    listed = list(verdicts)
    return {verdict: listed.count(verdict) for verdict in Verdict}
