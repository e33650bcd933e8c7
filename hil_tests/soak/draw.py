"""What a seed draws for a cycle: how the shift was, and what goes wrong in the dock. The same again, every time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

AWAY_MIN: Final = (10, 30)
DOCKED_MIN: Final = (10, 20)
RECORDINGS_MAX: Final = 2
LENGTH_S: Final = (2, 12)
INTERRUPTED: Final = 0.35
"""How often an offload is stopped halfway, as by who pulls the cable and walks off, and then resumed."""
FAULTY: Final = 0.6
"""How often the line is bad, where the bench can make it so."""
LOSSES: Final = ("drop=0.01", "drop=0.04", "flip=1e-6", "duplicate=0.03", "reorder=0.03", "delay=0.002")
STRIKES: Final = ("cut@{at}", "cut@{at}", "stall@{at}:1.5", "reboot@{at}")
STRIKE_AT: Final = (20_000, 2_000_000)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One cycle, before it is played."""

    recordings_s: tuple[int, ...]
    """Length of each recording of the shift, where somebody can press the button."""
    away_s: int
    docked_s: int
    faults: str
    """On the line to the device, as `bwc sim --faults` takes them; "" for a sound one."""
    interrupted_at: float | None
    """Share of what is to be fetched after which the first offload is stopped; None: it is not."""


def draw(seed: int, cycle: int) -> Drawn:
    """The cycle of that number."""
    rng = random.Random(f"soak {seed} cycle {cycle}")
    words: list[str] = []
    if rng.random() < FAULTY:
        if rng.random() < 0.5:
            words.append(rng.choice(LOSSES))
        if rng.random() < 0.6 or not words:
            words.append(rng.choice(STRIKES).format(at=rng.randint(*STRIKE_AT)))
    return Drawn(
        recordings_s=tuple(rng.randint(*LENGTH_S) for _ in range(rng.randint(1, RECORDINGS_MAX))),
        away_s=60 * rng.randint(*AWAY_MIN),
        docked_s=60 * rng.randint(*DOCKED_MIN),
        faults=",".join(words),
        interrupted_at=round(rng.uniform(0.05, 0.95), 3) if rng.random() < INTERRUPTED else None,
    )
