"""When an agency's shifts change, so that a deadline by the end of a shift can be looked at: files know no shifts."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StrictInt, field_validator

from bwc_sdk.policy.demands import Deadline, Part
from bwc_sdk.policy.toml_file import read_toml
from bwc_sdk.policy.vocabulary import Alternative

FILE_MAX: Final = 65_536
"""Bytes of a file: one has some hundred."""
CHANGES_MAX: Final = 48
"""Changes of shift in a day: one every half hour is more than anybody has."""
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DAY: Final = datetime.timedelta(days=1)
_SATURDAY: Final = 5
_NS: Final = 1_000_000_000


class ShiftTimes(Part):
    """A file of them."""

    shifts: Annotated[StrictInt, Field(ge=1, le=1)]
    """Version of this form."""
    changes: Annotated[
        tuple[Annotated[str, Field(max_length=5)], ...], Field(min_length=1, max_length=CHANGES_MAX)
    ]
    """Times of the day, such as 06:00, at which one shift ends and the next begins."""
    zone: Annotated[str, Field(max_length=64)] = "UTC"
    """Where: a name of the time zone database, such as America/New_York."""

    @field_validator("changes")
    @classmethod
    def _times(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [one for one in given if not _TIME.fullmatch(one)]:
            raise ValueError("; ".join(f"{one!r} is no time of the day such as 06:00" for one in wrong))
        return given

    @field_validator("zone")
    @classmethod
    def _known(cls, given: str) -> str:
        try:
            zoneinfo.ZoneInfo(given)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no {given!r} such as America/New_York") from error
        return given

    def due_ns(self, ended_utc_ns: int, deadline: Deadline) -> int | None:
        """Until when something that ended then has to be stored: by the longest of all ways, and no later than by its
        hours; None where a way is by something else than shifts and working days."""
        ways = [self._way(ended_utc_ns, one) for one in deadline.alternatives]
        if None in ways:
            return None
        at_the_latest = ended_utc_ns + deadline.hours * 3600 * _NS
        return min(at_the_latest, max(one for one in ways if one is not None))

    def _way(self, ended_utc_ns: int, way: Alternative) -> int | None:
        zone = zoneinfo.ZoneInfo(self.zone)
        ended = datetime.datetime.fromtimestamp(ended_utc_ns // _NS, zone)
        match way:
            case Alternative.END_OF_SHIFT:
                return _ns(next(self._changes_after(ended)))
            case Alternative.END_OF_NEXT_SHIFT:  # of the same wearer: the same one a day later
                change = next(self._changes_after(ended))
                return _ns(datetime.datetime.combine(change.date() + _DAY, change.timetz()))
            case Alternative.NEXT_BUSINESS_DAY:
                day = ended.date() + _DAY
                while day.weekday() >= _SATURDAY:
                    day += _DAY
                return _ns(datetime.datetime.combine(day + _DAY, datetime.time(tzinfo=zone)))
        return None

    def _changes_after(self, moment: datetime.datetime) -> Iterator[datetime.datetime]:
        zone = moment.tzinfo
        for days in (0, 1, 2):
            for text in sorted(self.changes):
                at = datetime.time.fromisoformat(text).replace(tzinfo=zone)
                change = datetime.datetime.combine(moment.date() + days * _DAY, at)
                if change.timestamp() > moment.timestamp():
                    yield change


def by_shifts(deadline: Deadline) -> bool:
    """Whether it is by something that no file knows unless somebody says when shifts change."""
    return Alternative.HOURS not in deadline.alternatives


def read_shift_times(path: Path) -> ShiftTimes:
    """Raises `HostFileError`, `DocumentError`, `PolicyError`."""
    return read_toml(path, ShiftTimes, FILE_MAX, advice=_ADVICE)


def _ns(moment: datetime.datetime) -> int:
    return round(moment.timestamp()) * _NS


_ADVICE: Final = "docs/policy.md, 'Whether cameras and recordings keep to it', has a file as it has to be"
