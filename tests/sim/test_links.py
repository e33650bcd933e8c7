"""Lines of a kind: each delivers as many bytes as it can, each when it is due, in both directions; in virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.errors import BwcError, InvalidUri
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.device import BOOT_S
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.faults.speed import LINKS, Speed, speed
from firmware_sim.ports.memory import MemoryTransport, forget_sims
from firmware_sim.serving.heart import PAUSE_MIN_S, Heart
from firmware_sim.serving.throttle import AHEAD_MIN, AHEAD_S, HOST_AHEAD_MAX, SLICE_S, ThrottledPipe
from firmware_sim.virtual_time import run_virtual

NewCamera = Callable[..., SimCamera]
PAGE = Path(__file__).parents[2] / "docs" / "benches.md"


class End:
    """A pipe, or who serves one: notes what reaches it, and when."""

    max_payload = 61_440
    live = True

    def __init__(self, room: int = 1 << 30) -> None:
        self.arrived: list[tuple[float, bytes]] = []
        self.free = room
        self.calls: list[str] = []

    @property
    def size(self) -> int:
        return sum(len(data) for _, data in self.arrived)

    def room(self) -> int:
        return self.free

    def write(self, parts: list[bytes]) -> None:
        self.received(b"".join(parts))

    def received(self, data: bytes) -> None:
        self.arrived.append((asyncio.get_running_loop().time(), bytes(data)))

    def writable(self) -> None:
        self.calls.append("writable")

    def restarted(self) -> None:
        self.calls.append("restarted")

    def pull(self) -> None:
        self.calls.append("pull")

    def host_left(self) -> None:
        self.calls.append("host left")

    def lost(self) -> None:
        self.calls.append("lost")


def slowed(of: Speed, host: End, device: End) -> ThrottledPipe:
    pipe = ThrottledPipe(host, of)
    pipe.user = device
    return pipe


@pytest.mark.parametrize("name", LINKS)
def test_a_second_carries_what_the_line_can_each_way_and_later_by_its_latency(name: str) -> None:
    kind = LINKS[name]

    async def run() -> tuple[End, End]:
        host, device = End(), End()
        pipe = slowed(kind, host, device)

        def feed() -> None:
            while (room := pipe.room()) > 0:
                pipe.write([bytes(room)])

        device.writable = feed
        feed()
        if not kind.shared:
            for _ in range(20):
                pipe.received(bytes(int(kind.rate / 20)))
                await asyncio.sleep(0.05)
        await asyncio.sleep(1.0 + kind.latency_s - asyncio.get_running_loop().time())
        return host, device

    host, device = run_virtual(run())
    assert host.arrived[0][0] >= kind.latency_s
    assert 0.99 <= host.size / kind.rate <= 1.0 + 1e-6, "in one second after the latency"
    if not kind.shared:
        assert 0.99 <= device.size / kind.rate <= 1.0 + 1e-6


def test_a_shared_medium_carries_both_ways_together() -> None:
    async def run() -> int:
        host, device = End(), End()
        pipe = slowed(LINKS["ble-2m"], host, device)
        for _ in range(100):
            pipe.write([bytes(1750)])
            pipe.received(bytes(1750))
            await asyncio.sleep(0.01)
        return host.size + device.size

    assert 0.97 <= run_virtual(run()) / 175_000 <= 1.0


def test_a_busy_machine_makes_bytes_late_and_the_line_no_slower() -> None:
    """A timer that comes late by 30 ms each time: dues are reckoned from each other."""

    async def run() -> float:
        loop, host = asyncio.get_running_loop(), End()
        pipe = slowed(LINKS["usb-fs"], host, End())
        late = loop.call_at
        loop.call_at = lambda at, *call: late(at + 0.03, *call)
        sent = 0
        while sent < 1_000_000:
            size = pipe.room()
            pipe.write([bytes(size)])
            sent += size
            await asyncio.sleep(0.0)
            if not size:
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)
                pipe._to_host._run()
                loop._virtual.now_s += 0.001
        return loop.time()

    assert run_virtual(run()) <= 1.06


def test_a_device_writes_no_further_ahead_than_a_driver_buffers() -> None:
    async def run() -> None:
        for kind in LINKS.values():
            pipe = slowed(kind, End(), End())
            room = pipe.room()
            assert room == max(AHEAD_MIN, int(kind.rate * AHEAD_S))
            pipe.write([bytes(room)])
            assert pipe.room() == 0

    run_virtual(run())


def test_what_the_pipe_itself_does_not_take_waits() -> None:
    async def run() -> None:
        host, device = End(room=100), End()
        pipe = slowed(LINKS["usb-hs"], host, device)
        assert pipe.room() == 100
        host.free = 0
        pipe.writable()
        assert device.calls == []
        host.free = 50
        pipe.writable()
        assert device.calls == ["writable"] and pipe.room() == 50

    run_virtual(run())


def test_a_host_that_knows_no_window_fills_no_memory() -> None:
    async def run() -> None:
        device = End()
        pipe = slowed(LINKS["serial-115200"], End(), device)
        for _ in range(40):
            pipe.received(bytes(1 << 20))
        assert pipe._to_device.queued <= HOST_AHEAD_MAX

    run_virtual(run())


def test_bytes_come_in_slices_and_in_their_order() -> None:
    async def run() -> list[tuple[float, bytes]]:
        host = End()
        pipe = slowed(LINKS["serial-921600"], host, End())
        pipe.write([bytes(range(250)) * 8])
        await asyncio.sleep(1)
        return host.arrived

    arrived = run_virtual(run())
    assert b"".join(data for _, data in arrived) == bytes(range(250)) * 8
    assert max(len(data) for _, data in arrived) <= 92_160 * SLICE_S


@pytest.mark.parametrize("end", ["restarted", "pull", "host_left", "lost"])
def test_every_end_is_an_end(end: str) -> None:
    async def run() -> None:
        host, device = End(), End()
        pipe = slowed(LINKS["serial-115200"], host, device)
        pipe.write([b"x" * 100])
        pipe.received(b"y" * 100)
        getattr(pipe, end)()
        await asyncio.sleep(1)
        at = host if end in ("restarted", "pull") else device
        assert at.calls == [end.replace("_", " ")]
        assert device.size == 0
        assert host.size == (100 if end == "restarted" else 0), "what a device said last still arrives"

    run_virtual(run())


@pytest.mark.parametrize("name", LINKS)
def test_a_host_gets_on_over_every_kind_of_line(new_camera: NewCamera, name: str) -> None:
    camera = new_camera(recordings=1)

    async def run() -> float:
        world = World(utc_ns=camera.true_utc_ns, entropy=lambda n: b"\x5a" * n, workers=InlineWorkers())
        transport: Any = MemoryTransport(camera, link=LINKS[name])
        loop = asyncio.get_running_loop()
        async with bwc_sdk.connect(transport, role=Role.BENCH, world=world, allow_insecure=True) as host:
            began = loop.time()
            for _ in range(4):
                await host.battery.status()
            return (loop.time() - began) / 4

    assert run_virtual(run()) >= 2 * LINKS[name].latency_s, "there and back"


def test_a_fault_plan_is_played_on_a_slow_line(new_camera: NewCamera) -> None:
    camera = new_camera(recordings=1)

    async def run() -> None:
        world = World(utc_ns=camera.true_utc_ns, entropy=lambda n: b"\x5a" * n, workers=InlineWorkers())
        plan = FaultPlan.parse("cut@700")
        transport: Any = MemoryTransport(camera, link=LINKS["usb-fs"], faults=plan)
        with pytest.raises(BwcError):
            async with bwc_sdk.connect(transport, role=Role.BENCH, world=world, allow_insecure=True) as host:
                await host.battery.status()
        async with bwc_sdk.connect(transport, role=Role.BENCH, world=world, allow_insecure=True) as host:
            await host.battery.status()

    run_virtual(run())


def test_ports_of_one_device_have_lines_of_their_own_and_one_plan() -> None:
    count = FaultCount(FaultPlan.parse("cut@100"))
    fast, slow = count.on(LINKS["usb-hs"]), count.on(LINKS["ble-1m"])
    assert (count.speed, fast.speed, slow.speed) == (None, LINKS["usb-hs"], LINKS["ble-1m"])
    fast.passed += 60
    assert slow.until_strike() == count.until_strike() == 40
    slow.passed += 40
    assert len(fast.strikes()) == 1 and not slow.strikes() and not count.strikes()


def test_a_camera_that_nobody_looks_at_lives(new_camera: NewCamera) -> None:
    camera, seen = new_camera(), []

    async def run() -> None:
        camera.time.follow(asyncio.get_running_loop())
        heart = Heart(camera)
        camera.wearer.start()
        camera.mishaps.at(camera.time() + 5.5, lambda: seen.append(camera.time()))
        await asyncio.sleep(30)
        heart.close()
        await asyncio.sleep(30)

    run_virtual(run())
    assert len(seen) == 1 and 5.5 <= seen[0] < 5.5 + PAUSE_MIN_S
    camera.crash()
    assert camera.recorder.recording_id is None
    camera.time.skip(BOOT_S)
    camera.settle()
    newest = camera.listing(0, 9)[-1].manifest
    assert newest.duration_ms >= 29_000, (
        "it was journalled by itself, and no longer once the heart stood still"
    )
    assert newest.duration_ms < 62_000


def test_a_uri_names_a_line_and_an_unknown_one_names_those_there_are() -> None:
    try:
        with pytest.raises(InvalidUri, match="there is no link 'usb-5'; known: usb-hs"):
            transport_for(DeviceUri.parse("sim:?link=usb-5&insecure=1&footage=synthetic"))
        transport = transport_for(DeviceUri.parse("sim:?link=serial-115200&insecure=1&footage=synthetic"))
        assert transport.limits.max_payload == 1_024
    finally:
        forget_sims()
    with pytest.raises(ValueError, match="there is no link"):
        speed("x" * 500)


def test_the_page_states_each_line_as_it_is() -> None:
    table = PAGE.read_text("utf-8").partition("| link | bytes a second | latency | |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\S+)` \| ([0-9,]+)(.*?) \| ([0-9.]+) ms \| (.+?) \|$", table, re.MULTILINE)
    said = {name: (rate.replace(",", ""), more, ms, what) for name, rate, more, ms, what in rows}
    assert said == {
        one.name: (
            f"{one.rate:.0f}",
            " both ways together" if one.shared else "",
            f"{one.latency_s * 1000:g}",
            one.what,
        )
        for one in LINKS.values()
    }
