"""A camera that vanishes while footage is read, through cdc_acm, usbfs and libusb: its USB/IP server is killed."""

import pytest

from tools.stack.inside.camera import UsbCamera
from tools.stack.inside.pulling import lost_while_read


@pytest.mark.parametrize("link", ["serial", "usb"])
def test_a_camera_that_is_pulled_while_it_is_read_is_lost_once_and_soon(camera: UsbCamera, link: str) -> None:
    camera.plug()
    lost_while_read(camera.reached(link), camera.pull)
