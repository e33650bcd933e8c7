"""The directory in which a simulated device lives on between runs (`--state DIR`).

What is written is complete after a kill at any moment: a new file is written beside the old one, synced, and
takes its place by rename.
"""

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import Any, Final

from firmware_sim.state.commit import RECORD, Commits, Replace
from firmware_sim.state.files import (
    TEMPORARY,
    StateError,
    from_part,
    make_directory,
    open_plain,
    read_plain,
    sync_directory,
    to_part,
    write_atomic,
)

__all__ = [
    "KINDS",
    "TEMPORARY",
    "StateDirectory",
    "StateError",
    "StateInUse",
    "StateOfAnother",
    "sync_directory",
    "write_atomic",
]

KINDS: Final = {"device": "a camera", "station": "a docking station"}
"""What lives in a directory, by the part of its state that no other kind has."""


class StateInUse(StateError):
    """Another simulator has the directory."""


class StateOfAnother(StateError):
    """In the directory lives another kind of device than was asked for, or a station of another size."""


NEW_FILE_SYSTEM: Final = frozenset({"lost+found"})
"""What lies in a directory before anybody put anything there."""


class StateDirectory:
    """One device's directory, held by this process until `close`.

    Raises `StateInUse` if another holds it, and `StateError` for one that cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_dir():
                make_directory(path)
            _refuse_what_is_somebody_elses(path)
            self._lock = open_plain(path / "lock", os.O_RDWR | os.O_CREAT)
        except OSError as error:
            why = "it is no directory" if isinstance(error, FileExistsError) else error.strerror
            raise StateError(f"{path} cannot be used: {why}") from error
        try:
            self._hold()
            for leftover in path.glob(f"{TEMPORARY}*"):
                _remove_leftover(leftover)
            self.commits = Commits(path)
            self.commits.recover()
        except OSError as error:
            os.close(self._lock)
            raise StateError(f"{path} cannot be used: {error.strerror}") from error
        except BaseException:
            os.close(self._lock)
            raise
        self._held = True

    def _hold(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateInUse(f"{self.path} is in use by another simulator") from error

    def load_only(self, name: str) -> dict[str, Any] | None:
        """As `load`, for the part `name` of `KINDS`. Raises `StateOfAnother` where another kind of device lives."""
        for other, what in KINDS.items():
            if other != name and (self.path / f"{other}.json").exists():
                raise StateOfAnother(f"in {self.path} lives {what}, not {KINDS[name]}")
        return self.load(name)

    def part(self, name: str, state: dict[str, Any]) -> Replace:
        """The change that keeps a part's state under `name`."""
        return Replace(f"{name}.json", to_part(state))

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Keeps a part's state under `name`. Raises `OSError`."""
        self.commits.commit(self.part(name, state))

    def load(self, name: str) -> dict[str, Any] | None:
        """What was kept under `name`, or None. Raises `StateError` if it is not what `save` wrote."""
        path = self.path / f"{name}.json"
        data = read_plain(path)
        return None if data is None else from_part(data, path)

    def remove(self, name: str) -> None:
        """Forgets what was kept under `name`. Raises `OSError`."""
        with contextlib.suppress(FileNotFoundError):
            (self.path / f"{name}.json").unlink()
            sync_directory(self.path)

    def close(self) -> None:
        """Lets go of the directory."""
        if self._held:
            self._held = False
            os.close(self._lock)


def _refuse_what_is_somebody_elses(path: Path) -> None:
    """Raises `StateError` where files lie and no simulator ever was: its lock is the first thing that it makes."""
    ours = any((path / name).exists() for name in ("lock", RECORD, *(f"{kind}.json" for kind in KINDS)))
    found = next((one for one in path.iterdir() if one.name not in NEW_FILE_SYSTEM), None)
    if found is not None and not ours:
        raise StateError(
            f"{path} is no simulator's: {found.name} lies in it; name an empty directory, or a new one"
        )


def _remove_leftover(path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise StateError(f"{path} is no plain file, and no simulator left it behind")
    path.unlink()
