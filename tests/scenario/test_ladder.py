"""One scenario over a ladder of lines: connect, identify, status, configuration, list, offload, verify.

In virtual time, from a seed: the worst rung takes minutes on the line and a second here.
"""

import asyncio
import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import CHUNK_SIZE, TriggerReason
from bwc_protocol.messages.config import ConfigView
from bwc_protocol.messages.identity import CameraState
from bwc_sdk import World, connect
from bwc_sdk.clients.camera import Camera
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.offload import StoredVerified, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.faults.plan import FaultPlan
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tests.tiers import seeds

SEGMENT_BYTES = 60_000
NOON_UTC_NS = 1_790_000_000 * 10**9


@dataclass(frozen=True)
class Rung:
    """One kind of line, and the virtual seconds within which the scenario must be done on it."""

    within_s: float
    faults: str = ""
    rate: float | None = None
    piece: int | None = None


LADDER = {
    "clean": Rung(2),
    "one byte at a time": Rung(2, piece=1),
    "seven bytes at a time": Rung(2, piece=7),
    "115200 baud": Rung(20, rate=11_520),
    "9600 baud": Rung(240, rate=960),
    "a fifth is lost": Rung(240, faults="drop=0.2"),
    "a third of what comes is lost": Rung(300, faults="drop.rx=0.33"),
    "corrupting": Rung(240, faults="flip=2e-5"),
    "out of order": Rung(120, faults="reorder=0.3"),
    "everything twice": Rung(60, faults="duplicate=1"),
    "far away": Rung(120, faults="delay=0.4,jitter=0.2"),
    "all at once": Rung(600, faults="drop=0.05,duplicate=0.05,reorder=0.05,flip=2e-6,delay=0.03,jitter=0.02"),
    "slow and lossy": Rung(600, rate=11_520, faults="drop=0.1"),
}


def device(seed: int = 3) -> SimCamera:
    """A camera with one small recording."""
    footage = SyntheticFootage(segment_bytes=SEGMENT_BYTES)
    camera = SimCamera(CameraOptions(seed=seed, footage=footage), utc_ns=NOON_UTC_NS)
    camera.recorder.backfill(
        NOON_UTC_NS - 3600 * 10**9, 5_000, TriggerReason.OFFICER_BUTTON, pre_event_ms=1_000
    )
    return camera


def world(seed: int) -> World:
    """A host that is the same every time."""
    return World(entropy=random.Random(seed).randbytes, utc_ns=lambda: NOON_UTC_NS, workers=InlineWorkers())


async def scenario(camera: SimCamera, transport: MemoryTransport, store: Path, seed: int) -> None:
    """What a technician does, and then a dock."""
    here = world(seed)
    async with connect(transport, role=Role.BENCH, world=here, allow_insecure=True) as host:
        identity = await host.device.identify()
        assert identity.serial == host.identity == camera.serial
        assert (await host.device.status()).state is CameraState.READY
        assert 0 < (await host.battery.status()).charge_pct <= 100
        after = await host.config.apply({"alarm.battery_low_pct": 20, "mute.allowed": True})
        assert (after.staged, after.pending) == (0, 1)
        assert (await host.config.values(ConfigView.PENDING))["mute.allowed"] is True
        await host.config.upload({"policy.id": "p" * 64})
        (entry,) = await host.recordings.list()

    async def again() -> Camera:
        return await connect(transport, role=Role.DOCK_OFFLOAD, world=here, allow_insecure=True)

    result = await offload(again, store, world=here, allow_insecure=True).run()
    (outcome,) = result.outcomes
    assert isinstance(outcome, StoredVerified), outcome
    assert outcome.entry.recording == entry.recording
    stored = camera.recording(entry.recording)
    data = outcome.segments[0].path.read_bytes()
    assert data == stored.blobs[0].read(0, SEGMENT_BYTES)
    chunks = (data[at : at + CHUNK_SIZE] for at in range(0, len(data), CHUNK_SIZE))
    assert b"".join(hashlib.sha256(chunk).digest() for chunk in chunks) == stored.tables[0]


@pytest.mark.parametrize("rung", LADDER.values(), ids=LADDER.keys())
def test_the_scenario_ends_well_on_every_line(rung: Rung, tmp_path: Path) -> None:
    async def main() -> float:
        plan = FaultPlan.parse(rung.faults, seed=11) if rung.faults else None
        camera = device()
        transport = MemoryTransport(camera, faults=plan, rate=rung.rate, piece=rung.piece)
        await scenario(camera, transport, tmp_path, seed=11)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) <= rung.within_s


@pytest.mark.parametrize("seed", seeds(8))
def test_the_scenario_ends_well_whatever_is_lost(seed: int, tmp_path: Path) -> None:
    async def main() -> None:
        plan = FaultPlan.parse("drop=0.2,reorder=0.1,duplicate=0.1", seed=seed)
        camera = device(seed)
        await scenario(camera, MemoryTransport(camera, faults=plan), tmp_path, seed)

    run_virtual(main())


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    def once(folder: str) -> float:
        async def main() -> float:
            (tmp_path / folder).mkdir()
            plan = FaultPlan.parse("drop=0.2,jitter=0.01", seed=5)
            camera = device()
            await scenario(camera, MemoryTransport(camera, faults=plan), tmp_path / folder, 5)
            return asyncio.get_running_loop().time()

        return run_virtual(main())

    assert once("first") == once("second")
