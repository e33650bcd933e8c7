"""A device that is not healthy after a test fails that test, by its own name, and no other."""

from collections.abc import Iterator
from xml.etree import ElementTree

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from firmware_sim.ports.memory import forget_sims

pytest_plugins = ["pytester"]

DEVICE = "sim:?seed=77&recordings=1&mib=1"

TESTS = """
import dataclasses
import pytest
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import open_sim
from hil_tests.device.health import Health

def the_device():
    return open_sim(DeviceUri.parse("DEVICE")).camera

@MARK
def test_harms_it(bwc_guarded, monkeypatch):
    HARM

def test_next(camera): ...
""".replace("DEVICE", DEVICE)

REWRITTEN = """log = the_device().audit
    log._entries[:] = [dataclasses.replace(one, sha256=bytes(32)) for one in log._entries]"""


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    forget_sims()


def run(pytester: pytest.Pytester, harm: str, mark: str = "pytest.mark.bwc_stack") -> pytest.RunResult:
    pytester.makepyfile(TESTS.replace("HARM", harm).replace("MARK", mark))
    return pytester.runpytest_inprocess("--bwc-device", DEVICE, "-v", "--junitxml=report.xml")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(
            "the_device().report.storage_error = True",
            "it reports new faults: *STORAGE_ERROR*",
            marks=pytest.mark.ci,
            id="fault",
        ),
        pytest.param(
            "the_device().crash()",
            "it restarted by itself: boot 1 was before, and this is boot 2",
            id="crash",
        ),
        pytest.param(
            "the_device().audit._entries.clear()",
            "its log does not go on where it was: *",
            marks=pytest.mark.ci,
            id="log lost",
        ),
        pytest.param(REWRITTEN, "its log does not go on where it was: *", id="log rewritten"),
    ],
)
def test_what_is_wrong_after_a_test_fails_that_test_and_no_other(
    pytester: pytest.Pytester, harm: str, said: str
) -> None:
    result = run(pytester, harm)
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*::test_harms_it FAILED*", f"*not healthy after the test: {said}*"])
    result.stdout.no_fnmatch_line("*::test_harms_it ERROR*")
    cases = {one.get("name"): one for one in ElementTree.parse(pytester.path / "report.xml").iter("testcase")}
    harmed = cases["test_harms_it"]
    assert harmed.find("failure") is not None and harmed.find("error") is None
    told = {one.get("name"): one.get("value") for one in harmed.iter("property")}
    assert told["bwc_outcome"] == "FAIL"


@pytest.mark.ci
def test_a_stream_that_outlives_its_session_fails_the_test(pytester: pytest.Pytester) -> None:
    harm = """of, once = Health.of, []

    def with_a_stream(device):
        health = of(device)
        once.append(health)
        return dataclasses.replace(health, streams=int(len(once) == 1))

    Health.of = staticmethod(with_a_stream)"""
    result = run(pytester, harm)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*not healthy after the test: 1 streams are open, of a session that is over*"]
    )


@pytest.mark.ci
def test_what_a_test_asserts_stands_beside_what_it_left_behind(pytester: pytest.Pytester) -> None:
    result = run(pytester, "the_device().report.storage_error = True; assert False, 'as tests do'")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*as tests do*", "*after the test*", "*new faults*"])


@pytest.mark.ci
def test_a_test_that_says_so_may_make_the_device_restart(pytester: pytest.Pytester) -> None:
    run(pytester, "the_device().crash()", "pytest.mark.bwc_restarts").assert_outcomes(passed=2)


@pytest.mark.ci
def test_a_restart_on_command_is_no_crash(pytester: pytest.Pytester) -> None:
    harm = """from bwc_protocol.declare import Role
    from hil_tests.device.restarting import when_back
    with bwc_guarded.connect(Role.BENCH) as camera:
        boot = camera.device.status().boot_counter
        camera.device.reboot(boot_counter=boot)
    when_back(bwc_guarded, Role.BENCH, boot).close()"""
    run(pytester, harm).assert_outcomes(passed=2)
