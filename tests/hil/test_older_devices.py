"""The suite on devices of each minor version: what they have is tried, what came later is not about them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hil_tests.raw.link  # noqa: F401  # loaded once: runs in this process forget it
from bwc_protocol.versions import NEWEST
from firmware_sim.defects import DEFECTS
from firmware_sim.ports.memory import forget_sims
from hil_tests.verdicts import NOT_APPLICABLE
from tests.hil.rules_of import verdicts

pytest_plugins = ["pytester"]
OF = "sim:?minor={}&seed=78&recordings=3&mib=1&footage=synthetic"
PRESENT = "sim:?insecure=1&seed=78&recordings=3&mib=1&footage=synthetic"
VERSIONS = {"MSG-026", "MSG-027"}
RUN_S = 300


@pytest.fixture(autouse=True)
def nothing_stays() -> object:
    yield
    forget_sims()


@pytest.mark.parametrize("minor", range(NEWEST[1]))
def test_a_device_of_an_older_version_keeps_to_it(minor: int, pytester: pytest.Pytester) -> None:
    said = verdicts(pytester, VERSIONS, OF.format(minor))
    assert not said.failed and len(said.passed) == (2 if minor == 0 else 3), said


@pytest.mark.parametrize("name", ["older-in-name", "newest-hosts-alone"])
def test_one_that_does_not_fails_by_the_number_of_the_rule(name: str, pytester: pytest.Pytester) -> None:
    rule = DEFECTS[name].rule
    said = verdicts(pytester, {rule}, f"{PRESENT}&defect={name}")
    assert said.failed and all(rule in message for message in said.failed.values()), said


def suite(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        "--pyargs",
        "hil_tests",
        *words,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False, cwd=cwd)


@pytest.mark.timeout(RUN_S)
@pytest.mark.parametrize(
    "minor",
    [
        pytest.param(0, marks=pytest.mark.ci),
        *(pytest.param(n, marks=pytest.mark.night) for n in range(1, NEWEST[1])),
    ],
)
def test_the_whole_suite_passes_and_names_the_version_that_a_rule_takes(minor: int, tmp_path: Path) -> None:
    ran = suite("--bwc-device", OF.format(minor), "--bwc-insecure", cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout[-4_000:]
    why = re.findall(
        rf"{NOT_APPLICABLE}(.*) came with protocol 1\.\d, and the device speaks 1\.{minor}", ran.stdout
    )
    assert {"recordings.receipt", "recordings.tombstones", "PURPOSE_REFUSED"} <= set(why)


@pytest.mark.ci
@pytest.mark.timeout(RUN_S)
def test_a_report_states_the_version_and_why_a_later_rule_is_not_applicable(tmp_path: Path) -> None:
    bwc = Path(sys.executable).with_name("bwc")
    words = ["--allow-insecure", "--report", str(tmp_path / "r"), "--only", "MSG-026,REC-055"]
    ran = subprocess.run(
        [bwc, "conformance", "-d", OF.format(0), *words],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = json.loads((tmp_path / "r" / "conformance.json").read_text())
    assert report["device"]["protocol"] == "1.0"
    rule = report["requirements"]["REC-055"]
    assert rule["verdict"] == "NOT-APPLICABLE"
    assert "recordings.receipt came with protocol 1.2, and the device speaks 1.0" in rule["why"]
