"""The directory into which recordings are offloaded (spec: Recording, "Destination").

What is complete and verified stands in the directory itself; everything unfinished in `.incoming` inside it,
on the same file system, so that the step between the two is one atomic rename.
"""

import contextlib
import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from bwc_sdk.errors import DestinationError, DestinationFull
from bwc_sdk.filesystem import FileSystem, read_upto, write_all
from bwc_sdk.offload.naming import PART_SUFFIX, SEGMENT_SUFFIX

INCOMING: Final = ".incoming"
LOCK_PROBE: Final = "lock-probe"
"""A file that stays: making and removing one for each offload makes later creations slow on some systems."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN: Final = (
    "the destination may not be written by this user",
    "give this user the right to write there, or choose another directory",
)
_RULES: Final = {
    errno.ENOENT: ("the destination does not exist", "make the directory first: mkdir -p"),
    errno.ENOTDIR: ("the destination is not a directory", "name a directory"),
    errno.EROFS: ("the destination is read-only", "mount it writable, or choose another directory"),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EFBIG: (
        "the destination's file system cannot hold a file of that size",
        "choose a file system without that limit: not FAT",
    ),
    errno.ELOOP: (
        "a link stands where the destination's own file should be",
        "find out who put it there, and remove it",
    ),
}
"""What is wrong, and what to do about it."""


def destination_error(error: OSError, what: str, path: Path) -> DestinationError:
    """The typed error for a failure of the file system while doing `what`."""
    number = error.errno or 0
    if number in _FULL:
        return DestinationFull(f"the destination is full: {what}", device=str(path))
    rule, advice = _RULES.get(number, (error.strerror or str(error), ""))
    return DestinationError(f"{rule}: {what}", device=str(path), advice=advice)


class NameTaken(Exception):
    """Something else already stands under a final name; it was not touched."""


@dataclass(slots=True)
class Destination:
    """An open destination. All methods block, and raise `OSError` unless they say otherwise."""

    files: FileSystem
    path: Path
    directory: int
    incoming: int

    @classmethod
    def open(cls, files: FileSystem, path: Path) -> Self:
        """Opens a directory that exists, can be written and has locks. Raises `DestinationError`."""
        try:
            directory = files.open_directory(path)
        except OSError as error:
            raise destination_error(error, "opening it", path) from error
        try:
            incoming = files.open_inside(directory, INCOMING)
        except OSError as error:
            files.close(directory)
            if error.errno == errno.ENOENT:  # it does exist; its file system, such as /proc, makes none in it
                raise DestinationError(
                    "no directory can be made in the destination",
                    device=str(path),
                    advice="choose a directory on a disk",
                ) from error
            raise destination_error(error, f"opening {INCOMING} in it", path) from error
        opened = cls(files, path, directory, incoming)
        try:
            opened._prove_locks()
        except BaseException:
            opened.close()
            raise
        return opened

    def _prove_locks(self) -> None:
        """Without locks two processes would write into one file; some file systems only pretend to have them."""
        try:
            first = self._open_probe()
            try:
                held = self.files.lock(first)  # or another process proves the same at this moment
                second = self._open_probe()
                try:
                    exclusive = not (held and self.files.lock(second))
                finally:
                    self.files.close(second)
            finally:
                self.files.close(first)
        except OSError as error:
            if error.errno in _RULES or error.errno in _FULL:
                raise destination_error(error, "creating a file in it", self.path) from error
            raise self._unsafe(f"has no locks: {error.strerror}") from error
        if not exclusive:
            raise self._unsafe("gives one lock to two holders")

    def _unsafe(self, why: str) -> DestinationError:
        return DestinationError(
            f"the destination's file system {why}",
            device=str(self.path),
            advice="choose a local disk, or a network file system that is mounted with locks",
        )

    def _open_probe(self) -> int:
        try:
            return self.files.create(self.incoming, LOCK_PROBE)
        except FileExistsError:
            return self.files.reopen(self.incoming, LOCK_PROBE, write=True)

    def close(self) -> None:
        """Closes it; nothing in it changes."""
        self.files.close(self.incoming)
        self.files.close(self.directory)

    def free_bytes(self) -> int:
        """Bytes that may still be stored."""
        return self.files.free_bytes(self.directory)

    def bytes_there(self, name: str) -> int:
        """Bytes that stand under a segment's final name, or are taken by its part file."""
        stored = self.files.size_of(self.directory, name + SEGMENT_SUFFIX)
        return self.files.taken_by(self.incoming, name + PART_SUFFIX) if stored is None else stored

    # Small files beside the footage. The caller holds the lock of the segment that `name` belongs to.

    def read_small(self, name: str, most: int, *, final: bool) -> bytes | None:
        """What a small file holds, or None if there is none; `most` + 1 bytes at most.

        What cannot be read in `.incoming` counts as missing: it is written anew.
        """
        try:
            file = self.files.reopen(self.directory if final else self.incoming, name, write=False)
            try:
                content = bytearray(most + 1)
                return bytes(content[: read_upto(self.files, file, memoryview(content), 0)])
            finally:
                self.files.close(file)
        except OSError as error:
            if final and error.errno != errno.ENOENT:
                raise
            return None

    def keep_small(self, name: str, content: bytes) -> None:
        """Writes a small file into `.incoming`, durable; what an interrupted attempt left there is replaced,
        and of one that fails nothing is left."""
        if self.files.size_of(self.incoming, name) is not None:
            self.files.remove(self.incoming, name)
        file = self.files.create(self.incoming, name)
        try:
            write_all(self.files, file, memoryview(content), 0)
            self.files.sync(file)
        except OSError:
            with contextlib.suppress(OSError):  # the first error is what the caller has to know
                self.files.remove(self.incoming, name)
            raise
        finally:
            self.files.close(file)

    def place_small(self, name: str, kept: str, content: bytes) -> None:
        """Moves the small file `kept` of `.incoming` under its final name; written first if it is not there.

        Raises `NameTaken` if there is another content under that name.
        """
        there = self.read_small(name, len(content), final=True)
        if there is None:
            if self.read_small(kept, len(content), final=False) != content:
                self.keep_small(kept, content)
            try:
                self.files.rename(self.incoming, kept, self.directory, name)
            except FileExistsError:  # another segment of the same recording brought it meanwhile
                there = self.read_small(name, len(content), final=True)
        if there is not None:
            if there != content:
                raise NameTaken(name)
            self.forget_small(kept)

    def place_once(self, name: str, content: bytes) -> None:
        """Gives `content` the final name `name`, durable, unless something has it already."""
        if self.files.size_of(self.directory, name) is not None:
            return
        self.keep_small(name, content)
        try:
            self.files.rename(self.incoming, name, self.directory, name)
        except FileExistsError:
            self.forget_small(name)
        self.files.sync_directory(self.directory)

    def forget_small(self, kept: str) -> None:
        """Removes a small file from `.incoming`, if it is there."""
        if self.files.size_of(self.incoming, kept) is not None:
            self.files.remove(self.incoming, kept)
