"""A directory as a final destination: what it holds is read back from the medium, and nothing in it is replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.faults import Appeared
from bwc_sdk.destination.final_names import Move
from bwc_sdk.evidence.destination import OpenObject
from bwc_sdk.host.filesystem import NotAFile, read_upto

PIECE: Final = 1 << 20
"""Bytes that are read at once: enough for any medium, and little for many at the same time."""
SIGNING_LOCK: Final = "receipts-lock"
"""A file of `.incoming` that stays: who signs receipts for this directory holds its lock."""


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """An `ObjectStore` (see `bwc_sdk.evidence.destination`). The keys are names of files."""

    destination: Destination

    def keys(self) -> list[str]:
        """The keys of all objects."""
        return sorted(self.destination.files.names(self.destination.directory))

    @contextlib.contextmanager
    def read_back(self, key: str) -> Iterator[OpenObject]:
        """An object as the medium has it. Raises `FileNotFoundError`, `OSError`."""
        files = self.destination.files
        file = files.reopen(self.destination.directory, key, write=False)
        try:
            files.sync(file)
            files.drop_cache(file)
            yield OpenObject(files.size(file), "", self._pieces(file))
        finally:
            files.close(file)

    def _pieces(self, file: int) -> Iterator[memoryview]:
        room, at = memoryview(bytearray(PIECE)), 0
        while got := read_upto(self.destination.files, file, room, at):
            yield room[:got]
            at += got

    def read_small(self, key: str, most: int) -> bytes | None:
        """The same whole, `most` + 1 bytes at most; None if there is none. Raises `OSError`."""
        try:
            with self.read_back(key) as found:
                parts: list[bytes] = []
                for piece in found.pieces:
                    parts.append(bytes(piece))
                    if len(parts) * PIECE > most:
                        break
                return b"".join(parts)[: most + 1]
        except FileNotFoundError:
            return None
        except NotAFile:
            return b""

    def create(self, key: str, content: bytes) -> bool:
        """Stores an object unless its key is taken, durable when it returns; whether it was free. Raises `OSError`.

        The caller holds the lock of `signing_lock`.
        """
        names = self.destination.names
        file = self.destination.keep_small(key, content)
        try:
            names.place([Move(file, key, key)])
        except (FileExistsError, Appeared):
            names.drop(file, key)
            return False
        finally:
            self.destination.files.close(file)
        return True

    @contextlib.contextmanager
    def signing_lock(self) -> Iterator[bool]:
        """Whether this process alone signs receipts for the directory, until the end of the block. Raises `OSError`."""
        files, incoming = self.destination.files, self.destination.incoming
        try:
            file = files.create(incoming, SIGNING_LOCK)
        except FileExistsError:
            file = files.reopen(incoming, SIGNING_LOCK, write=True)
        try:
            yield files.lock(file)
        finally:
            files.close(file)
