"""A document with its signatures: what is kept in a file and carried to devices (spec: Signed documents).

Whoever carries one need not understand it, and can change nothing in it. It is named by the hash of its payload.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from bwc_protocol.certificates.checks import PeerRefused, Trust, check_peer
from bwc_protocol.certificates.facts import CertificateFacts, read_certificate
from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.evidence import EvidenceError, cbor, sign1
from bwc_protocol.evidence.record import Int, Literal, Record

DOCUMENT_VERSION: Final = 1
"""Raised only when an older reader would misread."""
SIGNATURES_MAX: Final = 2
"""Signatures of a document: what one person must not do alone takes two."""
FRAME_MAX: Final = 16
"""Bytes around payload and signatures."""
DOCUMENT_MAX: Final = 262_144
"""Bytes of the longest document, a deny list."""
UTC_S: Final = Int(0, FOREVER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Record):
    """What is common to the payloads: each says first what it is, so that none is taken for another."""

    size_max: ClassVar[int]
    """Bytes of a document of this kind, with all its signatures."""
    signatures: ClassVar[int]
    """How many signatures it takes."""
    closed: ClassVar[bool] = True

    def encode(self) -> bytes:
        """The payload's one encoding. Raises `EvidenceError` if it is too long."""
        payload, most = cbor.encode(self.to_map()), self.payload_max()
        if len(payload) > most:
            raise EvidenceError(f"{self.label}-size", f"{len(payload)} bytes, more than {most}")
        return payload

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """The document of a payload. Raises `DocumentRefused`; nothing of it is verified."""
        most = cls.payload_max()
        require(
            len(payload) <= most,
            DocumentCheck.FORM,
            f"{len(payload)} bytes are more than the {most} of a {cls.label}",
        )
        try:
            cls.require_kind(payload)
            return cls.from_map(cbor.decode(payload))
        except EvidenceError as error:
            raise DocumentRefused(DocumentCheck.FORM, str(error)) from error

    @classmethod
    def require_kind(cls, payload: bytes) -> None:
        """Whether a payload says first that it is of this kind; no more of it is read. Raises `DocumentRefused`.

        So a signature can be verified before anything else of what it covers is looked at.
        """
        stated = cbor.encode(0) + cbor.encode(cls.kind_name())
        if payload[:1] not in _MAPS or not payload.startswith(stated, 1):
            raise DocumentRefused(DocumentCheck.KIND, f"it is {_shown(payload)}, not a {cls.label}")

    @classmethod
    def payload_max(cls) -> int:
        """Bytes of an encoded payload: what the signatures, at their largest, leave of a document."""
        return cls.size_max - cls.signatures * sign1.SIGN1_MAX - FRAME_MAX

    @classmethod
    def kind_name(cls) -> str:
        """What the payload says that it is, under key 0."""
        kind = cls.keys()["document"].kind
        assert isinstance(kind, Literal)
        return kind.text


_MAPS: Final = frozenset(bytes([0xA0 | count]) for count in range(24))
"""First bytes of maps that have fewer than 24 keys, as all documents have."""


def _shown(payload: bytes) -> str:
    """What a payload says that it is, as far as that can be seen at its beginning."""
    try:
        stated = cbor.decode(payload[2 : cbor.item_end(payload, 2)])
    except EvidenceError:
        return "none of ours"
    return stated if isinstance(stated, str) and stated.isprintable() and len(stated) < 40 else "none of ours"


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """A payload and the signatures over it."""

    payload: bytes
    signatures: tuple[bytes, ...] = field(default=())

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the payload: names the document in logs and answers, whatever its signatures."""
        return hashlib.sha256(self.payload).digest()

    def signed_by(self, signer: sign1.Signer) -> Self:
        """The document with one signature more."""
        if len(self.signatures) >= SIGNATURES_MAX:
            raise ValueError(f"a document has at most {SIGNATURES_MAX} signatures")
        return dataclasses.replace(self, signatures=(*self.signatures, sign1.sign(self.payload, signer)))

    def encode(self) -> bytes:
        """The bytes of the document."""
        return cbor.encode([self.payload, list(self.signatures)])

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The document of bytes from anywhere. Raises `DocumentRefused`; nothing of it is verified."""
        require(
            len(data) <= DOCUMENT_MAX, DocumentCheck.FORM, f"{len(data)} bytes are more than {DOCUMENT_MAX}"
        )
        try:
            beside = len(data) - cbor.item_end(data, 1)
            if beside > SIGNATURES_MAX * sign1.SIGN1_MAX + FRAME_MAX:
                raise DocumentRefused(DocumentCheck.FORM, f"{beside} bytes beside the payload are too many")
            content = cbor.decode(data)
        except EvidenceError as error:
            raise DocumentRefused(DocumentCheck.FORM, str(error)) from error
        match content:
            case [bytes() as payload, [*signatures]] if all(type(one) is bytes for one in signatures):
                pass
            case _:
                raise DocumentRefused(DocumentCheck.FORM, "not [payload, [signatures]]")
        require(
            len(signatures) <= SIGNATURES_MAX,
            DocumentCheck.FORM,
            f"{len(signatures)} signatures are more than {SIGNATURES_MAX}",
        )
        return cls(payload, tuple(signatures))

    def signers(self, roots: Sequence[bytes], trust: Trust, *, count: int) -> tuple[CertificateFacts, ...]:
        """Who signed: `count` hosts, each by a chain to one of the roots, each passing the checks of `trust`.

        Raises `DocumentRefused`.
        """
        self._counted(count)
        found = []
        for signature in self.signatures:
            with as_refusal():
                facts = sign1.verify(self.payload, signature, roots, lab=trust.lab)
            try:
                check_peer(facts, trust)
            except PeerRefused as refused:
                raise DocumentRefused(
                    DocumentCheck.SIGNER, f"{facts.name}: {refused.check}: {refused.detail}"
                ) from refused
            found.append(facts)
        return tuple(found)

    def issuers(self) -> tuple[CertificateFacts, ...]:
        """The CAs that issued the signers' certificates, once those are verified. Raises `DocumentRefused`."""
        with as_refusal():
            return tuple(read_certificate(sign1.decode(one).chain[1]) for one in self.signatures)

    def root(self, roots: Sequence[bytes], *, lab: str) -> CertificateFacts:
        """Which of the roots signed it, alone. Raises `DocumentRefused`."""
        self._counted(1)
        with as_refusal():
            return sign1.verify_by_root(self.payload, self.signatures[0], roots, lab=lab)

    def _counted(self, count: int) -> None:
        if len(self.signatures) != count:
            needed = "one signature" if count == 1 else f"{count} signatures"
            raise DocumentRefused(
                DocumentCheck.SIGNATURE, f"it takes {needed}, and there are {len(self.signatures)}"
            )


def require_validity(certificates: Sequence[CertificateFacts], signed_utc_s: int) -> None:
    """Each of these, of signers and of the CAs that issued them, has to have been valid when the document says that it
    was signed.

    No clock is asked: a device may have none, and a document does not lose its worth with its signer's certificate.
    Raises `DocumentRefused`.
    """
    for facts in certificates:
        require(
            facts.not_before_s <= signed_utc_s <= facts.not_after_s,
            DocumentCheck.TIME,
            f"{facts.name}: the certificate was not valid when the document says that it was signed",
        )


_CHECKS: Final = {f"sign1-{check}": check for check in (DocumentCheck.SIGNATURE, DocumentCheck.LAB)}


@contextlib.contextmanager
def as_refusal() -> Iterator[None]:
    """What is wrong with a signature, by the check that it belongs to."""
    try:
        yield
    except EvidenceError as error:
        malformed = error.rule.startswith("cbor-") or error.rule in (
            "sign1-form",
            "sign1-size",
            "sign1-header",
        )
        check = DocumentCheck.FORM if malformed else _CHECKS.get(error.rule, DocumentCheck.CHAIN)
        raise DocumentRefused(check, error.detail) from error
