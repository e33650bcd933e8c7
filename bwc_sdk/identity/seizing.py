"""Seizures as this host signs them (spec: Seizures)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.facts import read_certificate
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.seizure import Seizure, check_seizer
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
