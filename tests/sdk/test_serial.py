"""A serial port: exclusive, in order however it is cut, and an unplug is one error."""

import asyncio
import os
import tty
from collections.abc import Awaitable, Callable, Iterator

import pytest

from bwc_sdk.errors import DeviceLost, PortBusy, PortNotFound
from bwc_sdk.transport.serial import SerialTransport
from bwc_sdk.transport.uri import DeviceUri


class Heard:
    """A receiver that keeps what it is told."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.pieces: list[int] = []
        self.errors: list[Exception] = []
        self.rooms = 0
        self.news = asyncio.Event()

    def received(self, data: bytes | memoryview) -> None:
        self.data += data
        self.pieces.append(len(data))
        self.news.set()

    def lost(self, error: Exception) -> None:
        self.errors.append(error)
        self.news.set()

    def writable(self) -> None:
        self.rooms += 1
        self.news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                self.news.clear()
                await self.news.wait()


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    """The device's end of a serial line, and the path of the host's."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    try:
        os.close(master)
    except OSError:
        pass  # the test has pulled it


def on_port(path: str, scenario: Callable[[SerialTransport, Heard], Awaitable[None]]) -> None:
    async def main() -> None:
        transport, heard = SerialTransport(DeviceUri.parse(f"serial:{path}")), Heard()
        await transport.open(heard)
        try:
            await scenario(transport, heard)
        finally:
            await transport.close()

    asyncio.run(main())


def test_every_byte_arrives_in_order(pty: tuple[int, str]) -> None:
    master, path = pty
    sent = os.urandom(300_000)

    async def scenario(transport: SerialTransport, heard: Heard) -> None:
        writing = asyncio.get_running_loop().run_in_executor(None, _write_all, master, sent)
        await heard.until(lambda: len(heard.data) >= len(sent))
        await writing
        assert heard.data == sent
        assert max(heard.pieces) <= 65_536  # then the loop's other work has its turn

    on_port(path, scenario)


def test_what_the_line_does_not_take_waits_and_nothing_is_lost(pty: tuple[int, str]) -> None:
    master, path = pty
    sent = os.urandom(200_000)
    got = bytearray()

    async def scenario(transport: SerialTransport, heard: Heard) -> None:
        left = memoryview(sent)
        reading = None
        while left:
            room = transport.room()
            if not room:
                loop = asyncio.get_running_loop()
                reading = reading or loop.run_in_executor(None, _read_into, master, got, len(sent))
                rooms = heard.rooms
                await heard.until(lambda rooms=rooms: heard.rooms > rooms)  # type: ignore[misc]
                continue
            transport.write([bytes(left[:room])])
            left = left[room:]
        assert reading is not None  # the line was full at least once
        await reading
        assert got == sent

    on_port(path, scenario)


def test_an_unplug_is_told_once(pty: tuple[int, str]) -> None:
    master, path = pty

    async def scenario(transport: SerialTransport, heard: Heard) -> None:
        os.write(master, b"last words")
        await heard.until(lambda: bool(heard.data))
        os.close(master)
        await heard.until(lambda: bool(heard.errors))
        transport.write([b"into the void"])
        await asyncio.sleep(0)
        (error,) = heard.errors
        assert isinstance(error, DeviceLost)
        assert path in str(error)
        assert heard.data == b"last words"

    on_port(path, scenario)


def test_an_unplug_under_a_write_is_told_after_the_write(pty: tuple[int, str]) -> None:
    master, path = pty

    async def scenario(transport: SerialTransport, heard: Heard) -> None:
        os.close(master)
        transport.write([b"into the void"])
        assert heard.errors == []  # never inside the writer's own call
        await heard.until(lambda: bool(heard.errors))
        assert isinstance(heard.errors[0], DeviceLost)

    on_port(path, scenario)


def test_a_farewell_goes_out_before_the_port_closes(pty: tuple[int, str]) -> None:
    master, path = pty
    sent = os.urandom(20_000)  # several times what a pty takes
    got = bytearray()

    async def scenario(transport: SerialTransport, heard: Heard) -> None:
        transport.write([sent])
        reading = asyncio.get_running_loop().run_in_executor(None, _read_into, master, got, len(sent))
        await transport.close()
        await reading
        assert got == sent
        assert heard.errors == []

    on_port(path, scenario)


def test_a_port_that_is_open_elsewhere_is_busy(pty: tuple[int, str]) -> None:
    _, path = pty

    async def scenario(transport: SerialTransport, heard: Heard) -> None:
        with pytest.raises(PortBusy):
            await SerialTransport(DeviceUri.parse(f"serial:{path}")).open(Heard())

    on_port(path, scenario)


def test_a_port_that_is_not_there_is_named() -> None:
    async def main() -> None:
        with pytest.raises(PortNotFound, match="/dev/no-such-port"):
            await SerialTransport(DeviceUri.parse("serial:/dev/no-such-port")).open(Heard())

    asyncio.run(main())


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _read_into(file: int, got: bytearray, size: int) -> None:
    while len(got) < size:
        got += os.read(file, 65_536)
