"""The file of a soak: a line says what it is of, and each cycle adds one. By it a resumed soak knows what was."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bwc_sdk.errors import HostFileError
from bwc_sdk.host.file_advice import file_advice

NAME: Final = "soak.jsonl"
FORMAT: Final = 1
LINE_MAX: Final = 16 << 20
"""Characters of a line: one says what is new, and the first of a full camera has 100,000 recordings."""
HELD: Final = "held"


class SoakFileError(HostFileError):
    """Raised when the file of a soak cannot be written, or is none."""

    layer = "soak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the whole soak is of."""

    seed: int
    device: str
    """The URI."""
    identity: str
    simulator: bool
    docking: str
    """How the device is docked and undocked, in words."""
    began_utc: str
    sdk: str
    """Version of the SDK."""
    secure: bool
    soak: int = FORMAT


@dataclass(slots=True, kw_only=True)
class CycleRecord:
    """One cycle: what was measured, what is new, and whether all held."""

    cycle: int
    utc: str = ""
    seconds: float = 0.0
    """How long it took."""
    skipped_s: float = 0.0
    """How far a simulated device's time is ahead of the host's, by all cycles until now."""
    faults: str = ""
    interruptions: int = 0
    reconnections: int = 0
    connect_s: float | None = None
    offload_bytes: int = 0
    offload_rate: float | None = None
    """Bytes a second, of offloads that fetched something."""
    battery_pct: int | None = None
    battery_mv: int | None = None
    storage_used: float | None = None
    """Share of the device's storage."""
    clock_offset_ms: float | None = None
    """What is to be added to the device's time to get the host's."""
    clock_uncertainty_ms: float | None = None
    memory_bytes: int | None = None
    files: int | None = None
    threads: int | None = None
    recordings: int = 0
    """That the device lists."""
    stored: int = 0
    """Recordings in the store."""
    erased: int = 0
    """Recordings that the device has erased, in all."""
    verified: str = ""
    """`all`, or `names` where footage was not read this time."""
    learned: dict[str, Any] = field(default_factory=dict)
    """What later cycles hold the device against."""
    result: str = HELD
    """`held`, or which invariant did not, and why."""
    invariant: str = ""


class Journal:
    """Written line by line, each of which is on the medium before the next cycle begins."""

    def __init__(self, path: Path, head: Head, cycles: list[CycleRecord]) -> None:
        self.path = path
        self.head = head
        self.cycles = cycles

    @classmethod
    def begin(cls, folder: Path, head: Head) -> Self:
        """A new one. Raises `SoakFileError`, also where there is one."""
        path = folder / NAME
        try:
            with path.open("x", encoding="utf-8") as file:
                _write(file, asdict(head))
        except FileExistsError as error:
            raise SoakFileError(
                f"{path} is there: {folder} has a soak",
                advice=f"go on with it, 'bwc soak --resume {folder}', or name another folder",
            ) from error
        except OSError as error:
            raise _unwritten(path, error) from error
        return cls(path, head, [])

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """The one in `folder`; a last line that was torn by a kill is taken off. Raises `SoakFileError`."""
        path = folder / NAME
        head: Head | None = None
        cycles: list[CycleRecord] = []
        whole = number = 0
        try:
            with path.open("rb") as file:
                while line := file.readline(LINE_MAX + 1):
                    if not line.endswith(b"\n"):
                        break  # torn, or longer than any: it is not what a whole run wrote
                    number += 1
                    whole += len(line)
                    if head is None:
                        head = _parsed(Head, line, path, number)
                    else:
                        cycles.append(_parsed(CycleRecord, line, path, number))
            if head is not None:
                os.truncate(path, whole)
        except OSError as error:
            raise SoakFileError(
                f"{path} cannot be read: {error.strerror or error}", advice=file_advice(error)
            ) from error
        if head is None or head.soak != FORMAT or [one.cycle for one in cycles] != list(range(1, number)):
            raise SoakFileError(
                f"{path} is not the file of a soak of this version", advice="name the folder of one"
            )
        return cls(path, head, cycles)

    def add(self, cycle: CycleRecord) -> None:
        """Adds a cycle. Raises `SoakFileError`."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                _write(file, asdict(cycle))
        except OSError as error:
            raise _unwritten(self.path, error) from error
        self.cycles.append(cycle)

    @property
    def broken(self) -> CycleRecord | None:
        """The cycle at which an invariant did not hold; None while all do."""
        return self.cycles[-1] if self.cycles and self.cycles[-1].result != HELD else None


def _write(file: Any, document: dict[str, Any]) -> None:
    file.write(json.dumps(document) + "\n")
    file.flush()
    os.fsync(file.fileno())


def _parsed(kind: Any, line: bytes, path: Path, number: int) -> Any:
    try:
        found = json.loads(line)
        return kind(**found)
    except (ValueError, TypeError, RecursionError) as error:
        raise SoakFileError(
            f"{path}, line {number}: no line of a soak: {error}", advice="name the folder of one"
        ) from error


def _unwritten(path: Path, error: OSError) -> SoakFileError:
    return SoakFileError(f"{path} cannot be written: {error.strerror or error}", advice=file_advice(error))
