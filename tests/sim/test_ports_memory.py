"""The camera behind a pipe in memory, in virtual time: one host at a time, and every end is an end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.identity import StateChanged
from bwc_protocol.messages.recordings import RecordingClosed
from bwc_sdk.errors import BwcError, CommandError, DeviceBusy, DeviceLost, InvalidUri, LinkError, MissingExtra
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.lookup import own_identity
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.device import BOOT_S
from firmware_sim.faults.plan import FaultPlan
from firmware_sim.ports.memory import MemoryTransport, forget_sims
from firmware_sim.virtual_time import run_virtual

NewCamera = Callable[..., SimCamera]


def line_to(camera: SimCamera, **options: Any) -> Any:
    """A fresh line to the camera; the SDK takes it by its shape, which two packages cannot share as a type."""
    return MemoryTransport(camera, **options)


class Counter:
    """Takes a stream and counts it."""

    def __init__(self) -> None:
        self.bytes = 0
        self.over: asyncio.Future[BwcError | None] = asyncio.get_running_loop().create_future()

    def data(self, offset: int, data: bytes | memoryview) -> None:
        self.bytes += len(data)

    def ended(self, error: BwcError | None) -> None:
        self.over.set_result(error)


def on_camera(
    camera: SimCamera,
    use: Callable[[bwc_sdk.Camera], Awaitable[Any]],
    *,
    role: Role = Role.BENCH,
    **line: Any,
) -> Any:
    """Connects over a fresh pipe, in virtual time, and gives what `use` gives."""

    async def run() -> Any:
        world = World(utc_ns=camera.true_utc_ns, entropy=lambda n: b"\x5a" * n, workers=InlineWorkers())
        transport = line_to(camera, **line)
        async with bwc_sdk.connect(transport, role=role, world=world, allow_insecure=True) as connected:
            return await use(connected)

    return run_virtual(run())


async def whole_life(host: bwc_sdk.Camera) -> tuple[str, int]:
    """A short session with a bit of everything."""
    identity = await host.device.identify()
    await host.config.apply({"recording.pre_event_s": 45})
    listed = await host.recordings.list()
    for entry in listed:
        manifest = await host.recordings.read_manifest(entry)
        await host.recordings.read_table(entry, manifest, 0)
    return identity.serial, len(listed)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"piece": 1},
        {"rate": 11_520.0},
        {"faults": FaultPlan.parse("drop=0.2", 3)},
        {"faults": FaultPlan.parse("flip=2e-5,duplicate=0.1,reorder=0.1", 3)},
        {"faults": FaultPlan.parse("delay=0.2,jitter=0.1", 3)},
    ],
    ids=["clean", "one byte at a time", "uart", "20 % lost", "damaged", "delayed"],
)
def test_a_session_works_over_every_kind_of_line(camera: SimCamera, line: dict[str, Any]) -> None:
    assert on_camera(camera, whole_life, **line) == (camera.serial, 3)


def test_a_faulty_line_is_replayed_by_its_seed(new_camera: NewCamera) -> None:
    def counters(seed: int) -> Any:
        async def use(host: bwc_sdk.Camera) -> Any:
            await whole_life(host)
            return host.counters.link

        return on_camera(new_camera(recordings=3), use, faults=FaultPlan.parse("drop=0.1,flip=1e-5", seed))

    assert counters(5) == counters(5)
    assert counters(5) != counters(6)


def test_a_status_request_is_answered_while_footage_runs_over_a_slow_line(camera: SimCamera) -> None:
    async def use(host: bwc_sdk.Camera) -> float:
        loop = asyncio.get_running_loop()
        (entry, *_) = await host.recordings.list()
        counter = Counter()
        stream = await host.recordings.open(entry, 0, counter)
        stream.grant(stream.length)
        worst = 0.0
        for _ in range(10):
            await asyncio.sleep(1.7)
            asked = loop.time()
            await host.device.status()
            worst = max(worst, loop.time() - asked)
        assert counter.bytes > 100_000, "and the footage goes on"
        stream.cancel()
        return worst

    assert on_camera(camera, use, rate=11_520.0) < 1.0


def test_a_second_host_on_another_pipe_is_told_busy_until_the_first_has_left(camera: SimCamera) -> None:
    async def run() -> None:
        async with bwc_sdk.connect(line_to(camera), role=Role.BENCH, allow_insecure=True) as first:
            with pytest.raises(DeviceBusy) as busy:
                await bwc_sdk.connect(line_to(camera), allow_insecure=True)
            assert busy.value.retry_after_s > 0
            await first.device.status()
        async with bwc_sdk.connect(line_to(camera), allow_insecure=True) as second:
            await second.device.status()

    run_virtual(run())


def test_a_pulled_cable_is_known_at_once_at_both_ends(camera: SimCamera) -> None:
    async def run() -> None:
        transport = line_to(camera)
        host = await bwc_sdk.connect(transport, allow_insecure=True)
        await host.device.status()
        assert len(camera.sessions) == 1
        transport.unplug()
        with pytest.raises(BwcError) as lost:
            await host.device.status()
        assert isinstance(lost.value, DeviceLost)
        assert not camera.sessions
        async with bwc_sdk.connect(transport, allow_insecure=True) as again:
            await again.device.status()

    run_virtual(run())


def test_a_program_that_ends_without_a_farewell_does_not_hold_the_device(camera: SimCamera) -> None:
    async def leave() -> None:
        host = await bwc_sdk.connect(line_to(camera), allow_insecure=True)
        await host.device.status()

    async def come() -> None:
        async with bwc_sdk.connect(line_to(camera), allow_insecure=True) as host:
            await host.device.status()

    run_virtual(leave())
    assert len(camera.sessions) == 1
    run_virtual(come())
    assert not camera.sessions
    assert not camera.ports


def test_a_host_that_falls_silent_is_given_up_and_its_session_ends(camera: SimCamera) -> None:
    async def run() -> None:
        transport = line_to(camera, faults=FaultPlan.parse("stall@5000"))
        host = await bwc_sdk.connect(transport, role=Role.BENCH, allow_insecure=True)
        with pytest.raises(BwcError):
            while True:
                await host.audit.page()
        await asyncio.sleep(6.0)
        assert not camera.sessions
        async with bwc_sdk.connect(line_to(camera), allow_insecure=True) as again:
            await again.device.status()

    run_virtual(run())


@pytest.mark.parametrize("at", [0, 1, 24, 40, 100, 300, 500, 700, 900, 1_200, 2_000])
def test_a_cable_cut_at_any_byte_is_one_error_and_the_next_connect_works(
    new_camera: NewCamera, at: int
) -> None:
    camera = new_camera(recordings=1)

    async def run() -> float:
        transport = line_to(camera, faults=FaultPlan.parse(f"cut@{at}"))
        with pytest.raises(BwcError):
            async with bwc_sdk.connect(transport, role=Role.BENCH, allow_insecure=True) as host:
                for _ in range(20):
                    await host.device.identify()
        failed_at = asyncio.get_running_loop().time()
        async with bwc_sdk.connect(transport, allow_insecure=True) as again:
            await again.device.status()
        return failed_at

    assert run_virtual(run()) < 16.0


def test_a_reboot_ends_the_link_in_order_and_the_camera_comes_back(camera: SimCamera) -> None:
    async def run() -> None:
        transport = line_to(camera)
        host = await bwc_sdk.connect(transport, role=Role.BENCH, allow_insecure=True)
        accepted = await host.device.reboot(boot_counter=1)
        await asyncio.sleep(accepted.delay_ms / 1000 + 0.05)
        assert isinstance(host.connection.error, LinkError | DeviceLost)
        asked = asyncio.get_running_loop().time()
        async with bwc_sdk.connect(transport, allow_insecure=True) as again:
            assert again.peer.boot_counter == 2
        assert asyncio.get_running_loop().time() - asked < BOOT_S + 1.0

    run_virtual(run())


def test_a_reboot_happens_though_nobody_looks_on(camera: SimCamera) -> None:
    """`bwc reboot` leaves at once. Whoever comes later finds the next boot, and not a device that is going down."""

    async def main() -> list[int]:
        boots = []
        for _ in range(3):
            async with bwc_sdk.connect(MemoryTransport(camera), role=Role.BENCH, allow_insecure=True) as host:
                boots.append((await host.device.status()).boot_counter)
                await host.device.reboot(boot_counter=boots[-1])
            await asyncio.sleep(5)
        return boots

    assert run_virtual(main()) == [1, 2, 3]


def test_events_reach_the_host(camera: SimCamera) -> None:
    async def use(host: bwc_sdk.Camera) -> list[str]:
        await host.device.status()  # the device knows of READY, from where on it tells
        events = host.events()
        camera.wearer.start()
        assert isinstance(await anext(events), StateChanged)
        await asyncio.sleep(3.0)
        camera.wearer.stop()
        closed = await anext(events)
        assert isinstance(closed, RecordingClosed)
        listed = await host.recordings.list()
        return [entry.recording.hex() for entry in listed if entry.recording == closed.recording]

    assert len(on_camera(camera, use)) == 1


def test_segments_close_in_time_while_a_host_is_connected(new_camera: NewCamera) -> None:
    camera = new_camera()

    async def use(host: bwc_sdk.Camera) -> None:
        await host.config.apply({"recording.segment_s": 30, "recording.pre_event_s": 0})
        camera.undock()
        camera.wearer.start()
        await asyncio.sleep(61.0)
        assert camera.storage.pending_bytes >= 2 * 2 * 1_048_576, "nobody asked, and two segments are closed"
        camera.wearer.stop()

    on_camera(camera, use)
    assert [len(recording.blobs) for recording in camera.listing(0, 9)] == [3]


@pytest.mark.rule("AUD-004")
def test_sessions_are_logged_with_who_and_how(camera: SimCamera) -> None:
    async def use(host: bwc_sdk.Camera) -> None:
        await host.device.status()

    on_camera(camera, use, role=Role.AUDITOR)
    last, _ = camera.audit.head()
    entries = [(e.kind, e.actor, e.detail) for e in camera.audit.read(0, last).entries][1:]
    assert [kind for kind, _, _ in entries] == [AuditKind.SESSION_OPENED, AuditKind.SESSION_CLOSED]
    assert {actor for _, actor, _ in entries} == {own_identity()}
    assert "auditor" in entries[0][2]
    assert "insecure" in entries[0][2]


@pytest.mark.rule("AUD-007")
def test_a_device_may_count_sessions_in_which_nothing_is_to_be_logged(camera: SimCamera) -> None:
    camera.profile.counts_sessions = True

    def logged(after: int) -> list[tuple[AuditKind, str]]:
        entries = camera.audit.read(after, 100).entries
        return [(entry.kind, entry.detail.split()[0]) for entry in entries]

    async def ask(host: bwc_sdk.Camera) -> None:
        await host.device.status()

    async def change(host: bwc_sdk.Camera) -> None:
        await host.device.self_test()
        await host.device.self_test()

    before, _ = camera.audit.head()
    for _ in range(3):
        on_camera(camera, ask, role=Role.AUDITOR)
    assert logged(before) == []
    on_camera(camera, change)
    assert logged(before) == [
        (AuditKind.SESSIONS_COUNTED, "3"),
        (AuditKind.SESSION_OPENED, "bench,"),
        (AuditKind.SELF_TEST, "passed"),
        (AuditKind.SELF_TEST, "passed"),
        (AuditKind.SESSION_CLOSED, "closed"),
    ]
    on_camera(camera, ask, role=Role.AUDITOR)
    camera.audit.append(AuditKind.BOOT, "again")
    camera.audit.append(AuditKind.BOOT, "and again")
    counted = [(AuditKind.SESSIONS_COUNTED, "1"), (AuditKind.BOOT, "again"), (AuditKind.BOOT, "and")]
    assert logged(before)[5:] == counted, "a number is told once"


def test_a_role_is_enforced_by_the_device(camera: SimCamera) -> None:
    async def use(host: bwc_sdk.Camera) -> None:
        await host.device.status()
        for forbidden in (host.device.reboot(boot_counter=1), host.config.abort(), host.device.self_test()):
            with pytest.raises(CommandError):
                await forbidden

    on_camera(camera, use, role=Role.AUDITOR)
    assert camera.boot_counter == 1


def test_what_a_role_does_not_allow_is_logged_once_a_command(camera: SimCamera) -> None:
    """Once: else a host without rights could push everything else out of the log."""

    async def use(host: bwc_sdk.Camera) -> None:
        for _ in range(50):
            for forbidden in (host.device.reboot(boot_counter=1), host.config.abort()):
                with pytest.raises(CommandError):
                    await forbidden

    for role in (Role.AUDITOR, Role.DOCK_OFFLOAD):
        on_camera(camera, use, role=role)
    last, _ = camera.audit.head()
    refused = [
        entry.detail for entry in camera.audit.read(0, last).entries if entry.kind is AuditKind.REFUSED
    ]
    assert refused == [
        "device.reboot is not permitted to auditor",
        "config.abort is not permitted to auditor",
        "device.reboot is not permitted to dock-offload",
        "config.abort is not permitted to dock-offload",
    ]


def test_an_upload_arrives_over_the_line(camera: SimCamera) -> None:
    async def use(host: bwc_sdk.Camera) -> int:
        await host.config.upload({"indicator.tones": False, "haptics.enabled": False})
        return (await host.config.state()).staged

    on_camera(camera, use, piece=7)


# By URI


def test_the_same_uri_reaches_the_same_camera_and_another_one_another() -> None:
    uri = "sim:?seed=3&recordings=1&mib=1"
    try:
        one, again, other = (
            transport_for(DeviceUri.parse(u)) for u in (uri, uri, uri + "&personality=station")
        )
        assert isinstance(one, MemoryTransport)
        assert isinstance(again, MemoryTransport)
        assert isinstance(other, MemoryTransport)
        assert one.camera is again.camera is not other.camera
        slow = transport_for(DeviceUri.parse(uri + "&rate=11520"))
        assert isinstance(slow, MemoryTransport)
        assert slow.camera is one.camera, "the line is not the device"
        assert slow.limits.max_payload == 1_024
    finally:
        forget_sims()


@pytest.mark.parametrize(
    "options",
    [
        "seed=x",
        "recordings=999999",
        "mib=0x",
        "footage=film",
        "faults=melt",
        "personality=nice",
        "colour=red",
    ],
)
def test_an_option_that_cannot_be_is_an_invalid_uri(options: str) -> None:
    with pytest.raises(InvalidUri):
        transport_for(DeviceUri.parse(f"sim:?{options}"))


def test_a_state_directory_in_use_is_an_error_of_the_uri(new_camera: NewCamera, tmp_path: Any) -> None:
    new_camera(state=tmp_path)
    with pytest.raises(InvalidUri, match="in use"):
        transport_for(DeviceUri.parse(f"sim:?mib=1&recordings=0&state={tmp_path}"))


def test_missing_parts_for_footage_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtra) as missing:
        transport_for(DeviceUri.parse("sim:?seed=99&recordings=1"))
    assert missing.value.extra == "sim"


def test_footage_under_way_does_not_make_the_device_look_around(
    new_camera: NewCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link's timer fires every few ms of a transfer; a station has sixty-four such links."""
    camera = new_camera(recordings=1)
    looks = 0
    glance = SimCamera.glance

    def counted(self: SimCamera) -> None:
        nonlocal looks
        looks += 1
        glance(self)

    async def fetch(host: bwc_sdk.Camera) -> int:
        (entry,) = await host.recordings.list()
        counter = Counter()
        stream = await host.recordings.open(entry, 0, counter)
        before = looks
        stream.grant(stream.length)
        assert await counter.over is None
        assert counter.bytes == stream.length
        return looks - before

    monkeypatch.setattr(SimCamera, "glance", counted)
    assert on_camera(camera, fetch, rate=2_000_000) <= 1
