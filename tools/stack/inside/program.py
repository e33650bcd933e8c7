"""Programs of ours as processes of their own, forked from one that has imported them already."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Final, TypeVar

PATIENCE_S: Final = 30.0
"""How long anything may take that is under way; nothing waits for it but a test that fails."""
LOOK_S: Final = 0.05

PLUGINS: Final = ("-p", "pytest_timeout", "-p", "hil_tests.plugin")
"""Of pytest; the others would be loaded for nothing, which takes ten seconds."""

T = TypeVar("T")
_FORKS: Final = multiprocessing.get_context("forkserver")


def warm_up() -> None:
    """Begins to import in the background, so that it is done when the first program is wanted."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # for all that is forked as well
    _FORKS.set_forkserver_preload(["tools.stack.inside.preload"])
    forkserver.ensure_running()


def until(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_S) -> T:
    """What `look` gives once it gives something. Raises `TimeoutError`."""
    end = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} within {seconds:g} s")
        time.sleep(LOOK_S)
    return found


class Program:
    """`bwc` or `pytest` with these words. Runs until it ends, or is killed; its output goes into files."""

    def __init__(self, name: str, *words: str, directory: Path | None = None) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self._printed, self._remarked = folder / "out", folder / "err"
        for path in (self._printed, self._remarked):
            path.touch()
        streams = (str(self._printed), str(self._remarked))
        self._process = _FORKS.Process(target=_main, args=(name, words, streams, directory), daemon=True)
        self._process.start()

    @property
    def output(self) -> str:
        """What it has said so far, its remarks last."""
        return self._printed.read_text(errors="replace") + self._remarked.read_text(errors="replace")

    @property
    def lines(self) -> list[str]:
        """The whole lines that it has printed so far."""
        return self._printed.read_text(errors="replace").split("\n")[:-1]

    def line(self, number: int) -> str:
        """A line, once it is printed. Raises `TimeoutError` or, when it ended without, `EOFError`."""

        def look() -> str | None:
            over = self._process.exitcode is not None
            if len(lines := self.lines) > number:
                return lines[number]
            if over:
                raise EOFError(f"it ended with {self._process.exitcode}: {self.output}")
            return None

        return until(look, f"line {number} of it; so far: {self.output}")

    def code(self, seconds: float = PATIENCE_S) -> int:
        """Its exit code. Raises `TimeoutError`."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise TimeoutError(f"it did not end within {seconds:g} s: {self.output}")
        return self._process.exitcode

    def kill(self) -> None:
        """At once and without a word."""
        self._process.kill()
        self._process.join(PATIENCE_S)


def _main(name: str, words: tuple[str, ...], streams: tuple[str, str], directory: Path | None) -> None:
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    if directory is not None:
        os.chdir(directory)
    sys.argv = [name, *words]
    if name == "bwc":
        from bwc_sdk.__main__ import main

        sys.exit(main())
    import pytest

    sys.exit(int(pytest.main([*PLUGINS, *words])))
