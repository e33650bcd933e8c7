"""Bench: only devices without evidence let a bench set their state, and only a bench (spec: Bench)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import ANYONE, Request, Role
from bwc_protocol.evidence import ActivationEvent, ClockState, Purpose, TriggerReason
from bwc_protocol.messages.audit import AuditEntry, AuditKind, ReadAudit
from bwc_protocol.messages.battery import BatteryAlarm, ReadBattery
from bwc_protocol.messages.bench import (
    FillStorage,
    MakeRecording,
    MoveClock,
    ReadBench,
    RestoreState,
    SetCharge,
)
from bwc_protocol.messages.clock import ClockReading, ExchangeTime, ReadClock
from bwc_protocol.messages.identity import Capability, Fault, ReadStatus
from bwc_protocol.messages.recordings import ListRecordings, RecordingClosed, RecordingEntry
from bwc_protocol.messages.storage import ReadStorage
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import limits, log_head, manifest_of, supported
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

WITHOUT_EVIDENCE: Final = Capability.SIMULATOR | Capability.LAB
HOURS_NS: Final = 3 * 3600 * 10**9
MINUTE_NS: Final = 60 * 10**9
"""Far more than a clock drifts, or a slow line takes, while a test looks."""
LOW_PCT: Final = 3
"""Below every level at which a device may be set to alarm."""
LENGTH_MS: Final = 2_000
TOO_MUCH: Final = 128 << 20


@pytest.fixture
def bench(wire: Wire) -> Iterator[RawSession]:
    """A session as bench with a device that has these commands; afterwards its state is its own again."""
    session = wire.session()
    if Capability.BENCH not in limits(session).capabilities:
        not_applicable("the device lets no bench set its state (capability BENCH)")
    yield session
    if session.over:
        session = wire.session()
    session.ask(RestoreState(), "BEN-006")


def last_of(session: RawSession) -> int:
    """Number of the recording that was closed last."""
    last: int = session.ask(ReadBench(), "BEN-002").last_sequence
    return last


def logged(session: RawSession, after: int) -> list[AuditEntry]:
    """Entries of the log after that number."""
    return list(session.ask(ReadAudit(after=after)).entries)


def listed(session: RawSession) -> list[RecordingEntry]:
    """All recordings of the device, by pages. Skips without such a command."""
    found: list[RecordingEntry] = []
    after = 0
    while True:
        page = supported(session, ListRecordings(after=after))
        found += page.recordings
        if not page.next or page.next <= after:
            return found
        after = page.next


def offset_ns(session: RawSession) -> int:
    """The device's time, less what its own stopwatch cannot know: to be compared with another such reading."""
    told: int = session.ask(ExchangeTime(host_sent_ns=0)).device_received_ns
    return told


@pytest.mark.bwc_read_only
@pytest.mark.rule("BEN-001")
def test_a_device_that_may_hold_evidence_lets_no_bench_set_its_state(wire: Wire) -> None:
    session = wire.session()
    stated = limits(session).capabilities
    if stated & WITHOUT_EVIDENCE:
        not_applicable("the device states that nothing on it is evidence (SIMULATOR or LAB)")
    if Capability.BENCH in stated:
        raise RuleBroken(
            "no capability BENCH of a device that states neither SIMULATOR nor LAB (BEN-001)", str(stated)
        )
    session.refused(session.request(ReadBench()), "BEN-001", ErrorCode.UNSUPPORTED, ErrorCode.NOT_PERMITTED)


@pytest.mark.rule("BEN-002")
@pytest.mark.rule("ROL-001")
@pytest.mark.parametrize("role", [role for role in Role if role in ANYONE], ids=str)
def test_the_role_bench_may_and_no_other(wire: Wire, role: Role) -> None:
    if not wire.identities.has(role):
        not_tested(f"this bench has no identity for the role {role}")
    session = wire.session(role)
    if Capability.BENCH not in limits(session).capabilities:
        not_applicable("the device lets no bench set its state (capability BENCH)")
    if role is Role.BENCH:
        session.ask(ReadBench(), "BEN-002")
        return
    asked: tuple[Request[Any], ...] = (
        ReadBench(),
        SetCharge(charge_pct=50),
        MoveClock(offset_ns=0, revision=0),
        FillStorage(free_bytes=2**63),
        MakeRecording(after=0xFFFF_FFFF, duration_ms=LENGTH_MS),
        RestoreState(),
    )
    for request in asked:
        session.refused(session.request(request), "BEN-002", ErrorCode.NOT_PERMITTED)


@pytest.mark.rule("BEN-003")
def test_whatever_a_bench_sets_is_in_the_log(bench: RawSession) -> None:
    revision = bench.ask(ReadBench()).clock_revision
    asked: dict[str, Request[Any]] = {
        "bench.charge": SetCharge(charge_pct=50),
        "bench.fill": FillStorage(free_bytes=2**63),
        "bench.clock": MoveClock(offset_ns=10**9, revision=revision),
        "bench.record": MakeRecording(after=last_of(bench), duration_ms=LENGTH_MS),
        "bench.restore": RestoreState(),
    }
    before = log_head(bench).sequence
    for name, request in asked.items():
        bench.ask(request, "BEN-002")
        new = [entry for entry in logged(bench, before) if entry.kind is AuditKind.BENCH_USED]
        if not new or not new[-1].detail.startswith(name):
            raise RuleBroken(f"BENCH_USED in the log, of {name} (BEN-003)", str([e.detail for e in new]))


@pytest.mark.rule("BEN-004")
@pytest.mark.parametrize("size_bytes", [0, 300_000])
def test_a_recording_for_a_bench_says_so_and_is_closed_as_any_other(
    bench: RawSession, size_bytes: int
) -> None:
    before, head = listed(bench), log_head(bench).sequence
    made = bench.ask(
        MakeRecording(after=last_of(bench), duration_ms=LENGTH_MS, size_bytes=size_bytes, category="traffic"),
        "BEN-004",
    )
    bench.expect(
        "the event recordings.closed (BEN-004)",
        lambda m: m.opcode == RecordingClosed.opcode and m.flags == Flag.EVENT,
    )
    new = [entry for entry in listed(bench) if entry.sequence > (before[-1].sequence if before else 0)]
    if [entry.recording for entry in new] != [made.recording]:
        raise RuleBroken("one recording more, the one that was made (BEN-004)", f"{len(new)} more")
    (entry,) = new
    manifest = manifest_of(bench, entry)
    said = manifest.circumstances
    words = (entry.trigger, manifest.trigger, said and said.event, said and said.purpose)
    if words != (TriggerReason.BENCH, TriggerReason.BENCH, ActivationEvent.TEST, Purpose.TEST):
        raise RuleBroken("trigger BENCH, event TEST, purpose TEST (BEN-004)", str(words))
    if before and manifest.previous_sha256 != before[-1].manifest_sha256:
        raise RuleBroken("a manifest that names the one before it (BEN-004)", "another")
    if (entry.duration_ms, entry.category) != (LENGTH_MS, "traffic"):
        raise RuleBroken(
            f"{LENGTH_MS} ms of traffic (BEN-004)", f"{entry.duration_ms} ms of {entry.category}"
        )
    kinds = [e.kind for e in logged(bench, head)]
    if AuditKind.RECORDING_CLOSED not in kinds:
        raise RuleBroken("RECORDING_CLOSED in the log (BEN-004)", str(kinds))


@pytest.mark.rule("BEN-005")
def test_nothing_gives_way_to_a_bench(bench: RawSession) -> None:
    bench.ask(MakeRecording(after=last_of(bench), duration_ms=LENGTH_MS), "BEN-004")
    before = listed(bench)
    bench.ask(FillStorage(free_bytes=0), "BEN-002")
    bench.refused(
        bench.request(MakeRecording(after=last_of(bench), duration_ms=LENGTH_MS, size_bytes=TOO_MUCH)),
        "BEN-005",
        ErrorCode.FULL,
    )
    after = listed(bench)
    if after != before:
        raise RuleBroken("the recordings as they were (BEN-005)", f"{len(before)}, and then {len(after)}")


@pytest.mark.rule("BEN-006")
@pytest.mark.rule("BEN-007")
def test_charge_is_acted_on_and_given_back(bench: RawSession) -> None:
    own = bench.ask(ReadBattery()).charge_pct
    if Fault.BATTERY_LOW in bench.ask(ReadStatus()).faults:
        not_tested(f"the battery is at {own} %, and alarms already")
    bench.ask(SetCharge(charge_pct=LOW_PCT), "BEN-002")
    bench.expect(
        "the event battery.alarm (BEN-007)",
        lambda m: m.opcode == BatteryAlarm.opcode and m.flags == Flag.EVENT,
    )
    shown, faults = bench.ask(ReadBattery()).charge_pct, bench.ask(ReadStatus()).faults
    if abs(shown - LOW_PCT) > 1 or Fault.BATTERY_LOW not in faults:
        raise RuleBroken(f"{LOW_PCT} %, and the fault BATTERY_LOW (BEN-007)", f"{shown} %, {faults!r}")
    bench.ask(RestoreState(), "BEN-006")
    shown, faults = bench.ask(ReadBattery()).charge_pct, bench.ask(ReadStatus()).faults
    if abs(shown - own) > 2 or Fault.BATTERY_LOW in faults:
        raise RuleBroken(f"{own} % again, and no fault (BEN-006)", f"{shown} %, {faults!r}")


@pytest.mark.rule("BEN-006")
@pytest.mark.rule("BEN-007")
def test_room_is_taken_and_given_back(bench: RawSession) -> None:
    own = supported(bench, ReadStorage())
    left = own.free_bytes // 10
    for _ in range(2):  # sent again it takes no more
        taken = bench.ask(FillStorage(free_bytes=left), "BEN-002").taken_bytes
        full = bench.ask(ReadStorage())
        if full.free_bytes > left or taken < own.free_bytes - left:
            raise RuleBroken(f"at most {left} bytes left (BEN-007)", f"{full.free_bytes}, {taken} taken")
    less = (full.recording_time_left_s or 0) < (own.recording_time_left_s or 1)
    if (full.capacity_bytes, full.recordings) != (own.capacity_bytes, own.recordings) or not less:
        raise RuleBroken("less time left, and all else as it was (BEN-007)", f"{full}")
    bench.ask(RestoreState(), "BEN-006")
    again = bench.ask(ReadStorage()).free_bytes
    if again < left + taken // 2:
        raise RuleBroken(f"{own.free_bytes} bytes free again (BEN-006)", str(again))


@pytest.mark.rule("BEN-006")
@pytest.mark.rule("BEN-007")
@pytest.mark.rule("BEN-008")
@pytest.mark.parametrize("by_ns", [HOURS_NS, -HOURS_NS])
def test_a_clock_that_a_bench_moved_says_what_it_said_before(bench: RawSession, by_ns: int) -> None:
    own: ClockReading = supported(bench, ReadClock())
    if own.state is ClockState.UNSET:
        not_tested("the clock is UNSET")
    before = offset_ns(bench)
    bench.refused(
        bench.request(MoveClock(offset_ns=by_ns, revision=own.revision + 1)), "BEN-008", ErrorCode.CONFLICT
    )
    bench.ask(MoveClock(offset_ns=by_ns, revision=own.revision), "BEN-002")
    moved: ClockReading = bench.ask(ReadClock())
    if abs(offset_ns(bench) - before - by_ns) > MINUTE_NS:
        raise RuleBroken(f"a clock that went by {by_ns} ns (BEN-007)", f"{offset_ns(bench) - before} ns")
    kept = tuple((one.state, one.source, one.last_set_utc_ns, one.assurance) for one in (own, moved))
    if kept[0] != kept[1] or moved.uncertainty_ns > own.uncertainty_ns + MINUTE_NS:
        raise RuleBroken(f"a clock that states {own} (BEN-008)", f"{moved}")
    if moved.revision == own.revision:
        raise RuleBroken("another revision (BEN-008)", f"{moved.revision} still")
    bench.ask(RestoreState(), "BEN-006")
    if abs(offset_ns(bench) - before) > MINUTE_NS:
        raise RuleBroken("its own time again (BEN-006)", f"{offset_ns(bench) - before} ns off")
