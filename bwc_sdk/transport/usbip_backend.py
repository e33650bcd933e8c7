"""A pyusb backend that reaches devices by USB/IP: no privileges, no kernel module, on any system.

`usb:1-1?usbip=127.0.0.1:3240` selects it: for simulators, and for benches that export their devices with `usbipd`.
It raises what pyusb raises with libusb: `USBError` with the same `errno`.
"""

import array
import errno
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import usb.backend
import usb.core

from bwc_sdk.host.forking import in_child
from bwc_sdk.transport.usb_tree import DEVICE_SIZE, Configuration, parse, walk
from bwc_sdk.transport.usbip_client import Attachment, Exported, exported

CONTROL_S: Final = 5.0
"""Limit of the control requests that the backend makes by itself: those of an enumeration."""
DESCRIPTOR_MAX: Final = 4_096
"""Bytes of a configuration: a camera's has 98."""

_LIBUSB_SPEEDS: Final = {1: 1, 2: 2, 3: 3, 5: 4, 6: 5}
"""The kernel's numbers of speeds, and libusb's."""


class _Device:
    """A device of the server, attached as long as a handle is open."""

    def __init__(self, server: tuple[str, int], bus_id: str) -> None:
        self.server = server
        self.bus_id = bus_id
        self.lock = threading.RLock()
        self.handles = 0
        self.attachment: Attachment | None = None
        self.configuration_value = 0
        self.claims: dict[int, _Handle] = {}
        self.raw_device = b""
        self.raw_configuration = b""

    def attach(self) -> Attachment:
        """As the kernel does with a device that was plugged in: it reads descriptors and configures it."""
        attachment = Attachment(self.server, self.bus_id)
        try:
            self.raw_device = _descriptor(attachment, 1, DEVICE_SIZE)
            total = int.from_bytes(_descriptor(attachment, 2, 9)[2:4], "little")
            self.raw_configuration = _descriptor(attachment, 2, min(total, DESCRIPTOR_MAX))
            value = self.raw_configuration[5] if len(self.raw_configuration) >= 9 else 1
            attachment.write(0, memoryview(b""), CONTROL_S, _setup(0x00, 9, value, 0, 0))
            self.configuration_value = value
        except BaseException:
            attachment.close()
            raise
        return attachment


@dataclass(eq=False, slots=True)
class _Handle:
    device: _Device
    attachment: Attachment


class UsbIpBackend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """Stands where libusb does: `usb.core.find(backend=UsbIpBackend(("127.0.0.1", 3240)))`.

    A device that is not open is known by the server's list alone, whose fields are fewer: what it does not tell is 0.
    Its configuration is read by attaching it for a moment.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._devices: dict[str, _Device] = {}
        self._listed: dict[str, Exported] = {}

    # What there is

    def enumerate_devices(self) -> Iterator[_Device]:
        with _translated():
            listed = {one.bus_id: one for one in exported(self._server)}
        with self._lock:
            self._listed = listed
            return iter([self._devices.setdefault(one, _Device(self._server, one)) for one in listed])

    def get_parent(self, device: _Device) -> None:
        return None

    def get_device_descriptor(self, device: _Device) -> SimpleNamespace:
        with self._lock:
            listed = self._listed[device.bus_id]
        fields = _known(device, listed)
        ports = device.bus_id.partition("-")[2].split(".")
        numbers = tuple(int(port) for port in ports if port.isdecimal())
        fields.bus, fields.address = listed.bus, listed.address
        fields.port_numbers, fields.port_number = numbers, numbers[-1] if numbers else None
        fields.speed = _LIBUSB_SPEEDS.get(listed.speed, 0)
        return fields

    def get_configuration_descriptor(self, device: _Device, index: int) -> SimpleNamespace:
        return self._configuration(device, index).fields

    def get_interface_descriptor(
        self, device: _Device, index: int, alternate: int, configuration: int
    ) -> SimpleNamespace:
        return self._configuration(device, configuration).setting(index, alternate).fields

    def get_endpoint_descriptor(
        self, device: _Device, index: int, interface: int, alternate: int, configuration: int
    ) -> SimpleNamespace:
        return self._configuration(device, configuration).setting(interface, alternate).endpoints[index]

    def _configuration(self, device: _Device, index: int) -> Configuration:
        if index != 0:
            raise IndexError(index)
        with device.lock:
            if not device.raw_configuration and device.attachment is None:
                with _translated():
                    device.attach().close()
            try:
                return walk(device.raw_configuration)
            except IndexError as error:
                # What libusb says of one that it cannot read.
                raise usb.core.USBError("no configuration can be read", -1, errno.EPROTO) from error

    # Handles

    def open_device(self, device: _Device) -> _Handle:
        with device.lock, _translated():
            if device.attachment is None:
                device.attachment = device.attach()
            device.handles += 1
            return _Handle(device, device.attachment)

    def close_device(self, handle: _Handle) -> None:
        device = handle.device
        with device.lock:
            for interface in [one for one, owner in device.claims.items() if owner is handle]:
                del device.claims[interface]
            device.handles -= 1
            if device.handles == 0 and device.attachment is not None:
                device.attachment.close()
                device.attachment = None

    def get_configuration(self, handle: _Handle) -> int:
        return handle.device.configuration_value

    def set_configuration(self, handle: _Handle, value: int) -> None:
        self._request(handle, _setup(0x00, 9, value, 0, 0))
        handle.device.configuration_value = value

    def set_interface_altsetting(self, handle: _Handle, interface: int, alternate: int) -> None:
        self._request(handle, _setup(0x01, 11, alternate, interface, 0))

    def claim_interface(self, handle: _Handle, interface: int) -> None:
        with handle.device.lock:
            if handle.device.claims.setdefault(interface, handle) is not handle:
                raise usb.core.USBError(os.strerror(errno.EBUSY), -6, errno.EBUSY)

    def release_interface(self, handle: _Handle, interface: int) -> None:
        with handle.device.lock:
            if handle.device.claims.get(interface) is handle:
                del handle.device.claims[interface]

    def is_kernel_driver_active(self, handle: _Handle, interface: int) -> bool:
        return False

    # Transfers. Time limits are in milliseconds, and 0 is none.

    def bulk_write(
        self, handle: _Handle, endpoint: int, interface: int, data: "array.array[int]", timeout: int
    ) -> int:
        with _translated():
            return handle.attachment.write(endpoint & 0x0F, memoryview(data), timeout / 1000 or None)

    def bulk_read(
        self, handle: _Handle, endpoint: int, interface: int, into: "array.array[int]", timeout: int
    ) -> int:
        with _translated():
            return handle.attachment.read(endpoint & 0x0F, memoryview(into), timeout / 1000 or None)

    intr_write = bulk_write
    intr_read = bulk_read

    def ctrl_transfer(
        self,
        handle: _Handle,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: "array.array[int]",
        timeout: int,
    ) -> int:
        view = memoryview(data).cast("B")
        setup = _setup(request_type, request, value, index, len(view))
        move: Callable[[int, memoryview, float | None, bytes], int]
        move = handle.attachment.read if request_type & 0x80 else handle.attachment.write
        with _translated():
            return move(0, view, timeout / 1000 or None, setup)

    def clear_halt(self, handle: _Handle, endpoint: int) -> None:
        self._request(handle, _setup(0x02, 1, 0, endpoint, 0))

    def _request(self, handle: _Handle, setup: bytes) -> None:
        with _translated():
            handle.attachment.write(0, memoryview(b""), CONTROL_S, setup)


_backends: dict[tuple[str, int], UsbIpBackend] = {}
_backends_lock = threading.Lock()


def _renew() -> None:
    global _backends_lock
    _backends_lock = threading.Lock()
    _backends.clear()  # what they have attached is the parent's, and so are the threads that receive


in_child(_renew)


def backend_for(server: tuple[str, int]) -> UsbIpBackend:
    """One backend a server and process: a device is attached once, and its interfaces claimed one by one."""
    with _backends_lock:
        return _backends.setdefault(server, UsbIpBackend(server))


# Descriptors


def _setup(request_type: int, request: int, value: int, index: int, length: int) -> bytes:
    return struct.pack("<BBHHH", request_type, request, value, index, length)


def _descriptor(attachment: Attachment, kind: int, size: int) -> bytes:
    into = bytearray(size)
    got = attachment.read(0, memoryview(into), CONTROL_S, _setup(0x80, 6, kind << 8, 0, size))
    return bytes(into[:got])


def _known(device: _Device, listed: Exported) -> SimpleNamespace:
    """The device descriptor; before the device was ever attached only what the list tells, and else 0."""
    if len(device.raw_device) == DEVICE_SIZE:
        return parse(device.raw_device)
    head = bytes((DEVICE_SIZE, 1))
    fields = parse(head)
    fields.idVendor, fields.idProduct, fields.bcdDevice = listed.vendor_id, listed.product_id, listed.release
    fields.bDeviceClass, fields.bDeviceSubClass, fields.bDeviceProtocol = listed.device_class
    fields.bNumConfigurations = listed.configurations
    return fields


@contextmanager
def _translated() -> Iterator[None]:
    """Raises as pyusb does with libusb."""
    try:
        yield
    except usb.core.USBError:
        raise
    except TimeoutError as error:
        raise usb.core.USBTimeoutError(os.strerror(errno.ETIMEDOUT), -7, errno.ETIMEDOUT) from error
    except OSError as error:
        raise usb.core.USBError(error.strerror or str(error), None, error.errno or errno.EIO) from error
