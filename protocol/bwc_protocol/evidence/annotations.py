"""The chain of what was said of a recording after it was closed (spec: Recording).

Each recording has its own: it begins with the manifest's hash, and each statement continues it. Count and head stand in
the listing, so that whoever has read the statements knows that they are all of them, and the camera's.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol

from bwc_protocol.evidence import cbor
from bwc_protocol.evidence.record import Int, Record, Text, keyed

DOMAIN: Final = b"BWC-ANNOTATIONS1"
"""Begins the chain: its hashes are nothing else's."""
ACTOR_MAX: Final = 64
TEXT_MAX: Final = 128
HOLD_MAX: Final = 32
CASE_MAX: Final = 64
"""Bytes of who said it, of what was said, of the id of a hold, and of a case number or an authority."""


class Statement(Protocol):
    """A statement as the protocol or a device has it."""

    @property
    def utc_ns(self) -> int: ...
    @property
    def kind(self) -> object: ...
    @property
    def actor(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def hold(self) -> str: ...
    @property
    def case(self) -> str: ...
    @property
    def authority(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationRecord(Record):
    """One statement, as it is hashed and stored."""

    label: ClassVar[str] = "annotation"

    utc_ns: int = field(
        metadata=keyed(0, Int(-(1 << 63), (1 << 63) - 1), "when, by the camera's clock", unit="ns")
    )
    kind: int = field(metadata=keyed(1, Int(0, 0xFF), "number of its `AnnotationKind`"))
    actor: str = field(metadata=keyed(2, Text(ACTOR_MAX), "who made it"))
    text: str = field(metadata=keyed(3, Text(TEXT_MAX), "category, reason, note, or officer and unit"))
    hold: str = field(metadata=keyed(4, Text(HOLD_MAX), "id of the hold; else nothing"))
    case: str = field(metadata=keyed(5, Text(CASE_MAX), "case number; else nothing"))
    authority: str = field(metadata=keyed(6, Text(CASE_MAX), "on whose authority it is held; else nothing"))

    @classmethod
    def of(cls, said: Statement) -> "AnnotationRecord":
        """The record of a statement. Raises `EvidenceError` for one that is beyond its limits."""
        return cls(
            utc_ns=said.utc_ns,
            kind=int(said.kind),  # type: ignore[call-overload]  # an enumeration's member, or an unknown number
            actor=said.actor,
            text=said.text,
            hold=said.hold,
            case=said.case,
            authority=said.authority,
        )

    def encode(self) -> bytes:
        """Its one encoding."""
        return cbor.encode(self.to_map())


def annotation_root(manifest_sha256: bytes) -> bytes:
    """The head while nothing was said."""
    return hashlib.sha256(DOMAIN + manifest_sha256).digest()


def annotation_head(previous: bytes, said: Iterable[Statement]) -> bytes:
    """The head after more was said."""
    return chained(previous, (AnnotationRecord.of(one).encode() for one in said))


def chained(previous: bytes, records: Iterable[bytes]) -> bytes:
    """The same of statements in their encoding."""
    for record in records:
        previous = hashlib.sha256(previous + record).digest()
    return previous
