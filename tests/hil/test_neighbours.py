"""A bench with more than one device: a second camera, a docking station with bays, budgets and limits of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_sdk.errors import DocumentError, HostFileError
from firmware_sim.ports.memory import forget_sims
from hil_tests.benches.bench_file import parse_bench
from hil_tests.benches.device_lock import DeviceLock
from hil_tests.device.flash_wear import GIB, WearBudget

pytest_plugins = ["pytester"]

A = "sim:?seed=77&recordings=1&mib=1"
B = "sim:?seed=78&recordings=1&mib=1"
RACK = "sim:?seed=7&station=2&recordings=1&mib=1"
SERIAL_A, SERIAL_B = "SIM-0000004D", "SIM-0000004E"
ONE = f'[devices.one]\nuri = "{A}"\nserial_number = "{SERIAL_A}"\n'
TWO = f'[devices.two]\nuri = "{B}"\nserial_number = "{SERIAL_B}"\n'
IN_BAYS = f"""
[devices.rack]
uri = "{RACK}"
serial_number = "DOCK-00000007"
bays = {{ 1 = "left", 2 = "right" }}
[devices.left]
serial_number = "SIM-00000008"
[devices.right]
serial_number = "SIM-00000009"
"""


@pytest.fixture(autouse=True)
def _new_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    forget_sims()


def run(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    pytester.path.joinpath("bench.toml").write_text(text)
    return pytester.runpytest_inprocess("--bwc-bench", "bench.toml", "-v", "-rs", *options)


BOTH = """
import pytest

@pytest.mark.bwc_read_only
def test_reads(two_cameras):
    assert [one.identity for one in two_cameras] == ["SIM-0000004D", "SIM-0000004E"]

def test_changes(two_cameras):
    for one in two_cameras:
        one.config.apply({"alarm.battery_low_pct": 33})

def test_both_were_put_back(two_cameras):
    for one in two_cameras:
        assert one.config.values()["alarm.battery_low_pct"] == 15
"""


def test_the_next_camera_of_the_file_is_the_other_and_both_are_left_as_they_were(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(BOTH)
    run(pytester, ONE + TWO, "--bwc-use", "one").assert_outcomes(passed=3)
    alone = pytester.runpytest_inprocess("--bwc-device", A, "-v")
    alone.assert_outcomes(passed=3)


def test_another_camera_that_is_not_there_is_taken_or_is_not_expendable_is_not_used(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(BOTH)
    nobody = run(pytester, ONE)
    nobody.assert_outcomes(skipped=3)
    nobody.stdout.fnmatch_lines(["*not tested: it takes two cameras, and there is no other*"])
    wrong = run(pytester, ONE + TWO.replace(SERIAL_B, "SIM-00000050"), "--bwc-use", "one")
    wrong.assert_outcomes(skipped=3)
    wrong.stdout.fnmatch_lines([f"*two: *it is '{SERIAL_B}', not 'SIM-00000050'*"])
    lock = DeviceLock.take(SERIAL_B)
    taken = run(pytester, ONE + TWO, "--bwc-use", "one")
    taken.assert_outcomes(skipped=3)
    taken.stdout.fnmatch_lines(["*two: *is taken by process*"])
    lock.release()
    hardware = run(pytester, ONE + TWO.replace(B, f"{B}&personality=no-simulator"), "--bwc-use", "one")
    hardware.assert_outcomes(passed=1, skipped=2)


def test_a_station_names_who_stands_in_its_bays_and_that_is_the_way_to_them(
    pytester: pytest.Pytester,
) -> None:
    bench = parse_bench(IN_BAYS, Path("bench.toml"))
    assert bench.devices["right"].uri == f"{RACK}&bay=2"
    assert bench.devices["rack"].bays == {1: "left", 2: "right"}
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bwc_read_only
        def test_its_station(station, bwc_bench):
            (bay,) = [bay for bay in station.bays.list() if bay.bay == 2]
            assert bay.present and bwc_bench.identity == "SIM-00000009"

        @pytest.mark.bwc_read_only
        def test_the_camera(camera):
            assert camera.identity == "SIM-00000009"
        """
    )
    run(pytester, IN_BAYS, "--bwc-use", "right").assert_outcomes(passed=2)
    none = pytester.runpytest_inprocess("--bwc-device", A, "-v", "-rs")
    none.assert_outcomes(passed=0, skipped=1, failed=1)
    none.stdout.fnmatch_lines(["*not tested: it takes a docking station, and * stands in no bay of one*"])


# A budget


def test_what_is_written_is_counted_over_runs_and_over_those_that_did_not_end(tmp_path: Path) -> None:
    first = WearBudget(2.0, tmp_path / "wear")
    first.begin("X", 10 * GIB)
    first.end(11 * GIB)
    assert not first.spent and str(first) == "0.0 of 2 GiB written before this run, in 0"
    killed = WearBudget(2.0, tmp_path / "wear")
    killed.begin("X", 20 * GIB)  # what others wrote meanwhile is theirs
    assert not killed.spent
    last = WearBudget(2.0, tmp_path / "wear")
    last.begin("X", 21 * GIB)
    assert last.spent and str(last) == "2.0 of 2 GiB written before this run, in 2"
    another_chip = WearBudget(3.0, tmp_path / "wear")
    another_chip.begin("X", 1)
    assert not another_chip.spent
    other = WearBudget(1.0, tmp_path / "wear")
    other.begin("Y", 50 * GIB)
    assert not other.spent


def test_a_count_that_cannot_be_read_or_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "X.json").write_text('{"spent_bytes": -1}')
    with pytest.raises(DocumentError, match="does not say what was written"):
        WearBudget(1.0, tmp_path).begin("X", 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(HostFileError):
        WearBudget(1.0, tmp_path / "file").begin("Y", 1)


def test_a_device_whose_budget_is_spent_is_only_read(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bwc_read_only
        def test_reads(camera):
            camera.device.status()

        def test_changes(camera):
            camera.config.apply({"alarm.battery_low_pct": 33})
        """
    )
    within = run(pytester, ONE + "flash_wear_budget_gib = 1\n")
    within.assert_outcomes(passed=2)
    within.stdout.fnmatch_lines([f"*flash wear of {SERIAL_A}: 0.0 of 1 GiB written before this run, in 0"])
    kept = tmp_path / "state" / "bwc" / "flash_wear" / f"{SERIAL_A}.json"
    said = json.loads(kept.read_text())
    assert said["began_at_bytes"] is None and said["runs"] == 1
    kept.write_text(json.dumps(said | {"spent_bytes": GIB}))
    spent = run(pytester, ONE + "flash_wear_budget_gib = 1\n")
    spent.assert_outcomes(passed=1, skipped=1)
    spent.stdout.fnmatch_lines(
        [f"*the flash-wear budget of {SERIAL_A} is spent: 1.0 of 1 GiB written before this run, in 1; try: *"]
    )


# Limits


def test_a_limit_of_the_file_goes_before_that_of_the_suite_and_the_report_says_whose_it_is(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bwc_read_only
        def test_slow(measure, camera):
            measure("reboot time", 30, "s", at_most=20, note="by hand")

        @pytest.mark.bwc_read_only
        def test_quick(measure, camera):
            measure("rate", 30, "MB/s")
        """
    )
    limits = (
        '[devices.one.limits]\n"reboot time" = { at_most = 60 }\nrate = { own = true, at_least = 40.5 }\n'
    )
    result = run(pytester, ONE + limits.replace("\\\n", "\n"), "--bwc-report", "report")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*expected: rate of at least 40.5 MB/s*"])
    report = json.loads(pytester.path.joinpath("report", "conformance.json").read_text())
    (slow,) = [one for one in report["measurements"] if one["name"] == "reboot time"]
    assert (slow["at_most"], slow["within"], slow["note"]) == (
        60,
        True,
        "by hand; by a limit of the bench file",
    )


def test_a_device_that_does_not_restart_in_its_time_fails_and_keeps_nobody_waiting(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from bwc_sdk import Role
        from hil_tests.device.restarting import when_back

        @pytest.mark.bwc_read_only
        def test_waits(bwc_guarded):
            when_back(bwc_guarded, Role.AUDITOR, bwc_guarded.peer.boot_counter)
        """
    )
    result = run(pytester, ONE + "restart_s = 1\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected: another boot than * within 1 s*"])
