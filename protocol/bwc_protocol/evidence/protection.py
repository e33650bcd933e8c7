"""For whom the footage of a recording is encrypted: part of its manifest (spec: Encryption)."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence.record import Blob, Choice, Items, Octets, Record, keyed
from bwc_protocol.evidence.vocabulary import DIGEST_SIZE, EvidenceError
from bwc_protocol.word import Word

WRAPS_MAX: Final = 4
"""Recipients of one recording: as many as a device takes with its installation."""
SEALED_MAX: Final = 160
"""Bytes of a wrapped key: HPKE takes 113, the reserved way less."""


class KeySuite(Word):
    """How a content key is wrapped for its recipients."""

    HPKE_P256 = 1
    """HPKE (RFC 9180), base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""
    ECDH_ES_A256KW = 2
    """Reserved for ECDH-ES with A256KW; nothing makes or opens it in this version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrap(Record):
    """A key as one recipient can open it."""

    label: ClassVar[str] = "wrap"

    recipient: bytes = field(
        metadata=keyed(0, Blob(DIGEST_SIZE), "SHA-256 of the recipient's SubjectPublicKeyInfo")
    )
    sealed: bytes = field(metadata=keyed(1, Octets(SEALED_MAX, min=1), "the key, wrapped for it"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection(Record):
    """A recording's content key, wrapped for each of its recipients, in the order of the installation."""

    label: ClassVar[str] = "protection"

    kem: KeySuite | Unknown = field(
        default=KeySuite.HPKE_P256, metadata=keyed(0, Choice(KeySuite), "how the content key is wrapped")
    )
    wraps: tuple[Wrap, ...] = field(
        metadata=keyed(1, Items(Wrap, WRAPS_MAX, min=1), "one for each recipient")
    )

    def check_together(self) -> None:
        if len({wrap.recipient for wrap in self.wraps}) != len(self.wraps):
            raise EvidenceError("protection-wraps", "a recipient stands twice")
