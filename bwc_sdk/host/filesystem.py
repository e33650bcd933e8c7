"""The file system as the offload engine sees it: a seam, and the operating system behind it (spec: Recording).

Files are reached only as a name inside a directory that is held open, so that nothing that happens to a path
in the meantime leads a write elsewhere. Where a step goes by a name, the caller compares the name with the open
file (`is_named`). Every call blocks and is made from a worker; every failure is an `OSError`.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final, Protocol

from bwc_sdk.host import system_calls

STAT_BLOCK: Final = 512
"""Unit of `st_blocks`, whatever the file system's own blocks are."""
CACHE_PROBES: Final = 64
"""Places at which a dropped cache is looked at; each costs about a microsecond."""
ANCESTORS_MAX: Final = 64
"""Directories above a destination whose entries are brought to the medium; a path of more is nobody's."""

Identity = tuple[int, int]
"""Device and inode: what makes a file or directory the same one, whatever its name."""


class NotAFile(OSError):
    """A name leads to a directory, a link, a pipe or a device, where a regular file was to be."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EINVAL, f"{name} is not a regular file")


class BeyondLimit(OSError):
    """This process may not write a file of that size, whatever the file system can hold."""

    def __init__(self, limit: int) -> None:
        super().__init__(errno.EFBIG, os.strerror(errno.EFBIG))
        self.limit = limit


class CannotRename(OSError):
    """The system, or this file system, cannot rename without replacing."""


class FileSystem(Protocol):
    """What the engine needs of a file system. Directories and files are open handles; names hold no slash."""

    def open_directory(self, path: Path) -> int:
        """Opens an existing directory by its path; a link to one is the caller's choice."""

    def open_inside(self, directory: int, name: str) -> int:
        """Opens a directory inside another, made (0700) if it is missing; never follows a link."""

    def identity(self, handle: int) -> Identity:
        """What an open file or directory is."""

    def identity_at(self, path: Path) -> Identity | None:
        """What a path leads to now; None if it leads nowhere."""

    def names(self, directory: int) -> list[str]:
        """The names in a directory."""

    def size_of(self, directory: int, name: str) -> int | None:
        """Size in bytes of a regular file; None if there is no such name. Raises for anything else."""

    def taken_by(self, directory: int, name: str) -> int:
        """Bytes of the medium that a file takes, reserved ones included; 0 if there is no such name."""

    def free_bytes(self, directory: int) -> int | None:
        """Bytes that this user may still store; None where the file system does not tell."""

    def free_files(self, directory: int) -> int | None:
        """Files that may still be made; None where the file system does not count them."""

    def check_size(self, file: int, size: int) -> None:
        """Raises `OSError` (EFBIG) if it is known that a file cannot become `size` bytes long."""

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

    def preallocate(self, file: int, offset: int, size: int) -> None:
        """Reserves room for a range without changing the file's size; does nothing where that is unknown."""

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

    def link(self, file: int, directory: int, name: str, to: int, to_name: str) -> bool:
        """Gives an open file, which `name` leads to, another name; False where there are no links.

        Raises `FileExistsError` rather than replace anything, `FileNotFoundError` if the file has no name any more.
        """

    def rename(self, directory: int, name: str, to: int, to_name: str) -> None:
        """Moves a file to a new name, atomically. Raises `FileExistsError` rather than replace anything, and
        `CannotRename` where that cannot be done."""

    def remove(self, directory: int, name: str) -> None:
        """Removes a name. Raises `FileNotFoundError` if there is none."""

    def sync_directory(self, directory: int) -> bool:
        """Waits until the names of a directory are on the medium; False where the file system cannot."""

    def sync_way_to(self, directory: int) -> None:
        """The same for the names that lead to a directory, as far as this user may look up from it."""

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
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=directory)

    def identity(self, handle: int) -> Identity:
        found = os.fstat(handle)
        return found.st_dev, found.st_ino

    def identity_at(self, path: Path) -> Identity | None:
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino

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

    def free_bytes(self, directory: int) -> int | None:
        found = os.fstatvfs(directory)
        # All zero is what file systems say that do not count, such as those in front of a cloud.
        return found.f_bavail * found.f_frsize if found.f_blocks and found.f_frsize else None

    def free_files(self, directory: int) -> int | None:
        found = os.fstatvfs(directory)
        return found.f_favail if found.f_files else None

    def check_size(self, file: int, size: int) -> None:
        limit = largest_file()
        if limit is not None and size > limit:
            raise BeyondLimit(limit)
        try:
            os.lseek(file, size, os.SEEK_SET)  # nothing here reads or writes at the file's own position
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOVERFLOW):
                raise
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG)) from error

    def create(self, directory: int, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, 0o600, dir_fd=directory)

    def reopen(self, directory: int, name: str, *, write: bool) -> int:
        # Looked at first: to open a device may set it to work.
        _must_be_regular(os.stat(name, dir_fd=directory, follow_symlinks=False), name)
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

    def preallocate(self, file: int, offset: int, size: int) -> None:
        # The size stays as it is: so it tells how far an interrupted copy got.
        try:
            system_calls.reserve(file, offset, size)
        except OSError as error:
            if error.errno not in _UNAVAILABLE:
                raise

    def write(self, file: int, data: memoryview, offset: int) -> int:
        return os.pwrite(file, data, offset)

    def read(self, file: int, into: memoryview, offset: int) -> int:
        return os.preadv(file, [into], offset)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def start_write_back(self, file: int, offset: int, size: int) -> None:
        system_calls.start_write_back(file, offset, size)

    def sync(self, file: int) -> None:
        os.fsync(file)

    def drop_cache(self, file: int) -> bool:
        if not hasattr(os, "posix_fadvise"):
            return False
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            dropped = not _in_memory(file, os.fstat(file).st_size)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        except OSError as error:
            if error.errno not in _UNAVAILABLE:
                raise
            return False
        return dropped

    def link(self, file: int, directory: int, name: str, to: int, to_name: str) -> bool:
        by_descriptor = f"/proc/self/fd/{file}"
        try:
            if os.path.lexists(by_descriptor):
                os.link(by_descriptor, to_name, dst_dir_fd=to, follow_symlinks=True)
            else:
                os.link(name, to_name, src_dir_fd=directory, dst_dir_fd=to, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        return True

    def rename(self, directory: int, name: str, to: int, to_name: str) -> None:
        try:
            system_calls.rename_noreplace(directory, name, to, to_name)
        except OSError as error:
            if error.errno not in _NO_RENAME:
                raise
            raise CannotRename(error.errno, error.strerror) from error

    def remove(self, directory: int, name: str) -> None:
        os.unlink(name, dir_fd=directory)

    def sync_directory(self, directory: int) -> bool:
        try:
            os.fsync(directory)
        except OSError as error:
            # POSIX: EINVAL is for what cannot be synced. Such a file system keeps names by its own ways, and no other
            # call does better; that its names are not known to be durable is said in the custody record.
            if error.errno not in _UNAVAILABLE:
                raise
            return False
        return True

    def sync_way_to(self, directory: int) -> None:
        here = os.dup(directory)
        try:
            for _ in range(ANCESTORS_MAX):
                below = self.identity(here)
                above = _above(here)
                if above is None:
                    return
                passed, here = here, above
                os.close(passed)  # once, whatever it says: the number may be another file's by now
                if self.identity(here) == below or self.identity(here)[0] != below[0]:
                    return  # the root of this file system: what is mounted where is no name on a medium
                self.sync_directory(here)
        finally:
            os.close(here)

    def close(self, handle: int) -> None:
        os.close(handle)


_UNAVAILABLE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What a system says that lacks a call, or whose file system does."""
_NO_LINKS: Final = _UNAVAILABLE | {errno.EPERM, errno.EMLINK, errno.EIO}
"""EIO is how rclone says it; of a medium that fails, the renaming that is tried then says it again."""
_NO_RENAME: Final = _UNAVAILABLE | {errno.EPERM}
"""EPERM is how FAT and some file systems in user space say it."""


def largest_file() -> int | None:
    """Bytes to which this process may let a file grow (`ulimit -f`); None: no limit."""
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _above(directory: int) -> int | None:
    try:
        return os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    except (PermissionError, FileNotFoundError):
        return None  # whoever may not read it cannot sync it either


def _must_be_regular(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotAFile(name)


def _in_memory(file: int, size: int) -> bool:
    """Whether any of it is read without the medium, or it cannot be told. Where the system does not count, some places
    are looked at."""
    pages = system_calls.pages_in_memory(file, size)
    if pages is not None:
        return pages > 0
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
