"""A flash in a directory of this machine (`--state DIR`): the same files under the same names.

Whatever stands under a name that the simulator uses may have been put there by somebody else, or have rotted: a pipe
that would never answer, a link that leads elsewhere. Opening waits for nothing and follows nothing, and what is no
plain file is a `StateError` that names it. To the machine's kernel each operation is passed on at once: a simulator
that is killed loses nothing, a machine that loses power what a flash would.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware_sim.flash.flash import FORM_NAME, Counted, NotPlain, StateError, StateInUse, Unsynced

FILE_MODE: Final = 0o600
"""Whatever the umask: a device's log names people."""
DIRECTORY_MODE: Final = 0o700
NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
LOCK: Final = "lock"
"""The first file that is made: it says that a simulator was here, and that one is."""
NEW_FILE_SYSTEM: Final = frozenset({"lost+found"})
"""What lies in a directory before anybody put anything there."""
KINDS_OF_FILE: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class DirectoryFlash(Counted):
    """One device's directory, held by this process until `close`.

    Raises `StateInUse` if another holds it, and `StateError` for one that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._root = str(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_dir():
                _make_directory(path)
            _refuse_what_is_somebody_elses(path)
            self._lock = open_plain(path / LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            why = "it is no directory" if isinstance(error, FileExistsError) else error.strerror
            raise StateError(f"{path} cannot be used: {why}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            if isinstance(error, BlockingIOError):
                raise StateInUse(f"{path} is in use by another simulator") from error
            raise StateError(f"{path} cannot be used: {error.strerror}") from error
        self._held = True

    def at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _path(self, name: str) -> Path:
        return Path(self.at(name))

    # Reading

    def names(self, directory: str = "") -> list[str]:
        return sorted(one.name for one in self._path(directory).iterdir())

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.at(name))

    def is_directory(self, name: str) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(self.at(name)).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def size(self, name: str) -> int | None:
        path = self._path(name)
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        _demand_plain(path, found.st_mode)
        return found.st_size

    def read(self, name: str, offset: int, size: int) -> bytes:
        handle = open_plain(self._path(name), os.O_RDONLY)
        try:
            data = os.pread(handle, size, offset)
            while (
                data and len(data) < size and (more := os.pread(handle, size - len(data), offset + len(data)))
            ):
                data += more
            return data
        finally:
            os.close(handle)

    # Writing

    def make_directory(self, name: str) -> None:
        self._begin("make_directory", name)
        _make_directory(self._path(name))

    def create(self, name: str, data: bytes) -> None:
        self._begin("create", name)
        self._write(name, NEW, 0, data)

    def create_tree(self, name: str, files: Mapping[str, bytes]) -> None:
        self._begin("create_tree", name)
        _make_directory(self._path(name))
        for file, data in files.items():
            self._write(f"{name}/{file}", NEW, 0, data)

    def write(self, name: str, offset: int, data: bytes | memoryview) -> None:
        self._begin("write", name)
        self._write(name, os.O_WRONLY, offset, data)

    def _write(self, name: str, flags: int, offset: int, data: bytes | memoryview) -> None:
        handle = open_plain(self._path(name), flags)
        try:
            os.lseek(handle, offset, os.SEEK_SET)
            left = memoryview(data)
            while left:  # a disk that becomes full may take a part first
                left = left[os.write(handle, left) :]
        finally:
            os.close(handle)

    def truncate(self, name: str, size: int) -> None:
        self._begin("truncate", name)
        handle = open_plain(self._path(name), os.O_WRONLY)
        try:
            os.ftruncate(handle, size)
        finally:
            os.close(handle)

    def rename(self, name: str, to: str) -> None:
        self._begin("rename", name)
        if self.is_directory(to):
            raise FileExistsError(
                errno.EEXIST, os.strerror(errno.EEXIST), to
            )  # an empty one would be replaced
        self._path(name).replace(self._path(to))

    def remove(self, name: str) -> None:
        self._begin("remove", name)
        self._path(name).unlink()

    def remove_tree(self, name: str) -> None:
        self._begin("remove_tree", name)
        shutil.rmtree(self._path(name))

    def sync(self, name: str) -> None:
        self._begin("sync", name)
        handle = open_plain(self._path(name), os.O_WRONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def sync_directory(self, name: str = "") -> None:
        self._begin("sync_directory", name)
        handle = os.open(self.at(name), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def sync_all(self) -> None:
        self._begin("sync_all", "")
        os.sync()

    # Power

    def lose_power(self, entropy: random.Random, unsynced: Unsynced = Unsynced.TORN) -> None:
        """The kernel of this machine has it all."""
        self._off = None

    def close(self) -> None:
        if self._held:
            self._held = False
            os.close(self._lock)


def open_plain(path: Path, flags: int) -> int:
    """Opens a plain file; made, where `flags` ask for it, so that nobody else can read it.

    Raises `FileNotFoundError`, other `OSError`, and `StateError` for what is no plain file.
    """
    with contextlib.suppress(FileNotFoundError):
        _demand_plain(path, path.lstat().st_mode)  # before it is opened: to open a device may do something
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    handle = os.open(path, flags, FILE_MODE)
    try:
        mode = os.fstat(handle).st_mode
        _demand_plain(path, mode)
        if flags & os.O_CREAT and stat.S_IMODE(mode) != FILE_MODE:
            os.fchmod(handle, FILE_MODE)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _demand_plain(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    what = next((words for is_kind, words in KINDS_OF_FILE if is_kind(mode)), "something else")
    raise NotPlain(f"{path} is {what}, and no plain file that a simulator made")


def _make_directory(path: Path) -> None:
    """A directory that nobody else can look into, unless there is one already."""
    try:
        path.mkdir(DIRECTORY_MODE)
    except FileExistsError:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise
    else:
        path.chmod(DIRECTORY_MODE)


def _refuse_what_is_somebody_elses(path: Path) -> None:
    """Raises `StateError` where files lie and no simulator ever was: its lock is the first thing that it makes."""
    found = next((one for one in path.iterdir() if one.name not in NEW_FILE_SYSTEM), None)
    if found is not None and not any(os.path.lexists(path / name) for name in (LOCK, FORM_NAME)):
        raise StateError(
            f"{path} is no simulator's: {found.name} lies in it; name an empty directory, or a new one"
        )
