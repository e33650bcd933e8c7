"""One run at a time has a device: a lock of its own for each, held by a process and gone with it.

The lock is the kernel's, on a file below the user's state directory; what the file says is for people. It is by serial
number, so that two ways to one device are one device, and not below `XDG_RUNTIME_DIR`, which a run by cron lacks.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bwc_sdk.camera_name import camera_name
from bwc_sdk.errors import BwcError, HostFileError
from bwc_sdk.host.file_advice import file_advice

COMMAND_MAX: Final = 500
"""Characters of a command that are told: enough to know it again."""
NOTE_MAX: Final = 16_384
"""Bytes of a lock's file that are read: more than any of ours, whatever stands there."""


class DeviceTaken(BwcError):
    """Raised when another run has the device; `holder` says which, as far as it has said."""

    layer = "bench"

    def __init__(self, rule: str, holder: Holder, *, device: str, advice: str) -> None:
        super().__init__(rule, device=device, advice=advice)
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a device; nothing is known of one that has only just taken it."""

    pid: int = 0
    command: str = ""
    since_utc: str = ""

    def __str__(self) -> str:
        if not self.pid:
            return "another run, which has only just begun"
        return f"process {self.pid} ({self.command}) since {self.since_utc}"


def lock_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Where locks are: `bwc/devices` below the user's state directory."""
    environ = os.environ if environ is None else environ
    state = environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path(environ.get("HOME") or Path.home()) / ".local/state"
    return base / "bwc" / "devices"


class DeviceLock:
    """A device that this process has, until `release` or its end, however it ends."""

    def __init__(self, serial_number: str, file: int) -> None:
        self.serial_number = serial_number
        self._file = file

    @staticmethod
    def take(serial_number: str, directory: Path | None = None) -> DeviceLock:
        """Takes the device, or raises `DeviceTaken` at once; `HostFileError` where no lock can be kept."""
        path = (directory or lock_directory()) / f"{camera_name(serial_number)}.lock"
        try:
            import fcntl
        except ImportError as error:  # Windows
            raise HostFileError(
                "devices of a bench file are locked on POSIX systems only, such as Linux and macOS",
                advice="name the device by --bwc-device: nobody else may use it meanwhile",
            ) from error
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except OSError as error:
            rule = f"no lock can be kept at {path}: {error.strerror or error}"
            raise HostFileError(rule, advice=f"{file_advice(error)}, by XDG_STATE_HOME") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _note(file)
        except BlockingIOError:
            holder = _noted(file)
            os.close(file)
            raise DeviceTaken(
                f"is taken by {holder}",
                holder,
                device=serial_number,
                advice="wait until that run ends, or end it: its lock goes with it",
            ) from None
        except OSError as error:
            os.close(file)
            rule = f"no lock can be kept at {path}: {error.strerror or error}"
            raise HostFileError(rule, advice=f"{file_advice(error)}, by XDG_STATE_HOME") from error
        return DeviceLock(serial_number, file)

    def release(self) -> None:
        """Gives the device back. The file stays: whoever waits for it has it open."""
        if self._file < 0:
            return
        file, self._file = self._file, -1
        try:
            os.ftruncate(file, 0)
        finally:
            os.close(file)


def _note(file: int) -> None:
    """Writes who has it, for people."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:COMMAND_MAX]
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps({"pid": os.getpid(), "command": command, "since_utc": since}).encode(), 0)


def _noted(file: int) -> Holder:
    try:
        said = json.loads(os.pread(file, NOTE_MAX, 0))
        return Holder(int(said["pid"]), _plain(said["command"])[:COMMAND_MAX], _plain(said["since_utc"])[:32])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return Holder()  # between its lock and its note, or a file that somebody else has written


def _plain(text: object) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in str(text))
