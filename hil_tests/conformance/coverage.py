"""Which rules a test on a device can see broken, and of the others why not."""

from __future__ import annotations

from typing import Final

from hil_tests.conformance.rules import Rule
from hil_tests.conformance.verdict import UNTESTED

OF_HOSTS: Final = "it is a rule for hosts: no device can break it"
NOT_FROM_OUTSIDE: Final[dict[str, str]] = {}
"""Rules for devices that no test can see from outside, each with its reason."""


def why_untested(rule: Rule) -> str:
    """Why a rule may have no test."""
    if rule.number in NOT_FROM_OUTSIDE:
        return f"no test from outside: {NOT_FROM_OUTSIDE[rule.number]}"
    return OF_HOSTS if rule.of_hosts else UNTESTED
