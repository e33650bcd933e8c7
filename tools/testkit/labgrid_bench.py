"""labgrid as a lab has it: an environment of its own, a coordinator and exporters, each a process on loopback.

An environment of its own since labgrid brings `pyserial-labgrid`, which lies over the files of pyserial: it is never
installed beside the project's own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import select
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from xml.etree import ElementTree

ROOT: Final = Path(__file__).parents[2]
LOOPBACK: Final = "127.0.0.1"
READY_S: Final = 30.0
"""Within this a process of labgrid says that it is ready: gRPC alone loads in a second, on a busy machine in some."""
STEP_S: Final = 120.0
"""No command of a lab takes a tenth of this."""
ACQUIRED_S: Final = 90.0
PAUSE_S: Final = 0.05


class NoLabgrid(Exception):
    """Raised where labgrid cannot be installed, as without a network: with what pip says."""


def requirement() -> str:
    """What the extra `labgrid` asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (wanted,) = project["optional-dependencies"]["labgrid"]
    return str(wanted)


def lab_python() -> Path:
    """The Python of an environment with labgrid, which has this tree and the packages of this environment as well; made
    once for each requirement, whoever asks at once. Raises `NoLabgrid`."""
    wanted = requirement()
    key = hashlib.sha256(f"{wanted} {sys.version} {sysconfig.get_path('purelib')}".encode()).hexdigest()[:12]
    folder = ROOT / "build" / f"labgrid-{key}"
    folder.parent.mkdir(exist_ok=True)
    with _alone(folder.with_suffix(".lock")):
        python, ready = folder / "bin" / "python", folder / "ready"
        if not ready.exists():
            _make(folder, python, wanted)
            ready.touch()
    return python


def _make(folder: Path, python: Path, wanted: str) -> None:
    venv.create(folder, with_pip=True, clear=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise NoLabgrid(f"pip install '{wanted}': {done.stderr.strip()[-500:]}")
    (site,) = folder.glob("lib/python3*/site-packages")
    # Behind its own, so that of two packages of one name labgrid's is taken: as it is where both were installed.
    beneath = (ROOT, ROOT / "protocol", *_packages_here())
    (site / "this-tree.pth").write_text("".join(f"{path}\n" for path in beneath), encoding="utf-8")


def _packages_here() -> Iterator[Path]:
    for path in map(Path, sys.path):
        if path.name == "site-packages" and path.is_dir():
            yield path


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Running:
    """A process of a lab, with what it has said so far in a file."""

    def __init__(self, line: list[str | Path], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                line,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=log.parent,
                env=environment,
            )

    @property
    def said(self) -> str:
        """Its output until now."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def await_said(self, pattern: str, *, times: int = 1) -> re.Match[str]:
        """What matches in its output, once it has said it so often; at most 30 s later."""
        until = time.monotonic() + READY_S
        while True:
            said = self.said
            found = list(re.finditer(pattern, said))
            if len(found) >= times:
                return found[-1]
            assert self.process.poll() is None, (
                f"{self.log.name} ended with {self.process.returncode}: {said[-2000:]}"
            )
            assert time.monotonic() < until, f"{self.log.name} has not said {pattern!r}: {said[-2000:]}"
            time.sleep(PAUSE_S)

    def kill(self) -> None:
        """Ends it as a loss of power does: without a word to anybody."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


class LabgridBench:
    """A coordinator and exporters, and whatever is started beside them; all of it ends with the bench."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder
        self._running: list[Running] = []
        self._exporters: list[Running] = []
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("LG_", "PYTEST_", "BWC_DEVICE"))
        }
        own = {"LG_USERNAME": "night", "LG_HOSTNAME": "desk", "PYTHONUNBUFFERED": "1"}
        self.environment = {**kept, **own, "XDG_STATE_HOME": str(folder / "locks")}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in reversed(self._running):
            one.kill()

    def start(self, name: str, *words: str, environment: Mapping[str, str] | None = None) -> Running:
        """Starts Python on these words, under a name for its log."""
        line: list[str | Path] = [self.python, *words]
        running = Running(line, self.folder / f"{name}.log", environment or self.environment)
        self._running.append(running)
        return running

    def export(
        self, resources: Path, name: str = "cellar", *, environment: Mapping[str, str] | None = None
    ) -> Running:
        """Starts an exporter of ours, and the coordinator before the first; it is ready when this returns."""
        coordinator = self._coordinator()
        if environment is not None:
            environment = {**environment, "LG_COORDINATOR": coordinator}
        words = ("-m", "bwc_sdk.labgrid.exporter", "--name", name, "--hostname", LOOPBACK, str(resources))
        exporter = self.start(name, *words, environment=environment)
        exporter.await_said("Exporter ready")
        self._exporters.append(exporter)
        return exporter

    def _coordinator(self) -> str:
        """Where the coordinator listens: at a port that the system chose."""
        if "LG_COORDINATOR" not in self.environment:
            started = self.start("coordinator", "-m", "labgrid.remote.coordinator", "-l", f"{LOOPBACK}:0")
            port = started.await_said(rf"listening on {LOOPBACK}:(\d+)")[1]
            self.environment["LG_COORDINATOR"] = f"{LOOPBACK}:{port}"
        return self.environment["LG_COORDINATOR"]

    @property
    def exporter(self) -> Running:
        """The one that was started first."""
        return self._exporters[0]

    def client(self, *words: str, fails: bool = False, **environment: str) -> str:
        """What `labgrid-client` says; `LG_USERNAME=…` makes it another user's."""
        return self.run("-m", "labgrid.remote.client", *words, fails=fails, **environment)

    def place(self, name: str, match: str, *tags: str) -> None:
        """Creates a place of what matches, once that is exported."""
        self.client("-p", name, "create")
        self.client("-p", name, "add-match", match)
        if tags:
            self.client("-p", name, "set-tags", *tags)

    def acquire(self, place: str, **environment: str) -> None:
        """Acquires a place. A coordinator gives an exporter 10 s, in which a machine that does much else may not have
        started a bridge; it lets the place go again, and later it can be had: for that this waits 90 s at most."""
        until = time.monotonic() + ACQUIRED_S
        line = [str(self.python), "-m", "labgrid.remote.client", "-p", place, "acquire"]
        while subprocess.run(
            line, cwd=self.folder, env={**self.environment, **environment}, timeout=STEP_S, check=False
        ).returncode:
            assert time.monotonic() < until, f"{place} cannot be acquired"
            time.sleep(PAUSE_S)

    def suite(self, *words: str, fails: bool = False, **environment: str) -> str:
        """What pytest says on these words, with our plugin, in the folder of the bench; `outcomes` tells of it."""
        options = (
            "-p",
            "no:cacheprovider",
            "-q",
            "--rootdir",
            str(self.folder),
            "-c",
            "/dev/null",
            "--bwc-seed=0",
        )
        kept = ("--junitxml=report.xml", f"--bwc-logs={self.folder / 'logs'}")
        return self.run("-m", "pytest", *options, *kept, *words, fails=fails, **environment)

    def outcomes(self) -> dict[str, str]:
        """What became of each test of the last suite, by its report for JUnit."""
        tree = ElementTree.parse(self.folder / "report.xml")
        return {
            case.get("name", ""): one.get("value", "")
            for case in tree.iter("testcase")
            for one in case.iter("property")
            if one.get("name") == "bwc_outcome"
        }

    def run(self, *words: str, fails: bool = False, **environment: str) -> str:
        """What Python says on these words, which have to end well, or with `fails` not."""
        done = subprocess.run(
            [self.python, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env={**self.environment, **environment},
            timeout=STEP_S,
            check=False,
        )
        assert (done.returncode != 0) == fails, (
            f"{' '.join(words)} gave {done.returncode}: {done.stdout[-4000:]}"
        )
        return done.stdout


def ends(pid: int, within_s: float = READY_S) -> bool:
    """Whether a process that need not be ours ends."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within_s)[0])
    finally:
        os.close(descriptor)
