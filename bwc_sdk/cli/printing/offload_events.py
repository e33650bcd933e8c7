"""Events of an offload as JSON lines and as plain lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, assert_never

from bwc_protocol.messages.recordings import RecordingEntry
from bwc_sdk.cli.advice import advice_for
from bwc_sdk.cli.printing import text
from bwc_sdk.cli.printing.event_document import event_document, plain
from bwc_sdk.errors import BwcError, DestinationError, DestinationFull
from bwc_sdk.evidence.signed_manifest import ManifestSigned
from bwc_sdk.offload import (
    ChunkRejected,
    Connected,
    ConnectionLost,
    DesiredStateDelivered,
    DesiredStateRefused,
    Erased,
    Finished,
    FollowUp,
    FollowUpFailed,
    Missing,
    NotErased,
    OffloadEvent,
    OffloadResult,
    Outcome,
    Planned,
    Progress,
    ReceiptDelivered,
    ReceiptNotDelivered,
    ReceiptNotSigned,
    ReceiptSigned,
    Reconnected,
    RecordingFinished,
    RecordingPostponed,
    RecordingsMissing,
    RecordingStarted,
    Refused,
    Resumed,
    SegmentStored,
    StepDone,
    StepFailed,
    StillOnCamera,
    StoredVerified,
    outcome_word,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FOLLOW_UPS: Final = {
    FollowUp.LISTING: "asking the camera for them again",
    FollowUp.ANNOTATIONS: "storing what was said since",
    FollowUp.SIGNING: "signing receipts",
    FollowUp.RECEIPTS: "looking through the receipts",
    FollowUp.DELIVERY: "delivering receipts",
    FollowUp.ERASING: "having the camera erase",
    FollowUp.TOMBSTONES: "storing the tombstones",
}
"""What follows the storing of recordings, in words."""
LISTED_MAX: Final = 10
"""Numbers in one line for people; all of them are in the result."""


def offload_document(event: DataclassInstance) -> dict[str, Any]:
    """An event of one camera or of many as it goes into JSON; `event` names it, the last one is `result`."""
    match event:
        case Finished(result=result):
            return {"event": "result", **result_document(result)}
        case Planned(recordings=recordings, bytes_total=bytes_total):
            entries = [_entry(one) for one in recordings]
            return {"event": "planned", "recordings": entries, "bytes_total": bytes_total}
        case RecordingStarted(entry=entry):
            return {"event": "recording_started", **_entry(entry), "entry": _entry(entry)}
        case RecordingFinished(outcome=outcome):
            return {"event": "recording_finished", **outcome_document(outcome)}
        case RecordingsMissing(missing=missing):
            return {"event": "recordings_missing", **_missing(missing)}
        case _:
            return event_document(event)


def result_document(result: OffloadResult) -> dict[str, Any]:
    """The result: for each recording its outcome, for each stored segment path, size and table hash."""
    return {
        "complete": result.complete,
        "identity": result.identity,
        "recordings": [outcome_document(outcome) for outcome in result.outcomes],
        "missing": [_missing(one) for one in result.missing],
        "bytes_received": result.bytes_received,
        "bytes_kept": result.bytes_kept,
        "reconnections": result.reconnections,
        "counters": result.counters.plain(),
    }


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        "outcome": "missing",
        "first": missing.first,
        "last": missing.last,
        "count": missing.count,
        "reason": missing.reason,
    }


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """What became of one recording."""
    document: dict[str, Any] = {**_entry(outcome.entry), "outcome": outcome_word(outcome)}
    match outcome:
        case StoredVerified(segments=segments, already_there=already_there, manifest_signed=signed):
            document["already_there"] = already_there
            document["manifest_signed"] = str(signed)
            document["segments"] = [
                {
                    "path": str(segment.path),
                    "size_bytes": segment.size_bytes,
                    "table_sha256": segment.table_sha256.hex(),
                }
                for segment in segments
            ]
        case StillOnCamera(reason=reason, error=error) | Refused(reason=reason, error=error):
            document["reason"] = reason
            document["error"] = plain(error)
        case _:
            assert_never(outcome)
    return document


def _entry(entry: RecordingEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "recording": entry.recording.hex(),
        "size_bytes": entry.size_bytes,
        "manifest_sha256": entry.manifest_sha256.hex(),
    }


def in_bytes(count: int) -> str:
    """A size in a pipe, where it is counted with; a terminal gets `text.size`, one unit on one screen."""
    return f"{count} bytes"


def values_of(event: OffloadEvent, size: Callable[[int], str] = in_bytes) -> tuple[object, ...]:
    """The event as the values of one plain line; empty for what only a progress bar shows."""
    match event:
        case Connected(identity=identity, simulator=simulator, secure=secure):
            kind = "simulator" if simulator else "camera"
            return "connected", identity, kind, "protected" if secure else "not protected"
        case Planned(recordings=recordings, bytes_total=bytes_total):
            return "planned", f"{len(recordings)} recordings", size(bytes_total)
        case RecordingsMissing(missing=missing):
            return "MISSING", missing_numbers(missing), missing.reason
        case RecordingStarted(entry=entry):
            return "started", f"recording {entry.sequence}", size(entry.size_bytes)
        case RecordingPostponed(recording=recording, error=error):
            return "postponed", f"recording {recording}", error.rule
        case Progress():
            return ()
        case Resumed(recording=recording, segment=segment, bytes_kept=bytes_kept):
            return "resumed", f"recording {recording}", f"segment {segment}", f"{size(bytes_kept)} were good"
        case ChunkRejected(recording=recording, segment=segment, chunk=chunk):
            return "rejected", f"recording {recording}", f"segment {segment}", f"chunk {chunk}"
        case ConnectionLost(error=error, attempt=attempt, wait_s=wait_s):
            return "lost", error.rule, f"attempt {attempt} in {wait_s:.1f} s"
        case Reconnected():
            return ("reconnected",)
        case DesiredStateDelivered(counter=counter, later=later):
            return "delivered", f"desired state {counter}", *([later] if later else [])
        case DesiredStateRefused(error=error):
            return "NOT DELIVERED", error.rule
        case StepDone(step=step, good=good, detail=detail):
            return f"{step} done" if good else f"{step} NOT GOOD", detail
        case StepFailed(step=step, error=error):
            advice = advice_for(error)
            return f"{step} FAILED", error.rule, *((f"try: {advice}",) if advice else ())
        case ReceiptSigned(recording=recording, destination=destination, one_site=one_site, fresh=fresh):
            what = "receipt signed" if fresh else "receipt is there"
            others = (f"{name} is none, and was passed by" for name in event.passed_by)
            return what, f"recording {recording}", f"by {destination}", *_one_site(one_site), *others
        case ReceiptNotSigned(recording=recording, reason=reason):
            return "NO RECEIPT", f"recording {recording}", reason
        case ReceiptDelivered(recording=recording, destination=destination, one_site=one_site):
            return "receipt delivered", f"recording {recording}", f"of {destination}", *_one_site(one_site)
        case ReceiptNotDelivered(recording=recording, path=path, error=error):
            return "RECEIPT NOT TAKEN", f"recording {recording}", path, error.rule
        case Erased(recording=recording):
            return "erased", f"recording {recording}", "the camera says so"
        case NotErased(recording=recording, reason=reason):
            return "not erased", f"recording {recording}", reason
        case FollowUpFailed(step=follow_up, recording=recording, error=error):
            which = "all recordings" if recording is None else f"recording {recording}"
            advice = advice_for(error)
            return (
                "NOT DONE",
                which,
                FOLLOW_UPS[follow_up],
                error.rule,
                *((f"try: {advice}",) if advice else ()),
            )
        case SegmentStored(recording=recording, segment=segment, path=path, size_bytes=size_bytes):
            digest = event.table_sha256.hex()
            return "stored", f"recording {recording}", f"segment {segment}", path, size_bytes, digest
        case RecordingFinished(outcome=outcome):
            return outcome_word(outcome), f"recording {outcome.entry.sequence}", _about(outcome)
        case Finished(result=result):
            return "complete" if result.complete else "INCOMPLETE", summary(result, size)
        case _:
            assert_never(event)


def _one_site(one_site: bool) -> tuple[str, ...]:
    return ("one site",) if one_site else ()


def _about(outcome: Outcome) -> str:
    if isinstance(outcome, StoredVerified):
        words = ["verified"]
        if outcome.manifest_signed is ManifestSigned.ABSENT:
            words.append("NOT SIGNED by the camera")
        if outcome.already_there:
            words.append("it was there already")
        return "; ".join(words)
    return outcome.reason


def summary(result: OffloadResult, size: Callable[[int], str] = text.size) -> str:
    """One line on the whole."""
    stored = sum(isinstance(outcome, StoredVerified) for outcome in result.outcomes)
    parts = [f"{stored} of {len(result.outcomes)} recordings stored and verified"]
    if result.missing:
        parts.append(f"{sum(one.count for one in result.missing)} missing")
    parts.append(f"{size(result.bytes_received)} received")
    if result.bytes_kept:
        parts.append(f"{size(result.bytes_kept)} kept from before")
    if result.reconnections:
        parts.append(f"reconnections: {result.reconnections}")
    return ", ".join(parts)


def missing_numbers(missing: Missing) -> str:
    """Which they are, for people."""
    if not missing.first:
        return "an earlier recording"
    if missing.first == missing.last:
        return f"recording {missing.first}"
    return f"recordings {missing.first} to {missing.last}"


def next_steps(result: OffloadResult) -> list[str]:
    """What to do about the recordings that are not stored: one line for each kind of outcome."""
    waiting = [one for one in result.outcomes if isinstance(one, StillOnCamera)]
    roomless = [one.entry.sequence for one in waiting if _only_full(one.error)]
    barred = _by_advice(waiting)
    left = [one.entry.sequence for one in waiting if not isinstance(one.error, DestinationError)]
    refused = [one.entry.sequence for one in result.outcomes if isinstance(one, Refused)]
    lines = []
    for one in result.missing[:LISTED_MAX]:
        lines.append(f"missing: {missing_numbers(one)}: {one.reason}")
    if result.missing:
        lines.append(
            "keep the camera as it is, and have it examined: 'bwc self-test' and 'bwc audit' show what it knows of the "
            "recordings that are missing. Running the command again does not bring them back"
        )
    if roomless:
        lines.append(
            f"still on the camera, for want of room: {_listed(roomless)}. Make room in the destination first, then run "
            "the same command again: it goes on with what is good on disk"
        )
    for advice, sequences in barred.items():
        lines.append(f"still on the camera: {_listed(sequences)}. {advice[:1].upper()}{advice[1:]}")
    if left:
        lines.append(
            f"still on the camera: {_listed(left)}. Run the same command again: it goes on with what is good on disk"
        )
    unsigned = [one.entry.sequence for one in result.outcomes if _unsigned(one)]
    if unsigned:
        lines.append(
            f"stored, and not signed: {_listed(unsigned)}. The camera gave no signature of its manifest, so nobody can "
            "show later who stated it. Its firmware may be older: 'bwc info' tells; renewing that is what helps"
        )
    if refused:
        lines.append(
            f"refused: {_listed(refused)}. Trying again does not help: see the reason, compare "
            "'bwc recordings show' with what stands under that name in the destination, and keep both"
        )
    return lines


def _unsigned(outcome: Outcome) -> bool:
    return isinstance(outcome, StoredVerified) and outcome.manifest_signed is ManifestSigned.ABSENT


def _only_full(error: BwcError | None) -> bool:
    return isinstance(error, DestinationFull) and not error.advice


def _by_advice(waiting: list[StillOnCamera]) -> dict[str, list[int]]:
    """What the destination kept from being stored, by what has to be done first: running it again may not help."""
    barred: dict[str, list[int]] = {}
    for one in waiting:
        if isinstance(one.error, DestinationError) and not _only_full(one.error):
            barred.setdefault(advice_for(one.error), []).append(one.entry.sequence)
    return barred


def _listed(sequences: list[int]) -> str:
    shown = ", ".join(map(str, sequences[:LISTED_MAX]))
    more = len(sequences) - LISTED_MAX
    return f"recording {shown}" + (f" and {more} more" if more > 0 else "")
