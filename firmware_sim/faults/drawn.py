"""A fault plan that a seed draws: a few kinds of fault of those there are, each of a strength that hosts get through.

Each seed has its own few kinds, so that they meet in all combinations; everything that strikes more than once leaves
room between, so that whoever resumes gets on.
"""

import random
from typing import Final

from firmware_sim.faults.plan import Affliction, Count, Decay, FaultPlan, Strike, Trigger, Way
from firmware_sim.flash.flash import Unsynced

SHARE: Final = 0.35
"""How likely a plan has a kind of fault."""
AFFLICTIONS: Final = {
    Affliction.DROP: (0.001, 0.08),
    Affliction.DUPLICATE: (0.001, 0.1),
    Affliction.REORDER: (0.001, 0.1),
    Affliction.FLIP: (1e-8, 2e-6),
    Affliction.DELAY: (0.001, 0.08),
    Affliction.JITTER: (0.001, 0.03),
}
"""From where to where the strength of each is drawn: a line at the end is poor, and carries footage."""
STRIKES_MAX: Final = 3
"""Of one kind."""
STALL_S: Final = (0.2, 4.0)
"""Shorter than a link is given up, so that some are survived and some are not."""
RANGES: Final = {
    Count.BYTE: (10_000, 8_000_000),
    Count.SECOND: (1, 120),
    Count.CLOSE: (1, 4),
    Count.OPERATION: (1, 400),
}


def drawn(seed: int) -> FaultPlan:
    """The plan of a seed: the same one in every run of this version. It has at least one fault."""
    rng = random.Random(f"fault plan {seed}")
    afflictions: dict[tuple[Affliction, Way], float] = {}
    triggers: list[Trigger] = []
    decays: dict[Decay, int] = {}
    while not (afflictions or triggers or decays):
        for kind, (low, high) in AFFLICTIONS.items():
            if rng.random() < SHARE:
                ways = rng.choice([(Way.RX,), (Way.TX,), tuple(Way)])
                value = float(f"{low * (high / low) ** rng.random():.2g}")
                afflictions |= dict.fromkeys([(kind, way) for way in ways], value)
        for strike in Strike:
            if rng.random() < SHARE:
                triggers += [_trigger(rng, strike) for _ in range(rng.randint(1, STRIKES_MAX))]
        if rng.random() < SHARE / 2:  # a recording that rotted is lost: most plans have none
            decays[rng.choice(list(Decay))] = 1
    return FaultPlan(afflictions, tuple(triggers), decays, seed)


def _trigger(rng: random.Random, strike: Strike) -> Trigger:
    count = Count.OPERATION if strike is Strike.FAIL else rng.choice(list(Count))
    at = rng.randint(*RANGES[count])
    seconds = round(rng.uniform(*STALL_S), 1) if strike is Strike.STALL else None
    unsynced = rng.choice(list(Unsynced)) if strike is Strike.POWER else None
    return Trigger(strike, at, seconds=seconds, count=count, unsynced=unsynced)
