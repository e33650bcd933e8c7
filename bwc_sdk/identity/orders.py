"""Orders as this host has them: signed by its identities, and looked at before a device is asked (spec: Orders).

What a device is asked for is in `bwc_sdk.clients.order_making`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import (
    CertificateFacts,
    MalformedCertificate,
    lab_in_words,
    read_certificate,
)
from bwc_protocol.documents.order import (
    ORDERING,
    SIGNERS,
    Order,
    SignedOrder,
    check_signers,
    loses_footage,
    verify_signatures,
)
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument, require_validity
from bwc_protocol.evidence import EvidenceError, sign1
from bwc_protocol.word import label
from bwc_sdk.errors import DocumentError
from bwc_sdk.identity.document_files import document_error

if TYPE_CHECKING:
    from bwc_sdk.identity.host_identity import HostIdentity

WHO_SIGNS: Final = " or ".join(label(role) for role in ORDERING)
MAKE_AGAIN: Final = "have it made again: 'bwc order make'"
_ADVICE: Final[dict[DocumentCheck, str]] = {
    DocumentCheck.FORM: f"is this the right file? Otherwise {MAKE_AGAIN}",
    DocumentCheck.KIND: "is this the right file? An order is what 'bwc order make' writes",
    DocumentCheck.CHAIN: "it was signed by people of another agency than this identity's; --identity names another one",
    DocumentCheck.SIGNATURE: f"something was changed in it: {MAKE_AGAIN}",
    DocumentCheck.LAB: "a lab's orders are for its own devices alone: sign and run it by an identity of that lab",
    DocumentCheck.SIGNER: f"somebody signed it whose certificate does not count any more: {MAKE_AGAIN}",
    DocumentCheck.ROLE: "technicians and the records section sign orders; one that may lose footage takes the records "
    "section, too: 'bwc order sign --role records'",
    DocumentCheck.SUBJECTS: "have another person sign it, under a name and a key of his or her own",
    DocumentCheck.TIME: f"the order is older than a signer's certificate, or younger than its end: {MAKE_AGAIN}",
}
"""What to do when an order is refused here, before any device is asked."""


def read_order(data: bytes) -> tuple[Order, SignedDocument]:
    """What an order says, and the document that it stands in; no signature is verified. Raises `DocumentError`."""
    try:
        document = SignedDocument.decode(data)
        return Order.decode(document.payload), document
    except DocumentRefused as refused:
        raise document_error(refused, _ADVICE[refused.check], what="the order") from refused


def stated_signers(document: SignedDocument) -> tuple[CertificateFacts, ...]:
    """Who is said to have signed; nothing of it is verified. Raises `DocumentError`."""
    try:
        return tuple(read_certificate(sign1.decode(one).chain[0]) for one in document.signatures)
    except (EvidenceError, MalformedCertificate) as error:
        raise DocumentError(
            f"a signature of the order cannot be read: {error}",
            check=DocumentCheck.FORM,
            advice=_ADVICE[DocumentCheck.FORM],
        ) from error


def sign_order(data: bytes, identity: HostIdentity, utc_s: int) -> bytes:
    """The order with one signature more, by `identity`.

    Refused for whoever may not sign it, or not as the second: what is signed here, a device takes as far as the
    signatures go. Raises `DocumentError`, `IdentityError`.
    """
    order, document = read_order(data)
    own = identity.certificate
    if len(document.signatures) >= SIGNERS:
        names = " and ".join(facts.name for facts in stated_signers(document))
        raise DocumentError(f"the order is signed by {names}", advice="it is complete: 'bwc order run'")
    if order.lab != identity.lab:
        mine, its = lab_in_words(identity.lab), lab_in_words(order.lab)
        raise DocumentError(
            f"the order is of {its}, {own.name!r} of {mine}",
            check=DocumentCheck.LAB,
            advice=_ADVICE[DocumentCheck.LAB],
        )
    try:
        before = document.signers(identity.anchors, _trust(identity), count=len(document.signatures))
        check_signers(order, (*before, own))
        shown = tuple(map(read_certificate, identity.credentials.chain))
        require_validity((*before, *document.issuers(), *shown), order.signed_utc_s)
        require_validity(shown, utc_s)
    except DocumentRefused as refused:
        raise document_error(refused, _ADVICE[refused.check], what="the order") from refused
    return document.signed_by(identity.credentials).encode()


def check_order(data: bytes, identity: HostIdentity, device: str) -> SignedOrder:
    """An order that is complete, as far as can be told without the device. Raises `DocumentError`."""
    order, document = read_order(data)
    missing = SIGNERS - len(document.signatures)
    if missing > 0:
        count = "one signature" if missing == 1 else f"{missing} signatures"
        raise DocumentError(
            f"the order lacks {count}",
            check=DocumentCheck.SIGNATURE,
            advice=f"'bwc order sign' adds one, under {WHO_SIGNS}; it takes two people",
        )
    if order.device != device:
        raise DocumentError(
            f"the order is for {order.device!r}, this is {device!r}",
            check=DocumentCheck.DEVICE,
            advice="name the device that it is for: 'bwc info' says who is at a URI",
        )
    try:
        return verify_signatures(data, identity.anchors, _trust(identity))
    except DocumentRefused as refused:
        raise document_error(refused, _ADVICE[refused.check], what="the order") from refused


def what_is_missing(order: Order, signers: tuple[CertificateFacts, ...]) -> str:
    """What an order still takes, for people; "" when it is complete."""
    if len(signers) >= SIGNERS:
        return ""
    from bwc_protocol.declare import Role

    needs_records = loses_footage(order.terms) and not any(Role.RECORDS in facts.roles for facts in signers)
    if not signers:
        return "two signatures" + (f", one of them under {Role.RECORDS}" if needs_records else "")
    return f"one signature, under {Role.RECORDS if needs_records else WHO_SIGNS}, by somebody else"


def _trust(identity: HostIdentity) -> Trust:
    return Trust(lab=identity.lab, denied=identity.deny_lists)
