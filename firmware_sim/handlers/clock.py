"""The clock: read, exchange time stamps, set within limits.

The limits are the device's own. A host checks them too, but a device does not take a host's word for it: a
wrong clock puts a wrong time on evidence.
"""

from typing import Final

from bwc_protocol.declare import Role, Unknown
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import (
    ClockExchange,
    ClockReading,
    ClockReason,
    ClockSet,
    ExchangeTime,
    ReadClock,
    SetClock,
    TimeAssurance,
    TimeSource,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.device.refusal import Refusal
from firmware_sim.device.session import DeviceSession
from firmware_sim.handlers.registry import CAMERA
from firmware_sim.physics.clock import DeviceClock

NS: Final = 1_000_000_000
ROUTINE_STEP_NS: Final = 300 * NS
"""A camera that drifted by more since its last docking has a fault, or the host has."""
CORRECTION_STEP_NS: Final = 86_400 * NS
"""A time zone or a date that a person got wrong; beyond a day it is another fault."""
UNCERTAINTY_MAX_NS: Final = 60 * NS
"""Whoever does not know the time to the minute does not know it: a watch does."""
EARLIEST_NS: Final = 1_704_067_200 * NS
"""2024-01-01: no firmware is older, so that no true time is earlier."""
LATEST_NS: Final = 4_102_444_800 * NS
"""2100-01-01: beyond the life of any camera."""


def read(session: DeviceSession, request: ReadClock) -> ClockReading:
    clock = session.device.clock
    return ClockReading(
        utc_ns=clock.utc_ns(),
        state=clock.state,
        uncertainty_ns=clock.uncertainty_ns(),
        source=clock.source,
        last_set_utc_ns=clock.last_set_utc_ns,
        revision=clock.revision,
        assurance=clock.assurance,
    )


def exchange(session: DeviceSession, request: ExchangeTime) -> ClockExchange:
    clock = session.device.clock
    received_ns = clock.utc_ns()
    return ClockExchange(
        host_sent_ns=request.host_sent_ns,
        device_received_ns=received_ns,
        device_sent_ns=clock.utc_ns(),
        revision=clock.revision,
    )


def set_clock(session: DeviceSession, request: SetClock) -> ClockSet:
    clock = session.device.clock
    try:
        reason, source, assurance = _check(session, clock, request)
    except Refusal as refusal:
        session.audit(AuditKind.REFUSED, f"clock.set by {request.offset_ns} ns: {refusal}")
        raise
    anew = reason in (ClockReason.FIRST_SET, ClockReason.BENCH)
    changed = clock.set_ahead(request.offset_ns, request.uncertainty_ns, source, assurance, anew=anew)
    after_ns = changed.last_set_utc_ns
    before_ns = after_ns - request.offset_ns
    session.audit(
        AuditKind.CLOCK_SET,
        f"{reason}: {request.offset_ns:+} ns ±{request.uncertainty_ns}, source {source} ({assurance}), was {before_ns}",
        *session.device.state_change(clock=changed),
        utc_ns=after_ns,
    )
    clock.become(changed)
    session.device.clock_was_set()
    return ClockSet(before_utc_ns=before_ns, after_utc_ns=after_ns, revision=clock.revision)


def _check(
    session: DeviceSession, clock: DeviceClock, request: SetClock
) -> tuple[ClockReason, TimeSource, TimeAssurance]:
    """Raises `Refusal` unless the step is allowed for the reason that is given."""
    reason, source, assurance = request.reason, request.source, request.assurance
    if isinstance(reason, Unknown) or isinstance(source, Unknown) or isinstance(assurance, Unknown):
        raise Refusal(
            ErrorCode.OUT_OF_RANGE, "a reason, source or assurance that this firmware does not know"
        )
    if request.revision != clock.revision:
        raise Refusal(ErrorCode.CONFLICT, f"the clock's revision is {clock.revision}")
    if reason is ClockReason.BENCH and not session.may(Role.BENCH):
        raise Refusal(ErrorCode.NOT_PERMITTED, "the reason bench needs the role bench")
    if source is TimeSource.UNSYNCHRONISED and reason is not ClockReason.BENCH:
        raise Refusal(ErrorCode.IMPLAUSIBLE, "the host does not know its time to be right")
    unset = clock.state is ClockState.UNSET
    if unset and reason in (ClockReason.ROUTINE, ClockReason.CORRECTION):
        raise Refusal(ErrorCode.WRONG_STATE, "the clock is not set; the reason is first-set")
    if not unset and reason is ClockReason.FIRST_SET:
        raise Refusal(ErrorCode.WRONG_STATE, "the clock is set; first-set is for one that is not")
    limit_ns = {ClockReason.ROUTINE: ROUTINE_STEP_NS, ClockReason.CORRECTION: CORRECTION_STEP_NS}.get(reason)
    if limit_ns is not None and abs(request.offset_ns) > limit_ns:
        raise Refusal(
            ErrorCode.IMPLAUSIBLE,
            f"{reason} allows {limit_ns // NS} s, not {request.offset_ns / NS:.1f}",
        )
    if limit_ns is not None and abs(clock.moved_ns + request.offset_ns) > CORRECTION_STEP_NS:
        raise Refusal(
            ErrorCode.IMPLAUSIBLE,
            f"with what hosts have moved it by, {clock.moved_ns / NS:+.1f} s, it would be more than a day off: "
            "an order of two people allows that",
        )
    if request.uncertainty_ns > UNCERTAINTY_MAX_NS and reason is not ClockReason.BENCH:
        raise Refusal(ErrorCode.IMPLAUSIBLE, "the offset is not known to the minute")
    if not EARLIEST_NS <= clock.utc_ns() + request.offset_ns < LATEST_NS:
        raise Refusal(ErrorCode.OUT_OF_RANGE, "a time before 2024 or after 2100")
    return reason, source, assurance


ReadClock.handler(CAMERA)(read)
ExchangeTime.handler(CAMERA)(exchange)
SetClock.handler(CAMERA)(set_clock)
