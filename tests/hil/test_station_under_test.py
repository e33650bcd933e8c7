"""A docking station under test, and a camera in one of its bays: each has a report that is about it."""

import json
from pathlib import Path

import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]

STATION = "sim:?seed=79&recordings=1&mib=1&footage=synthetic&station=2&insecure=1"

ON_CAMERAS_AND_STATIONS = """
import pytest
from bwc_sdk import BayVerdict

def test_a_camera(camera):
    camera.recordings.list()

@pytest.mark.bwc_any_device
def test_whatever_it_is(bwc_guarded):
    bwc_guarded.connect_either(bwc_guarded.role(reads_only=False)).device.status()

def test_who_turns_switches(bwc_guarded):
    bays = bwc_guarded.connect_station(bwc_guarded.role(reads_only=False)).bays
    bays.power(bay=2, on=False)
    bays.lock(bay=2, docking=1, seconds=600)
    bays.verdict(bay=2, docking=1, verdict=BayVerdict.TAKE_ME, seconds=3_600)
test_who_turns_switches = pytest.mark.bwc_any_device(test_who_turns_switches)

@pytest.mark.bwc_any_device
def test_what_was_switched_is_put_back(bwc_guarded):
    station = bwc_guarded.connect_station(bwc_guarded.role(reads_only=False))
    bay = station.bays.bay(bay=2)
    assert bay.power and not bay.lock_s and bay.verdict is BayVerdict.NONE

@pytest.mark.bwc_any_device
@pytest.mark.bwc_read_only
def test_that_says_it_only_reads(bwc_guarded, bwc_bench):
    bwc_bench.connect_station(bwc_bench.role(reads_only=False)).bays.data(bay=1, on=False)
"""


@pytest.fixture(autouse=True)
def _forget() -> object:
    yield
    forget_sims()


def run(pytester: pytest.Pytester, device: str, *options: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(
        "-v", "-p", "no:cacheprovider", "--bwc-device", device, "--bwc-insecure", *options
    )


def test_a_station_is_tested_as_one_and_put_back(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ON_CAMERAS_AND_STATIONS)
    result = run(pytester, STATION, "-rs")
    result.assert_outcomes(passed=4, skipped=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*a test marked bwc_read_only changed the switches, lock or light of bay 1; it was put back*",
            "*SimDock 1 DOCK-0000004F*",
            "SKIPPED*not applicable: it is about cameras, and DOCK-0000004F is a docking station*",
        ]
    )


def test_the_report_of_a_station_is_a_station_s_and_that_of_a_bay_a_camera_s(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """By the same rules, some of which are about the one and some about the other."""
    for bay, who, of_stations, of_cameras in (
        ("", "station", "PASS", "NOT-APPLICABLE"),
        ("&bay=2", "camera", "NOT-APPLICABLE", "PASS"),
    ):
        report = tmp_path / who
        only = ("--bwc-report", str(report), "--bwc-only", "STA-004,STA-008,REC-018,SES-002")
        run(pytester, f"{STATION}{bay}", *only, "--pyargs", "hil_tests.rules")
        told = json.loads((report / "conformance.json").read_text(encoding="utf-8"))
        assert told["device"]["kind"] == who
        found = {number: one["verdict"] for number, one in told["requirements"].items()}
        assert found == {
            "STA-004": of_stations,
            "STA-008": of_stations,
            "REC-018": of_cameras,
            "SES-002": "PASS",
        }
