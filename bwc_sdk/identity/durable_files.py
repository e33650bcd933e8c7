"""Files that are wholly there or not at all, whenever the power goes.

Every call blocks, and what the operating system refuses is an `OSError`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bwc_sdk.errors import HostFileError


@contextmanager
def telling_files(path: Path) -> Iterator[None]:
    """What the operating system refuses in the block, as a `HostFileError` of what is at `path`."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        advice = "make room, or look at the disk" if error.errno in _NO_ROOM else ""
        if error.errno == errno.EROFS:
            advice = "that file system is read-only: name a place elsewhere"
        raise HostFileError(
            f"{where} cannot be written: {error.strerror or error}",
            advice=advice or "does it belong to this user, and is it there?",
        ) from error


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def write_new(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Makes a file that was not there; it is wholly there, and on the medium, or not at all.

    Raises `FileExistsError` rather than replace anything.
    """
    made = _written(path, data, mode)
    try:
        os.link(made, path)
    finally:
        made.unlink(missing_ok=True)
    sync_directory(path.parent)


def replace(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Puts a file in the place of what was there; after a crash it is the one or the other, and wholly."""
    made = _written(path, data, mode)
    try:
        made.replace(path)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def _written(path: Path, data: bytes, mode: int) -> Path:
    """The data in a file beside `path`, on the medium. What a killed process left of it is removed."""
    made = path.with_name(f".{path.name}.new-{os.getpid()}")
    made.unlink(missing_ok=True)
    file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), mode)
    try:
        write_all(file, data)
        os.fsync(file)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    return made


def write_all(file: int, data: bytes) -> None:
    """Writes all of it, however short the single writes are."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def sync_directory(path: Path) -> None:
    """Waits until the names in a directory are on the medium, where the system can say so."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
