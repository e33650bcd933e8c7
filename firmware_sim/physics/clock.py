"""A device's real-time clock: a crystal that runs a little fast or slow, and loses its time without power.

Its rate is off by a constant part, a part that grows with the square of the distance from 25 °C, and ageing.
The device cannot know its error; what it reports is a bound that its data sheet allows (`bound_ppm`).
"""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import TimeAssurance, TimeSource
from firmware_sim.flash.flash import StateError
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, U64_MAX, number, part_of, whole

TURNOVER_C: Final = 25.0
"""Temperature at which a tuning-fork crystal runs fastest."""
YEAR_S: Final = 365.25 * 86_400
FRESH_S: Final = 24 * 3600.0
"""Time since a set for which the clock counts as synchronised: one docking a day keeps it so."""
AGE_MAX_S: Final = 1_000 * YEAR_S
"""No device is older; a number beyond it is damage."""
KEPT: Final = ("utc_ns", "age_s", "held_s", "set_uncertainty_ns", "last_set_utc_ns", "source", "revision")
ASSURANCE: Final = "assurance"
"""Kept since protocol 1.1."""
MOVED: Final = "moved_ns"
BENCH_MOVED: Final = "bench_moved_ns"
"""Both kept since protocol 1.2."""
UNBOUNDED_NS: Final = (1 << 64) - 1
"""Uncertainty of a clock that is not set."""


@dataclass(frozen=True, slots=True)
class Oscillator:
    """What a kind of oscillator does, and what its data sheet promises."""

    offset_ppm: float
    parabola_ppm_per_k2: float
    ageing_ppm_per_year: float
    bound_ppm: float
    """Bound of the error of its rate from -20 to 60 °C in its first ten years."""

    def rate_ppm(self, temperature_c: float, age_s: float) -> float:
        """How much it runs fast, in parts per million."""
        parabola = self.parabola_ppm_per_k2 * (temperature_c - TURNOVER_C) ** 2
        return self.offset_ppm - parabola + self.ageing_ppm_per_year * age_s / YEAR_S


def crystal(rng: random.Random) -> Oscillator:
    """A plain 32.768 kHz crystal: ±20 ppm as made, -0.034 ppm/K². At -20 °C that is -69 ppm alone."""
    return Oscillator(rng.uniform(-20, 20), 0.034, rng.uniform(-1, 1), bound_ppm=100.0)


def tcxo(rng: random.Random) -> Oscillator:
    """A temperature-compensated oscillator: ±2 ppm, nearly flat."""
    return Oscillator(rng.uniform(-2, 2), 0.0015, rng.uniform(-0.3, 0.3), bound_ppm=8.5)


class DeviceClock:
    """The clock of one device.

    `monotonic` gives true seconds (the simulator's time); `temperature_c` the oscillator's temperature, taken
    as constant since the last reading.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        oscillator: Oscillator,
        temperature_c: Callable[[], float] = lambda: TURNOVER_C,
    ) -> None:
        self.oscillator = oscillator
        self.last_set_utc_ns = 0
        self.source = TimeSource.UNSYNCHRONISED
        self.assurance = TimeAssurance.NOT_STATED
        self.revision = 0
        self.moved_ns = 0
        """By how much hosts have moved it in all, since it was set first or by two people."""
        self.bench_moved_ns = 0
        """By how much a bench has moved it since it was set last."""
        self._monotonic = monotonic
        self._temperature_c = temperature_c
        self._read_s = monotonic()
        self._ns = 0
        self._fraction_ns = 0.0
        self._age_s = 0.0
        self._set_at_s: float | None = None
        self._set_uncertainty_ns = 0

    def utc_ns(self) -> int:
        """The device's time: ns since 1970, or since it lost power if it is not set."""
        now_s = self._monotonic()
        elapsed_s = now_s - self._read_s
        if elapsed_s > 0:
            self._age_s += elapsed_s
            rate = 1.0 + self.oscillator.rate_ppm(self._temperature_c(), self._age_s) * 1e-6
            passed_ns = elapsed_s * 1e9 * rate + self._fraction_ns
            whole_ns = int(passed_ns)
            self._ns += whole_ns
            self._fraction_ns = passed_ns - whole_ns
            self._read_s = now_s
        return self._ns

    def set_utc_ns(
        self,
        utc_ns: int,
        uncertainty_ns: int,
        source: TimeSource = TimeSource.UNSYNCHRONISED,
        assurance: TimeAssurance = TimeAssurance.NOT_STATED,
    ) -> None:
        """Sets the time; whether the step is allowed is the command's business, not the clock's."""
        self.utc_ns()
        self._ns, self._fraction_ns = utc_ns, 0.0
        self._set_at_s, self._set_uncertainty_ns = self._read_s, uncertainty_ns
        self.last_set_utc_ns, self.source, self.assurance = utc_ns, source, assurance
        self.bench_moved_ns = 0
        self.revision += 1

    def set_ahead(
        self,
        offset_ns: int,
        uncertainty_ns: int,
        source: TimeSource,
        assurance: TimeAssurance,
        *,
        anew: bool,
    ) -> "DeviceClock":
        """This clock, as it would be if it were set by `offset_ns` now: to be kept before it is so (`become`).

        `anew` says that nothing of what it was moved by before counts any more.
        """
        changed = copy.copy(self)
        changed.set_utc_ns(changed.utc_ns() + offset_ns, uncertainty_ns, source, assurance)
        changed.moved_ns = 0 if anew else self.moved_ns + offset_ns
        return changed

    def moved_by_bench(self, offset_ns: int) -> "DeviceClock":
        """This clock, as it would be if its oscillator had gone wrong by `offset_ns`: it knows nothing of that."""
        changed = copy.copy(self)
        changed._ns = changed.utc_ns() + offset_ns
        changed.bench_moved_ns += offset_ns
        changed.revision += 1
        return changed

    def become(self, other: "DeviceClock") -> None:
        """Takes the state that `set_ahead` gave, with the time that has passed since."""
        self.__dict__.update(other.__dict__)

    def jump(self, by_ns: int) -> None:
        """The time is another at once, and nobody knows: a counter that flipped, an oscillator that ran away."""
        self._ns = self.utc_ns() + by_ns

    def reset(self) -> None:
        """Power was lost altogether: the time is that of the epoch, and the clock is not set."""
        self.utc_ns()
        self._ns, self._fraction_ns = 0, 0.0
        self._set_at_s, self._set_uncertainty_ns = None, 0
        self.last_set_utc_ns, self.source = 0, TimeSource.UNSYNCHRONISED
        self.assurance = TimeAssurance.NOT_STATED
        self.moved_ns = self.bench_moved_ns = 0
        self.revision += 1

    @property
    def state(self) -> ClockState:
        """Whether the time can be relied on."""
        if self._set_at_s is None:
            return ClockState.UNSET
        fresh = self._monotonic() - self._set_at_s <= FRESH_S
        return ClockState.SYNCED if fresh else ClockState.HOLDOVER

    def uncertainty_ns(self) -> int:
        """Bound of the error: that of the last set, and what the oscillator may have gained or lost since."""
        if self._set_at_s is None:
            return UNBOUNDED_NS
        held_s = self._monotonic() - self._set_at_s
        return self._set_uncertainty_ns + int(held_s * self.oscillator.bound_ppm * 1e3) + 1

    def snapshot(self) -> dict[str, float]:
        """State to be kept between runs."""
        held_s = -1.0 if self._set_at_s is None else self._monotonic() - self._set_at_s
        return {
            "utc_ns": self.utc_ns(),
            "age_s": self._age_s,
            "held_s": held_s,
            "set_uncertainty_ns": self._set_uncertainty_ns,
            "last_set_utc_ns": self.last_set_utc_ns,
            "source": int(self.source),
            ASSURANCE: int(self.assurance),
            "revision": self.revision,
            MOVED: self.moved_ns,
            BENCH_MOVED: self.bench_moved_ns,
        }

    def restore(self, snapshot: object, off_s: float = 0.0) -> None:
        """Takes up a state that `snapshot` gave; the clock ran on for `off_s` while the device was off.

        Raises `StateError` for what no clock could have given.
        """
        kept = part_of(snapshot, "the clock", KEPT, later=(ASSURANCE, MOVED, BENCH_MOVED))
        now_s = self._monotonic()
        held_s = number(kept, "held_s", -1.0, AGE_MAX_S)
        source = whole(kept, "source", 0, 0xFF)
        assurance = whole(kept, ASSURANCE, 0, 0xFF) if ASSURANCE in kept else 0
        if source not in TimeSource._value2member_map_ or assurance not in TimeAssurance._value2member_map_:
            raise StateError(f"the kept state cannot be read: no source {source}, assurance {assurance}")
        self._read_s = now_s - off_s
        self._ns, self._fraction_ns = whole(kept, "utc_ns", -I64_MAX, I64_MAX), 0.0
        self._age_s = number(kept, "age_s", 0.0, AGE_MAX_S)
        self._set_at_s = None if held_s < 0 else now_s - off_s - held_s
        self._set_uncertainty_ns = whole(kept, "set_uncertainty_ns", 0, U64_MAX)
        self.last_set_utc_ns = whole(kept, "last_set_utc_ns", -I64_MAX, I64_MAX)
        self.source, self.assurance = TimeSource(source), TimeAssurance(assurance)
        self.revision = whole(kept, "revision", 0, U32_MAX)
        self.moved_ns = whole(kept, MOVED, -I64_MAX, I64_MAX) if MOVED in kept else 0
        self.bench_moved_ns = whole(kept, BENCH_MOVED, -I64_MAX, I64_MAX) if BENCH_MOVED in kept else 0
