"""Time that passes at once, for devices in one world: in steps so small that each thing happens at its own time."""

from collections.abc import Sequence
from typing import Final

from firmware_sim.device.device import SimDevice

STEP_S: Final = 60.0
"""A battery that becomes empty is known to be so within a minute."""
STEPS: Final = 2_000
"""… or within a part of all that passes, where a year is to pass."""
EXACT_MAX: Final = 5_000
"""So many things happen at their own time; what more there is happens at the next step. A camera that cannot boot tries
it again every two seconds, and a year of that would take a day."""


def pass_time(devices: Sequence[SimDevice], seconds: float) -> None:
    """Lets so much time pass for all of them."""
    longest_s, left_s, exact = max(STEP_S, seconds / STEPS), seconds, 0
    while True:
        step_s = min(left_s, longest_s)
        due_s = min(device.appointment_s() - device.time() for device in devices)
        if due_s < step_s and exact < EXACT_MAX:
            step_s, exact = max(0.0, due_s), exact + 1
        for device in devices:
            device.time.skip(step_s)
            device.settle()
        left_s -= step_s
        if left_s <= 0:
            return
