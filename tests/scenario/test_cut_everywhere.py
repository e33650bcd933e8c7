"""A line that ends at any byte ends in one typed error, in bounded time, and the next connection works."""

import asyncio
import random

import pytest

from bwc_protocol.declare import Role
from bwc_sdk import BwcError, World, connect
from bwc_sdk.errors import CommandTimeout, DeviceLost, LinkError, NotADevice
from bwc_sdk.host.world import InlineWorkers
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual

NOON_UTC_NS = 1_790_000_000 * 10**9
NEVER = 1 << 40
UNPLUGGED_WITHIN_S = 1.0
SILENT_WITHIN_S = 20.0
"""15 s of connect, or 10 s of a request behind 5 s of HELLO; and the farewell."""


def device() -> SimCamera:
    return SimCamera(CameraOptions(seed=5, footage=SyntheticFootage()), utc_ns=NOON_UTC_NS)


def world() -> World:
    return World(entropy=random.Random(9).randbytes, utc_ns=lambda: NOON_UTC_NS, workers=InlineWorkers())


async def session(transport: MemoryTransport) -> None:
    """The short canonical session: connect, one request, close."""
    async with connect(transport, role=Role.BENCH, world=world(), allow_insecure=True) as camera:
        await camera.device.status()


def length_of_a_session() -> int:
    """Bytes of the session, both ways together."""

    async def main() -> int:
        count = FaultCount(FaultPlan.parse(f"cut@{NEVER}"))
        await session(MemoryTransport(device(), faults=count))
        return count.passed

    return run_virtual(main())


async def struck(camera: SimCamera, plan: str) -> tuple[BwcError | None, float]:
    """What a session under a plan raises, and how long it takes."""
    loop = asyncio.get_running_loop()
    begin, raised = loop.time(), None
    try:
        await session(MemoryTransport(camera, faults=FaultPlan.parse(plan)))
    except BwcError as error:
        raised = error
    return raised, loop.time() - begin


@pytest.mark.parametrize("first", range(3))
def test_a_cable_that_is_pulled_at_any_byte_is_told_at_once_and_heals(first: int) -> None:
    """Every third byte in each of three tests, so that they share the processors."""
    total = length_of_a_session()
    assert 400 < total < 4_000, "short, so that every byte of it can be tried"

    async def main() -> None:
        camera = device()
        for at in range(first, total, 3):
            raised, took = await struck(camera, f"cut@{at}")
            # Before the device was heard nobody knows that it was one: then the loss is the cause of the error.
            lost = raised if isinstance(raised, DeviceLost) else raised and raised.__cause__
            assert raised is None or isinstance(lost, DeviceLost), f"cut at byte {at}: {raised!r}"
            assert took <= UNPLUGGED_WITHIN_S, f"cut at byte {at}: told after {took} s"
            assert raised is not None or at > total * 3 // 4, f"cut at byte {at}: nobody noticed"
            await session(MemoryTransport(camera))
        assert not camera.sessions

    run_virtual(main())


@pytest.mark.parametrize("first", range(2))
def test_a_line_that_falls_silent_at_any_byte_is_given_up_in_bounded_time(first: int) -> None:
    """Every fourth byte: silence takes the loop much longer than a cut does."""
    total = length_of_a_session()

    async def main() -> None:
        camera = device()
        for at in range(4 * first, total, 8):
            raised, took = await struck(camera, f"stall@{at}")
            expected = (NotADevice, LinkError, DeviceLost, CommandTimeout)
            assert raised is None or isinstance(raised, expected), f"stalled at byte {at}: {raised!r}"
            assert took <= SILENT_WITHIN_S, f"stalled at byte {at}: {took} s"
            await session(MemoryTransport(camera))

    run_virtual(main())


def test_a_device_that_resets_at_any_byte_is_found_again_in_its_next_boot() -> None:
    total = length_of_a_session()

    async def main() -> None:
        camera = device()
        for at in range(0, total, 13):
            boots = camera.boot_counter
            raised, took = await struck(camera, f"reboot@{at}")
            assert raised is None or isinstance(raised, BwcError)
            assert took <= SILENT_WITHIN_S
            await asyncio.sleep(0.01)  # the reset may strike behind the last byte of the session
            async with connect(
                MemoryTransport(camera), role=Role.BENCH, world=world(), allow_insecure=True
            ) as again:
                assert again.peer.boot_counter == boots + 1

    run_virtual(main())
