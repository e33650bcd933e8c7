"""A device without a protocol, and clients without an SDK: what a bridge copies is just bytes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bwc_sdk.bridge import Bridge, BridgeEvent, ClientCame, ClientLeft, ClientRefused
from bwc_sdk.errors import PortNotFound
from bwc_sdk.transport import Limits, Receiver


class Device:
    """One opened device: a transport that a test plays."""

    name = "test:"
    limits = Limits(1024)

    def __init__(self, owner: "Bench") -> None:
        self._owner = owner
        self.receiver: Receiver | None = None
        self.got = bytearray()
        self.written = asyncio.Event()
        self.capacity: int | None = None
        """Bytes that it still takes; None: any number."""

    async def open(self, receiver: Receiver) -> None:
        await self._owner.opening()
        if self._owner.absent:
            raise PortNotFound("there is no such port", device=self.name)
        assert self._owner.open_now == 0, "the device is opened exclusively"
        self._owner.open_now += 1
        self.receiver = receiver
        self._owner.devices.append(self)
        self._owner.opened.set()

    def room(self) -> int:
        assert self.receiver is not None, "an opened device is asked"
        return 65_536 if self.capacity is None else self.capacity

    def write(self, parts: list[bytes]) -> None:
        size = sum(map(len, parts))
        assert size <= self.room()
        self.got += b"".join(parts)
        self.written.set()
        if self.capacity is not None:
            self.capacity -= size

    def take(self, size: int | None) -> None:
        """Makes room."""
        self.capacity = size
        if self.receiver is not None:
            self.receiver.writable()

    def send(self, data: bytes) -> None:
        """The device says something; the buffer is used again, as that of a real transport."""
        assert self.receiver is not None
        buffer = bytearray(data)
        self.receiver.received(memoryview(buffer))
        buffer[:] = bytes(len(buffer))

    def unplug(self) -> None:
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.lost(OSError("unplugged"))

    async def close(self) -> None:
        if self in self._owner.devices and not self._closed:
            self._owner.open_now -= 1
        self._closed = True
        self.receiver = None

    _closed = False


class PausableDevice(Device):
    """A device that can be held back."""

    def __init__(self, owner: "Bench") -> None:
        super().__init__(owner)
        self.paused = False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


async def at_once() -> None:
    """Opening takes no time."""


@dataclass
class Bench:
    """A bridge, its devices, and what it told."""

    kind: type[Device] = Device
    absent: bool = False
    open_now: int = 0
    devices: list[Device] = field(default_factory=list)
    on_event: list[BridgeEvent] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    opening: Callable[[], "asyncio.Future[None]"] = at_once

    def bridge(self) -> Bridge:
        return Bridge(lambda: self.kind(self), on_event=self._hear)

    async def client(self, bridge: Bridge) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that is served: its device is open."""
        self.opened.clear()
        streams = await self.knock(bridge)
        await self.opened.wait()
        return streams

    async def knock(self, bridge: Bridge) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that may be refused."""
        _, host, port = bridge.uri.split(":")
        return await asyncio.open_connection(host, int(port))

    async def until(self, kind: type[BridgeEvent]) -> BridgeEvent:
        """The first event of a kind, once it is told."""
        while not (found := [event for event in self.on_event if isinstance(event, kind)]):
            self._heard.clear()
            await self._heard.wait()
        return found[0]

    def _hear(self, event: BridgeEvent) -> None:
        self.on_event.append(event)
        self._heard.set()

    @property
    def names(self) -> list[str]:
        short = {ClientCame: "came", ClientLeft: "left", ClientRefused: "refused"}
        return [short[type(event)] for event in self.on_event]


@pytest.fixture
def bench() -> Callable[..., Bench]:
    return Bench


@pytest.fixture
def pausable() -> type[Device]:
    return PausableDevice
