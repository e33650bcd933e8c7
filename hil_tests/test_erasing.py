"""Receipts and erasing, on devices whose footage is expendable (spec: Receipts and erasing, Tombstones)."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import pytest

from bwc_protocol.certificates.profile import FOREVER_S
from bwc_protocol.declare import ANYONE
from bwc_protocol.documents.receipt import RECEIPT_MAX, Receipt
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import read_tombstone, verify_tombstone
from bwc_protocol.evidence.sign1 import Signer
from bwc_protocol.messages.recordings import DeliverReceipt
from bwc_sdk import AuditKind, ErrorCode, Mark, RecordingEntry, ReleaseState, Role
from bwc_sdk.sync import SyncCamera
from bwc_sdk.sync.loop import loop_thread
from hil_tests.device.bench import Bench
from hil_tests.testkit.abilities import free_recording, need, need_agency
from hil_tests.testkit.refusals import refused
from hil_tests.testkit.strangers import impostor
from hil_tests.verdicts import not_tested

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

    def deliver(self, document: bytes) -> ReleaseState:
        """What it lacks then."""
        return self.camera.recordings.receipt(recording=self.entry().recording, receipt=document)

    def say_more(self) -> None:
        """Whatever receipts it has count no more."""
        marked = bool(self.entry().marks & Mark.MARKED)
        self.camera.recordings.mark(marked=not marked, **self.named())

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
    need(camera, DeliverReceipt)
    return Erasable(camera, bwc_bench, free_recording(camera))


@pytest.fixture
def receipted(erasable: Erasable) -> Erasable:
    """Of a bench that has the key of a destination, and a device that takes receipts."""
    bench = erasable.bench
    need_agency(bench)
    if not bench.identities.has(Role.DESTINATION):
        not_tested("no key of a destination: 'bwc ca issue CA destination --name NAME --out KEYS'")
    if erasable.camera.recordings.release(recording=erasable.entry().recording).needed != 1:
        not_tested("the device is configured to need more than one destination")
    return erasable


@pytest.mark.rule("REC-008", "AUD-004")
def test_nothing_is_erased_without_a_receipt(camera: SyncCamera, erasable: Erasable) -> None:
    before, head = erasable.entry(), camera.audit.head().sequence
    if camera.recordings.release(recording=before.recording).receipts:
        not_tested("it has a receipt from before")
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
        not_tested("it has a receipt from before")
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


@pytest.mark.rule("REC-055", "REC-063")
def test_a_receipt_that_comes_again_adds_nothing(camera: SyncCamera, receipted: Erasable) -> None:
    """Neither the same one, nor a second one of the destination whose receipt counts."""
    receipted.say_more()
    head = camera.audit.head().sequence
    first = receipted.deliver(receipted.receipt())
    try:
        assert len(first.receipts) == 1
        for again in (receipted.receipt(), receipted.receipt(counter=2)):
            state = receipted.deliver(again)
            assert (state.receipts, state.needed, state.released) == (
                first.receipts,
                first.needed,
                first.released,
            )
        kinds = [entry.kind for entry in camera.audit.entries(after=head)]
        assert kinds.count(AuditKind.RECEIPT_KEPT) == 1, "it is on record once"
    finally:
        receipted.say_more()


@pytest.mark.rule("REC-057", "REC-058")
def test_a_receipt_that_comes_late_counts_for_nothing(receipted: Erasable) -> None:
    """More was said since it was signed: what was said exists nowhere else yet."""
    signed = receipted.receipt()
    receipted.say_more()
    with refused(ErrorCode.CONFLICT):
        receipted.deliver(signed)
    receipted.deliver(receipted.receipt())
    receipted.say_more()
    state = receipted.camera.recordings.release(recording=receipted.entry().recording)
    assert not state.receipts and not state.released, "a receipt of another head counts"
    with refused(ErrorCode.NEEDS_RECEIPT):
        receipted.erase()


@pytest.mark.rule("REC-056", "DOC-006")
def test_a_receipt_that_was_signed_outside_of_its_certificate_s_time_is_not_kept(receipted: Erasable) -> None:
    """By the time that it states: a device asks no clock for it."""
    identity = receipted.bench.identities.of(Role.DESTINATION)
    assert identity is not None
    receipted.say_more()
    begins_s, ends_s = identity.certificate.not_before_s, identity.certificate.not_after_s
    for signed_utc_s in (begins_s - 1, *([ends_s + 1] if ends_s < FOREVER_S else [])):
        with refused(ErrorCode.UNTRUSTED):
            receipted.deliver(receipted.receipt(signed_utc_s=signed_utc_s))
    assert not receipted.camera.recordings.release(recording=receipted.entry().recording).receipts


@pytest.mark.rule("REC-056")
@pytest.mark.parametrize("role", [role for role in Role if role in ANYONE & ~Role.DESTINATION], ids=str)
def test_nobody_but_a_destination_signs_receipts(receipted: Erasable, role: Role) -> None:
    """Under a name of its own, by a certificate of the agency: what counts is the role."""
    identities = receipted.bench.identities
    if not identities.has(role):
        not_tested(f"this bench has no identity for the role {role}")
    identity = identities.of(role)
    assert identity is not None
    receipted.say_more()
    with refused(ErrorCode.UNTRUSTED):
        receipted.deliver(receipted.signed(identity.name, identity.credentials))
    assert not receipted.camera.recordings.release(recording=receipted.entry().recording).receipts


@pytest.mark.rule("DOC-004")
def test_a_receipt_that_is_too_long_is_not_taken(camera: SyncCamera, receipted: Erasable) -> None:
    """Neither one that is filled up to the most that there is room for, nor one byte more than that."""
    receipted.say_more()
    good = receipted.receipt()
    for document in (good + b"\0", good.ljust(RECEIPT_MAX, b"\0")):
        with refused(ErrorCode.MALFORMED):
            receipted.deliver(document)
    with refused(ErrorCode.MALFORMED):
        loop_thread().run(
            camera._twin.connection.call(_too_long(receipted.entry().recording, good.ljust(RECEIPT_MAX + 1)))
        )
    assert not camera.recordings.release(recording=receipted.entry().recording).receipts


def _too_long(recording: bytes, document: bytes) -> DeliverReceipt:
    """A request whose document is longer than the field may be; no other host sends one."""

    class AsItIs:
        @staticmethod
        def encode(request: object) -> bytes:
            return recording + len(document).to_bytes(2, "little") + document

    bare = type("DeliverReceipt", (DeliverReceipt,), {"__slots__": (), "codec": AsItIs})
    made: DeliverReceipt = object.__new__(bare)
    return made


@pytest.mark.rule("REC-062", "REC-065", "REC-066", "REC-067")
def test_a_receipt_and_an_erase_leave_a_tombstone_that_the_device_signed(
    camera: SyncCamera, receipted: Erasable
) -> None:
    """Said anew the recording needs another receipt; with it, it goes, and goes only once."""
    receipted.deliver(receipted.receipt())
    receipted.say_more()
    with refused(ErrorCode.NEEDS_RECEIPT):
        receipted.erase()
    entry, total = receipted.entry(), camera.storage.status().recordings
    late = receipted.receipt()
    if not receipted.deliver(late).released:
        not_tested("the device is configured to keep recordings longer")
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
    with refused(ErrorCode.NOT_FOUND):
        camera.recordings.receipt(recording=entry.recording, receipt=late)
    assert camera.recordings.tombstones(after=0, limit=1).total == known + 1
