"""Orders: what one person must not do to a device alone (spec: Orders).

An order is made against one device at one moment: it names the nonce that the device gave for it, and the newest
recording that the device had. Two people sign it, and anybody may carry it to the device: what counts is who signed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import AGENCY_MAX, LAB_MAX
from bwc_protocol.declare import Role, Unknown
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import (
    DOCUMENT_VERSION,
    UTC_S,
    Document,
    SignedDocument,
    require_validity,
)
from bwc_protocol.evidence import DIGEST_SIZE, EvidenceError
from bwc_protocol.evidence.record import Blob, Choice, Int, Literal, OneOf, Record, Text, keyed
from bwc_protocol.evidence.vocabulary import CAMERA_MAX
from bwc_protocol.vocabulary import PeerKind
from bwc_protocol.word import label

ORDER_MAX: Final = 10_240
"""Bytes of a document: a payload, of which the largest of today has 300 bytes, and two signatures."""
NONCE_SIZE: Final = 16
"""Random bytes of a nonce: nobody gets the same twice, nor guesses one."""
NONCE_S: Final = 7 * 86_400
"""How long a nonce holds: an order is signed by people who may be elsewhere."""
SIGNERS: Final = 2
ORDERING: Final = Role.TECHNICIAN | Role.RECORDS
"""Roles that may sign an order."""
_I64: Final = Int(-(1 << 63), (1 << 63) - 1)
_U32: Final = Int(0, 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Record):
    """The device leaves the agency: footage, keys and certificate go, and it waits for another agency."""

    label: ClassVar[str] = "transfer"
    closed: ClassVar[bool] = True

    loses_held: int = field(
        default=0, metadata=keyed(0, _U32, "so many recordings that are held may be lost by it")
    )
    loses_undelivered: int = field(
        default=0, metadata=keyed(1, _U32, "so many recordings without a receipt may be lost by it")
    )
    to_agency: str = field(default="", metadata=keyed(2, Text(AGENCY_MAX), "who gets it, for the record"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decommission(Record):
    """The device goes out of service for ever: footage, keys and certificate go, and nobody enrols it again."""

    label: ClassVar[str] = "decommission"
    closed: ClassVar[bool] = True

    loses_held: int = field(
        default=0, metadata=keyed(0, _U32, "so many recordings that are held may be lost by it")
    )
    loses_undelivered: int = field(
        default=0, metadata=keyed(1, _U32, "so many recordings without a receipt may be lost by it")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStep(Record):
    """The clock is moved further than `clock.set` may move it: a clock that is wrong by years is mended so."""

    label: ClassVar[str] = "clock-step"
    closed: ClassVar[bool] = True

    step_ns: int = field(metadata=keyed(0, _I64, "what is added to the device's time", unit="ns"))
    uncertainty_ms: int = field(metadata=keyed(1, _U32, "bound of the error of that step", unit="ms"))
    revision: int = field(metadata=keyed(2, _U32, "sets of the clock, when the step was measured"))

    def check_together(self) -> None:
        if self.step_ns == 0:
            raise EvidenceError("clock-step-step-ns", "a step of nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanitise(Record):
    """All footage goes, with a tombstone for each recording; keys, identity and settings stay."""

    label: ClassVar[str] = "sanitise"
    closed: ClassVar[bool] = True

    loses_held: int = field(
        default=0, metadata=keyed(0, _U32, "so many recordings that are held may be lost by it")
    )
    loses_undelivered: int = field(
        default=0, metadata=keyed(1, _U32, "so many recordings without a receipt may be lost by it")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSeizure(Record):
    """A camera that was seized for a case is in service again."""

    label: ClassVar[str] = "end-seizure"
    closed: ClassVar[bool] = True

    case: str = field(metadata=keyed(0, Text(64, min=1), "case that it was seized for"))


Terms = Transfer | Decommission | ClockStep | Sanitise | EndSeizure
ACTIONS: Final[dict[int, type[Record]]] = {
    1: Transfer,
    2: Decommission,
    3: ClockStep,
    4: Sanitise,
    5: EndSeizure,
}
"""What can be ordered. Numbers are only added; a device refuses one that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Document):
    """What is to be done to one device, once."""

    label: ClassVar[str] = "order"
    size_max: ClassVar[int] = ORDER_MAX
    signatures: ClassVar[int] = SIGNERS

    document: str = field(default="bwc-order", metadata=keyed(0, Literal("bwc-order"), "what this is"))
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    device: str = field(metadata=keyed(3, Text(CAMERA_MAX, min=1), "identity of the device"))
    kind: PeerKind | Unknown = field(metadata=keyed(4, Choice(PeerKind), "what the device is"))
    nonce: bytes = field(metadata=keyed(5, Blob(NONCE_SIZE), "what the device gave for this order"))
    chain_head_sha256: bytes = field(
        metadata=keyed(6, Blob(DIGEST_SIZE), "SHA-256 of the device's newest manifest; zeros without one")
    )
    signed_utc_s: int = field(metadata=keyed(7, UTC_S, "when it was made", unit="s"))
    terms: Terms = field(metadata=keyed(8, OneOf(ACTIONS), "what is ordered"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a device is when an order comes: what the order has to name."""

    device: str
    kind: PeerKind
    nonce: bytes | None
    """The nonce that it gave last; None when it gave none, used it, or it ran out."""
    chain_head_sha256: bytes
    held: int = 0
    """Recordings that are held."""
    undelivered: int = 0
    """Recordings without a receipt for what they are now."""
    clock_revision: int = 0
    case: str = ""
    """That it is seized for."""


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order that is to be carried out, and whose it is."""

    order: Order
    signers: tuple[CertificateFacts, ...]
    sha256: bytes
    """Names the order in the log."""


def verify_order(data: bytes, roots: Sequence[bytes], trust: Trust, situation: Situation) -> SignedOrder:
    """The order of a document, to be carried out now: signed by two people who may, for this device as it is.

    Whoever carries it out forgets the nonce first. Raises `DocumentRefused`.
    """
    found = verify_signatures(data, roots, trust)
    _check_situation(found.order, situation)
    return found


def verify_signatures(data: bytes, roots: Sequence[bytes], trust: Trust) -> SignedOrder:
    """The order of a document that two people signed who may; whether a device is as it says is asked elsewhere.

    Raises `DocumentRefused`.
    """
    document = SignedDocument.decode(data)
    Order.require_kind(document.payload)
    signers = document.signers(roots, trust, count=SIGNERS)  # before anything else of it is read
    order = Order.decode(document.payload)
    require(order.lab == trust.lab, DocumentCheck.LAB, "the order is of another lab, or of none")
    check_signers(order, signers)
    require_validity((*signers, *document.issuers()), order.signed_utc_s)
    return SignedOrder(order, signers, document.sha256)


def check_signers(order: Order, signers: Sequence[CertificateFacts]) -> None:
    """Whether these people may sign this order together. Raises `DocumentRefused`.

    Asked of one person alone it says whether he or she may be one of the two.
    """
    for facts in signers:
        require(
            bool(facts.roles & ORDERING),
            DocumentCheck.ROLE,
            f"{facts.name} has {facts.roles}; an order takes {' or '.join(map(label, ORDERING))}",
        )
    if len(signers) < SIGNERS:
        return
    names, keys = {subject_of(facts) for facts in signers}, {facts.key_sha256 for facts in signers}
    require(
        len(names) == len(keys) == len(signers),
        DocumentCheck.SUBJECTS,
        f"both signatures are of {signers[0].name}; an order takes two people",
    )
    require(
        not loses_footage(order.terms) or any(Role.RECORDS in facts.roles for facts in signers),
        DocumentCheck.ROLE,
        f"an order that may lose footage takes a signature under {Role.RECORDS}",
    )


def subject_of(facts: CertificateFacts) -> str:
    """Whom a certificate names, however the name is written: two spellings of one name are one person."""
    return " ".join(unicodedata.normalize("NFKC", facts.name).casefold().split())


def loses_footage(terms: Terms) -> bool:
    """Whether it says that recordings may be lost that are held or have no receipt."""
    match terms:
        case Transfer() | Decommission() | Sanitise():
            return terms.loses_held > 0 or terms.loses_undelivered > 0
        case ClockStep() | EndSeizure():
            return False


def _check_situation(order: Order, situation: Situation) -> None:
    require(
        (order.device, order.kind) == (situation.device, situation.kind),
        DocumentCheck.DEVICE,
        f"the order is for {order.device}, this is {situation.device}",
    )
    require(
        situation.nonce is not None and order.nonce == situation.nonce,
        DocumentCheck.NONCE,
        "its nonce was used, has run out, or was never this device's: make the order again",
    )
    match order.terms:
        case Transfer() | Decommission() | Sanitise() as terms:
            require(
                order.chain_head_sha256 == situation.chain_head_sha256,
                DocumentCheck.CHAIN_HEAD,
                "a recording was closed since the order was made: make it again",
            )
            for count, may, what in (
                (situation.held, terms.loses_held, "are held"),
                (situation.undelivered, terms.loses_undelivered, "have no receipt"),
            ):
                require(
                    count <= may,
                    DocumentCheck.FOOTAGE,
                    f"{count} recordings {what}, and the order says that {may} may be lost",
                )
        case ClockStep() as terms:
            require(
                terms.revision == situation.clock_revision,
                DocumentCheck.REVISION,
                "the clock was set since the step was measured: make the order again",
            )
        case EndSeizure() as terms:
            require(
                terms.case == situation.case,
                DocumentCheck.REVISION,
                f"it ends a seizure for {terms.case!r}, and there is "
                + (f"one for {situation.case!r}" if situation.case else "none"),
            )
