"""What a link learns about its pipe is not spoilt by what it has lost (spec: Retransmission)."""

import random
import statistics

import pytest

from bwc_protocol.link.params import LinkParams
from bwc_protocol.link.pipe_rates import FAR_ABOVE, SMALLEST_SAMPLE, RateMeter, RoundTrip

PARAMS = LinkParams()


def test_round_trips_settle_on_what_the_pipe_takes() -> None:
    trip = RoundTrip(PARAMS)
    for _ in range(100):
        trip.sample(0.2, 0.0)
    assert 0.2 <= trip.part <= 0.25


def test_the_time_of_queued_bytes_is_not_taken_for_distance() -> None:
    trip = RoundTrip(PARAMS)
    for _ in range(100):
        trip.sample(0.510, 0.5)
    assert trip.part <= 2 * PARAMS.timer_floor_s


@pytest.mark.parametrize("draw", range(5))  # always these: it is said of usual luck, and not of every seed
def test_acknowledgements_that_were_lost_do_not_feed_the_timer_that_waits_for_them(draw: int) -> None:
    """One in ten is lost, and a PING a second later brings what it said. Taken whole, such waits would hold the
    timer at seven tenths of a second on a pipe that answers within a millisecond."""
    rng = random.Random(draw)
    trip = RoundTrip(PARAMS)
    timers = []
    for _ in range(500):
        trip.sample(1.0 if rng.random() < 0.1 else 0.001, 0.0)
        timers.append(trip.part)
    assert statistics.median(timers) == PARAMS.timer_floor_s
    assert max(timers[10:]) < 0.5


def test_the_timer_follows_a_pipe_that_becomes_slow() -> None:
    trip = RoundTrip(PARAMS)
    for _ in range(50):
        trip.sample(0.01, 0.0)
    for _ in range(50):
        trip.sample(0.8, 0.0)
    assert 0.8 <= trip.part <= PARAMS.timer_max_s


def test_the_timer_has_a_bound_whatever_is_measured() -> None:
    trip = RoundTrip(PARAMS)
    for _ in range(50):
        trip.sample(60.0, 0.0)
    assert trip.part == PARAMS.timer_max_s


def test_a_channel_is_as_fast_as_whoever_takes_its_bytes_and_not_as_its_pipe(wire, faults) -> None:
    """Else a sender behind a slow station would keep seconds of footage sealed ahead of each reply."""
    small = LinkParams(max_payload=512, channels=9)
    pair = wire(faults(rate=10_000_000.0), host=small, device=small).connect()
    pair.host.link.send(0, bytes(512))
    assert pair.run(lambda: bool(pair.device.received[0]), within=1.0)
    pair.device.stalled.add(0)
    for _ in range(60):
        while pair.host.link.outstanding(0) < 100_000:
            pair.host.link.send(0, bytes(512))
        pair.run(lambda: False, within=0.05)
        pair.device.link.consumed(0, small.max_window)
    taken = small.max_window * 512 / 0.05
    assert 0.7 * taken < pair.host.link.channel_rate(0) < 1.5 * taken
    assert pair.host.link.rate() > 5 * taken


def test_a_channel_that_waits_for_its_turn_is_as_fast_as_its_share_of_the_pipe(wire, faults) -> None:
    """Else each of sixteen busy bays would be taken for as fast as the uplink that they share."""
    small = LinkParams(max_payload=2_048, channels=9)
    pair = wire(faults(rate=1_000_000.0), host=small, device=small).connect()
    for channel in range(8):
        if channel:
            pair.host.link.open_channel(channel)
        pair.host.link.send(channel, bytes(64))
    pair.run(lambda: False, within=0.1)
    for _ in range(300):
        for channel in range(8):
            if pair.host.link.outstanding(channel) < 4_096:
                pair.host.link.send(channel, bytes(2_048))
        pair.run(lambda: False, within=0.01)
    share = 1_000_000.0 / 8
    rates = [pair.host.link.channel_rate(channel) for channel in range(8)]
    assert all(0.6 * share < rate < 2.5 * share for rate in rates), rates
    assert pair.host.link.rate() > 4 * share


def test_an_estimate_far_above_a_full_pipe_is_corrected_by_one_sample() -> None:
    meter = RateMeter(30_000_000.0)
    meter.begin(0.0)
    meter.delivered += 60_000
    meter.sample((0, 0.0), 5.0, full=True)
    assert meter.rate == FAR_ABOVE * 12_000
    meter.sample((0, 0.0), 5.0, full=False)
    assert meter.rate == FAR_ABOVE * 12_000, "an idle sender measures nothing"


def test_a_channel_that_has_little_to_say_is_not_taken_for_a_slow_one(wire, faults) -> None:
    """Nobody held it back: what it says in a while tells nothing of what it could."""
    pair = wire(faults(delay_s=0.4)).connect()
    before = pair.host.link.channel_rate(0)
    for _ in range(20):
        pair.host.link.send(0, bytes(SMALLEST_SAMPLE), pair.now)
        pair.run(lambda: False, within=2.0)
    assert pair.host.link.channel_rate(0) >= before


def test_every_byte_of_the_pipe_is_counted_at_both_ends(wire, faults) -> None:
    pair = wire(faults()).connect()
    pair.host.link.send(0, bytes(50_000))
    pair.run(lambda: False, within=1.0)
    for one, other in ((pair.host, pair.device), (pair.device, pair.host)):
        assert one.link.counters.bytes_out == one.passed == other.link.counters.bytes_in > 0
