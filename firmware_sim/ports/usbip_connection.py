"""The device's end of one USB/IP connection: it asks what there is, or attaches and then carries transfers.

Not the package `usbip` (0.7, beta), which serves each connection in a thread of its own: here the event loop does, so
that a transfer meets the camera where it is. Tests have it as an independent other end.
"""

import errno
import socket
import struct
from collections.abc import Callable
from typing import Final, Protocol

from bwc_protocol.bindings import usb
from firmware_sim.ports.file_descriptor import DescriptorPipe
from firmware_sim.ports.usb_device import STALL, Setup, UsbDevice
from firmware_sim.ports.usb_pipe import PARKED_MAX, BulkPipe, InTransfer

BUS_ID: Final = "1-1"
HANDSHAKE_S: Final = 5.0
"""A connection that does not attach within this, or attaches and asks for no transfer, is closed."""
OUTPUT_MAX: Final = 16_777_216
"""Bytes of answers that wait for a host that does not read; then it is cut off."""
CONTROL_MAX: Final = 4_096
"""Bytes from the host in one control transfer; the longest that means anything has 7."""

# Operations, before a device is attached
_VERSION: Final = 0x0111
_DEVLIST, _IMPORT = 0x8005, 0x8003
_REPLY: Final = 0x7FFF
"""A reply's code is its request's without the highest bit."""
_OK, _BUSY, _NO_DEVICE = 0, 2, 4
_OPERATION: Final = struct.Struct(">HHI")
_RECORD: Final = struct.Struct(">256s32sIIIHHHBBBBBB")
_BUS_ID_SIZE: Final = 32
_HIGH_SPEED: Final = 3
_BUS, _ADDRESS = 1, 2

# Commands, once it is
_SUBMIT, _UNLINK, _RET_SUBMIT, _RET_UNLINK = 1, 2, 3, 4
_COMMAND: Final = struct.Struct(">IIIIIIiiii8s")
_RETURN: Final = struct.Struct(">IIIIIiiiii8x")
_TO_HOST: Final = 1


class Port(Protocol):
    """Where connections come from, and what they attach to."""

    device: UsbDevice

    def on_bus(self) -> bool: ...

    def take(self, connection: "UsbIpConnection") -> bool: ...

    def closed(self, connection: "UsbIpConnection") -> None: ...


class UsbIpConnection(DescriptorPipe):
    """One connection, from its first byte on."""

    def __init__(self, sock: socket.socket, port: Port) -> None:
        self._sock = sock
        self._port = port
        self._device = port.device
        self._input = bytearray()
        self._wanted = _OPERATION.size
        self._heard: Callable[[bytes], None] = self._operation
        self._payload_left = 0
        self._payload: Callable[[memoryview], None] = self._discard
        self._payload_end: Callable[[], None] = lambda: None
        self._notify: set[int] = set()
        """Numbers of the transfers that wait at the serial function's interrupt endpoint, for ever."""
        self.settled = False
        """Whether it has attached, and uses the device."""
        super().__init__(sock.fileno(), 0)
        self.user = self
        self._limit = self._loop.call_later(HANDSHAKE_S, self.pull)

    def _read_into(self, view: memoryview) -> int:
        return self._sock.recv_into(view)

    def _write_some(self, parts: list[bytes | memoryview]) -> int:
        return self._sock.sendmsg(parts)

    def _gone(self) -> None:
        self._lose()

    def _close(self) -> None:
        self._limit.cancel()
        self._sock.close()
        self._port.closed(self)

    # What comes: it is the user of its own socket

    def writable(self) -> None: ...

    def host_left(self) -> None: ...

    def lost(self) -> None: ...

    def received(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view and self._fd >= 0 and not self._ending:
            if self._payload_left:
                piece = view[: self._payload_left]
                self._payload_left -= len(piece)
                self._payload(piece)
                if not self._payload_left:
                    self._payload_end()
            else:
                piece = view[: self._wanted - len(self._input)]
                self._input += piece
                if len(self._input) == self._wanted:
                    raw, self._input = bytes(self._input), bytearray()
                    self._heard(raw)
            view = view[len(piece) :]

    # Before it attaches

    def _operation(self, raw: bytes) -> None:
        _, code, _ = _OPERATION.unpack(raw)
        if code == _DEVLIST:
            self._list()
        elif code == _IMPORT:
            self._wanted, self._heard = _BUS_ID_SIZE, self._attach
        else:
            self.pull()

    def _list(self) -> None:
        devices = [self._record() + self._interfaces()] if self._port.on_bus() else []
        self._reply(_DEVLIST, _OK, len(devices).to_bytes(4, "big"), *devices)
        self.restarted()  # that was all: it closes once this is sent

    def _attach(self, raw: bytes) -> None:
        name = raw.split(b"\0")[0]
        if name != BUS_ID.encode() or not self._port.on_bus():
            self._reply(_IMPORT, _NO_DEVICE)
            self.restarted()
        elif not self._port.take(self):
            self._reply(_IMPORT, _BUSY)
            self.restarted()
        else:
            self._limit.cancel()
            self._limit = self._loop.call_later(HANDSHAKE_S, self.pull)
            self._reply(_IMPORT, _OK, self._record())
            self._wanted, self._heard = _COMMAND.size, self._command

    def _reply(self, request: int, status: int, *body: bytes) -> None:
        self.write([_OPERATION.pack(_VERSION, request & _REPLY, status), *body])

    def _record(self) -> bytes:
        device = usb.DEVICE.parse(self._device.descriptors[usb.DEVICE_TYPE])
        configuration = self._device.descriptors[usb.CONFIGURATION_TYPE]
        return _RECORD.pack(
            f"/sys/devices/platform/vhci_hcd.0/usb1/{BUS_ID}".encode(),
            BUS_ID.encode(),
            _BUS,
            _ADDRESS,
            _HIGH_SPEED,
            device.idVendor,
            device.idProduct,
            device.bcdDevice,
            device.bDeviceClass,
            device.bDeviceSubClass,
            device.bDeviceProtocol,
            1,  # the value of its one configuration
            device.bNumConfigurations,
            configuration[4],
        )

    def _interfaces(self) -> bytes:
        """Class, subclass and protocol of as many interfaces as the configuration claims to have."""
        configuration = self._device.descriptors[usb.CONFIGURATION_TYPE]
        found, rest = b"", configuration
        while rest and rest[0]:
            if rest[1] == usb.INTERFACE_TYPE:
                found += rest[5:8] + b"\0"
            rest = rest[rest[0] :]
        size = 4 * configuration[4]
        return found[:size].ljust(size, b"\0")

    # Once it is attached

    def _command(self, raw: bytes) -> None:
        if not self.settled:
            self.settled = True
            self._limit.cancel()
        command, number, _, direction, endpoint, flags, length, _, packets, _, setup = _COMMAND.unpack(raw)
        if command == _UNLINK:
            self._unlink(number, flags)
        elif command != _SUBMIT or length < 0 or packets > 0:
            self.pull()  # no command, or an isochronous transfer: what follows cannot be told apart
        elif endpoint == 0:
            self._control(number, direction, length, Setup.parse(setup))
        elif direction == _TO_HOST:
            self._in(number, endpoint | 0x80, length)
        else:
            self._out(number, endpoint, length)

    def _unlink(self, number: int, victim: int) -> None:
        waited = victim in self._notify or any(
            pipe.cancel(victim) for pipe in (self._device.bulk, self._device.serial)
        )
        self._notify.discard(victim)
        # 0 says that its answer is on the way already.
        self._return(_RET_UNLINK, number, -errno.ECONNRESET if waited else 0, 0)

    def _control(self, number: int, direction: int, length: int, setup: Setup) -> None:
        data = bytearray()

        def keep(piece: memoryview) -> None:
            data.extend(piece[: CONTROL_MAX - len(data)])

        def end() -> None:
            answer = self._device.control(setup, bytes(data))
            if answer is None:
                self._return(_RET_SUBMIT, number, STALL, 0)
            elif direction == _TO_HOST:
                self._return(_RET_SUBMIT, number, 0, len(answer), answer)
            else:
                self._return(_RET_SUBMIT, number, 0, length)

        if direction == _TO_HOST:
            end()
        else:
            self._expect(length, keep, end)

    def _in(self, number: int, endpoint: int, length: int) -> None:
        pipe = self._pipe_to_host(endpoint)
        if endpoint == usb.SERIAL_NOTIFY and len(self._notify) < PARKED_MAX:
            self._notify.add(number)
        elif pipe is None:
            self._return(_RET_SUBMIT, number, STALL, 0)
        else:

            def done(status: int, parts: list[bytes | memoryview]) -> None:
                self._return(_RET_SUBMIT, number, status, sum(map(len, parts)), *parts)

            pipe.ask(InTransfer(number, length, done))

    def _pipe_to_host(self, endpoint: int) -> BulkPipe | None:
        pipe = self._device.pipes.get(endpoint)
        return pipe if pipe is not None and pipe.endpoints[0] == endpoint else None

    def _out(self, number: int, endpoint: int, length: int) -> None:
        pipe = self._device.pipes.get(endpoint)
        if pipe is None or endpoint in pipe.halted:
            self._expect(length, self._discard, lambda: self._return(_RET_SUBMIT, number, STALL, 0))
            return

        def end() -> None:
            pipe.end_of_transfer(length)
            self._return(_RET_SUBMIT, number, 0, length)

        self._expect(length, pipe.take, end)

    def _expect(self, length: int, payload: Callable[[memoryview], None], end: Callable[[], None]) -> None:
        """Has the next `length` bytes handed to `payload` as they come, then calls `end`."""
        self._payload_left, self._payload, self._payload_end = length, payload, end
        if not length:
            end()

    def _discard(self, piece: memoryview) -> None: ...

    def _return(self, kind: int, number: int, status: int, size: int, *parts: bytes | memoryview) -> None:
        if self._fd < 0:
            return
        if self._outflow.waiting > OUTPUT_MAX:
            self.pull()
            return
        # Bus, direction and endpoint are those of the request, which the host knows; they are 0 in an answer.
        self.write([_RETURN.pack(kind, number, 0, 0, 0, status, size, 0, 0, 0), *parts])
