"""What is wrong with a destination, by what the system says of it, and what to do about it."""

from __future__ import annotations

import contextlib
import errno
import shlex
from pathlib import Path
from typing import Final

from bwc_sdk.errors import DestinationError, DestinationFull
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.host.filesystem import BeyondLimit, CannotRename, FileSystem, NotAFile, largest_file
from bwc_sdk.quantity import size as size_text

AGAIN: Final = "then run the same command again"
_FORBIDDEN: Final = (
    "the destination may not be written by this user",
    "give this user the right to write there, or choose another directory",
)
_DISK_GONE: Final = ("the destination's disk is gone", f"connect and mount it again, {AGAIN}")
_SERVER_GONE: Final = (
    "the server of the destination's file system does not answer",
    f"look at network and mount, {AGAIN}",
)
_DAMAGED: Final = ("the destination's file system is damaged", "check it with fsck, or choose another disk")

OPENING: Final = {
    errno.ENOENT: ("the destination does not exist", "make the directory first: mkdir -p"),
    errno.ENOTDIR: ("the destination is not a directory", "name a directory"),
}
"""What these mean of the path that was named; later on they mean something else."""

RULES: Final = {
    errno.ENOENT: (
        "a file or directory of the destination was removed meanwhile",
        f"find out which program cleans up there, {AGAIN}",
    ),
    errno.ENOTDIR: (
        "something that is no directory stands where the destination's own directory should be",
        "find out who put it there, and remove it",
    ),
    errno.EROFS: ("the destination is read-only", "mount it writable, or choose another directory"),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ELOOP: (
        "a link stands where the destination's own file should be",
        "find out who put it there, and remove it",
    ),
    errno.EXDEV: (
        "another file system is mounted at .incoming, inside the destination",
        "unmount it: both have to be on one file system",
    ),
    errno.EEXIST: (
        "the destination's file system says that a name exists where nothing is found",
        "choose a local disk: this file system cannot be relied on",
    ),
    errno.EIO: (
        "the medium of the destination reports an error",
        "look at the disk ('dmesg' and 'smartctl -a' say more), or choose another one",
    ),
    errno.ESTALE: (
        "the network file system does not know a file or directory of the destination any more",
        f"mount it again, {AGAIN}",
    ),
    errno.ENODEV: _DISK_GONE,
    errno.ENXIO: _DISK_GONE,
    errno.ENOTCONN: _SERVER_GONE,
    errno.ETIMEDOUT: _SERVER_GONE,
    errno.EHOSTDOWN: _SERVER_GONE,
    errno.EHOSTUNREACH: _SERVER_GONE,
    getattr(errno, "EUCLEAN", errno.EBADMSG): _DAMAGED,
    errno.EBADMSG: _DAMAGED,
    errno.ENOLCK: (
        "the destination's file system has no lock left",
        "look at its server, or choose a local disk",
    ),
    errno.EBADF: (
        "the destination's file system locks only files that this user may write",
        "give this user the right to write the files that stand there, or choose a local disk",
    ),
    errno.ENAMETOOLONG: (
        "the destination's file system takes no names of about 120 characters",
        "choose another file system",
    ),
    errno.EINTR: ("signals interrupted the file system again and again", "run the same command again"),
}
"""What is wrong, and what to do about it."""

FAT_MAX_BYTES: Final = (1 << 32) - 1
"""What a file on FAT can have."""
NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What says that a file system has no locks; any other error of a lock has another cause."""
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""After these what was written before is still good."""


class NotOurs(OSError):
    """A name leads to another file than the one that was written under it, or to none."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.ENOENT, f"{name} was removed or replaced while it was held open")


class Appeared(OSError):
    """A final name that was free came to lead to something, which was not touched."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EEXIST, f"{name} appeared meanwhile; it was not touched")


def destination_error(
    error: OSError, what: str, path: Path, *, opening: bool = False, files_left: int | None = None
) -> DestinationError:
    """The typed error for a failure of the file system while doing `what`.

    `opening`: what failed is the path itself. `files_left`: how many files it can still hold, where that is known.
    """
    number, device = error.errno or 0, str(path)
    if number == errno.ENOSPC and files_left == 0:
        return no_files_left(what, path)
    if number == errno.ENOSPC:
        return DestinationFull(f"the destination is full: {what}", device=device)
    if number == errno.EDQUOT:
        advice = "have the quota raised, or remove what is not needed there"
        return DestinationFull(
            f"the quota on the destination is used up: {what}", device=device, advice=advice
        )
    rule, advice = _cause(error, opening)
    if opening and number == errno.ENOENT:
        advice = f"{advice} {shlex.quote(device)}; --mkdir of bwc does it, too"
    return DestinationError(f"{rule}: {what}", device=device, advice=advice)


def error_at(files: FileSystem, directory: int, error: OSError, what: str, path: Path) -> DestinationError:
    """The same for an open directory: which room it is that ran out is looked up. Blocks."""
    files_left = None
    if error.errno == errno.ENOSPC:
        with contextlib.suppress(OSError):
            files_left = files.free_files(directory)
    return destination_error(error, what, path, files_left=files_left)


def no_files_left(what: str, path: Path) -> DestinationFull:
    """The error of a file system that has room, and no inodes."""
    return DestinationFull(
        f"the destination can hold no more files, however small (no inodes left): {what}",
        device=str(path),
        advice="remove files there ('df -i' counts them), or choose another file system",
    )


def _cause(error: OSError, opening: bool) -> tuple[str, str]:
    number = error.errno or 0
    match error:
        case NotAFile():
            return error.strerror or "", "find out who put it there, and remove it"
        case NotOurs():
            return (
                error.strerror or "",
                "find out which program cleans up there: 'bwc incoming clean' leaves alone what is in use",
            )
        case Appeared():
            return (
                error.strerror or "",
                "run the same command again: what stands there is compared with what the camera stated",
            )
        case CannotRename():
            return (
                "the destination's file system cannot give a file its final name: it neither renames without "
                "replacing nor makes links",
                "choose a directory on a local disk, and copy from there",
            )
        case _ if lack := exhausted(error):
            return lack.rule, lack.advice
        case BeyondLimit(limit=limit):
            return _beyond(limit)
        case _ if number == errno.EFBIG:
            return _too_big()
        case _:
            by_errno = {**RULES, **OPENING} if opening else RULES
            return by_errno.get(number, (error.strerror or str(error), ""))


def _beyond(limit: int) -> tuple[str, str]:
    return (
        f"this process may write no file beyond {size_text(limit)}",
        "raise the limit before it starts: ulimit -f unlimited, or LimitFSIZE= of a systemd unit",
    )


def _too_big() -> tuple[str, str]:
    limit = largest_file()
    if limit is not None and limit < FAT_MAX_BYTES:
        return _beyond(limit)  # what it may write, FAT can hold
    return (
        "the destination's file system cannot hold a file of that size",
        "choose a file system without that limit: not FAT",
    )
