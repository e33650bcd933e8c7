"""The other end of the ideal receiver: sends as many bytes as it is asked for, and nothing else.

    python -m tools.bench.ideal_sender tcp|pty|usb

Prints a device URI. A request is 8 bytes, little-endian: how many bytes are wanted. The answer
is that many bytes and their CRC-32C.
"""

import asyncio
import os
import socket
import sys
import tty
from collections.abc import Callable
from typing import Final

import google_crc32c

BLOCK: Final = 1_048_576


def answer(read: Callable[[int], bytes], write: Callable[[memoryview], int]) -> bool:
    """Serves one request; False when the peer has gone."""
    request = b""
    while len(request) < 8:
        piece = read(8 - len(request))
        if not piece:
            return False
        request += piece
    left, crc = int.from_bytes(request, "little"), 0
    block = os.urandom(BLOCK)
    while left:
        piece = block[:left]
        crc = google_crc32c.extend(crc, piece)
        _write_all(write, piece)
        left -= len(piece)
    _write_all(write, crc.to_bytes(4, "little"))
    return True


def _write_all(write: Callable[[memoryview], int], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[write(view) :]


def serve_tcp() -> None:
    """A connection a request, until killed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(f"tcp:127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            client, _ = server.accept()
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answer(client.recv, client.send)


def serve_pty() -> None:
    """Request after request on one pty, until killed."""
    master, slave = os.openpty()  # the slave stays open: the master would see a hang-up between two receivers
    tty.setraw(slave)
    print(f"serial:{os.ttyname(slave)}", flush=True)
    while answer(lambda size: os.read(master, size), lambda view: os.write(master, view)):
        pass


def serve_usb() -> None:
    """Request after request on the bulk interface of a virtual USB device, until killed."""
    from tools.bench import ideal_usb  # the others do without what it needs

    asyncio.run(ideal_usb.serve())


if __name__ == "__main__":
    try:
        {"tcp": serve_tcp, "pty": serve_pty, "usb": serve_usb}[sys.argv[1]]()
    except KeyboardInterrupt:
        pass
