"""Each device that breaks one rule fails the tests of that rule, and the sound one passes."""

import re
from pathlib import Path

import pytest

import hil_tests.raw.link  # noqa: F401  # loaded once: runs in this process forget it
from firmware_sim.defects import DEFECTS, Defect, StationDefect
from firmware_sim.ports.memory import forget_sims
from tests.hil.rules_of import verdicts

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
DEVICE = "sim:?seed=77&recordings=0&insecure=1"
LAYERS = ("FRM", "LNK", "CHN")
IN_TEST, IN_CI = 8, 3
ABOVE = "sim:?seed=77&recordings=3&mib=1&footage=synthetic&insecure=1"
"""A device for the rules of sessions and commands: it has footage."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> object:
    """What a broken device does not say need not be waited for as long as on a slow line."""
    monkeypatch.setattr("hil_tests.raw.link.ANSWER_S", 2.0)
    for wait in ("FAILURE_EVERY_S", "LEFT_EVERY_S"):  # else the tests would do little but wait (TRU-009)
        monkeypatch.setattr(f"firmware_sim.device.trust.trust.{wait}", 0.01)
    yield
    forget_sims()


STATION = f"{ABOVE}&station=2"
OF_STATIONS_IN_TEST = ("busy-gone",)


OF_THE_LAB = "sim:?seed=77&recordings=1&mib=1&footage=synthetic"
"""A device with certificates."""
SECURE = ("CER", "DOC", "TRU", "SES-023", "SES-028", "ROL-004", "REC-059", "REC-071", "REC-090")
SHOWN = ("USB", "BLE")
"""Of what is shown on the bus and in the air: `test_suite_on_the_bus_and_in_the_air` has them."""
IN_SERVICE = ("ROL-003",)
"""Of a device that an agency has in service: `test_agency` has it."""
BOUNDS = {"TRU-009": ("FAILURE_EVERY_S", 10.0), "TRU-013": ("LEFT_EVERY_S", 1.0)}
OF_THE_LAB_IN_TEST = ("any-purpose", "any-list", "no-proof")


def sampled(*, above: bool = False) -> list[object]:
    """All at night; of each layer some in every run."""
    elsewhere = (*SECURE, *SHOWN, *IN_SERVICE)
    cameras = [d for d in DEFECTS.values() if not d.of_stations and not d.rule.startswith(elsewhere)]
    defects = [defect for defect in cameras if (defect.rule[:3] in LAYERS) is not above]
    in_test, in_ci = (2 * IN_TEST, 2 * IN_CI) if above else (IN_TEST, IN_CI)
    marks = [
        [] if at % in_test == 0 else [pytest.mark.ci if at % in_ci == 0 else pytest.mark.night]
        for at in range(len(defects))
    ]
    return [pytest.param(d, marks=m, id=d.name) for d, m in zip(defects, marks, strict=True)]


@pytest.mark.parametrize("defect", sampled())
def test_a_device_that_breaks_a_rule_fails_by_its_number(defect: Defect, pytester: pytest.Pytester) -> None:
    said = verdicts(pytester, {defect.rule}, f"{DEVICE}&defect={defect.name}", "-x")
    assert said.failed, f"{defect.name} passes {said.passed} of {defect.rule}"
    for name, message in said.failed.items():
        assert "RuleBroken" in message and defect.rule in message, f"{name}: {message}"


@pytest.mark.parametrize("defect", sampled(above=True))
def test_a_device_that_breaks_a_rule_above_the_link_fails_the_tests_of_that_rule(
    defect: Defect, pytester: pytest.Pytester
) -> None:
    said = verdicts(pytester, {defect.rule}, f"{ABOVE}&defect={defect.name}", "-x")
    assert any("RuleBroken" in message for message in said.failed.values()), (
        f"{defect.name} passes {said.passed} of {defect.rule}; failed: {said.failed}"
    )


def of_the_lab() -> list[object]:
    """Those that show at a device with certificates alone."""
    return [
        pytest.param(d, id=d.name, marks=() if d.name in OF_THE_LAB_IN_TEST else pytest.mark.night)
        for d in DEFECTS.values()
        if d.rule.startswith(SECURE)
    ]


@pytest.mark.parametrize("defect", of_the_lab())
def test_a_device_of_the_lab_that_breaks_a_rule_fails_by_its_number(
    defect: Defect, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    if defect.rule in BOUNDS:
        monkeypatch.setattr(
            f"firmware_sim.device.trust.trust.{BOUNDS[defect.rule][0]}", BOUNDS[defect.rule][1]
        )
    device = f"{OF_THE_LAB}&defect={defect.name}"
    said = verdicts(pytester, {defect.rule}, device, "-x", insecure=False)
    assert any("RuleBroken" in message and defect.rule in message for message in said.failed.values()), (
        f"{defect.name} passes {said.passed} of {defect.rule}; failed: {said.failed}"
    )


@pytest.mark.night
def test_a_sound_device_of_the_lab_passes_all_of_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in BOUNDS.values():
        monkeypatch.setattr(f"firmware_sim.device.trust.trust.{name}", value)
    rules = {d.rule for d in DEFECTS.values() if d.rule.startswith(SECURE)}
    said = verdicts(pytester, rules, OF_THE_LAB, insecure=False)
    assert not said.failed and not said.skipped
    assert len(said.passed) > 50


def of_stations() -> list[object]:
    """The same of those of docking stations."""
    defects = [defect for defect in DEFECTS.values() if defect.of_stations]
    return [
        pytest.param(d, id=d.name, marks=() if d.name in OF_STATIONS_IN_TEST else pytest.mark.night)
        for d in defects
    ]


@pytest.mark.parametrize("defect", of_stations())
def test_a_station_that_breaks_a_rule_fails_by_its_number(
    defect: StationDefect, pytester: pytest.Pytester
) -> None:
    said = verdicts(pytester, {defect.rule}, f"{STATION}&defect={defect.name}", "-x")
    assert said.failed, f"{defect.name} passes {said.passed} of {defect.rule}"
    for name, message in said.failed.items():
        assert "RuleBroken" in message and defect.rule in message, f"{name}: {message}"


@pytest.mark.ci
def test_a_sound_station_passes_all_of_them(pytester: pytest.Pytester) -> None:
    said = verdicts(pytester, {d.rule for d in DEFECTS.values() if d.of_stations}, STATION)
    assert not said.failed and not said.skipped
    assert len(said.passed) > 13


def test_at_a_camera_no_rule_of_stations_applies(pytester: pytest.Pytester) -> None:
    said = verdicts(pytester, {"STA-004", "STA-008"}, DEVICE)
    assert not said.failed and not said.passed
    assert all("not applicable: " in why for why in said.skipped.values()), said.skipped


@pytest.mark.parametrize("layer", ["FRM", "CHN", pytest.param("LNK", marks=pytest.mark.ci)])
def test_a_sound_device_passes_all_of_them(layer: str, pytester: pytest.Pytester) -> None:
    said = verdicts(pytester, {d.rule for d in DEFECTS.values() if d.rule.startswith(layer)}, DEVICE)
    assert not said.failed and not said.skipped
    assert len(said.passed) > 30


def test_the_page_lists_each_defect_with_its_rule_and_a_test_of_it() -> None:
    page = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    rules = ROOT / "hil_tests" / "rules"
    tests = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(rules.glob("test_*.py")))
    for defect in DEFECTS.values():
        row = re.search(rf"^\| `{defect.name}` \| {defect.rule} \| {defect.what} \| `(\w+)` \|$", page, re.M)
        assert row, f"docs/conformance.md has no row of {defect.name}, {defect.rule}: {defect.what}"
        marks = tests.partition(f"\ndef {row[1]}(")[0].rpartition("\n\n\n")[2]
        assert f"\ndef {row[1]}(" in tests and defect.rule in marks, f"{row[1]} is no test of {defect.rule}"
