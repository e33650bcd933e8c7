"""Documents of policies that an auditor signs, waivers and summaries: how each is signed, and read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, Self, TypeVar

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.declare import Role
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.documents.signed_document import SignedDocument, require_validity
from bwc_protocol.evidence import EvidenceError
from bwc_sdk.errors import InvalidValue
from bwc_sdk.identity.document_files import document_error
from bwc_sdk.identity.host_identity import HostIdentity

SIGNED_BY: Final = Role.AUDITOR
"""Whoever looks and changes nothing: not the technician who would have to do what is told or waived."""


NOBODY_BELIEVED: Final = (
    "nobody is believed here who could have signed it: --root names whose signatures count, --lab a lab's"
)
LAB: Final = "LAB, for trying out: a lab signed"
"""Begins the headline of what rests on a lab's signature: nobody is to take it for an agency's."""


def signer_text(name: str, lab: str) -> str:
    """Who signed, for people: a lab's is never taken for an agency's."""
    return f"{name} (LAB)" if lab else name


class Paper(Protocol):
    """A document that an auditor signs."""

    @property
    def lab(self) -> str:
        """Id of the lab that it is of; of an agency empty."""

    @property
    def signed_utc_s(self) -> int:
        """When it was signed."""

    def encode(self) -> bytes:
        """As it is signed."""

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The document of a payload. Raises `DocumentRefused`."""

    @classmethod
    def require_kind(cls, payload: bytes) -> None:
        """Raises `DocumentRefused` for another kind of document."""


P = TypeVar("P", bound=Paper)


def sign(identity: HostIdentity, make: Callable[[], Paper], *, what: str) -> bytes:
    """What `make` makes, signed by an auditor. Raises `InvalidValue`, `DocumentError`, `IdentityError`."""
    try:
        paper = make()
        payload = paper.encode()
    except EvidenceError as error:
        raise InvalidValue(f"that is no {what}: {error}") from error
    try:
        _check_signer(identity.certificate, what)
        require_validity(tuple(map(read_certificate, identity.credentials.chain)), paper.signed_utc_s)
    except DocumentRefused as refused:
        advice = "sign by an identity that has the role auditor: --identity names its key files"
        raise document_error(refused, advice, what=f"the {what}") from refused
    return SignedDocument(payload).signed_by(identity.credentials).encode()


def read(
    data: bytes, kind: type[P], roots: Sequence[bytes], trust: Trust, *, what: str
) -> tuple[P, CertificateFacts, SignedDocument]:
    """The document, and who signed it. Raises `DocumentRefused`."""
    document = SignedDocument.decode(data)
    kind.require_kind(document.payload)
    (signer,) = document.signers(roots, trust, count=1)  # before anything else of it is read
    found = kind.decode(document.payload)
    require(found.lab == trust.lab, DocumentCheck.LAB, f"the {what} is of another lab, or of none")
    _check_signer(signer, what)
    require_validity((signer, *document.issuers()), found.signed_utc_s)
    return found, signer, document


def _check_signer(signer: CertificateFacts, what: str) -> None:
    require(
        SIGNED_BY in signer.roles,
        DocumentCheck.ROLE,
        f"{signer.name} has {signer.roles}; a {what} is signed under {SIGNED_BY}",
    )
