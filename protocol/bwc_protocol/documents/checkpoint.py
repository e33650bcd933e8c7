"""A checkpoint: how far a chain of custody records had come, signed by the host that writes it (spec: Custody chain).

A chain shows what was changed in its midst, and not what was cut off at its end. Whoever holds a checkpoint, or a time
stamp of one, can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX
from bwc_protocol.documents.refusal import DocumentCheck, require
from bwc_protocol.documents.signed_document import (
    DOCUMENT_VERSION,
    UTC_S,
    Document,
    SignedDocument,
    require_validity,
)
from bwc_protocol.evidence import DIGEST_SIZE, NO_SHA256, EvidenceError
from bwc_protocol.evidence.record import Blob, Int, Literal, Name, Text, keyed

CHECKPOINT_MAX: Final = 8_192
"""Bytes of a document: a payload of at most 300 bytes, and a signature."""
CHAIN_MAX: Final = 64
"""Characters of a chain's name."""
_U64: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(Document):
    """One moment of one chain."""

    label: ClassVar[str] = "checkpoint"
    size_max: ClassVar[int] = CHECKPOINT_MAX
    signatures: ClassVar[int] = 1

    document: str = field(
        default="bwc-checkpoint", metadata=keyed(0, Literal("bwc-checkpoint"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    chain: str = field(metadata=keyed(3, Name(CHAIN_MAX), "name of the chain: one for each writing host"))
    records: int = field(metadata=keyed(4, Int(1, _U64), "records that the chain has"))
    head_sha256: bytes = field(metadata=keyed(5, Blob(DIGEST_SIZE), "hash of the newest of them"))
    number: int = field(metadata=keyed(6, Int(1, _U64), "counts the checkpoints of this chain, from 1"))
    previous_sha256: bytes = field(
        metadata=keyed(7, Blob(DIGEST_SIZE), "SHA-256 of the checkpoint before; zeros before the first")
    )
    signed_utc_s: int = field(metadata=keyed(8, UTC_S, "when it was signed", unit="s"))

    def check_together(self) -> None:
        if (self.number == 1) != (self.previous_sha256 == NO_SHA256):
            raise EvidenceError("checkpoint-previous", "the first one has none before it, and no other")


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint, and whose it is."""

    checkpoint: Checkpoint
    signer: CertificateFacts
    sha256: bytes
    """Names it in the next one."""


def verify_checkpoint(data: bytes, roots: Sequence[bytes], trust: Trust) -> SignedCheckpoint:
    """The checkpoint of a document that a host signed, whichever its roles. Raises `DocumentRefused`."""
    document = SignedDocument.decode(data)
    Checkpoint.require_kind(document.payload)
    (signer,) = document.signers(roots, trust, count=1)  # before anything else of it is read
    found = Checkpoint.decode(document.payload)
    require(found.lab == trust.lab, DocumentCheck.LAB, "the document is of another lab, or of none")
    require_validity((signer, *document.issuers()), found.signed_utc_s)
    return SignedCheckpoint(found, signer, document.sha256)
