"""`bwc conformance`, as its user runs it: in a process of its own, on simulated devices."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.cli.exit_codes import ExitCode
from hil_tests.conformance.page import WATERMARK
from hil_tests.judging.rules import all_rules
from tools.generate.smallest_device import Smallest

BWC = Path(sys.executable).with_name("bwc")
RUN_S = 300
"""A run on a busy machine; a bound against one that hangs, and no measure."""
pytestmark = pytest.mark.timeout(RUN_S)
DEVICE = "sim:?seed=5&recordings=2&mib=1"


def bwc(*words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | environment
    return subprocess.run(
        [BWC, "conformance", *words],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
        env=env,
        cwd=cwd,
    )


def report_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "conformance.json").read_text())
    return found


def test_a_sound_device_conforms_and_its_report_verifies(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    (tmp_path / "conftest.py").write_text("raise SystemExit('somebody else is at home here')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    ran = bwc(
        "-d", DEVICE, "--report", str(folder), "--only", "FRM-001,ROL-002,CFG-001",
        cwd=tmp_path, PYTEST_ADDOPTS="--no-such-option",
    )  # fmt: skip
    assert ran.returncode == ExitCode.SUCCESS, ran.stdout + ran.stderr
    assert ran.stdout.startswith("CONFORMING in all that was tested: SIM-00000005 (SimCam 1")
    assert "SIMULATOR" in ran.stdout.splitlines()[0]
    assert {one.name for one in folder.iterdir()} == {
        "conformance.json", "conformance.json.cose", "conformance.html", "pytest.log", "captures",
    }  # fmt: skip
    report = report_in(folder)
    assert report["verdict"] == "conforming" and report["device"]["is"] == "SIMULATOR"
    assert len(report["device"]["firmware_sha256"]) == 64 and report["device"]["protocol"]
    for number in ("FRM-001", "ROL-002", "CFG-001"):
        one = report["requirements"][number]
        assert one["verdict"] == "PASS" and one["sentence"] == all_rules()[number].sentence
        assert all(test["transcript"] and test["attempts"] == 1 for test in one["tests"])
    by_sdk = [test for one in report["requirements"].values() for test in one["tests"] if test["captures"]]
    assert by_sdk and all((folder / log["file"]).is_file() for test in by_sdk for log in test["captures"])
    assert WATERMARK in (folder / "conformance.html").read_text()
    verified = bwc("verify", str(folder), "--lab", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["verified"]["is"] == "SIMULATOR"
    same = bwc("diff", str(folder), str(folder))
    assert (same.returncode, same.stderr) == (0, "")


def test_a_defect_is_told_by_its_rule_and_is_worse_than_before(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    assert bwc("-d", DEVICE, "--report", str(good), "--only", "FRM-001").returncode == 0
    ran = bwc("-d", f"{DEVICE}&defect=bad-header", "--report", str(bad), "--only", "FRM-001", "--seed", "7")
    assert ran.returncode == ExitCode.NOT_CONFORMING
    assert (report_in(good)["seed"], report_in(bad)["seed"]) == (0, 7)
    said = ran.stdout.splitlines()
    assert said[0].startswith("NOT CONFORMING: ")
    at = said.index(f"FRM-001 FAIL: {all_rules()['FRM-001'].sentence}")
    assert said[at + 1].startswith("  expected: ") and said[at + 2].startswith("  observed: ")
    assert said[-1] == f"report: {bad / 'conformance.html'}"
    as_json = bwc("diff", str(good), str(bad), "--json")
    assert as_json.returncode == ExitCode.NOT_CONFORMING
    difference = json.loads(as_json.stdout)["difference"]
    assert [(one["number"], one["before"], one["after"], one["worse"]) for one in difference["rules"]] == [
        ("FRM-001", "PASS", "FAIL", True)
    ]
    back = bwc("diff", str(bad), str(good))
    assert back.returncode == 0 and "rule.0\tFRM-001\tFAIL\tPASS\t-" in back.stdout


@pytest.mark.ci
def test_an_insecure_bench_signs_nothing_and_its_page_says_so(tmp_path: Path) -> None:
    ran = bwc(
        "-d",
        f"{DEVICE}&insecure=1",
        "--allow-insecure",
        "--report",
        str(tmp_path),
        "--only",
        "FRM-001",
        "--json",
    )
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)["conformance"]
    assert document["signed_by"] == "" and document["is"] == "SIMULATOR"
    assert not (tmp_path / "conformance.json.cose").exists()
    assert "INSECURE session" in (tmp_path / "conformance.html").read_text()
    assert "NOT SIGNED: " in (tmp_path / "conformance.html").read_text()
    verified = bwc("verify", str(tmp_path), "--lab")
    assert verified.returncode == ExitCode.BAD_DOCUMENT and "nobody signed this report" in verified.stderr


def test_a_device_that_is_not_there_is_no_verdict(tmp_path: Path) -> None:
    ran = bwc("-d", "tcp:127.0.0.1:1", "--report", str(tmp_path / "r"))
    assert ran.returncode == ExitCode.UNREACHABLE and "try: " in ran.stderr
    assert not (tmp_path / "r" / "conformance.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no device is named"),
        (("-d", DEVICE), "--report DIR"),
        (("-d", DEVICE, "--report", "r", "--only", "LNK,XYZ"), "the specification has no rules 'XYZ'"),
        (("-d", DEVICE, "--report", "r", "--role", "bench"), "--role is not for this verb"),
        (("-d", DEVICE, "--report", "r", "--seed", "-1"), "--seed: takes a number of at least 0"),
        (("--listen", "tcp:127.0.0.1:0", "--report", "r", "--seed", "7"), "--strict and --seed say nothing"),
        (("--report", "r", "verify", "r"), "--report says nothing to 'verify'"),
    ],
)
def test_a_wrong_word_is_told_before_anything_runs(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ran = bwc(*words, cwd=tmp_path, BWC_DEVICE=DEVICE)
    assert ran.returncode == ExitCode.USAGE and said in ran.stderr
    assert not list(tmp_path.iterdir())


def test_without_pytest_it_says_what_to_install_and_still_verifies(tmp_path: Path) -> None:
    without = (
        "import sys; sys.modules['pytest'] = None; "
        "from bwc_sdk.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", without, "conformance", *words],
            capture_output=True,
            text=True,
            check=False,
        )

    ran = run("-d", DEVICE, "--report", str(tmp_path / "r"))
    assert ran.returncode == ExitCode.MISSING_PART and "pip install 'bwc-sdk[bench]'" in ran.stderr
    assert "conformance.json" in run("verify", str(tmp_path)).stderr
    assert "conformance.json" in run("diff", str(tmp_path), str(tmp_path)).stderr


class LinkOnly(Smallest):
    """A device whose author has got as far as the link: channels open, and nobody converses on them."""

    def _converse(self) -> None: ...


@contextlib.contextmanager
def half_built() -> Iterator[str]:
    """Serves such a device, each connection a pipe of its own; gives its URI."""

    def serve(pipe: socket.socket) -> None:
        device = LinkOnly()
        with pipe, contextlib.suppress(OSError):
            while data := pipe.recv(4096):
                device.receive(data)
                said, device.said = device.said, b""
                pipe.sendall(said)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield f"tcp:127.0.0.1:{listening.getsockname()[1]}"
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # what closing alone does not tell who waits


def test_a_device_that_can_do_nothing_but_the_link_gets_a_report_of_the_link(tmp_path: Path) -> None:
    with half_built() as uri:
        only = "FRM-001,LNK-001,CHN-010,MSG-001"
        ran = bwc("-d", uri, "--allow-insecure", "--report", str(tmp_path), "--only", only)
    report = report_in(tmp_path)
    verdicts = {number: one["verdict"] for number, one in report["requirements"].items()}
    assert verdicts["FRM-001"] == "PASS", ran.stdout
    assert verdicts["MSG-001"] == verdicts["CHN-010"] == "INCONCLUSIVE", "their tests need a session"
    assert "the device gives no session yet" in report["requirements"]["MSG-001"]["why"]
    assert not any(t["outcome"] == "failed" for one in report["requirements"].values() for t in one["tests"])
    assert ran.returncode == ExitCode.INCONCLUSIVE
    assert report["device"]["is"] == "unknown" and report["device"]["unknown_because"]
    assert "UNKNOWN DEVICE" in (tmp_path / "conformance.html").read_text()


def test_a_link_that_is_being_written_is_judged_again_and_again(tmp_path: Path) -> None:
    with half_built() as uri:
        words = ("-d", uri, "--allow-insecure", "--report", tmp_path, "--only", "FRM-001", "--watch")
        watching = subprocess.Popen(
            [BWC, "conformance", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert watching.stdout is not None
        with watching:
            try:
                first = list(iter(watching.stdout.readline, f"report: {tmp_path}/conformance.html\n"))
                second = watching.stdout.readline()
            finally:
                watching.send_signal(signal.SIGINT)
                said = watching.communicate(timeout=RUN_S)[1]
    assert first[0].startswith("CONFORMING in all that was tested: tcp:127.0.0.1:")
    assert second.endswith("conforming, broken: none\n")
    assert watching.returncode == ExitCode.INTERRUPTED and "interrupted: " in said


@pytest.mark.night  # the wheel's check does the same in CI
def test_the_whole_suite_gives_the_simulator_a_clean_report(tmp_path: Path) -> None:
    ran = bwc("-d", DEVICE, "--report", str(tmp_path))
    report = report_in(tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert report["counts"]["FAIL"] == report["counts"]["INCONCLUSIVE"] == 0
    measured = {one["name"]: one for one in report["measurements"]}
    assert set(measured) >= {
        "connect time",
        "round trip, median",
        "offload rate",
        "clock offset",
        "reboot time",
    }
    assert all(one["within"] and one["unit"] for one in measured.values())


@pytest.mark.ci
def test_a_bench_file_says_who_is_judged_and_what_acts_on_it(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(
        f"""
        [devices.one]
        uri = "{DEVICE}"
        serial_number = "SIM-00000005"
        [devices.one.actuators.vbus_relay]
        driver = "simulator"
        [devices.other]
        uri = "{DEVICE}&personality=small"
        serial_number = "SIM-00000099"
        """
    )
    words = ("--bench", "bench.toml", "--report", "report", "--only", "FRM-001")
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    ran = bwc(*words, "--use", "one", cwd=tmp_path, **state)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = report_in(tmp_path / "report")
    assert report["device"]["identity"] == "SIM-00000005"
    assert report["actuators"] == ["vbus_relay (by the hands at a simulator): cuts vbus"]
    unnamed = bwc(*words, cwd=tmp_path)
    assert unnamed.returncode == ExitCode.BAD_DESTINATION
    assert (
        "has several devices: one, other" in unnamed.stderr and "try: name one: --use NAME" in unnamed.stderr
    )
    other = bwc(*words, "--use", "other", cwd=tmp_path, **state)
    assert other.returncode == ExitCode.INCONCLUSIVE, "another device than the file expects is not judged"


def test_a_name_without_a_bench_file_is_wrong_usage(tmp_path: Path) -> None:
    ran = bwc("--use", "one", "--report", str(tmp_path))
    assert ran.returncode == ExitCode.USAGE and "--bench FILE" in ran.stderr
