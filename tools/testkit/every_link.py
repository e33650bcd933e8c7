"""Every kind of link to a simulated camera, with somebody beneath it: for tests of what no link may change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from bwc_protocol.declare import Role
from bwc_protocol.session.interface import SessionFactory
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.bridge import Bridge
from bwc_sdk.clients.camera import Camera
from bwc_sdk.connection.access import Access
from bwc_sdk.connection.establish import connect_channel
from bwc_sdk.errors import DeviceBusy, PortBusy
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.transport import Transport
from bwc_sdk.transport.ble import BleTransport
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.provisioning import provision
from firmware_sim.ports.ble_listen import in_ether
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.ports.usbip import camera_on_usb
from firmware_sim.scenarios import Footage, make_station
from firmware_sim.virtual_time import run_virtual
from tools.testkit.air import FULL, Air
from tools.testkit.beneath import Beneath
from tools.testkit.identity_files import Enrolling, world_at
from tools.testkit.secure_ends import Agency

T = TypeVar("T")
VIRTUAL: Final = ("memory", "ble", "bay")
"""In one process, and so in virtual time."""
REAL: Final = ("tcp", "pty", "usb", "bridge")
LINKS: Final = (*VIRTUAL, *REAL)
BAY: Final = 1
DOCKED_S: Final = 0.5
"""Until a station has called what was put into it."""
BOUND_S: Final = 40.0
"""Everything ends within this, or a test fails."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a host gets to the camera."""

    link: str
    camera: SimCamera
    channel: int
    """Of the link: a camera's own, or that of a bay."""
    pipe: Callable[[], Awaitable[Transport]]

    async def beneath(self) -> Beneath:
        """A pipe that is not open yet, and who hears it."""
        return Beneath(await self.pipe())

    async def connect(
        self, at: Transport, by: HostIdentity, role: Role, *, instead: SessionFactory | None = None
    ) -> Camera:
        """A session of a host with an identity; `instead` gives a host another end of it than its own."""
        world = world_at() if instead is None else replace(world_at(), session=instead)
        access = Access(
            role=role,
            identities=None if instead is not None else by,
            expect=None,
            allow_insecure=instead is not None,
            capture=None,
            world=world,
        )
        made = await connect_channel(at, self.channel, PeerKind.CAMERA, await access.opened(), None)
        return Camera(made, world)

    async def connect_next(self, by: HostIdentity, role: Role) -> Camera:
        """The session of the next host, as soon as the device has seen that the last one left."""
        while True:
            try:
                return await self.connect(await self.pipe(), by, role)
            except (DeviceBusy, PortBusy):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def way_to(camera: SimCamera, link: str, agency: Agency) -> AsyncIterator[Way]:
    """The camera behind a link of a kind."""
    async with AsyncExitStack() as stack:
        channel = 0

        async def in_memory() -> Transport:
            return MemoryTransport(camera)

        make: Callable[[], Awaitable[Transport]] = in_memory
        match link:
            case "tcp" | "pty" | "usb":
                ports: dict[str, Callable[[SimCamera], Any]] = {
                    "tcp": TcpPort,
                    "pty": PtyPort,
                    "usb": camera_on_usb,
                }
                port = ports[link](camera)
                stack.callback(port.close)
                make = _by(port.uri)
            case "bridge":
                bridge = Bridge(lambda: MemoryTransport(camera))
                make = _by((await stack.enter_async_context(bridge)).uri)
            case "ble":
                camera.dock()
                provision(camera, FULL)
                air = Air()
                radio = in_ether(camera, air.ether)
                await radio.start()
                stack.callback(radio.close)

                async def by_radio() -> Transport:
                    return BleTransport(DeviceUri.parse(radio.uri), bluetooth=await air.host())

                make = by_radio
            case "bay":
                station = make_station(
                    2, docked=0, seed=60, footage=Footage.SYNTHETIC, agency=Enrolling(agency)
                )
                stack.callback(station.close)
                await station.start()
                station.dock(BAY, camera)
                await asyncio.sleep(DOCKED_S)
                channel = BAY

                async def by_uplink() -> Transport:
                    return MemoryTransport(station)

                make = by_uplink
        yield Way(link, camera, channel, make)


def _by(uri: str) -> Callable[[], Awaitable[Transport]]:
    async def make() -> Transport:
        return transport_for(DeviceUri.parse(uri))

    return make


def along(link: str, camera: SimCamera, agency: Agency, use: Callable[[Way], Awaitable[T]]) -> T:
    """Runs `use` with the way to the camera, in virtual time where nothing but this process takes part."""

    async def main() -> T:
        async with way_to(camera, link, agency) as way:
            if link in VIRTUAL:
                return await use(way)
            async with asyncio.timeout(BOUND_S):
                return await use(way)

    return run_virtual(main()) if link in VIRTUAL else asyncio.run(main())
