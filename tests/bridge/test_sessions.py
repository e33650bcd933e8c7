"""What the SDK does directly it does through a bridge: sessions, offloads, and starting again after an interruption."""

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.bridge import Bridge, BridgeEvent, ClientLeft
from bwc_sdk.errors import DeviceBusy, DeviceLost, InvalidUri
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import ConnectionLost, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.ports.pty import PtyPort
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual

UTC_NS = 1_767_225_600_000_000_000


@pytest.fixture
def make() -> Iterator[Callable[..., SimCamera]]:
    made: list[SimCamera] = []

    def new(**options: Any) -> SimCamera:
        made.append(make_camera(**{"seed": 5, "recordings": 2, "mib": 2, "utc_ns": UTC_NS, **options}))
        return made[-1]

    yield new
    for one in made:
        one.close()


def world() -> World:
    return World(utc_ns=lambda: UTC_NS, entropy=random.Random(5).randbytes, workers=InlineWorkers())


@pytest.mark.rule("LNK-008")
def test_the_second_of_two_hosts_at_once_hears_that_the_device_is_busy_and_when_to_ask_again(make) -> None:
    camera = make()

    async def main() -> None:
        async with Bridge(lambda: MemoryTransport(camera)) as bridge:
            for _ in range(3):
                async with bwc_sdk.connect(bridge.uri, world=world(), allow_insecure=True) as first:
                    assert first.identity == camera.serial
                    with pytest.raises(DeviceBusy) as busy:
                        await bwc_sdk.connect(bridge.uri, world=world(), allow_insecure=True)
                    assert busy.value.retry_after_s == 1.0
                    assert (await first.battery.status()).charge_pct >= 0

    run_virtual(main())


@pytest.mark.parametrize("plan", ["", "cut@1500000,cut@2500000", "reboot@1500000"])
def test_an_offload_through_a_bridge_survives_what_happens_behind_it(make, tmp_path: Path, plan: str) -> None:
    faults = FaultPlan.parse(plan, 5)
    camera, count = make(faults=faults), FaultCount(faults)
    on_event: list[BridgeEvent] = []

    async def main() -> Any:
        async with Bridge(lambda: MemoryTransport(camera, faults=count), on_event=on_event.append) as bridge:
            job = offload(bridge.uri, tmp_path, world=world(), allow_insecure=True)
            events = [event async for event in job]
            return job.result, events

    result, events = run_virtual(main(), limit_s=86_400)
    assert result.complete, result
    check(camera, tmp_path)
    lost = [event for event in events if isinstance(event, ConnectionLost)]
    assert bool(lost) == bool(plan)
    assert len([event for event in on_event if isinstance(event, ClientLeft)]) == len(lost) + 1


def test_an_offload_whose_bridge_is_restarted_goes_on_where_it_was(make, tmp_path: Path) -> None:
    camera = make(mib=8)
    cut = asyncio.Event()

    async def main() -> Any:
        bridge = Bridge(lambda: MemoryTransport(camera, rate=2_000_000.0))
        await bridge.open()
        port = int(bridge.uri.rpartition(":")[2])
        job = offload(bridge.uri, tmp_path, world=world(), allow_insecure=True)

        async def restart() -> None:
            await asyncio.sleep(3)
            await bridge.close()
            await asyncio.sleep(1)
            again = Bridge(lambda: MemoryTransport(camera, rate=2_000_000.0), port=port)
            await again.open()
            await cut.wait()
            await again.close()

        restarting = asyncio.create_task(restart())
        async for _ in job:
            pass
        cut.set()
        await restarting
        return job.result

    result = run_virtual(main(), limit_s=86_400)
    assert result.complete and result.reconnections >= 1
    assert result.bytes_received < 2 * 8 * 1_048_576 + 3 * 1_048_576, "what was good was not fetched again"
    check(camera, tmp_path)


def test_a_serial_port_behind_a_bridge_is_exclusive_while_it_is_used_and_free_after(make) -> None:
    camera = make(recordings=0)

    async def main() -> None:
        port = PtyPort(camera)
        left = asyncio.Event()
        async with Bridge(
            port.uri, on_event=lambda event: isinstance(event, ClientLeft) and left.set()
        ) as bridge:
            async with bwc_sdk.connect(bridge.uri, role=Role.TECHNICIAN, allow_insecure=True) as host:
                assert host.identity == camera.serial
                with pytest.raises(bwc_sdk.BwcError):
                    await bwc_sdk.connect(port.uri, allow_insecure=True)
            await left.wait()
            async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
                assert host.identity == camera.serial
        port.close()

    asyncio.run(main())


def test_a_pulled_cable_is_a_lost_device_for_the_remote_host(make) -> None:
    camera = make(recordings=0)

    async def main() -> None:
        port = PtyPort(camera)
        async with Bridge(port.uri) as bridge, bwc_sdk.connect(bridge.uri, allow_insecure=True) as host:
            port.pull()
            with pytest.raises(DeviceLost):
                while True:
                    await host.battery.status()
        port.close()

    asyncio.run(main())


def check(camera: SimCamera, path: Path) -> None:
    """What is stored is what the camera recorded."""
    wanted = {
        hashlib.sha256(camera.storage.read(stored.recording_id, index, 0, facts.size_bytes)).digest()
        for stored in camera.listing(0, 1000)
        for index, facts in enumerate(stored.manifest.segments)
    }
    assert {hashlib.sha256(file.read_bytes()).digest() for file in path.glob("*.mp4*")} == wanted


def test_a_bridge_to_a_bay_is_refused_since_it_carries_the_whole_link_of_the_station() -> None:
    with pytest.raises(InvalidUri, match="bay"):
        Bridge("tcp:127.0.0.1:7401?bay=2")
