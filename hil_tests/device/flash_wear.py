"""What the tests of a bench may write to one device: a budget, counted over runs.

What is counted is what the device says of its storage (`storage.health`, bytes written since it was made), from the
beginning to the end of each run. A run that did not come to its end is counted up to the next one's beginning.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from bwc_sdk.camera_name import camera_name
from bwc_sdk.errors import DocumentError, HostFileError
from bwc_sdk.host.file_advice import file_advice

GIB: Final = 1 << 30
FILE_MAX: Final = 4096
"""Bytes of a device's file that are read: more than any of ours."""


@dataclass(frozen=True, slots=True)
class Worn:
    """What is kept of a device between two runs."""

    spent_bytes: int = 0
    runs: int = 0
    began_at_bytes: int | None = None
    """What the device had written when a run began that has not ended yet."""

    def counted(self, written_bytes: int) -> Worn:
        """With what was written since the run began, if one did. A counter that fell is another chip's."""
        if self.began_at_bytes is None:
            return self
        since = max(0, written_bytes - self.began_at_bytes)
        return Worn(self.spent_bytes + since, self.runs + 1)


def wear_budget(budget_gib: float, locks: Path) -> WearBudget:
    """A budget whose count is kept beside the locks of devices."""
    return WearBudget(budget_gib, locks.with_name("flash_wear"))


class WearBudget:
    """How much may be written to a device, and how much has been; `directory` is that of this user's state."""

    def __init__(self, budget_gib: float, directory: Path) -> None:
        self.budget_gib = budget_gib
        self._directory = directory
        self._worn = Worn()
        self._path: Path | None = None
        self._told = ""

    @property
    def spent(self) -> bool:
        """Whether nothing is left for another run."""
        return self._worn.spent_bytes >= self.budget_gib * GIB

    def __str__(self) -> str:
        return self._told

    def look(self, serial_number: str, written_bytes: int) -> None:
        """Finds out how much has been written, as `begin` does, and keeps nothing. Raises as that does."""
        self._path = self._directory / f"{camera_name(serial_number)}.json"
        self._worn = self._read().counted(written_bytes)
        gib, runs = self._worn.spent_bytes / GIB, self._worn.runs
        self._told = f"{gib:.1f} of {self.budget_gib:g} GiB written before this run, in {runs}"

    def begin(self, serial_number: str, written_bytes: int) -> None:
        """A run begins. Raises `HostFileError`, `DocumentError` where it cannot be counted."""
        self.look(serial_number, written_bytes)
        self._keep(replace(self._worn, began_at_bytes=written_bytes))

    def end(self, written_bytes: int) -> None:
        """The run has ended."""
        self._keep(self._worn.counted(written_bytes))

    def _keep(self, worn: Worn) -> None:
        assert self._path is not None
        new = self._path.with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.write_text(json.dumps(asdict(worn)) + "\n", encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            rule = (
                f"what is written to the device cannot be counted in {self._path}: {error.strerror or error}"
            )
            raise HostFileError(rule, advice=file_advice(error)) from error
        self._worn = worn

    def _read(self) -> Worn:
        assert self._path is not None
        try:
            with self._path.open("rb") as file:
                said = json.loads(file.read(FILE_MAX))
            known = Worn(**said)
            numbers = (known.spent_bytes, known.runs, known.began_at_bytes or 0)
            if not all(type(one) is int and one >= 0 for one in numbers):
                raise ValueError("it has other numbers")
            return known
        except FileNotFoundError:
            return Worn()
        except OSError as error:
            rule = f"{self._path} cannot be read: {error.strerror or error}"
            raise HostFileError(rule, advice=file_advice(error)) from error
        except (ValueError, TypeError, RecursionError) as error:
            raise DocumentError(
                f"{self._path} does not say what was written to the device: {error}"[:300],
                advice="look into it; whoever removes it begins to count anew",
            ) from error
