"""The thread that feeds a pty: whole and in order while the host reads, and stopped at once when it does not."""

import array
import asyncio
import fcntl
import os
import termios
import threading
import tty
from collections.abc import Awaitable, Callable, Iterator

import pytest

from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports import thread_outflow
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.thread_outflow import SMALL, ThreadOutflow

HIGH_WATER = 65_536
FULL = 4_095
"""A pty without a reader holds this much for the host; more waits behind it."""
BOUND_S = 30.0
Use = Callable[["Watched"], Awaitable[None]]


class Watched:
    """An outflow onto a pty whose other end is `host`."""

    def __init__(self) -> None:
        self.master, self.host = os.openpty()
        tty.setraw(self.host)
        os.set_blocking(self.master, False)
        os.set_blocking(self.host, False)
        self.told = asyncio.Queue[str]()
        loop = asyncio.get_running_loop()
        self.outflow = ThreadOutflow(loop, self.master, self.write_some, HIGH_WATER, self)

    def write_some(self, parts: list[bytes | memoryview]) -> int:
        return os.writev(self.master, parts)

    def room_again(self) -> None:
        self.told.put_nowait("room")

    def all_written(self) -> None:
        self.told.put_nowait("written")

    def write_failed(self) -> None:
        self.told.put_nowait("failed")

    async def read(self, size: int) -> bytes:
        """Exactly so many bytes, as the host."""
        data = b""
        while len(data) < size:
            try:
                data += os.read(self.host, size - len(data))
            except BlockingIOError:
                await asyncio.sleep(0)
        return data

    async def stuck(self) -> None:
        """Until the pty is full and the thread waits for a host that does not read."""
        await until(lambda: pending(self.host) >= FULL)


def pending(fd: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(fd, termios.FIONREAD, count)
    return count[0]


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pty-writer"]


@pytest.fixture
def no_thread_stays() -> Iterator[None]:
    before = writers()
    yield
    for thread in writers():
        if thread not in before:  # those are of other tests, and may take their time
            thread.join(BOUND_S)
    assert set(writers()) <= set(before)


def with_pty(use: Use) -> None:
    async def run() -> None:
        async with asyncio.timeout(BOUND_S):
            watched = Watched()
            try:
                await use(watched)
            finally:
                watched.outflow.close()
                os.close(watched.master)
                os.close(watched.host)

    asyncio.run(run())


@pytest.mark.usefixtures("no_thread_stays")
def test_bytes_arrive_whole_and_in_order() -> None:
    async def use(pty: Watched) -> None:
        sent = b""
        for size in (1, 5_000, 60_000, 3, 70_000, 4_096):
            piece = os.urandom(size)
            pty.outflow.write([piece[: size // 2], b"", piece[size // 2 :]])
            sent += piece
        assert await pty.read(len(sent)) == sent
        while pty.outflow.waiting:  # it may have been told before, between two pieces
            assert await pty.told.get() == "written"

    with_pty(use)


def test_a_small_reply_wakes_no_thread() -> None:
    async def use(pty: Watched) -> None:
        pty.outflow.write([bytes(SMALL)])
        assert pty.outflow._thread is None
        assert pty.outflow.waiting == 0
        assert await pty.read(SMALL) == bytes(SMALL)

    with_pty(use)


@pytest.mark.usefixtures("no_thread_stays")
def test_whoever_asked_in_vain_is_told_when_there_is_room_again() -> None:
    async def use(pty: Watched) -> None:
        assert pty.outflow.room() == HIGH_WATER
        pty.outflow.write([bytes(HIGH_WATER)])
        pty.outflow.write([bytes(HIGH_WATER)])
        assert pty.outflow.room() == 0
        await pty.read(2 * HIGH_WATER)
        while await pty.told.get() != "room":
            pass
        assert pty.outflow.room() > 0

    with_pty(use)


@pytest.mark.usefixtures("no_thread_stays")
def test_a_write_that_hangs_is_ended_and_nothing_of_it_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_outflow, "INTERRUPT_S", BOUND_S / 2)  # a write that goes on has it all

    async def use(pty: Watched) -> None:
        pty.outflow.write([b"a" * HIGH_WATER])
        await pty.stuck()
        pty.outflow.forget()
        assert not pty.outflow._writing
        termios.tcflush(pty.master, termios.TCIOFLUSH)
        termios.tcflush(pty.host, termios.TCIFLUSH)
        pty.outflow.write([b"b" * 20_000])
        assert await pty.read(20_000) == b"b" * 20_000
        with pytest.raises(BlockingIOError):
            os.read(pty.host, 1)

    with_pty(use)


@pytest.mark.usefixtures("no_thread_stays")
def test_a_pulled_cable_ends_the_port_of_a_host_that_does_not_read(camera: SimCamera) -> None:
    async def run() -> None:
        async with asyncio.timeout(BOUND_S):
            port = PtyPort(camera)
            host = os.open(port.uri.removeprefix("serial:"), os.O_RDWR | os.O_NOCTTY)
            try:
                assert port._pipe is not None
                port._pipe.write([b"a" * HIGH_WATER])
                await until(lambda: pending(host) >= FULL)
                port.pull()
                while os.read(host, HIGH_WATER):  # what was in the pty; then it has hung up
                    pass
            finally:
                os.close(host)
                port.close()

    asyncio.run(run())


@pytest.mark.usefixtures("no_thread_stays")
def test_what_was_meant_for_a_host_that_left_does_not_reach_the_next_one(camera: SimCamera) -> None:
    async def run() -> None:
        async with asyncio.timeout(BOUND_S):
            port = PtyPort(camera)
            path = port.uri.removeprefix("serial:")
            host = os.open(path, os.O_RDWR | os.O_NOCTTY)
            pipe = port._pipe
            assert pipe is not None
            pipe.write([b"a" * HIGH_WATER])
            await until(lambda: pending(host) >= FULL)
            os.close(host)
            await until(lambda: pipe._held >= 0)  # the port has seen it
            host = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            termios.tcflush(host, termios.TCIFLUSH)  # as a host does with what the system still holds
            try:
                pipe.write([b"bbb"])
                assert await read_some(host) == b"bbb"
            finally:
                os.close(host)
                port.close()

    asyncio.run(run())


async def read_some(fd: int) -> bytes:
    while True:
        try:
            return os.read(fd, 4_096)
        except BlockingIOError:
            await asyncio.sleep(0)


async def until(done: Callable[[], bool]) -> None:
    while True:
        if done():
            return
        await asyncio.sleep(0)
