"""FAIL is the device's, INFRA is the bench's: apart in the summary, in JUnit and in how a run ends; no assertion is
tried again, and what passes at its second attempt is never said to have passed."""

from collections.abc import Iterator
from xml.etree import ElementTree

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]

DEVICE = "sim:?seed=77&recordings=1&mib=1"

FAILS = "def test_fails(camera): assert camera.device.status().docked == 3\n"
BUSY = """
from bwc_sdk.errors import DeviceBusy

tries = []

def test_is_kept_from_the_device(camera):
    tries.append(1)
    if len(tries) == 1:
        raise DeviceBusy("another host has the device", retry_after_s=0.0)
"""
BENCH_FAILS = """
from bwc_sdk.errors import HostExhausted, HostFileError

def test_the_host_is_full(camera):
    raise HostFileError("no room")

runs = []

def test_there_is_nothing_left(camera):
    runs.append(1)
    raise HostExhausted(f"no descriptors, {len(runs)}")
"""
PASSES = "def test_passes(camera): ...\n"
ELSEWHERE = "def test_fails_on_no_device(): assert False\n"


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    forget_sims()


def run(pytester: pytest.Pytester, tests: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(tests)
    return pytester.runpytest_inprocess("--bwc-device", DEVICE, "-v", "--junitxml=report.xml", *options)


def cases(pytester: pytest.Pytester) -> dict[str, ElementTree.Element]:
    """The test cases of the JUnit report by name."""
    tree = ElementTree.parse(pytester.path / "report.xml")
    return {case.get("name", ""): case for case in tree.iter("testcase")}


def told(case: ElementTree.Element) -> dict[str, str]:
    return {one.get("name", ""): one.get("value", "") for one in case.iter("property")}


@pytest.mark.parametrize(
    ("tests", "status"),
    [
        pytest.param(PASSES, 0, marks=pytest.mark.ci, id="passes"),
        pytest.param(FAILS, 1, marks=pytest.mark.ci, id="fails"),
        pytest.param(BENCH_FAILS + PASSES, 21, id="bench or passes"),
        pytest.param(BENCH_FAILS + FAILS, 1, marks=pytest.mark.ci, id="bench or fails"),
        pytest.param(BENCH_FAILS + ELSEWHERE, 1, id="bench or another"),
    ],
)
def test_how_a_run_ends(pytester: pytest.Pytester, tests: str, status: int) -> None:
    assert run(pytester, tests).ret == status


def test_fail_and_infra_are_apart_in_the_summary_and_in_junit(pytester: pytest.Pytester) -> None:
    result = run(pytester, FAILS + BENCH_FAILS + PASSES)
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*::test_fails FAILED*",
            "*::test_the_host_is_full INFRA*",
            "*1 FAIL, 2 INFRA, 1 passed*",
            "*FAIL *::test_fails: AssertionError: assert True == 3",
            "*INFRA *::test_the_host_is_full: this host: *no room*",
        ]
    )
    suite = next(ElementTree.parse(pytester.path / "report.xml").iter("testsuite"))
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("1", "2", "4")
    found = cases(pytester)
    assert found["test_fails"].find("failure") is not None and found["test_fails"].find("error") is None
    assert found["test_the_host_is_full"].find("failure") is None
    error = found["test_the_host_is_full"].find("error")
    assert error is not None and "no room" in error.get("message", "")
    assert [told(found[name])["bwc_outcome"] for name in ("test_fails", "test_passes")] == ["FAIL", "passed"]
    assert told(found["test_the_host_is_full"])["bwc_outcome"] == "INFRA"


def test_what_the_bench_kept_from_the_device_is_tried_once_more_and_told_so(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, BUSY)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*::test_is_kept_from_the_device INFRA, tried again*",
            "*::test_is_kept_from_the_device PASSED AT ATTEMPT 2*",
            "*1 passed at attempt 2*",
            "*1 tried again, 1 passed at attempt 2*",
        ]
    )
    (case,) = cases(pytester).values()
    assert told(case)["bwc_attempts"] == "2" and told(case)["bwc_outcome"] == "passed at attempt 2"
    assert case.find("failure") is None and case.find("error") is None


def test_there_are_two_attempts_and_one_of_an_assertion(pytester: pytest.Pytester) -> None:
    result = run(pytester, BENCH_FAILS)
    result.stdout.fnmatch_lines(["*no descriptors, 2"])
    result.stdout.no_fnmatch_line("*no descriptors, 3")
    found = cases(pytester)
    attempts = {name: told(case)["bwc_attempts"] for name, case in found.items()}
    assert attempts == {"test_the_host_is_full": "1", "test_there_is_nothing_left": "2"}
    fails = run(pytester, FAILS)
    fails.stdout.no_fnmatch_line("*tried again*")
    assert told(cases(pytester)["test_fails"])["bwc_attempts"] == "1"


@pytest.mark.parametrize("family", [pytest.param("xunit1", marks=pytest.mark.ci), "xunit2"])
def test_a_case_has_rules_device_seed_and_outcome_in_both_families_without_a_warning(
    pytester: pytest.Pytester, family: str
) -> None:
    tests = """
import pytest

FIRST, SECOND = "LNK-003", "LNK-004"  # of no rule is this a test

@pytest.mark.rule(FIRST, SECOND)
def test_passes(camera): ...
"""
    run(pytester, tests, "-o", f"junit_family={family}", "-W", "error", "--bwc-seed", "9").assert_outcomes(
        passed=1
    )
    (case,) = cases(pytester).values()
    facts = told(case)
    assert facts["bwc_rules"] == "LNK-003,LNK-004"
    assert (facts["bwc_seed"], facts["bwc_outcome"], facts["bwc_identity"]) == ("9", "passed", "SIM-0000004D")


def test_another_plugin_s_attempts_are_not_for_a_test_on_a_device(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl
        def pytest_runtest_protocol(item, nextitem):
            for _ in range(5):  # as plugins do that try again
                reports = runtestprotocol(item, log=False, nextitem=nextitem)
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    tests = "runs = []\ndef test_fails(camera):\n    runs.append(1)\n    assert not runs, len(runs)\n"
    run(pytester, tests).stdout.fnmatch_lines(["*AssertionError: 1"])
