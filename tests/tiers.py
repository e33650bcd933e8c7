"""The three tiers of tests, by one option: `--tier test`, `ci` or `night` (CONTRIBUTING, "Three tiers").

What is the same at another size scales: `@settings(max_examples=times(60))`, `parametrize("seed", seeds(12))`. What
is too slow for everybody has the marker `ci` or `night`, and is not even collected below that tier.
"""

from __future__ import annotations

import enum
from typing import Final


class Tier(enum.StrEnum):
    """How much is tried."""

    TEST = "test"
    """What everybody runs, `make test`: under five minutes."""
    CI = "ci"
    """A sample of all else, `.ci/run`: under fifteen."""
    NIGHT = "night"
    """What is slow and true, `make night`."""


MORE_EXAMPLES: Final = {Tier.TEST: 1, Tier.CI: 3, Tier.NIGHT: 500}
MORE_SEEDS: Final = {Tier.TEST: 1, Tier.CI: 3, Tier.NIGHT: 100}
"""Of tests that are listed one by one: pytest keeps each of them."""
LONGER: Final = {Tier.TEST: 1, Tier.CI: 3, Tier.NIGHT: 240}
"""How much longer one test may take: four hours instead of a minute."""
OPTION: Final = "--tier"

_chosen = Tier.TEST


def choose(tier: Tier) -> None:
    """Sets the tier, before any test is collected."""
    global _chosen
    _chosen = tier


def chosen() -> Tier:
    """The tier of this run."""
    return _chosen


def times(examples: int) -> int:
    """How many examples hypothesis tries of a property that takes so many in `make test`."""
    return examples * MORE_EXAMPLES[_chosen]


def seeds(count: int) -> range:
    """Seeds from 0 on, of a scenario that takes so many in `make test`."""
    return range(count * MORE_SEEDS[_chosen])


def belongs(markers: set[str], tier: Tier) -> bool:
    """Whether a test with these markers runs in a tier."""
    order = list(Tier)
    lowest = max((order.index(Tier(marker)) for marker in markers & {Tier.CI, Tier.NIGHT}), default=0)
    return order.index(tier) >= lowest
