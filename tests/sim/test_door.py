"""Whoever says nothing at a port of the simulator locks nobody out, and does not stay."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.frame import Frame, FrameType, Hello, encode_frame
from bwc_sdk.transport.usbip_client import exported
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports import door
from firmware_sim.ports.door import GUESTS_MAX, LOOK_S, SILENT_S, WITHOUT_LINK_S, Door
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.ports.usbip import UsbIpPort, camera_on_usb
from firmware_sim.ports.usbip_connection import HANDSHAKE_S
from firmware_sim.virtual_time import run_virtual

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HELLO = encode_frame(
    Frame(
        FrameType.HELLO,
        payload=Hello(host_nonce=7, max_payload=1024, lowest=1, highest=1, max_window=32).encode(),
    )
)


async def knock(port: TcpPort | UsbIpPort, words: bytes = b"") -> Streams:
    host, number = port.uri.removeprefix("usb:1-1?usbip=").removeprefix("tcp:").split(":")
    streams = await asyncio.open_connection(host, int(number))
    streams[1].write(words)
    return streams


async def stayed_s(streams: Streams) -> float:
    """For how long a connection was kept from now on."""
    begin = asyncio.get_running_loop().time()
    try:
        while await streams[0].read(4096):
            pass
    except ConnectionResetError:
        pass
    streams[1].close()
    return asyncio.get_running_loop().time() - begin


def serve(
    listen: Callable[[], TcpPort | UsbIpPort], use: Callable[[Any], Awaitable[None]], limit_s: float = 120
) -> None:
    async def main() -> None:
        port = listen()
        try:
            await use(port)
        finally:
            port.close()

    run_virtual(main(), limit_s=limit_s)


@pytest.mark.parametrize("words", [b"", b"something"], ids=["silent", "garbage"])
def test_connections_in_any_number_keep_no_host_out(camera: SimCamera, words: bytes) -> None:
    async def use(port: TcpPort) -> None:
        silent = [await knock(port, words) for _ in range(3 * GUESTS_MAX)]
        begin = asyncio.get_running_loop().time()
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            await host.device.status()
            assert asyncio.get_running_loop().time() - begin < 1, "virtual seconds: it does not wait for them"
            assert len(camera.ports) <= GUESTS_MAX
            for _ in range(3 * GUESTS_MAX):
                silent.append(await knock(port, words))
                await asyncio.sleep(0.01)  # so that each has its say
            await host.device.status()
            await asyncio.sleep(WITHOUT_LINK_S + 1)
            await host.device.status()
            assert len(camera.ports) == 1, "who has a link stays, and nobody else"
        for _, writer in silent:
            writer.close()

    serve(lambda: TcpPort(camera), use)


@pytest.mark.parametrize(
    ("words", "bound_s"),
    [(b"", SILENT_S), (b"GET / HTTP/1.1\r\n\r\n", WITHOUT_LINK_S), (HELLO, WITHOUT_LINK_S)],
    ids=["silent", "garbage", "HELLO and no more"],
)
def test_who_brings_no_link_about_is_ended(camera: SimCamera, words: bytes, bound_s: float) -> None:
    async def use(port: TcpPort) -> None:
        assert bound_s <= await stayed_s(await knock(port, words)) <= bound_s + 2 * LOOK_S

    serve(lambda: TcpPort(camera), use)


def test_a_host_that_fell_silent_is_ended_some_time_after_its_link(camera: SimCamera) -> None:
    async def use(port: TcpPort) -> None:
        host = await bwc_sdk.connect(port.uri, allow_insecure=True)
        host.connection.driver.endpoint.link.close(asyncio.get_running_loop().time())
        host.connection.driver.pump()  # it says BYE, and keeps the connection
        await asyncio.sleep(WITHOUT_LINK_S / 2)
        assert len(camera.ports) == 1
        await asyncio.sleep(WITHOUT_LINK_S)
        assert not camera.ports
        await host.close()

    serve(lambda: TcpPort(camera), use)


def test_for_a_newcomer_the_silent_go_before_those_who_said_something(camera: SimCamera) -> None:
    async def use(port: TcpPort) -> None:
        spoke = [await knock(port, b"something") for _ in range(2)]
        silent = [await knock(port) for _ in range(GUESTS_MAX - 2)]
        await asyncio.sleep(0.1)
        more = [await knock(port) for _ in range(GUESTS_MAX - 2)]
        await asyncio.sleep(0.1)
        for reader, _ in silent:
            assert await reader.read() == b"", "they went, the oldest first"
        assert all(not reader.at_eof() for reader, _ in (*spoke, *more))
        for _, writer in (*spoke, *silent, *more):
            writer.close()

    serve(lambda: TcpPort(camera), use)


def test_silent_connections_keep_no_host_from_the_usb_bus(camera: SimCamera) -> None:
    async def use(port: UsbIpPort) -> None:
        silent = [await knock(port) for _ in range(3 * GUESTS_MAX)]
        host, number = port.uri.removeprefix("usb:1-1?usbip=").split(":")
        assert await asyncio.to_thread(exported, (host, int(number)))
        first = await knock(port)
        assert SILENT_S <= await stayed_s(first) <= SILENT_S + 2 * LOOK_S
        for _, writer in silent:
            writer.close()

    serve(lambda: camera_on_usb(camera), use)


def test_who_attaches_and_does_nothing_is_unplugged(camera: SimCamera) -> None:
    async def use(port: UsbIpPort) -> None:
        attach = bytes.fromhex("0111800300000000") + b"1-1".ljust(32, b"\0")
        idle = await knock(port, attach)
        assert HANDSHAKE_S <= await stayed_s(idle) <= HANDSHAKE_S + 0.1

    serve(lambda: camera_on_usb(camera), use)


class _Full:
    """A listening socket of a process that has no descriptor left."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.tries = 0

    def accept(self) -> None:
        self.tries += 1
        raise OSError(errno.EMFILE, "Too many open files")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def test_without_descriptors_it_waits_and_does_not_spin(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        full = _Full(socket.create_server(("127.0.0.1", 0)))
        guard = Door(full, lambda sock: pytest.fail("nobody can come"))
        _, writer = await asyncio.open_connection(*full.getsockname())
        await asyncio.sleep(10 * door.OUT_OF_DESCRIPTORS_S + 0.5)
        assert full.tries == 11
        guard.close()
        writer.close()

    run_virtual(main(), limit_s=60)
    assert "ulimit -n" in caplog.text
