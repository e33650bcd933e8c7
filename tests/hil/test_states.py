"""Marks of what a test needs: a state of the device, parts of the bench, leave for what cannot be undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cryptography.hazmat.primitives.serialization.pkcs12  # loaded once: runs in this process forget it
import cryptography.x509  # noqa: F401  # likewise, or its classes are there twice
import pytest

from bwc_protocol.messages.identity import Capability
from bwc_sdk.transport.uri import DeviceUri
from firmware_sim.ports.memory import forget_sims, open_sim

pytest_plugins = ["pytester"]

DEVICE = "sim:?seed=78&recordings=1&mib=1&footage=synthetic"
SERIAL = "SIM-0000004E"
HARDWARE = DEVICE + "&personality=no-simulator"


@pytest.fixture(autouse=True)
def _new_device() -> Iterator[None]:
    yield
    forget_sims()


def run(pytester: pytest.Pytester, source: str, *options: str, device: str = DEVICE) -> pytest.RunResult:
    pytester.makepyfile("import pytest\nfrom bwc_sdk import Role\n" + source)
    return pytester.runpytest_inprocess(
        "--bwc-device", device, "-rs", "-v", "--bwc-seed", "0", "-p", "no:cacheprovider", *options
    )


# A state

WHOLE = """
@pytest.mark.bwc_state(battery=15, recordings=3, clock_skew="+3h", storage_full=0.9)
def test_a_begins_so(camera):
    assert camera.battery.status().charge_pct == 15
    assert len(camera.recordings.list()) == 3
    status = camera.storage.status()
    assert status.free_bytes <= status.capacity_bytes // 10
    assert -10_900e9 < camera.clock.measure().offset_ns < -10_700e9

def test_b_finds_it_as_it_was(camera):
    assert camera.battery.status().charge_pct > 15
    status = camera.storage.status()
    assert status.free_bytes > status.capacity_bytes // 2 and not status.full
    assert abs(camera.clock.measure().offset_ns) < 60e9
    state = camera.bench.state()
    assert (state.charge_pct, state.taken_bytes, state.clock_moved_ns) == (None, 0, 0)
    assert len(camera.recordings.list()) == 3, "what was recorded stays"
"""


def test_a_device_is_in_the_state_that_a_test_is_marked_with_and_then_as_it_was(
    pytester: pytest.Pytester,
) -> None:
    run(pytester, WHOLE).assert_outcomes(passed=2)


def test_an_auditor_finds_it_so_and_has_changed_nothing(pytester: pytest.Pytester) -> None:
    source = WHOLE.replace("def test_a", "@pytest.mark.bwc_read_only\ndef test_a")
    run(pytester, source).assert_outcomes(passed=2)


def test_it_is_put_back_whatever_became_of_the_test(pytester: pytest.Pytester) -> None:
    source = WHOLE.replace(
        "def test_b", 'def test_fails(camera):\n    raise AssertionError("it")\n\ndef test_b'
    ).replace("    assert -10_900e9", '    raise AssertionError("it")\n    assert -10_900e9')
    run(pytester, source).assert_outcomes(passed=1, failed=2)


def test_a_test_that_sets_the_clock_or_restarts_the_device_itself_has_it_put_back_all_the_same(
    pytester: pytest.Pytester,
) -> None:
    source = """
from bwc_sdk import ClockReason, TimeAssurance, TimeSource

@pytest.mark.bwc_state(clock_skew="-2d", battery=40)
def test_a_sets(camera):
    now = camera.clock.measure()
    camera.clock.set(
        offset_ns=now.offset_ns, uncertainty_ns=1, reason=ClockReason.BENCH, source=TimeSource.NTP,
        revision=now.revision,
    )

@pytest.mark.bwc_state(clock_skew="-2d", battery=40)
def test_b_restores(camera):
    camera.bench.restore()

def test_c_finds_it_as_it_was(camera):
    assert abs(camera.clock.measure().offset_ns) < 60e9
"""
    run(pytester, source).assert_outcomes(passed=3)


def test_the_nearest_mark_says_each_thing(pytester: pytest.Pytester) -> None:
    source = """
pytestmark = pytest.mark.bwc_state(battery=30, storage_full=0.5)

@pytest.mark.bwc_state(battery=40)
def test_it(camera):
    status = camera.storage.status()
    assert camera.battery.status().charge_pct == 40 and status.free_bytes <= status.capacity_bytes // 2
"""
    run(pytester, source).assert_outcomes(passed=1)


def test_recordings_that_are_there_are_enough_on_any_device(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.bwc_read_only
@pytest.mark.bwc_state(recordings=1)
def test_one(camera):
    assert len(camera.recordings.list()) == 1

@pytest.mark.bwc_read_only
@pytest.mark.bwc_state(recordings=2)
def test_two(camera):
    raise AssertionError("it cannot be")
"""
    result = run(pytester, source, device=HARDWARE)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*not tested: the test begins with recordings=2, and*is no simulator*"])


def test_a_raw_test_begins_so_too(pytester: pytest.Pytester) -> None:
    source = """
from bwc_protocol.messages.battery import ReadBattery

@pytest.mark.bwc_read_only
@pytest.mark.bwc_state(battery=20)
def test_it(wire):
    assert wire.session().ask(ReadBattery()).charge_pct == 20
"""
    run(pytester, source).assert_outcomes(passed=1)


def test_a_device_without_the_capability_is_not_tested_so_and_by_all_others_it_is(
    pytester: pytest.Pytester,
) -> None:
    camera = open_sim(DeviceUri.parse(DEVICE)).camera
    camera.profile.capabilities &= ~Capability.BENCH
    result = run(
        pytester,
        WHOLE.replace("test_b_finds", "test_b_skips").split("def test_b")[0] + "def test_c(camera): ...",
    )
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["*not tested: *battery=15, recordings=3, *the device lets no bench set its state*"]
    )


def test_what_has_no_room_is_not_tested_and_nothing_stays_of_it(pytester: pytest.Pytester) -> None:
    camera = open_sim(DeviceUri.parse(DEVICE)).camera
    camera.storage.capacity_bytes = camera.storage.used_bytes + 1000
    source = """
@pytest.mark.bwc_state(battery=15, recordings=2)
def test_a(camera): ...

def test_b(camera):
    assert camera.bench.state().charge_pct is None
"""
    result = run(pytester, source)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*not tested: *the device cannot have it so*"])


def test_what_is_refused_half_way_leaves_nothing(pytester: pytest.Pytester) -> None:
    camera = open_sim(DeviceUri.parse(DEVICE)).camera
    camera.clock.reset()
    source = """
@pytest.mark.bwc_state(battery=15, clock_skew="+3h")
def test_a(camera): ...

def test_b(camera):
    assert camera.bench.state().charge_pct is None
"""
    result = run(pytester, source)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*not tested: *the device cannot have it so: *the clock is not set*"])


def test_what_a_run_that_was_killed_left_is_over_before_anything_is_kept_as_found(
    pytester: pytest.Pytester,
) -> None:
    camera = open_sim(DeviceUri.parse(DEVICE)).camera
    own = camera.battery.charge_pct
    camera.bench.charge(2)
    camera.bench.fill(0)
    camera.bench.become(camera.clock.moved_by_bench(10**13))
    source = f"""
def test_it(camera):
    assert abs(camera.battery.status().charge_pct - {own}) <= 2
    assert abs(camera.clock.measure().offset_ns) < 60e9 and camera.storage.status().free_bytes
"""
    run(pytester, source).assert_outcomes(passed=1)


def test_a_device_that_keeps_what_a_bench_set_is_an_error_of_that_test(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.bwc_state(storage_full=0.9)
def test_it(camera): ...
"""
    result = run(pytester, source, device=DEVICE + "&defect=bench-stays")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the device keeps what a bench set*"])


WRONG = {
    "parrots=3": "there is no such word; there are battery, recordings, clock_skew, storage_full",
    "battery='150 %'": "a charge in %, a whole number from 1 to 100",
    "battery=150": "a charge in %, a whole number from 1 to 100",
    "battery=0": "a charge in %, a whole number from 1 to 100",
    "battery=True": "a charge in %, a whole number from 1 to 100",
    "recordings='3 parrots'": "how many at least, a whole number from 1 to 256",
    "recordings=0": "how many at least",
    "recordings=257": "how many at least",
    "storage_full=1.5": "the share that is taken, above 0 and up to 1, such as 0.9",
    "storage_full='90 %'": "the share that is taken",
    "storage_full=float('nan')": "the share that is taken",
    "clock_skew='3h'": "how far ahead or behind, at most a year, such as '+3h'",
    "clock_skew='+3 parrots'": "how far ahead or behind",
    "clock_skew='+0h'": "how far ahead or behind",
    "clock_skew='+9999d'": "how far ahead or behind",
    "clock_skew=10800": "how far ahead or behind",
    "": "takes words with values, one at least",
    "15": "takes words with values, one at least",
}


def test_a_state_that_cannot_be_fails_the_collection_in_a_sentence(pytester: pytest.Pytester) -> None:
    source = "".join(
        f"@pytest.mark.bwc_state({words})\ndef test_{n}(camera): ...\n" for n, words in enumerate(WRONG)
    )
    result = run(pytester, source)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    for n, (words, sentence) in enumerate(WRONG.items()):
        (line,) = [line for line in result.errlines if f"::test_{n}: " in line]
        assert "bwc_state" in line and sentence in line, words


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_connected_to(pytester: pytest.Pytester) -> None:
    source = """
@pytest.mark.bwc_state(battery=150)
def test_a(camera): ...

@pytest.mark.bwc_needs("parrots")
def test_b(camera): ...

@pytest.mark.bwc_needs
def test_c(camera): ...

@pytest.mark.bwc_irreversible("Burn the fuses!")
def test_d(camera): ...

@pytest.mark.bwc_state(battery=15)
def test_e(): ...

@pytest.mark.bwc_needs(3)
def test_f(camera): ...
"""
    result = run(pytester, source, device="tcp:127.0.0.1:1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "*::test_a: bwc_state(battery=150): a charge*",
            "*::test_b: bwc_needs('parrots'): there is none of that name; known are *battery_cut*mute*power_cycle*",
            "*::test_c: bwc_needs takes names, one at least",
            "*::test_d: bwc_irreversible('Burn the fuses!'): a step is named by small letters*",
            "*::test_e: it is marked *and is on no device: ask for a fixture such as 'camera'",
            "*::test_f: bwc_needs(3): a name is text",
        ]
    )


# Parts of the bench, and what the device can do


def needing(*names: str) -> str:
    return "".join(f'@pytest.mark.bwc_needs("{name}")\ndef test_{name}(camera): ...\n' for name in names)


def test_what_is_there_is_there(pytester: pytest.Pytester) -> None:
    names = ("power_cycle", "battery_cut", "vbus_relay", "button", "button_record", "mute", "bench")
    run(pytester, needing(*names)).assert_outcomes(passed=len(names))


def test_an_actuator_that_is_not_there_is_not_tested_and_a_capability_is_not_applicable(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, needing("bay_relay", "button_x", "gnss"))
    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines_random(
        [
            f"*not tested: no bay_relay is at {SERIAL}*",
            f"*not tested: no button_x is at {SERIAL}*",
            "*not applicable: the device does not state the capability gnss",
        ]
    )


def test_a_bench_file_that_names_one_actuator_has_no_other(pytester: pytest.Pytester, tmp_path: Path) -> None:
    names = ("button_record", "power_cycle", "battery_cut")
    named = "[devices.one.actuators.button_record]\ndriver = 'simulator'\n"
    result = run(pytester, needing(*names), "--bwc-bench", str(bench_file(tmp_path, named)))
    result.assert_outcomes(passed=1, skipped=2)
    assert len([line for line in result.outlines if "not tested: no" in line]) == 2


# What cannot be undone

BURNS = """
@pytest.mark.bwc_irreversible("burn-fuses", "zeroise")
def test_it(camera): ...
"""


def bench_file(tmp_path: Path, more: str, uri: str = DEVICE) -> Path:
    file = tmp_path / "bench.toml"
    file.write_text(f'[devices.one]\nuri = "{uri}"\nserial_number = "{SERIAL}"\n{more}\n')
    return file


def test_a_step_that_nobody_allowed_is_not_taken(pytester: pytest.Pytester) -> None:
    result = run(pytester, BURNS)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        [
            f"*not tested: it cannot be taken back: nobody allows 'burn-fuses' to {SERIAL}*irreversible = *burn-fuses*"
        ]
    )


def test_a_simulator_that_is_named_as_expendable_suffers_it(pytester: pytest.Pytester) -> None:
    run(pytester, BURNS, "--bwc-expendable", SERIAL).assert_outcomes(passed=1)
    run(pytester, BURNS, "--bwc-expendable", "SIM-00000001").assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("allowed", "passed"),
    [('["burn-fuses", "zeroise"]', 1), ('["burn-fuses"]', 0), ("[]", 0)],
)
def test_on_hardware_the_bench_file_allows_each_step_by_its_name(
    pytester: pytest.Pytester, tmp_path: Path, allowed: str, passed: int
) -> None:
    """Expendable alone is not enough: of a device with fuses there is no other."""
    file = bench_file(tmp_path, f"expendable = true\nirreversible = {allowed}", HARDWARE)
    result = run(pytester, BURNS, "--bwc-bench", str(file), device=HARDWARE)
    result.assert_outcomes(passed=passed, skipped=1 - passed)
