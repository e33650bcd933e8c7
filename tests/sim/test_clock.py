"""The clock drifts as its oscillator does, and the bound that it states holds."""

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import TimeSource
from firmware_sim.physics.clock import UNBOUNDED_NS, DeviceClock, Oscillator, crystal, tcxo

NOW_NS = 1_760_000_000_000_000_000
HOURS_10 = 36_000.0


@dataclass
class Bench:
    """True time and temperature, moved by hand."""

    now_s: float = 1000.0
    temperature_c: float = 25.0

    def clock(self, oscillator: Oscillator) -> DeviceClock:
        return DeviceClock(lambda: self.now_s, oscillator, lambda: self.temperature_c)


@pytest.mark.parametrize(
    ("ppm", "temperature_c", "expected_s"), [(20, 25, 0.72), (-20, 25, -0.72), (0, -20, -2.479)]
)
def test_drift_over_ten_hours_is_that_of_the_oscillator(
    ppm: float, temperature_c: float, expected_s: float
) -> None:
    bench = Bench(temperature_c=temperature_c)
    clock = bench.clock(Oscillator(ppm, 0.034, 0.0, 100.0))
    clock.set_utc_ns(NOW_NS, 0)
    bench.now_s += HOURS_10
    drift_s = (clock.utc_ns() - NOW_NS) / 1e9 - HOURS_10
    assert drift_s == pytest.approx(expected_s, abs=0.001)


def test_how_often_it_is_read_changes_nothing() -> None:
    bench = Bench()
    often, once = (bench.clock(Oscillator(7.3, 0.034, 0.0, 100.0)) for _ in range(2))
    for clock in (often, once):
        clock.set_utc_ns(NOW_NS, 0)
    for _ in range(10_000):
        bench.now_s += 0.37
        often.utc_ns()
    assert abs(often.utc_ns() - once.utc_ns()) < 1000


def test_time_never_runs_backwards_between_sets() -> None:
    bench = Bench()
    clock, rng, last = bench.clock(crystal(random.Random(3))), random.Random(4), -1
    for _ in range(1000):
        bench.now_s += rng.random() * 0.001
        assert clock.utc_ns() >= last
        last = clock.utc_ns()


def test_ageing_adds_to_the_rate() -> None:
    oscillator = Oscillator(1.0, 0.034, 3.0, 100.0)
    year_s = 365.25 * 86_400
    assert oscillator.rate_ppm(25.0, 2 * year_s) == pytest.approx(7.0)


@given(
    st.integers(0, 2**32),
    st.sampled_from([crystal, tcxo]),
    st.integers(-50_000_000, 50_000_000),
    st.lists(st.tuples(st.floats(0, 50_000), st.floats(-20, 60)), max_size=8),
)
def test_the_stated_uncertainty_bounds_the_true_error(
    seed: int, kind: object, error_ns: int, stretches: list[tuple[float, float]]
) -> None:
    bench = Bench()
    clock = bench.clock(kind(random.Random(seed)))
    began_s = bench.now_s
    clock.set_utc_ns(NOW_NS + error_ns, abs(error_ns))
    for stretch_s, bench.temperature_c in stretches:
        bench.now_s += stretch_s
        true_ns = NOW_NS + (bench.now_s - began_s) * 1e9
        assert abs(clock.utc_ns() - true_ns) <= clock.uncertainty_ns() + 1000  # float seconds: below 1 us


def test_uncertainty_grows_until_the_next_set() -> None:
    bench = Bench()
    clock = bench.clock(crystal(random.Random(1)))
    clock.set_utc_ns(NOW_NS, 2_000_000)
    first = clock.uncertainty_ns()
    bench.now_s += HOURS_10
    assert clock.uncertainty_ns() == pytest.approx(first + 3.6e9, rel=1e-6)  # 100 ppm for ten hours
    clock.set_utc_ns(NOW_NS, 2_000_000)
    assert clock.uncertainty_ns() == first


@pytest.mark.rule("CLK-006")
def test_the_states_follow_set_holdover_and_loss_of_power() -> None:
    bench = Bench()
    clock = bench.clock(crystal(random.Random(1)))
    assert clock.state is ClockState.UNSET and clock.uncertainty_ns() == UNBOUNDED_NS and clock.revision == 0
    clock.set_utc_ns(NOW_NS, 1_000_000, TimeSource.NTS)
    assert clock.state is ClockState.SYNCED and clock.source is TimeSource.NTS and clock.revision == 1
    bench.now_s += 25 * 3600
    assert clock.state is ClockState.HOLDOVER
    clock.reset()
    assert clock.state is ClockState.UNSET and clock.revision == 2 and clock.last_set_utc_ns == 0
    assert clock.utc_ns() == 0
    bench.now_s += 5
    assert clock.utc_ns() == pytest.approx(5e9, rel=1e-4)


def test_the_clock_runs_on_while_the_device_is_off() -> None:
    bench = Bench()
    clock = bench.clock(Oscillator(0.0, 0.0, 0.0, 100.0))
    clock.set_utc_ns(NOW_NS, 1_000_000, TimeSource.NTP)
    bench.now_s += 60
    kept = clock.snapshot()
    later = Bench(now_s=7.0)
    again = later.clock(Oscillator(0.0, 0.0, 0.0, 100.0))
    again.restore(kept, off_s=3600.0)
    assert again.utc_ns() == pytest.approx(NOW_NS + 3660e9, abs=10)
    assert again.uncertainty_ns() == pytest.approx(1_000_000 + 3660 * 100_000, abs=10)
    assert again.state is ClockState.SYNCED and again.revision == 1 and again.source is TimeSource.NTP
