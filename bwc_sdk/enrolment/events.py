"""What is told of an enrolment while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.errors import BwcError


@dataclass(frozen=True, slots=True)
class ButtonWanted:
    """Somebody has to press the enrolment button of this one now; it is waited for."""

    slot: str
    """`device` before it has said what it is, then `station` or `camera`; or the bay: `bay 3`."""
    wait_s: float


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The device is the agency's: it was connected to again, by its new certificate."""

    slot: str
    kind: PeerKind
    serial: str
    until_s: int
    """When its certificate ends, UTC in seconds."""
    proved: tuple[str, ...] = ()
    """Evidence recipients by whose keys it was shown that what it encrypts can be opened."""


@dataclass(frozen=True, slots=True)
class AlreadyEnrolled:
    """The device is the agency's already; nothing was changed."""

    slot: str
    kind: PeerKind
    serial: str
    until_s: int


@dataclass(frozen=True, slots=True)
class RequestWritten:
    """The device's request lies in a file, for a CA that is elsewhere; enrol it again when the certificate has come."""

    slot: str
    serial: str
    path: Path


@dataclass(frozen=True, slots=True)
class EnrolmentFailed:
    """This one was not enrolled; the others are gone on with."""

    slot: str
    error: BwcError


EnrolmentEvent = ButtonWanted | Enrolled | AlreadyEnrolled | RequestWritten | EnrolmentFailed
