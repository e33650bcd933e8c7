"""What a camera says of recordings that it erased, verified (spec: Tombstones)."""

from __future__ import annotations

from dataclasses import dataclass, field

from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.tombstone import Tombstone, read_tombstone, verify_tombstone
from bwc_protocol.evidence import NO_SHA256
from bwc_sdk.connection.connection import Connection
from bwc_sdk.errors import EvidenceMismatch


@dataclass(frozen=True, slots=True)
class ErasedRecording:
    """A recording that a camera erased, by its own signed word."""

    tombstone: Tombstone
    document: bytes = field(repr=False)
    """As the camera signed it: what is kept in a store."""


class TombstoneChain:
    """Takes tombstones as they come, and holds each against the one before, and against the camera."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._counter, self._previous = 0, NO_SHA256

    @property
    def counter(self) -> int:
        """Of the last one."""
        return self._counter

    def take(self, document: bytes) -> ErasedRecording:
        """The next one: signed by this camera where the session proves which that is. Raises `EvidenceMismatch`."""
        identity, peer = self._connection.identity, self._connection.peer
        certificate = peer.certificate if peer is not None else None
        which = f"tombstone {self._counter + 1}"
        try:
            if identity is None or peer is None or certificate is None:
                found = read_tombstone(document)
            else:
                found = verify_tombstone(
                    document, identity.anchors, lab=certificate.lab, camera=peer.identity
                )
        except DocumentRefused as refused:
            raise EvidenceMismatch(f"{which}: {refused}", device=self._connection.name) from refused
        tombstone = found.tombstone
        if (tombstone.counter, tombstone.previous_sha256) != (self._counter + 1, self._previous):
            raise EvidenceMismatch(f"{which} does not follow the one before", device=self._connection.name)
        self._counter, self._previous = tombstone.counter, found.sha256
        return ErasedRecording(tombstone, document)
