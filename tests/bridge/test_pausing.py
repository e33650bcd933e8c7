"""A transport that is held back passes nothing on, loses nothing, and holds little."""

import asyncio
import os
import queue
import socket
import tty
from collections.abc import Callable
from typing import Any

import pytest

from bwc_sdk.errors import DeviceLost
from bwc_sdk.transport import Limits, Pausable, Transport
from bwc_sdk.transport import blocking as blocking_module
from bwc_sdk.transport.blocking import BlockingTransport
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri


class Receiver:
    def __init__(self) -> None:
        self.data = bytearray()
        self.came = asyncio.Event()
        self.error: Exception | None = None

    def received(self, data: bytes | memoryview) -> None:
        self.data += data
        self.came.set()

    def lost(self, error: Exception) -> None:
        self.error = error
        self.came.set()

    def writable(self) -> None: ...

    async def until(self, size: int) -> None:
        while len(self.data) < size and self.error is None:
            self.came.clear()
            await self.came.wait()


class Feed(BlockingTransport):
    """A blocking library that gives what a queue has."""

    def __init__(self) -> None:
        super().__init__("test:", Limits(1024))
        self.queue: queue.Queue[bytes | None] = queue.Queue()

    def _open_device(self) -> None: ...

    def _read_some(self) -> bytes:
        data = self.queue.get()
        if data is None:
            raise OSError("gone")
        return data

    def _write_all(self, data: bytes) -> None: ...

    def _close_device(self) -> None: ...

    def _interrupt(self) -> None:
        self.queue.put(b"")


class Link:
    """A transport and what writes into its other end."""

    def __init__(self, kind: str) -> None:
        self.closing: list[Callable[[], None]] = []
        self.transport: Transport
        if kind == "blocking":
            feed = Feed()
            self.transport, self.send = feed, feed.queue.put
            self.end: Callable[[], Any] = lambda: feed.queue.put(None)
        elif kind == "pty":
            master, slave = os.openpty()
            tty.setraw(slave)
            os.set_blocking(master, False)
            self.transport = transport_for(DeviceUri.parse(f"serial:{os.ttyname(slave)}"))
            os.close(slave)
            self.send = lambda data: os.write(master, data)
            self.end = lambda: os.close(master)
        else:
            listener = socket.create_server(("127.0.0.1", 0))
            self.transport = transport_for(DeviceUri.parse(f"tcp:127.0.0.1:{listener.getsockname()[1]}"))
            self._listener = listener
            self.send = lambda data: self._accepted().send(data)
            self.end = lambda: (self._accepted().close(), listener.close())
        self._sock: socket.socket | None = None

    def _accepted(self) -> socket.socket:
        if self._sock is None:
            self._sock, _ = self._listener.accept()
        return self._sock


@pytest.mark.parametrize("kind", ["tcp", "pty", "blocking"])
def test_nothing_comes_while_it_is_held_back_and_all_of_it_after(kind: str) -> None:
    async def main() -> None:
        link, receiver = Link(kind), Receiver()
        transport = link.transport
        assert isinstance(transport, Pausable)
        await transport.open(receiver)
        link.send(b"before")
        await receiver.until(6)
        for _ in range(3):
            size = len(receiver.data)
            transport.pause()
            transport.pause()
            link.send(b"held")
            for _ in range(10):
                await asyncio.to_thread(int)  # the loop and other threads have their turns
            assert len(receiver.data) == size
            transport.resume()
            transport.resume()
            await receiver.until(size + 4)
        assert receiver.data == b"before" + 3 * b"held"
        transport.pause()
        transport.resume()
        link.end()
        await receiver.until(1 << 30)
        assert isinstance(receiver.error, DeviceLost)
        transport.pause()
        transport.resume()
        await transport.close()
        transport.pause()
        transport.resume()

    asyncio.run(main())


def test_a_blocking_library_is_read_no_more_when_the_backlog_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking_module, "BACKLOG_MAX", 10_000)

    async def main() -> None:
        link, receiver = Link("blocking"), Receiver()
        feed: Any = link.transport
        await feed.open(receiver)
        feed.pause()
        for _ in range(100):
            link.send(bytes(1000))
        for _ in range(20):
            await asyncio.to_thread(int)
        assert feed.queue.qsize() > 80 and not receiver.data
        feed.resume()
        await receiver.until(100_000)
        assert len(receiver.data) == 100_000
        await feed.close()

    asyncio.run(main())


def test_what_came_before_the_end_is_told_before_it_also_while_held_back() -> None:
    async def main() -> None:
        link, receiver = Link("blocking"), Receiver()
        await link.transport.open(receiver)
        assert isinstance(link.transport, Pausable)
        link.transport.pause()
        link.send(b"the last words")
        link.end()
        await receiver.until(1 << 30)
        assert isinstance(receiver.error, DeviceLost)
        assert receiver.data == b"the last words"
        await link.transport.close()

    asyncio.run(main())
