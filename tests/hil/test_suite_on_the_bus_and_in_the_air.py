"""What a device shows on the bus and in the air is looked at by the suite, over simulated ones."""

from pathlib import Path

import pytest

from firmware_sim.defects import DEFECTS, Defect
from tests.hil.test_suite_on_links import serving, simulator, suite_lines

pytestmark = pytest.mark.timeout(120)


@pytest.mark.ci
def test_the_descriptors_of_a_simulator_on_usb(tmp_path: Path) -> None:
    with simulator("usbip:127.0.0.1:0") as uri:
        lines = suite_lines(tmp_path, "--bwc-device", uri, chosen="test_usb", left_out="none")
    assert "10 passed" in lines[-1] and "skipped" not in lines[-1], lines[-1]


@pytest.mark.ci
def test_the_advertisements_of_a_simulator_on_ble(tmp_path: Path) -> None:
    camera = ("sim", "--recordings", "1", "--mib", "1", "--set", "radio.ble_docked=full")
    with serving(*camera, "--listen", "ble:tcp-server:127.0.0.1:0") as uri:
        lines = suite_lines(tmp_path, "--bwc-device", uri, chosen="test_ble.py", left_out="none")
    assert "5 passed" in lines[-1] and "skipped" not in lines[-1], lines[-1]


def showing(family: str) -> list[object]:
    """Defects of what is shown."""
    return [pytest.param(d, id=d.name) for d in DEFECTS.values() if d.rule.startswith(family)]


def named(lines: list[str], rule: str) -> bool:
    """Whether a failure tells a rule by its number."""
    return any("RuleBroken" in line and f"({rule})" in line for line in lines)


@pytest.mark.night
@pytest.mark.parametrize("defect", showing("USB"))
def test_what_is_wrong_on_the_bus_is_found_by_its_number(defect: Defect, tmp_path: Path) -> None:
    with simulator("usbip:127.0.0.1:0", "--defect", defect.name) as uri:
        lines = suite_lines(tmp_path, "--bwc-device", uri, chosen="test_usb", left_out="none", status=1)
    assert named(lines, defect.rule), lines[-1]


@pytest.mark.night
@pytest.mark.parametrize("defect", showing("BLE"))
def test_what_is_wrong_in_the_air_is_found_by_its_number(defect: Defect, tmp_path: Path) -> None:
    camera = ("sim", "--recordings", "1", "--mib", "1", "--set", "radio.ble_docked=full")
    with serving(*camera, "--defect", defect.name, "--listen", "ble:tcp-server:127.0.0.1:0") as uri:
        lines = suite_lines(
            tmp_path, "-x", "--bwc-device", uri, chosen="test_ble.py", left_out="none", status=1
        )
    assert named(lines, defect.rule), lines[-1]
