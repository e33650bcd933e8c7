"""Time that passes at once, for devices in one world: in steps so small that each thing happens at its own time."""

from collections.abc import Sequence
from typing import Final

from firmware_sim.device.device import SimDevice

STEP_S: Final = 60.0
"""A battery that becomes empty is known to be so within a minute."""
STEPS: Final = 2_000
"""… or within a part of all that passes, where a year is to pass."""


def pass_time(devices: Sequence[SimDevice], seconds: float) -> None:
    """Lets so much time pass for all of them."""
    longest_s, left_s = max(STEP_S, seconds / STEPS), seconds
    while True:
        dues = [device.appointment_s() - device.time() for device in devices]
        step_s = max(0.0, min(left_s, longest_s, *dues))
        for device in devices:
            device.time.skip(step_s)
            device.settle()
        left_s -= step_s
        if left_s <= 0:
            return
