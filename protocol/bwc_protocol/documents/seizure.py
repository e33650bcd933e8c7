"""Seizures: a camera is taken as evidence itself, and from then on nobody changes it (spec: Seizures)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import (
    DOCUMENT_VERSION,
    UTC_S,
    Document,
    SignedDocument,
    require_validity,
)
from bwc_protocol.evidence.record import Int, Literal, Text, keyed
from bwc_protocol.evidence.vocabulary import CAMERA_MAX

SEIZURE_MAX: Final = 5_120
"""Bytes of a document: a payload of at most 250, and one signature with two certificates."""
CASE_MAX: Final = 64
"""Bytes of a case number, as in annotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seizure(Document):
    """Which camera, for which case."""

    label: ClassVar[str] = "seizure"
    size_max: ClassVar[int] = SEIZURE_MAX
    signatures: ClassVar[int] = 1

    document: str = field(default="bwc-seizure", metadata=keyed(0, Literal("bwc-seizure"), "what this is"))
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    camera: str = field(metadata=keyed(3, Text(CAMERA_MAX, min=1), "identity of the camera"))
    case: str = field(metadata=keyed(4, Text(CASE_MAX, min=1), "case that it is seized for"))
    signed_utc_s: int = field(
        metadata=keyed(5, UTC_S, "when it was signed: after the last one that the camera took", unit="s")
    )


@dataclass(frozen=True, slots=True)
class SignedSeizure:
    """A seizure that a camera is to take, and whose it is."""

    seizure: Seizure
    signer: CertificateFacts
    sha256: bytes


def verify_seizure(
    data: bytes, roots: Sequence[bytes], trust: Trust, *, camera: str, last_utc_s: int
) -> SignedSeizure:
    """The seizure of a document, for `camera`, which took one of `last_utc_s` before. Raises `DocumentRefused`."""
    document = SignedDocument.decode(data)
    Seizure.require_kind(document.payload)
    (signer,) = document.signers(roots, trust, count=1)  # before anything else of it is read
    seizure = Seizure.decode(document.payload)
    require(seizure.lab == trust.lab, DocumentCheck.LAB, "the seizure is of another lab, or of none")
    check_seizer(signer)
    require_validity((signer, *document.issuers()), seizure.signed_utc_s)
    require(seizure.camera == camera, DocumentCheck.DEVICE, f"it is for {seizure.camera}, this is {camera}")
    require(
        seizure.signed_utc_s > last_utc_s,
        DocumentCheck.COUNTER,
        "it is not younger than the seizure that this camera took last: one that was lifted does not come back",
    )
    return SignedSeizure(seizure, signer, document.sha256)


def check_seizer(signer: CertificateFacts) -> None:
    """Whether this person may sign a seizure. Raises `DocumentRefused`."""
    require(
        Role.RECORDS in signer.roles,
        DocumentCheck.ROLE,
        f"{signer.name} has {signer.roles}; a seizure is signed under {Role.RECORDS}",
    )
