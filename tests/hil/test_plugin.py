"""What the pytest plugin promises a bench: inert, careful with hardware, and never a silent change."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]

DEVICE = "sim:?seed=77&recordings=1&mib=1"

HARDWARE = DEVICE + "&personality=no-simulator"

DEVELOPMENT = DEVICE + "&insecure=1"

THE_DEVICE = f"""
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import open_sim

def the_device():
    return open_sim(DeviceUri.parse("{DEVICE}")).camera
"""

TWO_TESTS = """
import pytest

@pytest.mark.bwc_read_only
def test_reads(camera):
    camera.device.status()

def test_changes(camera):
    camera.config.apply({"alarm.battery_low_pct": 33})
"""


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    """Each test has a device of its own, as it comes from the factory."""
    yield
    forget_sims()


def run(pytester: pytest.Pytester, *options: str, device: str = DEVICE) -> pytest.RunResult:
    return pytester.runpytest_inprocess("--bwc-device", device, "-v", *options)


def test_the_plugin_imports_nothing_of_the_sdk_unless_a_fixture_is_asked_for(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert not loaded & {"bwc_sdk", "bwc_protocol", "firmware_sim", "construct", "serial"}
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*device under test*")


def test_on_hardware_only_read_only_tests_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    result = run(pytester, "-rs", device=HARDWARE)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["*hardware, LAB session*read-only tests", "*SIM-0000004D is no simulator*--bwc-expendable*"]
    )


def test_hardware_that_is_named_as_expendable_is_changed_and_restored(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TWO_TESTS
        + """
def test_was_restored(camera):
    assert camera.config.values()["alarm.battery_low_pct"] == 15
"""
    )
    result = run(pytester, "--bwc-expendable", "SIM-0000004D", device=HARDWARE)
    result.assert_outcomes(passed=3)


def test_another_identity_makes_nothing_expendable(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    run(pytester, "--bwc-expendable", "SIM-0000004E", device=HARDWARE).assert_outcomes(passed=1, skipped=1)


def test_what_takes_all_footage_runs_last_and_only_on_the_device_that_is_named_also_on_a_simulator(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest

        ran = []

        @pytest.mark.bwc_destroys
        def test_takes_everything(camera):
            assert ran == ["the other one"]

        def test_wants_footage(camera):
            assert camera.recordings.list()
            ran.append("the other one")
        """
    )
    unnamed = run(pytester, "-rs")
    unnamed.assert_outcomes(passed=1, skipped=1)
    unnamed.stdout.fnmatch_lines(["*--bwc-expendable does not name SIM-0000004D*"])
    run(pytester, "--bwc-expendable", "SIM-0000004E").assert_outcomes(passed=1, skipped=1)
    run(pytester, "--bwc-expendable", "SIM-0000004D").assert_outcomes(passed=2)
    run(pytester, "--bwc-expendable", "SIM-0000004D", device=HARDWARE).assert_outcomes(passed=2)


SIMULATOR_AND_HARDWARE = pytest.mark.parametrize(
    ("device", "options"),
    [
        (DEVICE, ()),
        (HARDWARE, ()),
        (HARDWARE, ("--bwc-expendable", "SIM-0000004D")),
    ],
    ids=["simulator", "hardware", "expendable"],
)


@SIMULATOR_AND_HARDWARE
def test_a_test_that_is_wrongly_marked_read_only_is_stopped_by_the_firmware(
    pytester: pytest.Pytester, device: str, options: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.bwc_read_only
        def test_lies(camera):
            camera.config.apply({"alarm.battery_low_pct": 33})
        """
    )
    result = run(pytester, *options, device=device)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*config.stage was refused: not-permitted*"])


@SIMULATOR_AND_HARDWARE
def test_a_test_marked_read_only_connects_as_nobody_but_an_auditor(
    pytester: pytest.Pytester, device: str, options: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from bwc_protocol.declare import Role

        pytestmark = pytest.mark.bwc_read_only

        def test_looks(connect_as):
            with connect_as(Role.AUDITOR) as camera:
                camera.device.status()

        @pytest.mark.parametrize("role", [Role.BENCH, Role.TECHNICIAN | Role.AUDITOR])
        def test_takes_another_role(connect_as, role):
            connect_as(role)
        """
    )
    result = run(pytester, *options, device=device)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*a test marked bwc_read_only connects as auditor, and not as *"])


def test_what_a_test_marked_read_only_changes_on_its_own_connection_is_an_error_and_put_back(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import bwc_sdk.sync
        import pytest
        from bwc_sdk import Role

        @pytest.mark.bwc_read_only
        @pytest.mark.parametrize("what", ["configuration", "assignment"])
        def test_lies(bwc_device, what):
            with bwc_sdk.sync.connect(bwc_device, role=Role.BENCH) as camera:
                if what == "configuration":
                    camera.config.apply({"alarm.battery_low_pct": 33})
                else:
                    camera.assignment.assign(officer="x", revision=camera.assignment.read().revision)

        def test_was_put_back(camera):
            assert camera.config.values()["alarm.battery_low_pct"] == 15
            assert not camera.assignment.read().assigned
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*a test marked bwc_read_only changed the configuration; it was put back*",
            "*a test marked bwc_read_only changed the assignment; it was put back*",
        ]
    )


def test_an_insecure_session_has_to_be_asked_for_and_hardware_has_none(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TWO_TESTS)
    unasked = run(pytester, device=DEVELOPMENT)
    unasked.assert_outcomes(errors=1)
    unasked.stdout.fnmatch_lines(["*does not protect its sessions*; try: *--bwc-insecure*"])
    hardware = run(pytester, "--bwc-insecure", device=f"{HARDWARE}&insecure=1")
    hardware.assert_outcomes(errors=1)
    hardware.stdout.fnmatch_lines(["*insecure session is for simulators and development firmware*"])
    asked = run(pytester, "--bwc-insecure", device=DEVELOPMENT)
    asked.assert_outcomes(passed=2)
    asked.stdout.fnmatch_lines(["*INSECURE session*"])


def test_configuration_assignment_and_clock_are_restored_even_when_the_test_fails(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        from bwc_protocol.messages.clock import ClockReason, TimeSource
        from bwc_protocol.messages.config import Setting, SettingType

        found = {}

        def test_looks(camera):
            found.update(config=camera.config.values(), offset=camera.clock.measure().offset_ns)

        def test_changes_and_fails(camera):
            camera.config.apply({"alarm.battery_low_pct": 33, "indicator.tones": False})
            state = camera.config.state()
            camera.config.stage(
                revision=state.revision,
                settings=(Setting(key="alarm.battery_low_pct", type=SettingType.INT, number=44),),
            )
            now = camera.assignment.read()
            camera.assignment.assign(officer="somebody", revision=now.revision)
            camera.clock.set(
                offset_ns=3_600_000_000_000, uncertainty_ns=1, reason=ClockReason.BENCH,
                source=TimeSource.UNSYNCHRONISED, revision=camera.clock.read().revision,
            )
            assert False, "as tests do"

        def test_is_as_before(camera):
            assert camera.config.values() == found["config"]
            assert camera.config.state().staged == 0
            assert not camera.assignment.read().assigned
            assert abs(camera.clock.measure().offset_ns - found["offset"]) < 100_000_000
        """
    )
    run(pytester).assert_outcomes(passed=2, failed=1)


def test_a_device_out_of_reach_ends_the_session_at_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("\n".join(f"def test_{n}(camera): ..." for n in range(20)))
    result = run(pytester, device="tcp:127.0.0.1:1")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the device under test is out of reach*"])


@pytest.mark.parametrize("device", ["nonsense", "/dev/ttyACM0", "gopher:1", "tcp:nowhere"])
def test_a_uri_that_names_nothing_ends_the_session_at_once_and_says_how_to_write_it(
    pytester: pytest.Pytester, device: str
) -> None:
    pytester.makepyfile("\n".join(f"def test_{n}(camera): ..." for n in range(20)))
    result = run(pytester, device=device)
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*the device under test cannot be used: uri: *; try: *"])


def test_who_asks_for_the_plugin_by_name_as_well_gets_the_same_one(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["hil_tests.plugin"]')
    pytester.makepyfile("def test_it(request): assert request.config.getoption('--bwc-device')")
    pytester.runpytest_subprocess("-p", "hil_tests.plugin").assert_outcomes(passed=1)


def test_a_project_that_loads_no_plugin_by_itself_and_makes_errors_of_warnings_can_name_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile("def test_it(request): assert request.config.getoption('--bwc-device')")
    ran = pytester.runpytest_subprocess("-W", "error", "-p", "pytest_timeout", "-p", "hil_tests.plugin")
    ran.assert_outcomes(passed=1)


def test_the_pages_own_tests_pass_where_the_package_is_installed(pytester: pytest.Pytester) -> None:
    page = Path(__file__).parents[2].joinpath("docs", "benches.md").read_text(encoding="utf-8")
    (example,) = (text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "(camera)" in text)
    pytester.makepyfile(example)
    run(pytester).assert_outcomes(passed=3)


def test_a_test_that_connects_twice_at_once_fails_alone_and_without_a_wait(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
from bwc_sdk import Role

def test_connects_twice(connect_as, monkeypatch):
    monkeypatch.setattr("hil_tests.device.bench.time.sleep", lambda seconds: 1 / 0)  # it would wait for itself
    with connect_as(Role.AUDITOR), connect_as(Role.AUDITOR):
        pass

def test_connects_one_after_the_other(connect_as):
    connect_as(Role.AUDITOR).close()
    connect_as(Role.AUDITOR).close()
"""
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*DeviceBusy*this program has it open already*"])
    result.stdout.no_fnmatch_line("*tried again*")
    result.stdout.no_fnmatch_line("*ZeroDivisionError*")


def test_a_device_that_is_lost_in_a_test_ends_the_session_after_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        THE_DEVICE
        + """
def test_loses_it(camera):
    the_device().go_down()

def test_never_runs(camera): ...
"""
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the device under test is out of reach*"])


def test_a_fault_that_a_test_brought_about_fails_that_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        THE_DEVICE
        + """
def test_harms_it(camera):
    the_device().report.storage_error = True
"""
    )
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*not healthy after the test: it reports new faults*STORAGE_ERROR*"])


def test_each_connection_of_each_test_has_its_own_capture(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(TWO_TESTS)
    captures = tmp_path / "captures"
    run(pytester, "--bwc-capture", str(captures)).assert_outcomes(passed=2)
    names = {path.name for path in captures.iterdir()}
    assert {"test_reads-1.jsonl", "test_changes-1.jsonl"} <= names
    for path in captures.iterdir():
        assert path.stat().st_mode & 0o077 == 0, "a capture names people and devices"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert lines


def test_every_result_in_the_report_names_the_device(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makepyfile(TWO_TESTS)
    report = tmp_path / "report.xml"
    result = run(pytester, f"--junitxml={report}", "-o", "junit_family=xunit1")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*SIM-0000004D*simulator, LAB session (lab *)"])
    for case in ElementTree.parse(report).iter("testcase"):
        told = {element.get("name"): element.get("value") for element in case.iter("property")}
        assert told["bwc_identity"] == "SIM-0000004D"
        assert told["bwc_simulator"] == "True"
        assert told["bwc_secure"] == "True"
        assert told["bwc_session"].startswith("LAB session (lab ")
        assert told["bwc_identity_used"].startswith(("auditor: ", "bench: "))
