"""Where a lab lives: one file, made whole at first use, which simulator and host of one user find alike.

Simulator and SDK know nothing of each other, so this part of the protocol package touches files itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bwc_protocol.lab.agency import LabAgency

LAB_ENV: Final = "BWC_LAB"
"""Environment variable: the directory of the lab, where it is shared with containers or other users."""
FILE: Final = "lab.json"
FILE_MAX: Final = 65_536
"""Bytes of a file that are read; a lab has 6,000, and what is longer does not decode."""


class LabUnusable(Exception):
    """The lab's file is there and cannot be used. The text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab and where it is."""

    agency: LabAgency
    path: Path | None
    """Its file; None for one that lives in the memory of this process, where no file could be written."""

    @property
    def where(self) -> str:
        """Where it is, in words."""
        return str(self.path) if self.path is not None else "the memory of this process"


def lab_directory(environ: Mapping[str, str] | None = None) -> Path:
    """The directory of the lab: `BWC_LAB`, or `bwc/lab` below the user's state directory."""
    environ = os.environ if environ is None else environ
    if environ.get(LAB_ENV):
        return Path(environ[LAB_ENV])
    state = environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path(environ.get("HOME") or Path.home()) / ".local/state"
    return base / "bwc" / "lab"


_in_memory: Final[dict[Path, Lab]] = {}
_read: Final[dict[Path, tuple[tuple[int, int, int], Lab]]] = {}


def open_lab(directory: Path | None = None) -> Lab:
    """The lab of this directory (`lab_directory()` if None), made if there is none.

    Whoever makes it at the same time gets the same one. Where no file can be written, one is made in memory, the same
    for the life of the process. Raises `LabUnusable`.
    """
    directory = lab_directory() if directory is None else directory
    path = directory / FILE
    if directory in _in_memory:
        return _in_memory[directory]
    found = _load(path)
    if found is not None:
        return found
    from bwc_protocol.lab.agency import LabAgency

    agency = LabAgency.make(os.urandom)
    try:
        _create(path, agency.encode())
    except OSError:
        return _in_memory.setdefault(directory, Lab(agency, None))
    made = _load(path)
    if made is None:
        raise LabUnusable(f"{path} went away while it was made")
    return made


def _at_once(path: str, flags: int) -> int:
    """Opens without waiting for whoever writes into a pipe: in a directory that is shared anybody may have put one."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _load(path: Path) -> Lab | None:
    try:
        with open(path, "rb", opener=_at_once) as file:
            found = os.fstat(file.fileno())
            version = found.st_ino, found.st_mtime_ns, found.st_size
            if path in _read and _read[path][0] == version:
                return _read[path][1]
            data = file.read(FILE_MAX) or b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LabUnusable(
            f"the lab {path} cannot be read: {error.strerror}; name another by {LAB_ENV}"
        ) from error
    from bwc_protocol.lab.agency import LabAgency, NotALab

    try:
        lab = Lab(LabAgency.decode(data, os.urandom), path)
    except NotALab as error:
        raise LabUnusable(
            f"{path} is not a lab: {error}; move it away, and a new one is made at the next use"
        ) from error
    _read[path] = version, lab
    return lab


def _create(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all; leaves one that another process has made meanwhile."""
    import tempfile  # needed once in the life of a lab, and a hundredth of a second

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".lab-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            pass
    finally:
        Path(name).unlink(missing_ok=True)
