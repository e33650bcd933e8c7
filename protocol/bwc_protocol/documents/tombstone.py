"""Tombstones: what a camera keeps of a recording that it erased, signed by it (spec: Tombstones).

They are numbered without gaps and chained, each naming the one before: none can be left out unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.profile import LAB_MAX, NAME_MAX
from bwc_protocol.declare import Unknown
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.receipt import RECORDING_ID_SIZE
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import DOCUMENT_VERSION, Document, SignedDocument
from bwc_protocol.evidence import DIGEST_SIZE, EvidenceError
from bwc_protocol.evidence.record import Blob, Blobs, Choice, Int, Literal, Text, keyed
from bwc_protocol.evidence.vocabulary import CAMERA_MAX
from bwc_protocol.versions import V1_2
from bwc_protocol.word import Word

RECEIPTS_MAX: Final = 8
"""Receipts that a camera keeps of one recording: twice as many as it can be told to wait for."""
TOMBSTONE_MAX: Final = 6_144
"""Bytes of a document: a payload of at most 1,100, and one signature with two certificates."""
_U32: Final = Int(0, 0xFFFF_FFFF)
_I64: Final = Int(-(1 << 63), (1 << 63) - 1)


class EraseReason(Word):
    """Why a recording was erased."""

    ASKED = 1
    """A host asked for it, against receipts."""
    NO_ROOM = 2
    """Room was needed for what is recorded, and it was the oldest that had its receipts."""
    SANITISED = 3
    """Two people ordered it: the footage goes, and may have had no receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone(Document):
    """What was erased, when, why, and who answers for the copy."""

    label: ClassVar[str] = "tombstone"
    size_max: ClassVar[int] = TOMBSTONE_MAX
    signatures: ClassVar[int] = 1
    closed: ClassVar[bool] = False

    document: str = field(
        default="bwc-tombstone", metadata=keyed(0, Literal("bwc-tombstone"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    camera: str = field(metadata=keyed(3, Text(CAMERA_MAX, min=1), "identity of the camera"))
    recording_id: bytes = field(metadata=keyed(4, Blob(RECORDING_ID_SIZE), "id of the recording"))
    sequence: int = field(metadata=keyed(5, Int(1, 0xFFFF_FFFF), "its number, which is not used again"))
    manifest_sha256: bytes = field(metadata=keyed(6, Blob(DIGEST_SIZE), "SHA-256 of its manifest"))
    annotations: int = field(metadata=keyed(7, _U32, "annotations that it had"))
    annotations_sha256: bytes = field(metadata=keyed(8, Blob(DIGEST_SIZE), "head of their chain"))
    receipts: tuple[bytes, ...] = field(
        metadata=keyed(9, Blobs(DIGEST_SIZE, RECEIPTS_MAX), "SHA-256 of each receipt that counted")
    )
    objects: tuple[bytes, ...] = field(
        metadata=keyed(
            10, Blobs(DIGEST_SIZE, RECEIPTS_MAX), "of each of these, SHA-256 of its list of objects"
        )
    )
    counter: int = field(metadata=keyed(11, Int(1, 0xFFFF_FFFF), "counts the camera's tombstones, from 1"))
    previous_sha256: bytes = field(
        metadata=keyed(12, Blob(DIGEST_SIZE), "SHA-256 of the payload of the one before; else zeros")
    )
    utc_ns: int = field(metadata=keyed(13, _I64, "when, by the camera's clock", unit="ns"))
    boot_counter: int = field(metadata=keyed(14, _U32, "boot in which it happened"))
    reason: EraseReason | Unknown = field(metadata=keyed(15, Choice(EraseReason), "why"))
    actor: str = field(metadata=keyed(16, Text(NAME_MAX), "who asked for it; the camera itself for room"))
    generation: int = field(
        default=0, metadata=keyed(17, _U32, "resets before; numbers begin anew with each", since=V1_2)
    )

    def check_together(self) -> None:
        if len(self.receipts) != len(self.objects):
            raise EvidenceError("tombstone-objects", "not one list of objects for each receipt")
        if not self.receipts and self.reason in (EraseReason.ASKED, EraseReason.NO_ROOM):
            raise EvidenceError("tombstone-receipts", "erased without a receipt, and by no order")

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the payload: how the next one names it."""
        return hashlib.sha256(self.encode()).digest()


@dataclass(frozen=True, slots=True)
class SignedTombstone:
    """A tombstone that a camera signed."""

    tombstone: Tombstone
    sha256: bytes
    """Of its payload: how the next one names it."""


def read_tombstone(data: bytes) -> SignedTombstone:
    """The tombstone of a document; its signature is not verified. Raises `DocumentRefused`."""
    document = SignedDocument.decode(data)
    require(len(document.signatures) == 1, DocumentCheck.SIGNATURE, "it takes one signature")
    return SignedTombstone(Tombstone.decode(document.payload), document.sha256)


def verify_tombstone(data: bytes, roots: Sequence[bytes], *, lab: str, camera: str) -> SignedTombstone:
    """The tombstone of a document that this camera signed, by a chain to one of the roots. Raises `DocumentRefused`."""
    document = SignedDocument.decode(data)
    Tombstone.require_kind(document.payload)
    require(len(document.signatures) == 1, DocumentCheck.SIGNATURE, "it takes one signature")
    verify_device_statement(document.payload, document.signatures[0], roots, lab=lab, camera=camera)
    found = Tombstone.decode(document.payload)
    require(found.lab == lab, DocumentCheck.LAB, "the tombstone is of another lab, or of none")
    require(found.camera == camera, DocumentCheck.DEVICE, f"it is of {found.camera}, not of {camera}")
    return SignedTombstone(found, document.sha256)
