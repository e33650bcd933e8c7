"""A camera at the seam of the engine, and a disk that can lose power, for tests of the engine's own logic."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bwc_protocol.evidence import (
    NO_SHA256,
    ChunkHasher,
    ClockState,
    Manifest,
    SegmentFacts,
    TriggerReason,
    table_sha256,
)
from bwc_protocol.messages.identity import Capability
from bwc_protocol.messages.recordings import ListPage, Mark, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.connection.counters import Counters
from bwc_sdk.errors import BwcError, CommandError, DeviceLost, EvidenceMismatch
from bwc_sdk.evidence.signed_manifest import SignedManifest
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadJob, OffloadPolicy, offload
from firmware_sim.virtual_time import run_virtual
from tools.testkit.model_disk import ModelDisk, ModelFiles, PowerCut

SERIAL = "CAM-0001"
CHUNK = 4096


@dataclass
class FakeRecording:
    """A recording as a camera has it: footage, tables, manifest, listing entry."""

    manifest: Manifest
    footage: list[bytes]
    tables: list[bytes]
    marks: Mark = field(default_factory=lambda: Mark(0))
    listed: dict[str, Any] = field(default_factory=dict)

    @property
    def entry(self) -> RecordingEntry:
        facts: dict[str, Any] = {
            "recording": self.manifest.recording_id,
            "sequence": self.manifest.sequence,
            "started_utc_ns": self.manifest.started_utc_ns,
            "duration_ms": self.manifest.duration_ms,
            "size_bytes": self.manifest.size_bytes,
            "segments": len(self.manifest.segments),
            "trigger": self.manifest.trigger,
            "marks": self.marks,
            "manifest_sha256": self.manifest.sha256,
            "annotations": 0,
            "category": "",
        }
        return RecordingEntry(**(facts | self.listed))


def make_recording(
    sequence: int, sizes: tuple[int, ...], *, chunk: int = CHUNK, serial: str = SERIAL, seed: int = 0
) -> FakeRecording:
    rng = random.Random(f"{seed}/{sequence}")
    footage, tables, segments = [], [], []
    for size in sizes:
        data = rng.randbytes(size)
        hasher = ChunkHasher(chunk)
        hasher.update(data)
        footage.append(data)
        tables.append(hasher.table())
        segments.append(
            SegmentFacts(
                size_bytes=size,
                chunk_size=chunk,
                table_sha256=table_sha256(hasher.table()),
                started_utc_ns=0,
                duration_ms=1000,
            )
        )
    manifest = Manifest(
        camera=serial,
        recording_id=rng.randbytes(16),
        sequence=sequence,
        previous_sha256=NO_SHA256,
        trigger=TriggerReason.OFFICER_BUTTON,
        started_utc_ns=0,
        ended_utc_ns=1_000_000_000 * len(sizes),
        boot_counter=1,
        pre_event_requested_s=0,
        pre_event_achieved_ms=0,
        clock_state=ClockState.SYNCED,
        clock_uncertainty_ms=1,
        policy_id="",
        policy_sha256=NO_SHA256,
        firmware_sha256=NO_SHA256,
        segments=tuple(segments),
    )
    return FakeRecording(manifest, footage, tables)


class NoClock:
    """The clock of a minimal device: no command has to do with it."""

    async def measure(self, rounds: int) -> Any:
        raise CommandError("clock.exchange", ErrorCode.UNSUPPORTED, "it has no clock that can be measured")


@dataclass
class FakeDevice:
    """The camera itself, which outlives connections. Its faults are plain fields."""

    recordings: list[FakeRecording]
    identity: str = SERIAL
    piece: int = 3000
    sent: int = 0
    cut_at: list[int] = field(default_factory=list)
    """Counts of footage bytes sent at which the connection breaks."""
    bad: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """(sequence, segment, chunk): how many times it is still sent with a wrong bit."""
    unreadable: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """The same, for chunks at which its storage fails."""
    stall_at: int = -1
    """Count of footage bytes at which it falls silent, once."""
    connect_errors: list[BwcError] = field(default_factory=list)
    endings: dict[int, "Ending"] = field(default_factory=dict)
    """How the streams of a recording end, by its sequence number; the others end as they should."""
    drips: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Recordings, by sequence number, that come in drips: of so many bytes, so many seconds apart."""
    before_open: Callable[[], None] = lambda: None
    asked: list[tuple[int, int, int, int]] = field(default_factory=list)
    connections: int = 0
    granted_ahead: int = 0
    unlisted: set[int] = field(default_factory=set)
    """Recordings, by sequence number, that it has and cannot list."""
    clock: Any = field(default_factory=NoClock)
    total: int | None = None
    stated: int | None = None
    """What it says that it has, in the listing and in its storage status, if that is not the truth."""

    def __post_init__(self) -> None:
        self.chain()

    def chain(self) -> None:
        """Has each manifest name the one before it, as a camera that closes them does."""
        before: Manifest | None = None
        for one in sorted(self.recordings, key=lambda one: one.manifest.sequence):
            manifest = one.manifest
            if before is not None and manifest.previous_sha256 == NO_SHA256:
                object.__setattr__(manifest, "previous_sha256", before.sha256)
            before = manifest

    async def connect(self) -> Any:
        self.connections += 1
        self.chain()
        if self.connections > 1 and self.connect_errors:
            raise self.connect_errors.pop(0)
        return FakeCamera(self)

    def find(self, entry: RecordingEntry) -> FakeRecording:
        for recording in self.recordings:
            if recording.manifest.recording_id == entry.recording:
                return recording
        raise CommandError("recordings", ErrorCode.NOT_FOUND, "")


@dataclass
class Ending:
    """How a stream ends: after a share of its bytes, with an error or as if all were well, in any case `times`."""

    share: float
    error: BwcError | None
    times: int
    spoilt: bool = False
    """Whether every chunk comes with a wrong bit."""


class FakeCamera:
    """A connection to the device, with the calls that the engine makes."""

    def __init__(self, device: FakeDevice) -> None:
        self.device = device
        self.identity = device.identity
        self.name = "fake:"
        self.host_name = "dock-7"
        self.footage_rate: float | None = None
        self.peer = SimpleNamespace(secure=False, capabilities=Capability.SIMULATOR)
        self.recordings = self.storage = self
        self.clock = device.clock
        self.lost: BwcError | None = None
        self.closed = False
        self.counters = Counters()
        self.notices: tuple[str, ...] = ()

    async def close(self) -> None:
        self.closed = True
        self.lost = self.lost or DeviceLost("closed")

    def _alive(self) -> None:
        if self.lost is not None:
            raise self.lost

    async def list(self) -> tuple[RecordingEntry, ...]:
        self._alive()
        return tuple(
            one.entry for one in self.device.recordings if one.entry.sequence not in self.device.unlisted
        )

    async def pages(self) -> AsyncIterator[ListPage]:
        device = self.device
        total = len(device.recordings) if device.total is None else device.total
        yield ListPage(recordings=await self.list(), next=0, total=total)

    async def status(self) -> Any:
        self._alive()
        device = self.device
        return SimpleNamespace(recordings=len(device.recordings) if device.stated is None else device.stated)

    async def read_tombstones(self) -> Any:
        self._alive()
        raise CommandError("recordings.tombstones", ErrorCode.UNSUPPORTED, "it erases nothing")

    async def iterate(self) -> AsyncIterator[RecordingEntry]:
        for entry in await self.list():
            yield entry

    async def read_manifest(self, entry: RecordingEntry) -> Manifest:
        self._alive()
        manifest = self.device.find(entry).manifest
        if manifest.sha256 != entry.manifest_sha256:
            raise EvidenceMismatch("the manifest is not the one that was listed")
        return manifest

    async def read_signed_manifest(self, entry: RecordingEntry) -> SignedManifest:
        manifest = await self.read_manifest(entry)
        return SignedManifest(manifest, manifest.encode(), b"")

    async def read_table(self, entry: RecordingEntry, manifest: Manifest, segment: int) -> bytes:
        self._alive()
        table = self._recording(entry).tables[segment]
        if hashlib.sha256(table).digest() != manifest.segments[segment].table_sha256:
            raise EvidenceMismatch("the chunk table is not the manifest's")
        return table

    def _recording(self, entry: RecordingEntry) -> FakeRecording:
        recording = self.device.find(entry)
        if recording.manifest.sha256 != entry.manifest_sha256:
            raise CommandError("recordings.open", ErrorCode.CONFLICT, "")
        return recording

    async def open(
        self, entry: RecordingEntry, segment: int, sink: Any, *, offset: int = 0, length: int = 0
    ) -> "FakeStream":
        self._alive()
        self.device.before_open()
        data = self._recording(entry).footage[segment]
        self.device.asked.append((entry.sequence, segment, offset, length))
        return FakeStream(self, entry.sequence, segment, sink, data, offset, length)


class FakeStream:
    """Sends as far as credit goes, in pieces, one a turn of the loop."""

    def __init__(
        self,
        camera: FakeCamera,
        sequence: int,
        segment: int,
        sink: Any,
        data: bytes,
        offset: int,
        length: int,
    ) -> None:
        self.camera, self.sink, self.length = camera, sink, length
        self._where = (sequence, segment)
        self._ending = camera.device.endings.get(sequence)
        if self._ending is not None:
            self._ending.times -= 1
            if self._ending.times < 0:
                self._ending = None
        self._data = data
        self._offset = offset
        self._at = self._limit = 0
        self._over = False
        self._soon = False

    def grant(self, limit: int) -> None:
        assert self._limit < limit <= self.length
        self._limit = limit
        device = self.camera.device
        device.granted_ahead = max(device.granted_ahead, limit - self._at)
        self._schedule()

    def cancel(self) -> None:
        self._over = True

    def _schedule(self) -> None:
        if not self._soon and not self._over:
            self._soon = True
            loop, (_, apart_s) = asyncio.get_running_loop(), self._drip()
            if apart_s:
                loop.call_later(apart_s, self._send)
            else:
                loop.call_soon(self._send)

    def _drip(self) -> tuple[int, float]:
        device = self.camera.device
        return device.drips.get(self._where[0], (device.piece, 0.0))

    def _send(self) -> None:
        self._soon = False
        device = self.camera.device
        if self._over or self._at >= self._limit or device.stall_at == device.sent:
            return
        if self.camera.lost is not None:
            self._finish(self.camera.lost)
            return
        size = min(self._drip()[0], self._limit - self._at)
        stop = self.length
        if self._ending is not None:
            stop = round(self.length * self._ending.share)
            size = min(size, stop - self._at)
        if device.cut_at:
            size = min(size, device.cut_at[0] - device.sent)
        if device.stall_at > device.sent:
            size = min(size, device.stall_at - device.sent)
        start = self._offset + self._at
        data = bytearray(self._data[start : start + size])
        for chunk in range(start // CHUNK, (start + size - 1) // CHUNK + 1 if size else 0):
            key = (*self._where, chunk)
            if device.unreadable[key]:
                device.unreadable[key] -= 1
                self._finish(CommandError("stream", ErrorCode.STORAGE_FAULT, f"chunk {chunk}"))
                return
            last = min((chunk + 1) * CHUNK, len(self._data)) - 1
            if device.bad[key] and start <= last < start + size:
                device.bad[key] -= 1
                data[last - start] ^= 1
        if self._ending is not None and self._ending.spoilt:
            data = bytearray(byte ^ 1 for byte in data)
        self._at += size
        device.sent += size
        if size:
            self.sink.data(start - self._offset, memoryview(bytes(data)))
        if device.cut_at and device.sent == device.cut_at[0]:
            device.cut_at.pop(0)
            self.camera.lost = DeviceLost("unplugged")
            self._finish(self.camera.lost)
        elif self._at == stop:
            self._finish(self._ending.error if self._ending is not None else None)
        else:
            self._schedule()

    def _finish(self, error: BwcError | None) -> None:
        self._over = True
        self.sink.ended(error)


@dataclass(frozen=True, slots=True)
class Lab:
    """Runs offloads in virtual time."""

    recording: Callable[..., FakeRecording] = make_recording
    device: Callable[..., FakeDevice] = FakeDevice
    disk: Callable[[], ModelDisk] = ModelDisk
    files: Callable[..., ModelFiles] = ModelFiles
    power_cut: type[PowerCut] = PowerCut
    ending: Callable[..., Ending] = Ending
    chunk: int = CHUNK
    serial: str = SERIAL

    @staticmethod
    def job(device: FakeDevice, files: Any, path: Path = Path("/store"), **options: Any) -> OffloadJob:
        world = World(
            utc_ns=lambda: 1_700_000_000_000_000_000,
            entropy=random.Random(1).randbytes,
            files=files,
            workers=options.pop("workers", None) or InlineWorkers(),
        )
        policy = options.pop("policy", OffloadPolicy(reserve_bytes=0))
        return offload(device.connect, path, world=world, policy=policy, **options, allow_insecure=True)

    @classmethod
    def run(cls, device: FakeDevice, files: Any, path: Path = Path("/store"), **options: Any) -> Any:
        """The result and all events of one offload."""

        async def main() -> Any:
            job = cls.job(device, files, path, **options)
            events = [event async for event in job]
            return job.result, events

        return run_virtual(main())


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def small_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slabs of one small chunk, so that a recording of a few kilobytes takes many writes."""
    monkeypatch.setattr("bwc_sdk.offload.slabs.SLAB_BYTES", CHUNK)
    monkeypatch.setattr(
        "bwc_sdk.offload.slabs.SHARED._free", []
    )  # small ones are not for the tests that follow
