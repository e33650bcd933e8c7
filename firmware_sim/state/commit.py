"""Several changes of what a device keeps as one: after a refusal none of them is there, after a loss of
power all or none.

What is to be changed is first written into one file, `commit.json`. With its name in place all of it has happened:
what is left to do is done again at the next start, or before the next commit. A single entry of the log needs no such
file: it is cut off again if it could not be synced, and what a loss of power left of it is no entry.
"""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from firmware_sim.flash.flash import Flash, StateError
from firmware_sim.state.files import from_part, read_plain, to_part, write_atomic

log = logging.getLogger(__name__)
RECORD: Final = "commit.json"


class StateDoubtful(OSError):
    """A change failed, and it cannot be told whether it will be there after a restart: it could not be undone."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The whole content of the file `name`. All that is kept is text."""

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
    """Changes the files of one flash, one commit after the other."""

    def __init__(self, flash: Flash) -> None:
        self.flash = flash
        self._unfinished: Sequence[Change] = ()
        self._doubtful = False

    def recover(self) -> None:
        """Carries out what had been committed when the power was lost. Raises `StateError` and `OSError`."""
        data = read_plain(self.flash, RECORD)
        if data is not None:
            self._carry_out(_parse(from_part(data, self.flash.at(RECORD))))

    def commit(self, *changes: Change) -> None:
        """Makes the changes, durably. Raises `OSError`, and then none of them was made; `StateDoubtful` if that is
        not certain."""
        self._settle()
        match changes:
            case ():
                pass
            case (Replace(name=name, data=data),):
                write_atomic(self.flash, name, data)
            case (Append(data=data) as entry,) if (
                data.count(b"\n") == 1
            ):  # a part of several would be some of them
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
            self._forget_record()
            self._doubtful = False
        if self._unfinished:
            self._carry_out(self._unfinished)
            self._unfinished = ()

    def _write_record(self, changes: Sequence[Change]) -> None:
        try:
            write_atomic(self.flash, RECORD, to_part({"changes": [_plain(change) for change in changes]}))
        except OSError as error:
            try:
                self._forget_record()  # its name may be there, and was not synced
            except OSError:
                self._doubtful = True
                raise StateDoubtful(error.errno, error.strerror) from error
            raise

    def _forget_record(self) -> None:
        """Its name is gone for good: a record that came back would undo what was changed since."""
        if self.flash.exists(RECORD):
            self.flash.remove(RECORD)
            self.flash.sync_directory()

    def _append_or_cut_off(self, entry: Append) -> None:
        try:
            self._append(entry)
        except OSError as error:
            try:
                size = self.flash.size(entry.name)
                if size is not None and size > entry.offset:
                    self._cut_off(entry)
            except OSError:
                raise StateDoubtful(error.errno, error.strerror) from error
            raise

    def _carry_out(self, changes: Sequence[Change]) -> None:
        """May be repeated: what is there already stays as it is."""
        for change in changes:
            match change:
                case Replace(name=name, data=data):
                    write_atomic(self.flash, name, data)
                case Append():
                    self._append(change)
        self._forget_record()

    def _append(self, entry: Append) -> None:
        """Writes from the offset on, over whatever a failed attempt left there."""
        flash, name = self.flash, entry.name
        size = flash.size(name)
        if size is None or size < entry.offset:
            raise StateError(
                f"{flash.at(name)} has {size or 0} bytes, and had {entry.offset}: somebody else shortened it"
            )
        if flash.read(name, entry.offset, len(entry.data)) != entry.data:
            if size > entry.offset:
                self._cut_off(entry)
            flash.write(name, entry.offset, entry.data)
        flash.sync(name)

    def _cut_off(self, entry: Append) -> None:
        """What a failed attempt left is gone for good: it was refused, and torn over it the next line would read as one
        that somebody forged."""
        self.flash.truncate(entry.name, entry.offset)
        self.flash.sync(entry.name)


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
