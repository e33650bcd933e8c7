"""Every way to a device takes an identity: offloads of one and of many, the dock's watch, and the blocking twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk.sync
from bwc_protocol.declare import Role
from bwc_sdk.errors import (
    BwcError,
    CertificateExpired,
    IdentityMissing,
    NotEnrolled,
    ProtectionMismatch,
    SessionError,
    SessionRefused,
)
from bwc_sdk.host.world import World
from bwc_sdk.offload import (
    CameraEvent,
    Connected,
    Finished,
    dock_watch,
    offload,
    offload_many,
    offload_station,
)
from bwc_sdk.offload.reconnect import Failed
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tools.testkit.identity_files import secure_camera, secure_station, world_at, write_identity
from tools.testkit.secure_ends import BEGAN_S, ENDS_S, NOW_S, agency

CAMERA, STATION = "sim:?seed=3", "sim:?bays=2"


@pytest.fixture
def dock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The identity directory of a dock that has the role of a dock alone; two URIs lead to devices of its agency."""
    devices: dict[str, Any] = {CAMERA: secure_camera(agency()), STATION: secure_station(agency())}
    monkeypatch.setattr(
        "bwc_sdk.clients.connecting.transport_for",
        lambda uri: MemoryTransport(devices[str(uri)], name=str(uri)),
    )
    directory = tmp_path / "identity"
    write_identity(directory, agency(), Role.DOCK_OFFLOAD, name="dock-7")
    (tmp_path / "store").mkdir()
    yield directory
    for device in devices.values():
        device.close()


JOBS: dict[str, Callable[[Path, Path, World], Any]] = {
    "offload": lambda to, by, world: offload(CAMERA, to, identity=by, world=world),
    "offload_many": lambda to, by, world: offload_many([CAMERA], to, identity=by, world=world),
    "offload_station": lambda to, by, world: offload_station(STATION, to, identity=by, world=world),
}
TIMES = {"valid": NOW_S, "expired": ENDS_S + 86_400.0, "not yet valid": BEGAN_S - 86_400.0}
"""What the host's clock reads, by what it makes of every certificate."""


@pytest.mark.parametrize("standing", TIMES)
@pytest.mark.parametrize("name", JOBS)
def test_an_offload_is_by_the_identity_that_it_is_given_whatever_the_clock_makes_of_it(
    name: str, standing: str, dock: Path, tmp_path: Path
) -> None:
    """An agency that forgot to renew, or a clock that is wrong, keeps no footage on a camera."""

    async def run() -> Any:
        job = JOBS[name](tmp_path / "store", dock, world_at(TIMES[standing]))
        async with job:
            async for _ in job:
                pass
        return job.result

    assert run_virtual(run()).complete


def test_what_ends_soon_is_told_with_the_camera_that_it_is_of(dock: Path, tmp_path: Path) -> None:
    async def run() -> list[tuple[str, ...]]:
        job = offload_station(STATION, tmp_path / "store", identity=dock, world=world_at(ENDS_S - 86_400.0))
        found = []
        async with job:
            async for event in job:
                if isinstance(event, CameraEvent) and isinstance(event.event, Connected):
                    found.append(event.event.notices)
        return found

    for own, camera in run_virtual(run()):
        assert "this host's certificate 'dock-7' ends tomorrow" in own
        assert "the certificate of SIM-0000000" in camera and "ends tomorrow" in camera


@pytest.mark.parametrize("standing", TIMES)
def test_the_watch_of_a_dock_is_by_the_identity_that_it_is_given(
    standing: str, dock: Path, tmp_path: Path
) -> None:
    async def run() -> set[bool]:
        complete = set()
        world = world_at(TIMES[standing])
        async with dock_watch(STATION, tmp_path / "store", identity=dock, world=world) as watch:
            async for event in watch:
                if isinstance(event, CameraEvent) and isinstance(event.event, Finished):
                    complete.add(event.event.result.complete)
                    break
        return complete

    assert run_virtual(run()) == {True}


def test_the_blocking_twin_takes_it_alike(dock: Path) -> None:
    with bwc_sdk.sync.connect(CAMERA, role=Role.DOCK_OFFLOAD, identity=dock, timeout=30) as camera:
        assert camera.peer.secure and camera.host_name == "dock-7"
        assert isinstance(camera.notices, tuple)
    with bwc_sdk.sync.connect_station(STATION, role=Role.DOCK_OFFLOAD, identity=dock, timeout=30) as station:
        assert station.peer.secure
        with station.camera(1) as docked:
            assert docked.peer.secure and docked.host_name == "dock-7"
    with pytest.raises(IdentityMissing):
        bwc_sdk.sync.connect(CAMERA, role=Role.TECHNICIAN, identity=dock, timeout=30)


def test_in_a_bay_another_role_takes_another_identity_of_the_directory(dock: Path) -> None:
    write_identity(dock, agency(), Role.TECHNICIAN, name="Kim Lopez")

    async def run() -> None:
        async with bwc_sdk.connect_station(
            STATION, role=Role.DOCK_OFFLOAD, identity=dock, world=world_at()
        ) as station:
            async with station.camera(1, role=Role.TECHNICIAN) as camera:
                assert camera.host_name == "Kim Lopez" and station.host_name == "dock-7"
                await camera.config.apply({"recording.pre_event_s": 45})
            with pytest.raises(IdentityMissing):
                await station.camera(1, role=Role.AUDITOR)

    run_virtual(run())


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (SessionError("a record was changed on the way"), True),
        (SessionRefused("it is denied"), False),
        (NotEnrolled("it was reset"), False),
        (ProtectionMismatch("it speaks insecure now"), False),
        (CertificateExpired("it ended meanwhile"), False),
    ],
)
def test_an_offload_comes_back_after_what_may_pass_and_not_to_who_does_not_let_it_in(
    error: BwcError, passing: bool
) -> None:
    assert Failed(error).passing is passing
