"""A dock for a whole shift of bad luck: officers who come and go, a poor line, and all of it from one seed.

In the end, when everybody is back and the line is a good one, every recording of every camera is stored, byte for byte.
"""

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk.clients.station import DockingStation
from bwc_sdk.host.world import World
from bwc_sdk.offload import DockWatch, Finished, dock_watch
from firmware_sim.camera.camera import SimCamera
from firmware_sim.control.dock_script import DockScript
from firmware_sim.faults.plan import FaultPlan
from firmware_sim.ports.memory import MemoryTransport
from tests.tiers import seeds

SHIFT = 12
"""Dockings before everybody goes home."""
LINES = (
    "drop=0.02,reorder=0.02,duplicate=0.02",
    "flip=1e-6,jitter=0.01",
    "cut@700000",
    "stall@300000:3",
    "drop=0.05,cut@1500000",
    "",
)
"""What the line is like, each time that the host connects anew."""


def recorded(camera: SimCamera) -> list[bytes]:
    """The hash of each segment of a camera."""
    found = []
    for recording in camera.listing(0, 1_000):
        for blob in recording.blobs:
            found.append(hashlib.sha256(blob.read(0, blob.size_bytes)).digest())
    return found


def stored(store: Path) -> list[bytes]:
    """The hash of each file with a final name."""
    return [hashlib.sha256(path.read_bytes()).digest() for path in store.glob("*.mp4*")]


@pytest.mark.parametrize("seed", seeds(2))
def test_whatever_a_shift_brings_everything_is_stored_in_the_end(
    new_station, world: World, play, store: Path, seed: int
) -> None:
    luck = random.Random(f"chaos {seed}")
    station = new_station(4, docked=4, recordings=2, seed=1_000 + seed * 8)
    cameras = [bay.camera for bay in station.bays.values()]
    poor = True

    async def connect() -> DockingStation:
        plan = FaultPlan.parse(luck.choice(LINES), seed=luck.randrange(1 << 30)) if poor else None
        line = MemoryTransport(station, rate=luck.choice((2e6, 10e6)), faults=plan)
        return await bwc_sdk.connect_station(line, role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True)

    async def scenario() -> None:
        nonlocal poor
        script = DockScript(station, seed=seed, pause_s=luck.choice((0.3, 1.0, 5.0)))
        complete: set[str] = set()
        all_done = asyncio.Event()

        async def read(watch: DockWatch) -> None:
            async for tagged in watch:
                if isinstance(tagged.event, Finished) and tagged.event.result.complete:
                    complete.add(tagged.event.result.identity)
                    if len(complete) == len(cameras):
                        all_done.set()

        async with dock_watch(connect, store, world=world, allow_insecure=True) as watch:
            reader = asyncio.create_task(read(watch))
            await script.run(SHIFT)
            poor = False
            script.everybody_back()
            await all_done.wait()
            reader.cancel()

    play(scenario())
    assert sorted(stored(store)) == sorted(digest for camera in cameras for digest in recorded(camera))
    assert len(stored(store)) == 8
