"""One decoded wire log a test: there when it failed, named in the failure, gone when it passed; without footage."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]

DEVICE = "sim:?seed=77&recordings=1&mib=1"

ONE = "test_fails and not (wire or own or silence)"

TESTS = """
import tempfile
from pathlib import Path

import bwc_sdk.sync
import pytest

RULE = "LNK-003"  # of no rule is this a test

def test_passes(camera): ...

@pytest.mark.rule(RULE)
@pytest.mark.parametrize("what", ["a/b ../c"])
def test_fails(camera, what):
    camera.battery.status()
    assert False

@pytest.mark.bwc_read_only
def test_fails_on_the_wire(wire):
    wire.session()
    assert False

def test_fails_by_its_own_connection(bwc_device, dock_store):
    assert bwc_sdk.sync.offload(bwc_device, dock_store).run() is None

def test_fails_in_silence(bwc_under_test):
    assert False

def test_captures_of_others_are_gone():  # on no device, and so the last one, as it is written
    assert not [*Path(tempfile.gettempdir()).glob("bwc-captures-*/*")]
"""


@pytest.fixture(autouse=True)
def _new_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has a device, and a directory for temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("PYTEST_ADDOPTS", "--bwc-seed=0")
    yield
    forget_sims()


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    pytester.makepyfile(test_it=TESTS)
    return pytester.runpytest_inprocess("--bwc-device", DEVICE, "--junitxml=report.xml", *options)


def named(result: pytest.RunResult) -> dict[str, Path]:
    """The logs that failures name, by the beginning of their names."""
    found = [
        Path(line.partition("wire log: ")[2]) for line in result.outlines if line.startswith("wire log: /")
    ]
    return {path.name: path for path in found}


def test_a_failure_names_a_log_with_all_that_was_said_and_a_pass_leaves_nothing(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    result = run(pytester)
    result.assert_outcomes(passed=2, failed=4)
    logs = named(result)
    assert set(logs) == {
        "test_it-test_fails_a_b_.._c_.log",
        "test_it-test_fails_on_the_wire.log",
        "test_it-test_fails_by_its_own_connection.log",
    }
    result.stdout.fnmatch_lines(
        ["rules: LNK-003", "seed: 0", "wire log: /*", "wire log: none: nothing was said"]
    )
    for path in logs.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, "it names people and devices"
    said = logs["test_it-test_fails_a_b_.._c_.log"].read_text()
    assert said.startswith("test_it.py::test_fails[a/b ../c]: FAIL\n")
    assert re.search(r"-> message battery\.status", said) and "-> frame   HELLO" in said
    assert said.count("\nconnection ") == 2, "the test's own, and that by which the bench looked after it"
    assert "beneath the SDK" in logs["test_it-test_fails_on_the_wire.log"].read_text()
    offload = logs["test_it-test_fails_by_its_own_connection.log"].read_text()
    assert "recordings.manifest" in offload and len(offload) < 200_000, "a mebibyte of footage went by"
    left = {path.name for path in (tmp_path / "temporary").rglob("*") if path.is_file()}
    assert left == set(logs), "captures are gone"
    (case,) = (
        one
        for one in ElementTree.parse(pytester.path / "report.xml").iter("testcase")
        if "[" in one.get("name", "")
    )
    told = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert told["bwc_wire_log"] == str(logs["test_it-test_fails_a_b_.._c_.log"])
    failure = case.find("failure")
    assert failure is not None and "wire log: " in (failure.text or "")


@pytest.mark.ci
def test_logs_go_where_they_are_asked_to_and_those_of_an_earlier_night_stay(
    pytester: pytest.Pytester,
) -> None:
    for _ in range(2):
        run(pytester, "--bwc-logs", "logs/night", "-k", ONE).assert_outcomes(failed=1)
    assert {path.name for path in (pytester.path / "logs" / "night").iterdir()} == {
        "test_it-test_fails_a_b_.._c_.log",
        "test_it-test_fails_a_b_.._c_-2.log",
    }


@pytest.mark.ci
def test_beside_a_report_are_the_logs_of_its_own_run_alone(pytester: pytest.Pytester) -> None:
    for chosen in ("wire", "own"):
        run(pytester, "--bwc-report", "report", "-k", f"test_fails and {chosen}").assert_outcomes(failed=1)
    assert [path.name for path in (pytester.path / "report" / "logs").iterdir()] == [
        "test_it-test_fails_by_its_own_connection.log"
    ]


@pytest.mark.ci
def test_all_are_kept_on_request_and_what_was_captured_on_request_stays(pytester: pytest.Pytester) -> None:
    run(pytester, "--bwc-logs", "logs", "--bwc-keep-logs", "--bwc-capture", "captures", "-k", "test_passes")
    (log,) = (pytester.path / "logs").iterdir()
    assert re.match(r"test_it.py::test_passes: passed\n\nconnection 1, captures/.*\.jsonl\n", log.read_text())
    assert len(list((pytester.path / "captures").glob("test_passes-*.jsonl"))) == 2


def test_a_directory_that_cannot_be_made_ends_the_session_before_it_collects(
    pytester: pytest.Pytester,
) -> None:
    pytester.path.joinpath("file").write_text("")
    result = run(pytester, "--bwc-logs", "file/logs")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--bwc-logs: *file/logs*"])


def test_a_full_disk_costs_the_log_and_not_the_result(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def full(path: str | Path, *args: int, **more: int) -> int:
        if str(path).endswith(".log"):
            raise OSError(28, "No space left on device")
        return opened(path, *args, **more)

    monkeypatch.setattr("hil_tests.run.wire_log.os.open", full)
    result = run(pytester, "-k", ONE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["wire log: none: *No space left on device"])
