"""`usb:1-4.2`: the bulk interface of a device, by the USB port that it is plugged into (spec: USB).

pyusb on libusb, which keeps several transfers in flight inside one large read. With `?usbip=HOST:PORT` the device is
one that a USB/IP server exports, a simulator or a bench elsewhere.
"""

import array
import errno
import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import usb.core
import usb.util

from bwc_protocol.bindings import usb as usb_descriptors
from bwc_sdk.errors import (
    BwcError,
    InvalidUri,
    MissingExtra,
    NotADevice,
    PortBusy,
    PortForbidden,
    PortNotFound,
    TransportError,
)
from bwc_sdk.host.exhaustion import exhausted, without_descriptors
from bwc_sdk.host.libusb import system_libusb
from bwc_sdk.host.udev import UDEV_ADVICE
from bwc_sdk.transport import Limits
from bwc_sdk.transport.blocking import BlockingTransport
from bwc_sdk.transport.uri import DeviceUri

MAX_PAYLOAD: Final = 61_440
READ_MAX: Final = 1_048_576
"""One read: libusb splits it, and the parts are in flight together."""
WRITE_MAX: Final = 65_536
"""One write: so much is in doubt when it times out."""
TICK_MS: Final = 10
"""How long a read blocks before it is looked whether the pipe was closed, right after bytes came …"""
IDLE_TICK_MS: Final = 160
"""… and, doubled with each read in vain, at most: an idle pipe costs six wake-ups a second."""
WRITE_MS: Final = 100
DRAIN_MS: Final = 10
DRAIN_MAX: Final = 4_194_304
"""Bytes that an earlier owner may have left in the endpoint before this is no device of ours: two windows."""
MENDS_MAX: Final = 3
"""How often in a row a halt is cleared, or an overlong packet forgiven, without a byte in between."""
BULK: Final = 2

_SLOT: Final = re.compile(r"([0-9]{1,3})-([0-9]{1,3}(?:\.[0-9]{1,3}){0,6})")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The bulk interface of a device: its number, its endpoints and the size of their packets."""

    interface: int
    to_host: int
    to_device: int
    packet: int


class UsbTransport(BlockingTransport):
    """A byte pipe over two bulk endpoints, claimed exclusively.

    `backend` is pyusb's; by default that of libusb, or of the USB/IP server that the URI names.
    """

    high_water = 262_144

    def __init__(self, uri: DeviceUri, backend: object | None = None) -> None:
        uri.allow("usbip")
        slot = _SLOT.fullmatch(uri.address)
        if slot is None:
            raise InvalidUri(
                f"{uri} does not name a USB port", advice="write usb:BUS-PORT, such as usb:1-4.2"
            )
        super().__init__(f"usb:{uri.address}", Limits(MAX_PAYLOAD))
        self._bus = int(slot[1])
        self._ports = tuple(int(port) for port in slot[2].split("."))
        self._server = _server(uri)
        self._backend = backend
        self._device: Any = None
        self._endpoints = Endpoints(0, 0, 0, 0)
        self._buffer = array.array("B")
        self._tick_ms = TICK_MS
        self._mends: dict[int, int] = {}

    def _open_device(self) -> None:
        device = self.find_device()
        try:
            self._endpoints = bulk_interface(device.get_active_configuration(), self.name)
            # Only one owner a device: the kernel gives the claim to nobody else until this process ends.
            usb.util.claim_interface(device, self._endpoints.interface)
            self._buffer = array.array("B", bytes(READ_MAX))
            self._device = device
            self._drain()
        except (usb.core.USBError, BwcError) as error:
            self._device = None
            usb.util.dispose_resources(device)
            raise _opening_error(self.name, error) from error

    def find_device(self) -> Any:
        """What is plugged in there, as pyusb has it; nothing is opened. Raises `PortNotFound`, `HostExhausted`."""
        try:
            found = usb.core.find(find_all=True, backend=self._chosen_backend(), custom_match=self._here)
            device = next(iter(found), None)
        except usb.core.USBError as error:
            lack = exhausted(error, self.name) or without_descriptors(self.name)
            if lack is not None:
                raise lack from error
            if self._server is not None:
                host, port = self._server
                raise PortNotFound(
                    f"no USB/IP server answers at {host}:{port}: {error.strerror or error}",
                    device=self.name,
                    advice="check the address after ?usbip=, and that the server runs",
                ) from error
            raise PortNotFound(f"USB cannot be looked at: {error}", device=self.name) from error
        if device is None:
            raise PortNotFound("nothing is plugged in there", device=self.name, advice="see 'bwc devices'")
        return device

    def _here(self, device: Any) -> bool:
        return bool(device.bus == self._bus and device.port_numbers == self._ports)

    def _chosen_backend(self) -> object:
        if self._backend is not None:
            return self._backend
        if self._server is not None:
            from bwc_sdk.transport.usbip_backend import backend_for

            return backend_for(self._server)
        backend = libusb()
        if backend is not None:
            return backend
        if libusb_installed():
            raise PortNotFound("libusb finds no USB on this machine", device=self.name)
        raise MissingExtra("libusb is not installed; the transport usb:", "usb")

    def _drain(self) -> None:
        """Forgets what the device had ready for an earlier owner: it never speaks first, so nothing is for us."""
        drained = 0
        while drained < DRAIN_MAX:
            size = self._receive(DRAIN_MS)
            if size is None:
                return
            drained += size

    # The threads

    def _read_some(self) -> bytes:
        size = self._receive(self._tick_ms)
        self._tick_ms = TICK_MS if size else min(2 * self._tick_ms, IDLE_TICK_MS)
        return bytes(memoryview(self._buffer)[:size]) if size else b""

    def _receive(self, limit_ms: int) -> int | None:
        """Bytes received into the buffer, 0 when a transfer was empty or failed; None when none came in time."""
        try:
            size = int(self._opened_device().read(self._endpoints.to_host, self._buffer, limit_ms))
        except usb.core.USBTimeoutError:
            return None
        except usb.core.USBError as error:
            self._mend(self._endpoints.to_host, error)
            return 0
        if size:
            self._mends.pop(self._endpoints.to_host, None)
        return size

    def _write_all(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            sent = self._send(data[at : at + WRITE_MAX])
            if not sent and self._closing:
                return  # a farewell that the device does not take
            at += sent
        # A transfer ends with a packet that is not full; else the device waits for more.
        if len(data) % self._endpoints.packet == 0:
            self._send(b"")

    def _send(self, data: bytes) -> int:
        try:
            buffer = array.array("B", data)
            size = int(self._opened_device().write(self._endpoints.to_device, buffer, WRITE_MS))
        except usb.core.USBTimeoutError:
            return 0  # the device takes nothing now; the link knows when to give up
        except usb.core.USBError as error:
            self._mend(self._endpoints.to_device, error)
            return 0
        self._mends.pop(self._endpoints.to_device, None)
        return size

    def _mend(self, endpoint: int, error: usb.core.USBError) -> None:
        """Clears a halt, forgives an overlong packet: the link repairs what was lost. Raises for anything else."""
        if error.errno not in (errno.EPIPE, errno.EOVERFLOW):
            raise error
        self._mends[endpoint] = self._mends.get(endpoint, 0) + 1
        if self._mends[endpoint] > MENDS_MAX:
            rule = (
                "it halts its endpoint again and again"
                if error.errno == errno.EPIPE
                else "its packets are larger than its descriptors say"
            )
            raise TransportError(rule, device=self.name) from error
        if error.errno == errno.EPIPE:
            self._opened_device().clear_halt(endpoint)

    def _opened_device(self) -> Any:
        device = self._device
        if device is None:  # closed under a thread that was left behind; pyusb would open it again
            raise usb.core.USBError("closed", None, errno.ENODEV)
        return device

    def _close_device(self) -> None:
        device, self._device = self._device, None
        if device is None:
            return
        try:
            usb.util.release_interface(device, self._endpoints.interface)
        except usb.core.USBError:
            pass  # the device is gone, and its claim with it
        usb.util.dispose_resources(device)


def libusb() -> object | None:
    """pyusb's backend on the system's libusb, or on the one of the package `libusb-package`.

    None where there is neither, or nothing for it to look at, as in a container.
    """
    import usb.backend.libusb1

    backend: object | None = usb.backend.libusb1.get_backend()
    name = system_libusb() if backend is None else None
    if name is not None:
        backend = usb.backend.libusb1.get_backend(find_library=lambda _: name)
    if backend is None:
        try:
            import libusb_package
        except ImportError:
            return None
        backend = usb.backend.libusb1.get_backend(find_library=libusb_package.find_library)
    return backend


def libusb_installed() -> bool:
    """Whether there is a libusb to load, of the system or of the package."""
    return system_libusb() is not None or find_spec("libusb_package") is not None


def bulk_interface(configuration: Any, name: str) -> Endpoints:
    """The interface that carries the protocol. Raises `NotADevice`, naming what the descriptors lack."""
    wanted = (usb_descriptors.BULK_CLASS, usb_descriptors.BULK_SUBCLASS, usb_descriptors.BULK_PROTOCOL)
    for interface in configuration:
        if (interface.bInterfaceClass, interface.bInterfaceSubClass, interface.bInterfaceProtocol) == wanted:
            return _endpoints(interface, name)
    triple = "/".join(f"{number:02x}" for number in wanted)
    raise NotADevice(
        f"no interface of it is of class {triple}", device=name, advice="is this the camera's port?"
    )


def _endpoints(interface: Any, name: str) -> Endpoints:
    bulk = [one for one in interface if one.bmAttributes & 3 == BULK]
    to_host = [one for one in bulk if one.bEndpointAddress & 0x80]
    to_device = [one for one in bulk if not one.bEndpointAddress & 0x80]
    if len(to_host) != 1 or len(to_device) != 1:
        raise NotADevice("its interface has not one bulk endpoint each way", device=name)
    packet = to_device[0].wMaxPacketSize
    if packet == 0 or READ_MAX % packet or to_host[0].wMaxPacketSize != packet:
        raise NotADevice(f"its bulk endpoints have packets of {packet} bytes", device=name)
    return Endpoints(
        interface.bInterfaceNumber, to_host[0].bEndpointAddress, to_device[0].bEndpointAddress, packet
    )


def _server(uri: DeviceUri) -> tuple[str, int] | None:
    text = uri.options.get("usbip")
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65_536:
        raise InvalidUri(f"{uri} does not name a USB/IP server", advice="write ?usbip=127.0.0.1:3240")
    return host.strip("[]"), int(port)


def _opening_error(name: str, error: Exception) -> BwcError:
    if isinstance(error, BwcError):
        return error
    lack = exhausted(error, name) or without_descriptors(
        name
    )  # libusb does not always say which error it was
    if lack is not None:
        return lack
    code = getattr(error, "errno", None)
    if code in (errno.EACCES, errno.EPERM):
        return PortForbidden(
            "the system does not let this user open the USB device",
            device=name,
            advice=UDEV_ADVICE,
        )
    if code == errno.EBUSY:
        return PortBusy("another process has the device open", device=name)
    if code in (errno.ENODEV, errno.ENOENT, errno.EIO):
        return PortNotFound(f"it went away while it was opened: {error}", device=name)
    return TransportError(f"it cannot be opened: {error}", device=name)
