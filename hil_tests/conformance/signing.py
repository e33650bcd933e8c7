"""The signature beside a report: of the bench that ran it, over exactly the bytes of `conformance.json`.

No document of an agency can be made of such a signature: those begin as a CBOR map, and a report with a brace.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

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

SIGNING: Final = Role.BENCH | Role.AUDITOR
"""Who may sign a report: what a bench connects as. One before a device in service has the second alone."""
_ANOTHER: Final = (
    "was it signed by another bench's agency or lab? --identity DIR or --lab names whom to believe"
)


def sign(data: bytes, identity: HostIdentity) -> bytes:
    """A detached signature over the bytes of a report."""
    return sign1.sign(data, identity.credentials)


def verify(data: bytes, signature: bytes, started_utc: str, believed: HostIdentity) -> CertificateFacts:
    """Who signed a report. Raises `DocumentError` unless it was a bench of the agency or lab that `believed` trusts."""
    try:
        signer = sign1.verify(data, signature, believed.anchors, lab=believed.lab)
        check_peer(signer, Trust(lab=believed.lab, denied=believed.deny_lists))
        issuer = read_certificate(sign1.decode(signature).chain[1])
        require_validity((signer, issuer), int(datetime.fromisoformat(started_utc).timestamp()))
    except EvidenceError as error:
        changed = error.rule == "sign1-signature"
        raise DocumentError(
            f"the signature does not hold: {error}",
            check=DocumentCheck.SIGNATURE if changed else DocumentCheck.CHAIN,
            advice="the report was changed after it was signed: run it again" if changed else _ANOTHER,
        ) from error
    except PeerRefused as refused:
        raise DocumentError(
            f"whoever signed it does not count: {refused.check}: {refused.detail}",
            check=DocumentCheck.SIGNER,
            advice=_ANOTHER,
        ) from refused
    except DocumentRefused as refused:
        raise document_error(
            refused, "have it run again by a bench whose certificate is valid", what="the report"
        ) from refused
    except ValueError as error:
        raise DocumentError(
            f"it does not say when it was made: {error}", advice="is this the right file?"
        ) from error
    if not signer.roles & SIGNING:
        raise DocumentError(
            f"{signer.name} has {signer.roles}, and signs no report",
            check=DocumentCheck.ROLE,
            advice="a bench signs under 'bench' or 'auditor': have the report made by one",
        )
    return signer
