"""Finds recordings of a store by what is said of them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import ActivationEvent
from bwc_sdk.errors import InvalidValue, NoSuchRecording
from bwc_sdk.evidence.catalogue import Described, describe, manifest_of
from bwc_sdk.evidence.corrected_time import spans_ns
from bwc_sdk.evidence.store import RecordingFiles, Store, names_of

ID_DIGITS_MIN: Final = 4
"""Hexadecimal digits of an id that may stand for the whole; fewer are a number with a typo."""
NUMBER_DIGITS: Final = 10
"""Of the largest number that a recording can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a recording has to be; what is None may be anything. Texts are compared whole, in either case."""

    officer: str | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    """It may have footage from `from_ns` on and before `to_ns`: by true time where the clock was measured, else
    by the camera's. The bounds of the errors count to it."""
    by_camera: bool = False
    """Both are meant by the camera's clock as it stood, as somebody read it from a picture."""
    case: str | None = None
    held: bool = False
    category: str | None = None
    event: ActivationEvent | Unknown | None = None
    camera: str | None = None

    def is_it(self, found: Described) -> bool:
        """Whether a recording is all of that. One without a manifest is nothing that can be asked for."""
        manifest = found.manifest
        if manifest is None:
            return False
        said, standing = manifest.circumstances, found.standing
        return (
            self._in_time(found)
            and (self.camera is None or _same(self.camera, manifest.camera))
            and (self.event is None or (said is not None and said.event == self.event))
            and (not self.held or bool(standing.holds))
            and (self.case is None or any(_same(self.case, one) for one in standing.cases))
            and (self.category is None or _same(self.category, standing.category))
            and (self.officer is None or self._carried(found))
        )

    @property
    def asks_for_time(self) -> bool:
        """Whether it matters when a recording was made."""
        return self.from_ns is not None or self.to_ns is not None

    def is_it_but_for_time(self, found: Described) -> bool:
        """Whether a recording of which nobody knows when it was made is all else of that."""
        if (
            self.by_camera
            or not self.asks_for_time
            or found.manifest is None
            or _spans(found, by_camera=False)
        ):
            return False
        return replace(self, from_ns=None, to_ns=None).is_it(found)

    def _in_time(self, found: Described) -> bool:
        if not self.asks_for_time:
            return True
        return any(
            (self.from_ns is None or end >= self.from_ns) and (self.to_ns is None or begin < self.to_ns)
            for begin, end in _spans(found, by_camera=self.by_camera)
        )

    def _carried(self, found: Described) -> bool:
        assert self.officer is not None and found.manifest is not None
        said = found.manifest.circumstances
        if said is not None and _same(self.officer, said.holder):
            return True
        # Of cameras that do not state a holder: officer and unit stand in one text, with a space between them.
        wanted = self.officer.casefold()
        return any(f"{carrier.casefold()} ".startswith(f"{wanted} ") for carrier in found.standing.carriers)


def _spans(found: Described, *, by_camera: bool) -> list[tuple[int, int]]:
    assert found.manifest is not None
    known = found.correction
    if by_camera or known is None:
        return [(found.manifest.started_utc_ns, found.manifest.ended_utc_ns)]
    return spans_ns(found.manifest, known)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def the_one(store: Store, which: str) -> Described:
    """The one recording that is meant by a number, the first digits of an id, a stored name, or a file's name.

    Raises `NoSuchRecording` for none, and for several.
    """
    named = [one for one in store.recordings if which and (which == one.name or which in names_of(one))]
    found = named or [one for one in store.recordings if _begins(one, which)]
    if not found and which.isdecimal() and len(which) <= NUMBER_DIGITS:
        numbered = ((one, manifest_of(store, one)) for one in store.recordings)
        found = [one for one, manifest in numbered if manifest and manifest.sequence == int(which)]
    if len(found) != 1:
        many = "several recordings of the store have" if found else "no recording of the store has"
        raise NoSuchRecording(
            f"{many} the number, id or name {which[:80]!r}",
            device=str(store.path),
            advice="'bwc evidence find' lists what there is, with ids; the first digits of an id name one",
        )
    return describe(store, found[0])


def _begins(files: RecordingFiles, which: str) -> bool:
    return len(which) >= ID_DIGITS_MIN and files.recording.hex().startswith(which.lower())


def moment(text: str, *, end: bool = False) -> int:
    """A time in ns since 1970: `2026-11-30`, or with a time of day, in UTC unless it names another zone.

    A day as the `end` of a span is meant with all its hours. Raises `InvalidValue`.
    """
    try:
        stamp = datetime.datetime.fromisoformat(text)
        whole_day = len(text) <= len("2026-11-30")
        if stamp.tzinfo is None:
            stamp = stamp.replace(tzinfo=datetime.UTC)
        if end and whole_day:
            stamp += datetime.timedelta(days=1)
        since = stamp - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(
            f"{text[:40]!r} is no date or time", advice="write it as 2026-11-30 or 2026-11-30T14:05:00+01:00"
        ) from error
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
