"""A pipe that changes in the middle of a transfer: what is lost is sent again at once, what is slow is not.

In virtual time (spec: Retransmission).
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bwc_protocol.frame import FrameType
from bwc_protocol.link import ChannelReset, LinkDown, LinkParams, LinkRole


class Footage:
    """A device that sends so many bytes, with a quarter of a second of its rate under way, as streams do."""

    def __init__(self, pair, size: int) -> None:
        self.pair, self.size, self.fed = pair, size, 0
        self.frame = bytes(pair.device.link.max_payload)
        pair.host.link.send(0, b"go")
        assert pair.run(lambda: bool(pair.device.received[0]), within=5.0)

    def feed(self) -> None:
        link = self.pair.device.link
        ahead = max(2 * len(self.frame), link.channel_rate(0) * (0.25 + link.shortest_round_trip()))
        while self.fed < self.size and link.outstanding(0) < min(2_000_000, ahead):
            link.send(0, self.frame)
            self.fed += len(self.frame)

    @property
    def left(self) -> int:
        return self.size - len(self.pair.host.received[0])

    def until(self, left: int, within: float) -> float:
        """Seconds until so many bytes are left."""
        begun = self.pair.now

        def done() -> bool:
            self.feed()
            return self.left <= left

        assert self.pair.run(done, within), f"{self.left} bytes are left after {within} s"
        return self.pair.now - begun


# What is lost


def lose_flight(pair, size: int) -> None:
    """The device sends `size` bytes, and none of its frames arrives; what comes later does."""
    sound, pair.device.faults = pair.device.faults, replace(pair.device.faults, loss=1.0)
    pair.device.link.send(0, bytes(size))
    pair.run(lambda: False, within=0.0)
    pair.device.faults = sound


@pytest.mark.rule("CHN-025")
@pytest.mark.parametrize("frames", [2, 5, 18])
@pytest.mark.parametrize("before", [5_000_000, 200_000, 1], ids=["rate known", "rate too low", "no rate"])
def test_a_whole_flight_lost_costs_one_timer_and_not_one_for_each_frame(before, frames, wire, faults) -> None:
    """Also where the believed rate says that the flight cannot have left the pipe yet. A buffer that was thrown away
    with all that it held cost 21 s once: each copy's acknowledgement was taken for the original's."""
    pair = wire(faults(rate=100e6, delay_s=0.0005)).connect()
    Footage(pair, before).until(0, within=10.0)
    assert pair.run(lambda: not pair.device.link.outstanding(0), within=1.0)
    begun, whole = pair.now, len(pair.host.received[0]) + frames * 61_440
    timeouts = pair.device.link.counters.timeouts
    lose_flight(pair, frames * 61_440)
    assert pair.run(lambda: len(pair.host.received[0]) == whole, within=60.0)
    assert pair.device.link.counters.timeouts - timeouts == 1
    assert pair.device.link.counters.retransmissions == frames
    assert pair.now - begun < 0.06


@pytest.mark.parametrize("lost", ["data", "acknowledgements", "both"])
@pytest.mark.parametrize("pause_s", [0.1, 1.0, 4.0])
@pytest.mark.parametrize(
    ("rate", "payload", "size"),
    [(11_520.0, 1_024, 60_000), (100_000.0, 2_048, 500_000), (1e6, 16_384, 4_000_000), (1e8, 61_440, 10**8)],
)
def test_after_a_blackout_a_transfer_goes_on_at_once(
    lost, pause_s, rate, payload, size, wire, faults
) -> None:
    """A second of lost data cost 14 s more at 100 kB/s once, and 15 s at 1 MB/s."""
    params = LinkParams(max_payload=payload, channels=9)
    pair = wire(faults(rate=rate, delay_s=0.002), host=params, device=params).connect()
    footage = Footage(pair, size)
    footage.until(size * 6 // 10, within=60.0)
    host, device = pair.host.faults, pair.device.faults
    if lost != "data":
        pair.host.faults = replace(host, loss=1.0)
    if lost != "acknowledgements":
        pair.device.faults = replace(device, loss=1.0)
    pair.run(lambda: footage.feed() or False, within=pause_s)
    pair.host.faults, pair.device.faults = host, device
    took = footage.until(0, within=120.0)
    least = (size * 6 // 10) / rate
    # The timer has doubled to about the length of the pause, at most 2 s; a PING goes after 1 s.
    assert took < 1.15 * least + min(pause_s, 2.0) + 0.2
    assert not pair.device.of(ChannelReset)


# Small frames pass, and data does not


def deaf_to_data(pair) -> Callable[[], int]:
    """From now on the pipe carries no frame of more than 200 bytes; tells how many bytes went in vain."""
    carry, vain = pair._carry, [0]

    def small(frame, one, other) -> None:
        if len(frame) <= 200:
            carry(frame, one, other)
            return
        vain[0] += len(frame)
        one.free_at = max(one.free_at, pair.now) + len(frame) / one.faults.rate

    pair._carry = small
    return lambda: vain[0]


@pytest.mark.rule("CHN-024")
@pytest.mark.rule("CHN-025")
@pytest.mark.parametrize("frames", [2, 32])
def test_a_pipe_that_carries_pings_and_no_data_is_given_up_after_a_while_and_not_filled(
    frames, wire, faults
) -> None:
    """Within a second, after 30 MB, if each PONG had a whole window sent again."""
    pair = wire(faults(rate=1e8, delay_s=0.002)).connect()
    Footage(pair, 6_000_000).until(0, within=10.0)
    begun, vain = pair.now, deaf_to_data(pair)
    pair.device.link.send(0, bytes(frames * 61_440))
    assert pair.run(lambda: bool(pair.device.of(ChannelReset)), within=60.0)
    assert 15.0 < pair.now - begun < 30.0
    assert vain() < (2 * frames + 20) * 61_500


@pytest.mark.parametrize("seconds", [0.3, 3.0, 8.0])
@pytest.mark.parametrize(("rate", "payload"), [(1e5, 1_024), (1e6, 16_384), (1e8, 61_440)])
def test_a_while_in_which_no_data_passes_is_survived(seconds, rate, payload, wire, faults) -> None:
    params = LinkParams(max_payload=payload, channels=9)
    pair = wire(faults(rate=rate, delay_s=0.002), host=params, device=params).connect()
    Footage(pair, int(rate / 5)).until(0, within=10.0)
    carry = pair._carry
    deaf_to_data(pair)
    footage = Footage(pair, len(pair.host.received[0]) + int(rate / 5))
    pair.run(lambda: footage.feed() or False, within=seconds)
    pair._carry = carry
    footage.until(0, within=4.0)
    assert not pair.device.of(ChannelReset)


@pytest.mark.rule("CHN-024")
def test_a_peer_that_answers_pings_and_takes_no_data_is_given_up(bench) -> None:
    """Though it was so slow before that the timer is longer than the silence after which a PING goes."""
    host = bench(LinkRole.HOST).connected_host()
    host.link.open_channel(0)
    host.link.send(0, b"x")
    host.heard()
    host.say(FrameType.ACK, epoch=0, ack=1, window=32)
    for ack in range(2, 27):
        host.link.send(0, bytes(1_024))
        host.heard()
        host.wait(1.9)
        host.say(FrameType.ACK, epoch=0, ack=ack, window=32)
    host.link.send(0, bytes(32 * 1_024))
    begun, sent = host.now, 0
    while not any(isinstance(event, ChannelReset) for event in host.link.events()):
        assert host.now - begun < 200.0
        for frame in host.heard() + host.wait(0.02):
            if frame.type is FrameType.PING:
                answer = {"channel": frame.channel, "epoch": frame.epoch, "seq": frame.seq}
                sent += len(host.say(FrameType.PONG, ack=26, window=32, **answer))
            sent += frame.type is FrameType.DATA
    assert sent < 100


# What is slow


@pytest.mark.rule("CHN-025")
@pytest.mark.parametrize(("slower", "in_vain"), [(10, 6), (100, 40)])
@pytest.mark.parametrize(("rate", "payload", "size"), [(1e6, 16_384, 4_000_000), (1e8, 61_440, 2 * 10**8)])
def test_a_pipe_that_becomes_slow_is_not_filled_with_copies(
    slower, in_vain, rate, payload, size, wire, faults
) -> None:
    """From 1 MB/s to a hundredth ended the channel once: each acknowledgement of a late original was taken for its
    copy's, and all that was behind it was sent again."""
    params = LinkParams(max_payload=payload, channels=9)
    pair = wire(faults(rate=rate, delay_s=0.002), host=params, device=params).connect()
    footage = Footage(pair, size)
    footage.until(size * 6 // 10, within=60.0)
    pair.host.faults = pair.device.faults = faults(rate=rate / slower, delay_s=0.002)
    took = footage.until(0, within=2_000.0)
    assert took < 1.1 * slower * (size * 6 // 10) / rate
    assert pair.device.link.counters.retransmissions <= in_vain
    assert pair.device.link.rate() == pytest.approx(rate / slower, rel=0.5)
    assert not pair.device.of(ChannelReset) and not pair.device.of(LinkDown)


@pytest.mark.parametrize("pause_s", [0.3, 3.0])
@pytest.mark.parametrize(("rate", "payload", "size"), [(1e5, 2_048, 400_000), (1e6, 16_384, 4_000_000)])
def test_a_pipe_that_holds_everything_back_for_a_while_is_sent_one_copy_a_timer(
    pause_s, rate, payload, size, wire, faults
) -> None:
    params = LinkParams(max_payload=payload, channels=9)
    pair = wire(faults(rate=rate, delay_s=0.002), host=params, device=params).connect()
    footage = Footage(pair, size)
    footage.until(size * 6 // 10, within=60.0)
    pair.hold(pause_s)
    took = footage.until(0, within=120.0)
    counters = pair.device.link.counters
    assert 0 < counters.timeouts <= 8
    assert counters.retransmissions == counters.timeouts
    assert took < (size * 6 // 10) / rate + pause_s + 1.5


# What one PONG proves


@pytest.fixture
def flight(bench):
    """A host with frames 1 to 8 in flight, the first of which ran out of time; `ping` went ahead of its copy."""
    host = bench(LinkRole.HOST).flying(8)
    ping, copy = until(host, lambda heard: heard)
    assert (ping.type, ping.channel, ping.epoch, copy.type, copy.seq) == (
        FrameType.PING,
        0,
        0,
        FrameType.DATA,
        1,
    )
    host.ping = ping
    return host


def until(bench, enough: Callable[[list], object]) -> list:
    """What is sent, until it is enough."""
    heard = []
    while not enough(heard):
        heard += bench.wait(0.01)
    return heard


@pytest.mark.rule("CHN-025")
def test_the_answer_to_a_ping_tells_what_was_lost_before_it(flight) -> None:
    heard = flight.say(FrameType.PONG, seq=flight.ping.seq, epoch=0, ack=1, window=32, sack=0b0000_0110)
    assert [f.seq for f in heard] == [2, 5, 6, 7, 8]  # frame 1 went after the PING


def test_an_answer_proves_nothing_about_what_went_after_its_ping(flight) -> None:
    flight.link.send(0, bytes(1_024))
    assert [f.seq for f in flight.heard()] == [9]
    assert flight.say(FrameType.PONG, seq=flight.ping.seq, epoch=0, ack=9, window=32) == []


def test_the_ping_into_silence_tells_as_much_long_before_the_timer(bench) -> None:
    """At the start, when the rate is not known and a frame of 60 KiB is believed to take seconds."""
    host = bench(LinkRole.HOST).connected_host(max_payload=61_440)
    host.link.open_channel(0)
    host.link.send(0, b"x")
    host.heard()
    host.say(FrameType.ACK, epoch=0, ack=1, window=32)
    host.link.send(0, bytes(3 * 61_440))
    assert [f.seq for f in host.heard()] == [1, 2, 3]
    (ping,) = until(host, lambda heard: heard)
    assert ping.type is FrameType.PING and host.link.counters.timeouts == 0
    heard = host.say(FrameType.PONG, seq=ping.seq, epoch=0, ack=1, window=32)
    assert [f.seq for f in heard] == [1, 2, 3]


@pytest.mark.parametrize(
    "fields",
    [
        {"epoch": 1, "ack": 1},
        {"epoch": 0, "ack": 20},
        {"epoch": 0, "ack": 0},
        {"epoch": 0, "ack": 1, "seq": 0},
        {"epoch": 0, "ack": 1, "seq": 77},
    ],
    ids=["other life", "beyond", "old", "no number", "never asked"],
)
def test_an_answer_that_is_void_proves_nothing(fields, flight) -> None:
    assert flight.say(FrameType.PONG, window=32, **({"seq": flight.ping.seq} | fields)) == []


def test_an_answer_proves_what_it_does_once(flight) -> None:
    pong = {"seq": flight.ping.seq, "epoch": 0, "ack": 1, "window": 32}
    assert [f.seq for f in flight.say(FrameType.PONG, **pong)] == list(range(2, 9))
    assert flight.say(FrameType.PONG, **pong) == []


def test_an_answer_is_taken_for_its_own_question(bench) -> None:
    """On a slow pipe several PINGs are on the way before the first PONG comes; taken for the last of them, it would
    declare lost what is merely behind it."""
    host = bench(LinkRole.HOST).flying(1)
    first = until(host, lambda heard: heard)[0]
    host.link.send(0, bytes(1_024))
    host.heard()  # frame 2
    second = until(host, lambda heard: any(f.type is FrameType.PING for f in heard))[0]
    assert first.seq != second.seq
    assert host.say(FrameType.PONG, seq=first.seq, epoch=0, ack=1, window=32) == []
    heard = host.say(FrameType.PONG, seq=second.seq, epoch=0, ack=1, window=32)
    assert [f.seq for f in heard] == [2]


def test_a_frame_that_is_known_to_be_lost_measures_with_its_copy(wire, faults) -> None:
    """Karn's rule is about not knowing which of two arrived."""
    pair = wire(faults(rate=10e6, delay_s=0.0005)).connect()
    Footage(pair, 1).until(0, within=10.0)
    assert pair.run(lambda: not pair.device.link.outstanding(0), within=1.0)
    lose_flight(pair, 30 * 61_440)
    assert pair.run(lambda: not pair.device.link.outstanding(0), within=60.0)
    assert 4e6 < pair.device.link.rate() < 12e6
