"""Whether a camera can still be taken: asked in a time that is bounded, and a doubt is a no (STA-019)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_sdk import Camera
from bwc_sdk.errors import DeviceLost
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import Check, Found, OffloadPolicy
from bwc_sdk.offload.second_look import AT_ONCE, LOOK_MAX_S, still_good
from firmware_sim import LoneCameraHands, make_camera
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual

Connect = Callable[[], Awaitable[Camera]]
NO_STEPS = OffloadPolicy()


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = make_camera(recordings=0)
    yield made
    made.close()


def world() -> World:
    return World(workers=InlineWorkers())


def to(camera: SimCamera) -> Connect:
    return lambda: bwc_sdk.connect(
        MemoryTransport(camera), role=Role.DOCK_OFFLOAD, allow_insecure=True, world=world()
    )


async def look(
    connect: Connect, policy: OffloadPolicy = NO_STEPS, turn: asyncio.Semaphore | None = None
) -> bool:
    return await still_good(connect, policy, 0, turn or asyncio.Semaphore(AT_ONCE), world())


def test_a_camera_that_records_is_none_whatever_steps_there_are(camera: SimCamera) -> None:
    async def scenario() -> tuple[bool, bool]:
        camera.dock()
        before = await look(to(camera))
        LoneCameraHands(camera).record_start()
        return before, await look(to(camera))

    assert run_virtual(scenario()) == (True, False)


def test_one_that_does_not_answer_is_none_and_nobody_waits_longer_for_it() -> None:
    async def silent() -> Camera:
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits so long")

    async def scenario() -> tuple[bool, float]:
        began = asyncio.get_running_loop().time()
        return await look(silent), asyncio.get_running_loop().time() - began

    assert run_virtual(scenario()) == (False, LOOK_MAX_S)


def test_no_more_are_looked_at_together_than_there_are_turns() -> None:
    there = most = 0

    async def slow() -> Camera:
        nonlocal there, most
        there += 1
        most = max(most, there)
        await asyncio.sleep(1)
        there -= 1
        raise DeviceLost("it went")

    async def scenario() -> list[bool]:
        turn = asyncio.Semaphore(AT_ONCE)
        return await asyncio.gather(*(look(slow, turn=turn) for _ in range(3 * AT_ONCE)))

    assert run_virtual(scenario()) == [False] * (3 * AT_ONCE) and most == AT_ONCE


class Broken(Check):
    """A program's own, with a fault in it."""

    async def do(self, camera: Camera) -> Found:
        raise ZeroDivisionError("of a program")


def test_a_check_that_fails_says_no_and_ends_nothing(camera: SimCamera) -> None:
    assert run_virtual(look(to(camera), OffloadPolicy(after=(Broken(),)))) is False
