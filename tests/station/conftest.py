"""A docking station full of cameras, and a host at it, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.connection.access import Connecting
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400 * 1_000_000_000
"""A day in 2027: no test depends on when it runs."""
LIMIT_S = 7 * 86_400.0
"""Virtual time that no scenario passes."""


@pytest.fixture
def new_station() -> Iterator[Callable[..., SimStation]]:
    """Makes stations (see `make_station`) whose cameras have small synthetic footage; closes them."""
    made: list[SimStation] = []

    def make(bays: int = 4, **options: Any) -> SimStation:
        whole = {"seed": 100, "footage": Footage.SYNTHETIC, "utc_ns": NOON_NS, **options}
        made.append(make_station(bays, **whole))
        return made[-1]

    yield make
    for station in made:
        station.close()


@pytest.fixture
def station(new_station: Callable[..., SimStation]) -> SimStation:
    """A station with four bays and a camera in each; each has one recording of 1 MiB."""
    return new_station(4, recordings=1, mib=1)


@pytest.fixture
def new_camera() -> Iterator[Callable[..., SimCamera]]:
    """Makes cameras that stand in no bay yet; closes them."""
    made: list[SimCamera] = []

    def make(seed: int = 1, **options: Any) -> SimCamera:
        whole = {"footage": Footage.SYNTHETIC, "utc_ns": NOON_NS, **options}
        made.append(make_camera(seed=seed, **whole))
        return made[-1]

    yield make
    for camera in made:
        camera.close()


@pytest.fixture
def world() -> World:
    """Work is done at once, so that time stands still for it; the host's UTC passes as the loop's time does."""
    return World(
        workers=InlineWorkers(),
        utc_ns=lambda: NOON_NS + round(asyncio.get_running_loop().time() * 1e9),
    )


@pytest.fixture
def host(world: World) -> Callable[..., Connecting[DockingStation]]:
    """Connects to a station over a line in memory, under the role `bench` unless it is given."""

    def connect(station: SimStation, role: Role = Role.BENCH, **line: Any) -> Connecting[DockingStation]:
        return bwc_sdk.connect_station(
            MemoryTransport(station, **line), role=role, world=world, allow_insecure=True
        )

    return connect


@pytest.fixture
def play() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a scenario in virtual time."""
    return lambda scenario: run_virtual(scenario, limit_s=LIMIT_S)
