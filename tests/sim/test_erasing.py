"""A camera keeps receipts, and erases nothing without: what counts, what holds it up, and what stays of it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.documents.tombstone import EraseReason, Tombstone
from bwc_protocol.evidence import NO_SHA256
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.config import ApplyConfig, Setting, SettingType, StageConfig
from bwc_protocol.messages.recordings import (
    DeliverReceipt,
    EraseRecording,
    HoldRecording,
    LiftHold,
    ListRecordings,
    MarkRecording,
    ReadAnnotations,
    ReadManifest,
    ReadRelease,
    ReadTombstones,
    RecordingEntry,
    ReleaseState,
)
from bwc_protocol.messages.storage import ReadStorage
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera import erasing
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.device.trust.opening_proof import KeptProof
from firmware_sim.flash.flash import StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.state.directory import StateDirectory
from firmware_sim.storage.tombstones import NAME, Tombstones
from tests.sim.conftest import NOON_NS, Desk
from tools.testkit import agencies
from tools.testkit.destination_signer import OBJECTS_SHA256, DestinationSigner

RATE = 10_000


class Bench:
    """An enrolled camera with recordings, a host at it, and two destinations of its agency."""

    def __init__(self, recordings: int = 2, *, capacity_bytes: int = 10_000_000) -> None:
        self.flash = MemoryFlash()
        self.capacity_bytes = capacity_bytes
        self.agency = agencies.lab()
        self.store = DestinationSigner.of(self.agency)
        self.other = DestinationSigner.of(self.agency, "store-2")
        self.boot()
        for _ in range(recordings):
            self.record()

    def boot(self) -> None:
        options = CameraOptions(
            seed=5,
            footage=SyntheticFootage(RATE),
            chunk_size=4_096,
            state=self.flash,
            agency=self.agency,
            capacity_bytes=self.capacity_bytes,
        )
        utc_ns = NOON_NS if not hasattr(self, "camera") else self.camera.true_utc_ns()
        self.camera = SimCamera(options, utc_ns=utc_ns)
        self.desk = Desk(self.camera)

    def record(self, seconds: float = 3) -> None:
        assert self.camera.wearer.start() is not None
        self.camera.time.skip(seconds)
        self.camera.recorder.close_now()

    def listed(self) -> tuple[RecordingEntry, ...]:
        return self.desk.ask(ListRecordings()).recordings

    def entry(self, index: int = 0) -> RecordingEntry:
        return self.listed()[index]

    def deliver(
        self, entry: RecordingEntry, by: DestinationSigner | None = None, **changes: Any
    ) -> ReleaseState:
        document = (by or self.store).receipt(self.camera.serial, entry, **changes)
        return self.desk.ask(DeliverReceipt(recording=entry.recording, receipt=document))

    def erase(self, entry: RecordingEntry) -> EraseRecording:
        return EraseRecording(
            recording=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            annotations_sha256=entry.annotations_sha256,
        )

    def configure(self, key: str, value: int) -> None:
        revision = self.camera.settings.revision
        setting = Setting(key=key, type=SettingType.INT, number=value)
        self.desk.ask(StageConfig(revision=revision, settings=(setting,)))
        self.desk.ask(ApplyConfig(revision=revision))

    def run(self, minutes: float) -> None:
        self.camera.time.skip(minutes * 60)
        self.camera.settle()

    def log(self, kind: AuditKind) -> list[str]:
        last, _ = self.camera.audit.head()
        return [one.detail for one in self.camera.audit.read(0, last).entries if one.kind is kind]

    def tombstones(self) -> list[Tombstone]:
        """As a host reads and verifies them: signed by the camera, numbered, chained."""
        found: list[Tombstone] = []
        after, previous = 0, NO_SHA256
        while True:
            page = self.desk.ask(ReadTombstones(after=after, limit=2))
            for one in page.tombstones:
                signed = SignedDocument.decode(one.document)
                verify_device_statement(
                    signed.payload,
                    signed.signatures[0],
                    self.agency.anchors,
                    lab=self.agency.id,
                    camera=self.camera.serial,
                )
                found.append(Tombstone.decode(signed.payload))
                assert (found[-1].counter, found[-1].previous_sha256) == (len(found), previous)
                previous = signed.sha256
            if not page.next:
                assert page.total == len(found)
                return found
            after = page.next


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.rule("REC-055", "REC-062", "REC-063")
def test_what_has_its_receipt_is_erased_and_a_tombstone_stays(bench: Bench) -> None:
    entry, next_one = bench.listed()
    assert bench.desk.refused(bench.erase(entry)) is ErrorCode.NEEDS_RECEIPT
    state = bench.deliver(entry)
    assert state.released and [one.destination for one in state.receipts] == ["store-1"]
    used = bench.camera.storage.used_bytes
    bench.desk.ask(bench.erase(entry))
    assert bench.listed() == (next_one,)
    assert bench.camera.storage.used_bytes == used - entry.size_bytes
    (tombstone,) = bench.tombstones()
    assert (tombstone.sequence, tombstone.recording_id) == (entry.sequence, entry.recording)
    assert (tombstone.manifest_sha256, tombstone.annotations_sha256) == (
        entry.manifest_sha256,
        entry.annotations_sha256,
    )
    assert tombstone.receipts == (state.receipts[0].sha256,) and tombstone.objects == (OBJECTS_SHA256,)
    assert (tombstone.reason, tombstone.actor) == (EraseReason.ASKED, "tester")
    assert len(bench.log(AuditKind.RECEIPT_KEPT)) == len(bench.log(AuditKind.ERASED)) == 1
    assert not [name for name in bench.flash.contents() if entry.recording.hex() in name]


@pytest.mark.rule("REC-066")
def test_from_the_tombstone_on_it_is_not_there_and_the_answer_says_where_to_look(bench: Bench) -> None:
    entry = bench.entry()
    state = bench.deliver(entry)
    bench.desk.ask(bench.erase(entry))
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    for request in (
        ReadManifest(recording=entry.recording),
        ReadAnnotations(recording=entry.recording),
        ReadRelease(recording=entry.recording),
        MarkRecording(**named),
        HoldRecording(reason="too late", **named),
        LiftHold(reason="too late", **named),
        DeliverReceipt(recording=entry.recording, receipt=bench.other.receipt(bench.camera.serial, entry)),
    ):
        assert bench.desk.refused(request) is ErrorCode.NOT_FOUND
        assert state.receipts[0].sha256.hex()[:16] in bench.desk.detail
        assert OBJECTS_SHA256.hex()[:16] in bench.desk.detail


@pytest.mark.rule("REC-065")
def test_erasing_again_is_success_for_the_same_manifest_and_annotations_alone(bench: Bench) -> None:
    entry = bench.entry()
    bench.deliver(entry)
    for _ in range(3):
        bench.desk.ask(bench.erase(entry))
    assert len(bench.tombstones()) == 1
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    other = EraseRecording(annotations_sha256=bytes(32), **named)
    assert bench.desk.refused(other) is ErrorCode.NOT_FOUND
    other = EraseRecording(
        recording=entry.recording,
        manifest_sha256=bytes(32),
        annotations_sha256=entry.annotations_sha256,
    )
    assert bench.desk.refused(other) is ErrorCode.CONFLICT


@pytest.mark.rule("REC-064")
def test_refusals_come_in_their_order(bench: Bench) -> None:
    entry = bench.entry()
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    bench.desk.ask(HoldRecording(reason="court", hold="h", **named))
    old = entry
    assert bench.desk.refused(bench.erase(old)) is ErrorCode.CONFLICT, "more was said since"
    held = bench.entry()
    assert bench.desk.refused(bench.erase(held)) is ErrorCode.HELD, "before it is asked for a receipt"
    bench.deliver(held)
    assert bench.desk.refused(bench.erase(held)) is ErrorCode.HELD
    bench.desk.ask(LiftHold(reason="over", hold="h", **named))
    free = bench.entry()
    assert bench.desk.refused(bench.erase(free)) is ErrorCode.NEEDS_RECEIPT, "its head is another one"
    bench.configure("erase.keep_h", 1)
    bench.deliver(free)
    assert bench.desk.refused(bench.erase(free)) is ErrorCode.WRONG_STATE
    assert len(bench.listed()) == 2 and bench.tombstones() == []
    assert len(bench.log(AuditKind.ERASE_REFUSED)) == 5


@pytest.mark.rule("REC-058")
def test_whatever_is_said_of_it_voids_the_receipts_it_has(bench: Bench) -> None:
    entry = bench.entry()
    assert bench.deliver(entry).released
    bench.desk.ask(MarkRecording(recording=entry.recording, manifest_sha256=entry.manifest_sha256))
    assert not bench.desk.ask(ReadRelease(recording=entry.recording)).released
    document = bench.store.receipt(bench.camera.serial, entry)
    late = DeliverReceipt(recording=entry.recording, receipt=document)
    assert bench.desk.refused(late) is ErrorCode.CONFLICT, "a receipt that comes late counts no more"
    assert bench.deliver(bench.entry()).released
    bench.desk.ask(bench.erase(bench.entry()))


def test_repeating_what_is_so_already_voids_nothing(bench: Bench) -> None:
    entry = bench.entry()
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    bench.desk.ask(MarkRecording(**named))
    bench.deliver(bench.entry())
    bench.desk.ask(MarkRecording(**named))
    assert bench.desk.ask(ReadRelease(recording=entry.recording)).released


@pytest.mark.rule("REC-056")
@pytest.mark.parametrize(
    ("code", "made"),
    [
        (ErrorCode.MALFORMED, lambda b, e: b"please"),
        (ErrorCode.CONFLICT, lambda b, e: b.store.receipt("SIM-00000006", e)),
        (ErrorCode.CONFLICT, lambda b, e: b.store.receipt(b.camera.serial, b.entry(1))),
        (ErrorCode.CONFLICT, lambda b, e: b.store.receipt(b.camera.serial, e, size_bytes=1)),
        (ErrorCode.UNTRUSTED, lambda b, e: b.store.receipt(b.camera.serial, e, destination="store-2")),
        (ErrorCode.UNTRUSTED, lambda b, e: b.store.receipt(b.camera.serial, e, lab="0a0b0c0d")),
        (
            ErrorCode.UNTRUSTED,
            lambda b, e: DestinationSigner.of(agencies.real()).receipt(b.camera.serial, e),
        ),
        (
            ErrorCode.UNTRUSTED,
            lambda b, e: DestinationSigner.of(b.agency, "dock", Role.DOCK_OFFLOAD).receipt(
                b.camera.serial, e
            ),
        ),
    ],
    ids=["none", "camera", "recording", "size", "destination", "lab", "agency", "role"],
)
def test_a_receipt_that_is_none_is_refused_by_its_reason(
    bench: Bench, code: ErrorCode, made: Callable[[Bench, RecordingEntry], bytes]
) -> None:
    entry = bench.entry()
    request = DeliverReceipt(recording=entry.recording, receipt=made(bench, entry))
    assert bench.desk.refused(request) is code
    assert not bench.desk.ask(ReadRelease(recording=entry.recording)).receipts
    assert bench.desk.refused(bench.erase(entry)) is ErrorCode.NEEDS_RECEIPT


@pytest.mark.rule("REC-057")
def test_two_destinations_are_two_names_not_two_receipts(bench: Bench) -> None:
    bench.configure("erase.receipts", 2)
    entry = bench.entry()
    twin = DestinationSigner.of(bench.agency, "store-1")  # another certificate, another key, the same name
    for by in (bench.store, bench.store, twin):
        state = bench.deliver(entry, by)
        assert (len(state.receipts), state.needed, state.released) == (1, 2, False)
    assert len(bench.log(AuditKind.RECEIPT_KEPT)) == 1, "repeating it adds nothing"
    assert bench.desk.refused(bench.erase(entry)) is ErrorCode.NEEDS_RECEIPT
    assert bench.deliver(entry, bench.other).released
    bench.desk.ask(bench.erase(entry))
    (tombstone,) = bench.tombstones()
    assert len(tombstone.receipts) == len(tombstone.objects) == 2


@pytest.mark.rule("REC-061")
def test_it_stays_for_its_powered_hours_over_restarts_and_cuts(bench: Bench) -> None:
    bench.configure("erase.keep_h", 1)
    entry = bench.entry()
    assert bench.deliver(entry).left_min == 60
    bench.run(30)
    bench.camera.close()  # in order: what it ran is kept
    bench.boot()
    bench.camera.time.skip(86_400)
    bench.camera.close()
    bench.boot()
    assert bench.desk.ask(ReadRelease(recording=entry.recording)).left_min <= 30
    bench.camera.close()
    bench.boot()
    left = bench.desk.ask(ReadRelease(recording=entry.recording)).left_min
    if left:
        bench.run(left)
    bench.desk.ask(bench.erase(entry))


def test_a_cut_costs_a_minute_of_them_at_most(bench: Bench) -> None:
    bench.configure("erase.keep_h", 1)
    entry = bench.entry()
    bench.deliver(entry)
    for _ in range(45):
        bench.run(1)
    bench.camera.crash()
    bench.run(1)
    assert bench.camera.running
    bench.desk = Desk(bench.camera)
    assert 14 <= bench.desk.ask(ReadRelease(recording=entry.recording)).left_min <= 17


@pytest.mark.rule("REC-059")
def test_receipts_of_a_destination_that_was_denied_count_no_more(bench: Bench) -> None:
    entry = bench.entry()
    assert bench.deliver(entry).released
    trust = bench.camera.trust
    assert trust is not None

    class Denies:
        def denies(self, certificate: Any) -> str | None:
            return "stolen" if certificate.name == "store-1" else None

        counter, floor_utc_s = 1, 0

    trust.denied = Denies()
    assert not bench.desk.ask(ReadRelease(recording=entry.recording)).released
    assert bench.desk.refused(bench.erase(entry)) is ErrorCode.NEEDS_RECEIPT
    assert bench.deliver(entry, bench.other).released


def test_receipts_and_tombstones_are_there_after_a_restart(bench: Bench) -> None:
    first, second = bench.listed()
    bench.deliver(first)
    bench.deliver(second)
    bench.desk.ask(bench.erase(first))
    before = bench.tombstones()
    bench.camera.close()
    bench.boot()
    assert bench.tombstones() == before and bench.listed() == (second,)
    assert bench.desk.ask(ReadRelease(recording=second.recording)).released
    bench.desk.ask(bench.erase(second))
    bench.record()
    assert bench.entry().sequence == 3, "no number comes twice"
    assert bench.camera.recording(bench.entry().recording).manifest.previous_sha256 == second.manifest_sha256


@pytest.mark.rule("REC-017", "REC-069")
def test_totals_leave_out_what_was_erased(bench: Bench) -> None:
    entry = bench.entry()
    bench.deliver(entry)
    bench.desk.ask(bench.erase(entry))
    assert bench.desk.ask(ListRecordings()).total == bench.desk.ask(ReadStorage()).recordings == 1
    assert bench.camera.missing() == []


# Room


@pytest.mark.rule("REC-060")
def test_it_records_on_by_erasing_the_oldest_that_is_released() -> None:
    bench = Bench(3, capacity_bytes=RATE * 20)
    bench.configure("erase.keep_h", 8_760)
    first, second, third = bench.listed()
    bench.deliver(second)
    bench.deliver(third)
    bench.record(15)
    left = [entry.sequence for entry in bench.listed()]
    assert first.sequence in left and second.sequence not in left
    assert not bench.camera.recorder.full
    assert {one.reason for one in bench.tombstones()} == {EraseReason.NO_ROOM}
    assert {one.actor for one in bench.tombstones()} == {bench.camera.serial}
    assert bench.log(AuditKind.ERASED_FOR_ROOM) and not bench.log(AuditKind.ERASED)


def test_it_stops_for_want_of_room_before_anything_goes_that_is_not_released() -> None:
    bench = Bench(3, capacity_bytes=RATE * 20)
    before = bench.listed()
    bench.deliver(before[0])
    bench.desk.ask(
        HoldRecording(
            recording=before[0].recording, manifest_sha256=before[0].manifest_sha256, reason="court"
        )
    )
    assert bench.camera.wearer.start() is not None
    bench.run(1)
    assert bench.camera.recorder.full and bench.camera.recorder.recording_id is None
    assert [one.recording for one in bench.listed()][:3] == [one.recording for one in before]
    assert bench.tombstones() == []


def test_a_recording_begins_where_there_is_room_to_be_made() -> None:
    bench = Bench(0, capacity_bytes=RATE * 4)
    bench.record(3)
    bench.deliver(bench.entry())
    assert bench.camera.wearer.start() is not None
    assert bench.listed() == ()


def test_blocks_that_cannot_be_freed_make_nothing_else_go(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(4, capacity_bytes=RATE * 13)
    for entry in bench.listed():
        bench.deliver(entry)
    broken = True

    def remove_tree(self: MemoryFlash, name: str) -> None:
        if broken:
            raise OSError(5, "the flash failed")
        original(self, name)

    original = MemoryFlash.remove_tree
    monkeypatch.setattr(MemoryFlash, "remove_tree", remove_tree)
    bench.desk.ask(bench.erase(bench.entry()))
    assert bench.camera.storage.unfreed_bytes
    with pytest.raises(Exception, match="left"):
        bench.camera.recorder.start(bench.camera.recording(bench.entry().recording).manifest.trigger)
    assert len(bench.listed()) == 3
    broken = False
    bench.camera.wearer.start()
    assert not bench.camera.storage.unfreed_bytes and len(bench.listed()) == 3


@pytest.mark.rule("REC-067")
def test_a_tombstone_names_the_generation_of_its_recording(bench: Bench) -> None:
    """A reset begins the numbers anew: a tombstone of before is none of a recording of after."""
    trust = bench.camera.trust
    assert trust is not None and trust.kept.generation == 0
    first, second = bench.listed()
    for entry in (first, second):
        bench.deliver(entry)
    bench.desk.ask(bench.erase(first))
    trust.kept = dataclasses.replace(trust.kept, generation=3)
    bench.desk.ask(bench.erase(second))
    assert [one.generation for one in bench.tombstones()] == [0, 3]


def test_a_tombstone_is_of_its_camera() -> None:
    bench = Bench(1)
    bench.deliver(bench.entry())
    bench.desk.ask(bench.erase(bench.entry()))
    signed = SignedDocument.decode(bench.desk.ask(ReadTombstones()).tombstones[0].document)
    for payload, camera in ((signed.payload + b"!", bench.camera.serial), (signed.payload, "SIM-00000006")):
        with pytest.raises(DocumentRefused):
            verify_device_statement(
                payload, signed.signatures[0], bench.agency.anchors, lab=bench.agency.id, camera=camera
            )
    assert hashlib.sha256(signed.payload).digest() == bench.camera.storage.tombstones.next[1]


@pytest.mark.rule("REC-067")
def test_a_tombstone_that_was_changed_or_left_out_is_seen_at_the_next_start(bench: Bench) -> None:
    for entry in bench.listed():
        bench.deliver(entry)
        bench.desk.ask(bench.erase(entry))
    bench.camera.close()
    kept = bench.flash.read(NAME, 0, bench.flash.size(NAME) or 0)
    for changed in (kept.partition(b"\n")[2], kept.replace(b"Q", b"R", 1)):
        bench.flash.remove(NAME)
        bench.flash.create(NAME, changed)
        with pytest.raises(StateError, match=r"tombstones\.json is damaged"):
            Tombstones(StateDirectory(bench.flash.copy()))


@pytest.mark.rule("REC-068")
def test_with_as_many_tombstones_as_it_keeps_it_erases_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "TOMBSTONES_MAX", 1)
    first, second = bench.listed()
    for entry in (first, second):
        bench.deliver(entry)
    bench.desk.ask(bench.erase(first))
    assert bench.desk.refused(bench.erase(second)) is ErrorCode.FULL
    assert not bench.camera.erasing.make_room()
    assert bench.listed() == (second,) and len(bench.tombstones()) == 1


@pytest.mark.rule("REC-071")
def test_an_encrypted_recording_stays_until_somebody_proves_that_it_can_be_opened(bench: Bench) -> None:
    bench.configure("erase.proof_days", 2)
    bench.record()
    entry = bench.entry(-1)
    assert bench.camera.recording(entry.recording).manifest.protection is not None
    assert bench.deliver(entry).proof_needed
    assert bench.desk.refused(bench.erase(entry)) is ErrorCode.WRONG_STATE
    assert not bench.camera.erasing.make_room()
    trust = bench.camera.trust
    assert trust is not None
    recipient = b"r" * 32

    def proved(utc_ns: int, powered_min: int) -> None:
        trust.prove(KeptProof(recipient, utc_ns, powered_min), "tester")

    proved(bench.camera.clock.utc_ns() - 3 * 86_400 * 10**9, bench.camera.powered_min)
    assert bench.desk.refused(bench.erase(entry)) is ErrorCode.WRONG_STATE, "too old by the clock"
    proved(bench.camera.clock.utc_ns(), bench.camera.powered_min - 3 * 24 * 60)
    assert bench.desk.refused(bench.erase(entry)) is ErrorCode.WRONG_STATE, "too old by the time it ran"
    proved(bench.camera.clock.utc_ns(), bench.camera.powered_min)
    bench.desk.ask(bench.erase(entry))


@pytest.mark.rule("REC-061")
def test_time_in_which_it_is_off_does_not_count(bench: Bench) -> None:
    before = bench.camera.powered_min
    bench.camera.go_down()
    bench.camera.time.skip(86_400)
    bench.camera.settle()
    assert not bench.camera.running and bench.camera.powered_min == before
