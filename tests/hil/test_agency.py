"""The suite by an agency's key files: against simulators that a real `bwc ca` enrolled, for tests or for service."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import TriggerReason
from bwc_protocol.lab.directory import open_lab
from bwc_sdk.enrolment import ButtonWanted, CaAuthority, Enrolled, Vendor
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.identity import key_file
from bwc_sdk.identity.ca.authority import Ca
from bwc_sdk.identity.ca.founding import found
from bwc_sdk.identity.ca.handing_out import hand_out
from bwc_sdk.sync import enroll
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.defects import DEFECTS
from firmware_sim.device.trust import trust
from firmware_sim.ports.memory import forget_sims, open_sim
from hil_tests.benches.bench_file import BenchDevice, BenchFile
from hil_tests.benches.checking import BenchCheck, Extent
from hil_tests.benches.finding import Finding, Grade

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.timeout(300)  # some run the whole suite, on a machine that does ten other things

DEVICE = "sim:?seed=78&enrolled=0&footage=synthetic"
SERIAL = "SIM-0000004E"
PASSPHRASE = b"correct horse battery"
ALL = (Role.AUDITOR, Role.BENCH, Role.TECHNICIAN, Role.DOCK_OFFLOAD)

READS_AND_CHANGES = """
import pytest

@pytest.mark.bwc_read_only
def test_reads(camera):
    assert camera.host_name == "hil auditor"
    camera.device.status()

def test_changes(camera):
    assert camera.host_name == "hil bench"
    camera.config.apply({"alarm.battery_low_pct": 33})
"""


@pytest.fixture(autouse=True)
def _new_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(key_file, "ROUNDS", 1000)
    monkeypatch.setattr(key_file, "SEAL_ROUNDS", 1000)
    for wait in ("FAILURE_EVERY_S", "LEFT_EVERY_S"):  # else the suite would do little but wait (TRU-009)
        monkeypatch.setattr(trust, wait, 0.01)
    yield
    forget_sims()


@pytest.fixture
def ca(tmp_path: Path, _new_device: None) -> Ca:
    now_s = int(time.time())
    directory = tmp_path / "ca"
    found(
        directory, "Sheriff", passphrase=lambda path: PASSPHRASE, clock=lambda last: now_s, entropy=os.urandom
    )
    return Ca(directory, lambda path: PASSPHRASE, lambda last: now_s, os.urandom)


Bench = Callable[..., Path]


@pytest.fixture
def bench(ca: Ca, tmp_path: Path) -> Bench:
    """Has the camera enrolled, with recordings or none, and gives the bench's identity directory."""

    def make(
        *roles: Role, for_tests: bool = True, recordings: int = 0, days: int = 400, device_days: int = 400
    ) -> Path:
        into = tmp_path / "bench"
        for role in roles or ALL:
            name = f"hil {role!s}"
            hand_out(ca, into, name, role, b"", days=days)
        technician = tmp_path / "technician"
        hand_out(ca, technician, "who enrols", Role.TECHNICIAN, b"", days=400)
        camera = open_sim(DeviceUri.parse(DEVICE)).camera
        for event in enroll(
            DEVICE,
            CaAuthority(ca, days=device_days),
            vendor=Vendor((open_lab().agency.factory_root.certificate,)),
            identity=technician,
            bench=for_tests,
        ):
            if isinstance(event, ButtonWanted):
                assert camera.press_enroll() == ""
            else:
                assert isinstance(event, Enrolled), event
        with camera.storage.hurrying():
            for number in range(recordings):
                began = (time.time_ns() // 10**9 - 3_600 + 100 * number) * 10**9
                assert camera.recorder.backfill(began, 8_000, TriggerReason.OFFICER_BUTTON) is not None
        return into

    return make


WHOLE_SUITE = (
    *("--pyargs", "hil_tests", "-rs"),
    *("-k", "not (ten_seconds or test_frm or test_lnk or test_chn)"),
)
"""But for what waits for timers, to which an agency is nothing."""


def run(pytester: pytest.Pytester, identity: Path, *options: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(
        "--bwc-device", DEVICE, "--bwc-identity", str(identity), "-v", *options
    )


def test_the_suite_passes_on_a_camera_that_its_agency_enrolled_for_tests(
    pytester: pytest.Pytester, bench: Bench
) -> None:
    result = run(pytester, bench(recordings=4), *WHOLE_SUITE)
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] >= 75 and not {"failed", "errors", "warnings"} & set(outcomes), outcomes
    result.stdout.fnmatch_lines([f"*{SERIAL}*simulator, secure session of 'Sheriff'"])


def test_a_camera_in_service_refuses_the_bench_and_the_suite_says_what_to_do(
    pytester: pytest.Pytester, bench: Bench
) -> None:
    pytester.makepyfile(READS_AND_CHANGES)
    result = run(pytester, bench(Role.AUDITOR, for_tests=False), "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    told = f"*{SERIAL} is in service and refuses the role bench; try: 'bwc enroll --bench'*"
    result.stdout.fnmatch_lines([f"SKIPPED{told}"])
    result.stdout.fnmatch_lines(["*read-only tests", told])


def test_the_suite_finds_a_camera_in_service_as_it_should_be(pytester: pytest.Pytester, bench: Bench) -> None:
    """What is read only passes, and the refusal of the bench tells nobody which camera it was."""
    identity = bench(Role.AUDITOR, Role.BENCH, for_tests=False, recordings=2)
    result = run(pytester, identity, *WHOLE_SUITE)
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] >= 25 and not {"failed", "errors", "warnings"} & set(outcomes), outcomes
    result.stdout.fnmatch_lines(["*test_the_bench_gets_in_where_the_device_says_so_and_nowhere_else PASSED*"])


@pytest.mark.night
def test_a_camera_in_service_that_takes_the_bench_is_caught_by_the_rule_s_number(
    pytester: pytest.Pytester, bench: Bench
) -> None:
    identity = bench(Role.AUDITOR, Role.BENCH, for_tests=False)
    rule = ("--pyargs", "hil_tests.rules.test_cer", "-k", "takes_nobody_as_bench")
    run(pytester, identity, *rule).assert_outcomes(passed=1)
    DEFECTS["takes-bench"].put(open_sim(DeviceUri.parse(DEVICE)).camera)
    result = run(pytester, identity, *rule)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RuleBroken: *(ROL-003)"])


def test_roles_that_are_missing_are_told_together_before_the_first_test(
    pytester: pytest.Pytester, bench: Bench
) -> None:
    pytester.makepyfile(READS_AND_CHANGES)
    identity = bench(Role.AUDITOR, Role.BENCH)
    result = run(pytester, identity)
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        [
            f"*the tests cannot connect: *{identity} has no key file for the roles technician, dock-offload, *; "
            f"try: *'bwc ca issue CA technician --name NAME --out {identity}'*"
        ]
    )


def test_without_an_auditor_nothing_begins(pytester: pytest.Pytester, bench: Bench) -> None:
    pytester.makepyfile(READS_AND_CHANGES)
    result = run(pytester, bench(Role.BENCH))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no key file for the role auditor, *try: *"])


def test_a_directory_that_is_not_there_ends_the_session_with_the_next_step(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    pytester.makepyfile(READS_AND_CHANGES)
    result = run(pytester, tmp_path / "nowhere")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [f"*the tests cannot connect: *there is no directory {tmp_path}/nowhere; try: *"]
    )


def test_what_ends_within_two_weeks_is_warned_of_and_stands_in_the_summary(
    pytester: pytest.Pytester, bench: Bench
) -> None:
    pytester.makepyfile(READS_AND_CHANGES)
    result = run(pytester, bench(days=10, device_days=13))
    result.assert_outcomes(passed=2, warnings=5)
    of_device = f"*the certificate of {SERIAL} ends in * days, on 20*; renew it: 'bwc renew'"
    of_bench = "*this bench's identity 'hil bench' (*bench.p12) ends in * days, on 20*; have it renewed: *"
    for told in (of_device, of_bench, "*'hil auditor'*", "*'hil technician'*", "*'hil dock-offload'*"):
        assert len([line for line in result.outlines if _matches(told, line)]) == 2, told


def _matches(pattern: str, line: str) -> bool:
    import fnmatch

    return fnmatch.fnmatchcase(line, pattern) or fnmatch.fnmatchcase(line, f"*EndsSoon: {pattern}")


def test_two_weeks_are_enough_to_say_nothing(pytester: pytest.Pytester, bench: Bench) -> None:
    pytester.makepyfile(READS_AND_CHANGES)
    run(pytester, bench(days=15, device_days=20)).assert_outcomes(passed=2, warnings=0)


def test_each_result_names_by_whom_it_came_about(
    pytester: pytest.Pytester, bench: Bench, tmp_path: Path
) -> None:
    pytester.makepyfile(READS_AND_CHANGES)
    report = tmp_path / "report.xml"
    run(pytester, bench(), f"--junitxml={report}", "-o", "junit_family=xunit1").assert_outcomes(passed=2)
    told = {
        case.get("name"): {one.get("name"): one.get("value") for one in case.iter("property")}
        for case in ElementTree.parse(report).iter("testcase")
    }
    assert told["test_reads"]["bwc_identity_used"] == "auditor: hil auditor"
    assert told["test_changes"]["bwc_identity_used"] == "bench: hil bench"
    assert told["test_reads"]["bwc_session"] == "secure session of 'Sheriff'"


def test_a_check_of_the_bench_warns_of_both_certificates_and_of_one_in_service(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    keys = bench(days=10, device_days=13, for_tests=False)
    entry = BenchDevice(name="one", uri=DEVICE, serial_number=SERIAL, identity=keys, expendable=True)
    found: list[Finding] = []
    right = HostTime(True, 1, "kernel")
    BenchCheck(BenchFile(tmp_path, {"one": entry}), Extent(), found.append, clock=lambda: right).run()
    told = [one.found for one in found if one.grade is Grade.WARNING]
    assert all(one.grade is not Grade.PROBLEM for one in found)
    for said in (
        "'hil bench'",
        "'hil auditor'",
        "its certificate ends in ",  # in how many days is for chance to say: devices' ends are staggered
        "is in service and refuses",
    ):
        assert len([one for one in told if said in one]) == 1, "\n".join((said, *told))
