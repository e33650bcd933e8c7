"""A clock is measured before it is set, and never set by an implausible step (spec: Clock)."""

import asyncio
from collections.abc import Callable

import pytest

from bwc_protocol.messages.clock import ClockExchange, ClockReason, TimeSource
from bwc_sdk.clock_sync import ROUNDS_MAX, Measurement, check_step, measure
from bwc_sdk.errors import ClockImplausible, ProtocolViolation

MS = 1_000_000
S = 1_000_000_000


class DelayedClock:
    """A device `ahead_ns` ahead of the host, reached by delays of which none is repeated."""

    def __init__(self, ahead_ns: int, delays_ms: list[tuple[int, int]]) -> None:
        self.host_ns = 1_000 * S
        self.ahead_ns = ahead_ns
        self.delays = delays_ms
        self.asked = 0
        self.revision_of: Callable[[int], int] = lambda asked: 1

    def utc_ns(self) -> int:
        return self.host_ns

    async def exchange(self, *, host_sent_ns: int) -> ClockExchange:
        there, back = self.delays[self.asked % len(self.delays)]
        self.asked += 1
        self.host_ns += there * MS
        received = self.host_ns + self.ahead_ns
        self.host_ns += 3 * MS  # the device thinks
        sent = self.host_ns + self.ahead_ns
        self.host_ns += back * MS
        return ClockExchange(
            host_sent_ns=host_sent_ns,
            device_received_ns=received,
            device_sent_ns=sent,
            revision=self.revision_of(self.asked),
        )


def measured(clock: DelayedClock, rounds: int = 8) -> Measurement:
    return asyncio.run(measure(clock, clock.utc_ns, rounds))


@pytest.mark.parametrize("ahead_s", [0, 5, -7200])
def test_the_true_offset_lies_within_the_uncertainty_whatever_the_delays(ahead_s: int) -> None:
    clock = DelayedClock(ahead_s * S, [(40, 2), (1, 9), (300, 0), (5, 5)])
    found = measured(clock)
    assert abs(found.offset_ns - -ahead_s * S) <= found.uncertainty_ns


def test_the_exchange_with_the_shortest_round_trip_decides() -> None:
    found = measured(DelayedClock(S, [(40, 2), (1, 1), (300, 0)]))
    assert found.round_trip_ns == 2 * MS
    assert found.uncertainty_ns == MS + 1
    assert found.offset_ns == -S


def test_the_time_that_the_device_thinks_is_not_counted_as_delay() -> None:
    assert measured(DelayedClock(0, [(0, 0)])).round_trip_ns == 0


def test_exchanges_of_a_clock_that_was_set_meanwhile_are_not_mixed() -> None:
    clock = DelayedClock(0, [(0, 0), (10, 10)])
    clock.revision_of = lambda asked: 1 if asked == 1 else 2
    found = measured(clock, rounds=4)
    assert found.revision == 2


def test_the_number_of_exchanges_is_bounded() -> None:
    clock = DelayedClock(0, [(1, 1)])
    measured(clock, rounds=1_000_000)
    assert clock.asked == ROUNDS_MAX
    measured(clock, rounds=0)
    assert clock.asked == ROUNDS_MAX + 1


class LyingClock(DelayedClock):
    def __init__(self, *, echo: int = 0, thinks_ns: int = 0) -> None:
        super().__init__(0, [(1, 1)])
        self.echo, self.thinks_ns = echo, thinks_ns

    async def exchange(self, *, host_sent_ns: int) -> ClockExchange:
        return ClockExchange(
            host_sent_ns=host_sent_ns + self.echo,
            device_received_ns=host_sent_ns,
            device_sent_ns=host_sent_ns + self.thinks_ns,
            revision=1,
        )


@pytest.mark.parametrize("clock", [LyingClock(echo=1), LyingClock(thinks_ns=-1)], ids=["echo", "order"])
def test_impossible_stamps_are_a_violation_and_not_a_measurement(clock: LyingClock) -> None:
    with pytest.raises(ProtocolViolation):
        measured(clock)


def step(offset_s: float) -> Measurement:
    return Measurement(int(offset_s * S), MS, 2 * MS, revision=1, rounds=8)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("reason", "allowed_s", "refused_s"),
    [(ClockReason.ROUTINE, 300, 300.1), (ClockReason.CORRECTION, 86_400, 86_401)],
)
def test_each_reason_bounds_the_step_in_both_directions(
    reason: ClockReason, allowed_s: float, refused_s: float, sign: int
) -> None:
    check_step(step(sign * allowed_s), reason, TimeSource.NTP)
    with pytest.raises(ClockImplausible, match=str(reason)):
        check_step(step(sign * refused_s), reason, TimeSource.NTP)


def test_a_first_set_may_step_as_far_as_it_must() -> None:
    check_step(step(50 * 365 * 86_400), ClockReason.FIRST_SET, TimeSource.GNSS)


@pytest.mark.parametrize("reason", list(ClockReason))
def test_a_host_that_does_not_know_its_time_sets_no_clock_outside_a_bench(reason: ClockReason) -> None:
    if reason is ClockReason.BENCH:
        check_step(step(0), reason, TimeSource.UNSYNCHRONISED)
        return
    with pytest.raises(ClockImplausible) as caught:
        check_step(step(0), reason, TimeSource.UNSYNCHRONISED, device="sim:")
    assert caught.value.device == "sim:"
    assert caught.value.advice
