"""The HIL suite passes on a camera behind each of the kernel's own stacks."""

from pathlib import Path

import pytest

from tools.stack.inside.camera import UsbCamera
from tools.stack.inside.suite import AirSuite, passes, start


def test_the_suite_passes_through_cdc_acm_and_pyserial(plugged: UsbCamera, tmp_path: Path) -> None:
    assert plugged.reached("serial").startswith("serial:/dev/ttyACM")
    with plugged.kept_plugged():  # one of the tests reboots it
        passes(start(plugged.reached("serial"), tmp_path))


def test_the_suite_passes_through_usbfs_and_libusb(plugged: UsbCamera, tmp_path: Path) -> None:
    with plugged.kept_plugged():
        passes(start(plugged.reached("usb"), tmp_path))


@pytest.mark.air
def test_the_suite_passes_through_bluez_and_bleak(air_suite: AirSuite) -> None:
    air_suite.passes()
