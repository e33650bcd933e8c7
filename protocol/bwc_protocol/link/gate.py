"""Keeps a device that has several pipes to one host at a time (spec: Link)."""

from typing import Final, Protocol

RETRY_AFTER_MS: Final = 1_000
"""Soon enough for a person with a cable in hand, rare enough for a dock that waits for hours."""


class Candidate(Protocol):
    """What answers HELLO on one pipe, as the gate sees it."""

    def forget_candidate(self) -> None:
        """Drops a half-open link: another pipe went live."""


class DeviceGate:
    """Shared by the links of all pipes of one device. At most one of them is live."""

    def __init__(self, retry_after_ms: int = RETRY_AFTER_MS) -> None:
        self.retry_after_ms = retry_after_ms
        self._owner: Candidate | None = None
        self._candidates: list[Candidate] = []  # at most one entry a pipe

    def admits(self, link: Candidate) -> bool:
        """Whether no other pipe owns the device."""
        return self._owner is None or self._owner is link

    def nominate(self, link: Candidate) -> None:
        """`link` keeps a candidate from now on."""
        if link not in self._candidates:
            self._candidates.append(link)

    def elect(self, link: Candidate) -> None:
        """`link` is live: all candidates, of all pipes, are forgotten."""
        self._owner = link
        candidates, self._candidates = self._candidates, []
        for candidate in candidates:
            candidate.forget_candidate()

    def withdraw(self, link: Candidate) -> None:
        """`link` keeps no candidate any more."""
        if link in self._candidates:
            self._candidates.remove(link)

    def release(self, link: Candidate) -> None:
        """`link` is no longer live. A candidate that it keeps stays one."""
        if self._owner is link:
            self._owner = None
