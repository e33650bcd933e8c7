"""The device's clock: measure first, set within limits (spec: Clock, 0x04xx).

All times are nanoseconds of UTC since 1970-01-01, leap seconds not counted (POSIX).
"""

from bwc_protocol.declare import (
    ANYONE,
    DEVICES,
    Effect,
    Event,
    Request,
    Role,
    Subject,
    Unknown,
    Wire,
    choice,
    command,
    event,
    i64,
    method,
    u32,
    u64,
    wire,
)
from bwc_protocol.evidence import ClockState
from bwc_protocol.versions import V1_1
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import Word


class ClockReason(Word):
    """Why a clock is set; decides how large a step is allowed."""

    ROUTINE = 1
    """At docking: a step of at most 5 minutes, and only if the clock was set before."""
    FIRST_SET = 2
    """The clock is not set; any step."""
    CORRECTION = 3
    """A person decided that the clock was wrong; at most 24 hours, and on record."""
    BENCH = 4
    """A bench test; any step, only under the role `bench`."""


class TimeSource(Word):
    """Where the host has its time from."""

    UNSYNCHRONISED = 0
    NTP = 1
    NTS = 2
    """NTP with Network Time Security (RFC 8915)."""
    PTP = 3
    GNSS = 4
    OPERATOR = 5


class TimeAssurance(Word):
    """What the host's word on its source is worth."""

    NOT_STATED = 0
    """By a host of version 1.0, or the clock was never set."""
    VERIFIED = 1
    """The host's system itself says that its clock is synchronised, and how well."""
    UNVERIFIED = 2
    """Somebody said so: nothing on the host confirms source or uncertainty."""


@wire
class ClockReading(Wire):
    """The clock as the device sees it."""

    utc_ns: int = i64("the device's time", unit="ns")
    state: ClockState | Unknown = choice(ClockState, "whether that time can be relied on")
    uncertainty_ns: int = u64("bound of its error; grows until the next set", unit="ns")
    source: TimeSource | Unknown = choice(TimeSource, "where the last set had its time from")
    last_set_utc_ns: int = i64("when it was last set; 0 = never", unit="ns")
    revision: int = u32("counts sets; the precondition of the next")
    assurance: TimeAssurance | Unknown = choice(
        TimeAssurance,
        "what the last set's word on its source is worth",
        since=V1_1,
        default=TimeAssurance.NOT_STATED,
    )


@command(0x0401, "clock.read", roles=ANYONE, answered_by=DEVICES, while_expired=True)
class ReadClock(Request[ClockReading]):
    """Read time, state and uncertainty."""


@wire
class ClockExchange(Wire):
    """The device's half of a four-time-stamp exchange (as in NTP, RFC 5905 section 8)."""

    host_sent_ns: int = i64("t1, as the host sent it", unit="ns")
    device_received_ns: int = i64("t2, the device's time when the request came", unit="ns")
    device_sent_ns: int = i64("t3, the device's time when the reply left", unit="ns")
    revision: int = u32("counts sets: exchanges of different revisions must not be mixed")


@command(0x0402, "clock.exchange", roles=ANYONE, answered_by=DEVICES, while_expired=True)
class ExchangeTime(Request[ClockExchange]):
    """Exchange time stamps, to measure offset and delay without changing anything."""

    host_sent_ns: int = i64("t1, the host's time when it sent this", unit="ns")


@wire
class ClockSet(Wire):
    """What the set did."""

    before_utc_ns: int = i64("the device's time just before", unit="ns")
    after_utc_ns: int = i64("the device's time just after", unit="ns")
    revision: int = u32("the new revision")


@command(
    0x0403,
    "clock.set",
    roles=Role.TECHNICIAN | Role.DOCK_OFFLOAD | Role.BENCH,
    effect=Effect.GUARDED,
    guard="revision",
    answered_by=DEVICES,
    errors=(
        (ErrorCode.OUT_OF_RANGE, "an unknown reason, source or assurance"),
        (ErrorCode.CONFLICT, "another revision"),
        (ErrorCode.NOT_PERMITTED, "the reason BENCH without the role BENCH"),
        (ErrorCode.IMPLAUSIBLE, "the source UNSYNCHRONISED, but for the reason BENCH"),
        (
            ErrorCode.WRONG_STATE,
            "ROUTINE or CORRECTION for a clock that is UNSET; FIRST_SET for one that is not",
        ),
        (
            ErrorCode.IMPLAUSIBLE,
            "a step, either way, of more than 300 s for ROUTINE, of more than 86,400 s for CORRECTION",
        ),
        (
            ErrorCode.IMPLAUSIBLE,
            "ROUTINE or CORRECTION, by which all such steps together would move it by more than 86,400 s",
        ),
        (ErrorCode.IMPLAUSIBLE, "an uncertainty of more than 60 s, but for the reason BENCH"),
        (ErrorCode.OUT_OF_RANGE, "a time before 2024-01-01, or from 2100-01-01 on, by UTC"),
    ),
)
class SetClock(Request[ClockSet]):
    """Add a measured offset to the clock, within the limits of the reason; audited."""

    offset_ns: int = i64("what to add to the device's time", unit="ns")
    uncertainty_ns: int = u64(
        "bound of the error of that offset: of the measurement and of the host's time", unit="ns"
    )
    reason: ClockReason | Unknown = choice(ClockReason, "why")
    source: TimeSource | Unknown = choice(TimeSource, "where the host has its time from")
    revision: int = u32("revision that the offset was measured at")
    assurance: TimeAssurance | Unknown = choice(
        TimeAssurance, "what that word is worth", since=V1_1, default=TimeAssurance.NOT_STATED
    )


@event(0x04F0, "clock.changed")
class ClockChanged(Event):
    """The clock was set or lost its time."""

    state: ClockState | Unknown = choice(ClockState, "its state now")
    revision: int = u32("its revision now")


class Clock(Subject):
    """The device's clock."""

    read = method(ReadClock)
    exchange = method(ExchangeTime)
    set = method(SetClock)
