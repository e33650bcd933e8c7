"""`serial:/dev/ttyACM0[?baud=115200]`: USB CDC-ACM, a pty, or a UART, by pyserial.

pyserial blocks, so a port has two threads: one reads, one writes. They share nothing with the event loop but
two queues; the loop is woken once for all that was read since it last looked.
"""

import asyncio
import errno
import threading
from collections import deque
from typing import Final

import serial

from bwc_sdk.errors import BwcError, DeviceLost, PortBusy, PortForbidden, PortNotFound
from bwc_sdk.transport import SLOW_RATE, Limits, Receiver
from bwc_sdk.transport.uri import DeviceUri

UART_PAYLOAD: Final = 1_024
"""On a real UART: 89 ms at 115,200 baud, so that a damaged frame costs little."""
ACM_PAYLOAD: Final = 16_384
READ_MAX: Final = 65_536
HIGH_WATER: Final = 65_536
"""Bytes that wait for the writer: more would hide from the link how slow the line is."""
BACKLOG_MAX: Final = 4_194_304
"""Bytes read and not yet taken by the loop before the reader waits: two windows of the link."""
JOIN_S: Final = 1.0


class SerialTransport:
    """A byte pipe over a serial port, opened exclusively."""

    def __init__(self, uri: DeviceUri) -> None:
        uri.allow("baud")
        self.name = f"serial:{uri.address}"
        self._path = uri.address
        self._baud = uri.option("baud", 0, low=300, high=12_000_000)
        rate = self._baud / 10 if self._baud else SLOW_RATE
        self.limits = Limits(UART_PAYLOAD if self._baud else ACM_PAYLOAD, initial_rate=rate)
        self._port: serial.Serial | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receiver: Receiver | None = None
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closing = False
        self._read: deque[bytes] = deque()
        self._read_bytes = 0
        self._drained = threading.Condition(self._lock)
        self._woken = False
        self._to_write: deque[bytes] = deque()
        self._to_write_bytes = 0
        self._work = threading.Condition(self._lock)
        self._starved = False

    async def open(self, receiver: Receiver) -> None:
        self._loop = asyncio.get_running_loop()
        self._receiver = receiver
        # Opening may block for seconds on a half-dead USB device; it must not hold the loop.
        self._port = await self._loop.run_in_executor(None, self._open_port)
        for work in (self._read_port, self._write_port):
            thread = threading.Thread(target=work, name=f"bwc-{work.__name__}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _open_port(self) -> serial.Serial:
        try:
            # DTR and RTS have no meaning in the protocol; some boards reset on a change, so leave them be.
            return serial.Serial(self._path, self._baud or 115_200, exclusive=True, write_timeout=None)
        except (serial.SerialException, OSError, ValueError) as error:
            raise _opening_error(self.name, error) from error

    def room(self) -> int:
        with self._lock:
            room = HIGH_WATER - self._to_write_bytes
            self._starved = room <= 0
            return 0 if self._port is None else max(0, room)

    def write(self, parts: list[bytes]) -> None:
        with self._lock:
            self._to_write.extend(parts)
            self._to_write_bytes += sum(map(len, parts))
            self._work.notify()

    async def close(self) -> None:
        self._receiver = None
        if self._port is None or self._loop is None:
            return
        port, self._port = self._port, None
        await self._loop.run_in_executor(None, self._shut, port)

    def _shut(self, port: serial.Serial) -> None:
        with self._lock:
            # What is queued is a farewell; it is written if the line takes it at once.
            self._closing = True
            self._work.notify_all()
            self._drained.notify_all()
        self._threads[1].join(0.2)
        try:
            port.cancel_read()
            port.cancel_write()
        except (OSError, serial.SerialException):
            pass  # the device is gone; its threads have seen it too
        for thread in self._threads:
            thread.join(JOIN_S)
        port.close()

    # The reading thread

    def _read_port(self) -> None:
        port = self._port
        assert port is not None
        try:
            while not self._closing:
                data = port.read(min(port.in_waiting, READ_MAX) or 1)
                if data:
                    self._hand_over(data)
        except (OSError, serial.SerialException, TypeError) as error:
            # TypeError: pyserial's own, when the port is closed under a read.
            self._report(error)

    def _hand_over(self, data: bytes) -> None:
        with self._lock:
            while self._read_bytes > BACKLOG_MAX and not self._closing:
                self._drained.wait(0.5)
            self._read.append(data)
            self._read_bytes += len(data)
            if self._woken:
                return
            self._woken = True
        self._call(self._take)

    def _take(self) -> None:
        with self._lock:
            pieces, self._read = self._read, deque()
            self._read_bytes = 0
            self._woken = False
            self._drained.notify()
        if self._receiver is not None:
            self._receiver.received(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    # The writing thread

    def _write_port(self) -> None:
        port = self._port
        assert port is not None
        try:
            while True:
                with self._lock:
                    while not self._to_write and not self._closing:
                        self._work.wait()
                    if not self._to_write:
                        return
                    data = b"".join(self._to_write)
                    self._to_write.clear()
                port.write(data)
                with self._lock:
                    self._to_write_bytes -= len(data)
                    wake, self._starved = self._starved, False
                if wake:
                    self._call(self._tell_writable)
        except (OSError, serial.SerialException, TypeError) as error:
            self._report(error)

    def _tell_writable(self) -> None:
        if self._receiver is not None:
            self._receiver.writable()

    # Both

    def _report(self, error: Exception) -> None:
        if not self._closing:
            lost = DeviceLost(f"the port is gone: {error}", device=self.name)
            lost.__cause__ = error
            self._call(self._tell_lost, lost)

    def _tell_lost(self, error: BwcError) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost(error)

    def _call(self, function: object, *args: object) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *args)  # type: ignore[arg-type]  # one of ours above
        except RuntimeError:
            pass  # the loop has ended; nobody is left to be told


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
