"""What a verification has to say of the time of a recording: by what its camera stated of its clock, and by what a host
measured of it.

A clock that was off is no altered footage: nothing here is an error. What is wrong with a measurement itself is one,
of its record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from bwc_protocol.evidence import UNBOUNDED_MS, ClockState
from bwc_sdk.evidence.camera_clock import CameraClock, MalformedClock, clock_of
from bwc_sdk.evidence.corrected_time import MS, Correction, NotKnown, correction_of
from bwc_sdk.evidence.findings import FindingKind, Severity
from bwc_sdk.quantity import exact_utc

if TYPE_CHECKING:
    from bwc_protocol.evidence import Manifest

Found = Callable[..., None]
"""Takes a kind and a detail; `severity`, `file` and `segment` by name."""


def check_clock(
    manifest: Manifest, records: Mapping[int, tuple[str, Mapping[str, object]]], found: Found
) -> None:
    """Tells what there is to tell, by the custody records of a recording: of each segment its file and content."""
    measured = []
    for segment, (file, record) in records.items():
        try:
            clock = clock_of(record)
        except MalformedClock as error:
            found(
                FindingKind.CUSTODY_DAMAGED,
                f"what it says of the camera's clock: {error}",
                file=file,
                segment=segment,
            )
            continue
        if clock is not None:
            measured.append(clock)
    known = correction_of(manifest, [record for _, record in records.values()])
    if manifest.clock_state == ClockState.UNSET:
        _unset(known, found)
    elif isinstance(known, Correction):
        _off(manifest, known, found)
    else:
        _not_known(known, measured, found)


def _unset(known: Correction | NotKnown, found: Found) -> None:
    if isinstance(known, Correction) and known.host_synchronised is not False:
        detail = f"its times are {_off_by(known.offset_ns)}, {_measured(known.clock, known.uncertainty_ns)}"
        found(FindingKind.CLOCK_UNSET, detail, severity=Severity.NOTE)
        return
    why = (
        known.sentence
        if isinstance(known, NotKnown)
        else "the host that measured its clock had no right time either"
    )
    found(FindingKind.CLOCK_UNSET, why, severity=Severity.WARNING)


def _off(manifest: Manifest, known: Correction, found: Found) -> None:
    stated_ns = manifest.clock_uncertainty_ms * MS
    if (
        manifest.clock_uncertainty_ms == UNBOUNDED_MS
        or abs(known.offset_ns) <= stated_ns + known.uncertainty_ns
    ):
        return
    wrong = known.host_synchronised is False
    found(
        FindingKind.CLOCK_OFF,
        f"{_off_by(known.offset_ns)}, {_measured(known.clock, known.uncertainty_ns)}; "
        f"the camera stated {stated_ns / 1e9:.3f} s"
        + ("; the host's own clock was not synchronised, so that either may be wrong" if wrong else ""),
        severity=Severity.NOTE if wrong else Severity.WARNING,
    )


def _not_known(why: NotKnown, measured: Sequence[CameraClock], found: Found) -> None:
    match why:
        case NotKnown.NOT_MEASURED:
            return  # as in every store of before
        case NotKnown.REVISION_NOT_STATED:
            if not any(map(_wrong, measured)):
                return
            severity = Severity.WARNING
        case NotKnown.SET_SINCE:
            severity = Severity.NOTE
        case NotKnown.LATER_THAN_STORED:
            severity = Severity.WARNING
    now = "; ".join(dict.fromkeys(f"then it was {_off_by(one.offset_ns)}" for one in measured))
    found(FindingKind.CLOCK_OFFSET_UNKNOWN, f"{why.sentence}; {now}", severity=severity)


def _wrong(clock: CameraClock) -> bool:
    """Whether a clock was further off than its camera stated when it was measured."""
    stated_ns = clock.stated_uncertainty_ns
    bound_ns = clock.uncertainty_ns + clock.host_time.max_error_ns
    return stated_ns is not None and abs(clock.offset_ns) > stated_ns + bound_ns


def _measured(clock: CameraClock, uncertainty_ns: int) -> str:
    by = f"measured by {clock.measured_by} at {exact_utc(clock.measured_utc_ns)}"
    return f"known to {uncertainty_ns / 1e9:.3f} s, {by}, whose clock was {clock.host_time}"


def _off_by(offset_ns: int) -> str:
    """How far the camera's clock was off, by what has to be added to its times."""
    return f"{abs(offset_ns) / 1e9:.3f} s {'behind' if offset_ns > 0 else 'ahead'}"
