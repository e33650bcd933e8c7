"""A docking station full of cameras and a host that offloads them all, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload.station_link import ConnectStation
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400 * 1_000_000_000
"""A day in 2027: no test depends on when it runs."""
LIMIT_S = 30 * 86_400.0
"""Virtual time that no scenario passes."""


@pytest.fixture
def new_station() -> Iterator[Callable[..., SimStation]]:
    """Makes stations (see `make_station`) whose cameras have one recording of 1 MiB each; closes them."""
    made: list[SimStation] = []

    def make(bays: int = 4, **options: Any) -> SimStation:
        common = {"seed": 500, "recordings": 1, "mib": 1, "footage": Footage.SYNTHETIC, "utc_ns": NOON_NS}
        made.append(make_station(bays, **{**common, **options}))
        return made[-1]

    yield make
    for station in made:
        station.close()


@pytest.fixture
def world() -> World:
    """Work is done at once, so that time stands still for it."""
    return World(workers=InlineWorkers())


@pytest.fixture
def host(world: World) -> Callable[..., ConnectStation]:
    """What connects to a station over a line in memory, each time anew."""

    def by(station: SimStation, **line: Any) -> ConnectStation:
        async def connect() -> DockingStation:
            transport = MemoryTransport(station, **line)
            return await bwc_sdk.connect_station(
                transport, role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True
            )

        return connect

    return by


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where footage goes."""
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


@pytest.fixture
def play() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a scenario in virtual time."""
    return lambda scenario: run_virtual(scenario, limit_s=LIMIT_S)
