"""When a recording was made by true time, as far as that is known: its own stamps and a measurement of its clock.

The stamps of a recording are by its camera's clock, and stay as they are (spec: Clock). What a host measured of that
clock later says something of them only while nobody set it in between: so the revision in the signed manifest has to
be the one that was measured. Where it is another, or not stated, the offset of the recording is not known; it is
never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import UNBOUNDED_MS, ClockState
from bwc_sdk.evidence.camera_clock import CameraClock, MalformedClock, clock_of

if TYPE_CHECKING:
    from bwc_protocol.evidence import Manifest

MS: Final = 1_000_000
DRIFT_PPM: Final = 500
"""What a camera's clock may gain or lose between a recording and the measurement. Real crystals are good to 100 ppm in
frost and heat, and one that does more than this is broken (which measuring tells)."""
READ_APART_NS: Final = 1_000_000_000
"""A recording may seem to end so much after it was stored: by how fine its times and the host's are read."""


class NotKnown(StrEnum):
    """Why nobody knows how far the clock was off when a recording was made."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> NotKnown:
        """A member is its name; the sentence stands beside it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    NOT_MEASURED = (
        "not-measured",
        "nobody measured the camera's clock when the recording was stored",
    )
    REVISION_NOT_STATED = (
        "revision-not-stated",
        "the recording does not state since which set of the clock its times are, so that a measurement of later says "
        "nothing of them",
    )
    SET_SINCE = (
        "set-since",
        "the camera's clock was set, or lost its time, between the recording and the measurement",
    )
    LATER_THAN_STORED = (
        "later-than-stored",
        "by its clock, as it was measured, the recording ended after it was stored, which cannot be",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What must be added to the times of a recording."""

    offset_ns: int
    uncertainty_ns: int
    """Bound of its error: of the measurement, of what the clock may have drifted between recording and measurement, and
    of the host's clock where that has a bound."""
    clock: CameraClock
    """The measurement that it is by."""

    @property
    def host_synchronised(self) -> bool | None:
        """Whether the host's clock was right, by the host's own system; None: that did not say."""
        return self.clock.host_time.synchronised

    def span_ns(self, manifest: Manifest) -> tuple[int, int]:
        """Begin and end of a recording by the host's clock."""
        return manifest.started_utc_ns + self.offset_ns, manifest.ended_utc_ns + self.offset_ns


def correction_of(manifest: Manifest, records: Iterable[Mapping[str, object]]) -> Correction | NotKnown:
    """By the custody records of a recording: the tightest correction that holds for it, or why there is none.

    What is no measurement is passed by: `verify` names it.
    """
    best: Correction | None = None
    why = NotKnown.NOT_MEASURED
    for record in records:
        try:
            clock = clock_of(record)
        except MalformedClock:
            continue
        if clock is None:
            continue
        found = _held_against(manifest, clock, record.get("stored_utc_ns"))
        if isinstance(found, NotKnown):
            why = found
        elif best is None or _better(found, best):
            best = found
    return best or why


def _held_against(manifest: Manifest, clock: CameraClock, stored_ns: object) -> Correction | NotKnown:
    if not manifest.clock_revision:
        return NotKnown.REVISION_NOT_STATED
    if manifest.clock_revision != clock.revision or _is_set(manifest.clock_state) != _is_set(clock.state):
        return NotKnown.SET_SINCE
    # It may have begun after the measurement: a camera goes on recording while it is connected.
    apart_ns = abs(clock.camera_utc_ns - manifest.started_utc_ns)
    error_ns = clock.uncertainty_ns + apart_ns * DRIFT_PPM // 1_000_000
    stored_ns = max(stored_ns, clock.measured_utc_ns) if type(stored_ns) is int else clock.measured_utc_ns
    if manifest.ended_utc_ns + clock.offset_ns > stored_ns + error_ns + READ_APART_NS:
        return NotKnown.LATER_THAN_STORED
    return Correction(
        offset_ns=clock.offset_ns,
        uncertainty_ns=error_ns + clock.host_time.max_error_ns,
        clock=clock,
    )


def said_utc_ns(
    manifest: Manifest, known: Correction | NotKnown | None, stamps: Sequence[int]
) -> tuple[int | None, ...]:
    """When each of the statements on a recording was made, by the host's clock; None where nobody knows.

    `stamps` are their times by the camera's clock, in the order of their chain. A statement names no revision of the
    clock. Up to the measurement it was the recording's; after it, the clock may have been set. So the true time is told
    of statements whose stamp lies between the recording's begin and the measurement, by the camera's clock and by the
    host's, and of none that comes after one that does not.
    """
    if not isinstance(known, Correction):
        return (None,) * len(stamps)
    measured_ns = min(known.clock.camera_utc_ns, known.clock.measured_utc_ns - known.uncertainty_ns)
    after, found = manifest.started_utc_ns, list[int | None]()
    for stamp in stamps:
        if not after <= stamp <= measured_ns:
            break
        after = stamp
        found.append(stamp + known.offset_ns)
    return (*found, *[None] * (len(stamps) - len(found)))


def _is_set(state: object) -> bool:
    return state != ClockState.UNSET


def _better(one: Correction, other: Correction) -> bool:
    """A host that is known to be wrong is worth less than any other, however finely it measured."""
    rank = one.host_synchronised is False, one.uncertainty_ns
    return rank < (other.host_synchronised is False, other.uncertainty_ns)


def has_time(manifest: Manifest) -> bool:
    """Whether the camera itself knew the time when it recorded."""
    return _is_set(manifest.clock_state) and manifest.clock_uncertainty_ms != UNBOUNDED_MS


def spans_ns(manifest: Manifest, known: Correction | NotKnown) -> list[tuple[int, int]]:
    """When the recording was made, with the bound of each error: one span where it is known.

    Two where camera and host disagree and the host knows itself to be wrong: by either. None where neither the camera
    knew the time nor anybody measured it.
    """
    spans: list[tuple[int, int]] = []
    if isinstance(known, Correction):
        begin, end = known.span_ns(manifest)
        spans.append((begin - known.uncertainty_ns, end + known.uncertainty_ns))
        if known.host_synchronised is not False:
            return spans
    if has_time(manifest):
        error_ns = manifest.clock_uncertainty_ms * MS
        spans.append((manifest.started_utc_ns - error_ns, manifest.ended_utc_ns + error_ns))
    return spans
