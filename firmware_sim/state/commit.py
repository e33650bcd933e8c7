"""Several changes to a state directory as one: after a refusal none of them is there, after a kill all or none.

What is to be changed is first written into one file, `commit.json`. With its name in place all of it has happened:
what is left to do is done again at the next start, or before the next commit. A single entry of the log needs no such
file: it is cut off again if it could not be synced.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from firmware_sim.state.files import (
    StateError,
    from_part,
    open_plain,
    read_plain,
    sync_directory,
    to_part,
    write_all,
    write_atomic,
)

log = logging.getLogger(__name__)
RECORD: Final = "commit.json"


class StateDoubtful(OSError):
    """A change failed, and it cannot be told whether it will be there after a restart: it could not be undone."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The whole content of the file `name`, a path below the state directory. All that is kept is text."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Append:
    """What stands from `offset` on in the file `name`: nothing stood there before."""

    name: str
    offset: int
    data: bytes


Change = Replace | Append


class Commits:
    """Changes the files below `root`, one commit after the other."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished: Sequence[Change] = ()
        self._doubtful = False

    def recover(self) -> None:
        """Carries out what a killed run had committed. Raises `StateError` and `OSError`."""
        data = read_plain(self._root / RECORD)
        if data is not None:
            self._carry_out(_parse(from_part(data, self._root / RECORD)))

    def commit(self, *changes: Change) -> None:
        """Makes the changes, durably. Raises `OSError`, and then none of them was made; `StateDoubtful` if that is
        not certain."""
        self._settle()
        match changes:
            case ():
                pass
            case (Replace(name=name, data=data),):
                write_atomic(self._root / name, data)
            case (Append() as entry,):
                self._append_or_cut_off(entry)
            case _:
                self._write_record(changes)
                self._unfinished = changes
                try:
                    self._settle()
                except (
                    OSError,
                    StateError,
                ) as error:  # it has happened: what is left is done before the next one
                    log.warning("a commit is kept in %s, and will be carried out later: %s", RECORD, error)

    def _settle(self) -> None:
        """Does what an earlier commit has left to be done. Raises `OSError`."""
        if self._doubtful:
            (self._root / RECORD).unlink(missing_ok=True)
            self._doubtful = False
        if self._unfinished:
            self._carry_out(self._unfinished)
            self._unfinished = ()

    def _write_record(self, changes: Sequence[Change]) -> None:
        record = self._root / RECORD
        try:
            write_atomic(record, to_part({"changes": [_plain(change) for change in changes]}))
        except OSError as error:
            try:
                if record.exists():  # its name is there, and was not synced
                    record.unlink()
            except OSError:
                self._doubtful = True
                raise StateDoubtful(error.errno, error.strerror) from error
            raise

    def _append_or_cut_off(self, entry: Append) -> None:
        try:
            _append(self._root / entry.name, entry)
        except OSError as error:
            path = self._root / entry.name
            try:
                if path.stat().st_size > entry.offset:
                    os.truncate(path, entry.offset)
            except OSError:
                raise StateDoubtful(error.errno, error.strerror) from error
            raise

    def _carry_out(self, changes: Sequence[Change]) -> None:
        """May be repeated: what is there already stays as it is."""
        for change in changes:
            match change:
                case Replace(name=name, data=data):
                    write_atomic(self._root / name, data)
                case Append(name=name):
                    _append(self._root / name, change)
        (self._root / RECORD).unlink(missing_ok=True)
        sync_directory(self._root)


def _append(path: Path, entry: Append) -> None:
    """Writes from the offset on, over whatever a failed attempt left there."""
    handle = open_plain(path, os.O_RDWR)
    try:
        size = os.fstat(handle).st_size
        if size < entry.offset:
            raise StateError(f"{path} has {size} bytes, and had {entry.offset}: somebody else shortened it")
        if os.pread(handle, len(entry.data), entry.offset) != entry.data:
            os.ftruncate(handle, entry.offset)
            os.lseek(handle, entry.offset, os.SEEK_SET)
            write_all(handle, entry.data)
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(change: Change) -> dict[str, Any]:
    at = {"offset": change.offset} if isinstance(change, Append) else {}
    return {"name": change.name, **at, "text": change.data.decode()}


def _parse(record: dict[str, Any]) -> list[Change]:
    changes: list[Change] = []
    with contextlib.suppress(KeyError, TypeError, AttributeError, UnicodeEncodeError):
        for one in record["changes"]:
            name, data = PurePosixPath(one["name"]), one["text"].encode()
            if name.is_absolute() or ".." in name.parts:
                break
            if "offset" not in one:
                changes.append(Replace(str(name), data))
            elif isinstance(one["offset"], int) and one["offset"] >= 0:
                changes.append(Append(str(name), one["offset"], data))
        else:
            return changes
    raise StateError(f"{RECORD} is damaged: it is no list of changes")
