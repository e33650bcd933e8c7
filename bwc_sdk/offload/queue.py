"""What is received next: the plan in its order, then what was postponed.

A recording that stalls goes to the end, so that it keeps no other waiting. How often in a row nothing came of it is
counted by recording, and within one offload only: what is on disk is the journal, and there is no other.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bwc_sdk.offload.recording import RecordingCopy

HOLDING_MAX: Final = 8
"""Recordings that keep their file and table while they are postponed, so that nothing has to be hashed again: at most
2 MiB of table each. The others are taken up anew from what is on disk."""


@dataclass(slots=True, eq=False)
class Turn:
    """One recording, and how its turns went so far."""

    number: int
    """Its place in the plan."""
    copy: RecordingCopy
    fruitless: int = 0
    """Further attempts in a row that brought nothing: since the first, or since something came."""
    makes_way: bool = False
    """It is large beside what is free, and has let the others of its camera go first."""
    _tried: bool = False

    def failed(self, *, fruitless: bool, most: int) -> bool:
        """Counts an attempt that failed. Whether it may have another: `most` further ones may bring nothing."""
        self.fruitless = self.fruitless + 1 if fruitless and self._tried else 0
        self._tried = True
        return self.fruitless < most


class Queue:
    """Gives each recording its turn: those of the plan first, then again and again those that were postponed."""

    def __init__(self, planned: Iterable[RecordingCopy]) -> None:
        self._planned = enumerate(planned)
        self._postponed: deque[Turn] = deque()

    def next(self) -> Turn | None:
        """Whose turn it is, or None when nobody is left."""
        for number, copy in self._planned:
            return Turn(number, copy)
        return self._postponed.popleft() if self._postponed else None

    def postpone(self, turn: Turn) -> bool:
        """Puts a recording behind all others; whether it may keep what it holds meanwhile."""
        self._postponed.append(turn)
        return len(self._postponed) <= HOLDING_MAX

    def postponed(self) -> tuple[Turn, ...]:
        """Those that wait for a further turn."""
        return tuple(self._postponed)
