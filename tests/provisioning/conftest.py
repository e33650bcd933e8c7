"""A docking station full of cameras, and a technician who provisions them, in virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.lab.directory import open_lab
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lab_identities import LabIdentities
from firmware_sim.scenarios import Footage, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual

LIMIT_S = 86_400.0


@pytest.fixture
def new_station() -> Iterator[Callable[..., SimStation]]:
    """Makes stations (see `make_station`) whose cameras have no recordings; closes them."""
    made: list[SimStation] = []

    def make(bays: int = 4, **options: Any) -> SimStation:
        common = {"seed": 500, "recordings": 0, "footage": Footage.SYNTHETIC}
        common["agency"] = open_lab().agency
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
def technician(world: World) -> HostIdentity:
    """Who provisions."""
    return LabIdentities("tester").for_role(Role.TECHNICIAN, time.time())


@pytest.fixture
def play() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a scenario in virtual time."""
    return lambda scenario: run_virtual(scenario, limit_s=LIMIT_S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where records go."""
    return tmp_path / "records"
