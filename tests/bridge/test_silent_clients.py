"""A client that says nothing keeps the device from nobody, and does not keep it for long."""

import asyncio

import pytest

import bwc_sdk
import bwc_sdk.bridge
from bwc_protocol.frame import Frame, FrameType, Hello, encode_frame
from bwc_sdk.bridge import ClientLeft
from bwc_sdk.bridge.server import GRACE_S
from bwc_sdk.bridge.visit import CALLING_S, QUIET_S, SILENT_S, WITHOUT_HELLO_S
from bwc_sdk.errors import TransportError
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.virtual_time import run_virtual

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"
HELLO = encode_frame(
    Frame(
        FrameType.HELLO,
        payload=Hello(host_nonce=7, max_payload=1024, lowest=1, highest=1, max_window=32).encode(),
    )
)


@pytest.mark.parametrize(
    ("words", "bound_s", "rule"),
    [
        (b"", SILENT_S, "the client never said a word"),
        (GARBAGE, WITHOUT_HELLO_S, "the client says no HELLO"),
        (HELLO, QUIET_S, "nothing passes any more"),
    ],
)
def test_who_has_nothing_to_say_is_ended(bench, words: bytes, bound_s: float, rule: str) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            begin = asyncio.get_running_loop().time()
            writer.write(words)
            left = await one.until(ClientLeft)
            assert bound_s <= asyncio.get_running_loop().time() - begin <= bound_s + 0.1
            assert isinstance(left.error, TransportError) and rule in left.error.rule
            writer.close()

    run_virtual(main(), limit_s=120)


def test_a_client_is_ended_also_while_its_device_is_being_opened(bench) -> None:
    """A radio takes its time."""

    async def main() -> None:
        one = bench(opening=lambda: asyncio.sleep(3 * SILENT_S))
        async with one.bridge() as bridge:
            _, writer = await one.knock(bridge)
            begin = asyncio.get_running_loop().time()
            await one.until(ClientLeft)
            assert SILENT_S <= asyncio.get_running_loop().time() - begin <= SILENT_S + 0.1
            writer.close()

    run_virtual(main(), limit_s=120)


@pytest.mark.parametrize(
    ("first", "after_s", "served"),
    [
        (b"", 0.1, True),
        (GARBAGE, CALLING_S, True),
        (GARBAGE, 0.1, False),
        (HELLO, CALLING_S, False),
    ],
    ids=["silent", "garbage", "garbage, just now", "a host"],
)
def test_a_host_is_preferred_to_whoever_is_none(bench, first: bytes, after_s: float, served: bool) -> None:
    async def main() -> None:
        one = bench()
        async with one.bridge() as bridge:
            _, writer = await one.client(bridge)
            writer.write(first)
            await asyncio.sleep(after_s)
            reader, newcomer = await one.knock(bridge)
            newcomer.write(HELLO)
            await asyncio.sleep(GRACE_S + 0.1)
            assert one.names == (["came", "left", "came"] if served else ["came", "refused"])
            if served:
                await asyncio.sleep(0.1)
                assert one.devices[1].got == HELLO, "its first words have waited for the device"
            else:
                assert await reader.read(64), "and it is told that the device is busy"
            writer.close()
            newcomer.close()

    run_virtual(main(), limit_s=120)


def test_silent_clients_in_any_number_keep_no_host_out() -> None:
    """Whatever the moment: one has the device, another waits for it."""

    async def main() -> None:
        device = make_camera(seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC)
        async with bwc_sdk.bridge.Bridge(lambda: MemoryTransport(device)) as bridge:
            _, host, port = bridge.uri.split(":")
            silent = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
            begin = asyncio.get_running_loop().time()
            async with bwc_sdk.connect(
                bridge.uri, world=World(workers=InlineWorkers()), allow_insecure=True
            ) as camera:
                silent += [await asyncio.open_connection(host, int(port)) for _ in range(20)]
                await asyncio.sleep(2 * QUIET_S)
                await camera.device.status()
            assert asyncio.get_running_loop().time() - begin < 2 * QUIET_S + 3
            for _, writer in silent:
                writer.close()
        device.close()

    run_virtual(main(), limit_s=300)
