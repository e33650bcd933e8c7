"""Recordings: list, manifest, chunk tables, footage, annotations, receipts and erasing."""

from dataclasses import dataclass
from typing import Final

from bwc_protocol.conversation.stream import BytesSource, StreamFault
from bwc_protocol.documents.tombstone import Tombstone
from bwc_protocol.evidence import NO_SHA256
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.core import Done, StreamOpened
from bwc_protocol.messages.recordings import (
    Annotation,
    AnnotationKind,
    AnnotationPage,
    AnnotationState,
    AssignCase,
    CategoriseRecording,
    DeliverReceipt,
    EraseRecording,
    HoldRecording,
    KeptReceipt,
    LiftHold,
    ListPage,
    ListRecordings,
    ManifestReply,
    Mark,
    MarkRecording,
    OpenSegment,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    ReadRelease,
    ReadTombstones,
    RecordingEntry,
    ReleaseState,
    ReviewRecording,
    SignedTombstone,
    TombstonePage,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.erasing import epitaph
from firmware_sim.camera.session import CameraSession
from firmware_sim.camera.setting_rules import refused_purpose
from firmware_sim.device.refusal import Refusal
from firmware_sim.handlers.registry import CAMERA
from firmware_sim.storage import storage
from firmware_sim.storage.storage import NoSuchRecording, StoredRecording, TooManyAnnotations

ANNOTATION_PAGE: Final = 64


# Reading


@ListRecordings.handler(CAMERA)
def page(session: CameraSession, request: ListRecordings) -> ListPage:
    camera = session.camera
    found = camera.listing(request.after, request.limit + 1)
    entries = tuple(_entry(recording) for recording in found[: request.limit])
    more = len(found) > request.limit
    return ListPage(recordings=entries, next=entries[-1].sequence if more else 0, total=camera.closed_count)


@ReadManifest.handler(CAMERA)
def manifest(session: CameraSession, request: ReadManifest) -> ManifestReply:
    found = _find(session, request.recording)
    return ManifestReply(manifest=found.manifest_bytes, signature=found.signature)


@OpenTable.handler(CAMERA)
def table(session: CameraSession, request: OpenTable) -> StreamOpened:
    recording = _find(session, request.recording, request.manifest_sha256)
    _check_segment(recording, request.segment)
    whole = recording.tables[request.segment]
    return session.open_stream(BytesSource(whole), len(whole))


@OpenSegment.handler(CAMERA)
def segment(session: CameraSession, request: OpenSegment) -> StreamOpened:
    recording = _find(session, request.recording, request.manifest_sha256)
    _check_segment(recording, request.segment)
    size = recording.blobs[request.segment].size_bytes
    length = request.length or size - request.offset
    if length <= 0 or request.offset + length > size:
        raise Refusal(
            ErrorCode.OUT_OF_RANGE, f"{request.offset} + {length} is beyond the {size} bytes there are"
        )
    session.audit(
        AuditKind.OFFLOAD_READ,
        f"recording {recording.sequence}, segment {request.segment}, {length} bytes from {request.offset}",
    )
    source = _Footage(session.camera, request.recording, request.segment, request.offset)
    return session.open_stream(source, length)


@ReadAnnotations.handler(CAMERA)
def annotations(session: CameraSession, request: ReadAnnotations) -> AnnotationPage:
    recording = _find(session, request.recording)
    kept = recording.annotations
    end = request.start + ANNOTATION_PAGE
    found = tuple(
        Annotation(
            utc_ns=one.utc_ns,
            kind=one.kind,
            actor=one.actor,
            text=one.text,
            hold=one.hold,
            case=one.case,
            authority=one.authority,
        )
        for one in kept[request.start : end]
    )
    if end < len(kept):
        return AnnotationPage(annotations=found, next=end)
    return AnnotationPage(annotations=found, next=0, signature=recording.annotations_signature)


@dataclass(frozen=True, slots=True)
class _Footage:
    """Stored bytes as a stream; looked up at each read, since a recording may go while it is read."""

    camera: SimCamera
    recording: bytes
    segment: int
    begin: int

    def read(self, offset: int, size: int) -> bytes | memoryview:
        try:
            blob = self.camera.recording(self.recording).blobs[self.segment]
            data = blob.read(self.begin + offset, size)
        except NoSuchRecording as error:
            raise StreamFault(ErrorCode.NOT_FOUND, "the recording is gone") from error
        except OSError as error:
            self.camera.report.storage_error = True
            raise StreamFault(ErrorCode.STORAGE_FAULT, str(error)) from error
        if len(data) != size:
            raise StreamFault(ErrorCode.STORAGE_FAULT, f"{len(data)} bytes where {size} were stored")
        return data


# Annotating


@MarkRecording.handler(CAMERA)
def mark(session: CameraSession, request: MarkRecording) -> AnnotationState:
    kind = AnnotationKind.MARKED if request.marked else AnnotationKind.UNMARKED
    return _annotate(session, request.recording, request.manifest_sha256, kind, "")


@CategoriseRecording.handler(CAMERA)
def categorise(session: CameraSession, request: CategoriseRecording) -> AnnotationState:
    _find(session, request.recording, request.manifest_sha256)
    if (refused := refused_purpose(request.category)) is not None:
        raise refused
    kind = AnnotationKind.CATEGORY
    return _annotate(session, request.recording, request.manifest_sha256, kind, request.category)


@HoldRecording.handler(CAMERA)
def hold(session: CameraSession, request: HoldRecording) -> AnnotationState:
    return _annotate(
        session,
        request.recording,
        request.manifest_sha256,
        AnnotationKind.HELD,
        request.reason,
        hold=request.hold,
        case=request.case,
        authority=request.authority,
    )


@LiftHold.handler(CAMERA)
def lift(session: CameraSession, request: LiftHold) -> AnnotationState:
    found = _find(session, request.recording, request.manifest_sha256)
    if request.hold not in found.holds and request.hold not in found.lifted:
        raise Refusal(ErrorCode.NOT_FOUND, f"recording {found.sequence} never had a hold {request.hold!r}")
    kind = AnnotationKind.LIFTED
    return _annotate(
        session, request.recording, request.manifest_sha256, kind, request.reason, hold=request.hold
    )


@AssignCase.handler(CAMERA)
def case(session: CameraSession, request: AssignCase) -> AnnotationState:
    kind = AnnotationKind.CASE
    return _annotate(session, request.recording, request.manifest_sha256, kind, case=request.case)


@ReviewRecording.handler(CAMERA)
def review(session: CameraSession, request: ReviewRecording) -> AnnotationState:
    kind = AnnotationKind.REVIEWED
    return _annotate(session, request.recording, request.manifest_sha256, kind, request.note)


def _annotate(
    session: CameraSession,
    recording_id: bytes,
    manifest_sha256: bytes,
    kind: AnnotationKind,
    text: str = "",
    *,
    hold: str = "",
    case: str = "",
    authority: str = "",
) -> AnnotationState:
    camera = session.camera
    before = _find(session, recording_id, manifest_sha256)
    words = " ".join(filter(None, (hold, case, authority, text)))
    said = f"recording {before.sequence}: {kind.name} {words}".rstrip()
    annotation = storage.Annotation(
        camera.clock.utc_ns(), kind, session.identity, text, hold, case, authority
    )
    try:
        after = camera.storage.annotate(
            recording_id,
            annotation,
            lambda changes: session.audit(AuditKind.ANNOTATED, said, *changes),
        )
    except TooManyAnnotations as error:
        raise Refusal(ErrorCode.FULL, str(error)) from error
    return AnnotationState(
        marks=_marks(after),
        annotations=len(after.annotations),
        category=after.category,
        annotations_sha256=after.annotations_sha256,
        holds=len(after.holds),
        case=after.case,
    )


# Erasing


@DeliverReceipt.handler(CAMERA)
def receipt(session: CameraSession, request: DeliverReceipt) -> ReleaseState:
    recording = _find(session, request.recording)
    session.camera.erasing.take(session, recording, request.receipt)
    return _release(session, recording)


@ReadRelease.handler(CAMERA)
def release(session: CameraSession, request: ReadRelease) -> ReleaseState:
    return _release(session, _find(session, request.recording))


def _release(session: CameraSession, recording: StoredRecording) -> ReleaseState:
    erasing = session.camera.erasing
    found = erasing.release(recording)
    return ReleaseState(
        receipts=tuple(
            KeptReceipt(sha256=one.sha256, destination=one.receipt.destination)
            for one in erasing.counting(recording)
        ),
        needed=found.needed,
        holds=found.holds,
        left_min=found.left_min,
        proof_needed=found.proof_needed,
        released=found.released,
    )


@EraseRecording.handler(CAMERA)
def erase(session: CameraSession, request: EraseRecording) -> Done:
    camera = session.camera
    try:
        erased = camera.storage.tombstones.find(request.recording)
        if erased is not None and _is_of(request, erased.tombstone):
            return Done()  # asked for again, since the answer was lost
        recording = _find(session, request.recording, request.manifest_sha256)
        told = _as_told(session, recording.annotations_sha256)
        if request.annotations_sha256 != told:
            raise Refusal(ErrorCode.CONFLICT, f"more was said of recording {recording.sequence}")
        camera.erasing.erase(session, recording)
    except Refusal as refusal:
        session.audit(AuditKind.ERASE_REFUSED, f"recording {request.recording.hex()}: {refusal.code}")
        raise
    return Done()


def _as_told(session: CameraSession, annotations_sha256: bytes) -> bytes:
    """The head of what was said of a recording, as this camera tells it: one that lists none goes by none."""
    head = RecordingEntry.codec.fields["annotations_sha256"]
    return annotations_sha256 if head.since <= session.camera.profile.newest else NO_SHA256


def _is_of(request: EraseRecording, tombstone: Tombstone) -> bool:
    """Whether what was erased is what is asked for. Raises `Refusal` for another manifest."""
    if tombstone.manifest_sha256 != request.manifest_sha256:
        raise Refusal(
            ErrorCode.CONFLICT, f"recording {tombstone.sequence}, which was erased, had another manifest"
        )
    return tombstone.annotations_sha256 == request.annotations_sha256


@ReadTombstones.handler(CAMERA)
def tombstones(session: CameraSession, request: ReadTombstones) -> TombstonePage:
    kept = session.camera.storage.tombstones.all
    end = request.after + request.limit
    found = tuple(SignedTombstone(document=one.document) for one in kept[request.after : end])
    return TombstonePage(tombstones=found, next=end if end < len(kept) else 0, total=len(kept))


# What they share


def _find(
    session: CameraSession, recording_id: bytes, manifest_sha256: bytes | None = None
) -> StoredRecording:
    try:
        recording = session.camera.recording(recording_id)
    except NoSuchRecording as error:
        erased = session.camera.storage.tombstones.find(recording_id)
        detail = epitaph(erased) if erased is not None else f"no recording {recording_id.hex()}"
        raise Refusal(ErrorCode.NOT_FOUND, detail) from error
    if manifest_sha256 is not None and manifest_sha256 != recording.manifest_sha256:
        raise Refusal(ErrorCode.CONFLICT, f"recording {recording.sequence} has another manifest")
    return recording


def _check_segment(recording: StoredRecording, index: int) -> None:
    if index >= len(recording.blobs):
        raise Refusal(ErrorCode.NOT_FOUND, f"recording {recording.sequence} has no segment {index}")


def _marks(recording: StoredRecording) -> Mark:
    marks = Mark(0)
    if recording.marked:
        marks |= Mark.MARKED
    if recording.held:
        marks |= Mark.HELD
    if recording.manifest.cut:
        marks |= Mark.CUT
    return marks


def _entry(recording: StoredRecording) -> RecordingEntry:
    facts = recording.manifest
    return RecordingEntry(
        recording=facts.recording_id,
        sequence=facts.sequence,
        started_utc_ns=facts.started_utc_ns,
        duration_ms=facts.duration_ms,
        size_bytes=facts.size_bytes,
        segments=len(facts.segments),
        trigger=facts.trigger,
        marks=_marks(recording),
        manifest_sha256=recording.manifest_sha256,
        annotations=len(recording.annotations),
        category=recording.category,
        annotations_sha256=recording.annotations_sha256,
    )
