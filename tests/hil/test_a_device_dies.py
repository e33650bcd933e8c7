"""A night survives a dead device: its own tests end at once and say why, one loss of power is tried, others go on."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]

LEFT, RIGHT = "SIM-0000004D", "SIM-0000004E"
BENCH = f"""
[devices.left]
uri = "sim:?seed=77&recordings=1&mib=1"
serial_number = "{LEFT}"

[devices.right]
uri = "sim:?seed=78&recordings=1&mib=1"
serial_number = "{RIGHT}"
"""
TESTS = """
import pytest
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import open_sim

def go_down(uri):
    open_sim(DeviceUri.parse(uri)).camera.go_down()

RULE = "SES-001"  # of no rule is this a test

@pytest.mark.rule(RULE)
def test_1_passes(camera): ...

def test_2_loses_it(camera, bwc_under_test):
    if bwc_under_test.name == "left":
        go_down(bwc_under_test.uri)

@pytest.mark.parametrize("n", range(20))
def test_3_goes_on(camera, n): ...

@pytest.mark.bwc_read_only
@pytest.mark.parametrize("n", range(20))
def test_4_on_the_wire(bwc_bench, wire, n): wire.session()

def test_5_is_on_no_device(): ...
"""


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has locks and a lab of its own, and devices as they come from the factory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


def run(pytester: pytest.Pytester, bench: str, *options: str, tests: str = TESTS) -> pytest.RunResult:
    pytester.path.joinpath("bench.toml").write_text(bench)
    pytester.makepyfile(tests)
    return pytester.runpytest_inprocess(
        "--bwc-bench", "bench.toml", "--bwc-use", "left,right", "-v", *options
    )


def test_a_dead_device_ends_its_own_tests_at_once_and_nobody_else_s(pytester: pytest.Pytester) -> None:
    result = run(pytester, BENCH, "-rs", "--junitxml=report.xml", "--bwc-report", "report")
    result.assert_outcomes(passed=2 + 42 + 1, errors=1, skipped=40)
    assert result.ret == 21, "nobody failed, and somebody has to look"
    result.stdout.fnmatch_lines(
        [
            f"*{LEFT}*",
            "*1 passed, 41 INFRA*",
            "*DEAD, and its other tests were not run: the device under test is out of reach: *",
            "*INFRA *test_2_loses_it[[]left[]]*",
            f"*{RIGHT}*",
            "*42 passed*",
            "SKIPPED*infra: the device under test is out of reach: *",
        ]
    )
    skipped = [
        case
        for case in ElementTree.parse(pytester.path / "report.xml").iter("testcase")
        if case.find("skipped") is not None
    ]
    assert len(skipped) == 40
    assert all(float(case.get("time", "")) < 0.5 for case in skipped), "nothing is waited for"
    left, right = (
        json.loads((pytester.path / "report" / name / "conformance.json").read_text())
        for name in ("left", "right")
    )
    assert (left["verdict"], right["verdict"]) == ("inconclusive", "conforming"), right["verdict"]
    assert {one["outcome"] for one in right["others"]} == {"passed"}
    assert (
        "\n".join(result.outlines).count("38 tests more: infra: the device under test is out of reach") == 1
    )


RESTART = """
import os, signal, subprocess, sys
from pathlib import Path

here = Path(__file__).parent
pid = here / "sim.pid"
if pid.exists():
    try:
        os.kill(int(pid.read_text()), signal.SIGKILL)
    except ProcessLookupError:
        pass  # the test has done so already
words = [sys.executable, "-m", "bwc_sdk", "sim", "--seed", "77", "--recordings", "1", "--state", str(here / "state")]
port = (here / "port").read_text() if (here / "port").exists() else "0"
device = subprocess.Popen(
    [*words, "--listen", f"tcp:127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True, start_new_session=True
)
uri = device.stdout.readline().strip()
(here / "port").write_text(uri.rpartition(":")[2])
pid.write_text(str(device.pid))
print(uri)
"""


@pytest.fixture
def device(pytester: pytest.Pytester) -> Iterator[str]:
    """A simulator in a process of its own, that a command of the bench starts anew; gives its URI."""
    script = pytester.path / "restart.py"
    script.write_text(RESTART)
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    yield done.stdout.strip()
    with suppress(ProcessLookupError):  # the test has done so already
        os.kill(int((pytester.path / "sim.pid").read_text()), signal.SIGKILL)


@pytest.mark.ci
def test_one_loss_of_power_is_tried_and_told_and_a_second_death_is_the_last(
    pytester: pytest.Pytester, device: str
) -> None:
    hang = """
import os, signal
from pathlib import Path

def go_down(uri):
    os.kill(int(Path("sim.pid").read_text()), signal.SIGKILL)
"""
    tests = TESTS.replace(TESTS[TESTS.index("def go_down") : TESTS.index("def test_1")], hang)
    tests = tests.replace("range(20)", "range(2)").replace(
        "def test_5", "def test_4_loses_it_again(camera, bwc_under_test):\n"
        "    if bwc_under_test.name == 'left':\n        go_down('')\n\ndef test_4_last(camera): ...\n\ndef test_5"
    )  # fmt: skip
    cycle = json.dumps([sys.executable, "restart.py"])
    bench = BENCH.replace("sim:?seed=77&recordings=1&mib=1", device) + "".join(
        f'\n[devices.left.actuators.{name}]\ndriver = "command"\ncycle = {cycle}\ntimeout_s = 60\n{cuts}\n'
        for name, cuts in (("battery_cut", 'cuts = ["vbus", "battery"]'),)
    )
    result = run(pytester, bench, "--bwc-report", "report", tests=tests)
    assert result.ret == 21
    result.stdout.fnmatch_lines(
        [
            f"*{LEFT}*",
            "*after *test_2_loses_it[[]left[]]: the device under test is out of reach*; power-cycled: "
            "*battery_cut cycle (cuts vbus and battery)*; it answers again",
            "*DEAD, and its other tests were not run: *out of reach*",
        ]
    )
    assert sum("power-cycled" in line for line in result.outlines if line.startswith("  after ")) == 1
    report = json.loads((pytester.path / "report" / "left" / "conformance.json").read_text())
    (remark,) = report["remarks"]
    assert "power-cycled" in remark and remark.endswith("it answers again")
    told = [line for line in result.outlines if "[left" in line and "::" in line and "%" in line]
    assert sum("test_3_goes_on" in line and "PASSED" in line for line in told) == 2
    assert sum("SKIPPED" in line for line in told) == 1


@pytest.mark.ci
@pytest.mark.parametrize("expendable", [False, True])
def test_the_supply_is_taken_from_no_device_that_must_not_be_changed(
    pytester: pytest.Pytester, expendable: bool
) -> None:
    """What it records at the moment is evidence, unless somebody said that it is not."""
    hardware = BENCH.replace("seed=77&", "seed=77&personality=no-simulator&")
    actuator = """
[devices.left.actuators.battery_cut]
driver = "command"
cycle = ["touch", "it-was-cut"]
cuts = ["vbus", "battery"]
"""
    if expendable:
        hardware = hardware.replace("[devices.right]", "expendable = true\n\n[devices.right]")
    tests = TESTS.replace("def test_2", "@pytest.mark.bwc_read_only\ndef test_2")
    monkey = "import hil_tests.device.restarting\nhil_tests.device.restarting.BACK_S = 0.1\n"
    run(pytester, hardware + actuator, tests=monkey + tests)
    assert (pytester.path / "it-was-cut").exists() == expendable
