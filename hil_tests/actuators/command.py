"""A command line of the lab's own: whatever moves its relays, as a list of words, without a shell."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from hil_tests.actuators.actuator import ActuatorFailed, Move

SAID_MAX: Final = 300
"""Characters of what a program said that an error repeats: its last words are the reason."""


@dataclass(frozen=True, slots=True)
class CommandDriver:
    """A program for each move; it has moved the actuator once it ends with 0, within `timeout_s`."""

    lines: Mapping[Move, tuple[str, ...]]
    timeout_s: float
    directory: Path
    """Where it runs: beside the bench file."""

    @property
    def moves(self) -> frozenset[Move]:
        return frozenset(self.lines)

    @property
    def unattended(self) -> bool:
        return True

    def move(self, what: Move) -> None:
        run(self.lines[what], self.timeout_s, self.directory)

    def check(self) -> str:
        for line in self.lines.values():
            require_program(line[0], self.directory)
        return ""

    def __str__(self) -> str:
        programs = dict.fromkeys(Path(line[0]).name for line in self.lines.values())
        return f"by the command {' and '.join(programs)}"


def run(line: tuple[str, ...], timeout_s: float, directory: Path) -> str:
    """What a program says that ends with 0 in time. Raises `ActuatorFailed`; one that takes longer is ended, with all
    that it started."""
    shown = shlex.join(line)[:SAID_MAX]
    # Into a file, and not a pipe: something that it leaves running would hold that open, and us with it.
    with tempfile.TemporaryFile() as out:
        try:
            process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=directory, start_new_session=True
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ActuatorFailed(
                f"{shown} cannot be started: {why}",
                advice=f"is {line[0]} installed, and may this user run it?",
            ) from error
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ActuatorFailed(
                f"{shown} did not end within {timeout_s:g} s, and was ended{_said(out)}",
                advice="try it by hand; if it is right that it takes longer, set 'timeout_s'",
            ) from None
        finally:
            if process.poll() is None:
                _end(process)
        if status != 0:
            ended = f"ended with {status}" if status > 0 else f"was ended by signal {-status}"
            raise ActuatorFailed(
                f"{shown} {ended}{_said(out)}", advice="try it by hand: it has to end with 0"
            )
        return _text(out)


def require_program(program: str, directory: Path) -> None:
    """Raises `ActuatorFailed` unless there is such a program and this user may run it."""
    found = shutil.which(directory / program if "/" in program else program)
    if found is None:
        raise ActuatorFailed(
            f"there is no program {program} that this user may run",
            advice="install it, or correct the bench file; paths begin at its directory",
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)  # its own session: what it started is in it
    except ProcessLookupError:
        pass  # it has ended meanwhile
    process.wait()


def _text(out: IO[bytes]) -> str:
    out.seek(0, os.SEEK_END)
    out.seek(max(0, out.tell() - SAID_MAX * 100))
    return out.read(SAID_MAX * 100).decode("utf-8", errors="replace")


def _said(out: IO[bytes]) -> str:
    words = " ".join(_text(out).split())
    plain = "".join(sign if sign.isprintable() else "?" for sign in words)
    return f": {plain[-SAID_MAX:]}" if plain else ""
