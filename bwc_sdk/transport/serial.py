"""`serial:/dev/ttyACM0[?baud=115200]`: USB CDC-ACM, a pty, or a UART, by pyserial."""

import errno
import termios
from typing import Final

import serial

from bwc_sdk.errors import BwcError, PortBusy, PortForbidden, PortNotFound
from bwc_sdk.transport import SLOW_RATE, Limits
from bwc_sdk.transport.descriptor import DescriptorTransport
from bwc_sdk.transport.uri import DeviceUri

UART_PAYLOAD: Final = 1_024
"""On a real UART: 89 ms at 115,200 baud, so that a damaged frame costs little."""
ACM_PAYLOAD: Final = 16_384


class SerialTransport(DescriptorTransport):
    """A byte pipe over a serial port, opened exclusively. pyserial opens and configures it."""

    def __init__(self, uri: DeviceUri) -> None:
        uri.allow("baud")
        self._path = uri.address
        self._baud = uri.option("baud", 0, low=300, high=12_000_000)
        rate = self._baud / 10 if self._baud else SLOW_RATE
        limits = Limits(UART_PAYLOAD if self._baud else ACM_PAYLOAD, initial_rate=rate)
        super().__init__(f"serial:{uri.address}", limits)
        self._port: serial.Serial | None = None

    def _open_device(self) -> int:
        try:
            # DTR and RTS have no meaning in the protocol; some boards reset on a change, so leave them be.
            port = serial.Serial(self._path, self._baud or 115_200, exclusive=True)
            _one_byte_at_least(port.fileno())
        except (serial.SerialException, OSError, ValueError, termios.error) as error:
            raise _opening_error(self.name, error) from error
        self._port = port
        return int(port.fileno())

    def _close_device(self) -> None:
        if self._port is not None:
            self._port.close()


def _one_byte_at_least(fd: int) -> None:
    # pyserial lets a read without data return nothing, which is also what a port says that was unplugged.
    attributes = termios.tcgetattr(fd)
    attributes[6][termios.VMIN] = 1
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def _opening_error(name: str, error: Exception) -> BwcError:
    code = getattr(error, "errno", None)
    if code in (errno.EACCES, errno.EPERM):
        return PortForbidden(
            "the system does not let this user open the port",
            device=name,
            advice="add the user to the group that owns the port (often 'dialout'), then log in again",
        )
    if code in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return PortBusy("another process has the port open", device=name)
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return PortNotFound("there is no such port", device=name, advice="'bwc devices' lists the ports")
    return PortNotFound(f"it cannot be opened as a serial port: {error}", device=name)
