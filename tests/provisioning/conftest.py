"""A docking station full of cameras, and a technician who provisions them, in virtual time."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.lab.directory import open_lab
from bwc_protocol.messages.clock import TimeSource
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.identity.lab_identities import LabIdentities
from bwc_sdk.provisioning import (
    Profile,
    Provisioned,
    ProvisioningEvent,
    Record,
    Records,
    Roster,
    TimeWord,
    places_of,
    provision,
)
from bwc_sdk.provisioning.roster import parse_roster
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual

LIMIT_S = 86_400.0
PROFILE = Profile("patrol", {"recording.pre_event_s": 60, "mute.allowed": True, "policy.id": "us-example"})
WORD = TimeWord(TimeSource.PTP, 1_000)
PEOPLE = "\n".join(["officer;unit", *(f"A-{n:02d};K9" for n in range(1, 21))])


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


def roster(text: str = PEOPLE) -> Roster:
    return parse_roster(text, Path("officers.csv"))


@pytest.fixture
def bench(world, technician, play, folder) -> Callable[..., list[ProvisioningEvent]]:
    """Provisions what stands in a station; gives all events."""

    def run(
        station: SimStation,
        people: Roster | None,
        profile: Profile = PROFILE,
        *,
        plan: bool = False,
        seen: Callable[[ProvisioningEvent], None] = lambda event: None,
    ) -> list[ProvisioningEvent]:
        async def scenario() -> list[ProvisioningEvent]:
            found = []
            transport = MemoryTransport(station)
            async with bwc_sdk.connect_station(
                transport, role=Role.TECHNICIAN, lab=True, world=world
            ) as link:
                with Records.opened(folder) as records:
                    async for event in provision(
                        await places_of(link),
                        profile,
                        roster=people,
                        records=records,
                        identity=technician,
                        plan=plan,
                        word=WORD,
                        world=world,
                    ):
                        found.append(event)
                        seen(event)
            return found

        return play(scenario())

    return run


def done(events: Sequence[ProvisioningEvent]) -> dict[str, Record]:
    return {event.place: event.record for event in events if isinstance(event, Provisioned)}
