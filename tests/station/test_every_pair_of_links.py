"""Whoever has a camera has it alone, for each pair of links: the second host gets BUSY and a time, never a name."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.messages.station import BayState
from bwc_sdk.errors import DeviceBusy
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.provisioning import provision
from firmware_sim.ports.ble_listen import in_ether
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.ports.usbip import camera_on_usb
from firmware_sim.station.station import SimStation
from tools.testkit.air import Air, connecting

Ways = dict[str, Callable[[], Awaitable[Any]]]
"""What connects to one device, by the kind of link."""
CABLES = ("pty", "tcp", "usb")
LINKS = (*CABLES, "bay", "ble")
PATIENCE_S = 30.0
"""What is let go is free again well within this; half a second of it is for the station's next call."""
ANSWERED = (BayState.LINKED, BayState.BUSY)
"""The station has called the camera in a bay, and heard whose it is."""


def cables(device: SimCamera | SimStation, stack: AsyncExitStack) -> dict[str, str]:
    """URIs of a device over every cable."""
    ports = (TcpPort(device), PtyPort(device), usb := camera_on_usb(device))
    for port in ports:
        stack.callback(port.close)
    return {"tcp": ports[0].uri, "pty": ports[1].uri, "usb": usb.uri}


@asynccontextmanager
async def ways_to_camera(camera: SimCamera, station: SimStation) -> AsyncIterator[Ways]:
    """A camera with every kind of link; the one of the bay puts it into the station first."""
    async with AsyncExitStack() as stack:
        air = Air()
        radio = in_ether(camera, air.ether)
        await radio.start()
        stack.callback(radio.close)
        await station.start()
        dock = await stack.enter_async_context(
            bwc_sdk.connect_station(MemoryTransport(station), allow_insecure=True)
        )

        async def by_radio() -> Any:
            return await connecting(await air.host(), radio.uri)

        async def in_bay() -> Any:
            if station.bays[1].camera is None:
                station.dock(1, camera)
                while (await dock.bays.bay(bay=1)).state not in ANSWERED:  # noqa: ASYNC110  # asks it
                    await asyncio.sleep(0.01)
            return await dock.camera(1)

        ways: Ways = {name: _by(uri) for name, uri in cables(camera, stack).items()}
        yield ways | {"bay": in_bay, "ble": by_radio}


def _by(uri: str) -> Callable[[], Awaitable[Any]]:
    async def connect() -> Any:
        return await bwc_sdk.connect(uri, allow_insecure=True)

    return connect


async def is_busy(connect: Callable[[], Awaitable[Any]], owner: Any) -> None:
    """The attempt ends as it should, and its owner is not disturbed."""
    with pytest.raises(DeviceBusy) as busy:
        await connect()
    assert busy.value.retry_after_s > 0
    assert owner.peer.identity not in busy.value.rule and "@" not in busy.value.rule
    assert await owner.device.status()


async def let_in(connect: Callable[[], Awaitable[Any]]) -> Any:
    """Connects as soon as the device is free again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await connect()
            except DeviceBusy as busy:
                await asyncio.sleep(min(busy.retry_after_s, 0.2))


@pytest.mark.parametrize("first", LINKS)
def test_the_second_host_of_a_camera_is_busy_over_any_link(first: str, new_camera, new_station) -> None:
    camera, station = new_camera(1), new_station(1, docked=0)
    camera.dock()
    provision(camera, {"radio.ble_docked": "full"})

    async def scenario() -> None:
        async with ways_to_camera(camera, station) as ways:
            async with await ways[first]() as owner:
                await owner.device.status()
                (session,) = camera.sessions
                for second in LINKS:
                    if second != first:
                        await is_busy(ways[second], owner)
                        assert camera.sessions == {session}, f"nothing of {second} came through"
            if first != "bay":
                async with await let_in(ways["bay"]) as docked:  # which the station did not give up
                    assert docked.identity == camera.serial

    asyncio.run(scenario())


@pytest.mark.parametrize("first", CABLES)
def test_the_second_host_of_a_station_is_busy_over_any_link(first: str, new_station) -> None:
    station = new_station(2)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            await station.start()
            uris = cables(station, stack)
            async with (
                bwc_sdk.connect_station(uris[first], allow_insecure=True) as owner,
                owner.camera(1) as camera,
            ):
                for second in CABLES:
                    if second == first == "tcp" or second != first:
                        uri = uris[second]
                        in_bay = f"{uri}{'&' if '?' in uri else '?'}bay=2"
                        await is_busy(
                            lambda uri=uri: _awaited(bwc_sdk.connect_station(uri, allow_insecure=True)), owner
                        )
                        await is_busy(_by(in_bay), owner)
                        assert await camera.device.status()
            for uri in uris.values():
                async with await let_in(
                    lambda uri=uri: _awaited(bwc_sdk.connect_station(uri, allow_insecure=True))
                ) as station_again:
                    assert station_again.identity == station.serial

    asyncio.run(scenario())


async def _awaited(connecting: Awaitable[Any]) -> Any:
    return await connecting
