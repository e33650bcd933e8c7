"""A TCP pipe opens or says why not, ends as one typed error, and never takes more than it can hold."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

import bwc_sdk
from bwc_sdk.errors import BwcError, DeviceLost, NotADevice, PortNotFound
from bwc_sdk.transport.tcp import HIGH_WATER, TcpTransport
from bwc_sdk.transport.uri import DeviceUri


class Owner:
    """Keeps what a pipe tells."""

    def __init__(self) -> None:
        self.came = bytearray()
        self.error: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.room = asyncio.Event()
        self.any = asyncio.Event()

    def received(self, data: bytes | memoryview) -> None:
        self.came += data
        self.any.set()

    def lost(self, error: Exception) -> None:
        assert not self.error.done(), "it is told once"
        self.error.set_result(error)

    def writable(self) -> None:
        self.room.set()


class Peer:
    """Who answers at the other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[str, "asyncio.Queue[Peer]"]]:
    """A listener on a free port: its URI, and the peers that come."""
    peers: asyncio.Queue[Peer] = asyncio.Queue()
    server = await asyncio.start_server(lambda r, w: peers.put_nowait(Peer(r, w)), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"tcp:127.0.0.1:{port}", peers
    finally:
        server.close()
        while not peers.empty():
            peers.get_nowait().writer.close()


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[TcpTransport, Owner, Peer]]:
    async with listening() as (uri, peers):
        transport, owner = TcpTransport(DeviceUri.parse(uri)), Owner()
        await transport.open(owner)
        peer = await peers.get()
        try:
            yield transport, owner, peer
        finally:
            await transport.close()
            peer.writer.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main

    asyncio.run(bounded())


def test_bytes_pass_both_ways_in_their_order() -> None:
    async def main() -> None:
        async with opened() as (transport, owner, peer):
            transport.write([b"one ", b"two ", b"three"])
            assert await peer.reader.readexactly(13) == b"one two three"
            peer.writer.write(b"four")
            await owner.any.wait()
            assert owner.came == b"four"

    run(main())


def test_a_port_where_nobody_listens_is_not_found() -> None:
    async def main() -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # so that it stays nobody's
            uri = f"tcp:127.0.0.1:{nobody.getsockname()[1]}"
            with pytest.raises(PortNotFound) as caught:
                await TcpTransport(DeviceUri.parse(uri)).open(Owner())
        assert caught.value.device == uri
        assert isinstance(caught.value.__cause__, OSError)

    run(main())


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_peer_that_goes_away_is_told_once(how: str) -> None:
    async def main() -> None:
        async with opened() as (transport, owner, peer):
            if how == "closed":
                peer.writer.close()
            else:
                peer.writer.transport.abort()
            error = await owner.error  # a pipe asks for no sign of life: it is told by the end, or never
            assert isinstance(error, DeviceLost)
            assert transport.room() == 0
            transport.write([b"into the void"])

    run(main())


def test_a_close_of_ones_own_tells_nobody_and_may_be_repeated() -> None:
    async def main() -> None:
        async with opened() as (transport, owner, peer):
            await transport.close()
            await transport.close()
            assert await peer.reader.read() == b""
            assert not owner.error.done()
            assert transport.room() == 0

    run(main())


def test_a_peer_that_does_not_read_closes_the_room_and_opens_it_again() -> None:
    async def main() -> None:
        async with opened() as (transport, owner, peer):
            sent = 0
            while transport.room():
                transport.write([bytes(60_000)])
                sent += 60_000
                await asyncio.sleep(0)
            assert HIGH_WATER < sent < 16 * HIGH_WATER, "bounded, whatever the peer does"
            read = 0
            while read < sent:
                read += len(await peer.reader.read(1 << 20))
            await owner.room.wait()
            assert transport.room() > 0

    run(main())


def test_a_buffer_that_is_full_to_the_byte_still_has_a_way_on() -> None:
    async def main() -> None:
        async with opened() as (transport, owner, peer):
            while transport.room() > 60_000:
                transport.write([bytes(60_000)])
            transport.write([bytes(transport.room())])
            assert transport.room() > 0, "the system has not said that it will tell"
            transport.write([b"x"])
            assert transport.room() == 0
            while not owner.room.is_set():
                await peer.reader.read(1 << 20)

    run(main())


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_a_service_that_is_no_camera_and_hangs_up_is_one_typed_error(greeting: bytes) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100)
            writer.write(greeting)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        uri = f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(BwcError) as caught:
            await bwc_sdk.connect(uri)
        server.close()
        assert isinstance(caught.value, NotADevice)
        assert caught.value.device == uri

    run(main())
