"""Why a test gives no verdict: the device has no such part, or the bench cannot see it (docs/conformance.md)."""

from __future__ import annotations

from typing import Final, NoReturn

import pytest

NOT_APPLICABLE: Final = "not applicable: "
"""How the reason of a skip begins when the rule is about something that the device does not have."""
NOT_TESTED: Final = "not tested: "
"""The same when the bench, or this way to the device, lacks what the test needs."""


def not_applicable(why: str) -> NoReturn:
    """Skips: the device says itself that the rule is not about it, or it has nothing that the rule is about."""
    pytest.skip(NOT_APPLICABLE + why)


def not_tested(why: str) -> NoReturn:
    """Skips: the rule may well hold or not, and this bench cannot tell."""
    pytest.skip(NOT_TESTED + why)


class RuleBroken(AssertionError):
    """Raised when the device did something else than the rule of the test demands."""

    def __init__(self, expected: str, observed: str) -> None:
        super().__init__(f"expected: {expected}\nobserved: {observed}")
        self.expected = expected
        self.observed = observed
