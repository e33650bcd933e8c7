"""`serial:COM3[?baud=115200]` where event loops cannot watch a port, as on Windows: the same by pyserial in threads."""

from typing import Final

import serial

from bwc_sdk.transport.blocking import BlockingTransport
from bwc_sdk.transport.serial_port import SerialPort
from bwc_sdk.transport.uri import DeviceUri

READ_MAX: Final = 65_536
"""Bytes of one read: then they are handed over."""
WAIT_S: Final = 0.1
"""How long a read waits for a first byte. To interrupt it is quicker, but one that is only about to begin is not
interrupted; it ends after this."""
WRITE_MAX: Final = 4_096
"""Bytes of one write, which pyserial makes whole: a close waits for one at most before it is interrupted."""


class ThreadedSerialTransport(BlockingTransport):
    """A byte pipe over a serial port, opened exclusively. pyserial opens, configures, reads and writes it."""

    faults = (serial.SerialException, OSError)

    def __init__(self, uri: DeviceUri) -> None:
        self._where = SerialPort.of(uri)
        super().__init__(self._where.name, self._where.limits)
        self._port: serial.Serial | None = None
        self._interrupted = False

    def _open_device(self) -> None:
        self._interrupted = False
        self._port = self._where.open(read_timeout_s=WAIT_S)

    def _close_device(self) -> None:
        if self._port is not None:
            self._port.close()

    def _read_some(self) -> bytes:
        assert self._port is not None
        first = self._port.read(1)
        if not first:
            return b""
        try:
            return first + self._port.read(min(self._port.in_waiting, READ_MAX - 1))
        except self.faults:
            return first  # what ended it is told by the next read

    def _write_all(self, data: bytes) -> None:
        assert self._port is not None
        for at in range(0, len(data), WRITE_MAX):
            self._port.write(data[at : at + WRITE_MAX])
            if self._interrupted:
                return

    def _interrupt(self) -> None:
        self._interrupted = True
        if self._port is not None:
            self._port.cancel_read()
            self._port.cancel_write()
