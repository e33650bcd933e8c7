"""A small CA of this process, with keys that open fast."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bwc_sdk.identity import key_file
from bwc_sdk.identity.ca.authority import Ca
from bwc_sdk.identity.ca.founding import Founded, found

PASSPHRASE = b"correct horse battery"
NOW_S = 1_796_000_000
"""2026-11-30."""
YEAR_S = 365 * 86_400


@dataclass
class Agency:
    """A CA, the time that it has, and where its roots are."""

    directory: Path
    made: Founded
    now_s: int = NOW_S
    asked: list[int | None] = field(default_factory=list)

    @property
    def ca(self) -> Ca:
        """The CA as a new process sees it."""
        return Ca(self.directory, lambda path: PASSPHRASE, self.clock, os.urandom)

    def clock(self, last_s: int | None) -> int:
        """The time, whatever the register says."""
        self.asked.append(last_s)
        return self.now_s


@pytest.fixture(autouse=True)
def fast_keys(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key files that are as easy to guess at as to open; but for the tests of the files themselves."""
    if "test_key_file" not in str(request.path):
        monkeypatch.setattr(key_file, "ROUNDS", 1000)
        monkeypatch.setattr(key_file, "SEAL_ROUNDS", 1000)


Begin = Callable[..., Agency]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Begins an agency: `begin("Sheriff")`."""

    def make(name: str = "Sheriff of X", where: str = "ca") -> Agency:
        directory = tmp_path / where
        made = found(
            directory, name, passphrase=lambda path: PASSPHRASE, clock=lambda last: NOW_S, entropy=os.urandom
        )
        return Agency(directory, made)

    return make


@pytest.fixture
def agency(begin: Begin) -> Agency:
    """An agency that has just begun."""
    return begin()
