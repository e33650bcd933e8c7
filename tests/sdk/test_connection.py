"""What becomes of calls and streams when replies are late, refused, or never come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

import bwc_sdk
from bwc_protocol.conversation import ConversationEvent, EventReceived, ReplyReceived, StreamFinished
from bwc_protocol.conversation.stream import MAX_STREAMS
from bwc_protocol.messages.battery import BatteryAlarm, ReadBattery
from bwc_protocol.messages.config import AbortConfig, UploadConfig
from bwc_protocol.messages.core import StreamCancel, StreamCredit, StreamOpened
from bwc_protocol.messages.identity import StateChanged
from bwc_protocol.messages.recordings import Annotation, AnnotationPage, OpenSegment, ReadAnnotations
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.clients.recordings import ANNOTATIONS_MAX
from bwc_sdk.connection.connection import EVENTS_MAX
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    CommandTimeout,
    DeviceLost,
    InvalidValue,
    OutcomeUnknown,
    ProtocolViolation,
    WrongDevice,
)
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.camera.session import CameraSession
from firmware_sim.faults.plan import FaultPlan
from firmware_sim.handlers import CAMERA
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual
from tools.generate import samples

Scenario = Callable[[bwc_sdk.Camera, MemoryTransport], Awaitable[None]]


def play(scenario: Scenario, *, faults: str = "", mib: int = 1) -> None:
    """Runs `scenario` on a camera with one recording, in virtual time."""

    async def main() -> None:
        device = make_camera(seed=3, recordings=1, mib=mib, footage=Footage.SYNTHETIC)
        transport = MemoryTransport(device, faults=FaultPlan.parse(faults, 3))
        try:
            async with bwc_sdk.connect(transport, role=bwc_sdk.Role.BENCH, allow_insecure=True) as camera:
                await scenario(camera, transport)
        finally:
            device.close()

    run_virtual(main())


def test_a_late_reply_is_dropped_and_never_taken_for_the_next_one() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        camera.connection.call_timeout_s = 0.3  # a round trip takes 0.8 s
        with pytest.raises(CommandTimeout, match=r"storage\.status"):
            await camera.storage.status()
        camera.connection.call_timeout_s = 10
        assert (await camera.battery.status()).charge_pct <= 100
        assert camera.connection.error is None

    play(scenario, faults="delay=0.4")


def test_a_command_that_changes_something_and_got_no_reply_has_an_unknown_outcome() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        state = await camera.assignment.read()
        camera.connection.call_timeout_s = 0.3
        with pytest.raises(OutcomeUnknown) as caught:
            await camera.assignment.assign(officer="K1", unit="", revision=state.revision)
        assert caught.value.safe_to_repeat and caught.value.command == "assignment.assign"
        camera.connection.call_timeout_s = 10
        # It did take effect; so sending it again is refused, and does no harm.
        with pytest.raises(CommandError) as refused:
            await camera.assignment.assign(officer="K1", unit="", revision=state.revision)
        assert refused.value.code is bwc_sdk.ErrorCode.CONFLICT
        assert (await camera.assignment.read()).officer == "K1"

    play(scenario, faults="delay=0.4")


def test_an_assignment_keeps_the_unit_unless_it_is_named_and_is_guarded_all_the_same() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        async def assign(officer: str, unit: str | None, revision: int) -> int:
            state = await camera.assignment.assign(officer=officer, unit=unit, revision=revision)
            assert state == await camera.assignment.read()
            return state.revision

        first = (await camera.assignment.read()).revision
        second = await assign("K1", "North", first)
        third = (await camera.assignment.assign(officer="K2", revision=second)).revision
        assert (await camera.assignment.read()).unit == "North"
        with pytest.raises(CommandError) as refused:
            await camera.assignment.assign(officer="K3", revision=second)
        assert refused.value.code is bwc_sdk.ErrorCode.CONFLICT
        fourth = await assign("K3", "", third)
        await camera.assignment.assign(officer="K4", revision=fourth)
        assert (await camera.assignment.read()).unit == ""

    play(scenario)


def test_an_unplug_ends_every_call_that_waits_with_the_error_that_fits() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        reads = asyncio.ensure_future(camera.battery.status())
        changes = asyncio.ensure_future(camera.config.abort())
        await asyncio.sleep(0.01)
        transport.unplug()
        with pytest.raises(DeviceLost):
            await reads
        with pytest.raises(OutcomeUnknown) as caught:
            await changes
        assert isinstance(caught.value.__cause__, DeviceLost)
        with pytest.raises(DeviceLost):
            await camera.battery.status()

    play(scenario, faults="delay=0.1")


def test_many_calls_at_once_are_all_answered_though_the_device_takes_sixteen() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        found = await asyncio.gather(*(camera.device.status() for _ in range(100)))
        assert len(found) == 100

    play(scenario)


def test_a_cancelled_call_frees_its_place() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        for _ in range(40):
            call = asyncio.ensure_future(camera.device.status())
            await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert (await camera.device.status()).boot_counter == 1

    play(scenario, faults="delay=0.1")


def test_calls_without_a_reply_free_their_places() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        camera.connection.call_timeout_s = 0.01  # a round trip takes 2 s
        for _ in range(40):
            with pytest.raises(CommandTimeout):
                await camera.device.status()
        camera.connection.call_timeout_s = 10
        assert (await camera.device.status()).boot_counter == 1

    play(scenario, faults="delay=1")


def test_a_value_that_its_field_cannot_carry_is_refused_before_anything_is_sent() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        before = camera.counters.link.frames_out
        with pytest.raises(InvalidValue, match="cell"):
            await camera.battery.status(cell=256)
        assert camera.counters.link.frames_out == before
        assert (await camera.battery.status(cell=0)).charge_pct <= 100

    play(scenario)


class _Sink:
    def __init__(self) -> None:
        self.bytes = 0
        self.end: asyncio.Future[BwcError | None] = asyncio.get_running_loop().create_future()

    def data(self, offset: int, data: bytes | memoryview) -> None:
        assert offset == self.bytes
        self.bytes += len(data)

    def ended(self, error: BwcError | None) -> None:
        self.end.set_result(error)


def test_a_stream_brings_no_byte_beyond_its_credit_and_can_be_cancelled_at_any_point() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        (entry,) = await camera.recordings.list()
        sink = _Sink()
        stream = await camera.recordings.open(entry, 0, sink)
        await asyncio.sleep(1)
        assert sink.bytes == 0
        stream.grant(100_000)
        await asyncio.sleep(1)
        assert sink.bytes == 100_000
        stream.cancel()
        await asyncio.sleep(1)
        assert sink.bytes == 100_000 and (await camera.device.status()).streams == 0

    play(scenario, mib=4)


@pytest.mark.rule("MSG-007")
@pytest.mark.parametrize("moment_s", [0.05, 0.15], ids=["asked", "answering"])
def test_a_stream_whose_opener_gave_up_is_given_back_on_the_wire(moment_s: float) -> None:
    """Else it would hold a place on the device for ever, and after eight of them nothing could be read."""

    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        (entry,) = await camera.recordings.list()
        conversation, said = camera.connection.conversation, []
        assert conversation is not None
        conversation.tap = lambda sent, message: said.append((sent, message.opcode, message.request))
        sinks = [_Sink() for _ in range(2 * MAX_STREAMS)]
        for sink in sinks:
            opening = asyncio.ensure_future(camera.recordings.open(entry, 0, sink))
            await asyncio.sleep(moment_s)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        await asyncio.sleep(1)
        opened = {request for sent, opcode, request in said if (sent, opcode) == (False, OpenSegment.opcode)}
        given_back = {
            request for sent, opcode, request in said if (sent, opcode) == (True, StreamCancel.opcode)
        }
        assert len(opened) == len(sinks) and given_back == opened
        assert not [opcode for sent, opcode, _ in said if opcode == StreamCredit.opcode]
        assert (await camera.device.status()).streams == 0
        assert conversation.open_streams == 0
        assert all(sink.bytes == 0 and not sink.end.done() for sink in sinks)
        whole = _Sink()
        stream = await camera.recordings.open(entry, 0, whole)
        stream.grant(stream.length)
        assert await whole.end is None and whole.bytes == stream.length

    play(scenario, faults="delay=0.1")


@pytest.mark.rule("STR-009", "STR-010")
def test_a_stream_that_nobody_takes_from_keeps_no_answer_waiting() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        (entry,) = await camera.recordings.list()
        starved, served = _Sink(), _Sink()
        await camera.recordings.open(entry, 0, starved)
        stream = await camera.recordings.open(entry, 0, served)
        stream.grant(100_000)
        async with asyncio.timeout(1):
            for _ in range(20):
                await camera.battery.status()
        await asyncio.sleep(1)
        assert (starved.bytes, served.bytes) == (0, 100_000)

    play(scenario, mib=4)


@pytest.mark.rule("MSG-006")
def test_no_request_goes_out_twice_however_long_its_answer_takes() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        asked: list[int] = []
        conversation = camera.connection.conversation
        assert conversation is not None
        conversation.tap = lambda sent, message: asked.append(message.opcode) if sent else None
        camera.connection.call_timeout_s = 1
        with pytest.raises(OutcomeUnknown):
            await camera.config.abort()
        with pytest.raises(CommandTimeout):
            await camera.battery.status()
        await asyncio.sleep(60)
        assert sorted(asked) == sorted({AbortConfig.opcode, ReadBattery.opcode})

    play(scenario, faults="delay=0.8")


def test_a_stream_that_is_open_when_the_cable_is_pulled_is_told() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        (entry,) = await camera.recordings.list()
        sink = _Sink()
        stream = await camera.recordings.open(entry, 0, sink)
        stream.grant(1_000)
        await asyncio.sleep(1)
        transport.unplug()
        assert isinstance(await sink.end, DeviceLost)

    play(scenario)


def test_a_stream_that_ends_in_the_batch_that_opens_it_is_told() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        (entry,) = await camera.recordings.list()
        connection, sink = camera.connection, _Sink()
        handle = connection.handle

        def batch(event: ConversationEvent) -> None:
            handle(event)
            if isinstance(event, ReplyReceived) and isinstance(event.reply, StreamOpened):
                handle(StreamFinished(event.request_id, 0, bwc_sdk.ErrorCode.STORAGE_FAULT, "unreadable"))

        connection.handle = batch
        await camera.recordings.open(entry, 0, sink)
        async with asyncio.timeout(1):
            error = await sink.end
        assert isinstance(error, CommandError) and error.code is bwc_sdk.ErrorCode.STORAGE_FAULT

    play(scenario)


def test_events_come_in_order_and_end_with_the_connection() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        async def collect() -> list[object]:
            found: list[object] = []
            try:
                async for event in camera.events():
                    found.append(event)
            except DeviceLost:
                return found
            raise AssertionError("events ended without the connection")

        listening = asyncio.ensure_future(collect())
        await asyncio.sleep(0.1)
        transport.camera.wearer.start()
        await asyncio.sleep(5)
        transport.unplug()
        found = await listening
        assert any(isinstance(event, StateChanged) for event in found)

    play(scenario)


def test_the_camera_that_was_expected_is_the_only_one_that_will_do() -> None:
    async def main() -> None:
        device = make_camera(seed=3)
        try:
            with pytest.raises(WrongDevice, match="SIM-00000003"):
                await bwc_sdk.connect(MemoryTransport(device), expect="SIM-99", allow_insecure=True)
        finally:
            device.close()

    run_virtual(main())


def test_a_camera_that_was_closed_here_says_so_whatever_the_device_answered() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        await camera.close()
        with pytest.raises(DeviceLost, match="closed here"):
            await camera.battery.status()

    play(scenario)


def test_a_simulated_camera_is_called_by_the_uri_that_was_given() -> None:
    async def main() -> None:
        for uri in ("sim:?seed=7&recordings=0", "sim:?recordings=0&seed=8&rate=500000"):
            async with bwc_sdk.connect(uri, world=World(workers=InlineWorkers())) as camera:
                assert camera.name == uri

    run_virtual(main())


def test_a_verdict_that_comes_with_the_reply_to_an_upload_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The device takes the upload, and refuses it at once: both arrive in one piece."""

    def handler(session: CameraSession, request: UploadConfig) -> StreamOpened:
        stream = session._request_id

        def refuse() -> None:
            session._conversation.expect_stream(stream, request.length)
            session._conversation.finish(stream, ErrorCode.STORAGE_FAULT, "no room for it")

        session._after_reply.append(refuse)
        return StreamOpened(length=request.length)

    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        begin = asyncio.get_running_loop().time()
        with pytest.raises(CommandError, match="no room for it"):
            await camera.config.upload({"policy.id": "p" * 64})
        assert asyncio.get_running_loop().time() - begin < 1, "virtual seconds: nothing was waited for"
        assert camera.connection.conversation is not None
        assert camera.connection.conversation.open_streams == 0

    monkeypatch.setitem(CAMERA.by_opcode, UploadConfig.opcode, handler)
    play(scenario)


def annotations_of(pages: Callable[[int], tuple[int, int]]) -> Callable[..., AnnotationPage]:
    """A device whose page at an index has so many annotations, and says where the next one begins."""
    one = samples.typical(Annotation)

    def handler(session: CameraSession, request: ReadAnnotations) -> AnnotationPage:
        size, following = pages(request.start)
        return AnnotationPage(annotations=(one,) * size, next=following)

    return handler


def test_as_many_annotations_as_a_device_can_state_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def pages(start: int) -> tuple[int, int]:
        size = min(64, 65_535 - start) or 64  # the last page begins at the last index that there is
        return size, start + size if start < 65_535 else 0

    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        entry = (await camera.recordings.list())[0]
        assert len(await camera.recordings.annotations_all(entry.recording)) == ANNOTATIONS_MAX == 65_599

    monkeypatch.setitem(CAMERA.by_opcode, ReadAnnotations.opcode, annotations_of(pages))
    play(scenario)


@pytest.mark.parametrize(
    "pages",
    [lambda start: (64, start + 1), lambda start: (64, start or 1), lambda start: (0, 7)],
    ids=["overlapping", "standing", "empty"],
)
def test_annotations_that_never_end_are_a_fault(
    monkeypatch: pytest.MonkeyPatch, pages: Callable[[int], tuple[int, int]]
) -> None:
    asked = []

    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        entry = (await camera.recordings.list())[0]
        with pytest.raises(ProtocolViolation, match="annotations that never end"):
            await camera.recordings.annotations_all(entry.recording)
        assert len(asked) <= ANNOTATIONS_MAX // 64 + 2

    def counted(start: int) -> tuple[int, int]:
        asked.append(start)
        return pages(start)

    monkeypatch.setitem(CAMERA.by_opcode, ReadAnnotations.opcode, annotations_of(counted))
    play(scenario)


def test_of_events_that_nobody_reads_the_oldest_are_dropped_and_counted() -> None:
    async def scenario(camera: bwc_sdk.Camera, transport: MemoryTransport) -> None:
        connection, told = camera.connection, samples.typical(BatteryAlarm)
        for number in range(EVENTS_MAX):
            connection.handle(EventReceived(replace(told, charge_pct=number % 100)))
        assert connection.dropped_events == 0
        for number in range(7):
            connection.handle(EventReceived(replace(told, charge_pct=number)))
        assert connection.dropped_events == camera.counters.events_unread == 7
        kept = []
        async for event in connection.events():
            kept.append(event.charge_pct)
            if len(kept) == EVENTS_MAX:
                break
        assert kept == [number % 100 for number in range(7, EVENTS_MAX)] + list(range(7))

    play(scenario)
