"""The signature beside a report that a program wrote as JSON: over exactly the bytes of its file.

No document of an agency can be made of such a signature: those begin as a CBOR map, and a report with a brace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bwc_protocol.certificates.checks import PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import require_validity
from bwc_protocol.evidence import EvidenceError, sign1
from bwc_sdk.errors import DocumentError
from bwc_sdk.identity.document_files import document_error

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity

_ANOTHER = "was it signed by another agency or lab? --identity DIR or --lab names whom to believe"


def sign_report(data: bytes, identity: HostIdentity) -> bytes:
    """A detached signature over the bytes of a report (COSE_Sign1, ES256)."""
    return sign1.sign(data, identity.credentials)


def verify_report(
    data: bytes, signature: bytes, made_s: int, believed: HostIdentity, *, roles: Role, advice: str
) -> CertificateFacts:
    """Who signed a report that says it was made at `made_s` (UTC, s).

    Raises `DocumentError` unless it was somebody with one of the `roles`, of the agency or lab that `believed` trusts,
    whose certificate was valid then; `advice` says how such a report is made.
    """
    try:
        signer = sign1.verify(data, signature, believed.anchors, lab=believed.lab)
        check_peer(signer, Trust(lab=believed.lab, denied=believed.deny_lists))
        issuer = read_certificate(sign1.decode(signature).chain[1])
        require_validity((signer, issuer), made_s)
    except EvidenceError as error:
        changed = error.rule == "sign1-signature"
        raise DocumentError(
            f"the signature does not hold: {error}",
            check=DocumentCheck.SIGNATURE if changed else DocumentCheck.CHAIN,
            advice=f"the report was changed after it was signed: {advice}" if changed else _ANOTHER,
        ) from error
    except PeerRefused as refused:
        raise DocumentError(
            f"whoever signed it does not count: {refused.check}: {refused.detail}",
            check=DocumentCheck.SIGNER,
            advice=_ANOTHER,
        ) from refused
    except DocumentRefused as refused:
        valid = f"{advice}, by somebody whose certificate is valid"
        raise document_error(refused, valid, what="the report") from refused
    if not signer.roles & roles:
        raise DocumentError(
            f"{signer.name} has {signer.roles}, and signs no report of this kind",
            check=DocumentCheck.ROLE,
            advice=advice,
        )
    return signer
