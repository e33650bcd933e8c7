"""What both shells of `serial:` share: reading the URI, opening by pyserial, and the errors of opening."""

import errno
import os
import re
from dataclasses import dataclass
from typing import Final

import serial

from bwc_sdk.errors import BwcError, InvalidUri, PortBusy, PortForbidden, PortNotFound
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.transport import Limits
from bwc_sdk.transport.uri import DeviceUri
from bwc_sdk.transport.usb_place import USB_PLACE, port_at

UART_PAYLOAD: Final = 1_024
"""On a real UART: 89 ms at 115,200 baud, so that a damaged frame costs little."""
ACM_PAYLOAD: Final = 61_440
"""Where no rate is given: the rate that is measured keeps frames small on a slow line, and each costs both ends."""
DEFAULT_BAUD: Final = 115_200
"""The protocol's; CDC-ACM and a pty take any and ignore it."""

# Numbers of Windows' errors: pyserial gives them inside its text only.
_IN_USE: Final = (5, 32)
"""ACCESS_DENIED and SHARING_VIOLATION: ports have no rights of their own there, so that somebody has it open."""
_NOT_ALLOWED: Final = (1260, 1314)
"""A policy of the machine, or a privilege that this user does not hold."""
_WINDOWS_ERROR: Final = re.compile(r"Error\(\d+, (['\"])(?P<words>.{1,200}?)\1, None, (?P<number>\d{1,10})")


@dataclass(frozen=True, slots=True)
class SerialPort:
    """A port as a URI names it."""

    name: str
    path: str
    """Of the system, or the USB port that it is plugged into."""
    baud: int
    """0: not said."""

    @staticmethod
    def of(uri: DeviceUri) -> "SerialPort":
        """Raises `InvalidUri`."""
        uri.allow("baud")
        if not uri.address.strip():
            raise InvalidUri(
                f"{uri} does not name a port",
                advice="write serial:/dev/ttyACM0; 'bwc devices' lists the ports",
            )
        baud = uri.option("baud", 0, low=300, high=12_000_000)
        return SerialPort(f"serial:{uri.address}", uri.address, baud)

    @property
    def limits(self) -> Limits:
        """A rate that is given is a real UART's."""
        if self.baud:
            return Limits(UART_PAYLOAD, initial_rate=self.baud / 10)
        return Limits(ACM_PAYLOAD)

    def open(self, *, read_timeout_s: float | None = None) -> serial.Serial:
        """Opens exclusively: 8 data bits, no parity, 1 stop bit, no flow control, raw (spec: Transports).

        Raises `TransportError`.
        """
        try:
            # DTR and RTS have no meaning in the protocol; some boards reset on a change, so leave them be.
            path = port_at(self.path, self.name) if USB_PLACE.fullmatch(self.path) else self.path
            return serial.Serial(path, self.baud or DEFAULT_BAUD, timeout=read_timeout_s, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            raise opening_error(self.name, error) from error


def opening_error(name: str, error: Exception) -> BwcError:
    """The error of ours for one of opening a port."""
    said = _WINDOWS_ERROR.search(str(error))
    if said is not None:
        return _windows_error(name, int(said["number"]), said["words"])
    lack = exhausted(error, name)
    if lack is not None:
        return lack
    code = getattr(error, "errno", None)
    if code in (errno.EACCES, errno.EPERM):
        return PortForbidden(
            "the system does not let this user open the port",
            device=name,
            advice="install the udev rule 70-bwc.rules ('bwc udev --help' says how), or add the user to the "
            "group that owns the port (often 'dialout') and log in again",
        )
    if code in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return PortBusy("another process has the port open", device=name)
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return PortNotFound("there is no such port", device=name, advice="'bwc devices' lists the ports")
    if code in (errno.ENOTTY, errno.EISDIR) or f"({errno.ENOTTY}," in str(error):
        return PortNotFound("it is no serial port", device=name, advice="'bwc devices' lists the ports")
    words = os.strerror(code) if isinstance(code, int) else error
    return PortNotFound(f"it cannot be opened as a serial port: {words}", device=name)


def _windows_error(name: str, number: int, words: str) -> BwcError:
    said = f"Windows says: {words}"
    if number in _IN_USE:
        return PortBusy(f"another program has the port open ({said})", device=name)
    if number in _NOT_ALLOWED:
        return PortForbidden(
            f"the system does not let this user open the port ({said})",
            device=name,
            advice="ask whoever administers this machine",
        )
    return PortNotFound(
        f"the port cannot be opened ({said})", device=name, advice="'bwc devices' lists the ports"
    )
