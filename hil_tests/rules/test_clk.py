"""Clock: measured without a change, and set only within the limits of a reason (spec: Clock)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import Role
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.audit import AuditKind, ReadAudit, ReadAuditHead
from bwc_protocol.messages.clock import (
    ClockReading,
    ClockReason,
    ExchangeTime,
    ReadClock,
    SetClock,
    TimeAssurance,
    TimeSource,
)
from bwc_protocol.messages.recordings import ListRecordings
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import log_head, logged_since, supported
from hil_tests.verdicts import RuleBroken, not_before, not_tested

S: Final = 1_000_000_000
ROUTINE_MAX, CORRECTION_MAX = 300 * S, 86_400 * S
NO_BOUND: Final = 2**64 - 1
MINUTE: Final = 60 * S
EARLIEST_NS: Final = 1_704_067_200 * S
LATEST_NS: Final = 4_102_444_800 * S
"""2024 and 2100 begin."""
STATED_MAX: Final = 100
"""Entries of the log whose times are looked at."""


def clock_of(session: RawSession) -> ClockReading:
    """The clock. Skips where there is none."""
    told: ClockReading = supported(session, ReadClock())
    return told


def set_of(reading: ClockReading, **changes: Any) -> SetClock:
    """A sound set by nothing at all, with the fields that the test changes."""
    sound = SetClock(
        offset_ns=0,
        uncertainty_ns=1_000_000,
        reason=ClockReason.ROUTINE,
        source=TimeSource.NTP,
        revision=reading.revision,
        assurance=TimeAssurance.VERIFIED,
    )
    return replace(sound, **changes)


def needs_a_set_clock(reading: ClockReading) -> None:
    """Skips where the clock is UNSET."""
    if reading.state is ClockState.UNSET:
        not_tested("the clock is UNSET")


def untouched(session: RawSession, before: ClockReading, rule: str) -> None:
    """The clock was not set. Raises `RuleBroken`."""
    after = clock_of(session)
    if (after.revision, after.last_set_utc_ns) != (before.revision, before.last_set_utc_ns):
        raise RuleBroken(f"revision {before.revision} after a refusal ({rule})", str(after.revision))


@pytest.mark.bwc_read_only
@pytest.mark.rule("CLK-001")
def test_an_exchange_returns_what_was_sent_and_two_stamps_in_their_order(wire: Wire) -> None:
    session = wire.session()
    clock_of(session)
    last = None
    for sent in (0, -1, 2**63 - 1, 1_700_000_000 * S):
        told = session.ask(ExchangeTime(host_sent_ns=sent))
        if told.host_sent_ns != sent:
            raise RuleBroken(f"t1 as it was sent, {sent} (CLK-001)", str(told.host_sent_ns))
        if told.device_sent_ns < told.device_received_ns:
            raise RuleBroken("t3 not before t2 (CLK-001)", f"{told}")
        if last is not None and told.device_received_ns < last:
            raise RuleBroken("stamps of one clock, which does not go back (CLK-001)", f"{told}")
        last = told.device_sent_ns


@pytest.mark.bwc_read_only
@pytest.mark.rule("CLK-006")
@pytest.mark.rule("CLK-014")
def test_a_clock_states_no_bound_exactly_while_it_is_unset(wire: Wire) -> None:
    session = wire.session()
    reading = clock_of(session)
    if (reading.state is ClockState.UNSET) != (reading.uncertainty_ns == NO_BOUND):
        raise RuleBroken(
            "2^64 - 1 ns of uncertainty while UNSET, and only then (CLK-014)",
            f"{reading.state}, {reading.uncertainty_ns} ns",
        )


@pytest.mark.rule("CLK-003")
@pytest.mark.rule("MSG-010")
@pytest.mark.rule("MSG-018")
def test_a_set_at_another_revision_is_a_conflict_before_anything_implausible(wire: Wire) -> None:
    session = wire.session()
    before = clock_of(session)
    wrong = set_of(before, revision=before.revision + 1, offset_ns=2**62, source=TimeSource.UNSYNCHRONISED)
    session.refused(session.request(wrong), "CLK-003", ErrorCode.CONFLICT)
    untouched(session, before, "CLK-003")


REFUSED: Final[dict[str, tuple[str, dict[str, Any], ErrorCode]]] = {
    "a reason that nobody knows": ("CLK-013", {"reason": 99}, ErrorCode.OUT_OF_RANGE),
    "a source that nobody knows": ("CLK-013", {"source": 99}, ErrorCode.OUT_OF_RANGE),
    "an assurance that nobody knows": ("CLK-013", {"assurance": 99}, ErrorCode.OUT_OF_RANGE),
    "no synchronised source": ("CLK-005", {"source": TimeSource.UNSYNCHRONISED}, ErrorCode.IMPLAUSIBLE),
    "too large a routine step": ("CLK-002", {"offset_ns": ROUTINE_MAX + 1}, ErrorCode.IMPLAUSIBLE),
    "the same back": ("CLK-002", {"offset_ns": -ROUTINE_MAX - 1}, ErrorCode.IMPLAUSIBLE),
    "too large a correction": (
        "CLK-002",
        {"offset_ns": CORRECTION_MAX + 1, "reason": ClockReason.CORRECTION},
        ErrorCode.IMPLAUSIBLE,
    ),
    "the largest number": (
        "CLK-002",
        {"offset_ns": 2**63 - 1, "reason": ClockReason.CORRECTION},
        ErrorCode.IMPLAUSIBLE,
    ),
    "not known to the minute": ("CLK-011", {"uncertainty_ns": MINUTE + 1}, ErrorCode.IMPLAUSIBLE),
    "set for the first time once more": (
        "CLK-002",
        {"reason": ClockReason.FIRST_SET},
        ErrorCode.WRONG_STATE,
    ),
}


@pytest.mark.rule("CLK-002")
@pytest.mark.rule("CLK-005")
@pytest.mark.rule("CLK-011")
@pytest.mark.rule("CLK-013")
@pytest.mark.parametrize("what", REFUSED, ids=str)
def test_the_device_itself_refuses_a_set_beyond_its_limits(wire: Wire, what: str) -> None:
    session = wire.session()
    before = clock_of(session)
    needs_a_set_clock(before)
    rule, changes, code = REFUSED[what]
    for name in changes:
        not_before(f"`{name}` of clock.set", SetClock.codec.fields[name].since, session.version)
    session.refused(session.request(set_of(before, **changes)), rule, code)
    untouched(session, before, rule)


@pytest.mark.rule("CLK-013")
@pytest.mark.parametrize("utc_ns", [EARLIEST_NS - S, LATEST_NS + S], ids=["before 2024", "after 2099"])
def test_nobody_sets_it_to_a_time_that_cannot_be(wire: Wire, utc_ns: int) -> None:
    """Nor a bench, for which no step is too large."""
    session = wire.session()
    before = clock_of(session)
    impossible = set_of(before, reason=ClockReason.BENCH, offset_ns=utc_ns - before.utc_ns)
    session.refused(session.request(impossible), "CLK-013", ErrorCode.OUT_OF_RANGE)
    untouched(session, before, "CLK-013")


@pytest.mark.rule("CLK-013")
@pytest.mark.rule("ROL-001")
def test_bench_is_no_reason_for_another_role(wire: Wire) -> None:
    session = wire.session(Role.TECHNICIAN)
    before = clock_of(session)
    wrong = set_of(before, reason=ClockReason.BENCH, offset_ns=S)
    session.refused(session.request(wrong), "CLK-013", ErrorCode.NOT_PERMITTED)
    untouched(session, before, "CLK-013")


@pytest.mark.rule("CLK-003")
@pytest.mark.rule("CLK-004")
@pytest.mark.rule("CLK-012")
@pytest.mark.rule("AUD-004")
def test_a_set_counts_one_revision_keeps_its_word_and_is_logged(wire: Wire) -> None:
    session = wire.session()
    before = clock_of(session)
    log = session.answer(session.request(ReadAuditHead()))
    step = set_of(before, reason=ClockReason.BENCH, offset_ns=S, assurance=TimeAssurance.UNVERIFIED)
    told = session.ask(step)
    moved = told.after_utc_ns - told.before_utc_ns
    if told.revision != before.revision + 1 or not S <= moved < 2 * S:
        raise RuleBroken(f"revision {before.revision + 1}, and a second more (CLK-003)", str(told))
    after = clock_of(session)
    told_of = SetClock.codec.fields["assurance"].since <= session.version
    word = TimeAssurance.UNVERIFIED if told_of else TimeAssurance.NOT_STATED
    if (after.source, after.assurance) != (TimeSource.NTP, word):
        raise RuleBroken(
            "source and assurance of the last set (CLK-012)", f"{after.source}, {after.assurance}"
        )
    if log.flags != Flag.ERROR:
        known = ReadAuditHead.reply.codec.decode(log.body).sequence
        if AuditKind.CLOCK_SET not in logged_since(session, known):
            what = f"an entry {AuditKind.CLOCK_SET} before the set is answered (CLK-004, AUD-004)"
            raise RuleBroken(what, "none")
    session.ask(set_of(after, reason=ClockReason.BENCH, offset_ns=-S))


@pytest.mark.rule("CLK-013")
def test_what_lies_on_a_limit_is_allowed(wire: Wire) -> None:
    session = wire.session()
    before = clock_of(session)
    needs_a_set_clock(before)
    session.ask(set_of(before, offset_ns=ROUTINE_MAX, uncertainty_ns=MINUTE))
    session.ask(set_of(clock_of(session), offset_ns=-ROUTINE_MAX, uncertainty_ns=MINUTE))


@pytest.mark.rule("CLK-015")
def test_many_small_steps_do_not_make_a_large_one(wire: Wire) -> None:
    """By corrections of a day each: the second one would bring their sum beyond it."""
    session = wire.session()
    reading = clock_of(session)
    needs_a_set_clock(reading)
    session.ask(set_of(reading, reason=ClockReason.BENCH))  # the sum begins anew
    reading = clock_of(session)
    session.ask(set_of(reading, reason=ClockReason.CORRECTION, offset_ns=CORRECTION_MAX))
    more = set_of(clock_of(session), reason=ClockReason.CORRECTION, offset_ns=S)
    asked = session.request(more)
    try:
        session.refused(asked, "CLK-015", ErrorCode.IMPLAUSIBLE)
    finally:
        session.ask(set_of(clock_of(session), reason=ClockReason.BENCH, offset_ns=-CORRECTION_MAX))


@pytest.mark.rule("CLK-007")
def test_a_time_stamp_that_was_stated_stays_when_the_clock_is_set(wire: Wire) -> None:
    session = wire.session()
    before = clock_of(session)
    needs_a_set_clock(before)
    head = log_head(session).sequence
    after = max(0, head - STATED_MAX)
    stated = _stamps(session, after, head)
    session.ask(set_of(before, offset_ns=S), "CLK-007")
    again = _stamps(session, after, head)
    if again != stated:
        moved = [one for one in stated if stated[one] != again.get(one)]
        raise RuleBroken(
            "the time stamps as they were before the clock was set (CLK-007)", f"others of {moved[:4]}"
        )


def _stamps(session: RawSession, after: int, head: int) -> dict[str, int]:
    """Times that the device has stated: of the last entries of its log, and of its recordings."""
    entries = supported(session, ReadAudit(after=after)).entries
    found = {f"entry {entry.sequence}": entry.utc_ns for entry in entries if entry.sequence <= head}
    said = session.answer(session.request(ListRecordings()))
    if said.flags == Flag.REPLY:
        listed = ListRecordings.reply.codec.decode(said.body).recordings
        found |= {f"recording {entry.sequence}": entry.started_utc_ns for entry in listed}
    return found
