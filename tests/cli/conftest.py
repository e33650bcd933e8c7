"""The command line in this process, against a simulated camera of this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from bwc_sdk.__main__ import main
from bwc_sdk.host.host_time import host_time
from bwc_sdk.host.kernel_time import KernelTime


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output, which has to be exactly one JSON document."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error that was told as JSON."""
        found: dict[str, Any] = json.loads(self.err)["error"]
        return found


Bwc = Callable[..., Ran]


@pytest.fixture
def bwc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bwc:
    """Runs a command line: `bwc("battery", "--json", device=uri)`."""
    for name in ("BWC_DEVICE", "BWC_CAPTURE", "BWC_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*argv: str, device: str | None = None) -> Ran:
        capsys.readouterr()
        code = main([*argv, *(["--device", device] if device else [])])
        said = capsys.readouterr()
        return Ran(int(code), said.out, said.err)

    return run


HostKnows = Callable[[bool | None], None]


@pytest.fixture
def host_knows(monkeypatch: pytest.MonkeyPatch) -> HostKnows:
    """Lets the kernel of this host say of its time what a test wants, and no service contradict it."""

    def says(synchronised: bool | None) -> None:
        monkeypatch.setattr(host_time, "_kernel", lambda: KernelTime(synchronised, 2_000_000, 1))
        monkeypatch.setattr(host_time, "_service", lambda: None)
        monkeypatch.setattr(host_time, "_answer", None)

    return says


_seeds = count(9_000)


@pytest.fixture
def sim() -> str:
    """A fresh simulated camera with three small recordings. The same URI is the same camera."""
    return f"sim:?seed={next(_seeds)}&recordings=3&mib=1"
