"""What a device says of a physical reset, a transfer or its end, signed by its factory key (spec: Physical reset).

The agency loses nothing without a trace: the record names where log and recordings ended, and how much was destroyed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.profile import AGENCY_MAX, LAB_MAX
from bwc_protocol.declare import Unknown
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import DOCUMENT_VERSION, Document, SignedDocument
from bwc_protocol.evidence import DIGEST_SIZE, EvidenceError, sign1
from bwc_protocol.evidence.record import Blob, Choice, Int, Literal, Name, Text, keyed
from bwc_protocol.evidence.vocabulary import CAMERA_MAX
from bwc_protocol.vocabulary import PeerKind
from bwc_protocol.word import Word

RESET_RECORD_MAX: Final = 6_144
"""Bytes of a document: a payload of at most 500, and one signature with two certificates."""
_U32: Final = Int(0, 0xFFFF_FFFF)
_U64: Final = Int(0, (1 << 64) - 1)
_I64: Final = Int(-(1 << 63), (1 << 63) - 1)


class ResetCause(Word):
    """Why keys and footage were destroyed."""

    OPENED_CASE = 1
    """Somebody opened the case and reset it: nobody's word was needed."""
    TRANSFER = 2
    """An order."""
    DECOMMISSION = 3
    """An order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRecord(Document):
    """What was there before."""

    label: ClassVar[str] = "reset-record"
    size_max: ClassVar[int] = RESET_RECORD_MAX
    signatures: ClassVar[int] = 1
    closed: ClassVar[bool] = False

    document: str = field(
        default="bwc-reset-record", metadata=keyed(0, Literal("bwc-reset-record"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    device: str = field(metadata=keyed(2, Name(CAMERA_MAX), "identity of the device"))
    kind: PeerKind | Unknown = field(metadata=keyed(3, Choice(PeerKind), "what the device is"))
    cause: ResetCause | Unknown = field(metadata=keyed(4, Choice(ResetCause), "why"))
    generation: int = field(metadata=keyed(5, _U32, "the generation that ended"))
    utc_ns: int = field(metadata=keyed(6, _I64, "when, by the device's clock", unit="ns"))
    boot_counter: int = field(metadata=keyed(7, _U32, "boot in which it happened"))
    agency: str = field(default="", metadata=keyed(8, Text(AGENCY_MAX), "whose it was; empty without one"))
    lab: str = field(default="", metadata=keyed(9, Text(LAB_MAX), "id of the lab whose it was; else empty"))
    log_sequence: int = field(metadata=keyed(10, _U64, "number of the newest entry of its log; 0 = none"))
    log_sha256: bytes = field(metadata=keyed(11, Blob(DIGEST_SIZE), "hash of that entry; else zeros"))
    last_sequence: int = field(metadata=keyed(12, _U32, "number of its newest recording; 0 = none"))
    last_manifest_sha256: bytes = field(
        metadata=keyed(13, Blob(DIGEST_SIZE), "SHA-256 of the manifest of that recording; else zeros")
    )
    recordings: int = field(metadata=keyed(14, _U32, "recordings that were destroyed"))
    held: int = field(metadata=keyed(15, _U32, "of these, protected by a hold"))


def sign_reset_record(record: ResetRecord, factory: sign1.Signer) -> bytes:
    """The record as the device keeps and tells it."""
    return SignedDocument(record.encode()).signed_by(factory).encode()


def verify_reset_record(data: bytes, vendor_roots: tuple[bytes, ...]) -> ResetRecord:
    """The record of a document that a device signed by its factory key. Raises `DocumentRefused`."""
    document = SignedDocument.decode(data)
    found = ResetRecord.decode(document.payload)
    require(len(document.signatures) == 1, DocumentCheck.SIGNATURE, "it takes one signature")
    try:
        signer = sign1.verify(document.payload, document.signatures[0], vendor_roots)
    except EvidenceError as error:
        require(False, DocumentCheck.SIGNATURE, error.detail)
        raise
    require(signer.factory, DocumentCheck.SIGNER, "it is not signed by a factory's certificate")
    require(
        (signer.name, signer.kind) == (found.device, found.kind),
        DocumentCheck.DEVICE,
        f"it is signed by {signer.name}, and about {found.device}",
    )
    return found
