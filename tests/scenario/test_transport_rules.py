"""What the section on transports asks of both ends, over real lines (spec: Transports)."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.frame import CRC_SIZE, HEADER, HEADER_SIZE, SYNC, FrameParser
from bwc_sdk.bridge import Bridge
from bwc_sdk.transport import Receiver
from bwc_sdk.transport.serial import SerialTransport
from bwc_sdk.transport.serial_threads import ThreadedSerialTransport
from bwc_sdk.transport.tcp import TcpTransport
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.pty import PtyPort
from firmware_sim.ports.tcp import TcpPort
from firmware_sim.ports.usbip import camera_on_usb
from firmware_sim.scenarios import Footage, make_camera

BOUND_S = 40.0
Shell = type[SerialTransport] | type[ThreadedSerialTransport] | type[TcpTransport]
LINES = [
    pytest.param(PtyPort, SerialTransport, id="serial"),
    pytest.param(PtyPort, ThreadedSerialTransport, id="serial by threads"),
    pytest.param(TcpPort, TcpTransport, id="tcp"),
]
NUL = b"\0"
"""What a receiver reads of a break."""


class Overheard:
    """A pipe and its owner, with everything kept that passes; each read is followed by `noise`."""

    def __init__(self, pipe: Any, noise: bytes = b"") -> None:
        self.name, self.limits = pipe.name, pipe.limits
        self.sent, self.got = bytearray(), bytearray()
        self._pipe, self._noise = pipe, noise
        self.room, self.close = pipe.room, pipe.close

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.lost, self.writable = receiver.lost, receiver.writable
        await self._pipe.open(self)

    def write(self, parts: list[bytes]) -> None:
        self.sent += b"".join(parts)
        self._pipe.write([self._noise, *parts] if self._noise else parts)

    def received(self, data: bytes | memoryview) -> None:
        self.got += data
        self._receiver.received(data)
        if self._noise:
            self._receiver.received(self._noise)


def overhear(
    port_of: Callable[[SimCamera], Any],
    shell: Shell,
    use: Callable[[bwc_sdk.Camera], Awaitable[None]],
    noise: bytes = b"",
) -> Overheard:
    """Uses a camera behind a real line, and gives all that passed."""

    async def main() -> Overheard:
        camera = make_camera(seed=4, recordings=1, mib=1, footage=Footage.SYNTHETIC)
        port = port_of(camera)
        try:
            async with asyncio.timeout(BOUND_S):
                line = Overheard(shell(DeviceUri.parse(port.uri)), noise)
                async with bwc_sdk.connect(line, role=Role.BENCH, allow_insecure=True) as host:
                    await use(host)
                return line
        finally:
            port.close()
            camera.close()

    return asyncio.run(main())


def bytes_outside_frames(data: bytes) -> int:
    """How many bytes are not of a whole good frame."""
    found = FrameParser(61_440).feed(data, 0.0)
    return len(data) - sum(HEADER_SIZE + (len(f.payload) + CRC_SIZE if f.payload else 0) for f in found)


async def a_visit(host: bwc_sdk.Camera) -> None:
    (entry,) = await host.recordings.list()
    manifest = await host.recordings.read_manifest(entry)
    assert await host.recordings.read_table(entry, manifest, 0)
    await host.config.apply({"recording.pre_event_s": 45})


@pytest.mark.rule("TRN-002")
@pytest.mark.parametrize(("port_of", "shell"), LINES)
def test_nothing_but_frames_passes_in_either_direction(
    port_of: Callable[[SimCamera], Any], shell: Shell
) -> None:
    """No greeting, no prompt, no echo, no log line: from the first byte to the last."""
    line = overhear(port_of, shell, a_visit)
    assert line.sent.startswith(SYNC) and line.got.startswith(SYNC)
    assert len(line.sent) > 10 * HEADER.size and len(line.got) > 10 * HEADER.size
    assert (bytes_outside_frames(bytes(line.sent)), bytes_outside_frames(bytes(line.got))) == (0, 0)
    assert bytes_outside_frames(b"login: " + line.got) == 7, "it would be noticed"


@pytest.mark.rule("TRN-002")
def test_a_device_that_restarts_says_nothing_on_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Firmware would print its boot messages there, if it were allowed to."""
    monkeypatch.setattr("firmware_sim.device.device.BOOT_S", 0.05)

    async def main() -> None:
        camera = make_camera(seed=4, recordings=0, footage=Footage.SYNTHETIC)
        port = PtyPort(camera)
        fd = os.open(port.uri.removeprefix("serial:"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            camera.crash()
            async with asyncio.timeout(BOUND_S):
                while not camera.awake():  # noqa: ASYNC110  # it boots, and says nothing
                    await asyncio.sleep(0.01)
            for _ in range(10):
                await asyncio.sleep(0)  # whatever it does first
            with pytest.raises(BlockingIOError):
                os.read(fd, 100)
        finally:
            os.close(fd)
            port.close()
            camera.close()

    asyncio.run(main())


@pytest.mark.rule("TRN-003")
@pytest.mark.parametrize("shell", [SerialTransport, ThreadedSerialTransport])
def test_a_break_means_nothing_to_either_end(shell: Shell) -> None:
    overhear(PtyPort, shell, a_visit, noise=NUL)


@pytest.mark.rule("TRN-003")
@pytest.mark.parametrize("shell", [SerialTransport, ThreadedSerialTransport])
def test_no_modem_line_is_waited_for_or_set(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port whose CTS, DSR and carrier are off: it is opened, written and read all the same."""
    import serial

    opened: list[serial.Serial] = []
    real = serial.Serial

    def watched(*args: Any, **options: Any) -> serial.Serial:
        opened.append(real(*args, **options))
        return opened[-1]

    monkeypatch.setattr(serial, "Serial", watched)
    overhear(PtyPort, shell, a_visit)
    (port,) = opened
    assert (port.rtscts, port.dsrdtr, port.xonxoff) == (False, False, False)


@pytest.mark.rule("TRN-005")
@pytest.mark.parametrize("listen", [TcpPort, camera_on_usb], ids=["tcp", "usbip"])
def test_the_simulator_listens_on_loopback_unless_it_is_told_another(
    listen: Callable[[SimCamera], Any],
) -> None:
    async def main() -> None:
        camera = make_camera(seed=4, recordings=0, footage=Footage.SYNTHETIC)
        port = listen(camera)
        try:
            assert "127.0.0.1:" in port.uri
            number = int(port.uri.rpartition(":")[2])
            with pytest.raises(OSError):
                socket.create_connection(("127.0.0.2", number), timeout=1)
        finally:
            port.close()
            camera.close()

    asyncio.run(main())


@pytest.mark.rule("TRN-005")
def test_a_bridge_listens_on_loopback_unless_it_is_told_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with Bridge(f"serial:{tmp_path}/camera") as bridge:
            assert bridge.uri.startswith("tcp:127.0.0.1:") and bridge.local_only

    asyncio.run(main())
