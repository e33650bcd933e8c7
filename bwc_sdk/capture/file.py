"""The files that captures go to: no capture of a process is written over by another one of it."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO, Final

from bwc_sdk.errors import HostFileError
from bwc_sdk.host.exhaustion import exhausted
from bwc_sdk.host.file_advice import file_advice
from bwc_sdk.host.forking import in_child

log = logging.getLogger(__name__)

CAPTURES_MAX: Final = 1_000
"""Files of one name that one process writes: a night of reconnections on a bench. A variable that was forgotten must
not fill a directory, nor end the connections of a dock: those beyond are not captured."""
BEGIN: Final = b'{"t": 0.0, "device": '
"""How every capture of lines begins, so that it is told from a file that is none and must not be emptied."""
PCAPNG: Final = ".pcapng"
"""The suffix of a name that asks for the format of Wireshark."""
PCAPNG_BEGIN: Final = b"\x0a\x0d\x0d\x0a"
"""How every pcapng file begins: the type of a section header block."""
_FLAGS: Final = (
    os.O_RDWR
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)  # Windows has neither
    | getattr(os, "O_NONBLOCK", 0)
)
_AS_IT_IS: Final = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class CaptureError(HostFileError):
    """Raised when a capture file cannot be written or read."""

    layer = "capture"


_lock = threading.Lock()  # connections may be made on several loops at once
_taken: Final[set[str]] = set()
"""Files that hold, or will hold, what passed on a connection of this process."""


def _renew() -> None:
    global _lock
    _lock = threading.Lock()


in_child(_renew)


class CaptureFile:
    """A file that is open for one connection. Ends by itself, with a warning, when it cannot be written."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._used = False

    @property
    def closed(self) -> bool:
        """Whether nothing is written any more."""
        return self._file.closed

    def head(self, data: bytes) -> None:
        """Appends what does not count: with nothing else in the file, nothing passed."""
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._give_up(error)

    def write(self, data: bytes) -> None:
        """Appends what passed, whole, so that who is killed next leaves at most a torn end."""
        self._used = True
        self.head(data)

    def close(self) -> None:
        """Closes the file; idempotent. When nothing passed, the next connection of this process may have its name."""
        if self._file.closed:
            return
        try:
            self._file.close()
        except OSError as error:
            self._give_up(error)
        if not self._used:
            with _lock:
                _taken.discard(os.path.realpath(self.path))

    def _give_up(self, error: OSError) -> None:
        """A capture that cannot go on must not take the connection with it."""
        log.warning("the capture %s ends here: %s", self.path, error.strerror)
        try:
            self._file.close()
        except OSError:
            pass  # what it still held cannot be written either; the file counts as closed now


def open_capture(path: Path) -> CaptureFile | None:
    """Opens the file for one connection's capture: `path`, or the first of `wire-2.jsonl`, `wire-3.jsonl`, … that no
    connection of this process has used and no other process is writing.

    A capture that an earlier process left is replaced; a new one is readable by its owner only. Nothing else is ever
    emptied: a `path` that is a link, or a file that is no capture, is refused, and of the further names those are
    passed over that anybody else has put something under. What is no regular file, such as a terminal or a FIFO that
    is read, is used as it is, by any number of connections. None, and a warning, after `CAPTURES_MAX` files. Raises
    `CaptureError`.
    """
    with _lock:
        for number in range(1, CAPTURES_MAX + 1):
            one = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
            place = os.path.realpath(one)
            if place in _taken:
                continue
            try:
                file = _opened(one, chosen=number == 1)
            except _Foreign as error:
                if number > 1:
                    continue
                raise CaptureError(
                    f"{one} {error}, and is left as it is", advice="name a file that does not exist yet"
                ) from error
            except OSError as error:
                raise exhausted(error) or _no_capture(one, error) from error
            if file is None:
                continue
            if _is_regular(file.fileno()):
                _taken.add(place)
            return CaptureFile(one, file)
    log.warning("this connection is not captured: there are %d files of %s already", CAPTURES_MAX, path)
    return None


class _Foreign(Exception):
    """What has the name is not ours to write into; the text says what it is."""


def _no_capture(path: Path, error: OSError) -> CaptureError:
    if error.errno == errno.ENXIO:
        return CaptureError(f"{path} cannot be written: nobody reads it", advice="start its reader first")
    return CaptureError(f"{path} cannot be written: {error.strerror}", advice=file_advice(error))


def _opened(path: Path, *, chosen: bool) -> BinaryIO | None:
    """The file, empty and open; None when another process is writing it. Raises `_Foreign` and `OSError`.

    What was `chosen` by the caller may be another user's, or no regular file.
    """
    link, there = path.is_symlink(), path.exists()
    special = there and not path.is_file()
    if link and not (chosen and special):  # else it is /dev/stderr or the like
        raise _Foreign("is a link")
    if special and not chosen:
        raise _Foreign("is no regular file")  # not even opened, since that alone may do something
    try:
        fd = os.open(path, _AS_IT_IS if special else _FLAGS, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP or (there and not chosen):
            raise _Foreign("is somebody else's") from error
        raise
    try:
        if _is_regular(fd) is special:
            raise _Foreign("is being replaced")
        if special:
            if hasattr(os, "set_blocking"):
                os.set_blocking(fd, True)
        elif not _emptied(fd, chosen, PCAPNG_BEGIN if path.suffix == PCAPNG else BEGIN):
            os.close(fd)
            return None
        return os.fdopen(fd, "ab")
    except BaseException:
        os.close(fd)
        raise


def _emptied(fd: int, chosen: bool, begin: bytes) -> bool:
    """Empties a capture that an earlier process left; False, and nothing is done, while another one is writing it."""
    if not chosen and hasattr(os, "geteuid") and os.fstat(fd).st_uid != os.geteuid():
        raise _Foreign("is somebody else's")  # who could read what passes
    if not _locked(fd):
        return False
    if not begin.startswith(os.read(fd, len(begin))):
        raise _Foreign("is no capture")
    os.ftruncate(fd, 0)
    return True


def _is_regular(fd: int) -> bool:
    return stat.S_ISREG(os.fstat(fd).st_mode)


def _locked(fd: int) -> bool:
    """Whether nobody else is writing the file; until it is closed, this process is."""
    try:
        import fcntl  # Windows has none, and captures are written there all the same
    except ImportError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks: what another process writes cannot be known
    return True
