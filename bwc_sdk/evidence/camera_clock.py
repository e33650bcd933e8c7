"""What a host measured of a camera's clock, as a custody record has it (spec: Recording, "Custody record").

It is measured once a connection, before footage is asked for, and changes nothing on the camera.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import ClockState
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.quantity import exact_utc

KEY: Final = "camera_clock"
"""Of the measurement in a custody record; null where nothing could be measured."""
WHY_KEY: Final = "camera_clock_unknown"
"""Of the word for why not (`NotMeasured`); null where it was measured."""
_I64: Final = 1 << 63
_U32: Final = 1 << 32
_U64: Final = 1 << 64
_TEXT_MAX: Final = 64
"""Characters of a name in a record, as an identity has at most."""


class MalformedClock(ValueError):
    """What stands in a record is no measurement of a clock; it says what is wrong."""


class NotMeasured(enum.StrEnum):
    """Why there is no measurement, as a custody record says it. Words are only added."""

    UNSUPPORTED = "unsupported"
    """The camera has no command for it."""
    UNSTEADY = "unsteady"
    """The host's clock, or the camera's, was set meanwhile, or the camera's makes no sense."""
    REFUSED = "refused"
    """The camera answered with another error."""
    NO_ANSWER = "no-answer"
    """It did not answer in time, or the connection ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraClock:
    """One measurement. All in ns."""

    offset_ns: int
    """What must be added to the camera's time to get the host's."""
    uncertainty_ns: int
    """Bound of the error of that, by the host's clock."""
    revision: int
    """Revision of the camera's clock: it counts how often that was set, or lost its time."""
    state: ClockState | Unknown
    """What the camera thought of its clock."""
    stated_uncertainty_ns: int | None
    """What the camera stated as the bound of its error; None: no bound."""
    measured_utc_ns: int
    """When, by the host's clock."""
    measured_by: str
    """How the host is called in the session: by its certificate, if it has one."""
    host_time: HostTime
    """What was known of the host's clock then."""

    @property
    def camera_utc_ns(self) -> int:
        """What the camera's clock showed when it was measured."""
        return self.measured_utc_ns - self.offset_ns

    def plain(self) -> dict[str, object]:
        """As a custody record has it."""
        return {
            "offset_ns": self.offset_ns,
            "uncertainty_ns": self.uncertainty_ns,
            "revision": self.revision,
            "state": int(self.state) if isinstance(self.state, Unknown) else str(self.state),
            "stated_uncertainty_ns": self.stated_uncertainty_ns,
            "measured_utc_ns": self.measured_utc_ns,
            "measured_utc": exact_utc(self.measured_utc_ns),
            "measured_by": self.measured_by,
            "host_clock": self.host_time.plain(),
        }

    @classmethod
    def read(cls, found: object) -> CameraClock:
        """That of a record, which anybody may have written. Raises `MalformedClock`."""
        if not isinstance(found, dict):
            raise MalformedClock("it is no object")
        stated = found.get("stated_uncertainty_ns")
        return cls(
            offset_ns=_whole(found, "offset_ns", -_I64, _I64),
            uncertainty_ns=_whole(found, "uncertainty_ns", 0, _U64),
            revision=_whole(found, "revision", 0, _U32),
            state=_state(found.get("state")),
            stated_uncertainty_ns=None if stated is None else _whole(found, "stated_uncertainty_ns", 0, _U64),
            measured_utc_ns=_whole(found, "measured_utc_ns", -_I64, _I64),
            measured_by=_name(found.get("measured_by")),
            host_time=_host_time(found.get("host_clock")),
        )


def said_of(found: CameraClock | NotMeasured) -> dict[str, object]:
    """What a custody record says of it."""
    match found:
        case CameraClock():
            return {KEY: found.plain(), WHY_KEY: None}
        case NotMeasured():
            return {KEY: None, WHY_KEY: str(found)}


def clock_of(record: Mapping[str, object]) -> CameraClock | None:
    """What a custody record says of the camera's clock; None where it says nothing, as those of before. Raises
    `MalformedClock`."""
    found = record.get(KEY)
    return None if found is None else CameraClock.read(found)


def _whole(found: Mapping[str, object], key: str, low: int, end: int) -> int:
    value = found.get(key)
    if type(value) is not int or not low <= value < end:
        raise MalformedClock(f"its {key} is no number that it could be")
    return value


def _state(value: object) -> ClockState | Unknown:
    if type(value) is int and 0 <= value <= 0xFF and value not in ClockState.__members__.values():
        return Unknown(value)
    for state in ClockState:
        if value == str(state):
            return state
    raise MalformedClock("its state is none that a clock has")


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_MAX:
        raise MalformedClock("its measured_by is no name")
    return value


def _host_time(value: object) -> HostTime:
    if not isinstance(value, dict):
        raise MalformedClock("its host_clock is no object")
    synchronised, error, by = (value.get(key) for key in ("synchronised", "max_error_ns", "said_by"))
    if not isinstance(synchronised, bool | None) or not isinstance(by, str | None):
        raise MalformedClock("its host_clock says nothing that a host says")
    bound = 0 if error is None else _whole(value, "max_error_ns", 0, _I64)
    return HostTime(synchronised, bound, (by or "")[:_TEXT_MAX])
