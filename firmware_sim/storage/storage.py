"""The camera's storage: closed recordings, their footage, tables and annotations, and how full it is."""

import hashlib
import logging
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from bwc_protocol.evidence import NO_SHA256, Manifest, annotation_head, annotation_root
from bwc_protocol.messages.recordings import AnnotationKind
from firmware_sim.flash.flash import StateError
from firmware_sim.physics.emmc import EmmcHealth
from firmware_sim.state.commit import Change
from firmware_sim.state.directory import StateDirectory
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, digest, part_of, whole, words
from firmware_sim.storage.blobs import Blob, Rotten
from firmware_sim.storage.open_footage import OpenFootage
from firmware_sim.storage.receipts import KeptReceipt
from firmware_sim.storage.recording_files import KeptRecording, RecordingFiles, Said
from firmware_sim.storage.signing import Signing, Unsigned
from firmware_sim.storage.tombstones import KeptTombstone, Tombstones

log = logging.getLogger(__name__)
MAX_ANNOTATIONS: Final = 4_096
"""Annotations of one recording; a host that toggles marks for ever must not fill the flash. Holds and
releases go beyond it, up to what a page index can count: a hold is never refused for want of room."""
MAX_ANNOTATIONS_WITH_HOLDS: Final = 65_535
ACTOR_MAX: Final = 64
TEXT_MAX: Final = 128
CATEGORY_MAX: Final = 32
HOLD_MAX: Final = 32
CASE_MAX: Final = 64
"""Bytes of an annotation's author, its text, of the text of a category, of a hold's id, and of a case or an authority:
what can be told to a host."""
SEQUENCE: Final = "sequence"
SANITISING: Final = "sanitising"
"""Part that is kept while all footage is freed by an order."""
JOURNAL: Final = "recording"
Keep = Callable[[tuple[Change, ...]], object]
"""Keeps changes on the flash, perhaps together with others. Raises `OSError` if it cannot."""


class StorageFull(Exception):
    """There is no room for what should be stored."""


class NoSuchRecording(KeyError):
    """The recording, or the segment of it, does not exist."""


class TooManyAnnotations(Exception):
    """The recording has as many annotations as the device keeps."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A later statement about a recording; `actor` is who made it, the camera itself if a button did."""

    utc_ns: int
    kind: AnnotationKind
    actor: str
    text: str = ""
    hold: str = ""
    case: str = ""
    authority: str = ""


@dataclass(slots=True)
class StoredRecording:
    """One closed recording."""

    manifest: Manifest
    manifest_bytes: bytes
    manifest_sha256: bytes
    signature: bytes
    """Over the manifest, by the camera; empty of one without an identity."""
    tables: tuple[bytes, ...]
    blobs: tuple[Blob, ...]
    annotations: tuple[Annotation, ...] = ()
    annotations_signature: bytes = b""
    """Over their head, by the camera; empty while there are none, and of a camera without an identity."""
    receipts: tuple[KeptReceipt, ...] = ()
    """Those that are kept; which of them count is derived each time."""
    marked: bool = field(init=False, default=False)
    holds: dict[str, tuple[str, str]] = field(init=False, default_factory=dict)
    """Those that are not lifted: case and authority, by their ids."""
    lifted: set[str] = field(init=False, default_factory=set)
    """Ids of holds that were."""
    category: str = field(init=False, default="")
    case: str = field(init=False, default="")
    reviewed: tuple[str, str] = field(init=False, default=("", ""))
    """Who did last, and the note."""
    _head: tuple[int, bytes] = field(init=False, default=(0, b""))
    """How much of the chain is hashed, and its head there: nobody asks it of most recordings."""

    def __post_init__(self) -> None:
        for annotation in self.annotations:
            self._apply(annotation)

    @property
    def recording_id(self) -> bytes:
        """16 bytes."""
        return self.manifest.recording_id

    @property
    def sequence(self) -> int:
        """Its place in the camera's count."""
        return self.manifest.sequence

    @property
    def held(self) -> bool:
        """Whether a hold is left."""
        return bool(self.holds)

    @property
    def annotations_sha256(self) -> bytes:
        """Head of the chain of its annotations."""
        count, head = self._head
        if not count:
            head = annotation_root(self.manifest_sha256)
        if count < len(self.annotations) or not self._head[1]:
            self._head = (len(self.annotations), annotation_head(head, self.annotations[count:]))
        return self._head[1]

    def says(self, annotation: Annotation) -> bool:
        """Whether it already stands where the annotation would put it."""
        match annotation.kind:
            case AnnotationKind.MARKED | AnnotationKind.UNMARKED:
                return self.marked is (annotation.kind is AnnotationKind.MARKED)
            case AnnotationKind.HELD:
                return self.holds.get(annotation.hold) == (annotation.case, annotation.authority)
            case AnnotationKind.LIFTED:
                return annotation.hold not in self.holds
            case AnnotationKind.CATEGORY:
                return self.category == annotation.text
            case AnnotationKind.CASE:
                return self.case == annotation.case
            case AnnotationKind.REVIEWED:
                return self.reviewed == (annotation.actor, annotation.text)
            case AnnotationKind.ASSIGNMENT:
                return False

    def annotate(self, annotation: Annotation) -> None:
        """Adds an annotation; earlier ones stay."""
        self.annotations = (*self.annotations, annotation)
        self._apply(annotation)

    def _apply(self, annotation: Annotation) -> None:
        match annotation.kind:
            case AnnotationKind.MARKED | AnnotationKind.UNMARKED:
                self.marked = annotation.kind is AnnotationKind.MARKED
            case AnnotationKind.HELD:
                self.holds[annotation.hold] = (annotation.case, annotation.authority)
                self.lifted.discard(annotation.hold)
            case AnnotationKind.LIFTED:
                self.holds.pop(annotation.hold, None)
                self.lifted.add(annotation.hold)
            case AnnotationKind.CASE:
                self.case = annotation.case
            case AnnotationKind.REVIEWED:
                self.reviewed = annotation.actor, annotation.text
            case AnnotationKind.CATEGORY:
                self.category = annotation.text
            case AnnotationKind.ASSIGNMENT:
                pass  # who carried the camera: kept, and nothing follows from it here


class Storage:
    """All recordings of one camera, on its flash; without `state` on one of their own.

    Recordings are kept in the order of their sequence numbers. Whether one may be erased is judged by the caller.
    """

    def __init__(
        self,
        capacity_bytes: int,
        state: StateDirectory | None = None,
        emmc: EmmcHealth | None = None,
        signing: Signing | None = None,
    ) -> None:
        self.capacity_bytes = capacity_bytes
        self.emmc = emmc if emmc is not None else EmmcHealth(capacity_bytes)
        self.pending_bytes = self.taken_bytes = 0
        """Room that the recording in progress has taken so far, and that a bench has taken, of nothing."""
        self.rotten: dict[tuple[bytes, int], Rotten] = {}
        """Segments that a fault plan damaged: their bytes are not what was stored."""
        self.damaged: tuple[str, ...] = ()
        """Recordings that were kept and cannot be used: left as they are, and not listed."""
        self._state = state if state is not None else StateDirectory()
        self._signing = signing if signing is not None else Unsigned()
        self._files = RecordingFiles(self._state.flash, self._signing)
        self.tombstones = Tombstones(self._state)
        self.open_footage = OpenFootage(self._state.commits)
        self._journal: dict[str, Any] | None = None
        self._by_id: dict[bytes, StoredRecording] = {}
        self._in_order: list[StoredRecording] = []
        self._used_bytes = 0
        self._hurried = False
        self._last_sequence = 0
        self._last_sha256 = NO_SHA256
        self._unfreed: dict[bytes, Manifest] = {}
        """Recordings that have a tombstone, and blocks that could not be freed yet."""
        self._free_what_is_erased()
        self._load()

    def _free_what_is_erased(self) -> None:
        """What a loss of power left of recordings that have a tombstone. Raises `OSError`."""
        if self._state.load(SANITISING) is not None:
            self._files.free_all()
            self._state.remove(SANITISING)
        for kept in self.tombstones.all:
            self._files.free(kept.tombstone.sequence, kept.tombstone.recording_id)

    def _load(self) -> None:
        loaded, damaged = self._files.load()
        counted = self._state.load(SEQUENCE)
        last, last_sha256 = 0, NO_SHA256
        if counted is not None:
            part_of(counted, "the count of recordings", ("last", "manifest_sha256"))
            last, last_sha256 = whole(counted, "last", 0, U32_MAX - 1), digest(counted, "manifest_sha256")
        erased = {one.tombstone.sequence: one.tombstone.manifest_sha256 for one in self.tombstones.all}
        good, forged = _chained(loaded, {last: last_sha256} | erased)
        damaged += forged
        for kept in good:
            try:
                self._remember(self._checked(kept))
            except (StateError, KeyError, TypeError, ValueError) as error:
                damaged.append(f"{_name(kept)}: {error}")
        for number, sha256 in ((last, last_sha256), *erased.items()):
            if number > self._last_sequence:
                self._last_sequence, self._last_sha256 = number, sha256
        self.damaged = tuple(sorted(damaged))
        beyond = [name for name in self.damaged if _number(name) > self._last_sequence]
        if beyond:
            raise StateError(f"the chain of recordings has no end that can be read: {beyond[-1]}")

    def _checked(self, kept: KeptRecording) -> StoredRecording:
        """A recording as it was kept. Raises `StateError`, and more, for one whose annotations are not the camera's."""
        recording = _stored(kept)
        if recording.annotations:
            stated = partial(_head_of, recording, recording.annotations)
            self._signing.check(stated, recording.annotations_signature)
        elif recording.annotations_signature:
            raise StateError("nothing is said of it, and that is signed")
        return recording

    def _remember(self, recording: StoredRecording) -> None:
        self._by_id[recording.recording_id] = recording
        self._in_order.append(recording)
        self._used_bytes += recording.manifest.size_bytes
        self._last_sequence, self._last_sha256 = recording.sequence, recording.manifest_sha256

    # How full it is

    @property
    def used_bytes(self) -> int:
        """Bytes of all footage, with that of the recording in progress, what could not be freed yet, and a bench's."""
        return self._used_bytes + self.unfreed_bytes + self.pending_bytes + self.taken_bytes

    @property
    def unfreed_bytes(self) -> int:
        """Bytes of recordings that were erased, and whose blocks could not be freed yet."""
        return sum(manifest.size_bytes for manifest in self._unfreed.values())

    @property
    def free_bytes(self) -> int:
        """Room that is left."""
        return max(0, self.capacity_bytes - self.used_bytes)

    @property
    def room_bytes(self) -> int:
        """Room that is left for a recording, with what the one in progress has taken."""
        return self.capacity_bytes - self.used_bytes + self.pending_bytes

    @property
    def held(self) -> int:
        """Recordings that a hold protects."""
        return sum(recording.held for recording in self._in_order)

    def __len__(self) -> int:
        return len(self._in_order)

    def __contains__(self, recording_id: bytes) -> bool:
        return recording_id in self._by_id

    # The chain

    @property
    def next_sequence(self) -> int:
        """Number of the recording that is closed next; never used twice."""
        return self._last_sequence + 1

    @property
    def last_manifest_sha256(self) -> bytes:
        """Hash of the manifest that was closed last; zeros before the first."""
        return self._last_sha256

    def add(
        self,
        manifest: Manifest,
        tables: Sequence[bytes],
        blobs: Sequence[Blob],
        annotations: Sequence[Annotation] = (),
    ) -> StoredRecording:
        """Stores a recording that has just been closed. Raises `StorageFull`, and then nothing was stored.

        The manifest continues the chain: `ValueError` if it does not.
        """
        if manifest.sequence != self.next_sequence or manifest.previous_sha256 != self._last_sha256:
            raise ValueError("the manifest does not continue this camera's chain")
        if manifest.size_bytes > self.room_bytes:
            raise StorageFull(f"{manifest.size_bytes} bytes do not fit")
        data = manifest.encode()
        recording = StoredRecording(
            manifest,
            data,
            hashlib.sha256(data).digest(),
            self._signing.sign(lambda _: data),
            tuple(tables),
            tuple(blobs),
            tuple(annotations),
        )
        recording.annotations_signature = self._sign_head(recording, recording.annotations)
        said = Said(_plain(recording.annotations), recording.annotations_signature)
        recording.blobs = self._files.store(
            manifest, data, recording.signature, recording.tables, recording.blobs, said
        )
        self._remember(recording)
        if not self._hurried:
            self._count()
        self.emmc.wrote(manifest.size_bytes)
        return recording

    def _count(self) -> None:
        """Keeps the end of the chain beside the recordings, for the case that the last one goes."""
        counted = {"last": self._last_sequence, "manifest_sha256": self._last_sha256.hex()}
        try:
            self._state.save(SEQUENCE, counted)
        except OSError as error:  # the recording itself says it as well, and is there
            log.warning("the count of recordings is behind: %s", error)

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """While a camera is made that comes with recordings: they are durable at the end, not one by one."""
        self._hurried = True
        try:
            with self._files.hurrying():
                yield
        finally:
            self._hurried = False
        self._count()

    # Reading

    def get(self, recording_id: bytes) -> StoredRecording:
        """The recording with this id. Raises `NoSuchRecording`."""
        try:
            return self._by_id[recording_id]
        except KeyError:
            raise NoSuchRecording(recording_id.hex()) from None

    def page(self, after: int, limit: int) -> Sequence[StoredRecording]:
        """Up to `limit` recordings whose sequence number is above `after`, in order."""
        first = bisect_right(self._in_order, after, key=lambda recording: recording.sequence)
        return self._in_order[first : first + limit]

    def table(self, recording_id: bytes, segment: int) -> bytes:
        """A segment's chunk table. Raises `NoSuchRecording`."""
        recording = self.get(recording_id)
        self._check_segment(recording, segment)
        return recording.tables[segment]

    def read(self, recording_id: bytes, segment: int, offset: int, size: int) -> bytes | memoryview:
        """Stored bytes of a segment, fewer than `size` only at its end.

        Raises `NoSuchRecording`, and `OSError` if the flash fails.
        """
        recording = self.get(recording_id)
        self._check_segment(recording, segment)
        return recording.blobs[segment].read(offset, size)

    def _check_segment(self, recording: StoredRecording, segment: int) -> None:
        if not 0 <= segment < len(recording.blobs):
            raise NoSuchRecording(f"{recording.recording_id.hex()} has no segment {segment}")

    # Annotations

    def annotate(
        self, recording_id: bytes, annotation: Annotation, keep: Keep | None = None
    ) -> StoredRecording:
        """Adds an annotation, unless the recording already stands where it would put it.

        So repeating a command adds nothing. Raises `NoSuchRecording` and `TooManyAnnotations`, and what `keep` raises:
        then nothing was added.
        """
        recording = self.get(recording_id)
        if recording.says(annotation):
            return recording
        protects = annotation.kind in (AnnotationKind.HELD, AnnotationKind.LIFTED)
        if len(recording.annotations) >= (MAX_ANNOTATIONS_WITH_HOLDS if protects else MAX_ANNOTATIONS):
            raise TooManyAnnotations(f"{recording.recording_id.hex()} has {len(recording.annotations)}")
        annotations = (*recording.annotations, annotation)
        said = Said(_plain(annotations), self._sign_head(recording, annotations))
        self._keep((self._files.annotated(recording.manifest, said),), keep)
        recording.annotate(annotation)
        recording.annotations_signature = said.signature
        self.emmc.wrote(0)
        return recording

    def _sign_head(self, recording: StoredRecording, annotations: tuple[Annotation, ...]) -> bytes:
        """The camera's signature over all that is said of a recording; empty where nothing is."""
        if not annotations:
            return b""
        return self._signing.sign(partial(_head_of, recording, annotations))

    # Receipts and erasing

    def keep_receipts(
        self, recording_id: bytes, receipts: tuple[KeptReceipt, ...], keep: Keep | None = None
    ) -> StoredRecording:
        """Puts other receipts in the place of those that are kept. Raises `NoSuchRecording`, and what `keep` raises."""
        recording = self.get(recording_id)
        self._keep((self._files.receipted(recording.manifest, receipts),), keep)
        recording.receipts = receipts
        return recording

    def erase(self, kept: Sequence[KeptTombstone], keep: Keep, *, everything: bool = False) -> None:
        """Keeps tombstones, and then frees their recordings; with `everything` also what cannot be read.

        Raises `NoSuchRecording`, and what `keep` raises: then nothing was erased. Blocks that cannot be freed are freed
        at the next erasing, or the next start.
        """
        recordings = [self.get(one.tombstone.recording_id) for one in kept]
        changes = (self.tombstones.change(kept),) if kept else ()
        if everything:
            changes = (*changes, self._state.part(SANITISING, {"recordings": len(kept)}))
        keep(changes)
        self.tombstones.added(kept)
        for recording in recordings:
            del self._by_id[recording.recording_id]
            place = bisect_right(self._in_order, recording.sequence, key=lambda one: one.sequence) - 1
            del self._in_order[place]
            self._used_bytes -= recording.manifest.size_bytes
            self._unfreed[recording.recording_id] = recording.manifest
        self.rotten = {at: blob for at, blob in self.rotten.items() if at[0] not in self._unfreed}
        if everything:
            self._free_all()
        self.free_rest()

    def free_rest(self) -> bool:
        """Frees what an erased recording has left; says whether all of it is free."""
        try:
            for recording_id, manifest in list(self._unfreed.items()):
                self._files.free(manifest.sequence, recording_id)
                del self._unfreed[recording_id]
        except OSError as error:
            log.warning("the blocks of an erased recording are not free yet: %s", error)
        return not self._unfreed

    def _free_all(self) -> None:
        try:
            self._files.free_all()
            self._state.remove(SANITISING)
            self.damaged = ()
        except OSError as error:
            log.warning("not all footage is destroyed yet: %s", error)

    # The recording in progress

    def keep_journal(
        self, journal: dict[str, Any], keep: Keep | None = None, *, begins: bool = False
    ) -> None:
        """Keeps the facts that a recorder needs to close its recording after a power cut; where it `begins`, there is
        no footage of it yet. Raises `OSError`, and then all is what it was."""
        footage = self.open_footage.begin(bytes.fromhex(journal["recording_id"])) if begins else ()
        self._keep((self._state.part(JOURNAL, journal), *footage), keep)
        self._journal = journal

    def forget_journal(self) -> None:
        """The recording is closed. A journal that stays tells of one that is stored, and is passed over."""
        self._journal = None
        try:
            self._state.remove(JOURNAL)
        except OSError as error:
            log.warning("the journal of a closed recording stays: %s", error)

    def journal(self) -> dict[str, Any] | None:
        """What was kept of the recording in progress, if it was not closed since."""
        if self._journal is None:
            self._journal = self._state.load(JOURNAL)
        return self._journal

    def _keep(self, changes: tuple[Change, ...], keep: Keep | None) -> None:
        if keep is not None:
            keep(changes)
        else:
            self._state.commits.commit(*changes)

    # Faults

    def rot(
        self, recording_id: bytes, segment: int, *, flip_at: int | None = None, bad: range | None = None
    ) -> None:
        """Flips a bit of stored footage, or makes a range of it unreadable; manifest and table stay."""
        recording = self.get(recording_id)
        self._check_segment(recording, segment)
        blob = recording.blobs[segment]
        rotten = blob if isinstance(blob, Rotten) else Rotten(blob)
        if flip_at is not None:
            rotten.flips[flip_at] = rotten.flips.get(flip_at, 0) ^ 0x01
        if bad is not None:
            rotten.bad_blocks.append(bad)
        self.rot_again({(recording_id, segment): rotten})

    def rot_again(self, rotten: Mapping[tuple[bytes, int], Rotten]) -> None:
        """What rotted is so still when the flash is read anew."""
        self.rotten.update(rotten)
        for (recording_id, segment), blob in rotten.items():
            recording = self._by_id.get(recording_id)
            if recording is not None:
                recording.blobs = (*recording.blobs[:segment], blob, *recording.blobs[segment + 1 :])


def _head_of(recording: StoredRecording, annotations: Sequence[Annotation], lab: str) -> bytes:
    """What the camera signs of a recording's annotations."""
    from bwc_protocol.documents.annotation_head import AnnotationHead

    manifest = recording.manifest
    return AnnotationHead(
        lab=lab,
        camera=manifest.camera,
        recording_id=manifest.recording_id,
        manifest_sha256=recording.manifest_sha256,
        count=len(annotations),
        head_sha256=annotation_head(annotation_root(recording.manifest_sha256), annotations),
    ).encode()


def _plain(annotations: Sequence[Annotation]) -> list[dict[str, Any]]:
    return [
        {
            "utc_ns": a.utc_ns,
            "kind": int(a.kind),
            "actor": a.actor,
            "text": a.text,
            "hold": a.hold,
            "case": a.case,
            "authority": a.authority,
        }
        for a in annotations
    ]


def _stored(kept: KeptRecording) -> StoredRecording:
    """Raises `StateError`, `KeyError`, `TypeError` and `ValueError` for annotations that are none."""
    annotations = tuple(_annotation(one) for one in kept.said.annotations)
    if len(annotations) > MAX_ANNOTATIONS_WITH_HOLDS:
        raise StateError(f"more than {MAX_ANNOTATIONS_WITH_HOLDS} annotations")
    return StoredRecording(
        kept.manifest,
        kept.manifest_bytes,
        kept.manifest_sha256,
        kept.signature,
        kept.tables,
        kept.blobs,
        annotations,
        kept.said.signature,
        kept.receipts,
    )


def _annotation(kept: object) -> Annotation:
    found = part_of(kept, "an annotation", ("utc_ns", "kind", "actor", "text", "hold", "case", "authority"))
    kind = AnnotationKind(whole(found, "kind", 0, 0xFF))
    return Annotation(
        utc_ns=whole(found, "utc_ns", -I64_MAX, I64_MAX),
        kind=kind,
        actor=words(found, "actor", ACTOR_MAX),
        text=words(found, "text", CATEGORY_MAX if kind is AnnotationKind.CATEGORY else TEXT_MAX),
        hold=words(found, "hold", HOLD_MAX),
        case=words(found, "case", CASE_MAX),
        authority=words(found, "authority", CASE_MAX),
    )


def _chained(
    loaded: Sequence[KeptRecording], known: dict[int, bytes]
) -> tuple[list[KeptRecording], list[str]]:
    """Those whose manifest is the one that was closed, in order, and the names of the others.

    Each manifest that is known to be true vouches for the one before it. Where the next one is gone nobody does.
    """
    good: list[KeptRecording] = []
    forged: list[str] = []
    known = dict(known)
    for kept in sorted(loaded, key=lambda kept: kept.manifest.sequence, reverse=True):
        manifest = kept.manifest
        if known.get(manifest.sequence, kept.manifest_sha256) != kept.manifest_sha256:
            forged.append(f"{_name(kept)}: its manifest is not the one that was closed")
        else:
            known[manifest.sequence - 1] = manifest.previous_sha256
            good.append(kept)
    return good[::-1], forged


def _name(kept: KeptRecording) -> str:
    return f"{kept.manifest.sequence:08}-{kept.manifest.recording_id.hex()}"


def _number(name: str) -> int:
    """The number in a recording's name, or 0."""
    first = name.partition("-")[0]
    return int(first) if len(first) <= 10 and first.isascii() and first.isdecimal() else 0
