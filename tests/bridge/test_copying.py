"""A bridge copies every byte, to one client at a time, and holds little of what a side does not take."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from bwc_sdk.bridge import Bridge, ClientCame, ClientLeft, ClientRefused
from bwc_sdk.bridge.server import GRACE_S, REFUSED_MAX
from bwc_sdk.bridge.visit import CLIENT_BUFFER, OVERFLOW, REFUSING_S, STALLED_S
from bwc_sdk.errors import BwcError, DeviceLost, PortBusy, PortNotFound, TransportError
from firmware_sim.virtual_time import run_virtual

MIB = 1_048_576
KERNEL = 16 * MIB
"""What the sockets of both sides may hold, at the very most."""


def virtual(main: Callable[[], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await main()

    return run_virtual(run(), limit_s=3600)


def test_every_byte_is_copied_in_its_order_both_ways(bench) -> None:
    async def main() -> None:
        one, draw = bench(), random.Random(1)
        async with one.bridge() as bridge:
            reader, writer = await one.client(bridge)
            device = one.devices[0]
            device.capacity = 0
            up, down = draw.randbytes(3 * MIB), draw.randbytes(3 * MIB)

            async def send() -> None:
                at = 0
                while at < len(up):
                    size = draw.randint(1, 100_000)
                    writer.write(up[at : at + size])
                    await writer.drain()
                    at += size

            async def play() -> None:
                at = 0
                while at < len(down) or len(device.got) < len(up):
                    device.take(draw.randint(0, 40_000))
                    size = draw.randint(1, 100_000)
                    if at < len(down):
                        device.send(down[at : at + size])
                        at += size
                    await asyncio.sleep(0)

            sending, playing = asyncio.create_task(send()), asyncio.create_task(play())
            assert await reader.readexactly(len(down)) == down
            await asyncio.gather(sending, playing)
            assert device.got == up
            writer.close()
            left = await one.until(ClientLeft)
            assert left.error is None
            assert (left.bytes_to_device, left.bytes_to_client) == (len(up), len(down))

    virtual(main)


def test_bytes_that_come_before_the_device_is_open_wait_for_it(bench) -> None:
    async def main() -> None:
        one = bench(opening=lambda: asyncio.sleep(3))
        async with one.bridge() as bridge:
            _, writer = await one.knock(bridge)
            writer.write(b"HELLO")
            await one.opened.wait()
            await one.devices[0].written.wait()
            assert one.devices[0].got == b"HELLO"
            writer.close()

    virtual(main)


def test_the_last_words_of_a_client_reach_the_device_and_those_of_a_device_the_client(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            reader, writer = await one.client(bridge)
            writer.write(b"farewell")
            writer.close()
            await one.until(ClientLeft)
            assert one.devices[0].got == b"farewell"
            one.on_event.clear()
            reader, writer = await one.client(bridge)
            one.devices[1].send(b"dying")
            one.devices[1].unplug()
            assert await reader.read() == b"dying"
            writer.close()

    virtual(main)


# One client at a time


def test_a_second_client_is_closed_and_the_first_goes_on(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            reader, writer = await one.client(bridge)
            for _ in range(5):
                other, unused = await one.knock(bridge)
                assert await other.read() == b""
                unused.close()
            assert one.names == ["came", *["refused"] * 5]
            one.devices[0].send(b"still here")
            assert await reader.readexactly(10) == b"still here"
            assert len(one.devices) == 1
            writer.close()

    virtual(main)


def test_of_many_that_knock_at_once_one_waits_and_the_others_are_closed(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            streams = await asyncio.gather(*(one.knock(bridge) for _ in range(20)))
            for reader, _ in streams:
                assert await reader.read() == b""
            assert one.names == ["came", *["refused"] * 20]
            for _, unused in streams:
                unused.close()
            writer.close()

    virtual(main)


def test_few_are_kept_to_be_told_and_none_for_long(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            came = asyncio.get_running_loop().time()
            streams = await asyncio.gather(*(one.knock(bridge) for _ in range(20)))

            async def kept(reader: asyncio.StreamReader) -> float:
                assert await reader.read() == b""  # nobody who is silent is answered
                return asyncio.get_running_loop().time() - came

            times = sorted(await asyncio.gather(*(kept(reader) for reader, _ in streams)))
            assert times[20 - REFUSED_MAX - 1] < REFUSING_S <= times[-1] <= GRACE_S + REFUSING_S + 0.1
            for _, unused in streams:
                unused.close()
            writer.close()

    virtual(main)


def test_a_client_that_connects_again_is_served_however_fast_it_is(bench) -> None:
    """Its new connection may be seen before the end of the old one."""

    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, old = await one.client(bridge)
            one.opened.clear()
            _, new = await one.knock(bridge)
            for _ in range(20):
                await asyncio.sleep(0)  # the bridge has seen it
            old.close()
            await one.opened.wait()
            assert one.names == ["came", "left", "came"]
            new.close()

    virtual(main)


def test_the_next_client_waits_while_the_device_of_the_last_one_is_closed(bench) -> None:
    """A radio takes seconds to hang up."""

    async def main() -> None:
        one = bench()

        class Slow(one.kind):
            async def close(self) -> None:
                await asyncio.sleep(4)
                await super().close()

        one.kind = Slow
        async with one.bridge() as bridge:
            _, old = await one.client(bridge)
            old.close()
            _, new = await one.client(bridge)
            assert one.names == ["came", "left", "came"]
            new.close()

    virtual(main)


def test_the_device_is_opened_afresh_for_each_client_and_left_alone_between_them(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            assert not one.devices
            for number in range(1, 30):
                _, writer = await one.client(bridge)
                assert (len(one.devices), one.open_now) == (number, 1)
                writer.close()
                await one.until(ClientLeft)
                one.on_event.clear()
                assert one.open_now == 0

    virtual(main)


# Ends


def test_an_unplugged_device_closes_its_client_and_the_next_one_opens_it_again(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            reader, writer = await one.client(bridge)
            one.devices[0].unplug()
            assert await reader.read() == b""
            writer.close()
            assert isinstance((await one.until(ClientLeft)).error, DeviceLost)
            reader, writer = await one.client(bridge)
            one.devices[1].send(b"back")
            assert await reader.readexactly(4) == b"back"
            writer.close()

    virtual(main)


@pytest.mark.parametrize("broken", ["absent", "foreign"])
def test_a_device_that_cannot_be_opened_closes_its_client_and_nothing_else(bench, broken: str) -> None:
    async def main() -> None:
        async def fail() -> None:
            raise OSError("a transport from elsewhere, which does not know our errors")

        one = bench(absent=True) if broken == "absent" else bench(opening=fail)
        async with one.bridge() as bridge:
            reader, writer = await one.knock(bridge)
            assert await reader.read() == b""
            writer.close()
            error = (await one.until(ClientLeft)).error
            assert isinstance(error, PortNotFound if broken == "absent" else DeviceLost)
            one.absent, one.opening = False, type(one)().opening
            _, writer = await one.client(bridge)
            writer.close()

    virtual(main)


def test_a_client_that_vanishes_in_mid_transfer_frees_the_device(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            one.devices[0].send(bytes(4 * MIB))
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            await one.until(ClientLeft)
            assert one.open_now == 0
            _, writer = await one.client(bridge)
            writer.close()

    virtual(main)


@pytest.mark.parametrize("when", ["idle", "copying", "opening"])
def test_closing_the_bridge_closes_client_and_device(bench, when: str) -> None:
    async def main() -> None:
        one = bench()
        if when == "opening":
            one.opening = lambda: asyncio.sleep(3600)
        loop = asyncio.get_running_loop()
        bridge = one.bridge()
        await bridge.open()
        if when == "copying":
            reader, writer = await one.client(bridge)
        elif when == "opening":
            reader, writer = await one.knock(bridge)
            await one.until(ClientCame)
        began = loop.time()
        await bridge.close()
        await bridge.close()
        assert loop.time() - began < 2 and one.open_now == 0
        if when != "idle":
            assert await reader.read() == b""
            writer.close()
        with pytest.raises(OSError):
            await one.knock(bridge)

    virtual(main)


# A side that stalls


def test_a_stalled_client_holds_the_device_back_and_is_closed_in_the_end(bench, pausable) -> None:
    async def main() -> None:
        one = bench(kind=pausable)
        loop = asyncio.get_running_loop()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            writer.transport.pause_reading()
            began, sent = loop.time(), 0
            device = one.devices[0]
            while not device.paused:
                device.send(bytes(65_536))
                sent += 65_536
                assert sent < CLIENT_BUFFER + KERNEL
                await asyncio.sleep(0)
            error = (await one.until(ClientLeft)).error
            assert isinstance(error, TransportError) and "client takes nothing" in error.rule
            assert loop.time() - began <= 2 * STALLED_S + 1
            writer.close()

    virtual(main)


def test_a_client_that_was_slow_for_a_while_gets_every_byte(bench, pausable) -> None:
    async def main() -> None:
        one = bench(kind=pausable)
        async with one.bridge() as bridge:
            reader, writer = await one.client(bridge)
            device, sent = one.devices[0], 0
            for _ in range(3):
                writer.transport.pause_reading()
                while not device.paused:
                    device.send(bytes([sent // 65_536 % 251]) * 65_536)
                    sent += 65_536
                    await asyncio.sleep(0)
                await asyncio.sleep(STALLED_S / 2)
                writer.transport.resume_reading()
                while device.paused:
                    await reader.readexactly(65_536)
                    sent -= 65_536
            assert one.names == ["came"]
            await reader.readexactly(sent)
            writer.close()

    virtual(main)


def test_a_client_that_stalls_before_a_flood_that_cannot_be_held_back_is_closed(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            reader, writer = await one.client(bridge)
            writer.transport.pause_reading()
            device, sent = one.devices[0], 0
            while device.receiver is not None:
                device.send(bytes(65_536))
                sent += 65_536
                assert sent < OVERFLOW + KERNEL
                await asyncio.sleep(0)
            left = await one.until(ClientLeft)
            assert "behind the device" in left.error.rule
            writer.transport.resume_reading()
            received = 0
            with suppress(ConnectionResetError):
                received = len(await reader.read())
            assert received < left.bytes_to_client, "what it had not taken in time is not kept for it"
            writer.close()

    virtual(main)


def test_a_stalled_device_holds_the_client_back_and_is_given_up_in_the_end(bench) -> None:
    async def main() -> None:
        one = bench()
        loop = asyncio.get_running_loop()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            device = one.devices[0]
            device.capacity = 1000
            began = loop.time()
            writer.write(bytes(2 * KERNEL))
            await asyncio.sleep(STALLED_S / 2)
            assert writer.transport.get_write_buffer_size() > 0, "the bridge does not take it all"
            error = (await one.until(ClientLeft)).error
            assert isinstance(error, BwcError) and "device takes nothing" in error.rule
            assert loop.time() - began <= 2 * STALLED_S + 1
            assert len(device.got) == 1000
            writer.transport.abort()

    virtual(main)


def test_a_slow_device_is_not_a_stalled_one(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            device = one.devices[0]
            device.capacity = 0
            writer.write(bytes(30))
            for _ in range(30):
                await asyncio.sleep(STALLED_S * 0.9)
                device.take(1)
            await asyncio.sleep(0)
            assert len(device.got) == 30 and one.names == ["came"]
            writer.close()

    virtual(main)


# Listening


def test_an_address_that_is_taken_is_a_busy_port(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            port = int(bridge.uri.rpartition(":")[2])
            with pytest.raises(PortBusy):
                await Bridge("sim:", port=port).open()

    virtual(main)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("bench7", False)],
)
def test_only_loopback_is_local(host: str, local: bool) -> None:
    assert Bridge("sim:", host=host).local_only is local


def test_refused_clients_are_told_of_once(bench) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            other, unused = await one.knock(bridge)
            await other.read()
            assert [type(event) for event in one.on_event].count(ClientRefused) == 1
            unused.close()
            writer.close()

    virtual(main)
