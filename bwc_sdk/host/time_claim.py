"""What a host may say of its own time when it sets a clock by it: source, bound, and what this word is worth.

A camera's clock stands on evidence, and what is said here is logged on the camera: it has to be true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bwc_protocol.messages.clock import ClockReason, TimeAssurance, TimeSource
from bwc_sdk.errors import ClockImplausible
from bwc_sdk.host.host_time import START_A_SERVICE, HostTime

SOURCE_ERROR_MAX_NS: Final = 1_000_000_000
"""A host that is not sure of its own time to the second has no working source of it: NTP is good for tens of
milliseconds over the worst of lines, GNSS and PTP for less than one."""
OPERATOR_ERROR_NS: Final = 5_000_000_000
"""What a person is good for who compares the host's time with another clock, if nothing else is said."""
OPERATOR_ERROR_MIN_NS: Final = 1_000_000_000
"""Nobody reads two clocks at once more exactly."""
OPERATOR_ERROR_MAX_NS: Final = 30_000_000_000
"""Half of what a device may take (CLK-011), with room for the measurement: beyond it the person should look again."""
NAME_IT: Final = (
    "say what keeps it, and how well: --source ntp --uncertainty 50ms, which goes on record as unverified"
)
A_PERSON: Final = "'--source operator' if a person has compared this host's clock with one that is right"


@dataclass(frozen=True, slots=True)
class TimeClaim:
    """What a host says of its time."""

    source: TimeSource
    uncertainty_ns: int
    assurance: TimeAssurance


def claim_of(
    known: HostTime,
    source: TimeSource | None,
    stated_ns: int | None,
    reason: ClockReason,
    *,
    device: str = "",
) -> TimeClaim:
    """What may be said, by what is `known` of the host's time and by what somebody names and states.

    Without a `source` the host itself has to know. Raises `ClockImplausible` for what would not be true.
    """
    if stated_ns is not None and stated_ns <= 0:
        raise ClockImplausible("an uncertainty of nothing: no clock is exact", device=device)
    if source is None:
        source = TimeSource.NTP if known.synchronised else TimeSource.UNSYNCHRONISED
    match source:
        case TimeSource.NTP | TimeSource.NTS:
            word = _kept_by_a_service(known, source, stated_ns, device)
        case TimeSource.PTP | TimeSource.GNSS:
            if stated_ns is None:
                raise ClockImplausible(
                    f"how far a time by {source} may be off has to be stated: this system does not tell",
                    device=device,
                    advice="state it: --uncertainty 1ms, host_uncertainty_ns=1_000_000",
                )
            word = TimeClaim(source, stated_ns, TimeAssurance.UNVERIFIED)
        case TimeSource.OPERATOR:
            return _of_a_person(stated_ns, device)
        case TimeSource.UNSYNCHRONISED:
            if reason is not ClockReason.BENCH:
                known_by_others = known.synchronised is None
                raise ClockImplausible(
                    f"the host does not know its time to be right: {known}",
                    device=device,
                    advice=f"{NAME_IT if known_by_others else START_A_SERVICE}; or {A_PERSON}",
                )
            return TimeClaim(source, stated_ns or 0, TimeAssurance.UNVERIFIED)
    if word.uncertainty_ns > SOURCE_ERROR_MAX_NS and reason is not ClockReason.BENCH:
        raise ClockImplausible(
            f"this host's time may be off by {word.uncertainty_ns / 1e9:.1f} s, more than the "
            f"{SOURCE_ERROR_MAX_NS / 1e9:g} s up to which a clock is set by {source}",
            device=device,
            advice=f"let the time service settle ('bwc doctor' tells what it says); or {A_PERSON}",
        )
    return word


def _kept_by_a_service(known: HostTime, source: TimeSource, stated_ns: int | None, device: str) -> TimeClaim:
    if known.synchronised is False:
        raise ClockImplausible(
            f"this host's time is not by {source}: {known}",
            device=device,
            advice=f"{START_A_SERVICE}; or {A_PERSON}",
        )
    if stated_ns is None and not known.max_error_ns:
        raise ClockImplausible(
            f"how far this host's time may be off is not known: {known}",
            device=device,
            advice=f"state it: --source {source} --uncertainty 50ms, host_uncertainty_ns=50_000_000",
        )
    # That NTP was authenticated (NTS) no system tells, nor does one that tells nothing vouch for NTP.
    told = known.synchronised is True and known.max_error_ns > 0 and source is TimeSource.NTP
    assurance = TimeAssurance.VERIFIED if told else TimeAssurance.UNVERIFIED
    return TimeClaim(source, max(stated_ns or 0, known.max_error_ns), assurance)


def _of_a_person(stated_ns: int | None, device: str) -> TimeClaim:
    error_ns = OPERATOR_ERROR_NS if stated_ns is None else stated_ns
    if not OPERATOR_ERROR_MIN_NS <= error_ns <= OPERATOR_ERROR_MAX_NS:
        raise ClockImplausible(
            f"a person is good for {OPERATOR_ERROR_MIN_NS / 1e9:g} to {OPERATOR_ERROR_MAX_NS / 1e9:g} s, "
            f"not for {error_ns / 1e9:g}",
            device=device,
            advice="leave --uncertainty out, or compare the clocks again",
        )
    return TimeClaim(TimeSource.OPERATOR, error_ns, TimeAssurance.UNVERIFIED)
