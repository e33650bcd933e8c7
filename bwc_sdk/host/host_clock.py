"""The host's UTC, held against a stopwatch: what is measured by it counts only while the two agree.

The system's UTC may be stepped or slewed at any moment, by a person, by a time service, by a suspend or a leap second.
No stamp shows it; a stopwatch beside it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bwc_sdk.host.world import UTC_STEP_NS, World

AGREE_NS: Final = max(200_000, 2 * UTC_STEP_NS)
"""By how much UTC and stopwatch may differ however short the time: they cannot be read in the same instant."""
RATE_PPM: Final = 600
"""By how much their rates may differ: a kernel trims its clock by at most 500 ppm, and crystals are good to 100.
Whatever changes UTC faster is a step or a slew, and not time that passes."""
CLOSE_NS: Final = 50_000
"""Between two readings of the stopwatch around one of UTC: more means that the program was interrupted there."""
READINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Stamp:
    """One reading of UTC, between two of the stopwatch; all in ns."""

    utc_ns: int
    before_ns: int
    after_ns: int

    @property
    def ahead_ns(self) -> int:
        """How far UTC is ahead of the stopwatch: the same for all stamps between which nobody touched UTC."""
        return self.utc_ns - (self.before_ns + self.after_ns) // 2


NO_STAMP: Final = Stamp(0, 0, 0)


class HostClock:
    """UTC and stopwatch of this host."""

    def __init__(self, utc_ns: Callable[[], int], elapsed_ns: Callable[[], int]) -> None:
        self._utc_ns = utc_ns
        self._elapsed_ns = elapsed_ns

    @staticmethod
    def of(world: World) -> HostClock:
        """The clock of a world."""
        return HostClock(world.utc_ns, world.elapsed_ns)

    def stamp(self) -> Stamp:
        """Reads both, once more where something came in between."""
        best = self._read()
        for _ in range(READINGS - 1):
            if best.after_ns - best.before_ns <= CLOSE_NS:
                break
            best = min(best, self._read(), key=lambda stamp: stamp.after_ns - stamp.before_ns)
        return best

    def _read(self) -> Stamp:
        before_ns = self._elapsed_ns()
        utc_ns = self._utc_ns()
        return Stamp(utc_ns, before_ns, self._elapsed_ns())


def moved_ns(first: Stamp, then: Stamp) -> int:
    """By how much UTC went ahead of the stopwatch between two stamps."""
    return then.ahead_ns - first.ahead_ns


def steady(first: Stamp, then: Stamp) -> bool:
    """Whether nobody touched UTC in between, beyond what the rates of two clocks may differ by."""
    passed_ns = abs(then.after_ns - first.before_ns)
    return abs(moved_ns(first, then)) <= AGREE_NS + passed_ns * RATE_PPM // 1_000_000
