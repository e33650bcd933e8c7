"""The command line in this process, against a simulated camera of this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
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


benches = count(7_100, 10)
"""Seeds of benches: of a station's cameras each has the next."""
PTP = ("--source", "ptp", "--uncertainty", "1ms")


@dataclass(frozen=True, slots=True)
class Desk:
    """A technician's: files, a station of three cameras, and what runs there."""

    run: Callable[..., Ran]
    folder: Path
    station: str
    serials: tuple[str, ...]

    @property
    def roster(self) -> Path:
        return self.folder / "officers.csv"

    @property
    def records(self) -> Path:
        return self.folder / "records"

    def provision(self, *words: str) -> Ran:
        profile = str(self.folder / "patrol.toml")
        files = ("--roster", str(self.roster), "--records", str(self.records))
        return self.run("provision", profile, *files, "--station", self.station, *PTP, *words)

    def people(self) -> dict[str, str]:
        shown = self.run("people", "show", "--records", str(self.records), "--json")
        assert shown.code == 0, shown.err
        return {one["camera"]: one["officer"] for one in shown.document["people"]}


@pytest.fixture
def desk(bwc: Bwc, tmp_path: Path) -> Desk:
    seed = next(benches)
    (tmp_path / "patrol.toml").write_text("recording.pre_event_s = 120\n")
    (tmp_path / "officers.csv").write_bytes("Officer;Unit\r\nÄ-01;K9\r\nB-02;K9\r\n".encode("utf-8-sig"))
    uri = f"sim:?seed={seed}&station=3&recordings=1&mib=1"
    serials = tuple(f"SIM-{seed + bay:08X}" for bay in (1, 2, 3))
    return Desk(lambda *words: bwc(*words, "--lab"), tmp_path, uri, serials)
