"""Files of a state directory: read without trusting what lies there, written so that a kill leaves old or new.

Whatever stands under a name that the simulator uses may have been put there by somebody else, or have rotted: a pipe
that would never answer, a link that leads elsewhere, numbers that no device has. Opening waits for nothing and follows
nothing, and what is no plain file, or not what was written, is a `StateError` that names it.
"""

import contextlib
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any, Final

TEMPORARY: Final = ".tmp-"
"""Prefix of what a killed run may leave behind; removed at the next start."""
FILE_MODE: Final = 0o600
"""Whatever the umask: a device's log names people."""
DIRECTORY_MODE: Final = 0o700
FILE_MAX: Final = 64 * 1024 * 1024
"""Bytes of a file that is read as a whole. The longest is a log, about 8 MiB; 65,535 annotations are less than 32."""
CHECKSUM: Final = "sha256"
"""Key of a part's checksum: a flipped bit can leave a file that reads well, and says something else."""
KINDS_OF_FILE: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class StateError(Exception):
    """A state directory that cannot be used: locked by another simulator, damaged, or not one at all."""


class NotPlain(StateError):
    """Something else than a plain file under a name that the simulator uses: no disk does that by rotting."""


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


def plain_size(path: Path) -> int | None:
    """Bytes of a plain file, or None if there is none. Raises `StateError`."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    _demand_plain(path, found.st_mode)
    return found.st_size


def read_plain(path: Path) -> bytes | None:
    """All of a plain file, or None if there is none. Raises `StateError`, also for one that cannot be read."""
    try:
        handle = open_plain(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}") from error
    try:
        size = os.fstat(handle).st_size
        if size > FILE_MAX:
            raise StateError(f"{path} has {size} bytes; no simulator makes one of more than {FILE_MAX}")
        data = os.read(handle, size + 1)
        while len(data) < size and (more := os.read(handle, size - len(data))):
            data += more
        return data
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)


def parse_json(data: bytes, name: object) -> Any:
    """What was kept as JSON. Raises `StateError` for whatever `json.dumps` would not have written."""
    try:
        return json.loads(data, parse_constant=_no_number)
    except RecursionError:
        raise StateError(f"{name} is damaged: nested deeper than anything that is kept") from None
    except ValueError as error:
        raise StateError(f"{name} is damaged: {error}") from error


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def to_part(state: dict[str, Any]) -> bytes:
    """The file of one part of a device's state, with its checksum."""
    return json.dumps(state | {CHECKSUM: _checksum(state)}, indent=1).encode()


def from_part(data: bytes, name: object) -> dict[str, Any]:
    """What `to_part` wrote. Raises `StateError` if it is anything else."""
    state = parse_json(data, name)
    if not isinstance(state, dict):
        raise StateError(f"{name} is damaged: not an object")
    if CHECKSUM in state:  # a part that an earlier version kept has none
        del state[CHECKSUM]
        if to_part(state) != data:
            raise StateError(f"{name} is damaged: its checksum is that of something else")
    return state


def _checksum(state: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()


def make_directory(path: Path) -> None:
    """A directory that nobody else can look into, unless there is one already. Raises `OSError`."""
    try:
        path.mkdir(DIRECTORY_MODE)
    except FileExistsError:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise
    else:
        path.chmod(DIRECTORY_MODE)


def sync_directory(path: Path) -> None:
    """Makes renames inside `path` durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Writes a file that must not exist, all of it."""
    handle = open_plain(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        write_all(handle, data)
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Writes all of `data`; a disk that becomes full may take a part first."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces the content of `path`: after a kill it is the old or the new one.

    Raises `OSError`, and then the content is the old one, unless the directory could not be synced and what was there
    before could not be put back: the caller has to count with either (`StateDirectory.commit`).
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        write_new(temporary, data)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)
