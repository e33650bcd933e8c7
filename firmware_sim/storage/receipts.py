"""Receipts that a camera keeps beside a recording (spec: Receipts and erasing)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from firmware_sim.flash.flash import StateError
from firmware_sim.state.kept_values import U32_MAX, part_of, whole
from firmware_sim.storage.release import ReceiptFacts

if TYPE_CHECKING:
    from bwc_protocol.certificates.facts import CertificateFacts

RECEIPTS: Final = "receipts.json"
"""File beside the recording's manifest; absent while nothing was receipted."""


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt that was verified when it came; whose signer is still trusted is asked each time."""

    document: bytes = field(repr=False)
    kept_at_min: int
    receipt: Receipt
    sha256: bytes
    signer: CertificateFacts

    @classmethod
    def of(cls, document: bytes, kept_at_min: int) -> Self:
        """Raises `StateError` for bytes that are no receipt."""
        from bwc_protocol.certificates.facts import MalformedCertificate, read_certificate
        from bwc_protocol.evidence import EvidenceError, sign1

        try:
            signed = SignedDocument.decode(document)
            receipt = Receipt.decode(signed.payload)
            signer = read_certificate(sign1.decode(signed.signatures[0]).chain[0])
        except (DocumentRefused, EvidenceError, MalformedCertificate, IndexError) as error:
            raise StateError(f"{RECEIPTS} is damaged: {error}") from error
        return cls(document, kept_at_min, receipt, signed.sha256, signer)

    @property
    def facts(self) -> ReceiptFacts:
        """What the rule of release needs of it."""
        return ReceiptFacts(self.receipt.destination, self.receipt.annotations_sha256, self.kept_at_min)


def counting(
    receipts: tuple[KeptReceipt, ...],
    annotations_sha256: bytes,
    denies: Callable[[CertificateFacts], object] | None,
) -> dict[str, KeptReceipt]:
    """Those that count for what a recording is now, one for each destination: the one that was kept first."""
    found: dict[str, KeptReceipt] = {}
    for one in receipts:
        if one.receipt.annotations_sha256 == annotations_sha256 and not (denies and denies(one.signer)):
            found.setdefault(one.receipt.destination, one)
    return found


def to_plain(receipts: tuple[KeptReceipt, ...]) -> list[dict[str, Any]]:
    """Ready for JSON."""
    return [
        {"receipt": base64.b64encode(one.document).decode(), "kept_at_min": one.kept_at_min}
        for one in receipts
    ]


def of_plain(kept: object) -> tuple[KeptReceipt, ...]:
    """What `to_plain` gave. Raises `StateError`, `KeyError`, `TypeError`."""
    if not isinstance(kept, list):
        raise StateError(f"{RECEIPTS} is damaged: not a list")
    return tuple(_receipt(one) for one in kept)


def _receipt(kept: object) -> KeptReceipt:
    found = part_of(kept, "a receipt", ("receipt", "kept_at_min"))
    return KeptReceipt.of(document_of(found["receipt"], RECEIPT_MAX), whole(found, "kept_at_min", 0, U32_MAX))


def document_of(value: object, most: int) -> bytes:
    """A signed document that was kept as base64. Raises `StateError`."""
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        data = b""
    if not 0 < len(data) <= most:
        raise StateError(f"what was kept is no document of at most {most} bytes")
    return data
