"""The files that captures go to: no capture of a process is written over by another one of it."""

from __future__ import annotations

import logging
import os
import stat
import threading
from pathlib import Path
from typing import Final, TextIO

from bwc_sdk.errors import HostFileError

log = logging.getLogger(__name__)

CAPTURES_MAX: Final = 1_000
"""Files of one name that one process writes: a night of reconnections on a bench. A variable that was forgotten must
not fill a directory, nor end the connections of a dock: those beyond are not captured."""


class CaptureError(HostFileError):
    """Raised when a capture file cannot be written or read."""

    layer = "capture"


_lock: Final = threading.Lock()  # connections may be made on several loops at once
_taken: Final[set[str]] = set()
"""Files that hold, or will hold, what passed on a connection of this process."""


class CaptureFile:
    """A file of lines that is open for one connection. Ends by itself, with a warning, when it cannot be written."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path = path
        self._file = file
        self._used = False

    @property
    def closed(self) -> bool:
        """Whether nothing is written any more."""
        return self._file.closed

    def head(self, line: str) -> None:
        """Appends a line that does not count: with nothing else in the file, nothing passed."""
        try:
            self._file.write(line + "\n")
        except OSError as error:
            self._give_up(error)

    def write(self, line: str) -> None:
        """Appends a line about what passed."""
        self._used = True
        self.head(line)

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

    A file that an earlier process left is replaced; a new one is readable by its owner only. What is no regular file,
    such as a terminal or a FIFO, is used as it is, by any number of connections. None, and a warning, after
    `CAPTURES_MAX` files. Raises `CaptureError`.
    """
    with _lock:
        for number in range(1, CAPTURES_MAX + 1):
            one = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
            place = os.path.realpath(one)
            if place in _taken:
                continue
            try:
                file = _opened(one)
            except OSError as error:
                raise CaptureError(f"{one} cannot be written: {error.strerror}") from error
            if file is None:
                continue
            if _is_regular(file):
                _taken.add(place)
            return CaptureFile(one, file)
    log.warning("this connection is not captured: there are %d files of %s already", CAPTURES_MAX, path)
    return None


def _opened(path: Path) -> TextIO | None:
    """The file, empty and open; None when another process is writing it."""
    path.touch(mode=0o600)
    file = path.open("a", encoding="utf-8", buffering=1)  # emptied once it is known to be nobody's
    try:
        if _is_regular(file):
            if not _locked(file):
                file.close()
                return None
            file.truncate(0)
    except BaseException:
        file.close()
        raise
    return file


def _is_regular(file: TextIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _locked(file: TextIO) -> bool:
    """Whether nobody else is writing the file; until it is closed, this process is."""
    try:
        import fcntl  # Windows has none, and captures are written there all the same
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks: what another process writes cannot be known
    return True
