"""The directory into which recordings are offloaded (spec: Recording, "Destination").

What is complete and verified stands in the directory itself; everything unfinished in `.incoming` inside it,
on the same file system, so that the step between the two is one atomic rename.
"""

import contextlib
import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from bwc_sdk.destination.faults import destination_error, error_at
from bwc_sdk.destination.final_names import FinalNames
from bwc_sdk.destination.proof import prove
from bwc_sdk.errors import DestinationError, DestinationMoved
from bwc_sdk.evidence.naming import FOOTAGE_SUFFIXES, PART_SUFFIX
from bwc_sdk.host.filesystem import FileSystem, Identity, NotAFile, write_all

INCOMING: Final = ".incoming"
ROOM_PROBE: Final = "room-probe"
"""Made and removed in `.incoming` where the file system says that it can hold hardly another file."""


@dataclass(frozen=True, slots=True)
class Found:
    """A small file that was there."""

    file: int
    identity: Identity
    content: bytes


@dataclass(slots=True)
class Destination:
    """An open destination. All methods block, and raise `OSError` unless they say otherwise."""

    files: FileSystem
    path: Path
    names: FinalNames
    names_synced: bool
    """Whether the file system tells that names are on the medium."""

    @classmethod
    def open(cls, files: FileSystem, path: Path, expected: Identity | None = None) -> Self:
        """Opens a directory that exists, and proves that recordings can be stored in it.

        Raises `DestinationError`; its kind `DestinationMoved` if it is not the `expected` directory.
        """
        try:
            directory = files.open_directory(path)
        except OSError as error:
            raise destination_error(error, "opening it", path, opening=True) from error
        try:
            if expected is not None and files.identity(directory) != expected:
                raise moved(path)
            incoming = _open_incoming(files, path, directory)
        except BaseException:
            with contextlib.suppress(OSError):
                files.close(directory)
            raise
        opened = cls(files, path, FinalNames(files, directory, incoming), names_synced=False)
        try:
            opened.names_synced = prove(opened.names, path)
        except OSError as error:
            typed = opened.error(error, "proving it")
            opened.close()
            raise typed from error
        except BaseException:
            opened.close()
            raise
        return opened

    @property
    def directory(self) -> int:
        """Where final names are."""
        return self.names.directory

    @property
    def incoming(self) -> int:
        """Where everything unfinished is."""
        return self.names.incoming

    def close(self) -> None:
        """Closes it; nothing in it changes, and everything that counts was synced: an error tells nothing."""
        for handle in (self.incoming, self.directory):
            with contextlib.suppress(OSError):
                self.files.close(handle)

    @property
    def identity(self) -> Identity:
        """What directory it is, whatever its path leads to."""
        return self.files.identity(self.directory)

    def confirm(self) -> None:
        """Raises `DestinationMoved` if the path leads elsewhere by now."""
        if self.files.identity_at(self.path) != self.identity:
            raise moved(self.path)

    def free_bytes(self) -> int | None:
        """Bytes that may still be stored, None if nobody knows."""
        return self.files.free_bytes(self.directory)

    def free_files(self) -> int | None:
        """Files that may still be made, None if nobody knows."""
        return self.files.free_files(self.directory)

    def takes_a_file(self) -> bool:
        """Whether one more file can be made, whatever the file system says: some count down from a number of their
        own invention."""
        try:
            file = self.files.create(self.incoming, ROOM_PROBE)
        except FileExistsError:
            return True  # another process has just found out
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return False
        try:
            self.names.drop(file, ROOM_PROBE)
        finally:
            self.files.close(file)
        return True

    def error(self, error: OSError, what: str) -> DestinationError:
        """The typed error for a failure while doing `what`."""
        return error_at(self.files, self.directory, error, what, self.path)

    def bytes_there(self, name: str) -> int:
        """Bytes that stand under a segment's final name, or are taken by its part file."""
        try:
            for suffix in FOOTAGE_SUFFIXES:
                stored = self.files.size_of(self.directory, name + suffix)
                if stored is not None:
                    return stored
            return self.files.taken_by(self.incoming, name + PART_SUFFIX)
        except NotAFile:
            return 0  # which is that recording's trouble, when its turn comes

    # Small files beside the footage. The caller holds the lock of the segment that `name` belongs to.

    def read_final(self, name: str, most: int) -> bytes | None:
        """What the small file `name` holds on the medium, or None if there is none; `most` + 1 bytes at most.

        Raises `NameTaken` if it is no file.
        """
        return self.names.read_final(name, most)

    def reopen_small(self, name: str, most: int, synced: Identity | None) -> "Found | None":
        """A small file of `.incoming`, open, and what it holds on the medium: `most` + 1 bytes at most.

        `synced` is the one that this process brought there. What cannot be read or synced counts as missing: it is
        written anew.
        """
        try:
            file = self.files.reopen(self.incoming, name, write=False)
        except OSError:
            return None
        try:
            identity = self.files.identity(file)
            read = self.names.read if identity == synced else self.names.settled
            return Found(file, identity, read(file, most))
        except OSError:
            self.files.close(file)
            return None

    def keep_small(self, name: str, content: bytes) -> int:
        """Writes a small file into `.incoming`, durable, and returns it open; what an interrupted attempt left
        there is replaced, and of one that fails nothing is left."""
        try:
            file = self.files.create(self.incoming, name)
        except FileExistsError:
            self.forget_small(name)
            file = self.files.create(self.incoming, name)
        try:
            write_all(self.files, file, memoryview(content), 0)
            self.files.sync(file)
        except OSError:
            with contextlib.suppress(OSError):  # the first error is what the caller has to know
                self.names.drop(file, name)
            with contextlib.suppress(OSError):
                self.files.close(file)
            raise
        return file

    def forget_small(self, name: str) -> None:
        """Removes a small file from `.incoming`, if it is there."""
        if self.files.size_of(self.incoming, name) is not None:
            self.files.remove(self.incoming, name)


def moved(path: Path) -> DestinationMoved:
    """The error of a path that leads elsewhere than before."""
    return DestinationMoved(
        "the destination is not at its path any more: moved, unmounted, or something was mounted over it",
        device=str(path),
        advice="bring it back, or name the directory where it is now, then run the same command again",
    )


def _open_incoming(files: FileSystem, path: Path, directory: int) -> int:
    try:
        return files.open_inside(directory, INCOMING)
    except OSError as error:
        if error.errno == errno.ENOENT:  # it does exist; its file system, such as /proc, makes none in it
            raise DestinationError(
                "no directory can be made in the destination",
                device=str(path),
                advice="choose a directory on a disk",
            ) from error
        raise error_at(files, directory, error, f"opening {INCOMING} in it", path) from error
