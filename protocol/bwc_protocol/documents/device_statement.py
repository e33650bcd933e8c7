"""What a camera signs of itself: manifests, heads of annotations, tombstones (spec: Signatures of recordings)."""

from __future__ import annotations

from collections.abc import Sequence

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import as_refusal
from bwc_protocol.evidence import sign1
from bwc_protocol.vocabulary import PeerKind


def verify_device_statement(
    payload: bytes, signature: bytes, roots: Sequence[bytes], *, lab: str, camera: str
) -> CertificateFacts:
    """Verifies a camera's signature (COSE_Sign1) over `payload`; gives what the camera's certificate says.

    The certificate has to be of a camera of this name, issued below one of the roots (DER), of this lab or of none.
    When it was valid, and whether it is denied, is judged by the caller, who knows when the payload was signed.
    Raises `DocumentRefused`.
    """
    with as_refusal():
        facts = sign1.verify(payload, signature, roots, lab=lab)
    require(
        facts.kind is PeerKind.CAMERA and not facts.factory,
        DocumentCheck.SIGNER,
        f"{facts.name or 'the signer'} is no camera of an agency",
    )
    require(
        facts.name == camera,
        DocumentCheck.DEVICE,
        f"it is signed by {facts.name}, and about {camera}",
    )
    return facts
