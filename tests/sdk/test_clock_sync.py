"""A clock is measured before it is set, never set by an implausible step, and measured again (spec: Clock)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from bwc_protocol.declare import Unknown
from bwc_protocol.messages.clock import ClockExchange, ClockReason, ClockSet, TimeAssurance, TimeSource
from bwc_sdk.clients.clock_sync import ROUNDS_MAX, ClockSync, Measurement, check_step, measure, synchronise
from bwc_sdk.errors import BwcError, ClockImplausible, ClockNotVerified, ClockUnsteady, ProtocolViolation
from bwc_sdk.host.host_clock import AGREE_NS, CLOSE_NS, HostClock, Stamp, steady
from bwc_sdk.host.time_claim import TimeClaim

MS = 1_000_000
S = 1_000_000_000
ROUNDS = 8
FEW_NS = 100
"""The readings of the device, of which no two are a round number apart."""
WORD = TimeClaim(TimeSource.NTP, 5 * MS, TimeAssurance.VERIFIED)


class Bench:
    """A host and a device `ahead_ns` ahead of it, reached by delays (ms there, ms back) of which none is repeated.

    `at` has what happens at a place of an exchange, by its number from 0: `sent`, `came`; or around the set.
    """

    def __init__(self, ahead_ns: int = 0, delays_ms: list[tuple[float, float]] | None = None) -> None:
        self.passed_ns = 0
        self.stopwatch_ns = 0
        self.host_ns = 1_000 * S
        self.host_rate = 1.0
        self.device_ns = self.host_ns + ahead_ns
        self.device_rate = 1.0
        self.grain_ns = 1
        self.read = 0
        self.revision = 1
        self.delays = delays_ms or [(1.0, 1.0)]
        self.asked = 0
        self.sets: list[int] = []
        self.told_uncertainty_ns = 0
        self.at: dict[tuple[str, int], Callable[[], None]] = {}
        self.host = HostClock(lambda: self.host_ns, lambda: self.stopwatch_ns)

    def passes(self, ns: float) -> None:
        self.stopwatch_ns += round(ns)
        self.host_ns += round(ns * self.host_rate)
        self.device_ns += round(ns * self.device_rate)

    def step(self, ns: int) -> None:
        self.host_ns += ns

    def before_stamp(self, number: int, happens: Callable[[], None]) -> None:
        """Lets something happen before the host reads its clocks for the `number`th time, counted from 0."""
        stamp, numbers = self.host.stamp, count()

        def stamped() -> Stamp:
            if next(numbers) == number:
                happens()
            return stamp()

        self.host.stamp = stamped

    def reading(self) -> int:
        self.read += 1
        return (self.device_ns + self.read) // self.grain_ns * self.grain_ns  # no two a round number apart

    def happens(self, place: str, number: int = 0) -> None:
        self.at.get((place, number), lambda: None)()

    async def exchange(self, *, host_sent_ns: int) -> ClockExchange:
        there, back = self.delays[self.asked % len(self.delays)]
        self.happens("sent", self.asked)
        self.passes(there * MS)
        received = self.reading()
        self.passes(3 * MS)  # the device thinks
        sent, revision = self.reading(), self.revision
        self.passes(back * MS)
        self.happens("came", self.asked)
        self.asked += 1
        return ClockExchange(
            host_sent_ns=host_sent_ns, device_received_ns=received, device_sent_ns=sent, revision=revision
        )

    async def set(
        self,
        *,
        offset_ns: int,
        uncertainty_ns: int,
        reason: ClockReason | Unknown,
        source: TimeSource | Unknown,
        revision: int,
        assurance: TimeAssurance | Unknown,
    ) -> ClockSet:
        self.happens("set")
        before = self.device_ns
        self.device_ns += offset_ns
        self.revision += 1
        self.sets.append(offset_ns)
        self.told_uncertainty_ns = uncertainty_ns
        self.passes(2 * MS)
        self.happens("was set")
        return ClockSet(before_utc_ns=before, after_utc_ns=self.device_ns, revision=self.revision)


def measured(bench: Bench, rounds: int = ROUNDS) -> Measurement:
    return asyncio.run(measure(bench, bench.host, rounds))


def synced(bench: Bench, reason: ClockReason = ClockReason.ROUTINE, word: TimeClaim = WORD) -> ClockSync:
    return asyncio.run(synchronise(bench, bench.host, word, reason, ROUNDS, device="sim:"))


# Measuring


@pytest.mark.parametrize("ahead_s", [0, 5, -7200])
def test_the_true_offset_lies_within_the_uncertainty_whatever_the_delays(ahead_s: int) -> None:
    found = measured(Bench(ahead_s * S, [(40, 2), (1, 9), (300, 0), (5, 5)]))
    assert abs(found.offset_ns - -ahead_s * S) <= found.uncertainty_ns


def test_the_exchange_with_the_shortest_round_trip_decides() -> None:
    found = measured(Bench(S, [(40, 2), (1, 1), (300, 0)]))
    assert found.round_trip_ns == pytest.approx(2 * MS, abs=FEW_NS)
    assert MS < found.uncertainty_ns < MS + MS // 100
    assert found.offset_ns == pytest.approx(-S, abs=FEW_NS)


def test_the_time_that_the_device_thinks_is_not_counted_as_delay() -> None:
    assert measured(Bench(0, [(0, 0)])).round_trip_ns == 0


def test_exchanges_of_a_clock_that_was_set_meanwhile_are_not_mixed() -> None:
    bench = Bench(0, [(0, 0), (10, 10)])
    bench.at["sent", 1] = lambda: setattr(bench, "revision", 2)
    found = measured(bench, rounds=4)
    assert found.revision == 2
    assert (found.rounds, found.discarded) == (4, 1)


def test_a_clock_that_is_set_all_the_time_is_not_measured() -> None:
    bench = Bench()
    for number in range(2 * ROUNDS):
        bench.at["sent", number] = lambda: setattr(bench, "revision", bench.revision + 1)
    with pytest.raises(ClockUnsteady):
        measured(bench)


def test_the_number_of_exchanges_is_bounded() -> None:
    bench = Bench()
    measured(bench, rounds=1_000_000)
    assert bench.asked == ROUNDS_MAX
    measured(bench, rounds=0)
    assert bench.asked == ROUNDS_MAX + 1


class LyingDevice(Bench):
    def __init__(self, *, echo: int = 0, held_ns: int = 0) -> None:
        super().__init__()
        self.echo, self.held_ns = echo, held_ns

    async def exchange(self, *, host_sent_ns: int) -> ClockExchange:
        self.passes(2 * MS)
        return ClockExchange(
            host_sent_ns=host_sent_ns + self.echo,
            device_received_ns=host_sent_ns,
            device_sent_ns=host_sent_ns + self.held_ns,
            revision=1,
        )


@pytest.mark.parametrize(
    "bench",
    [LyingDevice(echo=1), LyingDevice(held_ns=-1), LyingDevice(held_ns=S), LyingDevice(held_ns=3 * MS + 7)],
    ids=["echo", "order", "held-for-longer-than-it-was-away", "by-a-little"],
)
def test_impossible_stamps_are_a_violation_and_not_a_measurement(bench: Bench) -> None:
    with pytest.raises(ProtocolViolation):
        measured(bench)


def test_a_device_whose_clock_runs_off_or_jumps_is_told_and_not_measured() -> None:
    runs = Bench(0, [(0.1, 0.1)])
    runs.device_rate = 1.05
    jumps = Bench()
    jumps.at["sent", 4] = lambda: setattr(jumps, "device_ns", jumps.device_ns + S)
    for bench in (runs, jumps):
        with pytest.raises(ClockUnsteady, match="runs off") as caught:
            synced(bench)
        assert not bench.sets and caught.value.advice


@pytest.mark.parametrize("grain_ns", [1000, MS, 10 * MS, 250 * MS])
def test_a_clock_that_counts_coarsely_is_known_no_better(grain_ns: int) -> None:
    worst_ns = 0
    for begins_ns in range(0, grain_ns, max(1, grain_ns // 13)):
        bench = Bench(begins_ns, [(0.7, 0.4), (0.3, 0.6), (40, 1)])
        bench.grain_ns = grain_ns
        try:
            found = measured(bench)
        except ClockUnsteady:
            assert grain_ns > 10 * MS, "all exchanges passed while it stood still"
            continue
        off_ns = bench.host_ns - bench.device_ns
        assert abs(found.offset_ns - off_ns) <= found.uncertainty_ns
        worst_ns = max(worst_ns, abs(found.offset_ns - off_ns))
    if grain_ns in (MS, 10 * MS):
        assert worst_ns > MS // 2


def test_a_clock_that_stands_still_is_told() -> None:
    bench = Bench()
    bench.device_rate, bench.read = 0.0, 0
    bench.grain_ns = S
    with pytest.raises(ClockUnsteady, match="stands still"):
        measured(bench)


# The host's own clock


STEPS_NS = [-200 * S, 100 * S, -2 * MS, 2 * MS, 3 * AGREE_NS]


@pytest.mark.rule("CLK-008")
@pytest.mark.parametrize("step_ns", STEPS_NS)
@pytest.mark.parametrize("place", ["sent", "came"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_step_of_the_host_in_any_round_spoils_no_measurement(place: str, number: int, step_ns: int) -> None:
    bench = Bench(S)
    bench.at[place, number] = lambda: bench.step(step_ns)
    found = measured(bench)
    assert abs(found.offset_ns - (bench.host_ns - bench.device_ns)) <= found.uncertainty_ns
    assert 0 <= found.round_trip_ns <= 3 * MS and found.uncertainty_ns < 2 * MS
    assert found.discarded >= number


@pytest.mark.rule("CLK-008")
@pytest.mark.parametrize("step_ns", STEPS_NS)
@pytest.mark.parametrize("number", range(1, ROUNDS))
def test_nor_does_a_step_between_two_rounds(number: int, step_ns: int) -> None:
    bench = Bench(S)
    bench.before_stamp(2 * number, lambda: bench.step(step_ns))
    found = measured(bench)
    assert abs(found.offset_ns - (bench.host_ns - bench.device_ns)) <= found.uncertainty_ns < 2 * MS
    assert (found.rounds, found.discarded) == (ROUNDS, number)


@pytest.mark.parametrize("step_ns", [150_000, -150_000])
@pytest.mark.parametrize("stamp", range(2 * ROUNDS))
def test_a_step_that_is_too_small_to_be_told_is_within_the_bound(stamp: int, step_ns: int) -> None:
    bench = Bench(S, [(0.01, 0.01)] + [(5, 5)] * 3)
    bench.before_stamp(stamp, lambda: bench.step(step_ns))
    found = measured(bench)
    assert abs(found.offset_ns - (bench.host_ns - bench.device_ns)) <= found.uncertainty_ns < MS
    assert found.round_trip_ns == pytest.approx(20_000, abs=FEW_NS), "by the stopwatch"


def test_a_round_trip_is_timed_by_the_stopwatch() -> None:
    bench = Bench(S, [(0.01, 0.01)])
    bench.before_stamp(1, lambda: bench.step(-150_000))
    found = measured(bench, rounds=1)
    assert found.round_trip_ns == pytest.approx(20_000, abs=FEW_NS)
    assert found.uncertainty_ns > 160_000


def test_a_step_back_and_forth_spoils_none_either() -> None:
    bench = Bench(S)
    bench.at["sent", 5] = lambda: bench.step(-2 * MS)
    bench.at["came", 5] = lambda: bench.step(2 * MS)
    found = measured(bench)
    assert abs(found.offset_ns - (bench.host_ns - bench.device_ns)) <= found.uncertainty_ns


@pytest.mark.parametrize("seconds", [1, 3600])
def test_a_suspend_within_a_round_is_no_round_trip(seconds: int) -> None:
    bench = Bench()

    def sleeps() -> None:  # neither stopwatch nor link go on; both clocks do
        bench.host_ns += seconds * S
        bench.device_ns += seconds * S

    bench.at["sent", 2] = sleeps
    found = measured(bench)
    assert found.discarded == 3 and found.offset_ns == pytest.approx(0, abs=FEW_NS)


@pytest.mark.rule("CLK-008")
@pytest.mark.parametrize("rate", [1.08, 0.9, 1.3])
def test_a_slew_beyond_what_a_kernel_trims_is_no_steady_clock_and_nothing_is_set(rate: float) -> None:
    bench = Bench(S, [(20, 20)])
    bench.host_rate = rate
    with pytest.raises(ClockUnsteady) as caught:
        synced(bench)
    assert caught.value.discarded == 2 * ROUNDS and caught.value.advice
    assert not bench.sets


def test_the_trim_of_a_kernel_is_borne() -> None:
    bench = Bench(S, [(200, 200)])
    bench.host_rate = 1.0005
    assert synced(bench).before.discarded == 0


def test_a_clock_that_steps_all_the_time_is_none() -> None:
    bench = Bench()
    for number in range(2 * ROUNDS):
        bench.at["came", number] = lambda: bench.step(5 * MS)
    with pytest.raises(ClockUnsteady):
        measured(bench)
    assert bench.asked == 2 * ROUNDS


def test_the_readings_that_lie_closest_count() -> None:
    spreads = iter([9 * CLOSE_NS, 3 * CLOSE_NS, 5 * CLOSE_NS])
    at = 0

    def elapsed() -> int:
        nonlocal at
        at += next(spreads) if elapsed.inside else 0
        elapsed.inside = not elapsed.inside
        return at

    elapsed.inside = False
    stamp = HostClock(lambda: 0, elapsed).stamp()
    assert stamp.after_ns - stamp.before_ns == 3 * CLOSE_NS


def test_two_stamps_are_steady_in_either_order() -> None:
    first, then = Stamp(0, 0, 0), Stamp(10 * S, 10 * S, 10 * S)
    assert steady(first, then) and steady(then, first)
    assert not steady(first, Stamp(11 * S, 10 * S, 10 * S))


# Setting


def step(offset_s: float, uncertainty_ns: int = MS) -> Measurement:
    return Measurement(int(offset_s * S), uncertainty_ns, 2 * MS, revision=1, rounds=8)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("reason", "allowed_s", "refused_s", "wider"),
    [(ClockReason.ROUTINE, 300, 300.1, "correction"), (ClockReason.CORRECTION, 86_400, 86_401, "bench")],
)
def test_each_reason_bounds_the_step_in_both_directions(
    reason: ClockReason, allowed_s: float, refused_s: float, wider: str, sign: int
) -> None:
    check_step(step(sign * allowed_s), reason)
    with pytest.raises(ClockImplausible, match=str(reason)) as caught:
        check_step(step(sign * refused_s), reason)
    assert wider in caught.value.advice


def test_a_first_set_may_step_as_far_as_it_must() -> None:
    check_step(step(50 * 365 * 86_400), ClockReason.FIRST_SET)


def test_a_clock_is_not_set_over_a_line_that_answers_too_late() -> None:
    bench = Bench(S, [(100, 2500)])
    with pytest.raises(ClockImplausible, match=r"1\.3 s only") as caught:
        synced(bench)
    assert not bench.sets and caught.value.device == "sim:"
    check_step(step(0, S), ClockReason.ROUTINE)
    with pytest.raises(ClockImplausible):
        check_step(step(0, S + 1), ClockReason.ROUTINE)


@pytest.mark.rule("CLK-009")
@pytest.mark.parametrize("delays", [[(1, 1)], [(400, 2)], [(2, 400)], [(300, 1)] * 8 + [(1, 300)] * 8])
def test_a_set_brings_the_clock_within_what_the_device_is_told(delays: list[tuple[float, float]]) -> None:
    bench = Bench(-20 * S, delays)
    found = synced(bench)
    link_ns = bench.told_uncertainty_ns - WORD.uncertainty_ns
    assert found.uncertainty_ns == bench.told_uncertainty_ns
    assert abs(bench.host_ns - bench.device_ns) <= link_ns
    assert (found.done.revision, found.after.revision) == (2, 2)


@pytest.mark.parametrize("step_ns", STEPS_NS)
def test_a_step_between_measuring_and_setting_sets_nothing(step_ns: int) -> None:
    bench = Bench(S)
    bench.before_stamp(2 * ROUNDS, lambda: bench.step(step_ns))
    with pytest.raises(ClockUnsteady, match="nothing was set"):
        synced(bench)
    assert not bench.sets


@pytest.mark.rule("CLK-009")
@pytest.mark.parametrize("step_ns", STEPS_NS)
@pytest.mark.parametrize("place", [("set", 0), ("was set", 0), ("sent", ROUNDS), ("came", 2 * ROUNDS - 1)])
def test_a_step_during_the_set_or_its_verification_is_told(place: tuple[str, int], step_ns: int) -> None:
    bench = Bench(S)
    bench.at[place] = lambda: bench.step(step_ns)
    with pytest.raises(ClockNotVerified, match="this host's clock was itself set") as caught:
        synced(bench)
    assert (
        bench.sets == [pytest.approx(-S, abs=FEW_NS)]
        and caught.value.done.revision == 2
        and caught.value.advice
    )


@pytest.mark.rule("CLK-009")
@pytest.mark.parametrize("off_ns", [30 * MS, -30 * MS, 100 * S])
def test_a_device_that_sets_itself_to_something_else_is_told(off_ns: int) -> None:
    bench = Bench(S)
    bench.at["was set", 0] = lambda: setattr(bench, "device_ns", bench.device_ns + off_ns)
    with pytest.raises(ClockNotVerified, match="ms off") as caught:
        synced(bench)
    assert caught.value.offset_ns is not None and abs(caught.value.offset_ns + off_ns) < 2 * MS


def test_a_device_that_only_says_that_it_was_set_is_told() -> None:
    bench = Bench(MS)
    bench.at["was set", 0] = lambda: setattr(bench, "revision", 1)
    with pytest.raises(ClockNotVerified, match="not set at all"):
        synced(bench)


def test_a_set_of_somebody_else_in_between_is_told() -> None:
    bench = Bench(S)
    bench.at["sent", ROUNDS] = lambda: setattr(bench, "revision", 7)
    with pytest.raises(ClockNotVerified, match="somebody else"):
        synced(bench)


@pytest.mark.parametrize("error", [ClockUnsteady("x"), ProtocolViolation("x"), BwcError("x")])
def test_a_set_that_cannot_be_measured_again_is_not_verified(error: BwcError) -> None:
    def fails() -> None:
        raise error

    bench = Bench(S)
    bench.at["sent", ROUNDS + 2] = fails
    with pytest.raises(ClockNotVerified) as caught:
        synced(bench)
    assert caught.value.__cause__ is error and caught.value.offset_ns is None
    assert bench.sets == [pytest.approx(-S, abs=FEW_NS)]
