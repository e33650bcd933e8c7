"""What a night measured and counted, as OpenMetrics: read back by the parser of prometheus_client."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from firmware_sim.ports.memory import forget_sims
from hil_tests.reports.metrics import Family, _write, text

pytest_plugins = ["pytester"]

DEVICE = "sim:?seed=77&recordings=1&mib=1"
TESTS = """
import pytest

RULE = "LNK-003"  # of no rule is this a test

@pytest.mark.rule(RULE)
def test_measures(camera, measure):
    measure("connect time", 0.25, "s", at_most=15)
    measure("connect time", 0.5, "s", at_most=15)
    measure("rate, of an offload", 12.5, "MiB/s")

@pytest.mark.parametrize("n", ['a "quoted"\\\\path'])
def test_is_beyond_its_limit(camera, measure, n):
    measure("battery charge", 5, "%", at_least=20)

def test_is_not_tested(camera): pytest.skip("not tested: no relay")
"""


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    forget_sims()


def samples(path: Path) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples of a file, by name, as another program reads them."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(path.read_text("utf-8")):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_measurements_counts_and_verdicts_are_read_by_another_program(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_inprocess(
        "--bwc-device", DEVICE, "--bwc-metrics", "night.prom", "--bwc-seed", "7", "--bwc-report", "report"
    )
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    assert json.loads((pytester.path / "report" / "conformance.json").read_text())["seed"] == 7
    found = samples(pytester.path / "night.prom")
    assert found["bwc_run_info"][0][0]["seed"] == "7"
    assert found["bwc_device_info"][0][0]["identity"] == "SIM-0000004D"
    assert found["bwc_device_info"][0][0]["simulator"] == "True"
    ((labels, seconds),) = found["bwc_measured_connect_time_seconds"]
    assert (labels["test"], seconds) == ("test_measures", 0.5), "of two in one test the last"
    assert found["bwc_measured_rate_of_an_offload_mebibytes_per_second"][0][1] == 12.5
    (charge,) = found["bwc_measured_battery_charge_percent"]
    assert charge[0]["test"] == 'test_is_beyond_its_limit[a "quoted"\\\\path]' and charge[1] == 5
    within = {labels["measurement"]: value for labels, value in found["bwc_within_limits"]}
    assert within == {"connect time": 1, "rate, of an offload": 1, "battery charge": 0}
    tests = {labels["outcome"]: value for labels, value in found["bwc_tests"]}
    assert tests == {"passed": 1, "FAIL": 1, "not tested": 1}
    rules = {labels["verdict"]: value for labels, value in found["bwc_rules"]}
    assert rules["PASS"] == 1 and rules["FAIL"] == 0
    assert found["bwc_device_dead"][0][1] == 0


def test_units_are_metadata_that_the_parser_holds_to_the_name(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(text([Family("a_seconds", 'It\nhas \\ and ".', unit="seconds", samples=(({}, 1.0),))]))
    (family,) = text_string_to_metric_families(path.read_text())
    assert (family.unit, family.documentation) == ("seconds", 'It\nhas \\ and ".')
    path.write_text(text([Family("empty", "none")]))
    assert not samples(path)


@pytest.mark.ci
def test_a_file_that_cannot_be_written_at_the_end_makes_the_run_an_error_and_its_reason_is_told(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("import os\ndef test_passes(camera): os.mkdir('night.prom')")
    result = pytester.runpytest_inprocess("--bwc-device", DEVICE, "--bwc-metrics", "night.prom")
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["*night.prom could not be written*"])


@pytest.mark.parametrize(
    ("option", "where", "says"),
    [
        (
            "--bwc-metrics",
            "nowhere/night.prom",
            "*--bwc-metrics: *night.prom cannot be written: No such file*",
        ),
        ("--bwc-metrics", "pipe", "*--bwc-metrics: pipe is no file; try: name a file*"),
        ("--bwc-metrics", ".", "*--bwc-metrics: . is no file; try: name a file*"),
        (
            "--bwc-capture",
            "file/captures",
            "*--bwc-capture: nothing can be written into file/captures: Not a dir*",
        ),
        (
            "--bwc-logs",
            "file/logs",
            "*--bwc-logs: nothing can be written into file/logs: Not a directory; try: *",
        ),
    ],
)
def test_what_cannot_be_written_is_told_before_the_first_test_and_a_pipe_stays_one(
    pytester: pytest.Pytester, option: str, where: str, says: str
) -> None:
    os.mkfifo("pipe")
    Path("file").touch()
    pytester.makepyfile("def test_passes(): open('ran', 'w')")
    result = pytester.runpytest_inprocess("--bwc-device", DEVICE, option, where)
    assert result.ret == pytest.ExitCode.USAGE_ERROR and not Path("ran").exists()
    result.stderr.fnmatch_lines([says])
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_link_stays_one_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "last").symlink_to("disk/night.prom")
    _write(tmp_path / "last", "said")
    assert (tmp_path / "last").is_symlink() and (tmp_path / "disk" / "night.prom").read_text() == "said"
