"""What `--faults` and `sim:?faults=` take: a plan in one line, a file of one, or the seed of one."""

from pathlib import Path
from typing import Final

from firmware_sim.faults.drawn import drawn
from firmware_sim.faults.plan import FaultPlan, FaultSyntaxError
from firmware_sim.faults.plan_file import SEED_MAX, read_plan

FILE_SUFFIX: Final = ".toml"
SEED: Final = "seed:"


def read_faults(text: str, seed: int = 0) -> FaultPlan:
    """The plan that `text` is, names (`….toml`) or has drawn (`seed:7`); `seed` is for a plan without its own.

    Raises `FaultSyntaxError`, and `OSError` for a file that cannot be read.
    """
    if text.endswith(FILE_SUFFIX):
        return read_plan(Path(text), seed)
    if is_drawn(text):
        number = text.removeprefix(SEED)
        if not number.isdecimal() or int(number[: len(str(SEED_MAX)) + 1]) > SEED_MAX:
            raise FaultSyntaxError(f"a plan is drawn from {SEED}N, N a whole number from 0 to {SEED_MAX}")
        return drawn(int(number))
    return FaultPlan.parse(text, seed)


def is_drawn(text: str) -> bool:
    """Whether the plan is one of a seed's: nobody wrote it, and somebody may want to see it."""
    return text.startswith(SEED)
