"""Provisioning in programs without asyncio: the same, one step after the other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bwc_protocol.messages.clock import TimeSource
from bwc_sdk import Role, find_identity, sync
from bwc_sdk.errors import RosterError
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning import (
    Looked,
    NotProvisioned,
    Place,
    Profile,
    Provisioned,
    Records,
    TimeWord,
    place_at,
    read_roster,
)
from bwc_sdk.sync.loop import loop_thread

WORD = TimeWord(TimeSource.OPERATOR)
PROFILE = Profile("patrol", {"recording.pre_event_s": 60})


@pytest.fixture
def technician() -> HostIdentity:
    """Who provisions, as a program finds him or her."""
    found = find_identity(lab=True)
    assert found is not None
    identity = found.for_role(Role.TECHNICIAN, time.time())
    assert identity is not None
    return identity


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "officers.csv"
    path.write_text("officer;unit\nA-01;K9\nB-02;K9\n")
    return path


def test_a_blocking_program_gives_out_the_cameras_of_a_station_and_takes_them_back(
    folder: Path, people: Path, technician: HostIdentity
) -> None:
    with (
        sync.connect_station("sim:?seed=7900&station=3&recordings=0", lab=True) as station,
        Records.opened(folder) as records,
    ):
        places = sync.places_of(station)
        told = list(
            sync.provision(
                places, PROFILE, roster=read_roster(people), records=records, identity=technician, word=WORD
            )
        )
        done = [one for one in told if isinstance(one, Provisioned)]
        (left,) = [one for one in told if isinstance(one, NotProvisioned)]
        assert sorted(one.record.officer for one in done) == ["A-01", "B-02"]
        assert left.place == "bay 3" and isinstance(left.error, RosterError)
        with station.camera(1) as camera:
            assert camera.assignment.read().officer == "A-01"
            assert camera.config.values()["recording.pre_event_s"] == 60
        back = list(sync.take_back(places[:1], records=records, identity=technician))
        assert [one.record.officer for one in back if isinstance(one, Provisioned)] == [""]
        with station.camera(1) as camera:
            assert not camera.assignment.read().assigned


def test_cameras_by_themselves_are_planned_too_and_an_iteration_that_is_closed_ends_it(
    folder: Path, technician: HostIdentity
) -> None:
    places = [place_at(f"sim:?seed={seed}&recordings=0", lab=True) for seed in (7910, 7911)]
    with Records.opened(folder) as records:
        planned = list(sync.provision(places, PROFILE, records=records, identity=technician, plan=True))
        assert sorted(one.place for one in planned if isinstance(one, Looked)) == sorted(
            one.name for one in places
        )
        with sync.provision(places, PROFILE, records=records, identity=technician, word=WORD) as events:
            assert isinstance(next(events), Looked)
        assert next(events, None) is None
        # How far it had come by then is for chance: the same call goes on from there.
        done = list(sync.provision(places, PROFILE, records=records, identity=technician, word=WORD))
        assert len([one for one in done if isinstance(one, Provisioned)]) == 2


def running(*names: str) -> set[asyncio.Task[object]]:
    """Tasks of the loop thread that run one of some coroutines."""
    tasks = asyncio.all_tasks(loop_thread().loop)
    return {one for one in tasks if any(name in one.get_coro().__qualname__ for name in names)}


class Never:
    """A connection that does not come about, nor fails."""

    async def __aenter__(self) -> None:
        await asyncio.Event().wait()

    async def __aexit__(self, *error: object) -> None: ...


def test_a_blocking_call_that_takes_too_long_raises(folder: Path, technician: HostIdentity) -> None:
    with Records.opened(folder) as records:
        nobody, before = Place("usb:9-9", Never), running("Queue.get", "_look")
        events = sync.provision([nobody], PROFILE, records=records, identity=technician, timeout=0.05)
        with events, pytest.raises(sync.CallTimeout):
            next(events)
        assert running("Queue.get", "_look") <= before, "nothing of it goes on"
