"""Receipts: what a final destination signs once it has read back what it stores (spec: Receipts and erasing).

A receipt is about one recording with the annotations that it had: once more is said of the recording, it counts no
more. It proves that the stored bytes are there, not that anybody can read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX, NAME_MAX
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import (
    DOCUMENT_VERSION,
    UTC_S,
    Document,
    SignedDocument,
    require_validity,
)
from bwc_protocol.evidence import DIGEST_SIZE
from bwc_protocol.evidence.record import Blob, Flag, Int, Literal, Text, keyed
from bwc_protocol.evidence.vocabulary import CAMERA_MAX

RECEIPT_MAX: Final = 4_096
"""Bytes of a document: it goes in one request. Of these certificates one has about 1,300."""
RECEIPT_PAYLOAD_MAX: Final = 512
"""Bytes of its payload; the longest of today has 460."""
RECORDING_ID_SIZE: Final = 16
STORED_MAX: Final = 1 << 48
"""Bytes of footage: more than any camera has."""
_U32: Final = Int(0, 0xFFFF_FFFF)
_U64: Final = Int(0, (1 << 64) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Document):
    """What a destination has, and has read back."""

    label: ClassVar[str] = "receipt"
    size_max: ClassVar[int] = RECEIPT_MAX
    signatures: ClassVar[int] = 1

    document: str = field(default="bwc-receipt", metadata=keyed(0, Literal("bwc-receipt"), "what this is"))
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    camera: str = field(metadata=keyed(3, Text(CAMERA_MAX, min=1), "identity of the camera"))
    recording_id: bytes = field(metadata=keyed(4, Blob(RECORDING_ID_SIZE), "id of the recording"))
    manifest_sha256: bytes = field(metadata=keyed(5, Blob(DIGEST_SIZE), "SHA-256 of its manifest"))
    annotations: int = field(metadata=keyed(6, _U32, "annotations that the destination has"))
    annotations_sha256: bytes = field(metadata=keyed(7, Blob(DIGEST_SIZE), "head of their chain"))
    size_bytes: int = field(
        metadata=keyed(8, Int(1, STORED_MAX), "stored footage of all segments", unit="byte")
    )
    objects_sha256: bytes = field(metadata=keyed(9, Blob(DIGEST_SIZE), "SHA-256 of the list of its objects"))
    destination: str = field(
        metadata=keyed(10, Text(NAME_MAX, min=1), "id of the destination: the name in its certificate")
    )
    counter: int = field(metadata=keyed(11, _U64, "counts what the destination signs"))
    signed_utc_s: int = field(metadata=keyed(12, UTC_S, "when it was signed", unit="s"))
    one_site: bool = field(
        default=False,
        metadata=keyed(13, Flag(), "one host is dock and destination: nobody else has seen the copy"),
    )

    @classmethod
    def payload_max(cls) -> int:
        """Bytes of an encoded payload: certificates of a destination are not as long as they could be."""
        return RECEIPT_PAYLOAD_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipted:
    """The recording that a receipt has to be about, as its camera has it now."""

    camera: str
    recording_id: bytes
    manifest_sha256: bytes
    annotations: int
    annotations_sha256: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt that counts, and whose it is."""

    receipt: Receipt
    signer: CertificateFacts
    sha256: bytes
    """Names the document in logs, answers and tombstones."""


def verify_receipt(data: bytes, roots: Sequence[bytes], trust: Trust, about: Receipted) -> SignedReceipt:
    """The receipt of a document, for this recording as it is now. Raises `DocumentRefused`."""
    found = verify_receipt_signature(data, roots, trust)
    receipt = found.receipt
    require(
        receipt.camera == about.camera,
        DocumentCheck.DEVICE,
        f"it is for a recording of {receipt.camera}, this is {about.camera}",
    )
    require(
        (receipt.recording_id, receipt.manifest_sha256, receipt.size_bytes)
        == (about.recording_id, about.manifest_sha256, about.size_bytes),
        DocumentCheck.RECORDING,
        "it is for another recording, another manifest or another size",
    )
    require(
        (receipt.annotations, receipt.annotations_sha256) == (about.annotations, about.annotations_sha256),
        DocumentCheck.ANNOTATIONS,
        f"it is for {receipt.annotations} annotations, there are {about.annotations}: more was said since, or else",
    )
    return found


def verify_receipt_signature(data: bytes, roots: Sequence[bytes], trust: Trust) -> SignedReceipt:
    """The receipt of a document that a destination signed, whatever recording it is about.

    Raises `DocumentRefused`.
    """
    require(
        len(data) <= RECEIPT_MAX,
        DocumentCheck.FORM,
        f"{len(data)} bytes are more than the {RECEIPT_MAX} of a receipt",
    )
    document = SignedDocument.decode(data)
    Receipt.require_kind(document.payload)
    (signer,) = document.signers(roots, trust, count=1)  # before anything else of it is read
    receipt = Receipt.decode(document.payload)
    require(receipt.lab == trust.lab, DocumentCheck.LAB, "the receipt is of another lab, or of none")
    check_destination(signer, receipt.destination)
    require_validity((signer, *document.issuers()), receipt.signed_utc_s)
    return SignedReceipt(receipt, signer, document.sha256)


def check_destination(signer: CertificateFacts, destination: str) -> None:
    """Whether whoever has this certificate may sign receipts of `destination`. Raises `DocumentRefused`."""
    require(
        signer.roles == Role.DESTINATION,
        DocumentCheck.ROLE,
        f"{signer.name} has {signer.roles}; a receipt is signed under {Role.DESTINATION}, and nothing beside it",
    )
    require(
        signer.name == destination,
        DocumentCheck.SUBJECTS,
        f"it says that it is of {destination}, and {signer.name} signed it",
    )
