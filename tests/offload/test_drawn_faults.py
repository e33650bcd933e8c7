"""What a seed draws is a line and a camera with which an offload gets on: all is stored but what is taken away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk import Camera
from bwc_sdk.errors import BwcError
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadResult, StoredVerified, offload
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.arming import arm
from firmware_sim.faults.drawn import drawn
from firmware_sim.faults.plan import FaultCount, Strike
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from firmware_sim.virtual_time import run_virtual
from tests.tiers import seeds

NOON_NS = 1_800_014_400_000_000_000
DOCKINGS = 6
"""A plan strikes often, and ends."""


def docked_again_and_again(camera: SimCamera, count: FaultCount, store: Path) -> OffloadResult | None:
    """The last of so many offloads, each with its own connection; None: none came to its end."""

    async def connect() -> Camera:
        line: Any = MemoryTransport(camera, faults=count)
        return await bwc_sdk.connect(line, role=Role.DOCK_OFFLOAD, world=world, allow_insecure=True)

    async def run() -> OffloadResult | None:
        result = None
        for _ in range(DOCKINGS):
            try:
                result = await offload(connect, store, world=world).run()
                if result.complete:
                    break
            except BwcError:
                pass  # the next docking goes on
            await asyncio.sleep(20)
        return result

    world = World(
        utc_ns=camera.true_utc_ns,
        entropy=lambda n: b"\x5a" * n,
        workers=InlineWorkers(),
        host_time=lambda: HostTime(synchronised=True, max_error_ns=2_000_000, said_by="chrony"),
    )
    return run_virtual(run())


@pytest.mark.parametrize("seed", seeds(3))
def test_all_is_stored_but_what_the_plan_takes_away(
    seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = drawn(seed)
    camera = make_camera(seed=1, mib=1, recordings=3, utc_ns=NOON_NS, faults=plan)
    count = FaultCount(plan)
    arm(count, camera)
    result = docked_again_and_again(camera, count, tmp_path)
    camera.close()
    assert result is not None, plan
    stored = sum(isinstance(one, StoredVerified) for one in result.outcomes)
    taken = sum(plan.decays.values()) + sum(one.strike is Strike.VANISH for one in plan.triggers)
    assert stored >= 3 - taken, plan
    accounted = len(result.outcomes) + sum(one.last - one.first + 1 for one in result.missing)
    assert accounted >= 3, "nothing is gone without a word"
    assert not [one for one in caplog.records if one.levelname == "ERROR"], plan
