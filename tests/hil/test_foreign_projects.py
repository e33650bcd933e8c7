"""The plugin beside somebody else's project: strict, with fixtures of its own, in a folder in which nothing is written,
and without a network."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]

DEVICE = "sim:?seed=77&recordings=1&mib=1"

STRICT = """
[pytest]
addopts = --strict-markers --strict-config
filterwarnings = error
xfail_strict = true
markers =
    theirs: a marker of their own
"""

THEIR_CONFTEST = """
import pytest

@pytest.fixture
def camera():
    return "a Canon"

@pytest.fixture
def measure():
    return lambda *words: None

def pytest_collection_modifyitems(items):
    items.reverse()
"""

THEIR_TESTS = """
import pytest

@pytest.mark.theirs
def test_of_a_photographer(camera, measure):
    measure("anything")
    assert camera == "a Canon"

@pytest.mark.xfail
def test_expected_to_fail(): assert False
"""

OUR_TESTS = """
import bwc_sdk.sync
import pytest
from bwc_sdk import Role

RULE = "LNK-003"  # of no rule is this a test
pytestmark = [pytest.mark.bwc_read_only, pytest.mark.rule(RULE, level="SHOULD")]

def test_ours(connect_as):
    with connect_as(Role.AUDITOR) as camera:
        camera.device.status()

def test_on_the_wire(wire):
    wire.session()

@pytest.mark.xfail(strict=True)
def test_of_a_known_defect(bwc_guarded): assert False
"""


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    forget_sims()


def project(pytester: pytest.Pytester) -> set[Path]:
    """Writes a project, and gives its files."""
    pytester.makeini(STRICT)
    pytester.makeconftest(THEIR_CONFTEST)
    pytester.makepyfile(test_theirs=THEIR_TESTS, test_ours=OUR_TESTS)
    return files(pytester.path)


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_a_strict_project_with_fixtures_of_its_own_keeps_them_and_has_ours(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX:
            raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    before = project(pytester)
    options = ("--bwc-device", DEVICE, "-v", "-p", "no:cacheprovider", "--bwc-seed", "3")
    result = pytester.runpytest_inprocess(*options)
    result.assert_outcomes(passed=3, xfailed=2)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*SIM-0000004D*", "  2 passed"])
    assert files(pytester.path) == before, "nothing is written beside the tests"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_nobody_may_write_in_is_no_hindrance(pytester: pytest.Pytester) -> None:
    project(pytester)
    pytester.path.chmod(0o555)
    try:
        result = pytester.runpytest_inprocess("--bwc-device", DEVICE, "-p", "no:cacheprovider")
        result.assert_outcomes(passed=3, xfailed=2)
    finally:
        pytester.path.chmod(0o755)


@pytest.mark.ci
def test_from_a_folder_below_the_tests_are_the_same(pytester: pytest.Pytester, tmp_path: Path) -> None:
    project(pytester)
    pytester.mkdir("deeper")
    os.chdir(pytester.path / "deeper")
    result = pytester.runpytest_inprocess("--bwc-device", DEVICE, "-p", "no:cacheprovider", "..")
    result.assert_outcomes(passed=3, xfailed=2)
