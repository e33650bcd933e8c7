"""From the button to the store: who recorded what, and why, is answered there without camera, dock or us."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.evidence import ActivationEvent, GivenBy, Manifest, Purpose, StopReason
from bwc_sdk.clients.camera import Camera
from bwc_sdk.clients.connecting import connect
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadResult, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400 * 1_000_000_000


@pytest.mark.parametrize("hidden", [False, True])
def test_a_store_says_who_recorded_what_and_why(tmp_path: Path, hidden: bool) -> None:
    camera = make_camera(seed=4, mib=1, utc_ns=NOON_NS)
    world = World(utc_ns=camera.true_utc_ns, entropy=random.Random(5).randbytes, workers=InlineWorkers())

    async def shift() -> str:
        line = MemoryTransport(camera)
        async with bwc_sdk.connect(line, world=world, allow_insecure=True) as client:
            settings = {
                "holder.pseudonym": hidden,
                "recording.event": "warrant",
                "mute.allowed": True,
                "policy.id": "north-7",
            }
            await client.config.apply(settings)
            present = await client.assignment.read()
            state = await client.assignment.assign(officer="K1", unit="north", revision=present.revision)
        await _record(camera)

        async def connected() -> Camera:
            return await connect(
                MemoryTransport(camera), role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True
            )

        job = offload(connected, tmp_path, world=world, allow_insecure=True)
        async for _ in job:
            pass
        assert isinstance(job.result, OffloadResult) and job.result.complete
        return state.pseudonym

    pseudonym = run_virtual(shift(), limit_s=86_400)
    camera.close()
    (stored,) = (Manifest.decode(path.read_bytes()) for path in tmp_path.glob("*.manifest"))
    said = stored.circumstances
    assert said is not None
    assert (said.holder, said.pseudonym) == ((pseudonym, True) if hidden else ("K1", False))
    assert (said.event, said.event_by) == (ActivationEvent.WARRANT, GivenBy.DOCK)
    assert (said.ending, said.ending_by) == (StopReason.EVENT_OVER, GivenBy.BUTTON)
    assert said.purpose is Purpose.LAW_ENFORCEMENT and stored.policy_id == "north-7"
    assert [(one.reason, one.end_ms - one.start_ms) for one in stored.mute] == [
        (StopReason.PRIVILEGED, 2_000)
    ]


async def _record(camera: SimCamera) -> None:
    camera.undock()
    assert camera.wearer.start(purpose=Purpose.LAW_ENFORCEMENT)
    await asyncio.sleep(3)
    assert camera.wearer.mute(True, StopReason.PRIVILEGED)
    await asyncio.sleep(2)
    assert camera.wearer.mute(False)
    camera.wearer.stop(StopReason.EVENT_OVER)
    camera.dock()
