"""What a check of a bench finds."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Grade(enum.StrEnum):
    """What a finding means for the night."""

    GOOD = "ok"
    WARNING = "warning"
    """The night can begin; somebody should see to it."""
    PROBLEM = "problem"
    """With this the night fails, or says something untrue."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    where: str
    """`host`, a device by its name in the file, or an actuator of it: `x60-left.vbus_relay`."""
    grade: Grade
    found: str
    advice: str = ""

    def plain(self) -> dict[str, str]:
        """For a document."""
        return {"where": self.where, "grade": self.grade.value, "found": self.found, "advice": self.advice}


def good(where: str, found: str) -> Finding:
    return Finding(where, Grade.GOOD, found)


def warning(where: str, found: str, advice: str) -> Finding:
    return Finding(where, Grade.WARNING, found, advice)


def problem(where: str, found: str, advice: str) -> Finding:
    return Finding(where, Grade.PROBLEM, found, advice)
