"""The file system as the offload engine sees it: a seam, and the operating system behind it (spec: Recording).

Files are reached only as a name inside a directory that is held open, so that nothing that happens to a path
in the meantime leads a write elsewhere. Every call blocks and is made from a worker; every failure is an
`OSError`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

RENAME_NOREPLACE: Final = 1
FALLOC_FL_KEEP_SIZE: Final = 1
SYNC_FILE_RANGE_WRITE: Final = 2
STAT_BLOCK: Final = 512
"""Unit of `st_blocks`, whatever the file system's own blocks are."""
CACHE_PROBES: Final = 64
"""Places at which a dropped cache is looked at; each costs about a microsecond."""


class FileSystem(Protocol):
    """What the engine needs of a file system. Directories and files are open handles; names hold no slash."""

    def open_directory(self, path: Path) -> int:
        """Opens an existing directory by its path; a link to one is the caller's choice."""

    def open_inside(self, directory: int, name: str) -> int:
        """Opens a directory inside another, made (0700) if it is missing; never follows a link."""

    def names(self, directory: int) -> list[str]:
        """The names in a directory."""

    def size_of(self, directory: int, name: str) -> int | None:
        """Size in bytes of a regular file; None if there is no such name. Raises for anything else."""

    def taken_by(self, directory: int, name: str) -> int:
        """Bytes of the medium that a file takes, reserved ones included; 0 if there is no such name."""

    def free_bytes(self, directory: int) -> int:
        """Bytes that this user may still store."""

    def create(self, directory: int, name: str) -> int:
        """Creates a file (0600) for reading and writing. Raises `FileExistsError` if there is anything."""

    def reopen(self, directory: int, name: str, *, write: bool) -> int:
        """Opens an existing regular file; never follows a link, never waits for a pipe."""

    def lock(self, file: int) -> bool:
        """Takes the exclusive lock until the file is closed; False when another holds it.

        Raises `OSError` where the file system has no locks.
        """

    def is_named(self, file: int, directory: int, name: str) -> bool:
        """Whether `name` still leads to this open file."""

    def size(self, file: int) -> int:
        """Size in bytes of an open file."""

    def preallocate(self, file: int, size: int) -> None:
        """Reserves room for `size` bytes without changing the file's size; does nothing where that is unknown."""

    def write(self, file: int, data: memoryview, offset: int) -> int:
        """Writes some of `data` at `offset` and returns how many bytes."""

    def read(self, file: int, into: memoryview, offset: int) -> int:
        """Reads into a buffer from `offset` and returns how many bytes; 0 at the end of the file."""

    def truncate(self, file: int, size: int) -> None:
        """Cuts the file to `size` bytes."""

    def start_write_back(self, file: int, offset: int, size: int) -> None:
        """Lets the system begin to write a range to the medium, without waiting; a hint."""

    def sync(self, file: int) -> None:
        """Waits until everything is on the medium. After an error nothing is known of this file any more."""

    def drop_cache(self, file: int) -> bool:
        """Drops what the system keeps of the file in memory; whether the next read comes from the medium."""

    def rename(self, directory: int, name: str, to: int, to_name: str) -> None:
        """Moves a file to a new name, atomically. Raises `FileExistsError` rather than replace anything."""

    def remove(self, directory: int, name: str) -> None:
        """Removes a name. Raises `FileNotFoundError` if there is none."""

    def sync_directory(self, directory: int) -> None:
        """Waits until the names of a directory are on the medium."""

    def close(self, handle: int) -> None:
        """Closes a file or directory, and so gives its lock back."""


def write_all(files: FileSystem, file: int, data: memoryview, offset: int) -> None:
    """Writes all of `data` at `offset`, however short the single writes are."""
    while data:
        written = files.write(file, data, offset)
        if written <= 0:
            raise OSError(errno.EIO, "a write wrote nothing")
        data, offset = data[written:], offset + written


def read_upto(files: FileSystem, file: int, into: memoryview, offset: int) -> int:
    """Fills `into` from `offset` as far as the file goes; returns how many bytes there were."""
    done = 0
    while done < len(into):
        got = files.read(file, into[done:], offset + done)
        if got <= 0:
            break
        done += got
    return done


class OsFileSystem:
    """The operating system's, by POSIX calls; Linux's own where they are stronger."""

    def open_directory(self, path: Path) -> int:
        if not hasattr(os, "O_DIRECTORY"):
            raise OSError(
                errno.EOPNOTSUPP, "footage is stored on POSIX systems only, such as Linux and macOS"
            )
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def open_inside(self, directory: int, name: str) -> int:
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            pass  # it is opened below, and refused there if it is no directory of its own
        else:
            os.fsync(directory)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=directory)

    def names(self, directory: int) -> list[str]:
        return os.listdir(directory)

    def size_of(self, directory: int, name: str) -> int | None:
        try:
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        _must_be_regular(found, name)
        return found.st_size

    def taken_by(self, directory: int, name: str) -> int:
        try:
            return os.stat(name, dir_fd=directory, follow_symlinks=False).st_blocks * STAT_BLOCK
        except FileNotFoundError:
            return 0

    def free_bytes(self, directory: int) -> int:
        found = os.fstatvfs(directory)
        return found.f_bavail * found.f_frsize

    def create(self, directory: int, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=directory)

    def reopen(self, directory: int, name: str, *, write: bool) -> int:
        mode = os.O_RDWR if write else os.O_RDONLY
        file = os.open(name, mode | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        try:
            _must_be_regular(os.fstat(file), name)
        except OSError:
            os.close(file)
            raise
        return file

    def lock(self, file: int) -> bool:
        import fcntl  # Windows has none, and everything but storing footage works there

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_named(self, file: int, directory: int, name: str) -> bool:
        try:
            there = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(file), there)

    def size(self, file: int) -> int:
        return os.fstat(file).st_size

    def preallocate(self, file: int, size: int) -> None:
        # The size stays as it is: so it tells how far an interrupted copy got.
        fallocate = getattr(_libc(), "fallocate", None)
        if fallocate is not None:
            arguments = (ctypes.c_int(FALLOC_FL_KEEP_SIZE), ctypes.c_int64(0), ctypes.c_int64(size))
            _checked(fallocate(ctypes.c_int(file), *arguments), unless=_UNAVAILABLE)

    def write(self, file: int, data: memoryview, offset: int) -> int:
        return os.pwrite(file, data, offset)

    def read(self, file: int, into: memoryview, offset: int) -> int:
        return os.preadv(file, [into], offset)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def start_write_back(self, file: int, offset: int, size: int) -> None:
        sync_file_range = getattr(_libc(), "sync_file_range", None)
        if sync_file_range is not None:
            # Its errors are not looked at: `sync` reports what could not be written.
            where = (ctypes.c_int64(offset), ctypes.c_int64(size))
            sync_file_range(ctypes.c_int(file), *where, ctypes.c_uint(SYNC_FILE_RANGE_WRITE))

    def sync(self, file: int) -> None:
        os.fsync(file)

    def drop_cache(self, file: int) -> bool:
        if not hasattr(os, "posix_fadvise"):
            return False
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        dropped = not _in_memory(file, os.fstat(file).st_size)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return dropped

    def rename(self, directory: int, name: str, to: int, to_name: str) -> None:
        renameat2 = getattr(_libc(), "renameat2", None)
        if renameat2 is not None:
            source = (ctypes.c_int(directory), os.fsencode(name))
            target = (ctypes.c_int(to), os.fsencode(to_name))
            done = renameat2(*source, *target, ctypes.c_uint(RENAME_NOREPLACE))
            if _checked(done, unless=_UNAVAILABLE):
                return
        # A link never replaces either; both names lead to the same complete file until the old one goes.
        os.link(name, to_name, src_dir_fd=directory, dst_dir_fd=to, follow_symlinks=False)
        os.unlink(name, dir_fd=directory)

    def remove(self, directory: int, name: str) -> None:
        os.unlink(name, dir_fd=directory)

    def sync_directory(self, directory: int) -> None:
        os.fsync(directory)

    def close(self, handle: int) -> None:
        os.close(handle)


_UNAVAILABLE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
"""What a system says that lacks a call, or whose file system does."""


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, *, unless: frozenset[int]) -> bool:
    """Whether a C call did it; False for an error in `unless`. Raises `OSError` for any other."""
    if result == 0:
        return True
    number = ctypes.get_errno()
    if number in unless:
        return False
    raise OSError(number, os.strerror(number))


def _must_be_regular(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, f"{name} is not a regular file")


def _in_memory(file: int, size: int) -> bool:
    """Whether any of the places that are looked at is read without the medium, or it cannot be told."""
    probe = [bytearray(1)]
    if not hasattr(os, "RWF_NOWAIT"):
        return True
    for index in range(CACHE_PROBES):
        try:
            if os.preadv(file, probe, size * index // CACHE_PROBES, os.RWF_NOWAIT):
                return True
        except BlockingIOError:
            continue
        except OSError:
            return True
    return False
