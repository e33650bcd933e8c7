"""What a check of a camera comes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Check(enum.StrEnum):
    """What is looked at. Words are only added."""

    BATTERY = "battery"
    ROOM = "room"
    CLOCK = "clock"
    CONFIGURATION = "configuration"
    CERTIFICATE = "certificate"
    ASSIGNMENT = "assignment"
    TRAINING = "training"
    SELF_TEST = "self-test"
    FOOTAGE = "footage"
    STATE = "state"


class Standing(enum.StrEnum):
    """How one check stands."""

    GOOD = "good"
    WARNING = "warning"
    """It does for this shift, and somebody should see to it."""
    UNFIT = "unfit"
    NOT_KNOWN = "not-known"
    """The camera does not say, so that nobody can call it fit."""
    NOT_ASKED = "not-asked"
    """Nothing was given that it could be held against."""


KEEPS_BACK = frozenset({Standing.UNFIT, Standing.NOT_KNOWN})
"""A camera with one of these is not fit: what nobody knows is no reason to go out with it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check, and why it stands so."""

    check: Check
    standing: Standing
    detail: str
    """What was found, for people."""
    advice: str = ""
    """What to do about it; "" where nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks of one camera, in their order."""

    identity: str
    findings: tuple[Finding, ...]

    @property
    def fit(self) -> bool:
        """Whether somebody may go out with it."""
        return not any(one.standing in KEEPS_BACK for one in self.findings)

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """What keeps it back."""
        return tuple(one for one in self.findings if one.standing in KEEPS_BACK)
