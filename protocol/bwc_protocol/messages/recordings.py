"""Recordings: list, manifest, chunk tables, footage, annotations, receipts, erasing (spec: Recordings, 0x06xx)."""

from typing import Final

from bwc_protocol.declare import (
    ANYONE,
    Effect,
    Event,
    Refusals,
    Request,
    Role,
    StreamDirection,
    Subject,
    Unknown,
    Wire,
    blob,
    boolean,
    choice,
    command,
    event,
    flags,
    i64,
    items,
    method,
    text,
    u16,
    u32,
    u64,
    wire,
)
from bwc_protocol.documents.receipt import RECEIPT_MAX
from bwc_protocol.documents.tombstone import RECEIPTS_MAX, TOMBSTONE_MAX
from bwc_protocol.evidence import MANIFEST_MAX, NO_SHA256, TriggerReason
from bwc_protocol.evidence.sign1 import SIGN1_MAX
from bwc_protocol.messages.core import Done, StreamOpened
from bwc_protocol.versions import V1_2
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import Word, Words

OFFLOADERS = Role.DOCK_OFFLOAD | Role.DESTINATION | Role.BENCH
ANNOTATORS = Role.TECHNICIAN | Role.DOCK_OFFLOAD | Role.DESTINATION | Role.BENCH | Role.RECORDS
RELEASERS = Role.RECORDS | Role.BENCH
"""Who lifts a hold: whoever places one, such as a stolen dock, could else lift it as well. A bench does so where
nothing is evidence: devices that are locked for production refuse it."""
LIST_PAGE_MAX = 256
"""Entries of one page: 256 of about 190 bytes stay below the largest message."""
TOMBSTONE_PAGE_MAX = 10
"""Tombstones of one page: 10 of the longest stay below the largest message."""
_RECORDING: Final[Refusals] = ((ErrorCode.NOT_FOUND, "no such recording"),)
_NAMED: Final[Refusals] = (*_RECORDING, (ErrorCode.CONFLICT, "it has another manifest"))
_SEGMENT: Final[Refusals] = (*_NAMED, (ErrorCode.NOT_FOUND, "it has no such segment"))
_ANNOTATED: Final[Refusals] = (*_NAMED, (ErrorCode.FULL, "it has as many annotations as the device keeps"))


_LIFTED: Final[Refusals] = (
    *_NAMED,
    (ErrorCode.NOT_FOUND, "no hold of this id was ever placed"),
    (ErrorCode.FULL, "it has as many annotations as the device keeps"),
)
_CATEGORISED: Final[Refusals] = (
    *_NAMED,
    (ErrorCode.PURPOSE_REFUSED, "the category is solely First Amendment activity"),
    (ErrorCode.FULL, "it has as many annotations as the device keeps"),
)


def _hold(doc: str) -> str:
    return text(doc, max=32, since=V1_2, default="")


def _case(doc: str) -> str:
    return text(doc, max=64, since=V1_2, default="")


class Mark(Words):
    """What is known of a recording beside its manifest."""

    MARKED = 1 << 0
    """The officer pressed the marker, or somebody marked it since: offloaded first."""
    HELD = 1 << 1
    """Protected by a hold: never erased."""
    CUT = 1 << 2
    """Power was lost while it was recorded; it ends at the last whole chunk."""


class AnnotationKind(Word):
    """What an annotation says."""

    MARKED = 1
    UNMARKED = 2
    CATEGORY = 3
    HELD = 4
    """A hold was placed: its id, and in later versions its case and authority."""
    LIFTED = 5
    """That hold was lifted; others stay."""
    ASSIGNMENT = 6
    CASE = 7, V1_2
    """The case number that it belongs to."""
    REVIEWED = 8, V1_2
    """Somebody looked at it; the text is the note."""


@wire
class RecordingEntry(Wire):
    """One recording in a listing."""

    recording: bytes = blob("recording id", size=16)
    sequence: int = u32("counts recordings of this camera; a gap is a loss")
    started_utc_ns: int = i64("begin, with the pre-event footage", unit="ns")
    duration_ms: int = u32("length", unit="ms")
    size_bytes: int = u64("all segments together", unit="byte")
    segments: int = u16("segments")
    trigger: TriggerReason | Unknown = choice(TriggerReason, "what started it")
    marks: Mark = flags(Mark, "what is known beside the manifest")
    manifest_sha256: bytes = blob("SHA-256 of the manifest", size=32)
    annotations: int = u32("annotations so far")
    category: str = text("category, or nothing", max=32)
    annotations_sha256: bytes = blob(
        "head of their chain; zeros of a device that keeps none", size=32, since=V1_2, default=NO_SHA256
    )


@wire
class ListPage(Wire):
    """A page of the listing, in the order of sequence numbers."""

    recordings: tuple[RecordingEntry, ...] = items(RecordingEntry, "entries", max=LIST_PAGE_MAX)
    next: int = u32("cursor of the next page; 0 = this was the last")
    total: int = u32("recordings that it closed and did not erase, those that it cannot list included")


@command(0x0601, "recordings.page", roles=ANYONE, while_expired=True)
class ListRecordings(Request[ListPage]):
    """Read a page of the recordings whose sequence number is above the cursor."""

    after: int = u32("cursor: the last sequence number that is known; 0 = from the first", default=0)
    limit: int = u16("entries wanted", min=1, max=LIST_PAGE_MAX, default=LIST_PAGE_MAX)


@wire
class ManifestReply(Wire):
    """A recording's manifest, byte for byte as it was closed."""

    manifest: bytes = blob("manifest: deterministic CBOR", max=MANIFEST_MAX)
    signature: bytes = blob(
        "the device's signature over it; empty of a device that belongs to no agency",
        max=SIGN1_MAX,
        since=V1_2,
        default=b"",
    )


@command(0x0602, "recordings.manifest", roles=ANYONE, errors=_RECORDING, while_expired=True)
class ReadManifest(Request[ManifestReply]):
    """Read the manifest of a recording."""

    recording: bytes = blob("recording id", size=16)


@command(
    0x0603,
    "recordings.table",
    roles=OFFLOADERS,
    stream=StreamDirection.FROM_DEVICE,
    errors=_SEGMENT,
    while_expired=True,
)
class OpenTable(Request[StreamOpened]):
    """Open the chunk table of a segment as a stream: 32 bytes of SHA-256 a chunk."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by; CONFLICT if it is another", size=32)
    segment: int = u16("segment, from 0")


@command(
    0x0604,
    "recordings.open",
    roles=OFFLOADERS,
    stream=StreamDirection.FROM_DEVICE,
    errors=(*_SEGMENT, (ErrorCode.OUT_OF_RANGE, "the bytes wanted are none, or beyond the segment's end")),
    while_expired=True,
)
class OpenSegment(Request[StreamOpened]):
    """Open stored bytes of a segment as a stream."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by; CONFLICT if it is another", size=32)
    segment: int = u16("segment, from 0")
    offset: int = u64("first byte wanted", unit="byte")
    length: int = u64("bytes wanted, never cut short; 0 = all from the offset to the end", unit="byte")


@wire
class Annotation(Wire):
    """A later statement about a recording; in the camera's chain, never changed."""

    utc_ns: int = i64("when, by the camera's clock", unit="ns")
    kind: AnnotationKind | Unknown = choice(AnnotationKind, "what it says")
    actor: str = text("identity of the host that made it; the camera's own if a button did", max=64)
    text: str = text("category, reason, note, or officer and unit", max=128)
    hold: str = _hold("id of the hold that was placed or lifted")
    case: str = _case("case number, or that of a hold")
    authority: str = _case("on whose authority it is held")


@wire
class AnnotationPage(Wire):
    """Annotations of one recording, oldest first."""

    annotations: tuple[Annotation, ...] = items(Annotation, "annotations", max=64)
    next: int = u16("index where the next page begins; 0 = this was the last")
    signature: bytes = blob(
        "on the last page: the device's over the head of them all; empty without an identity",
        max=SIGN1_MAX,
        since=V1_2,
        default=b"",
    )


@command(0x0605, "recordings.annotations", roles=ANYONE, errors=_RECORDING, while_expired=True)
class ReadAnnotations(Request[AnnotationPage]):
    """Read a page of a recording's annotations."""

    recording: bytes = blob("recording id", size=16)
    start: int = u16("index of the first wanted", default=0)


@wire
class AnnotationState(Wire):
    """Where the recording stands after an annotation."""

    marks: Mark = flags(Mark, "marks now")
    annotations: int = u32("annotations now")
    category: str = text("category now", max=32)
    annotations_sha256: bytes = blob("head of the chain now", size=32, since=V1_2, default=NO_SHA256)
    holds: int = u16("holds that are not lifted", since=V1_2, default=0)
    case: str = _case("case number now")


@command(0x0606, "recordings.mark", roles=ANNOTATORS, effect=Effect.REPEATABLE, errors=_ANNOTATED)
class MarkRecording(Request[AnnotationState]):
    """Mark or unmark a recording; marked ones are offloaded first."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by", size=32)
    marked: bool = boolean("marked or not", default=True)


@command(0x0607, "recordings.categorise", roles=ANNOTATORS, effect=Effect.REPEATABLE, errors=_CATEGORISED)
class CategoriseRecording(Request[AnnotationState]):
    """Give a recording a category."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by", size=32)
    category: str = text("category of the agency's list", max=32)


@command(0x0608, "recordings.hold", roles=ANNOTATORS, effect=Effect.REPEATABLE, errors=_ANNOTATED)
class HoldRecording(Request[AnnotationState]):
    """Protect a recording from erasure, at once; it is held while one hold is left."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by", size=32)
    reason: str = text("why; goes into the log", max=128)
    hold: str = _hold("id of the hold; the same one again says it anew, and is no second hold")
    case: str = _case("case that it is for")
    authority: str = _case("on whose authority")


@command(0x0609, "recordings.lift", roles=RELEASERS, effect=Effect.REPEATABLE, errors=_LIFTED)
class LiftHold(Request[AnnotationState]):
    """Lift one hold; by the records office, not by whoever may place one."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by", size=32)
    reason: str = text("why; goes into the log", max=128)
    hold: str = _hold("id of the hold")


@command(0x060B, "recordings.case", roles=ANNOTATORS, effect=Effect.REPEATABLE, errors=_ANNOTATED, since=V1_2)
class AssignCase(Request[AnnotationState]):
    """Say which case a recording belongs to."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by", size=32)
    case: str = text("case number", max=64)


@command(
    0x060C, "recordings.review", roles=ANNOTATORS, effect=Effect.REPEATABLE, errors=_ANNOTATED, since=V1_2
)
class ReviewRecording(Request[AnnotationState]):
    """Say that a recording was reviewed."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by", size=32)
    note: str = text("what was found, or nothing", max=128)


@command(
    0x060A,
    "recordings.erase",
    roles=OFFLOADERS,
    effect=Effect.GUARDED,
    guard="manifest_sha256",
    errors=(
        (ErrorCode.NOT_FOUND, "no such recording, or it was erased with other annotations"),
        (ErrorCode.CONFLICT, "it has another manifest, or other annotations by now"),
        (ErrorCode.HELD, "a hold protects it"),
        (ErrorCode.NEEDS_RECEIPT, "fewer destinations have it than the configuration asks for"),
        (
            ErrorCode.WRONG_STATE,
            "nobody has proved of late that the footage can be opened, or it is to stay for longer",
        ),
        (ErrorCode.FULL, "the device has as many tombstones as it keeps"),
    ),
)
class EraseRecording(Request[Done]):
    """Erase a recording that is released: a signed tombstone stays. Repeating it is success."""

    recording: bytes = blob("recording id", size=16)
    manifest_sha256: bytes = blob("manifest that the caller goes by", size=32)
    annotations_sha256: bytes = blob("head of the annotations that the caller goes by", size=32)


@wire
class KeptReceipt(Wire):
    """A receipt that the device keeps, and that counts for what the recording is now."""

    sha256: bytes = blob("SHA-256 of its payload", size=32)
    destination: str = text("id of the destination that signed it", max=64)


@wire
class ReleaseState(Wire):
    """Whether a recording may be erased, and what it lacks."""

    receipts: tuple[KeptReceipt, ...] = items(
        KeptReceipt, "those that count, one for each destination", max=RECEIPTS_MAX
    )
    needed: int = u16("destinations that have to have it")
    holds: int = u16("holds that are not lifted")
    left_min: int = u32("powered minutes for which it stays; 0 while receipts are missing", unit="min")
    proof_needed: bool = boolean("somebody has to prove first that the footage can be opened")
    released: bool = boolean("whether it may be erased now")


@command(
    0x060D,
    "recordings.receipt",
    roles=OFFLOADERS,
    effect=Effect.REPEATABLE,
    errors=(
        (ErrorCode.NOT_FOUND, "no such recording"),
        (ErrorCode.WRONG_STATE, "it is not enrolled: it knows no destination"),
        (ErrorCode.MALFORMED, "no receipt"),
        (ErrorCode.UNTRUSTED, "it is not signed by a destination of the agency"),
        (ErrorCode.CONFLICT, "it is for another recording, manifest or size, or for other annotations"),
        (ErrorCode.FULL, "it has as many receipts as the device keeps"),
    ),
    since=V1_2,
    while_expired=True,
    signed=True,
)
class DeliverReceipt(Request[ReleaseState]):
    """Have the device keep a receipt (spec: Receipts and erasing), whoever brings it."""

    recording: bytes = blob("recording id", size=16)
    receipt: bytes = blob("the signed document", max=RECEIPT_MAX)


@wire
class SignedTombstone(Wire):
    """A tombstone, as the device signed it."""

    document: bytes = blob("the signed document", max=TOMBSTONE_MAX)


@wire
class TombstonePage(Wire):
    """A page of the tombstones, in the order of their counters."""

    tombstones: tuple[SignedTombstone, ...] = items(
        SignedTombstone, "tombstones, oldest first", max=TOMBSTONE_PAGE_MAX
    )
    next: int = u32("cursor of the next page; 0 = this was the last")
    total: int = u32("tombstones that it has")


@command(0x060E, "recordings.tombstones", roles=ANYONE, since=V1_2, while_expired=True)
class ReadTombstones(Request[TombstonePage]):
    """Read a page of the tombstones whose counter is above the cursor."""

    after: int = u32("cursor: the last counter that is known; 0 = from the first", default=0)
    limit: int = u16("tombstones wanted", min=1, max=TOMBSTONE_PAGE_MAX, default=TOMBSTONE_PAGE_MAX)


@command(0x060F, "recordings.release", roles=ANYONE, errors=_RECORDING, since=V1_2, while_expired=True)
class ReadRelease(Request[ReleaseState]):
    """Read whether a recording may be erased, and what it lacks."""

    recording: bytes = blob("recording id", size=16)


@event(0x06F0, "recordings.closed")
class RecordingClosed(Event):
    """A recording was closed and can be listed."""

    recording: bytes = blob("recording id", size=16)
    sequence: int = u32("its sequence number")


class Recordings(Subject):
    """The single steps; `Camera.recordings` adds listing, reading and tables."""

    page = method(ListRecordings)
    manifest = method(ReadManifest)
    annotations = method(ReadAnnotations)
    mark = method(MarkRecording)
    categorise = method(CategoriseRecording)
    hold = method(HoldRecording)
    lift = method(LiftHold)
    case = method(AssignCase)
    review = method(ReviewRecording)
    erase = method(EraseRecording)
    receipt = method(DeliverReceipt)
    tombstones = method(ReadTombstones)
    release = method(ReadRelease)
