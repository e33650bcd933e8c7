"""The engine through every layer: a simulated camera on a line with faults, in virtual time."""

import asyncio
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import (
    ChunkRejected,
    ConnectionLost,
    OffloadEvent,
    OffloadJob,
    OffloadPolicy,
    OffloadResult,
    Progress,
    StillOnCamera,
    StoredVerified,
    offload,
)
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual

UTC_NS = 1_767_225_600_000_000_000
MIB = 1_048_576


class Bench:
    """One simulated camera, a line to it, and a directory."""

    def __init__(
        self, path: Path, plan: str = "", *, recordings: int = 1, mib: int = 3, **line: object
    ) -> None:
        faults = FaultPlan.parse(plan, 3)
        self.path = path
        self.camera: SimCamera = make_camera(
            seed=3, recordings=recordings, mib=mib, faults=faults, utc_ns=UTC_NS
        )
        self.transport = MemoryTransport(self.camera, faults=FaultCount(faults), **line)
        self.world = World(utc_ns=lambda: UTC_NS, entropy=random.Random(3).randbytes, workers=InlineWorkers())

    async def connect(self) -> Camera:
        return await connect(self.transport, role=Role.DOCK_OFFLOAD, world=self.world, allow_insecure=True)

    def job(self, **options: object) -> OffloadJob:
        return offload(self.connect, self.path, world=self.world, **options, allow_insecure=True)

    def run(self, **options: object) -> tuple[OffloadResult, list[OffloadEvent]]:
        async def main() -> tuple[OffloadResult, list[OffloadEvent]]:
            job = self.job(**options)
            events = [event async for event in job]
            return job.result, events

        return run_virtual(main(), limit_s=86_400)

    def footage_hashes(self) -> set[bytes]:
        """What the camera recorded, read past the protocol; without what its flash does not give back."""
        found = set()
        for stored in self.camera.listing(0, 1000):
            for index, facts in enumerate(stored.manifest.segments):
                try:
                    data = self.camera.storage.read(stored.recording_id, index, 0, facts.size_bytes)
                except OSError:
                    continue
                found.add(hashlib.sha256(data).digest())
        return found

    def stored_hashes(self) -> set[bytes]:
        return {hashlib.sha256(path.read_bytes()).digest() for path in self.path.glob("*.mp4*")}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[object]:
    made: list[Bench] = []

    def make(plan: str = "", **options: object) -> Bench:
        made.append(Bench(tmp_path, plan, **options))
        return made[-1]

    yield make
    for one in made:
        one.camera.close()


@pytest.mark.parametrize(
    "plan",
    [
        "",
        "drop=0.02,duplicate=0.02,reorder=0.02",
        "flip=1e-7",
        "cut@1500000,cut@2000000",
        "stall@1500000",
        "reboot@1500000",
    ],
)
def test_whatever_the_line_does_all_of_it_arrives(bench, plan: str) -> None:
    one = bench(plan)
    result, events = one.run()
    assert result.complete, result
    assert one.stored_hashes() == one.footage_hashes()
    if any(word in plan for word in ("cut", "stall", "reboot")):
        lost = [event for event in events if isinstance(event, ConnectionLost)]
        assert lost and result.bytes_received < 3 * MIB + len(lost) * 2 * MIB
        assert any(isinstance(event, Progress) for event in events)


def test_a_line_that_breaks_again_and_again_carries_all_of_it_in_the_end(bench) -> None:
    """Far more often than an offload would wait for a camera that brings nothing."""
    one = bench("cut%3500000", mib=24)
    result, _ = one.run(policy=OffloadPolicy(attempts=2))
    assert result.complete and result.reconnections > 4
    assert one.stored_hashes() == one.footage_hashes()


def test_several_recordings_are_stored_and_a_second_offload_fetches_nothing(bench) -> None:
    one = bench(recordings=4, mib=1)
    result, _ = one.run()
    assert result.complete and len(one.stored_hashes()) == 4
    again, _ = one.run()
    assert again.complete and again.bytes_received == 0
    assert all(isinstance(outcome, StoredVerified) and outcome.already_there for outcome in again.outcomes)


@pytest.mark.parametrize("decay", ["rot=1", "bad=1"])
def test_a_recording_that_rotted_on_the_camera_stays_there_and_the_others_are_stored(
    bench, decay: str
) -> None:
    one = bench(decay, recordings=3, mib=1)
    result, events = one.run()
    kinds = sorted(type(outcome).__name__ for outcome in result.outcomes)
    assert kinds == ["StillOnCamera", "StoredVerified", "StoredVerified"]
    assert len(one.stored_hashes()) == 2 and one.stored_hashes() <= one.footage_hashes()
    assert bool([e for e in events if isinstance(e, ChunkRejected)]) == (decay == "rot=1")


def test_a_line_that_breaks_before_any_chunk_arrives_is_given_up_in_bounded_time(bench) -> None:
    one = bench("cut%500000")

    async def main() -> tuple[OffloadResult, float]:
        return await one.job(policy=OffloadPolicy(attempts=5)).run(), asyncio.get_running_loop().time()

    result, took_s = run_virtual(main())
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert result.reconnections == 5
    assert took_s < 120
    assert not one.stored_hashes()


def test_the_camera_answers_while_it_is_offloaded_over_a_uart(bench) -> None:
    """A status request within a second, while footage flows at 115,200 baud."""
    one = bench(mib=1, rate=11_520.0)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        cameras: list[Camera] = []

        async def connect() -> Camera:
            cameras.append(await one.connect())
            return cameras[-1]

        job = offload(connect, one.path, world=one.world, allow_insecure=True)
        copying = asyncio.create_task(job.run())
        await asyncio.sleep(20)
        worst = 0.0
        for _ in range(10):
            began = loop.time()
            await cameras[0].device.status()
            worst = max(worst, loop.time() - began)
            await asyncio.sleep(1)
        assert (await copying).complete
        return worst

    assert run_virtual(main()) < 1.0
