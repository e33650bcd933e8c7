"""Proves at its opening that recordings can be stored in a destination, before the first byte is copied.

A file system that lacks a step would take all footage and never give it a final name, or lose it at a power cut. So
each step is done once, with an empty file that stays in `.incoming`: exclusive creation, a lock that excludes, a final
name that replaces nothing, a sync of the names.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bwc_sdk.destination.faults import NO_LOCKS, error_at
from bwc_sdk.destination.final_names import FinalNames
from bwc_sdk.errors import DestinationError

LOCK_PROBE: Final = "lock-probe"
"""A file that stays: making and removing one for each offload makes later creations slow on some systems."""
NAME_PROBE: Final = ".name-probe"
"""The final name that is given for a moment; what a killed process left of it is removed by the next one."""
_LOCAL: Final = "choose a local disk, or a network file system that is mounted with locks"


def prove(names: FinalNames, path: Path) -> bool:
    """Returns whether names can be synced. Raises `DestinationError` where recordings cannot be stored."""
    try:
        # `.incoming` itself may have been made just now, here or by a process that was killed.
        synced = names.files.sync_directory(names.directory)
        names.files.sync_way_to(names.directory)
    except OSError as error:
        raise error_at(names.files, names.directory, error, "syncing its names", path) from error
    try:
        probe = _open_probe(names)
    except OSError as error:
        raise error_at(names.files, names.directory, error, "creating a file in it", path) from error
    try:
        if _prove_lock(names, path, probe):
            _prove_creation(names, path)
            _prove_name(names, path, probe)
    finally:
        names.files.close(probe)
    return synced


def _open_probe(names: FinalNames) -> int:
    try:
        return names.files.create(names.incoming, LOCK_PROBE)
    except FileExistsError:
        return names.files.reopen(names.incoming, LOCK_PROBE, write=True)


def _prove_lock(names: FinalNames, path: Path, probe: int) -> bool:
    """Without locks two processes would write into one file; some file systems only pretend to have them.

    Returns whether this process has the lock; if not, another one proves the same at this moment.
    """
    try:
        held = names.files.lock(probe)
        second = names.files.reopen(names.incoming, LOCK_PROBE, write=True)
        try:
            exclusive = not (held and names.files.lock(second))
        finally:
            names.files.close(second)
    except OSError as error:
        if error.errno in NO_LOCKS:
            raise _unsafe(f"has no locks: {error.strerror}", path) from error
        raise error_at(names.files, names.directory, error, "locking a file in it", path) from error
    if not exclusive:
        raise _unsafe("gives one lock to two holders", path)
    return held


def _prove_creation(names: FinalNames, path: Path) -> None:
    try:
        second = names.files.create(names.incoming, LOCK_PROBE)
    except FileExistsError:
        return
    except OSError as error:
        raise error_at(names.files, names.directory, error, "creating a file in it", path) from error
    names.files.close(second)
    raise _unsafe("makes a file anew that exists already", path)


def _prove_name(names: FinalNames, path: Path, probe: int) -> None:
    files = names.files
    try:
        _clear(names, names.directory, NAME_PROBE)
        try:
            if files.link(probe, names.incoming, LOCK_PROBE, names.directory, NAME_PROBE):
                named = files.is_named(probe, names.directory, NAME_PROBE)
                replaced = _done(
                    lambda: files.link(probe, names.incoming, LOCK_PROBE, names.directory, NAME_PROBE)
                )
            else:
                named = _renamed(names)
                replaced = _done(
                    lambda: files.rename(names.incoming, LOCK_PROBE, names.directory, NAME_PROBE)
                )
        finally:
            _clear(names, names.directory, NAME_PROBE)
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise _unsafe("says that a name exists where nothing is found", path) from error
        raise error_at(
            names.files, names.directory, error, "giving a file in it its final name", path
        ) from error
    if not named:
        raise _unsafe("does not tell which file a name leads to", path)
    if replaced:
        raise _unsafe("replaces what stands under a name", path)


def _renamed(names: FinalNames) -> bool:
    """Renames a file of its own, as nobody may miss the one that is locked; whether it has the name then."""
    _clear(names, names.incoming, NAME_PROBE)
    second = names.files.create(names.incoming, NAME_PROBE)
    try:
        names.files.rename(names.incoming, NAME_PROBE, names.directory, NAME_PROBE)
        return names.files.is_named(second, names.directory, NAME_PROBE)
    finally:
        names.files.close(second)
        _clear(names, names.incoming, NAME_PROBE)


def _done(naming: Callable[[], object]) -> bool:
    """Whether a name was given that is there already; False from a link means that none was made."""
    try:
        return naming() is not False
    except FileExistsError:
        return False


def _clear(names: FinalNames, directory: int, name: str) -> None:
    """Removes what this process, or one that was killed, left."""
    if names.files.size_of(directory, name) is not None:
        names.files.remove(directory, name)


def _unsafe(why: str, path: Path) -> DestinationError:
    return DestinationError(f"the destination's file system {why}", device=str(path), advice=_LOCAL)
