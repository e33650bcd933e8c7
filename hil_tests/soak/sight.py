"""What is seen of a device in one session: everything that a soak holds against an earlier sight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bwc_protocol.messages.battery import BatteryStatus, ReadBattery
from bwc_protocol.messages.config import ReadConfigState
from bwc_protocol.messages.storage import StorageStatus
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.clock_sync import Measurement
from bwc_sdk.errors import AuditBroken, ClockUnsteady, CommandError
from hil_tests.soak.invariants import InvariantBroken, hold


@dataclass(frozen=True, slots=True)
class SeenRecording:
    """One that the device lists."""

    sequence: int
    manifest_sha256: str
    annotations: int
    size_bytes: int


@dataclass(slots=True)
class Sight:
    """What a device said. Recordings are named by their id, in hexadecimal digits."""

    identity: str
    simulator: bool
    secure: bool
    streams: int
    stated: int
    storage: StorageStatus
    battery: BatteryStatus | None
    clock: Measurement | None
    recordings: dict[str, SeenRecording]
    erased: set[str]
    erased_numbers: set[int]
    log_sequence: int
    log_sha256: str
    counters: dict[str, int] = field(default_factory=dict)


async def look_at(camera: Camera, known_log: tuple[int, str]) -> Sight:
    """Everything, by an auditor. `known_log` is number and hash of the entry of the log that was seen last. Raises
    `InvariantBroken` for a log that does not go on there, and what the SDK raises."""
    from bwc_protocol.messages.identity import Capability

    status = await camera.device.status()
    storage = await camera.storage.status()
    tombstones = await _or_none(camera.recordings.read_tombstones()) or ()
    listing = await camera.recordings.list()
    battery = await _or_none(camera.connection.call(ReadBattery()))
    config = await _or_none(camera.connection.call(ReadConfigState()))
    try:
        clock = await camera.clock.measure()
    except ClockUnsteady:
        clock = None  # the host's clock is being set: the next cycle measures it
    sequence, sha256 = await _log(camera, known_log)
    reading = await camera.clock.read()
    counters = {
        "boot_counter": status.boot_counter,
        "clock revision": reading.revision,
        "log": sequence,
        "tombstones": len(tombstones),
    }
    if config is not None:
        counters["configuration revision"] = config.revision
    return Sight(
        identity=camera.identity,
        simulator=bool(camera.peer.capabilities & Capability.SIMULATOR),
        secure=camera.peer.secure,
        streams=status.streams,
        stated=storage.recordings,
        storage=storage,
        battery=battery,
        clock=clock,
        recordings={
            one.recording.hex(): SeenRecording(
                one.sequence, one.manifest_sha256.hex(), one.annotations, one.size_bytes
            )
            for one in listing
        },
        erased={one.tombstone.recording_id.hex() for one in tombstones},
        erased_numbers={one.tombstone.sequence for one in tombstones},
        log_sequence=sequence,
        log_sha256=sha256,
        counters=counters,
    )


async def _log(camera: Camera, known: tuple[int, str]) -> tuple[int, str]:
    """The newest entry, once all since `known` chain to it."""
    after, known_sha256 = known
    sequence, sha256 = known
    head = await camera.audit.head()
    if after:
        hold("I10", head.sequence >= after, f"the log ends at entry {head.sequence}, and ended at {after}")
        pruned = head.first > after + 1
        page = await camera.audit.page(after=after, limit=1)
        if not pruned and page.entries:
            hold(
                "I10",
                page.previous_sha256.hex() == known_sha256,
                f"entry {after} of the log is another one than it was",
            )
    try:
        async for entry in camera.audit.entries(after):
            sequence, sha256 = entry.sequence, entry.sha256.hex()
    except AuditBroken as error:
        raise InvariantBroken("I10", f"the log: {error.rule}") from error
    return sequence, sha256


async def _or_none(asked: Any) -> Any:
    """What a device may lack; nothing of one that does."""
    try:
        return await asked
    except CommandError as error:
        if error.code in (ErrorCode.UNSUPPORTED, ErrorCode.NOT_FOUND):
            return None
        raise
