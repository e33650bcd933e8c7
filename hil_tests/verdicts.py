"""Why a test gives no verdict: the device has no such part, or the bench cannot see it (docs/conformance.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from bwc_protocol.versions import Version

NOT_APPLICABLE: Final = "not applicable: "
"""How the reason of a skip begins when the rule is about something that the device does not have."""
NOT_TESTED: Final = "not tested: "
"""The same when the bench, or this way to the device, lacks what the test needs."""

INFRA: Final = "infra: "
"""The same when the bench failed: nobody knows of the rule, and somebody has to look."""


def not_applicable(why: str) -> NoReturn:
    """Skips: the device says itself that the rule is not about it, or it has nothing that the rule is about."""
    pytest.skip(NOT_APPLICABLE + why)


def not_before(what: str, since: Version, spoken: Version) -> None:
    """Skips on a device of a version of the protocol that does not have it yet."""
    if since > spoken:
        from bwc_protocol.versions import dotted  # the plugin loads this file with every pytest

        not_applicable(f"{what} came with protocol {dotted(since)}, and the device speaks {dotted(spoken)}")


def not_tested(why: str) -> NoReturn:
    """Skips: the rule may well hold or not, and this bench cannot tell."""
    pytest.skip(NOT_TESTED + why)


def infra(why: str) -> NoReturn:
    """Skips: the bench cannot go so far, and that says nothing of the rule."""
    pytest.skip(INFRA + why)


class Unhealthy(AssertionError):
    """Raised when a device did not come through a test healthy: what the test asserted held, and still it fails."""


def require_healthy(holds: bool, otherwise: str) -> None:
    """Raises `Unhealthy` unless it holds."""
    if not holds:
        raise Unhealthy(otherwise)


def is_unhealthy(error: BaseException) -> bool:
    """Whether an exception after a test, or each of several, says no more than that the device is not healthy."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_unhealthy(one) for one in error.exceptions)
    return isinstance(error, Unhealthy)


class RuleBroken(AssertionError):
    """Raised when the device did something else than the rule of the test demands."""

    def __init__(self, expected: str, observed: str) -> None:
        super().__init__(f"expected: {expected}\nobserved: {observed}")
        self.expected = expected
        self.observed = observed
