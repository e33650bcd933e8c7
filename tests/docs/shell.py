"""A reader's shell: types the commands of a page one by one, and compares what comes with what the page shows."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 45
"""Within a test's own 60 s: what a page shows comes, or is missing."""
LATE_S: Final = PATIENCE_S
"""How much later than its end a command may say something: what it left running may."""
_DONE: Final = "--- exit code "


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a console example, and the lines that the page shows below it."""

    typed: str
    shown: list[str]


def commands_of(block: str) -> list[Command]:
    """`$ command`, with what is shown below it; anything before the first is a mistake."""
    found: list[Command] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Command(line.removeprefix("$ "), []))
        else:
            assert found, f"a console example begins with a command, not with {line!r}"
            found[-1].shown.append(line)
    return found


def pattern_of(shown: list[str]) -> re.Pattern[str]:
    """What matches the output: `…` in a line stands for anything in it, a line of `…` alone for any lines."""
    lines = [
        "(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n" for line in shown
    ]
    return re.compile("".join(lines))


def environment() -> dict[str, str]:
    """A reader's: this environment's programs come first, and nothing says which device; the lab is the tests'."""
    ours = ("BWC_", "PYTEST_", "PYTHON", "COV_")
    kept = {k: v for k, v in os.environ.items() if k == "BWC_LAB" or not k.startswith(ours)}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


class Shell:
    """A bash in a folder of its own; what it started ends with it."""

    def __init__(self, folder: Path) -> None:
        self._errors = folder / ".errors"
        with self._errors.open("w") as errors:
            self._bash = subprocess.Popen(
                ["bash", "--norc", "--noprofile"],
                cwd=folder,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._bash.stdout is not None
        for line in self._bash.stdout:
            self._lines.put(line)

    def try_out(self, command: Command) -> None:
        """Types a command; raises unless it succeeds and says what the page shows, if that shows anything."""
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{command.typed}\necho '{_DONE}'$? $(jobs -pr)\n")
        self._bash.stdin.flush()
        pattern, said, code = pattern_of(command.shown), "", None
        running: list[str] = []
        while code is None or (command.shown and not pattern.fullmatch(said)):
            # Of a command that has ended nothing more comes, unless something of the page still runs.
            assert code is None or running, self._story(command, said)
            try:
                line = self._lines.get(timeout=PATIENCE_S if code is None else LATE_S)
            except queue.Empty:
                raise AssertionError(self._story(command, said)) from None
            if line.startswith(_DONE):
                code, *running = line.removeprefix(_DONE).split()
                assert code == "0", self._story(command, said, f"exit code {code}")
            else:
                said += line

    def _story(self, command: Command, said: str, ended: str = "nothing more came") -> str:
        shown = "\n".join(command.shown)
        errors = self._errors.read_text()[-2000:]
        return f"$ {command.typed}\n{said}({ended})\nthe page shows:\n{shown}\nstderr:\n{errors}"

    def close(self) -> None:
        """Ends it and all that runs in it."""
        assert self._bash.stdin is not None and self._bash.stdout is not None
        os.killpg(self._bash.pid, signal.SIGTERM)
        self._bash.stdin.close()
        self._bash.wait()
        self._reader.join()
        self._bash.stdout.close()
