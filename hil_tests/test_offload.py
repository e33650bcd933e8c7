"""Footage is copied verified, also through a cable that breaks; nothing good is fetched twice (spec: Streams)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.conversation.message import DATA_HEADER
from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.evidence import DIGEST_SIZE, NO_SHA256, cbor, chunk_count
from bwc_protocol.evidence.annotations import AnnotationRecord
from bwc_protocol.frame import CRC_SIZE, HEADER_SIZE, MAX_PAYLOAD
from bwc_protocol.session.insecure import RECORD_HEADER
from bwc_sdk import AnnotationKind, AuditKind, DiscardReason, Role, connect
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import BwcError, LinkError, TransportError
from bwc_sdk.offload import (
    ConnectionLost,
    OffloadEvent,
    OffloadPolicy,
    Planned,
    Progress,
    Reconnected,
    RecordingStarted,
    StoredVerified,
)
from bwc_sdk.offload import offload as offload_async
from bwc_sdk.offload.slabs import SLAB_BYTES
from bwc_sdk.sync import SyncCamera, SyncOffloadJob
from bwc_sdk.sync.loop import loop_thread
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.device.bench import Bench
from hil_tests.testkit.cable import Cable
from hil_tests.verdicts import not_applicable, not_tested

MEBIBYTE = 1_048_576
ENTIRE_MAX = 64 * MEBIBYTE
"""More footage than this is not copied by a test: on a slow line it would take hours."""
SLOW_MAX = MEBIBYTE
"""The same on a link that is not meant for footage: over BLE it takes a minute."""
LOST_MAX = SLAB_BYTES
"""What one connection that ends in the middle may cost: footage that came, and was not yet a whole slab."""
CABLES_MAX = 3
"""Attempts over a cable that breaks by itself: that is not what is tested."""
AROUND_FRAME = HEADER_SIZE + CRC_SIZE
AROUND_MESSAGE = RECORD_HEADER.sizeof() + DATA_HEADER.size
BESIDE_FOOTAGE = 1.02
"""Bytes on the wire for one of footage and of what is around it, at most: acknowledgements, answers, signs of life."""
DAMAGED_PAYLOAD = 1_024
"""Bytes that a frame carries on a line that damages or repeats frames, if it could carry more."""
SPOILT = (
    DiscardReason.DUPLICATE,
    DiscardReason.OUT_OF_WINDOW,
    DiscardReason.HEADER_CRC,
    DiscardReason.PAYLOAD_CRC,
)
"""Frames that the line damaged, lost the acknowledgement of, or gave twice."""
BEGINNING = 64 * 1024
"""Bytes on the wire of one connection beside footage and chunk tables: session, list, manifests."""


def framing(max_payload: int) -> float:
    """Bytes on the wire for one of footage, at most, in frames of that size: each carries one message of its own, as a
    small device sends them. Of 1,024 bytes, which are for UARTs, that is 5 % more than the footage."""
    return (max_payload + AROUND_FRAME) / (max_payload - AROUND_MESSAGE) * BESIDE_FOOTAGE


class Dock:
    """Offloads from the device, over a new cable at each connection."""

    def __init__(self, bench: Bench) -> None:
        self.cables: list[Cable] = []
        self.cameras: list[Camera] = []
        self.cut_after: int | None = None
        """Bytes after which the first cable breaks."""
        self.max_payload = MAX_PAYLOAD
        """Bytes that a frame carries at most on the link that was agreed upon last."""
        self._bench = bench

    async def connect(self) -> Camera:
        self._bench.note_identity(Role.DOCK_OFFLOAD)
        uri = DeviceUri.parse(self._bench.uri)
        cable = Cable(transport_for(uri), None if self.cables else self.cut_after)
        self.cables.append(cable)
        camera = await connect(
            cable,
            bay=uri.bay,
            role=Role.DOCK_OFFLOAD,
            identity=self._bench.key_files,
            lab=self._bench.lab,
            allow_insecure=self._bench.allow_insecure,
            capture=self._bench.capture_file(),
        )
        self.cameras.append(camera)
        self.max_payload = camera.connection.driver.endpoint.link.max_payload
        return camera

    def spoilt(self, first: int) -> int:
        """Bytes, at most, that came damaged or twice from cable `first` on: that is the cable's affair."""
        spoilt = 0
        for camera in self.cameras[first:]:
            met = camera.counters.link
            frames = sum(met.discarded[reason] for reason in SPOILT)
            spoilt += frames * MAX_PAYLOAD + met.skipped_bytes
        return spoilt

    def offload(self, store: Path, recordings: list[int]) -> SyncOffloadJob:
        factory: Callable[[], Awaitable[Camera]] = self.connect
        policy = OffloadPolicy(allow_slow=True)
        return SyncOffloadJob(offload_async(factory, store, recordings=recordings, policy=policy))


@pytest.fixture
def dock(bwc_guarded: Bench) -> Dock:
    return Dock(bwc_guarded)


@pytest.fixture
def chosen(connect_as: Callable[[Role], SyncCamera], bwc_guarded: Bench) -> list[int]:
    """Recordings that together can be copied in a test: the smallest ones first."""
    with connect_as(Role.DOCK_OFFLOAD) as camera:
        listing = sorted(camera.recordings.list(), key=lambda entry: entry.size_bytes)
    slow = transport_for(DeviceUri.parse(bwc_guarded.uri)).limits.footage_rate is not None
    entire_max = SLOW_MAX if slow else ENTIRE_MAX
    found, size = [], 0
    for entry in listing[:4]:
        size += entry.size_bytes
        if size <= entire_max:
            found.append(entry.sequence)
    if not found:
        not_tested("the device has no recording that is small enough to be copied by a test")
    return found


def _check_stored(job: SyncOffloadJob, connect_as: Callable[[Role], SyncCamera]) -> None:
    """Each stored file, chunk by chunk, against the table that the device gives."""
    assert job.result.complete
    with connect_as(Role.DOCK_OFFLOAD) as camera:
        for outcome in job.result.outcomes:
            assert isinstance(outcome, StoredVerified)
            manifest = camera.recordings.read_manifest(outcome.entry)
            for number, stored in enumerate(outcome.segments):
                data = stored.path.read_bytes()
                assert len(data) == stored.size_bytes == manifest.segments[number].size_bytes
                table = camera.recordings.read_table(outcome.entry, manifest, number)
                chunk_size = manifest.segments[number].chunk_size
                chunks = (data[at : at + chunk_size] for at in range(0, len(data), chunk_size))
                assert b"".join(hashlib.sha256(chunk).digest() for chunk in chunks) == table
                assert hashlib.sha256(table).digest() == stored.table_sha256


@pytest.mark.bwc_stack
def test_footage_arrives_as_the_manifest_states_it(
    dock: Dock, chosen: list[int], dock_store: Path, connect_as: Callable[[Role], SyncCamera]
) -> None:
    job = dock.offload(dock_store, chosen)
    events = list(job)
    assert sorted(outcome.entry.sequence for outcome in job.result.outcomes) == sorted(chosen)
    _check_stored(job, connect_as)
    planned = next(event for event in events if isinstance(event, Planned))
    assert sum(path.stat().st_size for path in dock_store.rglob("*.mp4*")) == planned.bytes_total
    explained = job.result.reconnections * LOST_MAX
    assert planned.bytes_total <= job.result.bytes_received <= planned.bytes_total + explained


def test_what_is_stored_already_is_verified_and_not_fetched_again(
    dock: Dock, chosen: list[int], dock_store: Path
) -> None:
    dock.offload(dock_store, chosen).run()
    files = {path: path.stat().st_mtime_ns for path in dock_store.rglob("*.mp4*")}
    again = dock.offload(dock_store, chosen).run()
    assert again.complete
    assert again.bytes_received == 0
    assert {path: path.stat().st_mtime_ns for path in dock_store.rglob("*.mp4*")} == files


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_cable_that_breaks_costs_at_most_what_was_not_verified_yet(
    dock: Dock, chosen: list[int], dock_store: Path, connect_as: Callable[[Role], SyncCamera], share: float
) -> None:
    with connect_as(Role.DOCK_OFFLOAD) as camera:
        entries = [entry for entry in camera.recordings.list() if entry.sequence in chosen]
        total = sum(entry.size_bytes for entry in entries)
        tables = sum(
            DIGEST_SIZE * chunk_count(segment.size_bytes, segment.chunk_size)
            for entry in entries
            for segment in camera.recordings.read_manifest(entry).segments
        )
    dock.cut_after = 2_000 + int(total * share)
    job = dock.offload(dock_store, chosen)
    verified: dict[int, int] = {}
    good_at_the_cut: int | None = None
    seen: list[OffloadEvent] = []
    for event in job:
        seen.append(event)
        if isinstance(event, Progress):
            verified[event.recording] = event.bytes_done
        elif isinstance(event, ConnectionLost) and good_at_the_cut is None:
            good_at_the_cut = sum(verified.values())
    assert any(isinstance(event, Reconnected) for event in seen), "the cable was cut"
    assert good_at_the_cut is not None
    _check_stored(job, connect_as)
    # On the wire, not by anybody's count of footage. Further cuts are not the test's, and cost what a cut may cost.
    further = job.result.reconnections - 1
    footage = total - good_at_the_cut + further * LOST_MAX
    came, spoilt = sum(cable.came for cable in dock.cables[1:]), dock.spoilt(1)
    payload = min(dock.max_payload, DAMAGED_PAYLOAD) if spoilt or further else dock.max_payload
    again = len(dock.cables) - 1
    assert came - spoilt <= (footage + again * tables) * framing(payload) + again * BEGINNING


@pytest.mark.bwc_stack
def test_status_is_answered_while_footage_streams(dock: Dock, chosen: list[int], dock_store: Path) -> None:
    job = dock.offload(dock_store, chosen)
    ended: set[int] = set()
    for event in job:
        underway = isinstance(event, Progress) and event.bytes_done < event.bytes_total
        if underway or isinstance(event, RecordingStarted):
            number = len(dock.cameras)
            camera = SyncCamera(dock.cameras[number - 1], loop_thread())
            camera.lent = True  # the offload closes it
            try:
                camera.device.status(timeout=1.0)
                camera.battery.status(timeout=1.0)
            except (TransportError, LinkError):
                ended.add(number)  # a cable that breaks; the offload has to notice it, too
    assert job.result.complete
    ended.discard(len(dock.cameras))  # which the offload closes when it is done, whoever still reads of it
    assert len(ended) <= job.result.reconnections, "a connection ended that the offload still used"


class _Nothing:
    """Takes the bytes of a stream that gets no credit: none."""

    def data(self, offset: int, data: bytes | memoryview) -> None:
        raise AssertionError("bytes came without credit")

    def ended(self, error: BwcError | None) -> None:
        """A cable that breaks ends it; what is asked then says so."""


def test_the_device_says_how_many_streams_are_open(dock: Dock, chosen: list[int]) -> None:
    async def counted() -> list[int]:
        async with await dock.connect() as camera:

            async def streams() -> int:
                return (await camera.device.status()).streams

            entry = next(entry for entry in await camera.recordings.list() if entry.sequence == chosen[0])
            found = [await streams()]
            opened = []
            for _ in range(2):
                opened.append(await camera.recordings.open(entry, 0, _Nothing()))
                found.append(await streams())
            for stream in opened:
                stream.cancel()
                found.append(await streams())
            return found

    for attempt in range(CABLES_MAX):
        try:
            before, *then = loop_thread().run(counted())
            break
        except (TransportError, LinkError):
            if attempt == CABLES_MAX - 1:
                raise
    assert [count - before for count in then] == [1, 2, 1, 0]


def test_an_offload_that_is_abandoned_goes_on_where_it_was(
    dock: Dock, chosen: list[int], dock_store: Path
) -> None:
    with dock.offload(dock_store, chosen) as job:
        for event in job:
            if isinstance(event, Progress):
                break
    result = dock.offload(dock_store, chosen).run()
    assert result.complete
    assert len(list(dock_store.rglob("*.part"))) == 0


def test_reading_footage_is_on_record(
    dock: Dock, chosen: list[int], dock_store: Path, connect_as: Callable[[Role], SyncCamera]
) -> None:
    with connect_as(Role.BENCH) as camera:
        head = camera.audit.head().sequence
    dock.offload(dock_store, chosen[:1]).run()
    with connect_as(Role.BENCH) as camera:
        kinds = {entry.kind for entry in camera.audit.entries(after=head)}
    assert AuditKind.OFFLOAD_READ in kinds


@pytest.mark.rule("REC-037")
def test_what_is_said_after_an_offload_comes_with_the_next_one_and_no_footage_again(
    dock: Dock, chosen: list[int], dock_store: Path, connect_as: Callable[[Role], SyncCamera]
) -> None:
    """Who holds it and why is answered from the store alone; what the store had of before stays."""
    with connect_as(Role.BENCH) as camera:
        (entry,) = camera.recordings.page(after=chosen[0] - 1, limit=1).recordings
        if entry.annotations_sha256 == NO_SHA256:
            not_applicable("the device is of before 1.2, and keeps no chain of annotations")
        named: dict[str, Any] = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
        camera.recordings.review(note=f"hil test {entry.annotations}", **named)
    assert dock.offload(dock_store, chosen[:1]).run().complete
    before = {path: path.read_bytes() for path in dock_store.glob("*.annotations")}
    assert len(before) == 1
    with connect_as(Role.BENCH) as camera:
        camera.recordings.hold(reason="hil test", hold="hil-offload", case="HIL-19", **named)
        camera.recordings.lift(reason="hil test", hold="hil-offload", **named)
        (entry,) = camera.recordings.page(after=chosen[0] - 1, limit=1).recordings
    again = dock.offload(dock_store, chosen[:1]).run()
    assert again.complete and again.bytes_received == 0
    after = {path: path.read_bytes() for path in dock_store.glob("*.annotations")}
    assert before.items() <= after.items() and len(after) == 2
    (kept,) = (AnnotationFile.decode(data) for path, data in after.items() if path not in before)
    assert (len(kept.records), kept.head) == (entry.annotations, entry.annotations_sha256)
    placed, lifted = (AnnotationRecord.from_map(cbor.decode(record)) for record in kept.records[-2:])
    assert (placed.kind, placed.hold, placed.case) == (AnnotationKind.HELD, "hil-offload", "HIL-19")
    assert (lifted.kind, lifted.hold) == (AnnotationKind.LIFTED, "hil-offload")
