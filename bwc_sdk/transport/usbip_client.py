"""The host's end of USB/IP (`Documentation/usb/usbip_protocol.rst` in Linux), in user space.

One connection carries one attached device. Any number of threads may have a transfer each; one thread of the
connection's own receives for all of them, each into its caller's buffer. Errors are `OSError` with the number that
the kernel gives for the same thing.

Not the package `usbip` (0.7, beta): its host end has one transfer at a time, none with a timeout, and takes none back,
so a cable that is pulled would hang a reader. Tests have it as an independent other end of both of ours.
"""

import errno
import os
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bwc_sdk.host.exhaustion import lack_of

DEFAULT_PORT: Final = 3240
CONNECT_S: Final = 5.0
STALLED_S: Final = 5.0
"""A server that takes or finishes nothing for so long in the middle of a message is gone."""
UNLINK_S: Final = 5.0
"""Within this a server takes back a transfer that timed out, or it is gone. One that runs on a busy machine may be late
by a second or two, and a device that is unplugged is told by the end of the connection."""
DEVICES_MAX: Final = 255
INTERFACES_MAX: Final = 32
TRANSFER_MAX: Final = 16_777_216
"""Bytes of one transfer; libusb's users ask for a MiB at most."""

_VERSION: Final = 0x0111
_DEVLIST, _IMPORT = 0x8005, 0x8003
_OPERATION: Final = struct.Struct(">HHI")
_RECORD: Final = struct.Struct(">256s32sIIIHHHBBBBBB")
_REFUSALS: Final = {1: errno.ENODEV, 2: errno.EBUSY, 4: errno.ENODEV}
"""What the status of a refused operation means."""

_SUBMIT, _UNLINK, _RET_SUBMIT, _RET_UNLINK = 1, 2, 3, 4
_SUBMIT_FORM: Final = struct.Struct(">IIIIIIiiii8s")
_UNLINK_FORM: Final = struct.Struct(">IIIIII24x")
_RETURN: Final = struct.Struct(">IIIIIiiiii8x")
_NO_SETUP: Final = bytes(8)


@dataclass(frozen=True, slots=True)
class Exported:
    """A device as a server lists it."""

    bus_id: str
    bus: int
    address: int
    speed: int
    vendor_id: int
    product_id: int
    release: int
    device_class: tuple[int, int, int]
    configurations: int
    interfaces: tuple[tuple[int, int, int], ...] = ()


@dataclass(slots=True)
class _Transfer:
    into: memoryview | None
    """Where bytes for the host go; None for one to the device."""
    done: threading.Event = field(default_factory=threading.Event)
    status: int = 0
    size: int = 0


def exported(server: tuple[str, int]) -> tuple[Exported, ...]:
    """What a server exports. Raises `OSError`."""
    with _connected(server) as sock:
        _operate(sock, _DEVLIST)
        count = int.from_bytes(_receive(sock, 4), "big")
        if count > DEVICES_MAX:
            raise OSError(errno.EPROTO, f"the server claims {count} devices")
        return tuple(_listed(sock) for _ in range(count))


class Attachment:
    """One device, attached to this process until `close` or until the server ends it.

    Raises `OSError`: EBUSY when it is attached elsewhere, ENODEV when there is no such device.
    """

    def __init__(self, server: tuple[str, int], bus_id: str) -> None:
        self._sock = _connected(server)
        try:
            _operate(self._sock, _IMPORT, bus_id.encode()[:31].ljust(32, b"\0"))
            self.exported = _record(_receive(self._sock, _RECORD.size))
        except BaseException:
            self._sock.close()
            raise
        self._device = self.exported.bus << 16 | self.exported.address
        self._lock = threading.Lock()  # guards what follows
        self._number = 0
        self._pending: dict[int, _Transfer] = {}
        self._unlinking: dict[int, int] = {}
        self._gone = False
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._receiving, name="bwc-usbip", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._sock.close()
            raise lack_of(error) from error

    def close(self) -> None:
        """Detaches; what is under way fails with ENODEV."""
        self._end()
        if threading.current_thread() is not self._thread:
            self._thread.join(STALLED_S)

    def read(self, endpoint: int, into: memoryview, timeout_s: float | None, setup: bytes = _NO_SETUP) -> int:
        """Receives one transfer; its size. `endpoint` is a number, without the direction bit."""
        transfer = _Transfer(into)
        return self._transfer(transfer, 1, endpoint, len(into), (), timeout_s, setup)

    def write(
        self, endpoint: int, data: memoryview, timeout_s: float | None, setup: bytes = _NO_SETUP
    ) -> int:
        """Sends one transfer; how much of it the device took."""
        return self._transfer(_Transfer(None), 0, endpoint, len(data), (data,), timeout_s, setup)

    def _transfer(
        self,
        transfer: _Transfer,
        direction: int,
        endpoint: int,
        length: int,
        data: tuple[memoryview, ...],
        timeout_s: float | None,
        setup: bytes,
    ) -> int:
        if length > TRANSFER_MAX:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        number = self._enter(transfer)
        head = (_SUBMIT, number, self._device, direction, endpoint, 0, length, 0, -1, 0, setup)
        self._send(_SUBMIT_FORM.pack(*head), *data)
        if not transfer.done.wait(timeout_s):
            self._take_back(number, transfer)
        if transfer.status:
            raise OSError(-transfer.status, os.strerror(-transfer.status))
        return transfer.size

    def _enter(self, transfer: _Transfer) -> int:
        with self._lock:
            if self._gone:
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
            self._number = self._number % 0x7FFF_FFFF + 1
            self._pending[self._number] = transfer
            return self._number

    def _take_back(self, number: int, transfer: _Transfer) -> None:
        """Unlinks a transfer that timed out. It may finish meanwhile: then that counts, and no byte is lost."""
        with self._lock:
            self._number = unlink = self._number % 0x7FFF_FFFF + 1
            self._unlinking[unlink] = number
        self._send(_UNLINK_FORM.pack(_UNLINK, unlink, self._device, 0, 0, number))
        if not transfer.done.wait(UNLINK_S):
            self._end()

    def _send(self, *parts: bytes | memoryview) -> None:
        with self._sending:
            try:
                if len(parts) == 1 or len(parts[1]) == 0:
                    self._sock.sendall(parts[0])
                else:
                    self._sock.sendall(b"".join(parts))
            except OSError:
                self._end()  # which fails the transfer too

    # The thread that receives

    def _receiving(self) -> None:
        head = bytearray(_RETURN.size)
        try:
            while True:
                _fill(self._sock, memoryview(head), idle=True)
                kind, number, _, _, _, status, size, *_ = _RETURN.unpack(head)
                if kind == _RET_SUBMIT:
                    self._returned(number, status, size)
                elif kind == _RET_UNLINK:
                    self._unlinked(number, status)
                else:
                    raise OSError(errno.EPROTO, f"no such answer: {kind}")
        except OSError:
            self._end()
        finally:
            # Only here: a descriptor that is closed under a thread that waits on it may by then be another's.
            with self._sending:
                self._sock.close()

    def _returned(self, number: int, status: int, size: int) -> None:
        with self._lock:
            transfer = self._pending.get(number)
        if transfer is None or size < 0 or status > 0:
            raise OSError(errno.EPROTO, "an answer to no transfer")
        if transfer.into is not None:
            if size > len(transfer.into):
                raise OSError(errno.EPROTO, "more bytes than were asked for")
            _fill(self._sock, transfer.into[:size])
        self._finish(number, status, size)

    def _unlinked(self, unlink: int, status: int) -> None:
        with self._lock:
            number = self._unlinking.pop(unlink, None)
            known = number in self._pending
        if number is not None and known:
            # A server may say 0 and have dropped it all the same; in an ordered stream its answer came before.
            self._finish(number, -errno.ETIMEDOUT, 0)

    def _finish(self, number: int, status: int, size: int) -> None:
        with self._lock:
            transfer = self._pending.pop(number, None)
        if transfer is not None:
            transfer.status, transfer.size = status, size
            transfer.done.set()

    def _end(self) -> None:
        with self._lock:
            self._gone = True
            pending, self._pending = list(self._pending.values()), {}
        for transfer in pending:
            transfer.status = -errno.ENODEV
            transfer.done.set()
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is down already


# The wire


def _connected(server: tuple[str, int]) -> socket.socket:
    sock = socket.create_connection(server, CONNECT_S)
    sock.settimeout(STALLED_S)
    # Without it every transfer to the device waits 40 ms for an acknowledgement.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _operate(sock: socket.socket, code: int, body: bytes = b"") -> None:
    sock.sendall(_OPERATION.pack(_VERSION, code, 0) + body)
    _, reply, status = _OPERATION.unpack(_receive(sock, _OPERATION.size))
    if reply != code & 0x7FFF:
        raise OSError(errno.EPROTO, "the server speaks no USB/IP")
    if status:
        number = _REFUSALS.get(status, errno.EIO)
        raise OSError(number, os.strerror(number))


def _listed(sock: socket.socket) -> Exported:
    raw = _receive(sock, _RECORD.size)
    count = min(raw[-1], INTERFACES_MAX)
    triples = _receive(sock, 4 * raw[-1])
    return _record(raw, tuple(_triples(triples, count)))


def _triples(raw: bytes, count: int) -> Iterator[tuple[int, int, int]]:
    for at in range(0, 4 * count, 4):
        yield raw[at], raw[at + 1], raw[at + 2]


def _record(raw: bytes, interfaces: tuple[tuple[int, int, int], ...] = ()) -> Exported:
    _, bus_id, bus, address, speed, vendor, product, release, *rest = _RECORD.unpack(raw)
    return Exported(
        bus_id=bus_id.split(b"\0")[0].decode("ascii", "replace"),
        bus=bus & 0xFFFF,
        address=address & 0xFFFF,
        speed=speed,
        vendor_id=vendor,
        product_id=product,
        release=release,
        device_class=(rest[0], rest[1], rest[2]),
        configurations=rest[4],
        interfaces=interfaces,
    )


def _receive(sock: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    _fill(sock, memoryview(data))
    return bytes(data)


def _fill(sock: socket.socket, view: memoryview, *, idle: bool = False) -> None:
    """Fills `view`. With `idle` the first byte may take for ever. Raises `OSError`."""
    at = 0
    while at < len(view):
        try:
            got = sock.recv_into(view[at:])
        except TimeoutError:
            if idle and not at:
                continue
            raise
        if not got:
            raise OSError(errno.ENODEV, "the server ended the connection")
        at += got
