"""A simulated camera on a virtual USB bus, and stock pyusb on the same event loop's process."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bwc_sdk.transport import usbip_client
from bwc_sdk.transport.uri import DeviceUri
from bwc_sdk.transport.usb import UsbTransport
from firmware_sim.camera.camera import SimCamera
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.ports import door, usbip_connection
from firmware_sim.ports.usbip import UsbIpPort, camera_on_usb
from firmware_sim.scenarios import Footage, make_camera

BOUND_S = 45.0
"""Everything here ends within this, or a test fails."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of this very process is busy with other work at times, and not gone; nor is its host."""
    monkeypatch.setattr(usbip_client, "UNLINK_S", 20.0)
    monkeypatch.setattr(usbip_client, "STALLED_S", 20.0)
    monkeypatch.setattr(usbip_connection, "HANDSHAKE_S", BOUND_S)
    monkeypatch.setattr(door, "SILENT_S", BOUND_S)
    monkeypatch.setattr(door, "WITHOUT_LINK_S", BOUND_S)


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = make_camera(
        seed=7,
        recordings=1,
        mib=2,
        footage=Footage.SYNTHETIC,
        state=None,
        faults=FaultPlan.parse("", 7),
    )
    yield made
    made.close()


@dataclass
class Firmware:
    """A device that is no camera: it keeps what comes."""

    came: bytearray = field(default_factory=bytearray)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    hosts_left: int = 0

    def received(self, data: bytes | memoryview) -> None:
        self.came += data
        self.heard.set()

    def writable(self) -> None: ...

    def host_left(self) -> None:
        self.hosts_left += 1

    def lost(self) -> None: ...

    async def has(self, size: int) -> bytes:
        """What came, once it is so many bytes."""
        while len(self.came) < size:
            self.heard.clear()
            await self.heard.wait()
        return bytes(self.came)


@dataclass
class Host:
    """A transport's receiver that keeps what comes."""

    came: bytearray = field(default_factory=bytearray)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    def received(self, data: bytes | memoryview) -> None:
        self.came += data
        self.heard.set()

    def lost(self, error: Exception) -> None:
        assert self.error is None, "told twice"
        self.error = error
        self.heard.set()

    def writable(self) -> None: ...

    async def has(self, size: int) -> bytes:
        while len(self.came) < size and self.error is None:
            self.heard.clear()
            await self.heard.wait()
        return bytes(self.came)

    async def ends(self) -> Exception:
        while self.error is None:
            self.heard.clear()
            await self.heard.wait()
        return self.error


class Lab:
    """What the tests ask for; each call is an event loop of its own, bounded."""

    @staticmethod
    def plugged(
        camera: SimCamera,
        use: Callable[[UsbIpPort], Awaitable[Any]],
        descriptors: Mapping[int, bytes] | None = None,
        faults: str = "",
    ) -> Any:
        """Plugs the camera in while `use` runs. `faults` is a plan that is played on the pipe."""

        async def run() -> Any:
            async with asyncio.timeout(BOUND_S):
                plan = FaultCount(FaultPlan.parse(faults, 7)) if faults else None
                port = camera_on_usb(camera, faults=plan, descriptors=descriptors)
                try:
                    return await use(port)
                finally:
                    port.close()

        return asyncio.run(run())

    @staticmethod
    def bare(
        use: Callable[[UsbIpPort, Firmware, Host, UsbTransport], Awaitable[Any]],
        backend: Callable[[tuple[str, int]], object] | None = None,
    ) -> Any:
        """A device without a camera behind it, and a transport that is open to its bulk interface."""

        async def run() -> Any:
            async with asyncio.timeout(BOUND_S):
                port, firmware, host = UsbIpPort(), Firmware(), Host()
                port.device.bulk.user = firmware
                made = backend(Lab.server_of(port)) if backend is not None else None
                transport = UsbTransport(DeviceUri.parse(port.uri), made)
                await transport.open(host)
                try:
                    return await use(port, firmware, host, transport)
                finally:
                    await transport.close()
                    port.close()

        return asyncio.run(run())

    @staticmethod
    def server_of(port: UsbIpPort) -> tuple[str, int]:
        """Host and port of the USB/IP server."""
        host, number = port.uri.partition("usbip=")[2].split(":")
        return host, int(number)


@pytest.fixture
def lab() -> Lab:
    return Lab()
