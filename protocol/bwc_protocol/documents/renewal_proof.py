"""What a device signs by its present key when it asks for a certificate of its next one (spec: Renewal).

A request proves that whoever made it has the new key, and says whose it is. That it is that device's, only the key can
say that the agency has certified before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX, NAME_MAX
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import DOCUMENT_VERSION, Document, SignedDocument, as_refusal
from bwc_protocol.evidence import DIGEST_SIZE, sign1
from bwc_protocol.evidence.record import Blob, Int, Literal, Text, keyed
from bwc_protocol.vocabulary import PeerKind

RENEWAL_PROOF_MAX: Final = 5_120
"""Bytes of a document: a payload of at most 200, and one signature with two certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalProof(Document):
    """That a request is this device's own."""

    label: ClassVar[str] = "renewal-proof"
    size_max: ClassVar[int] = RENEWAL_PROOF_MAX
    signatures: ClassVar[int] = 1

    document: str = field(
        default="bwc-renewal-proof", metadata=keyed(0, Literal("bwc-renewal-proof"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    device: str = field(metadata=keyed(3, Text(NAME_MAX, min=1), "identity of the device"))
    request_sha256: bytes = field(
        metadata=keyed(4, Blob(DIGEST_SIZE), "SHA-256 of its certificate signing request (DER)")
    )


def sign_renewal_proof(request: bytes, device: str, lab: str, signer: sign1.Signer) -> bytes:
    """The proof of a request (DER), by the key that the device has now."""
    proof = RenewalProof(lab=lab, device=device, request_sha256=hashlib.sha256(request).digest())
    return SignedDocument(proof.encode()).signed_by(signer).encode()


def verify_renewal_proof(
    data: bytes, roots: Sequence[bytes], *, lab: str, device: str, request: bytes
) -> CertificateFacts:
    """What the certificate says by which this device proves this request (DER). Raises `DocumentRefused`.

    It may have ended: a device is renewed then, too. Whether it is denied is judged by the caller.
    """
    require(
        len(data) <= RENEWAL_PROOF_MAX,
        DocumentCheck.FORM,
        f"{len(data)} bytes are more than the {RENEWAL_PROOF_MAX} of a proof",
    )
    document = SignedDocument.decode(data)
    RenewalProof.require_kind(document.payload)
    require(len(document.signatures) == 1, DocumentCheck.SIGNATURE, "it takes one signature")
    with as_refusal():
        signer = sign1.verify(document.payload, document.signatures[0], roots, lab=lab)
    require(
        signer.kind in (PeerKind.CAMERA, PeerKind.STATION) and not signer.factory,
        DocumentCheck.SIGNER,
        f"{signer.name or 'the signer'} is no device of an agency",
    )
    found = RenewalProof.decode(document.payload)
    require(found.lab == lab, DocumentCheck.LAB, "the proof is of another lab, or of none")
    require(
        found.device == signer.name == device,
        DocumentCheck.DEVICE,
        f"it is signed by {signer.name}, about {found.device}, and the request is of {device}",
    )
    require(
        found.request_sha256 == hashlib.sha256(request).digest(),
        DocumentCheck.REQUEST,
        "it is of another request",
    )
    return signer
