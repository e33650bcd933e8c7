"""Devices that break one numbered rule each, so that whoever judges devices can be judged (`bwc sim --defect NAME`).

A defect is put into one camera and no other: tests, and a host in the same process, speak to sound ones beside it.
"""

from typing import Final

from firmware_sim.defects import channels, commands, conversations, frames, links
from firmware_sim.defects.defect import Defect

DEFECTS: Final[dict[str, Defect]] = {
    defect.name: defect
    for layer in (frames, links, channels, conversations, commands)
    for defect in layer.DEFECTS
}
"""By the name that the command line and the URI take."""

__all__ = ["DEFECTS", "Defect"]
