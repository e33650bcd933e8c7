"""The USB device that a camera is (spec: USB): its descriptors, its control requests and two bulk pipes.

It knows nothing of how transfers reach it. DTR, RTS and the line coding are accepted and have no meaning.
"""

import enum
import errno
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bwc_protocol.bindings import usb
from firmware_sim.device.seen import Seen
from firmware_sim.ports.usb_pipe import BulkPipe

BULK_PAYLOAD: Final = 61_440
SERIAL_PAYLOAD: Final = 16_384
STRINGS: Final = ("bwc_sdk", "Simulated body-worn camera")
"""Manufacturer and product. They name a kind of device, never one device."""
STALL: Final = -errno.EPIPE

_SETUP: Final = struct.Struct("<BBHHH")
_TO_HOST: Final = 0x80
_ENDPOINT_HALT: Final = 0
_DTR: Final = 1


class Kind(enum.IntEnum):
    """Who defines a control request."""

    STANDARD = 0
    CLASS = 1
    VENDOR = 2
    RESERVED = 3


class To(enum.IntEnum):
    """What a control request is for."""

    DEVICE = 0
    INTERFACE = 1
    ENDPOINT = 2


class Standard(enum.IntEnum):
    """Standard requests."""

    GET_STATUS = 0
    CLEAR_FEATURE = 1
    SET_FEATURE = 3
    SET_ADDRESS = 5
    GET_DESCRIPTOR = 6
    GET_CONFIGURATION = 8
    SET_CONFIGURATION = 9
    GET_INTERFACE = 10
    SET_INTERFACE = 11


class Cdc(enum.IntEnum):
    """Requests of the serial function."""

    SET_LINE_CODING = 0x20
    GET_LINE_CODING = 0x21
    SET_CONTROL_LINE_STATE = 0x22
    SEND_BREAK = 0x23


@dataclass(frozen=True, slots=True)
class Setup:
    """The first packet of a control transfer."""

    request_type: int
    request: int
    value: int
    index: int
    length: int

    @staticmethod
    def parse(raw: bytes) -> "Setup":
        """Out of 8 bytes."""
        return Setup(*_SETUP.unpack(raw))

    @property
    def to_host(self) -> bool:
        return bool(self.request_type & _TO_HOST)

    @property
    def to(self) -> int:
        return self.request_type & 0x1F

    @property
    def kind(self) -> Kind:
        return Kind(self.request_type >> 5 & 3)


class UsbDevice:
    """One device. `vanish` and `unplug` are called when it resets itself, or its cable is pulled.

    `descriptors` may replace what it shows, by descriptor type, and `seen` how it acts: for a device that is not as it
    should be.
    """

    def __init__(
        self,
        *,
        vanish: Callable[[], None],
        unplug: Callable[[], None],
        strings: tuple[str, ...] = STRINGS,
        descriptors: Mapping[int, bytes] | None = None,
        seen: Seen = Seen(),  # noqa: B008  # only read
    ) -> None:
        self.descriptors = {
            usb.DEVICE_TYPE: usb.device_descriptor(),
            usb.CONFIGURATION_TYPE: usb.CONFIGURATION,
            usb.BOS_TYPE: usb.BOS,
        } | dict(descriptors or {})
        self.bulk = BulkPipe((usb.BULK_IN, usb.BULK_OUT), BULK_PAYLOAD, vanish=vanish, unplug=unplug)
        self.serial = BulkPipe((usb.SERIAL_IN, usb.SERIAL_OUT), SERIAL_PAYLOAD, vanish=vanish, unplug=unplug)
        self.pipes = {address: pipe for pipe in (self.bulk, self.serial) for address in pipe.endpoints}
        for pipe in (self.bulk, self.serial):
            pipe.ends_transfers, pipe.takes_empty_transfers = seen.ends_transfers, seen.takes_empty_transfers
        self._heeds_dtr = seen.heeds_dtr
        self._strings = (None, *strings)
        self._configuration = 0
        self._line_coding = struct.pack("<IBBB", 115_200, 0, 0, 8)

    def reset(self) -> None:
        """A host attached or left: a reset of the bus."""
        self._configuration = 0
        for pipe in (self.bulk, self.serial):
            pipe.reset()

    def close(self) -> None:
        """Ends both pipes."""
        for pipe in (self.bulk, self.serial):
            pipe.close()

    def control(self, setup: Setup, data: bytes) -> bytes | None:
        """Answers a control transfer: the bytes of its data stage, or None for STALL."""
        match setup.kind:
            case Kind.STANDARD:
                answer = self._standard(setup)
            case Kind.CLASS:
                answer = self._serial_request(setup, data)
            case Kind.VENDOR:
                answer = self._vendor(setup)
            case Kind.RESERVED:
                answer = None
        return None if answer is None else answer[: setup.length]

    def _standard(self, setup: Setup) -> bytes | None:
        match setup.request, setup.to:
            case Standard.GET_DESCRIPTOR, To.DEVICE:
                return self._descriptor(setup.value >> 8, setup.value & 0xFF)
            case Standard.SET_CONFIGURATION, To.DEVICE:
                return self._configure(setup.value)
            case Standard.GET_CONFIGURATION, To.DEVICE:
                return bytes((self._configuration,))
            case Standard.GET_INTERFACE, To.INTERFACE:
                return b"\0"
            case Standard.SET_INTERFACE, To.INTERFACE:
                return b"" if setup.value == 0 else None  # there are no alternate settings
            case Standard.GET_STATUS, To.ENDPOINT:
                pipe = self.pipes.get(setup.index & 0xFF)
                return bytes((pipe is not None and (setup.index & 0xFF) in pipe.halted, 0))
            case Standard.GET_STATUS, _:
                return b"\0\0"
            case ((Standard.CLEAR_FEATURE | Standard.SET_FEATURE), To.ENDPOINT):
                return self._feature(setup) if setup.value == _ENDPOINT_HALT else None
            case Standard.SET_ADDRESS, To.DEVICE:
                return b""  # the bus of a virtual device gives addresses by itself
            case _:
                return None

    def _descriptor(self, kind: int, index: int) -> bytes | None:
        if kind == usb.STRING_TYPE:
            return usb.string_descriptor(self._strings[index]) if index < len(self._strings) else None
        return self.descriptors.get(kind) if index == 0 else None

    def _configure(self, value: int) -> bytes | None:
        if value not in (0, 1):
            return None
        self.reset()
        self._configuration = value
        return b""

    def _feature(self, setup: Setup) -> bytes | None:
        endpoint = setup.index & 0xFF
        pipe = self.pipes.get(endpoint)
        if pipe is None:
            return b"" if endpoint == usb.SERIAL_NOTIFY else None
        if setup.request == Standard.CLEAR_FEATURE:
            pipe.clear_halt(endpoint)
        else:
            pipe.halt(endpoint)
        return b""

    def _serial_request(self, setup: Setup, data: bytes) -> bytes | None:
        if setup.to != To.INTERFACE or setup.index & 0xFF != usb.SERIAL_INTERFACE:
            return None
        match setup.request:
            case Cdc.SET_LINE_CODING if len(data) == len(self._line_coding):
                self._line_coding = data
                return b""
            case Cdc.GET_LINE_CODING:
                return self._line_coding
            case Cdc.SET_CONTROL_LINE_STATE | Cdc.SEND_BREAK:
                if self._heeds_dtr and setup.request == Cdc.SET_CONTROL_LINE_STATE:
                    self.serial.open = bool(setup.value & _DTR)
                return b""
            case _:
                return None

    def _vendor(self, setup: Setup) -> bytes | None:
        asked = (setup.request, setup.index, setup.to_host)
        return usb.MS_OS_20_SET if asked == (usb.MS_VENDOR_CODE, usb.MS_OS_20_INDEX, True) else None
