"""What the model says, the real code does: its rule in every case, and whole traces step by step."""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
from typing import Final

import pytest

from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.storage.release import EraseRules, ReceiptFacts, release_of
from tests.model.guards import Scope
from tests.model.real_camera import RealCamera, shipped, story
from tests.model.real_site import RealSite
from tests.model.world import (
    FAULTS,
    OF_OTHERS,
    Camera,
    Chain,
    Receipt,
    Step,
    World,
    counted,
    first,
    holds,
    released,
    steps,
)
from tests.tiers import seeds

CHAINS: Final[tuple[Chain, ...]] = ((), ("theft",), ("hold a",), ("hold a", "lift a"), ("hold a", "hold b"))


def head(chain: Chain) -> bytes:
    return hashlib.sha256(repr(chain).encode()).digest()


@pytest.mark.parametrize("needed", [1, 2])
def test_the_rule_of_release_is_that_of_the_model_in_every_case(needed: int) -> None:
    """All sets of receipts of two destinations, with two certificates each, for two heads; holds, hours and proof."""
    count = 0
    for chain in CHAINS:
        possible = [
            Receipt(destination, certificate, of)
            for destination in (0, 1)
            for certificate in ("first", "second")
            for of in {chain, ("older",)}
        ]
        subsets = itertools.chain.from_iterable(
            itertools.combinations(possible, size) for size in range(len(possible) + 1)
        )
        for receipts, hours_over, opened in itertools.product(list(subsets), (False, True), (False, True)):
            scope = Scope(needed=needed, proof=True, keep_hours=True)
            camera = Camera(chain=chain, receipts=frozenset(receipts), hours_over=hours_over, opened=opened)
            facts = [ReceiptFacts(f"store-{one.destination}", head(one.chain), 10) for one in receipts]
            found = release_of(
                facts,
                annotations_sha256=head(chain),
                holds=len(holds(chain)),
                rules=EraseRules(receipts=needed, keep_h=1),
                powered_min=70 if hours_over else 69,
                proof_needed=not opened,
            )
            assert found.released == released(scope, camera)
            assert found.gives_way == released(scope, camera, for_room=True)
            assert len(found.counting) == counted(camera.receipts, chain)
            count += 1
    assert count == len(CHAINS) * 2**8 * 4


SCOPES: Final = {
    "annotations and holds": Scope(docks=1, notes=("theft", "robbery", "hold a", "lift a"), chain_max=3),
    "two docks": Scope(notes=("theft",), chain_max=2),
    "two destinations": Scope(docks=1, destinations=2, needed=2, notes=("theft",), attempts=1, renewed=True),
    "powered hours": Scope(docks=1, notes=(), attempts=1, keep_hours=True),
}
LENGTH: Final = 60
TRACES: Final = 12
"""Of each seed, in each scope."""
HASTE: Final = 4
"""How much likelier is what leads on than what somebody or something does in between."""
MATTERS: Final = frozenset({"deliver", "erase", "make room", "annotate"})
"""What concerns the camera, which is what is real: likelier again."""


@functools.cache
def as_shipped(name: str) -> MemoryFlash:
    return shipped(SCOPES[name])


def sampled(scope: Scope, rng: random.Random) -> list[tuple[Step, World, World]]:
    """One way through the model, with what each step makes of it."""
    world, taken = first(scope), []
    while len(taken) < LENGTH:
        # The model's hours are over once and for all; a camera's begin with the receipt that was still needed.
        possible = [
            (step, after)
            for step, after in steps(scope, world)
            if step[0] != "hours pass" or counted(world.camera.receipts, world.camera.chain) >= scope.needed
        ]
        if not possible or not world.camera.blocks:
            break
        weights = [_weight(step) for step, _ in possible]
        ((step, after),) = rng.choices(possible, weights)
        taken.append((step, world, after))
        world = after
    return taken


def _weight(step: Step) -> float:
    if step[0] in FAULTS:
        return 0.5
    return (1 if step[0] in OF_OTHERS else HASTE) * (HASTE if step[0] in MATTERS else 1)


def replay(name: str, rng: random.Random) -> tuple[bool, int]:
    """Whether it ended freed, and how often power was lost."""
    scope = SCOPES[name]
    real, done = RealCamera(scope, as_shipped(name), rng), []
    for step, before, after in sampled(scope, rng):
        done.append(step)
        try:
            real.follow(step, before, after)
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter\n{story(done)}") from error
    return after.camera.tombstone is not None, real.losses


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SCOPES)
@pytest.mark.parametrize("seed", seeds(1))
def test_a_camera_does_what_the_model_does(name: str, seed: int) -> None:
    freed = losses = 0
    for number in range(TRACES):
        ended, lost = replay(name, random.Random(f"{name}/{seed}/{number}"))
        freed, losses = freed + ended, losses + lost
    assert freed and losses > TRACES, "they say something"


AT_SITES: Final = {
    "annotations": Scope(docks=1, notes=("theft", "robbery"), chain_max=2, attempts=1),
    "holds, and two docks": Scope(notes=("hold a", "lift a"), chain_max=2, attempts=1),
    "two destinations": Scope(docks=1, destinations=2, needed=2, notes=("theft",), attempts=1, renewed=True),
    "a far destination": Scope(docks=1, undocks=True, notes=("theft",), chain_max=2, attempts=1),
}
SITE_TRACES: Final = 2
"""Of each seed, in each scope."""


@functools.cache
def at_site(name: str) -> MemoryFlash:
    return shipped(AT_SITES[name])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", AT_SITES)
@pytest.mark.parametrize("seed", seeds(1))
def test_docks_and_destinations_do_what_the_model_does(name: str, seed: int) -> None:
    """Copies that are killed half-way, disks that lose a bit or are exchanged, objects that are gone."""
    scope, freed, copies, signed = AT_SITES[name], 0, 0, 0
    for number in range(SITE_TRACES):
        rng = random.Random(f"site/{name}/{seed}/{number}")
        site, done = RealSite(scope, at_site(name), rng), []
        for step, before, after in sampled(scope, rng):
            done.append(step)
            try:
                site.follow(step, before, after)
            except AssertionError as error:
                raise AssertionError(f"{error}\nafter\n{story(done)}") from error
        freed += after.camera.tombstone is not None
        copies, signed = copies + site.copies, signed + site.really_signed
    assert freed and copies and signed, "they say something"
