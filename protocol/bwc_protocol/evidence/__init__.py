"""The recording container: manifest, segments, chunk tables (spec: Recording).

The manifest is what a camera states once, when it closes a recording; every byte that is offloaded can be
checked against it. A signature wraps exactly these bytes, and a cipher suite changes only what the chunks hold.
"""

from bwc_protocol.evidence.annotations import AnnotationRecord, annotation_head, annotation_root
from bwc_protocol.evidence.audit_chain import AUDIT_ROOT_SHA256, audit_entry_sha256
from bwc_protocol.evidence.chunks import (
    ChunkHasher,
    chunk_count,
    chunk_digest,
    chunk_span,
    table_sha256,
    verify_table,
)
from bwc_protocol.evidence.circumstances import (
    AGENCY_FIRST,
    HOLDER_MAX,
    VOCABULARY_VERSION,
    ActivationEvent,
    Circumstances,
    GivenBy,
    Purpose,
    StopReason,
    is_first_amendment_only,
    word_of,
)
from bwc_protocol.evidence.manifest import Interval, Manifest, SegmentFacts
from bwc_protocol.evidence.protection import KeySuite, Protection, Wrap
from bwc_protocol.evidence.vocabulary import (
    CHUNK_SIZE,
    DIGEST_SIZE,
    MANIFEST_MAX,
    MANIFEST_VERSION,
    MAX_CHUNKS,
    MAX_INTERVALS,
    MAX_SEGMENTS,
    MIN_CHUNK_SIZE,
    NO_SHA256,
    RECORDING_ID_SIZE,
    SEGMENT_MAX_S,
    TAG_SIZE,
    UNBOUNDED_MS,
    CipherSuite,
    ClockState,
    EvidenceError,
    TriggerReason,
)

__all__ = [
    "AGENCY_FIRST",
    "AUDIT_ROOT_SHA256",
    "CHUNK_SIZE",
    "DIGEST_SIZE",
    "HOLDER_MAX",
    "MANIFEST_MAX",
    "MANIFEST_VERSION",
    "MAX_CHUNKS",
    "MAX_INTERVALS",
    "MAX_SEGMENTS",
    "MIN_CHUNK_SIZE",
    "NO_SHA256",
    "RECORDING_ID_SIZE",
    "SEGMENT_MAX_S",
    "TAG_SIZE",
    "UNBOUNDED_MS",
    "VOCABULARY_VERSION",
    "ActivationEvent",
    "AnnotationRecord",
    "ChunkHasher",
    "CipherSuite",
    "Circumstances",
    "ClockState",
    "EvidenceError",
    "GivenBy",
    "Interval",
    "KeySuite",
    "Manifest",
    "Protection",
    "Purpose",
    "SegmentFacts",
    "StopReason",
    "TriggerReason",
    "Wrap",
    "annotation_head",
    "annotation_root",
    "audit_entry_sha256",
    "chunk_count",
    "chunk_digest",
    "chunk_span",
    "is_first_amendment_only",
    "table_sha256",
    "verify_table",
    "word_of",
]
