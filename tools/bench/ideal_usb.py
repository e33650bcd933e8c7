"""The ideal sender and the bare reader on USB: the same virtual device as the camera's, and stock pyusb.

The device answers a request for so many bytes with these and their CRC-32C, as fast as the host takes them.
"""

from __future__ import annotations

import array
import asyncio
import os
from collections.abc import Callable
from typing import Final

import google_crc32c
import usb.core
import usb.util

from bwc_protocol.bindings import usb as usb_descriptors
from bwc_sdk.transport.usbip_backend import backend_for
from firmware_sim.device.pipe import Pipe
from firmware_sim.ports.usbip import UsbIpPort

BLOCK: Final = 1_048_576
READ: Final = 1_048_576
"""As large as the SDK's."""
LIMIT_MS: Final = 5_000


class _Sender:
    """The firmware behind one pipe."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._block = os.urandom(BLOCK)
        self._request = b""
        self._left = 0
        self._crc = 0

    def received(self, data: bytes | memoryview) -> None:
        self._request += bytes(data)
        if len(self._request) == 8:
            self._left, self._crc = int.from_bytes(self._request, "little"), 0
            self._request = b""
            self.writable()

    def writable(self) -> None:
        while self._left and self._pipe.room():
            piece = self._block[: self._left]
            self._crc = google_crc32c.extend(self._crc, piece)
            self._left -= len(piece)
            self._pipe.write([piece] if self._left else [piece, self._crc.to_bytes(4, "little")])

    def host_left(self) -> None:
        self._request, self._left = b"", 0

    def lost(self) -> None: ...


async def serve() -> None:
    """Serves hosts one after the other, until killed. Prints the device URI."""
    port = UsbIpPort(serve=lambda pipe, function: _Sender(pipe) if function == "bulk" else None)
    print(port.uri, flush=True)
    await asyncio.Event().wait()


def open_reader(server: str) -> tuple[Callable[[memoryview], int], Callable[[bytes], object]]:
    """How a bare pyusb program fills a buffer from the bulk endpoint, and writes to the other."""
    host, _, port = server.rpartition(":")
    device = usb.core.find(backend=backend_for((host, int(port))))
    device.get_active_configuration()
    usb.util.claim_interface(device, usb_descriptors.BULK_INTERFACE)
    buffer = array.array("B", bytes(READ))
    came = memoryview(b"")

    def fill(view: memoryview) -> int:
        nonlocal came
        while not came:
            came = memoryview(buffer)[: device.read(usb_descriptors.BULK_IN, buffer, LIMIT_MS)]
        size = min(len(view), len(came))
        view[:size], came = came[:size], came[size:]
        return size

    return fill, lambda data: device.write(usb_descriptors.BULK_OUT, data)
