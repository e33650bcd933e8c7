"""What interrupted offloads left in `.incoming`, and how it is cleaned (spec: Recording, "Destination").

The next offload of the camera goes on with what is good of it. Whoever needs the room, or knows that the camera will
not come back, removes it here. What a process has locked is left alone, so that no running offload loses its file.
"""

from __future__ import annotations

import contextlib
import errno
import re
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_sdk.destination.destination import INCOMING
from bwc_sdk.destination.faults import destination_error
from bwc_sdk.destination.final_names import FinalNames, NameTaken
from bwc_sdk.errors import DestinationError
from bwc_sdk.evidence.naming import (
    CUSTODY_SUFFIX,
    FOOTAGE_SUFFIXES,
    MANIFEST_SUFFIX,
    PART_SUFFIX,
    SIGNATURE_SUFFIX,
    TABLE_SUFFIX,
)
from bwc_sdk.host.filesystem import FileSystem, OsFileSystem

BESIDE: Final = (TABLE_SUFFIX, SIGNATURE_SUFFIX, MANIFEST_SUFFIX, CUSTODY_SUFFIX)
_OURS: Final = re.compile(
    r"([A-Z0-9][A-Z0-9_a-f-]*_[0-9a-f]{32}_\d{3,}_[0-9a-f]{16})"
    + f"({'|'.join(map(re.escape, (PART_SUFFIX, *BESIDE)))})"
)
"""A name that an offload gives; anything else in the directory is somebody's, and stays."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is left of one segment."""

    name: str
    """The segment's stored name, without suffix."""
    size_bytes: int
    """Bytes of the medium that it takes, reserved ones included."""
    in_use: bool
    """Whether a process has it locked."""


def unfinished(destination: str | Path, *, files: FileSystem | None = None) -> tuple[Unfinished, ...]:
    """What interrupted, or running, offloads have in a destination. Blocks; raises `DestinationError`."""
    with _opened(files or OsFileSystem(), Path(destination)) as names:
        return tuple(_look(names, name) for name in _segments(names)) if names is not None else ()


def remove_unfinished(
    destination: str | Path, only: Collection[str] | None = None, *, files: FileSystem | None = None
) -> tuple[Unfinished, ...]:
    """Removes what no process has locked, and returns all that was there: what is `in_use` stayed.

    `only` are names of segments, None for all. It costs nothing but the time to fetch it again. Blocks; raises
    `DestinationError`, also for a name that is not there.
    """
    path = Path(destination)
    with _opened(files or OsFileSystem(), path) as names:
        there = _segments(names) if names is not None else []
        missing = set(only or ()) - set(there)
        if missing:
            raise DestinationError(
                f"nothing unfinished there is called {', '.join(sorted(missing))}",
                device=str(path),
                advice=f"'bwc incoming list {shlex.quote(str(path))}' shows what is there",
            )
        chosen = [name for name in there if only is None or name in only]
        return tuple(_clean(names, name) for name in chosen) if names is not None else ()


@contextlib.contextmanager
def _opened(files: FileSystem, path: Path) -> Iterator[FinalNames | None]:
    """The directories, of which none is made; None where nothing was ever offloaded."""
    try:
        directory = files.open_directory(path)
    except OSError as error:
        fault = destination_error(error, "opening it", path, opening=True)
        if error.errno == errno.ENOENT:
            fault.advice = "is the path right? nothing was ever offloaded into a directory that is not there"
        raise fault from error
    try:
        if INCOMING not in files.names(directory):
            yield None
            return
        incoming = files.open_inside(directory, INCOMING)
        try:
            yield FinalNames(files, directory, incoming)
        finally:
            files.close(incoming)
    except OSError as error:
        raise destination_error(error, f"looking through {INCOMING}", path) from error
    finally:
        files.close(directory)


def _segments(names: FinalNames) -> list[str]:
    found = (_OURS.fullmatch(name) for name in names.files.names(names.incoming))
    return sorted({match[1] for match in found if match})


def _look(names: FinalNames, name: str) -> Unfinished:
    with _held(names, name, make=False) as part:
        return Unfinished(name, _taken(names, name), in_use=part is None)


def _clean(names: FinalNames, name: str) -> Unfinished:
    # Made if it is missing: its lock is what keeps an offload that begins now away from what lies beside it.
    with _held(names, name, make=True) as part:
        found = Unfinished(name, _taken(names, name), in_use=part is None)
        if part is not None:
            for suffix in BESIDE:
                with contextlib.suppress(FileNotFoundError):
                    names.files.remove(names.incoming, name + suffix)
            names.drop(part, name + PART_SUFFIX)
    return found


def _taken(names: FinalNames, name: str) -> int:
    return sum(names.files.taken_by(names.incoming, name + suffix) for suffix in (PART_SUFFIX, *BESIDE))


@contextlib.contextmanager
def _held(names: FinalNames, name: str, *, make: bool) -> Iterator[int | None]:
    """The part file, locked; None if another process has it, or the final file: it looks through that, or has just
    given it its name, with sidecars still in `.incoming`. A part file that is missing counts as free."""
    files, part = names.files, name + PART_SUFFIX
    with contextlib.ExitStack() as held:
        file, made = _part(names, part, make=make)
        if file is not None:
            held.callback(files.close, file)
            if not (files.lock(file) and files.is_named(file, names.incoming, part)):
                yield None
                return
        elif make:  # an offload has just begun
            yield None
            return
        if _final_is_free(names, name, held):
            yield -1 if file is None else file
            return
        if made and file is not None:
            names.drop(file, part)
        yield None


def _part(names: FinalNames, part: str, *, make: bool) -> tuple[int | None, bool]:
    """The part file, open, and whether it was made now; None where it is missing and not made, or came meanwhile."""
    try:
        return names.files.reopen(names.incoming, part, write=True), False
    except FileNotFoundError:
        if not make:
            return None, False
    try:
        return names.files.create(names.incoming, part), True
    except FileExistsError:
        return None, False


def _final_is_free(names: FinalNames, name: str, held: contextlib.ExitStack) -> bool:
    """Whether no process has the final file locked, if there is one; it is locked until `held` ends."""
    for suffix in FOOTAGE_SUFFIXES:
        try:
            file = names.reopen_final(name + suffix)
        except (FileNotFoundError, NameTaken):
            continue
        held.callback(names.files.close, file)
        if not names.files.lock(file):
            return False
    return True
