"""Parts of what a device keeps on its flash: read without trusting what lies there, written so that a loss of power
leaves old or new.

Numbers that no device has, and bytes that nobody wrote, are a `StateError` that names the file.
"""

import contextlib
import hashlib
import json
from typing import Any, Final

from firmware_sim.flash.flash import TEMPORARY, Flash, StateError

FILE_MAX: Final = 64 * 1024 * 1024
"""Bytes of a file that is read as a whole. The longest is a log, about 8 MiB; 65,535 annotations are less than 32."""
CHECKSUM: Final = "sha256"
"""Key of a part's checksum: a flipped bit can leave a file that reads well, and says something else."""


def read_plain(flash: Flash, name: str) -> bytes | None:
    """All of a file, or None if there is none. Raises `StateError`, also for one that cannot be read."""
    try:
        size = flash.size(name)
        if size is None:
            return None
        if size > FILE_MAX:
            raise StateError(
                f"{flash.at(name)} has {size} bytes; no simulator makes one of more than {FILE_MAX}"
            )
        return flash.read(name, 0, size)
    except OSError as error:
        raise StateError(f"{flash.at(name)} cannot be read: {error.strerror}") from error


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


def write_new(flash: Flash, name: str, data: bytes) -> None:
    """Writes a file that must not exist, all of it; its name is not durable yet."""
    flash.create(name, data)
    flash.sync(name)


def write_atomic(flash: Flash, name: str, data: bytes) -> None:
    """Replaces the content of a file: after a loss of power it is the old or the new one.

    Raises `OSError`, and then the content is the old one, unless the directory could not be synced and what was there
    before could not be put back: the caller has to count with either (`StateDirectory.commit`).
    """
    write_beside(flash, name, data)
    flash.sync_directory(name.rpartition("/")[0])


def write_beside(flash: Flash, name: str, data: bytes) -> None:
    """As `write_atomic`; but the new content is sure to be there only once another sync of the directory makes it."""
    directory, _, last = name.rpartition("/")
    temporary = f"{directory}/{TEMPORARY}{last}" if directory else f"{TEMPORARY}{last}"
    try:
        with contextlib.suppress(FileNotFoundError):
            flash.remove(temporary)
        write_new(flash, temporary, data)
        flash.rename(temporary, name)
    except BaseException:
        with contextlib.suppress(OSError):
            flash.remove(temporary)
        raise
