"""A bridge copies secure sessions as they are, and has no word in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bwc_protocol.declare import Role
from bwc_sdk.bridge import Bridge
from bwc_sdk.errors import DeviceBusy
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from tools.testkit.beneath import TO_DEVICE, TO_HOST, Beneath
from tools.testkit.every_link import BOUND_S, Way
from tools.testkit.identity_files import host_identity, secure_camera
from tools.testkit.secure_ends import agency

HOME = agency("Harbour Police")
SHOWN = HOME.device(serial="SIM-00000003")


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = secure_camera(HOME, SHOWN)
    yield made
    made.close()


def test_what_goes_into_a_bridge_comes_out_of_it_byte_by_byte(camera: SimCamera) -> None:
    async def use() -> None:
        behind: list[Beneath] = []

        def device() -> Beneath:
            behind.append(Beneath(MemoryTransport(camera)))
            return behind[-1]

        async with asyncio.timeout(BOUND_S), Bridge(device) as bridge:

            async def pipe() -> Beneath:
                return Beneath(transport_for(DeviceUri.parse(bridge.uri)))

            way, before = Way("bridge", camera, 0, pipe), await pipe()
            host = await way.connect(before, host_identity(HOME, Role.DOCK_OFFLOAD), Role.DOCK_OFFLOAD)
            (entry,) = await host.recordings.list()
            manifest = await host.recordings.read_manifest(entry)
            assert manifest.segments and host.peer.secure
            await host.close()
        (one,) = behind
        for to in (TO_DEVICE, TO_HOST):
            assert bytes(before.raw[to]).startswith(bytes(one.raw[to])) or bytes(one.raw[to]).startswith(
                bytes(before.raw[to])
            ), "what was under way at the end may be on one side alone"
            assert min(len(before.raw[to]), len(one.raw[to])) > 1_500

    asyncio.run(use())


def test_a_second_host_at_the_bridge_is_busy_and_the_first_goes_on(camera: SimCamera) -> None:
    async def use() -> None:
        async with asyncio.timeout(BOUND_S), Bridge(lambda: MemoryTransport(camera)) as bridge:

            async def pipe() -> Beneath:
                return Beneath(transport_for(DeviceUri.parse(bridge.uri)))

            way, by = Way("bridge", camera, 0, pipe), host_identity(HOME, Role.TECHNICIAN)
            first = await way.connect(await pipe(), by, Role.TECHNICIAN)
            second = await pipe()
            with pytest.raises(DeviceBusy) as busy:
                await way.connect(second, by, Role.TECHNICIAN)
            assert busy.value.retry_after_s > 0
            said = second.everything(TO_HOST)
            assert b"\x16\x03" not in said and camera.serial.encode() not in said, (
                "not even the device's hello"
            )
            assert (await first.device.identify()).serial == camera.serial
            await first.close()

    asyncio.run(use())
