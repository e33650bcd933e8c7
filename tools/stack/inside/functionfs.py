"""The bulk interface of a USB gadget, by the kernel's FunctionFS: its endpoints are files here.

It is the device's side of the specification's USB section and shares no code with the simulator's own: a program
that copies bytes between two endpoints and the simulator's TCP port.
"""

import os
import socket
import struct
import threading
from pathlib import Path
from typing import Final

from bwc_protocol.bindings.usb import BULK_CLASS, BULK_PROTOCOL, BULK_SUBCLASS
from tools.stack.inside.system import command

PIECE: Final = 65_536
"""Bytes of one transfer, a multiple of every packet size."""
FULL_SPEED, HIGH_SPEED = 64, 512

_DESCRIPTORS, _STRINGS = 3, 2
_HAS_FULL_SPEED, _HAS_HIGH_SPEED = 1, 2
_INTERFACE: Final = struct.Struct("<9B")
_ENDPOINT: Final = struct.Struct("<BBBBHB")
_EVENT: Final = struct.Struct("<8xB3x")
_ENABLE, _DISABLE, _UNBIND = 2, 3, 1


def descriptors() -> bytes:
    """What FunctionFS is told of the interface (`linux/usb/functionfs.h`, version 2)."""
    parts = b""
    for packet in (FULL_SPEED, HIGH_SPEED):
        parts += _INTERFACE.pack(9, 4, 0, 0, 2, BULK_CLASS, BULK_SUBCLASS, BULK_PROTOCOL, 0)
        parts += _ENDPOINT.pack(7, 5, 0x81, 2, packet, 0) + _ENDPOINT.pack(7, 5, 0x02, 2, packet, 0)
    head = struct.pack("<5I", _DESCRIPTORS, 20 + len(parts), _HAS_FULL_SPEED | _HAS_HIGH_SPEED, 3, 3)
    return head + parts


def mount(name: str, where: Path) -> None:
    """Gives the function `ffs.NAME` of a gadget its files."""
    where.mkdir()
    command("/bin/busybox", "mount", "-t", "functionfs", name, str(where))


class BulkFunction:
    """The program behind the files; lives as long as its process. `port` is where the simulator's TCP port is."""

    def __init__(self, where: Path, port: int) -> None:
        self._where = where
        self._port = port
        self._control = os.open(where / "ep0", os.O_RDWR)
        os.write(self._control, descriptors())
        os.write(self._control, struct.pack("<4I", _STRINGS, 16, 0, 0))
        self._to_host = os.open(where / "ep1", os.O_WRONLY)
        self._to_device = os.open(where / "ep2", os.O_RDONLY)

    def serve(self) -> None:
        """From one configuration by a host to the next; never returns."""
        line: socket.socket | None = None
        while True:
            (event,) = _EVENT.unpack(os.read(self._control, _EVENT.size))
            if event == _ENABLE:
                line = socket.create_connection(("127.0.0.1", self._port))
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for copy in (self._copy_to_host, self._copy_to_device):
                    threading.Thread(target=copy, args=(line,), daemon=True).start()
            elif event in (_DISABLE, _UNBIND) and line is not None:
                line.close()
                line = None

    def _copy_to_host(self, line: socket.socket) -> None:
        try:
            while data := line.recv(PIECE):
                os.write(self._to_host, data)
                if len(data) % HIGH_SPEED == 0:
                    os.write(self._to_host, b"")  # else the host waits for more
        except OSError:
            pass  # the cable is out

    def _copy_to_device(self, line: socket.socket) -> None:
        try:
            while True:
                line.sendall(os.read(self._to_device, PIECE))
        except OSError:
            pass  # the cable is out
