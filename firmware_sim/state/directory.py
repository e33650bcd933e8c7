"""What a simulated device keeps, part by part, on its flash: in memory, or in a directory (`--state DIR`).

What is written is complete after a loss of power at any moment: a new file is written beside the old one, synced, and
takes its place by rename.
"""

import contextlib
from pathlib import Path
from typing import Any, Final

from firmware_sim.flash.directory_flash import DirectoryFlash
from firmware_sim.flash.flash import FORM_NAME, TEMPORARY, Flash, StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.state.commit import RECORD, Commits, Replace
from firmware_sim.state.files import from_part, read_plain, to_part, write_beside
from firmware_sim.state.kept_values import part_of

FORM: Final = 4
"""Raised when something is kept in another way, so that nothing is taken for what it is not."""
KINDS: Final = {"device": "a camera", "station": "a docking station"}
"""What lives in a directory, by the part of its state that no other kind has."""


class StateOfAnother(StateError):
    """In the directory lives another kind of device than was asked for, or a station of another size."""


class StateOfBefore(StateError):
    """It was kept by another version of the simulator, in a form that this one does not read."""

    advice: Final = (
        "serve it with the version that made it (bwc sim --state) and get its footage off with bwc offload; "
        "or name a new directory"
    )


class StateDirectory:
    """One device's state on its flash, or in the directory of a path; held by this process until `close`.

    Raises `StateInUse` if another holds it, and `StateError` for one that cannot be used.
    """

    def __init__(self, where: Path | Flash | None = None) -> None:
        self.flash: Flash
        match where:
            case None:
                self.flash = MemoryFlash()
            case Path():
                self.flash = DirectoryFlash(where)
            case _:
                self.flash = where
        self.commits = Commits(self.flash)
        try:
            self._check_form()
            self._remove_leftovers()
            self.commits.recover()
        except OSError as error:
            self.flash.close()
            raise StateError(f"{self.flash.at('')} cannot be used: {error.strerror}") from error
        except BaseException:
            self.flash.close()
            raise

    def _check_form(self) -> None:
        """Raises `StateOfBefore` for a device that was kept in another form; what is empty is of this one."""
        data = read_plain(self.flash, FORM_NAME)
        if data is not None:
            form = part_of(from_part(data, self.flash.at(FORM_NAME)), "the form", ("form",))["form"]
        else:
            form = 0 if any(map(self.flash.exists, (RECORD, *(f"{kind}.json" for kind in KINDS)))) else FORM
        if form != FORM:
            raise StateOfBefore(f"{self.flash.at('')} was kept by another version of the simulator")
        if data is None:
            # It is durable with the first that is kept: names of one directory are.
            write_beside(self.flash, FORM_NAME, to_part({"form": FORM}))

    def _remove_leftovers(self) -> None:
        for name in self.flash.names():
            if name.startswith(TEMPORARY):
                if self.flash.size(name) is None:  # raises for what is no plain file
                    continue
                self.flash.remove(name)

    def load_only(self, name: str) -> dict[str, Any] | None:
        """As `load`, for the part `name` of `KINDS`. Raises `StateOfAnother` where another kind of device lives."""
        for other, what in KINDS.items():
            if other != name and self.flash.exists(f"{other}.json"):
                raise StateOfAnother(f"in {self.flash.at('')} lives {what}, not {KINDS[name]}")
        return self.load(name)

    def part(self, name: str, state: dict[str, Any]) -> Replace:
        """The change that keeps a part's state under `name`."""
        return Replace(f"{name}.json", to_part(state))

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Keeps a part's state under `name`. Raises `OSError`."""
        self.commits.commit(self.part(name, state))

    def load(self, name: str) -> dict[str, Any] | None:
        """What was kept under `name`, or None. Raises `StateError` if it is not what `save` wrote."""
        file = f"{name}.json"
        data = read_plain(self.flash, file)
        return None if data is None else from_part(data, self.flash.at(file))

    def remove(self, name: str) -> None:
        """Forgets what was kept under `name`. Raises `OSError`."""
        with contextlib.suppress(FileNotFoundError):
            self.flash.remove(f"{name}.json")
            self.flash.sync_directory()

    def close(self) -> None:
        """Lets go of the flash."""
        self.flash.close()
