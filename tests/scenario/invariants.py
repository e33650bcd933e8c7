"""The invariants of footage, a function each, of a day that may have been cut anywhere (see `whole_site`).

Each looks at what is there, by means of its own: hashes, signatures and names, and never at what a program took for
true. `ALL` has those that hold at every instant, `AT_THE_END` those that a day has when nothing more is cut.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Final

from bwc_protocol.certificates.checks import Trust
from bwc_protocol.declare import Role
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.annotation_head import verify_annotation_head
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.object_list import ObjectList
from bwc_protocol.documents.receipt import SignedReceipt, verify_receipt_signature
from bwc_protocol.documents.tombstone import SignedTombstone, verify_tombstone
from bwc_protocol.evidence import NO_SHA256, ChunkHasher, Manifest, annotation_root, verify_table
from bwc_protocol.messages.recordings import EraseRecording
from bwc_sdk.destination.proof import NAME_PROBE
from bwc_sdk.destination.receipt_signing import ReceiptMade, sign_receipts
from bwc_sdk.evidence.custody_chain import check_chain
from bwc_sdk.evidence.custody_line import CustodyLine, is_chain
from bwc_sdk.evidence.naming import recording_name, segment_name
from bwc_sdk.offload import (
    Erased,
    NotErased,
    ReceiptDelivered,
    ReceiptSigned,
    StoredVerified,
)
from firmware_sim.storage.blobs import SealedBlob
from firmware_sim.storage.storage import StoredRecording
from tests.scenario.whole_site import STORE, WholeSite, host
from tests.sim.camera_life import CHUNK
from tests.sim.conftest import Desk
from tools.testkit import agencies
from tools.testkit.model_disk import ModelDisk

FOOTAGE: Final = re.compile(r"[^_]+_([0-9a-f]{32})_(\d{3})_[0-9a-f]{16}\.mp4(\.sealed)?")
PIECE: Final = 32
"""Bytes of footage that nobody meets by chance."""
ATTEMPTS_LEAVE_MAX: Final = 16
"""Files of `.incoming` that a day may leave behind: of each recording a few, of no attempt one more."""


@dataclass
class Known:
    """A recording as the camera closed it."""

    manifest: Manifest
    footage: tuple[bytes, ...]
    secrets: frozenset[bytes]
    """Its content keys, and pieces of what was before the lens."""


@dataclass
class Memory:
    """What was seen until now: what must never be otherwise again."""

    known: dict[bytes, Known] = field(default_factory=dict)
    """Each recording that ever was listed."""
    stood: dict[str, bytes] = field(default_factory=dict)
    """What stood under final names, on the medium."""
    numbers: dict[str, int] = field(default_factory=dict)
    """What only grows."""


Store = Mapping[str, bytes]


def durable(disk: ModelDisk) -> dict[str, bytes]:
    """What of a destination is on its medium, whatever a program sees."""
    return {name: bytes(inode.durable) for name, inode in disk.durable[""].items() if name != NAME_PROBE}


def tombstones(site: WholeSite) -> dict[bytes, SignedTombstone]:
    """What the camera has erased, by its signed word."""
    signed = [_tombstone(one.document, site.camera.serial) for one in site.camera.storage.tombstones.all]
    return {one.tombstone.recording_id: one for one in signed}


@cache
def _tombstone(document: bytes, camera: str) -> SignedTombstone:
    agency = agencies.real()
    return verify_tombstone(document, agency.anchors, lab=agency.id, camera=camera)


@cache
def _receipt(document: bytes) -> SignedReceipt:
    agency = agencies.real()
    return verify_receipt_signature(document, agency.anchors, Trust(lab=agency.id, denied=None))


@cache
def _stated(content: bytes, signature: bytes, camera: str) -> None:
    agency = agencies.real()
    verify_device_statement(content, signature, agency.anchors, lab=agency.id, camera=camera)


@cache
def _said(content: bytes) -> AnnotationFile:
    agency, file = agencies.real(), AnnotationFile.decode(content)
    verify_annotation_head(file.signed_head(agency.id), file.signature, agency.anchors)
    return file


def receipts(store: Store) -> dict[bytes, SignedReceipt]:
    """The receipts of a store that count by their signature."""
    signed = [_receipt(content) for name, content in store.items() if name.endswith(".receipt")]
    return {one.sha256: one for one in signed}


def table_of(footage: bytes, chunk_size: int) -> bytes:
    """The hashes of its chunks."""
    hasher = ChunkHasher(chunk_size)
    hasher.update(footage)
    return hasher.table()


def whole_in(store: Store, known: Known, head: bytes) -> bool:
    """Whether a store has a recording with its annotations, bit for bit what the camera recorded."""
    manifest = known.manifest
    whole = recording_name(manifest.camera, manifest.recording_id, manifest.sha256)
    if store.get(whole + ".manifest") != manifest.encode():
        return False
    for number, footage in enumerate(known.footage):
        name = segment_name(manifest.camera, manifest.recording_id, number, manifest.sha256)
        if footage not in (store.get(name + ".mp4"), store.get(name + ".mp4.sealed")):
            return False
        if store.get(name + ".table") != table_of(footage, manifest.segments[number].chunk_size):
            return False
    if head == annotation_root(manifest.sha256):
        return True
    said = store.get(f"{whole}_{head.hex()[:16]}.annotations")
    return said is not None and _said(said).head == head


def _listed(site: WholeSite) -> list[StoredRecording]:
    return list(site.camera.listing(0, 99))


# At every instant


def i1_nothing_is_lost(site: WholeSite, memory: Memory) -> None:
    """Each recording that ever was is whole on the camera, or whole on the medium of a store that has its receipt."""
    here, gone, store = {one.recording_id: one for one in _listed(site)}, tombstones(site), durable(site.disk)
    signed = receipts(store)
    for which, known in memory.known.items():
        if which in here:
            kept = tuple(
                bytes(site.camera.storage.read(which, number, 0, facts.size_bytes))
                for number, facts in enumerate(known.manifest.segments)
            )
            assert kept == known.footage, "it is whole on the camera"
            continue
        assert which in gone, "what is on no camera has a tombstone"
        tombstone = gone[which].tombstone
        assert whole_in(store, known, tombstone.annotations_sha256), "and is whole in the store"
        assert tombstone.receipts and set(tombstone.receipts) <= set(signed), "which has its receipt"


def i2_nothing_is_altered(site: WholeSite, memory: Memory) -> None:
    """What stands under a final name is what the manifest says that the camera signed."""
    for store in (site.disk.final(), durable(site.disk)):
        for name, content in store.items():
            if name.endswith(".manifest"):
                manifest = Manifest.decode(content)
                assert manifest == memory.known[manifest.recording_id].manifest
                if (signature := store.get(name + ".cose")) is not None:
                    _stated(content, signature, manifest.camera)
            if name.endswith(".annotations"):
                assert name.endswith(f"_{_said(content).head.hex()[:16]}.annotations")


def i3_there_is_no_phantom(site: WholeSite, memory: Memory) -> None:
    """Footage under a final name is whole and as it was recorded, whenever somebody looks; what belongs to it on the
    medium, too, is its own."""
    for store in (site.disk.final(), durable(site.disk)):
        for name, content in store.items():
            found = FOOTAGE.fullmatch(name)
            if found is None:
                continue
            known = memory.known[bytes.fromhex(found[1])]
            assert content == known.footage[int(found[2])]
            table = store.get(name.partition(".")[0] + ".table")
            if table is not None:  # a cut may leave the one name without the other: the next run ends it
                verify_table(table, known.manifest.segments[int(found[2])])


def i4_nothing_is_written_over(site: WholeSite, memory: Memory) -> None:
    """What once stood on the medium under a final name stands there as it was; a custody chain only grows."""
    store = durable(site.disk)
    for name, content in memory.stood.items():
        if is_chain(name):
            whole = content[: content.rfind(b"\n") + 1]
            assert store[name].startswith(whole), name
        else:
            assert store[name] == content, name
    memory.stood = store


def i6_each_thing_comes_after_what_it_speaks_of(site: WholeSite, memory: Memory) -> None:
    """Data < receipt < what the camera keeps of it < tombstone < the tombstone in the store: all on a medium."""
    store, gone = durable(site.disk), tombstones(site)
    signed = receipts(store)
    for receipt in (one.receipt for one in signed.values()):
        objects = next(
            content
            for name, content in store.items()
            if name.endswith(".objects") and hashlib.sha256(content).digest() == receipt.objects_sha256
        )
        for entry in ObjectList.decode(objects).objects:
            content = store[entry.key]
            table = store.get(entry.key.partition(".mp4")[0] + ".table")
            digest = hashlib.sha256(table if ".mp4" in entry.key and table is not None else content).digest()
            assert (len(content), digest) == (entry.size_bytes, entry.sha256), entry.key
        assert whole_in(store, memory.known[receipt.recording_id], receipt.annotations_sha256)
    kept = {one.sha256 for recording in _listed(site) for one in recording.receipts}
    assert kept <= set(signed), "the camera has no receipt that the store has not"
    for one in gone.values():
        assert set(one.tombstone.receipts) <= set(signed)
    for name, content in store.items():
        if name.endswith(".tombstone"):
            found = _tombstone(content, site.camera.serial)
            assert gone[found.tombstone.recording_id].sha256 == found.sha256


def i7_everything_is_bounded(site: WholeSite, memory: Memory) -> None:
    """What attempts leave behind does not grow with their number."""
    assert len(site.disk.live[".incoming"]) <= ATTEMPTS_LEAVE_MAX


def i8_nothing_leaks(site: WholeSite, memory: Memory) -> None:
    """Neither what was before the lens nor a key to it is in any file of the dock or the destination."""
    files = [bytes(inode.live) for names in site.disk.live.values() for inode in names.values()]
    for known in memory.known.values():
        for secret in known.secrets:
            assert not any(secret in content for content in files)


def i9_what_was_told_is_so(site: WholeSite, memory: Memory) -> None:
    """Stored is stored, signed is signed, delivered is kept, erased is erased; each recording has one outcome."""
    told, store, gone = site.told, durable(site.disk), tombstones(site)
    signed = receipts(store)
    for result, events in told.runs:
        for outcome in result.outcomes:
            assert isinstance(outcome, StoredVerified), outcome
            known = memory.known[outcome.entry.recording]
            assert whole_in(store, known, annotation_root(known.manifest.sha256))
        erased = [one.recording for one in events if isinstance(one, Erased)]
        stays = [one.recording for one in events if isinstance(one, NotErased)]
        if erased or stays:
            assert sorted(erased + stays) == sorted(one.entry.sequence for one in result.outcomes)
    of = {one.recording_id: one for one in _listed(site)}
    by_sequence = {one.sequence: one for one in _listed(site)}
    for event in told.events:
        match event:
            case Erased(recording_id=which):
                assert which in gone, "the camera said so"
            case ReceiptSigned(sha256=digest):
                assert digest in signed
            case ReceiptDelivered(recording=sequence, sha256=digest) if sequence in by_sequence:
                assert digest in {one.sha256 for one in by_sequence[sequence].receipts}
            case ReceiptDelivered(sha256=digest):
                assert any(digest in one.tombstone.receipts for one in gone.values())
    for made in told.receipts:
        assert isinstance(made, ReceiptMade) and made.sha256 in signed and not made.passed_by
    for which, (count, head) in told.annotated.items():
        if which in of:
            assert of[which].annotations_sha256 == head or len(of[which].annotations) > count
        else:
            assert gone[which].tombstone.annotations >= count


def i10_chains_hold(site: WholeSite, memory: Memory) -> None:
    """The custody chain of the store holds and names what was told; the camera's log and tombstones are chained."""
    store = site.disk.final()
    named = set()
    for name in filter(is_chain, store):
        lines = store[name].splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # which the next one cuts off, and says so
        for line in check_chain(name, lines):
            assert isinstance(line, CustodyLine), line
            named.add((line.file, line.sha256))
    for event in site.told.events:
        if isinstance(event, ReceiptSigned):
            assert (event.path.name, hashlib.sha256(store[event.path.name]).digest()) in named
    for result, _ in site.told.runs:
        for outcome in result.outcomes:
            for segment in outcome.segments if isinstance(outcome, StoredVerified) else ():
                record = segment.path.name.partition(".mp4")[0] + ".custody.json"
                assert (record, hashlib.sha256(store[record]).digest()) in named
    assert site.camera.audit.verify_tail()[0]
    previous = NO_SHA256
    for number, one in enumerate(tombstones(site).values(), 1):
        assert (one.tombstone.counter, one.tombstone.previous_sha256) == (number, previous)
        previous = one.sha256
    assert not site.camera.missing() and not site.camera.storage.damaged
    manifests = sorted((known.manifest for known in memory.known.values()), key=lambda one: one.sequence)
    for before, after in pairwise(manifests):
        assert (after.sequence, after.previous_sha256) == (before.sequence + 1, before.sha256)


def i13_nothing_goes_backward(site: WholeSite, memory: Memory) -> None:
    """Numbers of recordings, entries of the log, tombstones, receipts and boots only grow."""
    camera = site.camera
    by_destination = {one.receipt.destination: 0 for one in receipts(durable(site.disk)).values()}
    for one in receipts(durable(site.disk)).values():
        by_destination[one.receipt.destination] += 1
    now = {
        "recordings": camera.storage.next_sequence,
        "log": camera.audit.head()[0],
        "tombstones": len(camera.storage.tombstones.all),
        **{f"receipts of {name}": count for name, count in by_destination.items()},
    }
    for what, number in memory.numbers.items():
        assert now.get(what, 0) >= number, what
    memory.numbers = now
    counters = [
        (one.receipt.destination, one.receipt.counter) for one in receipts(site.disk.final()).values()
    ]
    assert len(counters) == len(set(counters)), "no number is given twice"


# At the end


def i5_again_changes_nothing(site: WholeSite, memory: Memory) -> None:
    """Offloaded, receipted, delivered and asked to erase once more, nothing is otherwise, and nobody hears no."""

    def seen() -> tuple[object, ...]:
        return durable(site.disk), [one.sha256 for one in tombstones(site).values()]

    before, signed = seen(), receipts(durable(site.disk))
    site.take("once more", site.last)
    for name in {one.receipt.destination for one in signed.values()}:
        again = list(sign_receipts(STORE, host(name, Role.DESTINATION), world=site.world()))
        assert {isinstance(one, ReceiptMade) and one.fresh for one in again} <= {False}
    for one in tombstones(site).values():
        tombstone = one.tombstone
        about = (tombstone.recording_id, tombstone.manifest_sha256, tombstone.annotations_sha256)
        recording, manifest, head = about
        Desk(site.camera).ask(
            EraseRecording(recording=recording, manifest_sha256=manifest, annotations_sha256=head)
        )
    assert seen() == before


def i11_it_ends(site: WholeSite, memory: Memory) -> None:
    """Once nothing is cut any more, everything is erased, and the store has it, its receipt and its tombstone."""
    assert not _listed(site)
    store = durable(site.disk)
    gone = tombstones(site)
    assert set(gone) == set(memory.known) and len(gone) == site.camera.storage.next_sequence - 1
    assert len([name for name in store if name.endswith(".tombstone")]) == len(gone)
    left = [name for name in site.flash.contents() if any(which.hex() in name for which in gone)]
    assert not left, "the blocks are free"


Invariant = Callable[[WholeSite, Memory], None]
ALL: Final[tuple[Invariant, ...]] = (
    i1_nothing_is_lost,
    i2_nothing_is_altered,
    i3_there_is_no_phantom,
    i4_nothing_is_written_over,
    i6_each_thing_comes_after_what_it_speaks_of,
    i7_everything_is_bounded,
    i8_nothing_leaks,
    i9_what_was_told_is_so,
    i10_chains_hold,
    i13_nothing_goes_backward,
)
"""I12 (no decision by the clock): the host's clock is set wrongly at each cut."""
AT_THE_END: Final[tuple[Invariant, ...]] = (i11_it_ends, i5_again_changes_nothing)


def remember(site: WholeSite, memory: Memory) -> None:
    """Takes note of what the camera has closed."""
    for one in _listed(site):
        if one.recording_id in memory.known:
            continue
        footage, secrets = [], set()
        for number, facts in enumerate(one.manifest.segments):
            footage.append(bytes(site.camera.storage.read(one.recording_id, number, 0, facts.size_bytes)))
            blob = one.blobs[number]
            assert isinstance(blob, SealedBlob), "it is encrypted"
            secrets.add(blob.key)
            for offset in range(0, blob.plain.size_bytes - PIECE, CHUNK):
                secrets.add(bytes(blob.plain.read(offset, PIECE)))
        memory.known[one.recording_id] = Known(one.manifest, tuple(footage), frozenset(secrets))
