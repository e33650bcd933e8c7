"""A recording, its manifest and two log entries, the same in every run: for vectors and worked examples."""

import dataclasses
import hashlib
from typing import Final

from bwc_protocol import evidence
from bwc_protocol.evidence import (
    ActivationEvent,
    AnnotationRecord,
    ChunkHasher,
    CipherSuite,
    Circumstances,
    ClockState,
    GivenBy,
    Interval,
    Manifest,
    Purpose,
    SegmentFacts,
    StopReason,
    TriggerReason,
)
from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.messages.audit import AuditEntry, AuditKind
from bwc_protocol.messages.recordings import AnnotationKind
from tools.testkit.pair import BENCH, CAMERA

STARTED_NS: Final = 1_780_315_200_000_000_000
"""2026-06-01 12:00:00 UTC."""
FIRMWARE: Final = hashlib.sha256(b"firmware 1.4.2").digest()
CIRCUMSTANCES: Final = Circumstances(
    event=ActivationEvent.WARRANT,
    event_by=GivenBy.DOCK,
    ending=StopReason.EVENT_OVER,
    ending_by=GivenBy.BUTTON,
    purpose=Purpose.LAW_ENFORCEMENT,
    holder="p-5f0c1d2e3a4b5c6d",
    pseudonym=True,
    generation=1,
)
CHUNK: Final = evidence.MIN_CHUNK_SIZE


def stored(segment: int) -> bytes:
    """The stored bytes of a segment: any bytes do, since what is in a chunk means nothing to the container."""
    return bytes((at * 7 + segment) & 0xFF for at in range(2 * CHUNK + 1000 * (segment + 1)))


def table(segment: int) -> bytes:
    """The segment's chunk table: three chunks."""
    hasher = ChunkHasher(CHUNK)
    hasher.update(stored(segment))
    return hasher.table()


def segment_facts(segment: int) -> SegmentFacts:
    """What the manifest states of the segment."""
    return SegmentFacts(
        size_bytes=len(stored(segment)),
        chunk_size=CHUNK,
        cipher_suite=CipherSuite.NONE,
        table_sha256=evidence.table_sha256(table(segment)),
        started_utc_ns=STARTED_NS + segment * 60_000_000_000,
        duration_ms=60_000 if segment == 0 else 12_500,
    )


def manifest(
    *, segments: int = 1, sequence: int = 1, previous: bytes = evidence.NO_SHA256, stated: bool = False
) -> Manifest:
    """A manifest with one mute interval; `stated` is what cameras of before did not know: circumstances, revision."""
    facts = tuple(segment_facts(segment) for segment in range(segments))
    length_ms = sum(one.duration_ms for one in facts)
    return Manifest(
        camera=CAMERA,
        recording_id=bytes(range(sequence, sequence + 16)),
        sequence=sequence,
        previous_sha256=previous,
        trigger=TriggerReason.OFFICER_BUTTON,
        started_utc_ns=STARTED_NS,
        ended_utc_ns=STARTED_NS + length_ms * 1_000_000,
        boot_counter=9,
        pre_event_requested_s=30,
        pre_event_achieved_ms=21_400,
        mute=(
            Interval(
                start_ms=30_000,
                end_ms=41_000,
                reason=StopReason.PRIVILEGED if stated else StopReason.NOT_GIVEN,
            ),
        ),
        clock_state=ClockState.SYNCED,
        clock_uncertainty_ms=12,
        policy_id="default",
        policy_sha256=hashlib.sha256(b"default policy").digest(),
        firmware_sha256=FIRMWARE,
        segments=facts,
        circumstances=CIRCUMSTANCES if stated else None,
        clock_revision=3 if stated else 0,
    )


def annotations() -> tuple[AnnotationRecord, ...]:
    """Three statements: a category, and a hold that is placed and lifted."""
    said = (
        (AnnotationKind.CATEGORY, CAMERA, "unclassified", "", "", ""),
        (AnnotationKind.HELD, BENCH, "asked for", "h1", "24-7", "court"),
        (AnnotationKind.LIFTED, BENCH, "over", "h1", "", ""),
    )
    return tuple(
        AnnotationRecord(
            utc_ns=STARTED_NS + at, kind=int(kind), actor=actor, text=text, hold=hold, case=case, authority=by
        )
        for at, (kind, actor, text, hold, case, by) in enumerate(said)
    )


def audit_entries() -> tuple[AuditEntry, AuditEntry]:
    """The first two entries of a log, chained."""
    first = _entry(1, AuditKind.BOOT, "", "power on", bytes(32))
    return first, _entry(2, AuditKind.SESSION_OPENED, BENCH, "role bench", first.sha256)


def _entry(sequence: int, kind: AuditKind, actor: str, detail: str, previous: bytes) -> AuditEntry:
    entry = AuditEntry(
        sequence=sequence,
        utc_ns=STARTED_NS + sequence * 1_000_000_000,
        boot_counter=9,
        kind=kind,
        actor=actor or CAMERA,
        detail=detail,
        sha256=bytes(32),
    )
    return dataclasses.replace(entry, sha256=entry_sha256(entry, previous))
