"""Handshakes in all bays at once, and one that is never finished: other bays answer while they go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.session.interface import Session, SessionSide
from bwc_protocol.vocabulary import PeerKind
from bwc_sdk.clients.camera import Camera
from bwc_sdk.connection.access import Access
from bwc_sdk.connection.establish import open_channel
from bwc_sdk.connection.link_driver import LinkDriver
from bwc_sdk.errors import BwcError
from bwc_sdk.host.world import World
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual
from tools.testkit.every_link import DOCKED_S
from tools.testkit.identity_files import host_identity, secure_station, world_at
from tools.testkit.raw_host import Silent
from tools.testkit.secure_ends import agency

HOME = agency("Harbour Police")
BAYS = 64
ASKED = BAYS
"""The bay whose camera has a session already, and is asked all the time."""
UPLINK_RATE = 100_000.0
"""Bytes a second: all the handshakes together take seconds."""
STUCK = BAYS - 1
"""The bay in which a handshake is begun and never finished."""


@pytest.fixture
def station() -> Iterator[SimStation]:
    made = secure_station(HOME, BAYS)
    yield made
    made.close()


class Hosts:
    """Sessions with cameras of one station, over one link."""

    def __init__(self, station: SimStation) -> None:
        self.world = world_at()
        self._identity = host_identity(HOME, Role.DOCK_OFFLOAD, name="dock-7")
        self._driver = LinkDriver(MemoryTransport(station, rate=UPLINK_RATE), self.world)

    async def open(self) -> None:
        await self._driver.open()
        await asyncio.sleep(DOCKED_S)

    async def close(self) -> None:
        await self._driver.close()

    async def camera(self, bay: int, instead: Silent | None = None) -> Camera:
        def given(side: SessionSide) -> Session:
            assert instead is not None
            return instead

        world = self.world if instead is None else World(workers=self.world.workers, session=given)
        access = Access(
            role=Role.DOCK_OFFLOAD,
            identities=self._identity if instead is None else None,
            expect=None,
            allow_insecure=instead is not None,
            capture=None,
            world=world,
        )
        opened = await access.opened()
        return Camera(await open_channel(self._driver, bay, PeerKind.CAMERA, opened, shared=True), self.world)


def test_63_handshakes_at_once_and_one_without_end_keep_no_other_bay_waiting(station: SimStation) -> None:
    """Judged by the order of things, not by a clock: how many handshakes are done at each answer of the bay that is
    asked all the time."""

    async def use() -> list[int]:
        hosts, done = Hosts(station), 0
        await hosts.open()
        asked = await hosts.camera(ASKED)
        silent = Silent()
        stuck = asyncio.ensure_future(hosts.camera(STUCK, silent))
        await silent.heard.wait()

        async def shake(bay: int) -> Camera:
            nonlocal done
            camera = await hosts.camera(bay)
            assert camera.peer.secure
            done += 1
            return camera

        shaking = [asyncio.ensure_future(shake(bay)) for bay in range(1, STUCK)]
        answered: list[int] = []
        while done < len(shaking):
            await asked.battery.status()
            answered.append(done)
        cameras = await asyncio.gather(*shaking)
        assert not stuck.done(), "it goes on all the time"
        for camera in cameras:
            await camera.battery.status()
        while not stuck.done():
            await asked.battery.status()
            await asyncio.sleep(1)
        with pytest.raises(BwcError):
            await stuck
        good = await hosts.camera(STUCK)
        await good.battery.status()
        serials = {camera.identity for camera in (asked, good, *cameras)}
        assert len(serials) == BAYS
        await hosts.close()
        return answered

    answered = run_virtual(use())
    assert answered[0] == 0, "an answer takes one round trip, a handshake three: it comes before all of them"
    assert len(answered) >= 4, "and others between them"
