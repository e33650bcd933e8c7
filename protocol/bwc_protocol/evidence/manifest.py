"""The manifest: the facts of a recording, stated once when it is closed (spec: Recording).

Category, mark, hold, assignment and clock corrections are no such facts: they are annotations that name the
manifest by its hash.
"""

import hashlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Final, Self

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import cbor
from bwc_protocol.evidence.chunks import chunk_count
from bwc_protocol.evidence.circumstances import Circumstances, StopReason
from bwc_protocol.evidence.protection import Protection
from bwc_protocol.evidence.record import Blob, Choice, Flag, Int, Items, Maybe, Name, Record, keyed
from bwc_protocol.evidence.vocabulary import (
    CAMERA_MAX,
    CHUNK_SIZE,
    DIGEST_SIZE,
    MANIFEST_MAX,
    MANIFEST_VERSION,
    MAX_CHUNKS,
    MAX_INTERVALS,
    MAX_SEGMENTS,
    MIN_CHUNK_SIZE,
    POLICY_MAX,
    PRE_EVENT_MAX_S,
    RECORDING_ID_SIZE,
    SEGMENT_MAX_S,
    TAG_SIZE,
    CipherSuite,
    ClockState,
    EvidenceError,
    TriggerReason,
)
from bwc_protocol.versions import V1_2

_U32: Final = 0xFFFF_FFFF
_SHA256: Final = Blob(DIGEST_SIZE)
_UTC_NS: Final = Int(-(1 << 63), (1 << 63) - 1)
_DURATION_MS: Final = Int(0, MAX_SEGMENTS * SEGMENT_MAX_S * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts(Record):
    """One segment: an MP4 file of its own, at most `SEGMENT_MAX_S` long."""

    label: ClassVar[str] = "segment"

    size_bytes: int = field(metadata=keyed(0, Int(1, MAX_CHUNKS * CHUNK_SIZE), "stored size", unit="byte"))
    chunk_size: int = field(
        default=CHUNK_SIZE,
        metadata=keyed(1, Int(MIN_CHUNK_SIZE, CHUNK_SIZE), "stored size of a chunk", unit="byte"),
    )
    cipher_suite: CipherSuite | Unknown = field(
        default=CipherSuite.NONE, metadata=keyed(2, Choice(CipherSuite), "how its chunks are protected")
    )
    table_sha256: bytes = field(metadata=keyed(3, _SHA256, "SHA-256 of its chunk table"))
    started_utc_ns: int = field(metadata=keyed(4, _UTC_NS, "begin, by the camera's clock", unit="ns"))
    duration_ms: int = field(metadata=keyed(5, Int(0, SEGMENT_MAX_S * 1000), "length", unit="ms"))

    def check_together(self) -> None:
        if chunk_count(self.size_bytes, self.chunk_size) > MAX_CHUNKS:
            raise EvidenceError("segment-chunks", f"more than {MAX_CHUNKS} chunks")
        if self.cipher_suite is CipherSuite.AES_256_GCM and 0 < self.size_bytes % self.chunk_size <= TAG_SIZE:
            raise EvidenceError("segment-cipher-suite", "its last chunk is a tag without footage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Record):
    """A stretch of a recording, counted from its begin (the pre-event footage included)."""

    label: ClassVar[str] = "interval"

    start_ms: int = field(metadata=keyed(0, _DURATION_MS, "begin", unit="ms"))
    end_ms: int = field(metadata=keyed(1, _DURATION_MS, "end, exclusive", unit="ms"))
    reason: StopReason | Unknown = field(
        default=StopReason.NOT_GIVEN,
        metadata=keyed(2, Choice(StopReason), "why; absent: not given", since=V1_2),
    )

    def check_together(self) -> None:
        if self.start_ms >= self.end_ms:
            raise EvidenceError("interval-order", "ends before it begins, or is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Record):
    """What a camera states of a recording when it closes it.

    Times are nanoseconds of UTC since 1970 by the camera's clock as it stood when the recording began; length
    is measured by a clock that is never set, and `ended_utc_ns` follows from it. A clock that is set while
    the camera records does not touch either.
    """

    label: ClassVar[str] = "manifest"

    version: int = field(
        default=MANIFEST_VERSION,
        metadata=keyed(0, Int(MANIFEST_VERSION, MANIFEST_VERSION), "version of this form"),
    )
    camera: str = field(metadata=keyed(1, Name(CAMERA_MAX), "identity of the camera"))
    recording_id: bytes = field(metadata=keyed(2, Blob(RECORDING_ID_SIZE), "random id of the recording"))
    sequence: int = field(metadata=keyed(3, Int(1, _U32), "counts the camera's recordings, from 1"))
    previous_sha256: bytes = field(
        metadata=keyed(4, _SHA256, "SHA-256 of the manifest before; zeros before the first")
    )
    trigger: TriggerReason | Unknown = field(metadata=keyed(5, Choice(TriggerReason), "what started it"))
    started_utc_ns: int = field(metadata=keyed(6, _UTC_NS, "begin, with pre-event footage", unit="ns"))
    ended_utc_ns: int = field(metadata=keyed(7, _UTC_NS, "end, with post-event footage", unit="ns"))
    boot_counter: int = field(metadata=keyed(8, Int(0, _U32), "boot in which it was recorded"))
    pre_event_requested_s: int = field(
        metadata=keyed(9, Int(0, PRE_EVENT_MAX_S), "pre-event footage that was configured", unit="s")
    )
    pre_event_achieved_ms: int = field(
        metadata=keyed(10, Int(0, PRE_EVENT_MAX_S * 1000), "pre-event footage that there is", unit="ms")
    )
    mute: tuple[Interval, ...] = field(
        default=(), metadata=keyed(11, Items(Interval, MAX_INTERVALS), "stretches without sound")
    )
    stealth: tuple[Interval, ...] = field(
        default=(), metadata=keyed(12, Items(Interval, MAX_INTERVALS), "stretches without light and tone")
    )
    clock_state: ClockState | Unknown = field(metadata=keyed(13, Choice(ClockState), "clock at its begin"))
    clock_uncertainty_ms: int = field(
        metadata=keyed(14, Int(0, _U32), "bound of the clock's error then; 2^32 - 1 = no bound", unit="ms")
    )
    policy_id: str = field(metadata=keyed(15, Name(POLICY_MAX, optional=True), "policy in force, or nothing"))
    policy_sha256: bytes = field(metadata=keyed(16, _SHA256, "SHA-256 of that policy; zeros without one"))
    firmware_sha256: bytes = field(metadata=keyed(17, _SHA256, "SHA-256 of the running firmware"))
    cut: bool = field(
        default=False, metadata=keyed(18, Flag(), "power was lost: ends at its last whole chunk")
    )
    segments: tuple[SegmentFacts, ...] = field(
        metadata=keyed(19, Items(SegmentFacts, MAX_SEGMENTS, min=1), "its segments, in order")
    )
    circumstances: Circumstances | None = field(
        default=None,
        metadata=keyed(
            20, Maybe(Circumstances), "what it was made for, by whom; absent: not stated", since=V1_2
        ),
    )
    protection: Protection | None = field(
        default=None,
        metadata=keyed(21, Maybe(Protection), "for whom it is encrypted; absent: for nobody", since=V1_2),
    )
    clock_revision: int = field(
        default=0,
        metadata=keyed(
            22, Int(0, _U32), "revision of the clock at its begin; absent: not stated", since=V1_2
        ),
    )

    def check_together(self) -> None:
        if self.ended_utc_ns < self.started_utc_ns:
            raise EvidenceError("manifest-time", "ends before it begins")
        if self.pre_event_achieved_ms > self.duration_ms:
            raise EvidenceError("manifest-pre-event", "more pre-event footage than footage")
        for name, intervals in (("mute", self.mute), ("stealth", self.stealth)):
            if any(a.end_ms > b.start_ms for a, b in pairwise(intervals)):
                raise EvidenceError(f"manifest-{name}", "intervals overlap or are out of order")
            if intervals and intervals[-1].end_ms > self.duration_ms:
                raise EvidenceError(f"manifest-{name}", "an interval ends after the recording")

        suites = {segment.cipher_suite for segment in self.segments}
        if self.protection is None and CipherSuite.AES_256_GCM in suites:
            raise EvidenceError("manifest-protection", "a segment is encrypted, and its key is nowhere")
        said = self.circumstances
        if self.protection is None and said is not None and said.sealed_name:
            raise EvidenceError("manifest-sealed-name", "a name is encrypted, and its key is nowhere")
        if self.protection is not None and CipherSuite.NONE in suites:
            raise EvidenceError(
                "manifest-protection", "it has a content key, and a segment that is not encrypted"
            )

    @property
    def duration_ms(self) -> int:
        """Length of all segments together, in ms."""
        return sum(segment.duration_ms for segment in self.segments)

    @property
    def size_bytes(self) -> int:
        """Stored size of all segments together, in bytes."""
        return sum(segment.size_bytes for segment in self.segments)

    def encode(self) -> bytes:
        """The manifest's one encoding, at most `MANIFEST_MAX` bytes. Raises `EvidenceError`."""
        data = cbor.encode(self.to_map())
        if len(data) > MANIFEST_MAX:
            raise EvidenceError("manifest-size", f"{len(data)} bytes, more than {MANIFEST_MAX}")
        return data

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The manifest of bytes from a device. Raises `EvidenceError` for anything but its one encoding."""
        if len(data) > MANIFEST_MAX:
            raise EvidenceError("manifest-size", f"{len(data)} bytes, more than {MANIFEST_MAX}")
        return cls.from_map(cbor.decode(data))

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the encoding: names this manifest in chain, annotations, receipts and file names."""
        return hashlib.sha256(self.encode()).digest()
