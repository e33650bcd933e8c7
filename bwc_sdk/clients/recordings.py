"""The recordings of a camera (spec: Recordings)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Final

from bwc_protocol import evidence
from bwc_protocol.declare import sends
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.evidence import Manifest
from bwc_protocol.messages import recordings
from bwc_protocol.messages.recordings import (
    Annotation,
    DeliverReceipt,
    EraseRecording,
    ListPage,
    ListRecordings,
    OpenSegment,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    ReadRelease,
    ReadTombstones,
    RecordingEntry,
    ReleaseState,
)
from bwc_sdk.clients.patience import Patience
from bwc_sdk.clients.tombstones import ErasedRecording, TombstoneChain
from bwc_sdk.connection.connection import Connection
from bwc_sdk.connection.older_device import needs
from bwc_sdk.connection.streams import IncomingStream, StreamSink
from bwc_sdk.errors import EvidenceMismatch, ProtocolViolation
from bwc_sdk.evidence.signed_manifest import SignedManifest

LISTING_MAX: Final = 1_000_000
"""Recordings that a listing may have: ten per hour for eleven years. A listing that goes on is a fault."""
ANNOTATIONS_MAX: Final = 65_535 + 64
"""Annotations that a recording may have: one page behind the last index at which a page can begin."""


class Recordings(recordings.Recordings):
    """The recordings: listing, manifests, chunk tables, stored bytes, annotations."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    @sends(ListRecordings)
    async def list(self) -> tuple[RecordingEntry, ...]:
        """All closed recordings, in the order of their sequence numbers. Raises `ProtocolViolation` for a
        listing that goes back, repeats or does not end."""
        return tuple([entry async for entry in self.iterate()])

    @sends(ListRecordings)
    async def iterate(self) -> AsyncIterator[RecordingEntry]:
        """The same, page by page as they come: for listings that are not to be held in memory."""
        async for page in self.pages():
            for entry in page.recordings:
                yield entry

    @sends(ListRecordings)
    async def pages(self) -> AsyncIterator[ListPage]:
        """The same as pages, each with the `total` that the camera states beside it. Raises `StreamStalled` for a
        listing that only trickles."""
        after, count = 0, 0
        patience = Patience("the listing", device=self._name)
        while True:
            page = await patience.wait_for(self.page(after=after), lambda page: len(page.recordings))
            for entry in page.recordings:
                count += 1
                if entry.sequence <= after or count > LISTING_MAX:
                    raise ProtocolViolation("a listing that goes back or never ends", device=self._name)
                after = entry.sequence
            yield page
            if not page.next:
                return
            if page.next != after or not page.recordings:
                raise ProtocolViolation("a listing whose cursor does not advance", device=self._name)

    @sends(ReadManifest)
    async def read_manifest(self, entry: RecordingEntry) -> Manifest:
        """The manifest, checked against the hash in the listing. Raises `EvidenceMismatch`."""
        return (await self.read_signed_manifest(entry)).manifest

    @sends(ReadManifest)
    async def read_signed_manifest(self, entry: RecordingEntry) -> SignedManifest:
        """The same with its bytes and the device's signature, of which nothing is verified: see `signed_by`. It is
        empty of a device before 1.2, and of development firmware."""
        reply = await self.manifest(recording=entry.recording)
        raw = reply.manifest
        if hashlib.sha256(raw).digest() != entry.manifest_sha256:
            rule = f"recording {entry.sequence}: the manifest is not the one that was listed"
            raise EvidenceMismatch(rule, device=self._name)
        try:
            return SignedManifest(Manifest.decode(raw), raw, reply.signature)
        except evidence.EvidenceError as error:
            raise EvidenceMismatch(str(error), device=self._name) from error

    @sends(OpenTable)
    async def read_table(self, entry: RecordingEntry, manifest: Manifest, segment: int) -> bytes:
        """A segment's chunk table (32 bytes a chunk), checked against the manifest."""
        facts = manifest.segments[segment]
        expected = hashlib.sha256().digest_size * evidence.chunk_count(facts.size_bytes, facts.chunk_size)
        request = OpenTable(recording=entry.recording, manifest_sha256=entry.manifest_sha256, segment=segment)
        table = await self._connection.read_stream(request, max_bytes=expected)
        if len(table) != expected or hashlib.sha256(table).digest() != facts.table_sha256:
            rule = f"recording {entry.sequence}, segment {segment}: the chunk table is not the manifest's"
            raise EvidenceMismatch(rule, device=self._name)
        return table

    @sends(OpenSegment)
    async def open(
        self, entry: RecordingEntry, segment: int, sink: StreamSink, *, offset: int = 0, length: int = 0
    ) -> IncomingStream:
        """Opens stored bytes of a segment from `offset`; `length` 0 = to the end. Nothing comes before `grant`."""
        request = OpenSegment(
            recording=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            segment=segment,
            offset=offset,
            length=length,
        )
        return await self._connection.open_stream(request, sink)

    @sends(ReadAnnotations)
    async def annotations_all(self, recording: bytes) -> tuple[Annotation, ...]:
        """Everything that was said of a recording since it was closed, oldest first."""
        return (await self._annotations(recording))[0]

    async def _annotations(self, recording: bytes) -> tuple[tuple[Annotation, ...], bytes]:
        """The same, with the device's signature over the head of them."""
        found: list[Annotation] = []
        start = 0
        while True:
            page = await self.annotations(recording=recording, start=start)
            found.extend(page.annotations)
            if not page.next:
                return tuple(found), page.signature
            if page.next <= start or len(found) > ANNOTATIONS_MAX:
                raise ProtocolViolation("annotations that never end", device=self._name)
            start = page.next

    @sends(ReadAnnotations)
    async def read_annotations(self, entry: RecordingEntry) -> tuple[Annotation, ...]:
        """The same of a listed recording, checked against count and head of the chain in the listing; what was said
        since comes with it. Raises `EvidenceMismatch`. A device before 1.2 states no head: nothing is checked."""
        return (await self._checked_annotations(entry))[0]

    @sends(ReadAnnotations)
    async def read_signed_annotations(self, entry: RecordingEntry) -> AnnotationFile | None:
        """The same as it is stored beside the footage, with the device's signature, of which nothing is verified: see
        `AnnotationFile.head`. None where nothing was said. Raises `EvidenceMismatch`."""
        said, signature = await self._checked_annotations(entry)
        if not said:
            return None
        peer = self._connection.peer
        assert peer is not None  # it has just answered
        try:
            return AnnotationFile.of(
                said,
                signature,
                camera=peer.identity,
                recording_id=entry.recording,
                manifest_sha256=entry.manifest_sha256,
            )
        except evidence.EvidenceError as error:
            raise EvidenceMismatch(str(error), device=self._name) from error

    async def _checked_annotations(self, entry: RecordingEntry) -> tuple[tuple[Annotation, ...], bytes]:
        found, signature = await self._annotations(entry.recording)
        listed = found[: entry.annotations]
        root = evidence.annotation_root(entry.manifest_sha256)
        if entry.annotations_sha256 != evidence.NO_SHA256 and (
            len(listed) != entry.annotations
            or evidence.annotation_head(root, listed) != entry.annotations_sha256
        ):
            rule = f"recording {entry.sequence}: the annotations are not those that were listed"
            raise EvidenceMismatch(rule, device=self._name)
        return found, signature

    @sends(DeliverReceipt)
    async def deliver_receipt(self, recording: bytes, receipt: bytes) -> ReleaseState:
        """Has the camera keep a receipt of a final destination; gives what the recording lacks then."""
        return await self.receipt(recording=recording, receipt=receipt)

    @sends(ReadRelease)
    async def release_state(self, recording: bytes) -> ReleaseState:
        """Whether a recording may be erased, and what it lacks."""
        return await self.release(recording=recording)

    @sends(EraseRecording)
    async def erase_entry(self, entry: RecordingEntry) -> None:
        """Erases a recording as it is listed: if more was said of it since, it stays. A camera that takes no receipts
        yet erases nothing: `NotInVersion`, and nothing is sent."""
        needs(DeliverReceipt, for_=EraseRecording, peer=self._connection.peer, device=self._name)
        await self.erase(
            recording=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            annotations_sha256=entry.annotations_sha256,
        )

    @sends(ReadTombstones)
    async def read_tombstones(self) -> tuple[ErasedRecording, ...]:
        """What the camera erased, in order: signed by this camera (where the session has certificates) and chained.

        Raises `EvidenceMismatch`.
        """
        chain = TombstoneChain(self._connection)
        found: list[ErasedRecording] = []
        patience = Patience("the tombstones", device=self._name)
        while True:
            page = await patience.wait_for(
                self.tombstones(after=chain.counter), lambda page: len(page.tombstones)
            )
            found.extend(chain.take(one.document) for one in page.tombstones)
            if len(found) > LISTING_MAX:
                raise ProtocolViolation("tombstones that never end", device=self._name)
            if not page.next:
                if len(found) < page.total:
                    raise EvidenceMismatch(
                        f"{page.total} tombstones are stated, and {len(found)} came", device=self._name
                    )
                return tuple(found)
            if page.next != chain.counter or not page.tombstones:
                raise ProtocolViolation("tombstones whose cursor does not advance", device=self._name)

    @property
    def _name(self) -> str:
        return self._connection.name
