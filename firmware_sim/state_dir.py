"""The directory in which a simulated device lives on between runs (`--state DIR`).

What is written is complete after a kill at any moment: a new file is written beside the old one, synced, and
takes its place by rename.
"""

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any, Final

TEMPORARY: Final = ".tmp-"
"""Prefix of what a killed run may leave behind; removed at the next start."""
KINDS: Final = {"device": "a camera", "station": "a docking station"}
"""What lives in a directory, by the part of its state that no other kind has."""


class StateError(Exception):
    """A state directory that cannot be used: locked by another simulator, or damaged."""


class StateInUse(StateError):
    """Another simulator has the directory."""


class StateOfAnother(StateError):
    """In the directory lives another kind of device than was asked for, or a station of another size."""


def sync_directory(path: Path) -> None:
    """Makes renames inside `path` durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces the content of `path`: after a kill it is the old or the new one."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


class StateDirectory:
    """One device's directory, held by this process until `close`. Raises `StateError` if another holds it."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = (path / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StateInUse(f"{path} is in use by another simulator") from error
        for leftover in path.glob(f"{TEMPORARY}*"):
            leftover.unlink()

    def load_only(self, name: str) -> dict[str, Any] | None:
        """As `load`, for the part `name` of `KINDS`. Raises `StateOfAnother` where another kind of device lives."""
        for other, what in KINDS.items():
            if other != name and (self.path / f"{other}.json").exists():
                raise StateOfAnother(f"in {self.path} lives {what}, not {KINDS[name]}")
        return self.load(name)

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Keeps a part's state under `name`."""
        write_atomic(self.path / f"{name}.json", json.dumps(state, indent=1).encode())

    def load(self, name: str) -> dict[str, Any] | None:
        """What was kept under `name`, or None. Raises `StateError` if it is not what `save` wrote."""
        try:
            state = json.loads((self.path / f"{name}.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StateError(f"{self.path / name}.json is damaged: {error}") from error
        if not isinstance(state, dict):
            raise StateError(f"{self.path / name}.json is damaged: not an object")
        return state

    def remove(self, name: str) -> None:
        """Forgets what was kept under `name`."""
        with contextlib.suppress(FileNotFoundError):
            (self.path / f"{name}.json").unlink()
            sync_directory(self.path)

    def close(self) -> None:
        """Lets go of the directory."""
        self._lock.close()
