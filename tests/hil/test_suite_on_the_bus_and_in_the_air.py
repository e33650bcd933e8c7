"""What a device shows on the bus and in the air is looked at by the suite, over simulated ones."""

from pathlib import Path

import pytest

from tests.hil.test_suite_on_links import serving, simulator, suite_lines

pytestmark = pytest.mark.timeout(120)


def test_the_descriptors_of_a_simulator_on_usb(tmp_path: Path) -> None:
    with simulator("usbip:127.0.0.1:0") as uri:
        lines = suite_lines(tmp_path, "--bwc-device", uri, chosen="test_usb.py", left_out="none")
    assert "7 passed" in lines[-1] and "skipped" not in lines[-1], lines[-1]


@pytest.mark.ci
def test_the_advertisements_of_a_simulator_on_ble(tmp_path: Path) -> None:
    camera = ("sim", "--recordings", "1", "--mib", "1", "--set", "radio.ble_docked=full")
    with serving(*camera, "--listen", "ble:tcp-server:127.0.0.1:0") as uri:
        lines = suite_lines(tmp_path, "--bwc-device", uri, chosen="test_ble.py", left_out="none")
    assert "4 passed" in lines[-1] and "skipped" not in lines[-1], lines[-1]
