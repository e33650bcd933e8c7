"""Power goes, or a program is killed, at any operation of camera, dock and destination, from the first second of a
recording to its tombstone: what is promised of footage holds at every instant, and the next run ends well."""

from __future__ import annotations

import random
from functools import cache
from typing import Final

import pytest

from tests.scenario.invariants import ALL, AT_THE_END, Memory, remember
from tests.scenario.whole_site import PLANS, Cut, Goes, Place, WholeSite, lived
from tests.tiers import Tier, chosen

SAMPLED: Final = {Tier.TEST: 16, Tier.CI: 40}
"""Days of each plan; at night each operation has its day, with each kind of cut."""
PAIRS: Final = {Tier.TEST: 4, Tier.CI: 20, Tier.NIGHT: 4_000}
"""Days with two cuts, of each plan."""


def checked(plan: str, cuts: tuple[Cut, ...] = (), seed: int = 0) -> WholeSite:
    """A day in which everything that is promised is looked at after each step, and after each cut."""
    memory = Memory()

    def look(site: WholeSite) -> None:
        remember(site, memory)
        for invariant in ALL:
            invariant(site, memory)

    site = lived(plan, cuts, seed, look)
    unused, site.cuts = site.cuts, []
    assert len(unused) < max(1, len(cuts)), "something was cut"
    for invariant in AT_THE_END:
        invariant(site, memory)
    look(site)
    return site


@cache
def places(plan: str) -> tuple[Place, ...]:
    """The operations of a day on which nothing is cut."""
    return tuple(lived(plan).places)


def possible(plan: str) -> list[Cut]:
    """Each operation, with each kind of cut that there is at it."""
    return [
        Cut(at, goes)
        for at, place in enumerate(places(plan))
        for goes in Goes
        if goes is not Goes.PROGRAM or place.whose == "host"
    ]


def told(plan: str, cuts: tuple[Cut, ...], seed: int) -> str:
    """The day in words, for whoever has to look."""
    return (
        "; ".join(f"{cut} at {places(plan)[cut.at % len(places(plan))]}" for cut in cuts) + f", seed {seed}"
    )


def day(plan: str, cuts: tuple[Cut, ...], seed: int) -> None:
    try:
        checked(plan, cuts, seed)
    except Exception as error:
        raise AssertionError(
            f"{type(error).__name__}: {error}\nin {plan}: {told(plan, cuts, seed)}"
        ) from error


@pytest.mark.parametrize("plan", PLANS)
def test_a_day_on_which_nothing_is_cut(plan: str) -> None:
    """And what the others begin with: each step has operations of both that could be cut."""
    site = checked(plan)
    assert {place.whose for place in site.places} == {"camera", "host"}
    assert {place.step for place in places(plan)} == {"start", *(name for name, _ in PLANS[plan])}


@pytest.mark.rule("REC-055", "REC-062", "REC-076")
@pytest.mark.parametrize("plan", PLANS)
def test_whatever_is_cut_what_is_promised_holds_and_the_next_run_ends_well(plan: str) -> None:
    cuts, rng = possible(plan), random.Random(plan)
    if chosen() is not Tier.NIGHT:
        # One of each step and kind at least, so that none is left out.
        kinds: dict[tuple[str, str, Goes], list[Cut]] = {}
        for cut in cuts:
            place = places(plan)[cut.at]
            kinds.setdefault((place.step, place.whose, cut.goes), []).append(cut)
        rest = rng.sample(cuts, max(0, SAMPLED[chosen()] - len(kinds)))
        cuts = [rng.choice(ones) for ones in kinds.values()] + rest
    for number, cut in enumerate(cuts):
        day(plan, (cut,), number)


@pytest.mark.parametrize("plan", PLANS)
def test_and_again_while_it_recovers(plan: str) -> None:
    rng = random.Random(f"pairs of {plan}")
    for number in range(PAIRS[chosen()]):
        first = rng.choice(possible(plan))
        second = Cut(first.at + 1 + int(rng.expovariate(1 / 60)), rng.choice(list(Goes)))
        day(plan, (first, second), number)
