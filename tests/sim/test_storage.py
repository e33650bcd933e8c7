"""The storage keeps what was closed: byte for byte, over restarts and kills, and says how full it is."""

import hashlib
import json
import os
import random
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.evidence import (
    CHUNK_SIZE,
    NO_SHA256,
    ChunkHasher,
    ClockState,
    Manifest,
    SegmentFacts,
    TriggerReason,
    chunk_span,
    table_sha256,
)
from bwc_protocol.messages.recordings import AnnotationKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.flash.directory_flash import DirectoryFlash
from firmware_sim.flash.flash import StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.state.directory import StateDirectory
from firmware_sim.state.files import write_atomic
from firmware_sim.storage import storage as module
from firmware_sim.storage.blobs import Blob, MemoryBlob, Prefix, SyntheticBlob, chunk_table, first_bytes
from firmware_sim.storage.destroy import destroy_footage
from firmware_sim.storage.recording_files import RecordingFiles, Said
from firmware_sim.storage.signing import Unsigned
from firmware_sim.storage.storage import Annotation, NoSuchRecording, Storage, StorageFull, TooManyAnnotations
from tests.sim.forgetful_flash import ForgetfulFlash
from tests.tiers import times

MIB = 1 << 20
Device = Callable[[Path], StateDirectory]


@pytest.fixture
def device() -> Iterator[Device]:
    """Opens state directories, and closes them when the test is over."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(StateDirectory(path)))


def close(storage: Storage, *blobs: Blob, number: int | None = None) -> Manifest:
    """Closes a recording of these segments into the storage."""
    tables = [chunk_table(blob) for blob in blobs]
    manifest = Manifest(
        camera="SIM-1",
        recording_id=(number or storage.next_sequence).to_bytes(16, "big"),
        sequence=storage.next_sequence,
        previous_sha256=storage.last_manifest_sha256,
        trigger=TriggerReason.BENCH,
        started_utc_ns=0,
        ended_utc_ns=1,
        boot_counter=1,
        pre_event_requested_s=0,
        pre_event_achieved_ms=0,
        clock_state=ClockState.UNSET,
        clock_uncertainty_ms=0,
        policy_id="",
        policy_sha256=NO_SHA256,
        firmware_sha256=NO_SHA256,
        segments=tuple(
            SegmentFacts(
                size_bytes=blob.size_bytes,
                table_sha256=table_sha256(table),
                started_utc_ns=0,
                duration_ms=1000,
            )
            for blob, table in zip(blobs, tables, strict=True)
        ),
    )
    storage.add(manifest, tables, blobs)
    return manifest


def note(kind: AnnotationKind, text: str = "") -> Annotation:
    return Annotation(1, kind, "tech-1", text)


# Synthetic bytes


@given(st.integers(0, 2**64 - 1), st.integers(1, 3 * MIB), st.data())
def test_synthetic_bytes_are_the_same_however_they_are_read(
    seed: int, size: int, draw: st.DataObject
) -> None:
    blob = SyntheticBlob(seed, size)
    offset = draw.draw(st.integers(0, size))
    length = draw.draw(st.integers(0, size))
    whole = blob.read(0, size)
    assert len(whole) == size
    assert blob.read(offset, length) == whole[offset : offset + length]


@settings(max_examples=times(30), deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(1, 5 * MIB))
def test_synthetic_bytes_are_hashed_without_being_made_and_to_the_same(seed: int, size: int) -> None:
    blob, hasher = SyntheticBlob(seed, size), ChunkHasher()
    for offset in range(0, size, 777_777):
        hasher.update(blob.read(offset, 777_777))
    assert blob.table() == chunk_table(blob) == hasher.table()


def test_no_two_chunks_of_synthetic_bytes_lie_alike() -> None:
    """What is written to the wrong place shows, whether or not it is whole chunks."""
    blob = SyntheticBlob(3, 64 * MIB)
    for within in (0, 1, 777_777, MIB - 40):
        pieces = {bytes(blob.read(index * MIB + within, 40)) for index in range(61)}
        assert len(pieces) == 61


def test_every_chunk_of_synthetic_bytes_is_another_and_so_is_every_seed() -> None:
    tables = chunk_table(SyntheticBlob(1, 40 * MIB)) + chunk_table(SyntheticBlob(2, 40 * MIB))
    digests = {tables[i : i + 32] for i in range(0, len(tables), 32)}
    assert len(digests) == 80


def test_synthetic_bytes_need_no_memory_for_their_size() -> None:
    blob = SyntheticBlob(7, 1 << 40)
    assert len(blob.read((1 << 40) - 100, 4096)) == 100
    assert blob.read(1 << 39, 16) != blob.read(1 << 38, 16)


def test_a_blob_cut_off_reads_as_its_begin() -> None:
    data = bytes(range(256)) * 10
    for blob in (MemoryBlob(data), SyntheticBlob(3, len(data))):
        cut = first_bytes(blob, 1000)
        assert cut.read(0, 5000) == blob.read(0, 1000) and cut.read(990, 100) == blob.read(990, 10)
        assert cut.size_bytes == 1000 and first_bytes(blob, len(data)) is blob
    assert isinstance(first_bytes(MemoryBlob(data), 5), Prefix)


# Recordings


def test_what_was_closed_reads_back_and_hashes_to_its_manifest() -> None:
    storage = Storage(100 * MIB)
    data = b"footage" * 300_000
    manifest = close(storage, MemoryBlob(data), SyntheticBlob(5, 3 * MIB + 17))
    for index, facts in enumerate(manifest.segments):
        table = storage.table(manifest.recording_id, index)
        assert table_sha256(table) == facts.table_sha256
        for chunk in range(len(table) // 32):
            offset, size = chunk_span(chunk, facts.size_bytes)
            digest = hashlib.sha256(storage.read(manifest.recording_id, index, offset, size)).digest()
            assert digest == table[chunk * 32 : chunk * 32 + 32]


def test_the_chain_has_no_gap_and_no_fork() -> None:
    storage = Storage(100 * MIB)
    first, second = close(storage, MemoryBlob(b"1")), close(storage, MemoryBlob(b"2"))
    assert (first.sequence, second.sequence) == (1, 2)
    assert second.previous_sha256 == first.sha256 == storage.get(first.recording_id).manifest_sha256
    with pytest.raises(ValueError, match="chain"):
        storage.add(first, [b"1" * 32], [MemoryBlob(b"1")])


def test_pages_go_through_all_recordings_in_order() -> None:
    storage = Storage(100 * MIB)
    for _ in range(25):
        close(storage, MemoryBlob(b"x"))
    seen: list[int] = []
    while page := storage.page(seen[-1] if seen else 0, 10):
        seen += [recording.sequence for recording in page]
    assert seen == list(range(1, 26)) and len(storage) == 25


def test_a_full_storage_takes_nothing_and_loses_nothing() -> None:
    storage = Storage(2 * MIB)
    kept = close(storage, SyntheticBlob(1, 2 * MIB - 10))
    assert storage.free_bytes == 10 and storage.used_bytes == 2 * MIB - 10
    with pytest.raises(StorageFull):
        close(storage, MemoryBlob(bytes(11)))
    assert len(storage) == 1 and storage.next_sequence == 2
    assert storage.last_manifest_sha256 == kept.sha256


def test_what_does_not_exist_is_named() -> None:
    storage = Storage(MIB)
    manifest = close(storage, MemoryBlob(b"x"))
    with pytest.raises(NoSuchRecording):
        storage.read(bytes(16), 0, 0, 1)
    for segment in (-1, 1):
        with pytest.raises(NoSuchRecording):
            storage.read(manifest.recording_id, segment, 0, 1)
        with pytest.raises(NoSuchRecording):
            storage.table(manifest.recording_id, segment)


# Annotations


@pytest.mark.rule("REC-004")
def test_annotations_change_what_is_known_and_never_the_manifest() -> None:
    storage = Storage(MIB)
    manifest = close(storage, MemoryBlob(b"x"))
    recording = storage.get(manifest.recording_id)
    for kind, text in (
        (AnnotationKind.MARKED, ""),
        (AnnotationKind.CATEGORY, "use of force"),
        (AnnotationKind.HELD, "case 7"),
    ):
        storage.annotate(manifest.recording_id, note(kind, text))
    assert (recording.marked, recording.held, recording.category) == (True, True, "use of force")
    assert storage.held == 1
    storage.annotate(manifest.recording_id, note(AnnotationKind.LIFTED, "case closed"))
    storage.annotate(manifest.recording_id, note(AnnotationKind.UNMARKED))
    assert (recording.marked, recording.held) == (False, False)
    assert len(recording.annotations) == 5
    assert recording.manifest_bytes == manifest.encode()


def test_repeating_an_annotation_adds_nothing() -> None:
    storage = Storage(MIB)
    manifest = close(storage, MemoryBlob(b"x"))
    for _ in range(3):
        storage.annotate(manifest.recording_id, note(AnnotationKind.HELD, "case 7"))
        storage.annotate(manifest.recording_id, note(AnnotationKind.CATEGORY, "traffic"))
    assert len(storage.get(manifest.recording_id).annotations) == 2


def test_annotations_are_bounded_but_a_hold_always_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ANNOTATIONS", 4)
    storage = Storage(MIB)
    manifest = close(storage, MemoryBlob(b"x"))
    for number in range(4):
        storage.annotate(manifest.recording_id, note(AnnotationKind.CATEGORY, str(number)))
    with pytest.raises(TooManyAnnotations):
        storage.annotate(manifest.recording_id, note(AnnotationKind.CATEGORY, "more"))
    assert storage.annotate(manifest.recording_id, note(AnnotationKind.HELD)).held


# Faults


def test_rot_changes_the_footage_and_not_its_table() -> None:
    storage = Storage(10 * MIB)
    manifest = close(storage, SyntheticBlob(1, 3 * MIB))
    good, table = storage.read(manifest.recording_id, 0, 0, 3 * MIB), storage.table(manifest.recording_id, 0)
    storage.rot(manifest.recording_id, 0, flip_at=2 * MIB + 5)
    bad = storage.read(manifest.recording_id, 0, 0, 3 * MIB)
    assert [i for i, (a, b) in enumerate(zip(good, bad, strict=True)) if a != b] == [2 * MIB + 5]
    assert storage.table(manifest.recording_id, 0) == table
    storage.rot(manifest.recording_id, 0, bad=range(MIB, MIB + 512))
    with pytest.raises(OSError, match="flash"):
        storage.read(manifest.recording_id, 0, MIB, 10)
    assert storage.read(manifest.recording_id, 0, 0, MIB) == good[:MIB]


# The state directory


def test_the_device_is_the_same_after_a_restart(device: Device, tmp_path: Path) -> None:
    state = device(tmp_path / "cam")
    storage = Storage(100 * MIB, state)
    first = close(storage, MemoryBlob(b"real" * 500_000), SyntheticBlob(9, 5 * MIB))
    second = close(storage, SyntheticBlob(8, MIB))
    storage.annotate(first.recording_id, note(AnnotationKind.HELD, "case 7"))
    before = [storage.read(first.recording_id, i, 100, 2 * MIB) for i in (0, 1)]
    state.close()

    again = Storage(100 * MIB, device(tmp_path / "cam"))
    assert [r.manifest for r in again.page(0, 10)] == [first, second]
    assert [again.read(first.recording_id, i, 100, 2 * MIB) for i in (0, 1)] == before
    assert again.get(first.recording_id).annotations == storage.get(first.recording_id).annotations
    assert again.held == 1 and again.next_sequence == 3 and again.last_manifest_sha256 == second.sha256
    assert again.used_bytes == storage.used_bytes and again.damaged == ()


def test_synthetic_footage_takes_no_room_in_the_directory(device: Device, tmp_path: Path) -> None:
    close(Storage(1 << 40, device(tmp_path)), SyntheticBlob(1, 64 * MIB))
    assert sum(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()) < 64 * 1024


def test_a_device_is_held_by_one_simulator(device: Device, tmp_path: Path) -> None:
    held = device(tmp_path)
    with pytest.raises(StateError, match="in use"):
        device(tmp_path)
    held.close()
    device(tmp_path)


def test_a_kill_while_a_recording_is_written_leaves_it_absent(device: Device, tmp_path: Path) -> None:
    state = device(tmp_path)
    storage = Storage(100 * MIB, state)
    kept = close(storage, MemoryBlob(b"kept"))

    class Kill(BaseException):
        pass

    class DiesWhenRead(MemoryBlob):
        reads = 0

        def read(self, offset: int, size: int) -> bytes:
            type(self).reads += 1
            if self.reads > 1:  # the first read makes the table
                raise Kill
            return super().read(offset, size)

    with pytest.raises(Kill):
        close(storage, MemoryBlob(b"whole"), DiesWhenRead(b"x" * 100))
    state.close()
    again = Storage(100 * MIB, device(tmp_path))
    assert [r.manifest for r in again.page(0, 10)] == [kept] and again.next_sequence == 2
    assert sorted(p.name for p in (tmp_path / "recordings").iterdir()) == [
        f"00000001-{kept.recording_id.hex()}"
    ]


@pytest.mark.parametrize("skipped", [None, "RecordingFiles._write_bytes: sync"])
def test_bytes_of_footage_are_durable_before_their_recording_is_stored(skipped: str | None) -> None:
    flash = ForgetfulFlash(skipped)
    data = random.Random(1).randbytes(50_000)
    close(Storage(100 * MIB, StateDirectory(flash)), MemoryBlob(data))
    flash.sync_directory()
    lost = 0
    for seed in range(20):
        left = flash.copy()
        left.lose_power(random.Random(seed))
        (found,) = Storage(100 * MIB, StateDirectory(left)).page(0, 9) or (None,)
        lost += found is None or found.blobs[0].read(0, 99_999) != data
    assert (lost > 0) == (skipped is not None)


def test_what_destroys_footage_leaves_nothing_of_it(new_camera: Callable[..., SimCamera]) -> None:
    flash = MemoryFlash()
    camera = new_camera(recordings=2, state=flash)
    assert camera.wearer.start()
    camera.time.skip(3)
    camera.settle()
    assert {"open.footage", "open.chunks", "recording.json", "sequence.json"} <= set(flash.names())
    destroy_footage(StateDirectory(flash))
    for seed in range(20):
        left = flash.copy()
        left.lose_power(random.Random(seed))
        assert set(left.names()) <= {"form.json", "audit.log", "device.json", "trust.json"}


@pytest.mark.rule("REC-007")
def test_a_number_is_never_used_again_when_the_last_recording_is_gone(device: Device, tmp_path: Path) -> None:
    state = device(tmp_path)
    storage = Storage(100 * MIB, state)
    close(storage, MemoryBlob(b"1"))
    last = close(storage, MemoryBlob(b"2"))
    state.close()
    (tmp_path / "recordings" / f"00000002-{last.recording_id.hex()}").rename(tmp_path / "elsewhere")
    again = Storage(100 * MIB, device(tmp_path))
    assert again.next_sequence == 3 and again.last_manifest_sha256 == last.sha256


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: (d / "manifest.cbor").write_bytes(b"\xa0"),
        lambda d: (d / "segment-000.table").write_bytes(bytes(32)),
        lambda d: (d / "segment-000.bin").write_bytes(b"short"),
        lambda d: (d / "annotations.json").write_bytes(b"["),
    ],
)
def test_a_damaged_recording_is_reported_and_the_others_stay(
    device: Device, tmp_path: Path, damage: object
) -> None:
    state = device(tmp_path)
    storage = Storage(100 * MIB, state)
    broken, whole = close(storage, MemoryBlob(b"broken!")), close(storage, MemoryBlob(b"whole"))
    state.close()
    damage(tmp_path / "recordings" / f"00000001-{broken.recording_id.hex()}")
    again = Storage(100 * MIB, device(tmp_path))
    assert [r.manifest for r in again.page(0, 10)] == [whole]
    assert len(again.damaged) == 1 and again.damaged[0].startswith("00000001-")


def test_content_is_durable_before_its_name_and_the_name_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        steps.append("sync " + ("directory" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"))
        sync(handle)

    def rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    monkeypatch.setattr(Path, "rename", rename)
    flash = DirectoryFlash(tmp_path)
    write_atomic(flash, "name", b"content")
    assert steps == ["sync file", "rename", "sync directory"]
    steps.clear()
    files = RecordingFiles(flash, Unsigned())
    manifest = close(Storage(MIB), MemoryBlob(b"x"))
    steps.clear()
    files.store(manifest, manifest.encode(), b"signature", [bytes(32)], [MemoryBlob(b"x")], Said([]))
    flash.close()
    assert steps[-2:] == ["rename", "sync directory"] and steps.count("sync file") == 5
    assert steps.index("rename") > 0 and steps[0] == "sync file"


def test_a_part_of_the_state_is_kept_by_name(device: Device, tmp_path: Path) -> None:
    state = device(tmp_path)
    state.save("battery", {"charge": 0.5})
    assert state.load("battery") == {"charge": 0.5} and state.load("clock") is None
    state.remove("battery")
    state.remove("battery")
    assert state.load("battery") is None
    (tmp_path / "clock.json").write_text(json.dumps([1]))
    with pytest.raises(StateError, match="damaged"):
        state.load("clock")


def test_chunks_of_a_large_recording_are_fast_to_make() -> None:
    """No limit of time here (machines differ): it guards that a read costs one copy and no loop over bytes."""
    blob, began = SyntheticBlob(1, 1 << 30), time.process_time()
    for offset in range(0, 64 * MIB, CHUNK_SIZE):
        blob.read(offset, CHUNK_SIZE)
    assert time.process_time() - began < 5
