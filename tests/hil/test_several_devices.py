"""Several devices in one run: each test on each of them, and nothing of one is taken for another's."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims
from hil_tests.run.device_scheduling import group_of, groups_of
from hil_tests.run.under_test import UnderTest

pytest_plugins = ["pytester"]

SERIALS = {"left": "SIM-0000004D", "right": "SIM-0000004E", "third": "SIM-0000004F"}
BENCH = "".join(
    f'[devices.{name}]\nuri = "sim:?seed={77 + n}&recordings=1&mib=1"\nserial_number = "{serial}"\n'
    for n, (name, serial) in enumerate(SERIALS.items())
)

TESTS = """
import pytest

RULE = "SES-001"  # of no rule is this a test

@pytest.mark.bwc_read_only
@pytest.mark.rule(RULE)
def test_reads(camera, record_property):
    print("reads", camera.identity)

@pytest.mark.bwc_read_only
@pytest.mark.parametrize("n", range(2))
def test_asks(wire, n): ...

def test_changes(camera):
    camera.config.apply({"alarm.battery_low_pct": 33})

def test_is_on_no_device(): ...
"""


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has locks and a lab of its own, and devices as they come from the factory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


@pytest.fixture(autouse=True)
def _bench(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("bench.toml").write_text(BENCH)
    pytester.makepyfile(TESTS)


def run(pytester: pytest.Pytester, use: str, *options: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("--bwc-bench", "bench.toml", "--bwc-use", use, "-v", *options)


def test_each_test_runs_on_each_device_one_after_the_other_and_its_id_says_on_which(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, "right, left", "-rP")
    result.assert_outcomes(passed=9)
    ran = [line.split()[0].partition("::")[2] for line in result.outlines if " PASSED " in line]
    devices = [name for one in ran for name in ("left", "right") if f"[{name}" in one]
    assert devices == ["right"] * 4 + ["left"] * 4, "a device has all of its tests before the next"
    assert {"test_reads[left]", "test_asks[left-0]", "test_asks[right-1]", "test_is_on_no_device"} <= set(ran)
    result.stdout.fnmatch_lines_random([f"reads {SERIALS['left']}", f"reads {SERIALS['right']}"])
    result.stdout.fnmatch_lines(["*devices under test*", f"*{SERIALS['right']}*", f"*{SERIALS['left']}*"])
    result.stdout.no_fnmatch_line("*SIM-0000004F*")


@pytest.mark.ci
def test_all_means_each_device_of_the_file(pytester: pytest.Pytester) -> None:
    run(pytester, "all").assert_outcomes(passed=13)


@pytest.mark.ci
def test_one_of_several_keeps_the_ids_of_its_tests(pytester: pytest.Pytester) -> None:
    result = run(pytester, "left")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines_random(["*::test_reads PASSED*", "*::test_asks[[]0[]] PASSED*"])


@pytest.mark.parametrize(
    ("use", "options", "said"),
    [
        ("left,nobody", (), "*has no device 'nobody': left, right, third; try: *--bwc-use *"),
        ("left,", (), "*has no device '': left*"),
        ("left,right", ("--bwc-device", "tcp:127.0.0.1:1"), "*--bwc-device says something of one device*"),
        ("all", ("--bwc-control", "x"), "*--bwc-control says something of one device*names 3*"),
        ("left", ("-n", "2"), "*tested by one process*--dist load*: add --dist loadgroup*"),
        ("all", ("-n", "2", "--dist", "worksteal"), "*: add --dist loadgroup*"),
    ],
)
def test_what_cannot_be_meant_ends_the_session_before_it_collects(
    pytester: pytest.Pytester, use: str, options: tuple[str, ...], said: str
) -> None:
    result = run(pytester, use, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_each_device_has_a_report_of_its_own_with_its_own_wire_logs(pytester: pytest.Pytester) -> None:
    run(pytester, "left,right", "--bwc-report", "report").assert_outcomes(passed=9)
    assert not (pytester.path / "report" / "conformance.json").exists()
    for name in ("left", "right"):
        folder = pytester.path / "report" / name
        report = json.loads((folder / "conformance.json").read_text())
        assert report["device"]["identity"] == SERIALS[name]
        tests = [*report["others"], *report["requirements"]["SES-001"]["tests"]]
        assert len(tests) == 4 and all(f"[{name}" in one["name"] for one in tests), "of none, of no device"
        captures = [log["file"] for one in tests for log in one["captures"]]
        assert captures and all((folder / one).is_file() for one in captures)


@pytest.mark.ci
def test_workers_share_the_devices_and_not_the_tests_of_one(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import os
        import pytest

        @pytest.fixture(autouse=True)
        def _note(request, record_property, bwc_under_test):
            name = bwc_under_test.name
            with open(f"{request.config.rootpath}/{name}.by", "a") as file:
                file.write(f"{os.getpid()}\\n")
        """
    )
    pytester.makepyfile(TESTS.rpartition("def test_is")[0])
    options = ("-n", "2", "--dist", "loadgroup", "--bwc-report", "report")
    result = run(pytester, "left,right", *options)
    result.assert_outcomes(passed=8)
    by = {name: (pytester.path / f"{name}.by").read_text().split() for name in ("left", "right")}
    assert all(len(pids) == 4 and len(set(pids)) == 1 for pids in by.values()), by
    assert by["left"][0] != by["right"][0]
    for name in by:
        report = json.loads((pytester.path / "report" / name / "conformance.json").read_text())
        assert report["device"]["identity"] == SERIALS[name]
        names = {one["name"].partition("::")[2] for one in report["others"]}
        assert names == {f"test_asks[{name}-0]", f"test_asks[{name}-1]", f"test_changes[{name}]"}


def test_a_test_that_names_no_fixture_is_told_that_it_cannot_be_run_on_each(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("def test_it(request): request.getfixturevalue('camera')")
    result = run(pytester, "left,right")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*which device? Several are under test*"])
    run(pytester, "left").assert_outcomes(passed=1)


def test_devices_whose_tests_cannot_be_told_apart_by_their_ids_share_a_worker_and_so_do_two_ways_to_one() -> (
    None
):
    def of(**serials: str) -> dict[str, UnderTest]:
        plain = UnderTest(uri="sim:", expendable=None, identity=None, insecure=False, control=None)
        return {
            name.replace("_", "-"): replace(plain, name=name, expected=serial)
            for name, serial in serials.items()
        }

    groups = groups_of(of(x60_2="A", x60="B", y="C", z="D", z_ble="D", w="C"))
    assert groups["x60"] == groups["x60-2"] and groups["y"] == groups["w"] and groups["z"] == groups["z-ble"]
    assert len(set(groups.values())) == 3
    assert group_of("a[y-].py::C::test_it[x60-2-n[y]]", groups) == groups["x60"]
    assert group_of("a.py::test_it[y]", groups) == group_of("a.py::test_it[w-0]", groups) == groups["y"]
    assert group_of("a.py::test_it[yes]", groups) == group_of("a.py::test_it", groups) == ""
    assert group_of("a.py::test_it", groups_of(of(x="A"))) == "x", "one device has all tests"


def test_a_docking_station_and_the_cameras_in_its_bays_share_a_worker_since_it_has_one_host_at_a_time() -> (
    None
):
    def at(**uris: str) -> dict[str, UnderTest]:
        return {
            name: UnderTest(
                name=name,
                uri=uri,
                expected=name,
                expendable=None,
                identity=None,
                insecure=False,
                control=None,
            )
            for name, uri in uris.items()
        }

    groups = groups_of(
        at(
            left="tcp:h:1?bay=1",
            dock="tcp:h:1",
            right="tcp:h:1?bay=2",
            other="tcp:h:2?bay=1",
            another="tcp:h:2?bay=2&x=y",
            odd="nothing",
        )
    )
    assert groups["left"] == groups["dock"] == groups["right"]
    assert len(set(groups.values())) == 4, "nobody else"
    bays = groups_of(at(left="usb:1-4?bay=1", right="usb:1-4?bay=2"))
    assert bays["left"] == bays["right"], "where the station itself is not under test, too"
