"""A final destination as far as cameras know it: it signs receipts, for what it has or for what it has not."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from bwc_protocol.declare import Role
from bwc_protocol.documents.receipt import Receipt
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.lab.agency import LabAgency

OBJECTS_SHA256 = bytes(range(0x60, 0x80))
"""Stands for the list of objects, which no camera reads."""
SIGNED_S = 1_800_000_000
"""When it signs: in 2027."""


class Listed(Protocol):
    """A recording as a listing has it."""

    @property
    def recording(self) -> bytes: ...
    @property
    def manifest_sha256(self) -> bytes: ...
    @property
    def annotations(self) -> int: ...
    @property
    def annotations_sha256(self) -> bytes: ...
    @property
    def size_bytes(self) -> int: ...


@dataclass(slots=True)
class DestinationSigner:
    """One of an agency or a lab, with a certificate of its own."""

    name: str
    lab: str
    signer: KeySigner = field(repr=False)
    counters: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @classmethod
    def of(
        cls, agency: LabAgency, name: str = "store-1", roles: Role = Role.DESTINATION
    ) -> DestinationSigner:
        """A new one of this agency."""
        made = agency.host(name, roles)
        return cls(name, agency.id, KeySigner(made.chain, made.key))

    def receipt(self, camera: str, listed: Listed, **changes: Any) -> bytes:
        """A signed receipt for a recording as it is listed, but for `changes`."""
        receipt = Receipt(
            lab=self.lab,
            camera=camera,
            recording_id=listed.recording,
            manifest_sha256=listed.manifest_sha256,
            annotations=listed.annotations,
            annotations_sha256=listed.annotations_sha256,
            size_bytes=listed.size_bytes,
            objects_sha256=OBJECTS_SHA256,
            destination=self.name,
            counter=next(self.counters),
            signed_utc_s=SIGNED_S,
        )
        return self.signed(dataclasses.replace(receipt, **changes))

    def signed(self, receipt: Receipt) -> bytes:
        """The document of a receipt."""
        return SignedDocument(receipt.encode()).signed_by(self.signer).encode()
