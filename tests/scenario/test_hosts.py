"""A device has one host: a second one on another pipe waits, on the same pipe it takes the line over."""

import asyncio
import random

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.link import DiscardReason
from bwc_sdk import World, connect
from bwc_sdk.errors import BwcError, DeviceBusy
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.transport import Receiver
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual

NOON_UTC_NS = 1_790_000_000 * 10**9


def device() -> SimCamera:
    return SimCamera(CameraOptions(seed=6, footage=SyntheticFootage()), utc_ns=NOON_UTC_NS)


def world(seed: int) -> World:
    return World(entropy=random.Random(seed).randbytes, utc_ns=lambda: NOON_UTC_NS, workers=InlineWorkers())


class OneLine:
    """A line that outlives its hosts, as a UART does: the next one opens it, nobody tells the device."""

    def __init__(self, camera: SimCamera) -> None:
        self._inner = MemoryTransport(camera)
        self._opened = False
        self._receiver: Receiver | None = None
        self.heard: list[bytes] = []
        """What came from the device so far."""

    def plug(self) -> "OneLineEnd":
        """What one host opens."""
        return OneLineEnd(self, self._inner)

    async def take(self, receiver: Receiver) -> None:
        self._receiver = receiver
        if not self._opened:
            self._opened = True
            await self._inner.open(self)

    def received(self, data: bytes | memoryview) -> None:
        self.heard.append(bytes(data))
        if self._receiver is not None:
            self._receiver.received(data)

    def lost(self, error: Exception) -> None:
        raise AssertionError(f"a line like this is never lost: {error}")

    def writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()


class OneLineEnd:
    """The transport of one host on a line that it does not own."""

    def __init__(self, line: OneLine, inner: MemoryTransport) -> None:
        self.name = "serial:/dev/ttyS0"
        self.limits = inner.limits
        self.room = inner.room
        self.write = inner.write
        self._line = line

    async def open(self, receiver: Receiver) -> None:
        await self._line.take(receiver)

    async def close(self) -> None: ...


def test_a_second_host_on_another_pipe_is_told_when_to_ask_again_and_disturbs_nobody() -> None:
    async def main() -> None:
        camera = device()
        async with connect(
            MemoryTransport(camera), role=Role.BENCH, world=world(1), allow_insecure=True
        ) as first:
            with pytest.raises(DeviceBusy) as caught:
                await connect(MemoryTransport(camera), role=Role.BENCH, world=world(2), allow_insecure=True)
            assert caught.value.retry_after_s > 0
            assert camera.serial not in str(caught.value), "a stranger learns no name"
            assert (await first.device.identify()).serial == camera.serial
        async with connect(
            MemoryTransport(camera), role=Role.BENCH, world=world(2), allow_insecure=True
        ) as second:
            await second.device.status()

    run_virtual(main())


def test_a_host_that_was_killed_is_replaced_on_its_own_pipe_at_once() -> None:
    async def main() -> None:
        camera, loop = device(), asyncio.get_running_loop()
        line = OneLine(camera)
        await connect(
            line.plug(), role=Role.BENCH, world=world(1), allow_insecure=True
        )  # and is killed: no farewell
        began = loop.time()
        async with connect(line.plug(), role=Role.BENCH, world=world(2), allow_insecure=True) as second:
            assert loop.time() - began < 1.0, "it waits for no time-out of the dead one"
            await second.device.status()
        assert not camera.sessions

    run_virtual(main())


def test_a_host_that_still_talks_on_a_line_it_lost_does_not_harm_the_next() -> None:
    async def main() -> None:
        camera = device()
        line = OneLine(camera)
        first = await connect(line.plug(), role=Role.BENCH, world=world(1), allow_insecure=True)
        async with connect(line.plug(), role=Role.BENCH, world=world(2), allow_insecure=True) as second:
            with pytest.raises(BwcError):
                await first.device.status()  # its frames are of a link that is no more
            for _ in range(20):
                await second.device.status()
                await asyncio.sleep(0.5)
        await first.close()

    run_virtual(main())


def test_frames_of_an_earlier_link_reach_no_later_one() -> None:
    async def main() -> None:
        line = OneLine(device())
        first = await connect(line.plug(), role=Role.BENCH, world=world(1), allow_insecure=True)
        await first.device.identify()
        await first.config.schema_all()
        earlier = b"".join(line.heard)
        async with connect(line.plug(), role=Role.BENCH, world=world(2), allow_insecure=True) as second:
            before = await second.device.identify()
            line.received(earlier)  # a buffer somewhere on the way gives up what it kept
            assert await second.device.identify() == before
            assert second.counters.link.discarded[DiscardReason.STALE_LINK] > 0

    run_virtual(main())
