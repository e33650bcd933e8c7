"""`serial:/dev/ttyACM0[?baud=115200]`: USB CDC-ACM, a pty, or a UART, by pyserial, where event loops watch descriptors.

Elsewhere, as on Windows, `serial_threads` does the same.
"""

import termios

import serial

from bwc_sdk.transport.file_descriptor import DescriptorTransport
from bwc_sdk.transport.serial_port import SerialPort, opening_error
from bwc_sdk.transport.uri import DeviceUri


class SerialTransport(DescriptorTransport):
    """A byte pipe over a serial port, opened exclusively. pyserial opens and configures it."""

    def __init__(self, uri: DeviceUri) -> None:
        self._where = SerialPort.of(uri)
        super().__init__(self._where.name, self._where.limits)
        self._port: serial.Serial | None = None

    def _open_device(self) -> int:
        try:
            port = self._where.open()
        except termios.error as error:  # pyserial lets some of them pass
            raise opening_error(self.name, error) from error
        try:
            _one_byte_at_least(port.fileno())
        except termios.error as error:
            port.close()
            raise opening_error(self.name, error) from error
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
