"""The ideal receiver: everything that an offload cannot do without, by hand, and no protocol.

    python -m tools.bench.ideal_receiver ADDRESS MIB DIRECTORY [FILES]

Three threads receive (with CRC-32C), hash each MiB, and write; then fsync, drop the cache, read back and hash on
two threads, rename, fsync the directory. Of the shapes that were tried (one, two and three threads, O_DIRECT,
early write-back, read-back by one thread) this is the fastest on two cores.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import queue
import socket
import sys
import tty
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import google_crc32c

from tools.bench.process import measured

MIB: Final = 1_048_576
CRC_PIECE: Final = 65_536
"""The library takes only `bytes`: a copy of this size stays in the processor's cache."""
SLABS: Final = 8
"""Memory between the threads; more brought nothing."""
READERS: Final = 2

Slabs = queue.SimpleQueue[memoryview | None]
Fill = Callable[[memoryview], int]


class Receiver:
    """Receives `size_bytes` through `fill` into `file`."""

    def __init__(self, fill: Fill, size_bytes: int, file: int) -> None:
        self._fill = fill
        self._size = size_bytes
        self._file = file
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._to_hash: Slabs = queue.SimpleQueue()
        self._to_write: Slabs = queue.SimpleQueue()
        self._digests: list[bytes] = []
        for _ in range(SLABS):
            self._free.put(memoryview(mmap.mmap(-1, MIB)))

    def run(self) -> None:
        """Receives, hashes and writes; raises `ValueError` for bytes that do not have the sender's CRC."""
        with ThreadPoolExecutor(2) as pool:
            hashing, writing = pool.submit(self._hash), pool.submit(self._write)
            crc = self._receive()
            hashing.result()
            writing.result()
        trailer = memoryview(bytearray(4))
        self._fill_all(trailer)
        if int.from_bytes(trailer, "little") != crc:
            raise ValueError("the bytes do not have the sender's CRC")

    def _receive(self) -> int:
        crc, left = 0, self._size
        while left:
            slab = self._free.get()[: min(MIB, left)]
            self._fill_all(slab)
            for at in range(0, len(slab), CRC_PIECE):
                crc = google_crc32c.extend(crc, bytes(slab[at : at + CRC_PIECE]))
            left -= len(slab)
            self._to_hash.put(slab)
        self._to_hash.put(None)
        return crc

    def _fill_all(self, view: memoryview) -> None:
        at = 0
        while at < len(view):
            got = self._fill(view[at:])
            if got <= 0:
                raise ValueError("the sender ended early")
            at += got

    def _hash(self) -> None:
        while (slab := self._to_hash.get()) is not None:
            self._digests.append(hashlib.sha256(slab).digest())
            self._to_write.put(slab)
        self._to_write.put(None)

    def _write(self) -> None:
        at = 0
        while (slab := self._to_write.get()) is not None:
            at += os.pwrite(self._file, slab, at)
            self._free.put(slab)

    def read_back(self) -> None:
        """Reads everything from the medium and compares; raises `ValueError`."""
        os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)
        count = len(self._digests)
        cuts = [count * part // READERS for part in range(READERS + 1)]
        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(self._compare, cuts[:-1], cuts[1:]))

    def _compare(self, begin: int, end: int) -> None:
        slab = memoryview(mmap.mmap(-1, MIB))
        for index in range(begin, end):
            got = os.preadv(self._file, [slab], index * MIB)
            if hashlib.sha256(slab[:got]).digest() != self._digests[index]:
                raise ValueError(f"MiB {index} was not stored as it came")


def open_link(address: str) -> tuple[Fill, Callable[[bytes], object]]:
    """How to fill a buffer from the link, and how to write to it."""
    scheme, _, rest = address.partition(":")
    if scheme == "tcp":
        host, _, port = rest.rpartition(":")
        link = socket.create_connection((host, int(port)))
        return link.recv_into, link.sendall
    if scheme == "usb":
        from tools.bench import ideal_usb  # the others do without what it needs

        return ideal_usb.open_reader(rest.partition("usbip=")[2])
    file = os.open(rest, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(file)
    return (lambda view: os.readv(file, [view])), (lambda data: os.write(file, data))


def receive(address: str, size_bytes: int, directory: Path, number: int) -> None:
    """The whole of it: from opening the link to the name of a file that is on the medium."""
    part, final = directory / "ideal.part", directory / f"ideal-{number}"
    file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fill, send = open_link(address)
    send(size_bytes.to_bytes(8, "little"))
    receiver = Receiver(fill, size_bytes, file)
    receiver.run()
    os.fsync(file)
    receiver.read_back()
    part.rename(final)
    os.close(file)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(handle)
    os.close(handle)


if __name__ == "__main__":
    with measured():
        for file_number in range(int(sys.argv[4]) if len(sys.argv) > 4 else 1):
            receive(sys.argv[1], int(sys.argv[2]) * MIB, Path(sys.argv[3]), file_number)
