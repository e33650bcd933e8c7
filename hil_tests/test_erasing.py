"""Receipts and erasing, on devices whose footage is expendable (spec: Receipts and erasing, Tombstones)."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from bwc_protocol.documents.receipt import Receipt
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import read_tombstone, verify_tombstone
from bwc_protocol.evidence.sign1 import Signer
from bwc_sdk import AuditKind, ErrorCode, Mark, RecordingEntry, Role
from bwc_sdk.sync import SyncCamera
from hil_tests.bench import Bench
from hil_tests.refusals import refused
from hil_tests.strangers import impostor

OBJECTS = bytes(range(32))
"""Stands for the list of objects, which no camera reads."""


class Erasable:
    """The newest recording that nobody holds, and a destination of the bench's agency."""

    def __init__(self, camera: SyncCamera, bench: Bench, entry: RecordingEntry) -> None:
        self.camera, self.bench, self._number = camera, bench, entry.sequence

    def entry(self) -> RecordingEntry:
        """As it is listed now."""
        return self.camera.recordings.page(after=self._number - 1, limit=1).recordings[0]

    def receipt(self, **changes: Any) -> bytes:
        """Of the bench's destination, for what the recording is now, but for `changes`."""
        identity = self.bench.identities.of(Role.DESTINATION)
        assert identity is not None
        return self.signed(identity.name, identity.credentials, **changes)

    def signed(self, name: str, signer: Signer, **changes: Any) -> bytes:
        """By whoever it is."""
        entry = self.entry()
        receipt = Receipt(
            lab=self.camera.peer.certificate.lab if self.camera.peer.certificate is not None else "",
            camera=self.camera.identity,
            recording_id=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            annotations=entry.annotations,
            annotations_sha256=entry.annotations_sha256,
            size_bytes=entry.size_bytes,
            objects_sha256=OBJECTS,
            destination=name,
            counter=1,
            signed_utc_s=int(time.time()),
        )
        payload = dataclasses.replace(receipt, **changes).encode()
        return SignedDocument(payload).signed_by(signer).encode()

    def deliver(self, document: bytes) -> bool:
        """Whether it is released then."""
        state = self.camera.recordings.receipt(recording=self.entry().recording, receipt=document)
        return state.released

    def erase(self, entry: RecordingEntry | None = None) -> None:
        """As it is listed now, or as it was."""
        entry = entry if entry is not None else self.entry()
        self.camera.recordings.erase(
            recording=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            annotations_sha256=entry.annotations_sha256,
        )

    def named(self) -> Any:
        """For annotations."""
        entry = self.entry()
        return {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}


@pytest.fixture
def erasable(camera: SyncCamera, bwc_bench: Bench) -> Erasable:
    free = [entry for entry in camera.recordings.list() if not entry.marks & Mark.HELD]
    if not free:
        pytest.skip("the device has no recording that nobody holds")
    return Erasable(camera, bwc_bench, free[-1])


@pytest.fixture
def receipted(erasable: Erasable) -> Erasable:
    """Of a bench that has the key of a destination, and a device that takes receipts."""
    bench = erasable.bench
    if bench.identities.of(Role.AUDITOR) is None or not bench.identities.has(Role.DESTINATION):
        pytest.skip("no key of a destination: 'bwc ca issue CA destination --name NAME --out KEYS'")
    if erasable.camera.recordings.release(recording=erasable.entry().recording).needed != 1:
        pytest.skip("the device is configured to need more than one destination")
    return erasable


@pytest.mark.rule("REC-008")
def test_nothing_is_erased_without_a_receipt(camera: SyncCamera, erasable: Erasable) -> None:
    before, head = erasable.entry(), camera.audit.head().sequence
    if camera.recordings.release(recording=before.recording).receipts:
        pytest.skip("it has a receipt from before")
    for _ in range(3):
        with refused(ErrorCode.NEEDS_RECEIPT):
            erasable.erase()
    assert erasable.entry() == before
    kinds = [entry.kind for entry in camera.audit.entries(after=head)]
    assert kinds.count(AuditKind.ERASE_REFUSED) == 3, "each attempt is on record"


@pytest.mark.rule("REC-009", "REC-064")
def test_a_hold_stands_before_any_receipt(camera: SyncCamera, erasable: Erasable) -> None:
    camera.recordings.hold(reason="hil test", hold="hil", **erasable.named())
    try:
        with refused(ErrorCode.HELD):
            erasable.erase()
    finally:
        camera.recordings.lift(reason="hil test", hold="hil", **erasable.named())


@pytest.mark.rule("REC-005", "REC-064")
def test_erasing_by_another_manifest_or_head_is_a_conflict(erasable: Erasable) -> None:
    entry = erasable.entry()
    for other in (
        dataclasses.replace(entry, manifest_sha256=bytes(32)),
        dataclasses.replace(entry, annotations_sha256=bytes(32)),
    ):
        with refused(ErrorCode.CONFLICT):
            erasable.erase(other)


@pytest.mark.rule("REC-056", "REC-058")
def test_a_receipt_that_is_foreign_forged_or_old_is_not_kept(receipted: Erasable) -> None:
    entry = receipted.entry()
    if receipted.camera.recordings.release(recording=entry.recording).receipts:
        pytest.skip("it has a receipt from before")
    dock = receipted.bench.identities.of(Role.DOCK_OFFLOAD)
    assert dock is not None
    stranger, _ = impostor(dock.certificate, Role.DESTINATION)
    good = receipted.receipt()
    for document, code in (
        (b"please", ErrorCode.MALFORMED),
        (receipted.signed(dock.name, dock.credentials), ErrorCode.UNTRUSTED),
        (receipted.signed(dock.name, stranger.credentials), ErrorCode.UNTRUSTED),
        (receipted.receipt(destination="another"), ErrorCode.UNTRUSTED),
        (receipted.receipt(camera="ANOTHER"), ErrorCode.CONFLICT),
        (receipted.receipt(recording_id=bytes(16)), ErrorCode.CONFLICT),
        (receipted.receipt(manifest_sha256=bytes(32)), ErrorCode.CONFLICT),
        (receipted.receipt(annotations_sha256=bytes(32)), ErrorCode.CONFLICT),
        (receipted.receipt(size_bytes=entry.size_bytes + 1), ErrorCode.CONFLICT),
        (good[:-1] + bytes([good[-1] ^ 1]), ErrorCode.UNTRUSTED),
    ):
        with refused(code):
            receipted.deliver(document)
    with refused(ErrorCode.NEEDS_RECEIPT):
        receipted.erase()


@pytest.mark.rule("REC-062", "REC-065", "REC-066", "REC-067")
def test_a_receipt_and_an_erase_leave_a_tombstone_that_the_device_signed(
    camera: SyncCamera, receipted: Erasable
) -> None:
    """Said anew the recording needs another receipt; with it, it goes, and goes only once."""
    receipted.deliver(receipted.receipt())
    marked = bool(receipted.entry().marks & Mark.MARKED)
    camera.recordings.mark(marked=not marked, **receipted.named())
    with refused(ErrorCode.NEEDS_RECEIPT):
        receipted.erase()
    entry, total = receipted.entry(), camera.storage.status().recordings
    if not receipted.deliver(receipted.receipt()):
        pytest.skip("the device is configured to keep recordings longer")
    known = camera.recordings.tombstones(after=0, limit=1).total
    receipted.erase(entry)
    assert camera.storage.status().recordings == total - 1
    assert entry.sequence not in [one.sequence for one in camera.recordings.list()]
    (last,) = camera.recordings.tombstones(after=known, limit=1).tombstones
    own = receipted.bench.identities.of(Role.AUDITOR)
    assert own is not None
    found = verify_tombstone(last.document, own.anchors, lab=own.lab, camera=camera.identity).tombstone
    assert (found.sequence, found.counter) == (entry.sequence, known + 1)
    assert found.manifest_sha256 == entry.manifest_sha256 and found.objects == (OBJECTS,)
    if known:
        (before,) = camera.recordings.tombstones(after=known - 1, limit=1).tombstones
        assert found.previous_sha256 == read_tombstone(before.document).sha256
    receipted.erase(entry)
    with refused(ErrorCode.CONFLICT):
        receipted.erase(dataclasses.replace(entry, manifest_sha256=bytes(32)))
    with refused(ErrorCode.NOT_FOUND):
        receipted.erase(dataclasses.replace(entry, annotations_sha256=bytes(32)))
    with refused(ErrorCode.NOT_FOUND):
        camera.recordings.manifest(recording=entry.recording)
    assert camera.recordings.tombstones(after=0, limit=1).total == known + 1
