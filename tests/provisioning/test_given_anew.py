"""A camera whose holder's part ended is given out anew at a bench, before a dock had taken it back."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.identity.desired import desired_path, read_desired, sign_desired
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.provisioning import Records, places_of, take_back
from bwc_sdk.provisioning.ending import end_part
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.station.station import SimStation
from tests.provisioning.conftest import roster

DAY = datetime.date(2026, 1, 1)


@pytest.fixture
def ended(new_station, bench, folder, tmp_path, technician) -> SimStation:
    """Its one camera was A-01's, and docks have a desired state that takes it back."""
    station: SimStation = new_station(1)
    bench(station, roster("officer\nA-01\n"))
    with Records.opened(folder) as records:
        end_part(
            "A-01",
            roster=None,
            records=records,
            out=tmp_path / "docks",
            identity=technician,
            day=DAY,
            utc_s=int(time.time()),
        )
    return station


def lay(
    technician: HostIdentity, out: Path, serial: str, counter: int, generation: int = 0, officer: str = ""
) -> None:
    document = sign_desired(
        technician,
        camera=serial,
        counter=counter,
        generation=generation,
        utc_s=int(time.time()),
        settings={},
        assignment=(officer, ""),
    )
    desired_path(out, serial).write_bytes(document)


async def dock_delivers(station: SimStation, directory: Path, world) -> None:
    camera = station.cameras()[0]
    ready = read_desired(directory, camera.serial)
    assert ready is not None
    async with (
        bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.DOCK_OFFLOAD, lab=True, world=world
        ) as link,
        link.camera(1, role=Role.DOCK_OFFLOAD) as connected,
    ):
        await connected.trust.take_desired_state(ready[1])


def test_what_took_it_back_takes_it_from_nobody_else(ended, bench, play, world, tmp_path) -> None:
    (camera,) = ended.cameras()
    bench(ended, roster(f"officer;unit;serial number\nB-02;K9;{camera.serial}\n"))
    assert camera.assignment.officer == "B-02"
    play(dock_delivers(ended, tmp_path / "docks", world))
    assert camera.assignment.officer == "B-02"


def test_nor_does_it_where_the_camera_was_taken_back_at_a_bench_first(
    ended, bench, folder, play, world, technician, tmp_path
) -> None:
    async def back() -> None:
        async with bwc_sdk.connect_station(
            MemoryTransport(ended), role=Role.TECHNICIAN, lab=True, world=world
        ) as link:
            with Records.opened(folder) as records:
                async for _ in take_back(
                    await places_of(link), records=records, identity=technician, world=world
                ):
                    pass

    play(back())
    (camera,) = ended.cameras()
    assert camera.assignment.officer == ""
    bench(ended, roster("officer;unit\nB-02;K9\n"))
    play(dock_delivers(ended, tmp_path / "docks", world))
    assert camera.assignment.officer == "B-02"


def test_what_was_signed_since_for_somebody_else_is_for_docks_to_deliver(
    ended, bench, play, world, technician, tmp_path
) -> None:
    (camera,) = ended.cameras()
    lay(technician, tmp_path / "docks", camera.serial, 2, officer="C-03")
    bench(ended, roster(f"officer;unit;serial number\nB-02;K9;{camera.serial}\n"))
    assert camera.assignment.officer == "B-02"
    play(dock_delivers(ended, tmp_path / "docks", world))
    assert camera.assignment.officer == "C-03"


@pytest.mark.parametrize(
    ("generation", "taken"), [(1, 0), (0, 7)], ids=["another generation", "one taken since"]
)
def test_what_no_dock_could_deliver_any_more_keeps_nobody_from_a_camera(
    ended, bench, technician, tmp_path, play, world, generation: int, taken: int
) -> None:
    (camera,) = ended.cameras()
    out = tmp_path / "docks"
    if taken:
        lay(technician, out, camera.serial, taken)
        play(dock_delivers(ended, out, world))
    lay(technician, out, camera.serial, 1, generation)
    bench(ended, roster(f"officer;unit;serial number\nB-02;K9;{camera.serial}\n"))
    assert camera.assignment.officer == "B-02" and camera.trust.kept.desired_counter == taken


def test_a_run_that_gives_cameras_to_nobody_forgets_no_end(ended, bench, play, world, tmp_path) -> None:
    (camera,) = ended.cameras()
    bench(ended, None)
    assert camera.assignment.officer == "A-01", "a dock takes it back"
    bench(ended, roster(f"officer;unit;serial number\nB-02;K9;{camera.serial}\n"))
    play(dock_delivers(ended, tmp_path / "docks", world))
    assert camera.assignment.officer == "B-02"
