"""One decoded wire log a test: what went over each of its connections, and of those beneath the SDK what was said.

It is kept when the test did not pass, and its path stands in the failure. It holds no footage: captures have none.

PYTEST_DONT_REWRITE: it asserts nothing, and the plugin has imported it before pytest is told of it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from hil_tests.run.running import DeviceRun
from hil_tests.run.writable import need_folder

LINES_MAX: Final = 20_000
"""Of one log: how a connection began, and then the end, where it went wrong. An offload of a gigabyte has a hundred
thousand."""
NAME_MAX: Final = 150
HEAD_MAX: Final = 4096
"""Characters of the first line of a capture."""
LOGS_MAX: Final = 10_000
"""Logs of one test in a directory that many nights share."""
CAPTURE: Final = "BWC_CAPTURE"
"""The variable by which connections are captured that a test makes by itself."""
BESIDE: Final = "logs"
"""Where they go below the folder of a report."""
PLACE: Final = pytest.StashKey["Place"]()
"""Where the logs of this process go."""


def add_options(group: pytest.OptionGroup) -> None:
    """The options of this room."""
    group.addoption(
        "--bwc-logs",
        metavar="DIR",
        type=Path,
        default=None,
        help="where the decoded wire log of each test goes that did not pass (default: 'logs' beside the report, or a "
        "new directory for temporary files, which the failure names)",
    )
    group.addoption(
        "--bwc-keep-logs", action="store_true", help="keep the wire logs of tests that passed, too"
    )


class Place:
    """The directories of a session; made when there is something to put in them."""

    def __init__(self, config: pytest.Config) -> None:
        report: Path | None = config.getoption("--bwc-report")
        beside = None if report is None else report / BESIDE
        self._given: Path | None = config.getoption("--bwc-logs") or beside
        if self._given == beside is not None and not hasattr(config, "workerinput"):
            for earlier in beside.glob("*.log"):  # of the report that is replaced
                earlier.unlink()
        self.keeps_all: bool = config.getoption("--bwc-keep-logs")
        self._made: Path | None = None
        self._captures: Path | None = None

    @property
    def logs(self) -> Path:
        """Where logs go."""
        if self._made is None:
            self._made = self._given or Path(tempfile.mkdtemp(prefix="bwc-wire-logs-"))
            self._made.mkdir(parents=True, exist_ok=True)
        return self._made

    @property
    def captures(self) -> Path:
        """Where the captures of the test that runs are, if nobody asked for them."""
        if self._captures is None:
            self._captures = Path(tempfile.mkdtemp(prefix="bwc-captures-"))
        return self._captures

    def remove_captures(self) -> None:
        """Removes what nobody asked for."""
        if self._captures is not None:
            shutil.rmtree(self._captures, ignore_errors=True)


def begin_logs(config: pytest.Config) -> None:
    """Settles where logs go. Raises `UsageError` for a directory that nothing can be written into, before the first
    test."""
    config.stash[PLACE] = Place(config)
    if hasattr(config, "workerinput"):
        return
    for option in ("--bwc-logs", "--bwc-capture"):
        folder: Path | None = config.getoption(option)
        if folder is not None:
            need_folder(option, folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    place = config.stash.get(PLACE, None)
    if place is not None:
        place.remove_captures()


class WireLog:
    """The log of one attempt at a test."""

    def __init__(self, item: pytest.Item, run: DeviceRun, attempt: int) -> None:
        self._item = item
        self._place = item.config.stash[PLACE]
        self._attempt = attempt
        self._own = run.captures is None
        self._captures = self._place.captures if run.captures is None else run.captures
        self._before = set(self._files())
        self._name = re.sub(r"[^A-Za-z0-9_.-]+", "_", item.name)[:NAME_MAX]
        self._outer = os.environ.get(CAPTURE)
        if self._outer is None:
            self._captures.mkdir(parents=True, exist_ok=True)
            os.environ[CAPTURE] = str(self._captures / f"{self._name}-own.jsonl")

    def end(self, what: str, *, passed: bool) -> str:
        """Writes the log if it is to be kept, and gives its path, or why there is none; "" for one that nobody needs.
        `what` is what became of the test."""
        if self._outer is None:
            os.environ.pop(CAPTURE, None)
        captures = sorted(set(self._files()) - self._before, key=_began)
        try:
            if passed and not self._place.keeps_all:
                return ""
            lines = self._lines(captures)
            return str(self._write([f"{self._item.nodeid}: {what}", *lines])) if lines else ""
        except OSError as error:  # a full disk: the test has its result all the same
            return f"none: {error}"
        finally:
            for path in captures if self._own else ():
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return list(self._captures.glob("*.jsonl")) if self._captures.is_dir() else []

    def _lines(self, captures: list[Path]) -> list[str]:
        from bwc_sdk.capture.decoding import decode_file
        from bwc_sdk.cli.verbs.decode import line_of
        from bwc_sdk.errors import BwcError
        from hil_tests.raw.transcript import TRANSCRIPT

        lines: list[str] = []
        for number, path in enumerate(captures, 1):
            lines += ["", f"connection {number}" + ("" if self._own else f", {path}")]
            try:
                lines += _shortened(line_of(one) for one in decode_file(path))
            except BwcError as error:
                lines.append(str(error))
        transcript = self._item.stash.get(TRANSCRIPT, None)
        return lines if transcript is None else [*lines, "", "beneath the SDK", *transcript.lines]

    def _write(self, lines: list[str]) -> Path:
        attempt = f"-attempt-{self._attempt}" if self._attempt > 1 else ""
        folder = self._place.logs
        for number in range(1, LOGS_MAX):
            again = f"-{number}" if number > 1 else ""
            path = folder / f"{self._item.path.stem}-{self._name}{attempt}{again}.log"
            try:
                # A log names people and devices.
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(file, "w", encoding="utf-8") as out:
                out.write("\n".join(lines) + "\n")
            return path
        raise FileExistsError(f"{folder} has {LOGS_MAX} logs of {self._name}")


def _began(capture: Path) -> tuple[int, str]:
    """When a connection began: its first line says it."""
    try:
        with capture.open(encoding="utf-8") as file:
            return int(json.loads(file.readline(HEAD_MAX))["utc_ns"]), capture.name
    except (OSError, ValueError, KeyError, TypeError):
        return 0, capture.name


def _shortened(lines: Iterable[str]) -> list[str]:
    first: list[str] = []
    last: deque[str] = deque(maxlen=LINES_MAX - LINES_MAX // 4)
    dropped = 0
    for line in lines:
        if len(first) < LINES_MAX // 4:
            first.append(line)
            continue
        dropped += len(last) == last.maxlen
        last.append(line)
    return [*first, *([f"… {dropped} lines left out …"] if dropped else []), *last]
