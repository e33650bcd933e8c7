"""Who gets a handshake at all: the button's window, and how often one may fail (spec: Enrolment)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from bwc_protocol.certificates.checks import Check
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.trust import WINDOW_S
from firmware_sim.device.audit_log import AuditLog

FAILURES_MAX: Final = 5
"""Handshakes that may fail at once: a fleet's change of certificates fails as often with an honest dock."""
FAILURE_EVERY_S: Final = 10.0
"""One more each so many seconds: a handshake costs a camera's processor some milliseconds, and its log a line."""
LEFT_MAX: Final = 30
"""Handshakes that a host may leave before this end has judged it. Nobody learns anything by it, and a loose cable does
it to a good host: so there are more of them, and …"""
LEFT_EVERY_S: Final = 1.0
"""… they come back fast: nobody is kept out for longer than this by a cable. One a second is what a host may make a
camera spend on half a handshake for ever."""
LOGGED_EVERY_S: Final = 3_600.0
"""A check is logged once in this time, with how often it failed since: whoever keeps failing does not push older
entries out of a log that is full."""


class Window:
    """The time after a press of the button in which the device can be enrolled."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until_s: float | None = None

    def open(self) -> None:
        """The button was pressed."""
        self._until_s = self._now() + WINDOW_S

    def close(self) -> None:
        """It was used, or the device went down."""
        self._until_s = None

    @property
    def left_s(self) -> int:
        """Seconds that are left of it; 0 when it is closed."""
        return 0 if self._until_s is None else max(0, math.ceil(self._until_s - self._now()))


class Bucket:
    """How many handshakes may still end in some way: a bucket of tokens that refills with time."""

    def __init__(self, now: Callable[[], float], most: int, every_s: float) -> None:
        self._now = now
        self._most = most
        self._every_s = every_s
        self._tokens = float(most)
        self._at_s = now()

    def wait_ms(self) -> int:
        """When the next handshake may begin; 0 is now."""
        self._refill()
        return 0 if self._tokens >= 1 else math.ceil((1 - self._tokens) * self._every_s * 1000)

    def take(self) -> None:
        """One ended so."""
        self._refill()
        self._tokens = max(0.0, self._tokens - 1)

    def _refill(self) -> None:
        now = self._now()
        self._tokens = min(self._most, self._tokens + max(0.0, now - self._at_s) / self._every_s)
        self._at_s = now


class FailureLog:
    """Handshakes that failed, in the device's log: each check by name, and no more often than it is worth."""

    def __init__(self, audit: AuditLog, actor: str, now: Callable[[], float]) -> None:
        self._audit = audit
        self._actor = actor
        self._now = now
        self._next_s: dict[str, float] = {}
        self._since: dict[str, int] = {}

    def failed(self, check: Check | None, detail: str) -> None:
        """A handshake failed at a check; None: before any, or without a word."""
        word = str(check) if check is not None else "session"
        now = self._now()
        if now < self._next_s.get(word, now):
            self._since[word] = self._since.get(word, 0) + 1
            return
        self._next_s[word] = now + LOGGED_EVERY_S
        before = self._since.pop(word, 0)
        more = f" ({before} more since the last entry)" if before else ""
        self._audit.note(AuditKind.HANDSHAKE_FAILED, f"{word}{more}: {detail}", self._actor)
