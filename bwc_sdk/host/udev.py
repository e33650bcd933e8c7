"""The right to open USB devices, which Linux gives by a rule of udev."""

from typing import Final

UDEV_ADVICE: Final = (
    "install the udev rule 70-bwc.rules ('bwc udev --help' says how), then plug the device in again"
)
