"""The device's own limits on its clock, whatever the host says."""

from typing import Any

import pytest

from bwc_protocol.declare import Role, Unknown
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import (
    ClockChanged,
    ClockReading,
    ClockReason,
    ExchangeTime,
    ReadClock,
    SetClock,
    TimeAssurance,
    TimeSource,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera

NS = 1_000_000_000
ROUTINE, CORRECTION = ClockReason.ROUTINE, ClockReason.CORRECTION
FIRST_SET, BENCH = ClockReason.FIRST_SET, ClockReason.BENCH


def a_set(offset_s: float = 1.0, reason: ClockReason | Unknown = ROUTINE, **changes: object) -> SetClock:
    fields = {
        "offset_ns": round(offset_s * NS),
        "uncertainty_ns": 1_000_000,
        "reason": reason,
        "source": TimeSource.NTP,
        "revision": 1,
    }
    return SetClock(**{**fields, **changes})


def kinds(camera: SimCamera, kind: AuditKind) -> list[str]:
    last, _ = camera.audit.head()
    return [entry.detail for entry in camera.audit.read(0, last).entries if entry.kind is kind]


@pytest.mark.rule("AUD-004", "CLK-004")
def test_a_set_moves_the_clock_by_the_offset_and_is_logged_and_told(camera: SimCamera, desk: Any) -> None:
    before = camera.clock.utc_ns()
    done = desk.ask(a_set(0.7))
    assert done.before_utc_ns == before
    assert done.after_utc_ns == before + 700_000_000
    reading = desk.ask(ReadClock())
    assert reading.state is ClockState.SYNCED
    assert reading.source is TimeSource.NTP
    assert reading.uncertainty_ns == 1_000_001
    assert reading.revision == done.revision == 2
    assert len(kinds(camera, AuditKind.CLOCK_SET)) == 1
    assert desk.told == [ClockChanged(state=ClockState.SYNCED, revision=2)]


@pytest.mark.rule("CLK-012")
@pytest.mark.parametrize("assurance", list(TimeAssurance))
def test_what_the_word_on_the_source_is_worth_is_kept_and_logged(
    camera: SimCamera, desk: Any, assurance: TimeAssurance
) -> None:
    assert desk.ask(ReadClock()).assurance is TimeAssurance.NOT_STATED
    desk.ask(a_set(source=TimeSource.PTP, assurance=assurance))
    reading = desk.ask(ReadClock())
    assert (reading.source, reading.assurance) == (TimeSource.PTP, assurance)
    (logged,) = kinds(camera, AuditKind.CLOCK_SET)
    assert f"source ptp ({assurance})" in logged
    kept = camera.clock.snapshot()
    camera.clock.reset()
    assert camera.clock.assurance is TimeAssurance.NOT_STATED
    camera.clock.restore(kept)
    assert camera.clock.assurance is assurance
    del kept["assurance"]
    camera.clock.restore(kept)
    assert camera.clock.assurance is TimeAssurance.NOT_STATED


@pytest.mark.rule("MSG-013")
def test_hosts_and_devices_of_version_1_0_are_understood() -> None:
    wish, reading = a_set(), ClockReading.codec.decode(bytes(30))
    body = SetClock.codec.encode(wish)
    assert SetClock.codec.decode(body[:-1]) == wish
    assert wish.assurance is reading.assurance is TimeAssurance.NOT_STATED


@pytest.mark.rule("CLK-001")
def test_an_exchange_gives_the_stamps_of_the_device(camera: SimCamera, desk: Any) -> None:
    reply = desk.ask(ExchangeTime(host_sent_ns=-5))
    assert reply.host_sent_ns == -5
    assert reply.device_received_ns <= reply.device_sent_ns == camera.clock.utc_ns()
    assert reply.revision == 1


@pytest.mark.rule("MSG-009", "CLK-002", "CLK-003", "CLK-005", "CLK-011")
@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (a_set(300.1), ErrorCode.IMPLAUSIBLE),
        (a_set(-300.1), ErrorCode.IMPLAUSIBLE),
        (a_set(86_400.1, CORRECTION), ErrorCode.IMPLAUSIBLE),
        (a_set(source=TimeSource.UNSYNCHRONISED), ErrorCode.IMPLAUSIBLE),
        (a_set(uncertainty_ns=60 * NS + 1), ErrorCode.IMPLAUSIBLE),
        (a_set(uncertainty_ns=60 * NS + 1, reason=CORRECTION), ErrorCode.IMPLAUSIBLE),
        (a_set(revision=0), ErrorCode.CONFLICT),
        (a_set(revision=2), ErrorCode.CONFLICT),
        (a_set(0, FIRST_SET), ErrorCode.WRONG_STATE),
        (a_set(reason=Unknown(77)), ErrorCode.OUT_OF_RANGE),
        (a_set(source=Unknown(77)), ErrorCode.OUT_OF_RANGE),
        (a_set(assurance=Unknown(77)), ErrorCode.OUT_OF_RANGE),
        (a_set(-10 * 365 * 86_400.0, BENCH), ErrorCode.OUT_OF_RANGE),
        (a_set(80 * 365 * 86_400.0, BENCH), ErrorCode.OUT_OF_RANGE),
        (a_set(offset_ns=2**63 - 1, reason=BENCH), ErrorCode.OUT_OF_RANGE),
    ],
)
def test_a_set_beyond_the_limits_is_refused_logged_and_changes_nothing(
    camera: SimCamera, desk: Any, request_: SetClock, code: ErrorCode
) -> None:
    before = desk.ask(ReadClock())
    assert desk.refused(request_) is code
    assert desk.ask(ReadClock()) == before
    assert len(kinds(camera, AuditKind.REFUSED)) == 1


@pytest.mark.parametrize(
    "request_",
    [
        a_set(299.9),
        a_set(-299.9),
        a_set(86_399.0, CORRECTION),
        a_set(3e6, BENCH),
        a_set(uncertainty_ns=60 * NS),
        a_set(uncertainty_ns=10**15, reason=BENCH),
    ],
)
def test_a_set_within_the_limits_of_its_reason_is_done(desk: Any, request_: SetClock) -> None:
    assert desk.ask(request_).revision == 2


@pytest.mark.rule("CLK-005")
def test_a_bench_may_set_from_an_unsynchronised_source_and_nobody_else_may_call_itself_one(
    desk_as: Any,
) -> None:
    wish = a_set(1e6, BENCH, source=TimeSource.UNSYNCHRONISED)
    assert desk_as(Role.TECHNICIAN).refused(wish) is ErrorCode.NOT_PERMITTED
    assert desk_as(Role.BENCH).ask(wish).revision == 2


def test_a_clock_that_is_not_set_takes_any_first_time_and_no_routine_step(
    camera: SimCamera, desk: Any
) -> None:
    true_ns = camera.true_utc_ns()
    camera.clock.reset()
    assert desk.ask(ReadClock()).state is ClockState.UNSET
    for reason in (ROUTINE, CORRECTION):
        assert desk.refused(a_set(1, reason, revision=2)) is ErrorCode.WRONG_STATE
    desk.ask(a_set(true_ns / NS, FIRST_SET, revision=2))
    assert camera.clock.state is ClockState.SYNCED
