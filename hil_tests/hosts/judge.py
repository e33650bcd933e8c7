"""What one case found of a host: by rule, or by the name of what has no number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil_tests.raw.transcript import Transcript

REQUESTS_MAX: Final = 16
"""Requests that a host may have outstanding (MSG-022)."""


@dataclass(slots=True)
class Finding:
    """Whether a host came so far that a rule was tried on it, and how it broke it, if it did."""

    expected: str = ""
    observed: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether the host did something else than it must."""
        return bool(self.observed)


class Judge:
    """Gathers the findings of one case. What a rule is broken by first stays."""

    def __init__(self) -> None:
        self.transcript = Transcript()
        self.found: dict[str, Finding] = {}

    def kept(self, *rules: str) -> None:
        """The host came to where it could have broken them, and did not."""
        for rule in rules:
            self.found.setdefault(rule, Finding())

    def broken(self, rule: str, expected: str, observed: str) -> None:
        """The host did something else than it must."""
        if not self.found.setdefault(rule, Finding()).is_broken:
            self.found[rule] = Finding(expected, observed)
            self.transcript.remark(f"{rule} is broken: {observed}")
