"""Drives a camera that no host looks at: what happens to it by itself happens at its time, and can be watched."""

import asyncio
from typing import Final

from firmware_sim.device.device import SimDevice

LOOK_S: Final = 1.0
"""How often it is looked at at least: somebody may have let time pass for it meanwhile."""
PAUSE_MIN_S: Final = 0.01
"""What is due in less than this can wait as long: nobody sees the difference, and the loop has other work."""


class Heart:
    """Beats on the running loop until it is closed."""

    def __init__(self, device: SimDevice) -> None:
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_soon(self._beat)

    def close(self) -> None:
        """Beats no more."""
        self._timer.cancel()

    def _beat(self) -> None:
        device = self._device
        device.settle()
        due_s = device.deadline()
        pause_s = LOOK_S if due_s is None else min(LOOK_S, due_s - device.time())
        self._timer = self._loop.call_later(max(PAUSE_MIN_S, pause_s), self._beat)
