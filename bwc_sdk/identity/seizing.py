"""Seizures as this host signs them (spec: Seizures)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.seizure import Seizure, SignedSeizure, check_seizer, verify_seizure
from bwc_protocol.documents.signed_document import SignedDocument, require_validity
from bwc_protocol.evidence import EvidenceError
from bwc_sdk.errors import InvalidValue
from bwc_sdk.identity.document_files import document_error

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity

_ADVICE: Final[dict[DocumentCheck, str]] = {
    DocumentCheck.ROLE: "sign by an identity of the records section: --identity names its key files",
    DocumentCheck.TIME: "renew the certificate of whoever signs, or set this host's clock right",
}
SIGN_AGAIN: Final = "have the records section sign it again: 'bwc seize IDENTITY --case N --out FILE'"
_DELIVERING: Final[dict[DocumentCheck, str]] = {
    DocumentCheck.FORM: f"is this the right file? Otherwise {SIGN_AGAIN}",
    DocumentCheck.KIND: "is this the right file? A seizure is what 'bwc seize IDENTITY --case N --out FILE' writes",
    DocumentCheck.CHAIN: "somebody of another agency than this identity's signed it; --identity names another one",
    DocumentCheck.SIGNATURE: f"something was changed in it: {SIGN_AGAIN}",
    DocumentCheck.LAB: "a lab's seizures are for its own devices alone: deliver it by an identity of that lab",
    DocumentCheck.SIGNER: f"the certificate of whoever signed it does not count any more: {SIGN_AGAIN}",
    DocumentCheck.ROLE: f"nobody else may sign it: {SIGN_AGAIN}",
    DocumentCheck.TIME: f"it is older than its signer's certificate, or younger than its end: {SIGN_AGAIN}",
    DocumentCheck.DEVICE: "name the camera that it is for; one that is for another camera seizes no other",
}
"""What to do when a seizure that was signed elsewhere is refused here, before any camera is asked."""


def sign_seizure(identity: HostIdentity, *, camera: str, case: str, utc_s: int) -> bytes:
    """A seizure of a camera for a case, signed by `identity`, which has to be of the records section.

    Raises `InvalidValue` for a camera or a case that cannot be, `DocumentError`, `IdentityError`.
    """
    try:
        payload = Seizure(lab=identity.lab, camera=camera, case=case, signed_utc_s=utc_s).encode()
    except EvidenceError as error:
        raise InvalidValue(f"that is no seizure: {error}") from error
    try:
        check_seizer(identity.certificate)
        require_validity(tuple(map(read_certificate, identity.credentials.chain)), utc_s)
    except DocumentRefused as refused:
        raise document_error(refused, _ADVICE[refused.check], what="the seizure") from refused
    return SignedDocument(payload).signed_by(identity.credentials).encode()


def check_seizure(data: bytes, identity: HostIdentity, camera: str) -> SignedSeizure:
    """A seizure that was signed elsewhere, for this camera. Raises `DocumentError`."""
    trust = Trust(lab=identity.lab, denied=identity.deny_lists)
    try:
        return verify_seizure(data, identity.anchors, trust, camera=camera, last_utc_s=-1)
    except DocumentRefused as refused:
        advice = _DELIVERING.get(refused.check, SIGN_AGAIN)
        raise document_error(refused, advice, what="the seizure") from refused
