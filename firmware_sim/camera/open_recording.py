"""A recording that is not closed yet: its facts, its segments so far, and how it becomes a manifest."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import (
    CHUNK_SIZE,
    MAX_INTERVALS,
    MAX_SEGMENTS,
    MIN_CHUNK_SIZE,
    NO_SHA256,
    SEGMENT_MAX_S,
    CipherSuite,
    Circumstances,
    ClockState,
    EvidenceError,
    GivenBy,
    Interval,
    Manifest,
    Protection,
    SegmentFacts,
    StopReason,
    TriggerReason,
    sealing,
    table_sha256,
)
from bwc_protocol.evidence.cbor import decode as decode_cbor
from bwc_protocol.evidence.cbor import encode as encode_cbor
from firmware_sim.flash.flash import StateError
from firmware_sim.footage.mp4 import PLAIN, Picture, Scene
from firmware_sim.footage.source import FootageSource
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, U64_MAX, digest, flag, part_of, whole, words
from firmware_sim.storage.blobs import Blob, SealedBlob, chunk_table

JOURNAL: Final = (
    "recording_id",
    "seed",
    "trigger",
    "started_utc_ns",
    "boot_counter",
    "pre_event_achieved_ms",
    "clock_state",
    "clock_uncertainty_ms",
    "settings",
    "mute",
    "stealth",
    "marks_ms",
    "circumstances",
    "protection",
    "key",
    "elapsed_ms",
)
CLOCK_REVISION: Final = "clock_revision"
"""In journals since recordings state it."""
SIDE: Final = (64, 4_096)
KBPS: Final = (100, 100_000)
"""Pixels of a side, and rates, that a kept journal may have: what is made again from it takes time and memory."""
SAID_MAX: Final = 1_024
"""Hexadecimal digits of circumstances in a journal: the largest take less than half."""
PROTECTION_MAX: Final = 2_048
"""Hexadecimal digits of the wraps in a journal: four of the largest take less."""
MS: Final = 1_000_000
"""ns in a ms."""


NOTHING_SAID: Final = Circumstances()


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """What the configuration says about recording; a recording keeps those that it began with."""

    pre_event_s: int = 30
    post_event_s: int = 0
    segment_s: int = SEGMENT_MAX_S
    chunk_size: int = CHUNK_SIZE
    policy_id: str = ""
    policy_sha256: bytes = NO_SHA256
    picture: Picture = PLAIN
    gain_db: int = 0


@dataclass(slots=True)
class Stretches:
    """When something was switched on, in ms from the begin of the recording."""

    closed: list[tuple[int, int, int]] = field(default_factory=list)
    """Begin, end, and the number of the reason."""
    since_ms: int | None = None
    reason: int = 0
    """Of the stretch that is on, or was last."""

    def switch(self, on: bool, at_ms: int, reason: int = StopReason.NOT_GIVEN) -> None:
        """Switches on or off; the last stretch that a manifest can hold stays on to the end."""
        if on and self.since_ms is None:
            self.since_ms, self.reason = at_ms, int(reason)
        elif not on and self.since_ms is not None and len(self.closed) < MAX_INTERVALS - 1:
            if at_ms > self.since_ms:
                self.closed.append((self.since_ms, at_ms, self.reason))
            self.since_ms = None

    def within(self, begin_ms: int, end_ms: int) -> tuple[tuple[int, int, int], ...]:
        """The stretches between two moments, with their reasons; what is still on lasts to the end."""
        last = [] if self.since_ms is None else [(self.since_ms, end_ms, self.reason)]
        cut = ((max(a, begin_ms), min(b, end_ms), reason) for a, b, reason in [*self.closed, *last])
        return tuple((a, b, reason) for a, b, reason in cut if a < b)


@dataclass(frozen=True, slots=True)
class ClosedSegment:
    """A segment whose bytes are final."""

    facts: SegmentFacts
    table: bytes
    blob: Blob


@dataclass(slots=True)
class OpenRecording:
    """Facts of a recording in progress. Times in ms count from its begin, the pre-event footage included."""

    recording_id: bytes
    seed: int
    trigger: TriggerReason
    started_utc_ns: int
    boot_counter: int
    pre_event_achieved_ms: int
    clock_state: ClockState
    clock_uncertainty_ms: int
    clock_revision: int
    settings: RecorderSettings
    mute: Stretches = field(default_factory=Stretches)
    stealth: Stretches = field(default_factory=Stretches)
    marks_ms: list[int] = field(default_factory=list)
    circumstances: Circumstances = NOTHING_SAID
    protection: Protection | None = None
    """Its content key, wrapped for the evidence recipients; None: it is stored as it is recorded."""
    key: bytes = field(default=b"", repr=False)
    """The content key."""
    segments: list[ClosedSegment] = field(default_factory=list)
    live: bool = True
    """Whether it is filmed as time passes, and not all at once."""

    @property
    def closed_ms(self) -> int:
        """Length of the segments that are closed."""
        return sum(segment.facts.duration_ms for segment in self.segments)

    @property
    def closed_bytes(self) -> int:
        """Size of the segments that are closed."""
        return sum(segment.facts.size_bytes for segment in self.segments)

    def film(self, footage: FootageSource, camera: str, begin_ms: int, duration_ms: int) -> Blob:
        """The stored bytes of the next segment: the same ones whenever it is asked for."""
        mute = self.mute.within(begin_ms, begin_ms + duration_ms)
        scene = Scene(
            start_utc_ns=self.started_utc_ns + begin_ms * MS,
            duration_ms=duration_ms,
            label=camera,
            seed=self.seed,
            mute=tuple((a - begin_ms, b - begin_ms) for a, b, _ in mute),
            picture=self.settings.picture,
            gain_db=self.settings.gain_db,
            grows=self.live,
        )
        return self.stored(len(self.segments), footage.segment(scene))

    def stored(self, segment: int, filmed: Blob) -> Blob:
        """What is stored of a segment's footage."""
        return SealedBlob(filmed, self.key, segment, self.settings.chunk_size) if self.key else filmed

    def stored_size(self, filmed_bytes: int) -> int:
        """Bytes that so much footage of a segment takes."""
        return sealing.stored_size(filmed_bytes, self.settings.chunk_size) if self.key else filmed_bytes

    def filmed_size(self, room_bytes: int) -> int:
        """Footage of a segment for which so much room is enough."""
        return sealing.plain_size(room_bytes, self.settings.chunk_size) if self.key else room_bytes

    def close_segment(self, blob: Blob, duration_ms: int, table: bytes | None = None) -> None:
        """Appends a segment; its chunks are hashed unless `table` is known already."""
        chunks = chunk_table(blob, self.settings.chunk_size) if table is None else table
        facts = SegmentFacts(
            size_bytes=blob.size_bytes,
            chunk_size=self.settings.chunk_size,
            cipher_suite=CipherSuite.AES_256_GCM if self.key else CipherSuite.NONE,
            table_sha256=table_sha256(chunks),
            started_utc_ns=self.started_utc_ns + self.closed_ms * MS,
            duration_ms=duration_ms,
        )
        self.segments.append(ClosedSegment(facts, chunks, blob))

    def manifest(
        self, camera: str, sequence: int, previous_sha256: bytes, firmware_sha256: bytes, *, cut: bool
    ) -> Manifest:
        """What the camera states of the segments closed so far."""
        length_ms = self.closed_ms
        return Manifest(
            camera=camera,
            recording_id=self.recording_id,
            sequence=sequence,
            previous_sha256=previous_sha256,
            trigger=self.trigger,
            started_utc_ns=self.started_utc_ns,
            ended_utc_ns=self.started_utc_ns + length_ms * MS,
            boot_counter=self.boot_counter,
            pre_event_requested_s=self.settings.pre_event_s,
            pre_event_achieved_ms=min(self.pre_event_achieved_ms, length_ms),
            mute=_intervals(self.mute, length_ms),
            stealth=_intervals(self.stealth, length_ms),
            clock_state=self.clock_state,
            clock_uncertainty_ms=self.clock_uncertainty_ms,
            clock_revision=self.clock_revision,
            policy_id=self.settings.policy_id,
            policy_sha256=self.settings.policy_sha256,
            firmware_sha256=firmware_sha256,
            cut=cut,
            segments=tuple(segment.facts for segment in self.segments),
            circumstances=self.circumstances,
            protection=self.protection,
        )

    def ended(self, reason: StopReason) -> "OpenRecording":
        """The same, with the camera's own reason for its end, unless somebody gave one before."""
        if int(self.circumstances.ending) != StopReason.NOT_GIVEN:
            return self
        said = replace(self.circumstances, ending=reason, ending_by=GivenBy.CAMERA)
        return replace(self, circumstances=said)

    def to_journal(self, elapsed_ms: int) -> dict[str, Any]:
        """What has to survive a power cut, ready for JSON: the facts, and how far the recording had come.

        With the content key, since the simulator makes the footage of an interrupted recording again, and its
        ciphertext with it: that stands for the chunks that a camera stored. A camera's firmware keeps no key.
        """
        protection = b"" if self.protection is None else encode_cbor(self.protection.to_map())
        settings = asdict(self.settings) | {"policy_sha256": self.settings.policy_sha256.hex()}
        return {
            "recording_id": self.recording_id.hex(),
            "seed": self.seed,
            "trigger": int(self.trigger),
            "started_utc_ns": self.started_utc_ns,
            "boot_counter": self.boot_counter,
            "pre_event_achieved_ms": self.pre_event_achieved_ms,
            "clock_state": int(self.clock_state),
            "clock_uncertainty_ms": self.clock_uncertainty_ms,
            CLOCK_REVISION: self.clock_revision,
            "settings": settings,
            "mute": asdict(self.mute),
            "stealth": asdict(self.stealth),
            "marks_ms": list(self.marks_ms),
            "circumstances": encode_cbor(self.circumstances.to_map()).hex(),
            "protection": protection.hex(),
            "key": self.key.hex(),
            "elapsed_ms": elapsed_ms,
        }

    @classmethod
    def from_journal(cls, journal: dict[str, Any]) -> "OpenRecording":
        """The recording that a journal tells of, without its segments. Raises `StateError`."""
        part_of(journal, "the journal of a recording", JOURNAL, later=(CLOCK_REVISION,))
        settings = _settings(journal["settings"])
        whole(journal, "elapsed_ms", 0, MAX_SEGMENTS * settings.segment_s * 1000)
        marks = journal["marks_ms"]
        if not isinstance(marks, list) or not all(type(at) is int and 0 <= at <= U32_MAX for at in marks):
            raise StateError("the kept state cannot be read: marks_ms is no list of moments")
        try:
            trigger = TriggerReason(whole(journal, "trigger", 0, 0xFF))
            clock_state = ClockState(whole(journal, "clock_state", 0, 0xFF))
            said = decode_cbor(bytes.fromhex(words(journal, "circumstances", SAID_MAX)))
            circumstances = Circumstances.from_map(said)
            wrapped = bytes.fromhex(words(journal, "protection", PROTECTION_MAX))
            protection = Protection.from_map(decode_cbor(wrapped)) if wrapped else None
            key = bytes.fromhex(words(journal, "key", 2 * sealing.KEY_SIZE))
        except (ValueError, EvidenceError) as error:
            raise StateError(f"the kept state cannot be read: {error}") from error
        if len(key) != (0 if protection is None else sealing.KEY_SIZE):
            raise StateError("the kept state cannot be read: a content key without wraps, or the reverse")
        return cls(
            recording_id=digest(journal, "recording_id", 16),
            seed=whole(journal, "seed", 0, U64_MAX),
            trigger=trigger,
            started_utc_ns=whole(journal, "started_utc_ns", -I64_MAX, I64_MAX),
            boot_counter=whole(journal, "boot_counter", 0, U32_MAX),
            pre_event_achieved_ms=whole(journal, "pre_event_achieved_ms", 0, U32_MAX),
            clock_state=clock_state,
            clock_uncertainty_ms=whole(journal, "clock_uncertainty_ms", 0, U32_MAX),
            clock_revision=whole(journal, CLOCK_REVISION, 0, U32_MAX) if CLOCK_REVISION in journal else 0,
            settings=settings,
            mute=_stretches(journal["mute"]),
            stealth=_stretches(journal["stealth"]),
            marks_ms=marks,
            circumstances=circumstances,
            protection=protection,
            key=key,
        )


def _intervals(stretches: Stretches, length_ms: int) -> tuple[Interval, ...]:
    return tuple(
        Interval(start_ms=a, end_ms=b, reason=_reason(reason))
        for a, b, reason in stretches.within(0, length_ms)
    )


def _reason(number: int) -> StopReason | Unknown:
    return StopReason(number) if number in list(StopReason) else Unknown(number)


def _settings(kept: object) -> RecorderSettings:
    found = part_of(kept, "the settings of a recording", [f.name for f in fields(RecorderSettings)])
    return RecorderSettings(
        pre_event_s=whole(found, "pre_event_s", 0, 0xFFFF),
        post_event_s=whole(found, "post_event_s", 0, 0xFFFF),
        segment_s=whole(found, "segment_s", 1, SEGMENT_MAX_S),
        chunk_size=whole(found, "chunk_size", MIN_CHUNK_SIZE, CHUNK_SIZE),
        policy_id=words(found, "policy_id"),
        policy_sha256=digest(found, "policy_sha256"),
        picture=_picture(found["picture"]),
        gain_db=whole(found, "gain_db", -60, 60),
    )


def _picture(kept: object) -> Picture:
    found = part_of(kept, "the picture of a recording", [f.name for f in fields(Picture)])
    return Picture(
        width=whole(found, "width", *SIDE) // 2 * 2,
        height=whole(found, "height", *SIDE) // 4 * 4,
        kbps=whole(found, "kbps", *KBPS),
        identity=flag(found, "identity"),
        timestamp=flag(found, "timestamp"),
    )


def _stretches(kept: object) -> Stretches:
    found = part_of(kept, "a list of stretches", ("closed", "since_ms", "reason"))
    since = None if found["since_ms"] is None else whole(found, "since_ms", 0, U32_MAX)
    closed = found["closed"]
    if not isinstance(closed, list) or not all(_is_stretch(one) for one in closed):
        raise StateError("the kept state cannot be read: a stretch has a begin and an end")
    return Stretches([(a, b, why) for a, b, why in closed], since, whole(found, "reason", 0, 0xFF))


def _is_stretch(kept: object) -> bool:
    if not isinstance(kept, list) or [type(at) for at in kept] != [int, int, int]:
        return False
    begin, end, reason = kept
    return bool(0 <= begin < end and 0 <= reason <= 0xFF)
