"""The camera's storage: closed recordings, their footage, tables and annotations, and how full it is."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bwc_protocol.evidence import NO_SHA256, Manifest
from bwc_protocol.messages.recordings import AnnotationKind
from firmware_sim.blobs import Blob, Rotten
from firmware_sim.emmc import EmmcHealth
from firmware_sim.recording_files import RecordingFiles
from firmware_sim.state_dir import StateDirectory

MAX_ANNOTATIONS: Final = 4_096
"""Annotations of one recording; a host that toggles marks for ever must not fill the flash. Holds and
releases go beyond it, up to what a page index can count: a hold is never refused for want of room."""
MAX_ANNOTATIONS_WITH_HOLDS: Final = 65_535


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


@dataclass(slots=True)
class StoredRecording:
    """One closed recording."""

    manifest: Manifest
    manifest_bytes: bytes
    manifest_sha256: bytes
    tables: tuple[bytes, ...]
    blobs: tuple[Blob, ...]
    annotations: tuple[Annotation, ...] = ()
    marked: bool = field(init=False, default=False)
    held: bool = field(init=False, default=False)
    category: str = field(init=False, default="")

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

    def annotate(self, annotation: Annotation) -> None:
        """Adds an annotation; earlier ones stay."""
        self.annotations = (*self.annotations, annotation)
        self._apply(annotation)

    def _apply(self, annotation: Annotation) -> None:
        match annotation.kind:
            case AnnotationKind.MARKED | AnnotationKind.UNMARKED:
                self.marked = annotation.kind is AnnotationKind.MARKED
            case AnnotationKind.HELD | AnnotationKind.RELEASED:
                self.held = annotation.kind is AnnotationKind.HELD
            case AnnotationKind.CATEGORY:
                self.category = annotation.text
            case AnnotationKind.ASSIGNMENT:
                pass  # who carried the camera: kept, and nothing follows from it here


class Storage:
    """All recordings of one camera, in memory or in a state directory.

    Recordings are kept in the order of their sequence numbers. Nothing here erases.
    """

    def __init__(
        self,
        capacity_bytes: int,
        state: StateDirectory | None = None,
        emmc: EmmcHealth | None = None,
    ) -> None:
        self.capacity_bytes = capacity_bytes
        self.emmc = emmc if emmc is not None else EmmcHealth(capacity_bytes)
        self.pending_bytes = 0
        """Room that the recording in progress has taken so far."""
        self.interrupted: tuple[Blob, ...] = ()
        """Flash content of a recording that a power cut interrupted; not kept between runs."""
        self.damaged: tuple[str, ...] = ()
        """Recordings of the state directory that cannot be used: left as they are, and not listed."""
        self._files = RecordingFiles(state.path / "recordings") if state is not None else None
        self._state = state
        self._journal: dict[str, Any] | None = None
        self._by_id: dict[bytes, StoredRecording] = {}
        self._in_order: list[StoredRecording] = []
        self._used_bytes = 0
        self._last_sequence = 0
        self._last_sha256 = NO_SHA256
        if self._files is not None:
            self._load(self._files)

    def _load(self, files: RecordingFiles) -> None:
        loaded, damaged = files.load()
        self.damaged = tuple(damaged)
        for kept in sorted(loaded, key=lambda kept: kept.manifest.sequence):
            annotations = tuple(
                Annotation(a["utc_ns"], AnnotationKind(a["kind"]), a["actor"], a["text"])
                for a in kept.annotations
            )
            data = kept.manifest.encode()
            self._remember(
                StoredRecording(
                    kept.manifest, data, kept.manifest.sha256, kept.tables, kept.blobs, annotations
                )
            )
        counted = self._state.load("sequence") if self._state is not None else None
        if counted is not None and counted["last"] > self._last_sequence:
            self._last_sequence = counted["last"]
            self._last_sha256 = bytes.fromhex(counted["manifest_sha256"])

    def _remember(self, recording: StoredRecording) -> None:
        self._by_id[recording.recording_id] = recording
        self._in_order.append(recording)
        self._used_bytes += recording.manifest.size_bytes
        self._last_sequence, self._last_sha256 = recording.sequence, recording.manifest_sha256

    # How full it is

    @property
    def used_bytes(self) -> int:
        """Bytes of all footage, with that of the recording in progress."""
        return self._used_bytes + self.pending_bytes

    @property
    def free_bytes(self) -> int:
        """Room that is left."""
        return max(0, self.capacity_bytes - self.used_bytes)

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
        if manifest.size_bytes > self.capacity_bytes - self._used_bytes:
            raise StorageFull(f"{manifest.size_bytes} bytes do not fit")
        data = manifest.encode()
        recording = StoredRecording(
            manifest, data, manifest.sha256, tuple(tables), tuple(blobs), tuple(annotations)
        )
        if self._files is not None:
            plain = _plain(recording.annotations)
            recording.blobs = self._files.store(manifest, recording.tables, recording.blobs, plain)
        self._remember(recording)
        if self._state is not None:
            counted = {"last": recording.sequence, "manifest_sha256": recording.manifest_sha256.hex()}
            self._state.save("sequence", counted)
        self.emmc.wrote(manifest.size_bytes)
        return recording

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

    def annotate(self, recording_id: bytes, annotation: Annotation) -> StoredRecording:
        """Adds an annotation, unless the recording already stands where it would put it.

        So repeating a command adds nothing. Raises `NoSuchRecording` and `TooManyAnnotations`.
        """
        recording = self.get(recording_id)
        if _already(recording, annotation):
            return recording
        protects = annotation.kind in (AnnotationKind.HELD, AnnotationKind.RELEASED)
        if len(recording.annotations) >= (MAX_ANNOTATIONS_WITH_HOLDS if protects else MAX_ANNOTATIONS):
            raise TooManyAnnotations(f"{recording.recording_id.hex()} has {len(recording.annotations)}")
        if self._files is not None:
            self._files.annotate(recording.manifest, _plain((*recording.annotations, annotation)))
        recording.annotate(annotation)
        self.emmc.wrote(0)
        return recording

    # The recording in progress

    def keep_journal(self, journal: dict[str, Any] | None) -> None:
        """Keeps what a recorder needs to close its recording after a power cut; None when it is closed."""
        self._journal = journal
        if self._state is not None and journal is not None:
            self._state.save("recording", journal)
        elif self._state is not None:
            self._state.remove("recording")

    def journal(self) -> dict[str, Any] | None:
        """What `keep_journal` kept last, if the recording was not closed since."""
        if self._journal is None and self._state is not None:
            self._journal = self._state.load("recording")
        return self._journal

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
        recording.blobs = (*recording.blobs[:segment], rotten, *recording.blobs[segment + 1 :])


def _already(recording: StoredRecording, annotation: Annotation) -> bool:
    before = replace(recording)
    before.annotate(annotation)
    same = (before.marked, before.held, before.category) == (
        recording.marked,
        recording.held,
        recording.category,
    )
    return same and annotation.kind is not AnnotationKind.ASSIGNMENT


def _plain(annotations: Sequence[Annotation]) -> list[dict[str, Any]]:
    return [{"utc_ns": a.utc_ns, "kind": int(a.kind), "actor": a.actor, "text": a.text} for a in annotations]
