"""The state of a device as a test bench needs it (spec: Bench, 0x09xx).

Only of devices without evidence: simulators and development firmware, which state the capability BENCH.
"""

from typing import Final

from bwc_protocol.declare import (
    Effect,
    Refusals,
    Request,
    Role,
    Subject,
    Wire,
    blob,
    command,
    i64,
    method,
    opt_u16,
    text,
    u8,
    u32,
    u64,
    wire,
)
from bwc_protocol.evidence import SEGMENT_MAX_S
from bwc_protocol.versions import V1_2
from bwc_protocol.vocabulary import ErrorCode

DURATION_MAX_MS: Final = SEGMENT_MAX_S * 1000
"""One segment; longer recordings are no other case, and a bench would wait for their bytes."""
SIZE_MAX_BYTES: Final = 128 << 20
"""128 MiB, one segment whatever the size of chunks; to fill the storage there is `bench.fill`, which writes nothing."""
_NO_BENCH: Final[Refusals] = ((ErrorCode.UNSUPPORTED, "a device without the capability BENCH"),)


@wire
class BenchState(Wire):
    """What of the device's state is a bench's doing, and not its own."""

    charge_pct: int | None = opt_u16(
        "charge that the bench set, and that the device acts on; not known: its own is in force", unit="%"
    )
    taken_bytes: int = u64("room for recordings that the bench took", unit="byte")
    clock_moved_ns: int = i64("by how much the bench moved the clock, since it was set last", unit="ns")
    clock_revision: int = u32("revision of the clock; the precondition of `bench.clock`")
    last_sequence: int = u32(
        "number of the recording that was closed last, 0 = none; the precondition of `bench.record`"
    )


@command(0x0901, "bench.state", roles=Role.BENCH, errors=_NO_BENCH, since=V1_2)
class ReadBench(Request[BenchState]):
    """Read what of the device's state is a bench's doing."""


@command(0x0902, "bench.charge", roles=Role.BENCH, effect=Effect.REPEATABLE, errors=_NO_BENCH, since=V1_2)
class SetCharge(Request[BenchState]):
    """Have the device act on this charge of its battery, which from there rises and falls by itself."""

    charge_pct: int = u8(
        "charge as `battery.status` shows it; with 0 it would be off", unit="%", min=1, max=100
    )


@command(
    0x0903,
    "bench.clock",
    roles=Role.BENCH,
    effect=Effect.GUARDED,
    guard="revision",
    errors=(
        *_NO_BENCH,
        (ErrorCode.CONFLICT, "another revision"),
        (ErrorCode.WRONG_STATE, "a clock that is UNSET"),
        (ErrorCode.OUT_OF_RANGE, "a time before 2024-01-01, or from 2100-01-01 on, by UTC"),
    ),
    since=V1_2,
)
class MoveClock(Request[BenchState]):
    """Move the clock as a faulty oscillator would have: what it states of itself stays as it was."""

    offset_ns: int = i64("what to add to the device's time", unit="ns")
    revision: int = u32("revision of the clock that the caller saw")


@command(0x0904, "bench.fill", roles=Role.BENCH, effect=Effect.REPEATABLE, errors=_NO_BENCH, since=V1_2)
class FillStorage(Request[BenchState]):
    """Take room for recordings, without writing anything, until no more than this is left."""

    free_bytes: int = u64("room that is to be left at most; where there is less, none is taken", unit="byte")


@wire
class BenchRecording(Wire):
    """A recording that was made for a bench."""

    recording: bytes = blob("its id", size=16)
    sequence: int = u32("its number; the precondition of the next `bench.record`")
    manifest_sha256: bytes = blob("SHA-256 of its manifest", size=32)


@command(
    0x0905,
    "bench.record",
    roles=Role.BENCH,
    effect=Effect.GUARDED,
    guard="after",
    errors=(
        *_NO_BENCH,
        (ErrorCode.CONFLICT, "another recording was closed since"),
        (ErrorCode.PURPOSE_REFUSED, "the category is solely First Amendment activity"),
        (ErrorCode.WRONG_STATE, "a camera that records, or that would be nobody's"),
        (ErrorCode.FULL, "it does not fit: nothing is erased to make room for it"),
    ),
    since=V1_2,
)
class MakeRecording(Request[BenchRecording]):
    """Make one recording at once, which ends now and is closed as any other; it says that a bench made it."""

    after: int = u32("number of the recording that was closed last, as the caller saw it; 0 = none")
    duration_ms: int = u32(
        "length that it states; no time passes for it", unit="ms", min=1_000, max=DURATION_MAX_MS
    )
    size_bytes: int = u32(
        "its footage before encryption, of whatever bytes; 0 = as the camera films, or as much as it would",
        unit="byte",
        max=SIZE_MAX_BYTES,
        default=0,
    )
    category: str = text("category; nothing: the one that is configured", max=32, default="")


@command(0x0906, "bench.restore", roles=Role.BENCH, effect=Effect.REPEATABLE, errors=_NO_BENCH, since=V1_2)
class RestoreState(Request[BenchState]):
    """Give charge, clock and room back, as a restart does; what was recorded stays."""


class Bench(Subject):
    """The state that a test needs, on simulators and development firmware."""

    state = method(ReadBench)
    charge = method(SetCharge)
    clock = method(MoveClock)
    fill = method(FillStorage)
    record = method(MakeRecording)
    restore = method(RestoreState)
