"""Fifty wearers over five shifts: what was planted is found by a check of store and cameras, and nothing else is."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.messages.clock import TimeSource
from bwc_sdk.cli.verbs.policy.checking import Asked, ask
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadPolicy, OffloadResult, SetClock, offload
from bwc_sdk.policy.check import Checked, Kind
from bwc_sdk.policy.whole_check import check_all
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.control.passing import pass_time
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.shift.playing import play
from firmware_sim.shift.script import read_shift
from firmware_sim.virtual_time import run_virtual
from tests.scenario.planted_shifts import FAULTS, HOURS, POLICY, Found, Planted, plant, turn_of
from tests.tiers import seeds

NOON_NS = 1_800_014_400 * 1_000_000_000
HOUR_NS = 3600 * 1_000_000_000
SEGMENT_BYTES = 2048
BOOTS_WITHIN_S = 60.0
KINDS = {str(kind) for kind in Kind} - {
    "setting-absent",  # the simulator has all settings,
    "storage-full",  # room for more than a shift,
    "first-amendment",  # refuses to say so,
    "unreadable",  # and damages nothing that it gives away;
    "not-in-force",  # the policy holds,
    "pack-error",  # and has no error;
    "switched-off",  # of a camera that goes off the manifest says that it did so itself
}
CLOCK = SetClock(source=TimeSource.GNSS, host_uncertainty_ns=1_000_000)


@dataclass
class Dock:
    """Stores what cameras have as they come, and sets their clocks."""

    store: Path

    def __call__(self, camera: SimCamera) -> None:
        if not camera.running:
            pass_time([camera], BOOTS_WITHIN_S)
        world = _world(camera)

        async def connected() -> Camera:
            return await connect(
                MemoryTransport(camera), role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True
            )

        async def whole() -> None:
            job = offload(
                connected, self.store, policy=OffloadPolicy(after=(CLOCK,)), world=world, allow_insecure=True
            )
            async for _ in job:
                pass
            assert isinstance(job.result, OffloadResult) and job.result.complete, job.result

        run_virtual(whole())


def _world(camera: SimCamera) -> World:
    entropy = random.Random(camera.serial).randbytes
    return World(utc_ns=camera.true_utc_ns, entropy=entropy, workers=InlineWorkers())


def _asked(camera: SimCamera) -> Asked:
    """What a camera says when it is checked by itself."""

    async def whole() -> Asked:
        async with await connect(
            MemoryTransport(camera), role=Role.AUDITOR, world=_world(camera), allow_insecure=True
        ) as client:
            return await ask(client)

    return run_virtual(whole())


def worked(planted: Planted, place: Path, seed: int) -> set[Found]:
    """Writes the files, has the shifts worked, each camera stored as it is docked, and all of it checked."""
    store = place / "store"
    store.mkdir(parents=True)
    cameras: list[SimCamera] = []
    names: dict[str, str] = {}
    for number, text in enumerate(planted.files):
        file = place / f"shift-{number}.toml"
        file.write_text(text)
        shift = read_shift(file)
        if not cameras:
            made = [
                CameraOptions(seed=1000 * seed + n, footage=SyntheticFootage(segment_bytes=SEGMENT_BYTES))
                for n in range(len(shift.wearers))
            ]
            cameras = [SimCamera(one, utc_ns=NOON_NS) for one in made]
            names = {
                camera.serial: wearer.officer for camera, wearer in zip(cameras, shift.wearers, strict=True)
            }
        ends = NOON_NS + (number + 1) * HOURS * HOUR_NS
        played = play(shift, ends_utc_ns=ends, cameras=cameras, docked=Dock(store))
        assert played.cameras == tuple(cameras)
    found = _checked(store, cameras)
    for camera in cameras:
        camera.close()
    return {(names[one.camera], one.sequence, str(one.kind), one.counts) for one in found.found}


def _checked(store: Path, cameras: list[SimCamera]) -> Checked:
    said = {camera.serial: _asked(camera) for camera in cameras if camera.running or _booted(camera)}
    return check_all(
        POLICY,
        [store] if any(store.iterdir()) else [],  # nobody docked: what is no store is refused
        {name: one.effective for name, one in said.items()},
        [each for one in said.values() for each in one.recordings],
        recording_still=[name for name, one in said.items() if one.records_still],
        now_ns=max(camera.true_utc_ns() for camera in cameras),
    )


def _booted(camera: SimCamera) -> bool:
    camera.dock()
    pass_time([camera], BOOTS_WITHIN_S)
    return camera.running


def test_what_was_planted_in_shifts_is_found_and_nothing_else(tmp_path: Path) -> None:
    planted = plant(3, 5, 2)
    assert worked(planted, tmp_path, 3) == planted.found


@pytest.mark.ci
@pytest.mark.timeout(300)  # seconds of work, and a thousand files that a busy disk takes its time for
@pytest.mark.parametrize("ten", range(5))
def test_five_times_ten_wearers_over_five_shifts(ten: int, tmp_path: Path) -> None:
    planted = _ten(ten)
    assert worked(planted, tmp_path, ten) == planted.found


def test_every_fault_that_a_simulated_camera_can_have_is_among_those_of_the_fifty() -> None:
    assert {kind for ten in range(5) for _, _, kind, _ in _ten(ten).found} == KINDS


def _ten(ten: int) -> Planted:
    return plant(ten, 10, 5, first=50 * ten)


@pytest.mark.night
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", seeds(1)[:10])
def test_fifty_wearers_over_five_shifts(seed: int, tmp_path: Path) -> None:
    planted = plant(seed, 50, 5)
    assert worked(planted, tmp_path, seed) == planted.found


@pytest.mark.ci
@pytest.mark.parametrize("fault", FAULTS)
def test_without_the_fault_just_that_is_not_found(fault: str, tmp_path: Path) -> None:
    for faults in ((fault,), ()):
        planted = plant(5, 1, 1, faults=faults, first=turn_of(fault))
        assert worked(planted, tmp_path / str(len(faults)), 5) == planted.found
        assert bool(planted.found) is bool(faults)
