"""What a linter says of a policy: one finding, and how much it matters."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The policy does not do what it says."""
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One finding."""

    code: str
    severity: Severity
    rule: str
    """What it is about; "" where it is about the pack."""
    sentence: str
    todo: str
