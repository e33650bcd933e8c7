"""Each step that a receipt depends on, where it alone makes the difference: without it one of these fails."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.deny_list import Denied, DeniedBy
from bwc_protocol.documents.object_list import ObjectList
from bwc_protocol.documents.receipt import Receipt
from bwc_protocol.documents.signed_document import SignedDocument
from bwc_protocol.evidence import ChunkHasher, Manifest, sign1
from bwc_protocol.evidence.sign1 import KeySigner
from bwc_protocol.session.tls import KeyCredentials
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.destination import custody_log, receipt_signing
from bwc_sdk.destination.custody_log import ChainHeld, CustodyLog
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.directory_store import PIECE, DirectoryStore
from bwc_sdk.destination.receipt_signing import NotReceipted, ReceiptMade, sign_receipts, verify_in_store
from bwc_sdk.errors import DestinationBusy, DestinationError, DocumentError, EvidenceMismatch
from bwc_sdk.evidence import read_back
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.identity.host_identity import HostIdentity
from tests.offload.test_receipt_signing import (
    AGENCY,
    STORE_1,
    UTC_NS,
    device_of,
    identity,
    said,
    sign,
    stored_in,
    stored_on,
    world,
)
from tests.tiers import Tier, chosen
from tools.testkit import agencies

S = 1_000_000_000


@pytest.fixture
def store(lab: Any, tmp_path: Path) -> Path:
    return stored_in(lab, tmp_path / "store")


def refused(made: list[Any]) -> NotReceipted:
    (found,) = (one for one in made if isinstance(one, NotReceipted))
    return found


def receipt_of(made: list[Any], name: str) -> ReceiptMade:
    (found,) = (one for one in made if one.name == name)
    assert isinstance(found, ReceiptMade), found
    return found


def stands(path: Path, content: bytes) -> None:
    """Puts something where something else may stand already."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


# Who signs, and when


def test_a_certificate_that_has_ended_signs_nothing_not_even_that_it_was_signed_before(store: Path) -> None:
    sign(store)
    later = dataclasses.replace(world(), utc_ns=lambda: UTC_NS + 20 * 365 * 86_400 * S)
    with pytest.raises(DocumentError) as refusal:
        list(sign_receipts(store, STORE_1, world=later))
    assert "renew the certificate" in refusal.value.advice


def test_a_certificate_that_ends_while_it_signs_signs_nothing_more(store: Path) -> None:
    now = [UTC_NS]
    made = sign_receipts(store, STORE_1, world=dataclasses.replace(world(), utc_ns=lambda: now[0]))
    assert isinstance(next(made), ReceiptMade)
    now[0] += 20 * 365 * 86_400 * S
    with pytest.raises(DocumentError, match="signed"):
        next(made)
    assert len(list(store.glob("*.receipt"))) == 1


def denying(by: HostIdentity, name: str) -> HostIdentity:
    """The same with a newer deny list of its agency."""
    data = agencies.deny_list(AGENCY, 1, Denied(by=DeniedBy.NAME, name=name))
    made = HostIdentity.of(by.credentials, AGENCY.anchors)
    made.deny_lists.take(data, b"")
    return made


def test_a_destination_that_is_denied_signs_nothing_and_leaves_no_file_for_each_attempt(store: Path) -> None:
    sign(store)
    before = sorted(path.name for path in store.iterdir())
    with pytest.raises(DocumentError, match="denied") as refusal:
        sign(store, denying(STORE_1, "store-1"))
    assert "new certificate" in refusal.value.advice
    assert sorted(path.name for path in store.iterdir()) == before


def test_a_receipt_of_a_key_that_is_denied_does_not_count_and_the_new_key_signs_beside_it(
    store: Path,
) -> None:
    first, _ = sign(store)
    key = STORE_1.certificate.key_sha256
    fresh = identity()
    data = agencies.deny_list(AGENCY, 1, Denied(by=DeniedBy.KEY, name="store-1", key=key))
    fresh.deny_lists.take(data, b"")
    again = receipt_of(sign(store, fresh), first.name)
    assert again.fresh and again.passed_by == (first.path.name,)
    with pytest.raises(DocumentError):
        verify_in_store(first.path.read_bytes(), store, AGENCY.anchors, "", fresh.deny_lists)
    verify_in_store(again.path.read_bytes(), store, AGENCY.anchors, "", fresh.deny_lists)


# What stands there already


def _by_another_agency(one: ReceiptMade, objects: Path) -> bytes:
    stranger = agencies.real("Other PD").host("store-1", Role.DESTINATION)
    return SignedDocument(one.receipt.encode()).signed_by(KeySigner(stranger.chain, stranger.key)).encode()


def _over_no_list(one: ReceiptMade, objects: Path) -> bytes:
    stands(objects, b"no list of objects")
    changed = dataclasses.replace(one.receipt, objects_sha256=hashlib.sha256(b"no list of objects").digest())
    return SignedDocument(changed.encode()).signed_by(STORE_1.credentials).encode()


def _of_an_older_head(one: ReceiptMade, objects: Path) -> bytes:
    changed = dataclasses.replace(one.receipt, annotations_sha256=bytes(32), annotations=7)
    return SignedDocument(changed.encode()).signed_by(STORE_1.credentials).encode()


def _of_another_destination(one: ReceiptMade, objects: Path) -> bytes:
    changed = dataclasses.replace(one.receipt, destination="store-2")
    return SignedDocument(changed.encode()).signed_by(identity("store-2").credentials).encode()


def _with_another_list(one: ReceiptMade, objects: Path) -> bytes:
    rows = ObjectList.decode(objects.read_bytes()).objects
    stands(objects, ObjectList(rows[:-1]).encode())
    return one.path.read_bytes()


@pytest.mark.rule("REC-077", "REC-079")
@pytest.mark.parametrize(
    "instead",
    [_by_another_agency, _over_no_list, _of_an_older_head, _of_another_destination, _with_another_list],
)
def test_a_receipt_that_does_not_count_is_not_taken_for_one(
    store: Path, instead: Callable[[ReceiptMade, Path], bytes]
) -> None:
    first, _ = sign(store)
    stands(first.path, instead(first, first.path.with_suffix(".objects")))
    there = first.path.read_bytes()
    again = receipt_of(sign(store), first.name)
    assert again.fresh and again.passed_by == (first.path.name,), "it signs anew, under the next name"
    assert first.path.read_bytes() == there
    verify_in_store(again.path.read_bytes(), store, AGENCY.anchors, "", None)


@pytest.mark.parametrize("suffix", [".objects", ".receipt"])
def test_what_comes_under_the_name_in_the_last_moment_is_not_written_over(
    store: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    create, came = DirectoryStore.create, []

    def late(of: DirectoryStore, key: str, content: bytes) -> bool:
        if key.endswith(suffix) and not came:
            came.append(store / key)
            (store / key).write_bytes(b"of somebody else")
        return create(of, key, content)

    monkeypatch.setattr(DirectoryStore, "create", late)
    made = sign(store)
    (path,) = came
    assert path.read_bytes() == b"of somebody else"
    assert all(isinstance(one, ReceiptMade) and one.path != path for one in made)
    for one in made:
        verify_in_store(one.path.read_bytes(), store, AGENCY.anchors, "", None)
    left = [one.name for one in (store / ".incoming").iterdir()]
    assert not [name for name in left if name.endswith((".objects", ".receipt"))], "nothing half-done is left"


def test_where_all_names_are_taken_there_is_no_receipt(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_signing, "ATTEMPTS_MAX", 2)
    first, _ = sign(store)
    for path in (first.path, first.path.with_name(first.path.stem + "-2.receipt")):
        stands(path, b"something else")
    assert "too many files" in refused(sign(store)).reason


# What is read back


def test_footage_and_table_that_were_changed_together_are_not_what_the_manifest_says(store: Path) -> None:
    (table,) = (path for path in store.glob("*_001_*.table"))
    footage = table.with_suffix(".mp4")
    other = bytes(footage.stat().st_size)
    hasher = ChunkHasher(4096)
    hasher.update(other)
    stands(footage, other)
    stands(table, hasher.table())
    assert "chunk table of segment 1 is another one" in refused(sign(store)).reason


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: bytes([data[0] ^ 1]) + data[1:], "chunk 0 of segment 0 is not what its table says"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "chunk 2 of segment 0 is not what its table says"),
        (lambda data: data[: 2 * 4096], f"segment 0 has {2 * 4096} bytes, not 10000"),
        (lambda data: data + bytes(4096), f"segment 0 has {10_000 + 4096} bytes, not 10000"),
    ],
)
def test_of_footage_it_is_told_what_is_wrong(
    store: Path, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    (footage,) = (path for path in store.glob("*_000_*.mp4") if path.stat().st_size == 10_000)
    stands(footage, spoil(footage.read_bytes()))
    assert refused(sign(store)).reason == reason


@pytest.mark.parametrize("size", [2 * 4096, 3 * 4096 + 1])
def test_footage_of_another_length_is_found_by_its_chunks_alone(size: int) -> None:
    """Whatever a store says of a size."""
    hasher = ChunkHasher(4096)
    hasher.update(bytes(3 * 4096))
    assert read_back._bad_chunk([memoryview(bytes(3 * 4096))], 4096, hasher.table()) is None
    assert read_back._bad_chunk([memoryview(bytes(size))], 4096, hasher.table()) is not None


def test_a_manifest_under_the_name_of_another_one_is_no_recording(store: Path) -> None:
    first, second = sorted(store.glob("*.manifest"))
    stands(first, second.read_bytes())
    assert refused(sign(store)).reason == "its manifest is another recording's, or was changed"


def test_a_manifest_that_its_camera_signed_is_receipted_with_the_signature(store: Path) -> None:
    path = sorted(store.glob("*.manifest"))[0]
    camera = Manifest.decode(path.read_bytes()).camera
    made = AGENCY.device(camera, PeerKind.CAMERA)
    signature = path.with_name(path.name + ".cose")
    signature.write_bytes(sign1.sign(path.read_bytes(), KeyCredentials(made.chain, made.key)))
    one = receipt_of(sign(store), path.name.removesuffix(".manifest"))
    assert one.manifest_signed is True
    objects = ObjectList.decode(one.path.with_suffix(".objects").read_bytes()).objects
    assert signature.name in {entry.key for entry in objects}
    signature.unlink()
    with pytest.raises(EvidenceMismatch):
        verify_in_store(one.path.read_bytes(), store, AGENCY.anchors, "", None)


def test_what_goes_while_others_are_signed_gets_no_receipt(store: Path) -> None:
    made = sign_receipts(store, STORE_1, world=world())
    first = next(made)
    for path in store.glob("*.mp4"):
        if not path.name.startswith(first.name[:40]):
            path.unlink()
    assert "is not there" in refused([*made]).reason


def test_annotations_of_another_recording_are_not_taken_for_this_ones(store: Path) -> None:
    own = said(store, 2)
    file = AnnotationFile.decode(own.read_bytes())
    strange = dataclasses.replace(file, recording_id=bytes(16))
    stands(own, strange.encode())
    assert refused(sign(store)).reason == "none of its files of annotations can be read, or is its camera's"


def test_files_of_annotations_are_bounded(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_back, "HEADS_MAX", 2)
    for count in (1, 2, 3):
        said(store, count)
    assert refused(sign(store)).reason == "3 files of annotations are too many"


@pytest.mark.parametrize("suffix", [".manifest", ".table", ".mp4"])
def test_a_recording_that_cannot_be_read_keeps_no_other_one_from_its_receipt(lab: Any, suffix: str) -> None:
    disk = stored_on(lab)
    files = lab.files(disk)
    name = min(name for name in disk.final() if name.endswith(suffix))
    bad, read = disk.live[""][name], files.read

    def fails(file: int, into: memoryview, offset: int) -> int:
        if files._handles[file] is bad:
            raise OSError(errno.EIO, "injected")
        return int(read(file, into, offset))

    files.read = fails
    made = sign(Path("/store"), files=files)
    assert [type(one) for one in made].count(ReceiptMade) == 1
    assert refused(made).reason == "it cannot be read back: injected" and name.startswith(
        refused(made).name[:40]
    )


@pytest.mark.rule("REC-075")
def test_what_is_signed_for_is_on_the_medium_whoever_left_it_in_memory(lab: Any) -> None:
    """An offload is killed, a destination signs for what it finds, and the power goes."""
    clean = lab.files(lab.disk())
    assert lab.run(device_of(lab), clean)[0].complete
    signed = 0
    for step in range(0, clean.steps, {Tier.TEST: 6, Tier.CI: 2, Tier.NIGHT: 1}[chosen()]):
        disk, device = lab.disk(), device_of(lab)

        def stop(now: int, operation: str, step: int = step) -> None:
            if now == step:
                raise lab.power_cut

        with pytest.raises(lab.power_cut):
            lab.run(device, lab.files(disk, stop))
        disk.kill()
        made = [one for one in sign(Path("/store"), files=lab.files(disk)) if isinstance(one, ReceiptMade)]
        disk.power_cut(random.Random(step))
        for one in made:
            signed += 1
            (recording,) = (
                each for each in device.recordings if each.manifest.sha256 == one.receipt.manifest_sha256
            )
            final = disk.final()
            for footage in recording.footage:
                assert footage in final.values(), step
            objects = ObjectList.decode(final[one.path.with_suffix(".objects").name])
            assert all(entry.key in final for entry in objects.objects)
    assert signed


def test_what_was_only_in_memory_is_brought_to_the_medium_before_it_is_signed_for(lab: Any) -> None:
    disk = stored_on(lab)
    inode = next(inode for name, inode in disk.live[""].items() if name.endswith(".mp4"))
    inode.pending, inode.durable = [(0, bytes(inode.live))], bytearray()
    assert all(isinstance(one, ReceiptMade) for one in sign(Path("/store"), files=lab.files(disk)))
    assert inode.durable == inode.live and inode.durable


def test_what_the_medium_has_counts_and_not_what_memory_has(lab: Any) -> None:
    disk = stored_on(lab)
    name = next(name for name in disk.final() if name.endswith(".mp4"))
    disk.live[""][name].durable[5] ^= 1
    made = sign(Path("/store"), files=lab.files(disk))
    assert "is not what its table says" in refused(made).reason and name.startswith(refused(made).name[:40])


# The directory as a destination


def test_a_small_file_that_is_a_large_one_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(5 * PIECE))
    reads: list[int] = []

    class Counting(OsFileSystem):
        def read(self, file: int, into: memoryview, offset: int) -> int:
            reads.append(offset)
            return super().read(file, into, offset)

    opened = Destination.open(Counting(), tmp_path)
    reads.clear()
    assert len(DirectoryStore(opened).read_small("large", 100) or b"") == 101
    assert len(reads) == 1
    opened.close()


def test_a_directory_under_the_name_of_a_manifest_is_told_and_passed_by(store: Path) -> None:
    (store / ("X" * 8 + "_" + "0" * 32 + "_" + "0" * 16 + ".manifest")).mkdir()
    made = sign(store)
    assert "its manifest is none" in refused(made).reason
    assert len([one for one in made if isinstance(one, ReceiptMade)]) == 2


def test_a_custody_chain_that_is_held_is_waited_for(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append, held, waited = CustodyLog.append, [3], []

    def busy(log: CustodyLog, facts: Any) -> None:
        if held[0]:
            held[0] -= 1
            raise ChainHeld
        append(log, facts)

    monkeypatch.setattr(CustodyLog, "append", busy)
    monkeypatch.setattr(custody_log.time, "sleep", waited.append)
    assert len(sign(store)) == 2 and len(waited) == 3
    held[0] = 10**9
    monkeypatch.setattr(custody_log, "CHAIN_LOOKS", 5)
    with pytest.raises(DestinationBusy):
        sign(store)


def test_a_signing_lock_that_cannot_be_had_is_told_as_the_destinations_fault(lab: Any) -> None:
    class Lockless(type(lab.files(lab.disk()))):
        def lock(self, file: int) -> bool:
            raise OSError(errno.ENOLCK, "no locks")

    with pytest.raises(DestinationError):
        sign(Path("/store"), files=Lockless(stored_on(lab)))


# Whether a receipt is still true


@pytest.fixture
def two_heads(store: Path) -> tuple[Path, Path, ReceiptMade, ReceiptMade]:
    """Annotations as they were and as they are, and the receipts of both heads."""
    older = said(store, 1)
    first = receipt_of(sign(store), older.name.rpartition("_")[0])
    newer = said(store, 2)
    return older, newer, first, receipt_of(sign(store), first.name)


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_what_was_said_before_is_part_of_the_older_receipt(
    store: Path, two_heads: tuple[Path, Path, ReceiptMade, ReceiptMade], how: str
) -> None:
    older, _, first, second = two_heads
    for one in (first, second):
        verify_in_store(one.path.read_bytes(), store, AGENCY.anchors, "", None)
    if how == "gone":
        older.unlink()
    else:
        file = AnnotationFile.decode(older.read_bytes())
        stands(older, dataclasses.replace(file, signature=b"another one").encode())
    with pytest.raises(EvidenceMismatch, match=r"\.annotations is not what the receipt names"):
        verify_in_store(first.path.read_bytes(), store, AGENCY.anchors, "", None)
    verify_in_store(second.path.read_bytes(), store, AGENCY.anchors, "", None)


def test_an_object_that_is_another_one_than_was_signed_for_is_told_though_it_is_good(
    store: Path, two_heads: tuple[Path, Path, ReceiptMade, ReceiptMade]
) -> None:
    _, newer, _, second = two_heads
    file = AnnotationFile.decode(newer.read_bytes())
    stands(newer, dataclasses.replace(file, signature=b"another one").encode())
    with pytest.raises(EvidenceMismatch, match="not what the receipt names"):
        verify_in_store(second.path.read_bytes(), store, AGENCY.anchors, "", None)


def test_numbers_go_on_from_what_this_destination_signed(store: Path) -> None:
    sign(store, identity("store-2"))
    first = sign(store)
    assert sorted(one.receipt.counter for one in first) == [1, 2], "each destination has its own"
    said(store, 1)
    again = [one for one in sign(store, identity()) if one.fresh]
    assert [one.receipt.counter for one in again] == [3]
    assert Receipt.decode(SignedDocument.decode(again[0].path.read_bytes()).payload).counter == 3
