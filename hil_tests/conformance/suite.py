"""Runs the suite through pytest in this process, whatever else pytest is set up for on this host."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

import hil_tests
from bwc_sdk.errors import BwcError
from bwc_sdk.transport.registry import transport_for
from bwc_sdk.transport.uri import DeviceUri
from hil_tests.benches.bench_file import read_bench
from hil_tests.conformance.collecting import Collector
from hil_tests.conformance.estimate import estimate
from hil_tests.conformance.folder import prepare
from hil_tests.conformance.report import Report
from hil_tests.conformance.starting import COLLECTOR
from hil_tests.device.identities import ON_ANY_DEVICE, BenchIdentities
from hil_tests.raw.pipe import RawPipe
from hil_tests.raw.transcript import Transcript
from hil_tests.run.order import AS_WRITTEN

LOG: Final = "pytest.log"
"""What pytest itself said, beside the report."""
TEST_S: Final = 600
"""Seconds after which a test that hangs is ended: the longest, an offload over a slow line, takes a third of it."""
ELSEWHERE: Final = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
"""Variables that are somebody's for tests of his own, and change no verdict here."""

Progress = Callable[[int, int, pytest.TestReport], None]
"""Is told after each test how many have been, of how many, and what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is asked for."""

    device: str | None
    """None: what the bench file says."""
    folder: Path
    bench: Path | None = None
    use: str | None = None
    """Which device of the bench file; None = its only one."""
    only: str = ""
    expendable: str | None = None
    identity: Path | None = None
    allow_insecure: bool = False
    strict: bool = False
    seed: int = AS_WRITTEN
    """The order of the tests."""

    @property
    def arguments(self) -> list[str]:
        """The command line of pytest."""
        here = Path(hil_tests.__file__).parent
        words = [
            "--pyargs",
            "hil_tests",
            "-c",
            str(here / "conformance" / "pytest.ini"),
            "--rootdir",
            str(here),
        ]
        words += ["--noconftest", "--import-mode=importlib", "--capture=sys", "-p", "no:cacheprovider"]
        words += ["-p", "hil_tests.plugin", "-v", "--color=no"]
        if find_spec("pytest_timeout") is not None:
            # By signal: the other way ends the process, and with it the report.
            words += ["-p", "pytest_timeout", f"--timeout={TEST_S}", "--timeout-method=signal"]
        words += ["--bwc-seed", str(self.seed)]
        words += ["--bwc-report", str(self.folder), "--bwc-only", self.only]
        words += ["--bwc-device", self.device] if self.device else []
        words += ["--bwc-bench", str(self.bench)] if self.bench else []
        words += ["--bwc-use", self.use] if self.use else []
        words += ["--bwc-expendable", self.expendable] if self.expendable else []
        words += ["--bwc-identity", str(self.identity)] if self.identity else []
        words += ["--bwc-insecure"] if self.allow_insecure else []
        return words + (["--bwc-strict"] if self.strict else [])


class _Keeper:
    """Keeps what gathers the report, and passes on how far the run is."""

    def __init__(self, run: Run, progress: Progress, tell: Callable[[str], None]) -> None:
        self.collector: Collector | None = None
        self.interrupted = False
        self._device, _, self._insecure = reached(run)
        self._progress, self._tell = progress, tell
        self._all = 0
        self._done = 0

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self.collector = config.stash.get(COLLECTOR, None)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._all = len(session.items)
        told = estimate(session.items, self._device, insecure=self._insecure)
        if told:
            self._tell(told)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._done += report.when == "teardown"
        if report.when == "teardown" or report.failed:
            self._progress(self._done, self._all, report)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.interrupted = excinfo.type is KeyboardInterrupt  # pytest's own ends are kinds of it


def reached(run: Run) -> tuple[str, Path | None, bool]:
    """The device's URI, by whose keys, and whether without protection. Raises `HostFileError`, `BenchFileError`."""
    entry = read_bench(run.bench).choose(run.use, "--use") if run.bench is not None else None
    device, identity, insecure = run.device, run.identity, run.allow_insecure
    if entry is not None:
        device = device or entry.uri
        identity = identity if identity is not None or insecure else entry.identity
        insecure = insecure or (entry.insecure and run.identity is None)
    assert device is not None
    return device, identity, insecure


def check(run: Run) -> None:
    """What has to hold before the first test, so that a wrong word costs no run.

    Raises `InvalidUri`, `IdentityError`, `HostFileError`, `BenchFileError`, and `TransportError` for a device that is
    not there.
    """
    device, identity, insecure = reached(run)
    BenchIdentities(identity, insecure=insecure).need(ON_ANY_DEVICE)
    prepare(run.folder)
    pipe = RawPipe(transport_for(DeviceUri.parse(device)), 1, Transcript())
    pipe.open()
    pipe.close()


def judge(run: Run, progress: Progress, tell: Callable[[str], None] = lambda about: None) -> Report:
    """Runs the suite, and gives the report that now is in its folder. `tell` is told about how long it will take.

    Raises `KeyboardInterrupt` after the report of a run that somebody ended, `BwcError` for one that gave none.
    """
    keeper = _Keeper(run, progress, tell)
    log = run.folder / LOG
    with (
        log.open("w", encoding="utf-8") as file,
        _undisturbed(),
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        pytest.main(run.arguments, plugins=[keeper])
    collector = keeper.collector
    if collector is not None and collector.failure is not None:
        raise collector.failure
    if collector is None or collector.report is None:
        raise BwcError("the suite came to no report", advice=f"{log} says why")
    if keeper.interrupted:
        raise KeyboardInterrupt(f"the report in {run.folder} says how far it came")
    return collector.report


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Without what the environment would have pytest do beside, and with no plugin but those that are named."""
    before = {name: os.environ.pop(name) for name in ELSEWHERE if name in os.environ}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        os.environ.update(before)
