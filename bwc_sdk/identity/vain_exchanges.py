"""Deny lists that were exchanged in vain: one of 256 KiB takes 25 s of a slow line, at every docking."""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

AGAIN_S: Final = 3_600.0
"""What one end does not take is offered again after an hour: a device takes a list that denies its last dock's CA once
it has met a dock of another one."""
KNOWN_MAX: Final = 4_096
"""Devices that are remembered, those of a large site; of more the oldest is forgotten, and asked once more."""


class Attempt(NamedTuple):
    """Whose list it is, which one, and which one the other end has."""

    device: bytes
    """SHA-256 of the device's key: what another says of its list counts for nothing."""
    brought: bool
    """Whether it was this host's, and the device did not take it."""
    theirs: int
    ours: int
    """Counters of both lists: a newer one on either side is tried at once."""


class VainExchanges:
    """What was tried within the last hour, and why it was in vain. From any thread. Times are the loop's."""

    def __init__(self) -> None:
        self._known: dict[Attempt, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def why(self, attempt: Attempt, now_s: float) -> str | None:
        """Why it was in vain a while ago; None where it is to be tried."""
        with self._lock:
            at_s, why = self._known.get(attempt, (float("-inf"), ""))
            return why if 0 <= now_s - at_s < AGAIN_S else None

    def remember(self, attempt: Attempt, why: str, now_s: float) -> None:
        """It was in vain."""
        with self._lock:
            self._known.pop(attempt, None)
            while len(self._known) >= KNOWN_MAX:
                del self._known[next(iter(self._known))]
            self._known[attempt] = now_s, why
