"""Our two ends of USB/IP against an independent implementation of each, and against servers that lie."""

import array
import asyncio
import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import usb.core
import usb.util
import usbip
from usbip import protocol as usbip_protocol
from usbip.device import In, Out, USBDevice
from usbip.function import Interface

import bwc_sdk
from bwc_protocol.bindings import usb as descriptors
from bwc_sdk.errors import DeviceLost
from bwc_sdk.transport import usbip_client
from bwc_sdk.transport.usbip_backend import UsbIpBackend
from bwc_sdk.transport.usbip_client import Attachment, exported
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.usbip_connection import UsbIpConnection

LONG_MS = 20_000
"""Longer than an answer takes."""


def test_an_independent_host_finds_and_uses_our_device(lab: Any, camera: SimCamera) -> None:
    async def use(port: Any) -> None:
        server, number = lab.server_of(port)

        def work() -> tuple[Any, bytes, bytes]:
            with socket.create_connection((server, number)) as sock:
                listed = usbip_protocol.client_devlist(sock)
            with usbip.open(busid="1-1", transport=usbip.USBIP(server, number)) as handle:
                port.device.bulk.user = None
                handle.bulk_out(descriptors.BULK_OUT, b"nobody hears this")
                loop.call_soon_threadsafe(port.device.bulk.write, [b"to an independent host"])
                return (
                    listed,
                    handle.bulk_in(descriptors.BULK_IN, 512),
                    handle.control(0x80, 6, 0x0100, 0, 18),
                )

        loop = asyncio.get_running_loop()
        user = port.device.bulk.user
        listed, came, device = await asyncio.to_thread(work)
        port.device.bulk.user = user
        assert [one["busid"] for one in listed] == ["1-1"]
        assert listed[0]["interfaces"] == [(2, 2, 0), (10, 0, 0), (0xFF, 0x42, 1)]
        assert came == b"to an independent host"
        assert device == descriptors.device_descriptor()

    lab.plugged(camera, use)


class _Echo(Interface):
    to_host = In(0x81, "bulk", mps=512)
    to_device = Out(0x01, "bulk", mps=512)

    def on_out(self, ep: Any, data: bytes) -> None:
        self.to_host.write(data)


@contextmanager
def independent_device() -> Iterator[Any]:
    """A device of another implementation, as stock pyusb sees it through our backend."""
    device = USBDevice(0x1209, 0x0001, product="Echo", serial="S1")
    device.set_speed(usbip.SPEED_HIGH)
    device.add(_Echo())
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(
                    target=usbip_protocol.serve_connection, args=(sock, [device]), daemon=True
                ).start()

        threading.Thread(target=serve, daemon=True).start()
        found = usb.core.find(backend=UsbIpBackend(listener.getsockname()), idVendor=0x1209)
        try:
            yield found
        finally:
            usb.util.dispose_resources(found)
            listener.shutdown(socket.SHUT_RDWR)


def test_pyusb_reaches_an_independent_device() -> None:
    with independent_device() as device:
        assert device.get_active_configuration()[(0, 0)].bNumEndpoints == 2
        buffer = array.array("B", bytes(65_536))
        for size in (1, 511, 512, 513, 60_000):
            data = bytes(range(256)) * 300
            assert device.write(0x01, data[:size], LONG_MS) == size
            assert bytes(buffer[: device.read(0x81, buffer, LONG_MS)]) == data[:size]


def test_a_read_in_vain_is_taken_back_and_the_next_one_gets_the_bytes() -> None:
    with independent_device() as device:
        for _ in range(3):
            with pytest.raises(usb.core.USBTimeoutError) as caught:
                device.read(0x81, 512, 20)
            assert caught.value.errno == errno.ETIMEDOUT
        device.write(0x01, b"late", LONG_MS)
        assert bytes(device.read(0x81, 512, LONG_MS)) == b"late"


def test_a_device_that_was_opened_once_tells_all_of_itself() -> None:
    with independent_device() as device:
        assert device.iProduct == 0, "a server's list does not tell"
        device.get_active_configuration()
        again = usb.core.find(backend=device.backend)
        assert (again.product, again.serial_number, again.port_numbers) == ("Echo", "S1", (1,))
        usb.util.dispose_resources(again)


def test_interfaces_are_claimed_by_one_handle_each() -> None:
    with independent_device() as device:
        usb.util.claim_interface(device, 0)
        other = usb.core.find(backend=device.backend)
        with pytest.raises(usb.core.USBError) as caught:
            usb.util.claim_interface(other, 0)
        assert caught.value.errno == errno.EBUSY
        usb.util.release_interface(device, 0)
        usb.util.claim_interface(other, 0)
        usb.util.dispose_resources(other)


# Servers that lie


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """One that `answer` plays, a connection at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with sock:
                    try:
                        answer(sock)
                    except OSError:
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _receive(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise OSError("gone")
        data += piece
    return data


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        (struct.pack(">HHII", 0x0111, 5, 0, 10_000), "10000 devices"),
        (struct.pack(">HHI", 0x0111, 9, 0), "no USB/IP"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no USB/IP"),
        (struct.pack(">HHII", 0x0111, 5, 0, 3) + bytes(100), "ended"),
        (b"", "ended"),
    ],
    ids=["10,000 devices", "another reply", "another protocol", "cut off", "nothing"],
)
def test_a_server_that_lies_about_what_there_is_gets_an_error(reply: bytes, rule: str) -> None:
    def answer(sock: socket.socket) -> None:
        _receive(sock, 8)
        sock.sendall(reply)

    with server(answer) as address, pytest.raises(OSError, match=rule):
        exported(address)


def attached(then: Callable[[socket.socket, bytes], None]) -> Callable[[socket.socket], None]:
    """A server that attaches, and answers each command by `then`."""

    def answer(sock: socket.socket) -> None:
        _receive(sock, 40)
        sock.sendall(struct.pack(">HHI", 0x0111, 3, 0) + bytes(312))
        while True:
            then(sock, _receive(sock, 48))

    return answer


def returned(
    command: bytes, size: int, data: bytes = b"", *, kind: int = 3, number: int | None = None
) -> bytes:
    (own,) = struct.unpack_from(">I", command, 4)
    return (
        struct.pack(">IIIIIiiiii8x", kind, own if number is None else number, 0, 0, 0, 0, size, 0, 0, 0)
        + data
    )


@pytest.mark.parametrize(
    "lie",
    [
        lambda command: returned(command, 5000, bytes(5000)),
        lambda command: returned(command, -1),
        lambda command: returned(command, 0, number=77),
        lambda command: returned(command, 0, kind=9),
        lambda command: returned(command, 512, bytes(100)),
    ],
    ids=["too much", "less than nothing", "another number", "another kind", "cut off"],
)
def test_a_server_that_lies_about_a_transfer_is_a_device_that_is_gone(
    lie: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usbip_client, "STALLED_S", 0.2)
    with server(attached(lambda sock, command: sock.sendall(lie(command)))) as address:
        attachment = Attachment(address, "1-1")
        with pytest.raises(OSError) as caught:
            attachment.read(1, memoryview(bytearray(512)), 2.0)
        assert caught.value.errno == errno.ENODEV
        with pytest.raises(OSError) as caught:
            attachment.write(1, memoryview(b"x"), 2.0)
        assert caught.value.errno == errno.ENODEV, "and stays gone"
        attachment.close()


def test_a_server_that_takes_no_transfer_back_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usbip_client, "UNLINK_S", 0.1)
    with server(attached(lambda sock, command: None)) as address:
        attachment = Attachment(address, "1-1")
        with pytest.raises(OSError) as caught:
            attachment.read(1, memoryview(bytearray(512)), 0.05)
        assert caught.value.errno == errno.ENODEV
        attachment.close()


def test_an_answer_that_crosses_the_taking_back_counts() -> None:
    def cross(sock: socket.socket, command: bytes) -> None:
        kind, number, *_, victim = struct.unpack_from(">IIIIII", command)
        if kind == 2:
            sock.sendall(
                returned(command, 4, b"late", number=victim) + returned(command, 0, kind=4, number=number)
            )

    with server(attached(cross)) as address:
        attachment = Attachment(address, "1-1")
        into = bytearray(512)
        assert attachment.read(1, memoryview(into), 0.02) == 4
        assert into[:4] == b"late"
        attachment.close()


def test_hosts_of_our_server_that_lie_are_cut_off(lab: Any, camera: SimCamera) -> None:
    """Nonsense, a transfer of less than nothing, an isochronous one, an unknown command."""
    attach = struct.pack(">HHI32s", 0x0111, 0x8003, 0, b"1-1")
    lies = [
        struct.pack(">HHI", 0x0111, 0x1234, 0),
        b"GET / HTTP/1.1\r\n\r\n",
        attach + struct.pack(">IIIIIIiiii8s", 1, 1, 0, 1, 1, 0, -5, 0, 0, 0, b""),
        attach + struct.pack(">IIIIIIiiii8s", 1, 1, 0, 1, 1, 0, 64, 0, 4, 0, b""),
        attach + struct.pack(">IIIIIIiiii8s", 9, 1, 0, 1, 1, 0, 0, 0, 0, 0, b""),
    ]

    async def use(port: Any) -> None:
        for lie in lies:
            reader, writer = await asyncio.open_connection(*lab.server_of(port))
            writer.write(lie)
            while await reader.read(4096):
                pass
            writer.close()
            await writer.wait_closed()
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            assert await host.device.status()

    lab.plugged(camera, use)


def test_an_answer_that_waits_to_be_sent_survives_what_follows_its_question(
    lab: Any, camera: SimCamera
) -> None:
    """A list, and bytes that mean nothing behind it: in one piece as in two, the list arrives."""

    async def use(port: Any) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        connection = UsbIpConnection(ours, port)
        full = True

        def write_some(parts: list[bytes | memoryview]) -> int:
            if full:
                raise BlockingIOError
            return ours.sendmsg(parts)

        connection._outflow._write_some = write_some
        question = struct.pack(">HHI", 0x0111, 0x8005, 0)
        connection.received(question + b"\xff" * 8)
        full = False
        loop = asyncio.get_running_loop()
        answer = b""
        while piece := await loop.sock_recv(theirs, 4096):
            answer += piece
        assert struct.unpack_from(">HHII", answer) == (0x0111, 0x0005, 0, 1)
        theirs.close()

    lab.plugged(camera, use)


@pytest.mark.parametrize("goes", ["reboots", "is unplugged"])
def test_whoever_asks_what_there_is_is_answered_while_the_device_goes(
    lab: Any, camera: SimCamera, goes: str
) -> None:
    """Its connection is to the server, and not to the device."""

    async def use(port: Any) -> tuple[int, ...]:
        reader, writer = await asyncio.open_connection(*lab.server_of(port))
        async with bwc_sdk.connect(port.uri, allow_insecure=True) as host:
            await host.device.status()
            camera.crash() if goes == "reboots" else port.unplug()
            with pytest.raises(DeviceLost):
                await host.device.status()
        writer.write(struct.pack(">HHI", 0x0111, 0x8005, 0))
        answer = struct.unpack(">HHII", await reader.readexactly(12))
        writer.close()
        return answer

    assert lab.plugged(camera, use) == (0x0111, 0x0005, 0, 0)
