"""The pump of one pipe: it ends whatever the pipe does (spec: Link)."""

import asyncio

import pytest

import bwc_sdk
from bwc_sdk.connection.link_driver import LinkDriver
from bwc_sdk.errors import DeviceLost, NotADevice
from bwc_sdk.host.world import World
from bwc_sdk.transport import Limits, Receiver
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual


class FullPipe:
    """A pipe that never takes a byte."""

    name = "test:full"
    limits = Limits(max_payload=1024)

    async def open(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def room(self) -> int:
        return 0

    def write(self, parts: list[bytes]) -> None:
        raise AssertionError("there was no room")

    async def close(self) -> None:
        pass


def test_a_pipe_without_room_does_not_hold_the_loop() -> None:
    async def main() -> None:
        line = LinkDriver(FullPipe(), World())
        with pytest.raises(NotADevice):
            await line.open()

    run_virtual(main())


class ClosingPipe(FullPipe):
    """A pipe whose other end says `greeting` and hangs up."""

    name = "test:closing"

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting

    def room(self) -> int:
        return 1024

    def write(self, parts: list[bytes]) -> None:
        receiver, greeting = self.receiver, self.greeting
        asyncio.get_running_loop().call_soon(receiver.received, greeting)
        asyncio.get_running_loop().call_soon(receiver.lost, DeviceLost("closed", device=self.name))


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_who_hangs_up_without_a_word_of_the_protocol_is_no_device(greeting: bytes) -> None:
    async def main() -> None:
        line = LinkDriver(ClosingPipe(greeting), World())
        with pytest.raises(NotADevice, match="without a word") as caught:
            await line.open()
        assert caught.value.device == "test:closing"
        assert isinstance(caught.value.__cause__, DeviceLost)

    run_virtual(main())


def test_a_device_that_was_heard_and_goes_while_it_is_connected_to_is_lost() -> None:
    class Unplugged(MemoryTransport):
        async def open(self, receiver: Receiver) -> None:
            await super().open(receiver)
            asyncio.get_running_loop().call_soon(self._unplug_when_heard, receiver)

        def _unplug_when_heard(self, receiver: Receiver) -> None:
            assert isinstance(receiver, LinkDriver)
            if receiver.endpoint.link.counters.frames_in:
                self.unplug()
            else:
                asyncio.get_running_loop().call_later(0.001, self._unplug_when_heard, receiver)

    async def main() -> None:
        device = make_camera(seed=3, recordings=0, footage=Footage.SYNTHETIC)
        with pytest.raises(DeviceLost):
            await bwc_sdk.connect(Unplugged(device, rate=2_000), allow_insecure=True)
        device.close()

    run_virtual(main())


def test_a_device_that_ends_the_link_in_order_while_it_is_in_use_is_lost() -> None:
    async def main() -> None:
        device = make_camera(seed=3, recordings=0, mib=1, footage=Footage.SYNTHETIC)
        camera = await bwc_sdk.connect(MemoryTransport(device), allow_insecure=True)
        port = device.ports[0]
        port.endpoint.close(asyncio.get_running_loop().time())
        port.pump()
        with pytest.raises(DeviceLost, match="ended the link"):
            await camera.battery.status()
        await camera.close()
        device.close()

    run_virtual(main())


def test_a_device_that_no_longer_knows_the_link_was_restarted_and_is_lost() -> None:
    async def main() -> None:
        device = make_camera(seed=3, recordings=0, mib=1, footage=Footage.SYNTHETIC)
        camera = await bwc_sdk.connect(MemoryTransport(device), allow_insecure=True)
        device.ports[0].endpoint.pipe_lost(asyncio.get_running_loop().time())
        with pytest.raises(DeviceLost, match="restarted"):
            await camera.battery.status()
        await camera.close()
        device.close()

    run_virtual(main())


def test_a_line_without_traffic_is_looked_at_no_more_often_than_its_deadlines_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While there is traffic the deadlines are looked at every few milliseconds; then exactly."""
    looks: list[float] = []
    tick = LinkDriver._tick

    def counted(line: LinkDriver) -> None:
        looks.append(asyncio.get_running_loop().time())
        tick(line)

    monkeypatch.setattr(LinkDriver, "_tick", counted)

    async def main() -> None:
        async with bwc_sdk.connect(MemoryTransport(make_camera(seed=3)), allow_insecure=True) as camera:
            await camera.battery.status()
            await asyncio.sleep(0.1)
            looks.clear()
            await asyncio.sleep(60.0)
            quiet = len(looks)
            await camera.battery.status()
            assert quiet < 300, "a few for each sign of life, which comes every second"
            assert camera.counters.link.retransmissions == 0

    run_virtual(main())
