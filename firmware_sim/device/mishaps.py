"""What happens to a device from outside at a moment of its own: after a time, or when it closes a recording.

Nothing here has timers: whoever drives the device has what is due carried out (`SimDevice.settle`).
"""

import heapq
from collections.abc import Callable

Act = Callable[[], object]


class Mishaps:
    """Of one device; they outlast its reboots."""

    def __init__(self) -> None:
        self.closings: list[Act] = []
        """Carried out each time that it has closed a recording."""
        self._timed: list[tuple[float, int, Act]] = []
        self._number = 0  # of two at one time the first that was set comes first

    @property
    def next_s(self) -> float | None:
        """When the next one is due, in seconds of the device's time."""
        return self._timed[0][0] if self._timed else None

    def at(self, due_s: float, act: Act) -> None:
        """Has `act` carried out then; a time that is past is now."""
        self._number += 1
        heapq.heappush(self._timed, (due_s, self._number, act))

    def is_due(self, now_s: float) -> bool:
        """Whether anything is to be carried out by now."""
        return bool(self._timed) and self._timed[0][0] <= now_s

    def carry_out(self, now_s: float) -> None:
        """Carries out what is due by now. What one of them sets for now waits for the next call."""
        due = []
        while self.is_due(now_s):
            due.append(heapq.heappop(self._timed)[2])
        for act in due:
            act()

    def rewind(self, seconds: float) -> None:
        """The device's time went back; each comes at its own moment of the world nevertheless."""
        self._timed = [(due_s - seconds, number, act) for due_s, number, act in self._timed]

    def recording_closed(self) -> None:
        """A recording was closed."""
        for act in list(self.closings):
            act()
