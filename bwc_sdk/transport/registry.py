"""Which transport a device URI names. A transport is one file in this folder and one registration here.

Transports from elsewhere register themselves by an entry point `bwc_sdk.transports`, as the simulator's `sim:` does.
"""

import os
from collections.abc import Callable
from typing import Final, Protocol, cast

from bwc_sdk.errors import InvalidUri, MissingExtra
from bwc_sdk.host.required_packages import lacking_for, require
from bwc_sdk.transport import Transport
from bwc_sdk.transport.uri import DeviceUri


class Opener(Protocol):
    """Makes the transport that a URI names, not yet opened. Raises `InvalidUri`."""

    def __call__(self, uri: DeviceUri) -> Transport: ...


TRANSPORTS: Final[dict[str, Opener]] = {}
"""The transports of the SDK by scheme. Each loads its file, and with it its library, only when it is asked for."""
FROM_ELSEWHERE: Final = {"sim": "sim"}
"""Schemes of entry points that an extra of this distribution brings."""
DESCRIPTORS: Final = os.name == "posix"
"""Whether event loops of this system watch a port's descriptor; those of Windows do not."""


def transport_for(uri: DeviceUri) -> Transport:
    """The transport that a URI names, not yet opened; a bay is not its affair.

    Raises `InvalidUri`, `MissingExtra` or `WrongPart`.
    """
    uri = uri.without_bay()
    if uri.scheme in TRANSPORTS:
        return TRANSPORTS[uri.scheme](uri)
    from importlib.metadata import entry_points  # it brings the parser of mails

    for entry in entry_points(group="bwc_sdk.transports", name=uri.scheme):
        try:
            return cast(Opener, entry.load())(uri)
        except ImportError as error:
            extra = FROM_ELSEWHERE.get(uri.scheme, "all")
            raise lacking_for(extra, f"the transport {uri.scheme}:") from error
        except ValueError as error:  # a transport from elsewhere, which does not know our errors
            raise InvalidUri(f"{uri}: {error}") from error
    if uri.scheme in FROM_ELSEWHERE:
        raise MissingExtra(f"the transport {uri.scheme}:", FROM_ELSEWHERE[uri.scheme])
    advice = f"write one of {', '.join(f'{scheme}:' for scheme in (*TRANSPORTS, *FROM_ELSEWHERE))}"
    if uri.scheme == "usbip":
        advice = f"the device on a virtual USB bus is usb:1-1?usbip={uri.address}"
    if uri.scheme == "labgrid":
        advice = "a target of labgrid's is for pytest alone: 'pytest --pyargs hil_tests --lg-env FILE'"
    raise InvalidUri(f"there is no transport {uri.scheme!r}", advice=advice)


def registered(scheme: str) -> Callable[[Opener], Opener]:
    """Registers what makes the transport for the URIs of a scheme."""

    def register(opener: Opener) -> Opener:
        TRANSPORTS[scheme] = opener
        return opener

    return register


@registered("serial")
def _serial(uri: DeviceUri) -> Transport:
    require("pyserial", "the transport serial:")
    if not DESCRIPTORS:
        from bwc_sdk.transport.serial_threads import ThreadedSerialTransport

        return ThreadedSerialTransport(uri)
    from bwc_sdk.transport.serial import SerialTransport

    return SerialTransport(uri)


@registered("usb")
def _usb(uri: DeviceUri) -> Transport:
    require("pyusb", "the transport usb:", "usb")
    try:
        from bwc_sdk.transport.usb import UsbTransport
    except ImportError as error:
        raise lacking_for("usb", "the transport usb:") from error
    return UsbTransport(uri)


@registered("ble")
def _ble(uri: DeviceUri) -> Transport:
    from bwc_sdk.transport.ble import BleTransport  # it asks for its library when it is opened

    return BleTransport(uri)


@registered("tcp")
def _tcp(uri: DeviceUri) -> Transport:
    from bwc_sdk.transport.tcp import TcpTransport

    return TcpTransport(uri)
