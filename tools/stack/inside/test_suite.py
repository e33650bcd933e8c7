"""The HIL suite passes on a camera behind each of the kernel's own stacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bwc_sdk.discover import Slot
from tools.stack.inside.camera import plugged_in
from tools.stack.inside.suite import AirSuite, passes, start


@pytest.fixture(scope="module")
def slot() -> Iterator[Slot]:
    """One camera with both its links; one of the tests reboots it."""
    with plugged_in() as camera:
        slot = camera.plug()
        with camera.kept_plugged():
            yield slot


def test_the_suite_passes_through_cdc_acm_and_pyserial(slot: Slot, tmp_path: Path) -> None:
    (uri,) = slot.others
    assert uri.startswith("serial:/dev/ttyACM")
    passes(start(uri, tmp_path))


def test_the_suite_passes_through_usbfs_and_libusb(slot: Slot, tmp_path: Path) -> None:
    assert slot.uri.startswith("usb:")
    passes(start(slot.uri, tmp_path))


@pytest.mark.air
def test_the_suite_passes_through_bluez_and_bleak(air_suite: AirSuite) -> None:
    air_suite.passes()
