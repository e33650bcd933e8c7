"""Two links over a pipe with faults, in virtual time: each byte once, in order, or a failure in bounded time."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bwc_protocol.frame import Frame, FrameType, encode_frame
from bwc_protocol.link import (
    ChannelReset,
    LinkDown,
    LinkDownReason,
    LinkParams,
    LinkRole,
    LinkState,
    ResetReason,
)
from bwc_protocol.link.scheduler import Scheduler
from tests.tiers import seeds, times

SMALL = LinkParams(max_payload=512, channels=9)
"""Small frames, so that little data makes many of them."""


def stream(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def exchange(pair, up: bytes, down: bytes, within: float, channel: int = 0) -> bool:
    """Sends both ways at once, in writes of odd sizes; whether all arrived."""
    host, device = pair.host, pair.device
    for end, data in ((host, up), (device, down)):
        at = 0
        while at < len(data) and end is host:
            size = pair.random.randrange(1, 3_000)
            end.link.send(channel, data[at : at + size])
            at += size
    answered = False

    def done() -> bool:
        nonlocal answered
        if not answered and device.received[channel]:
            answered = True
            device.link.send(channel, down)
        return len(device.received[channel]) >= len(up) and len(host.received[channel]) >= len(down)

    return pair.run(done, within)


def assert_exact(pair, up: bytes, down: bytes, channel: int = 0) -> None:
    assert bytes(pair.device.received[channel]) == up
    assert bytes(pair.host.received[channel]) == down


LADDER = {
    "clean": {},
    "one byte at a time": {"chunk": 1},
    "7 bytes at a time": {"chunk": 7},
    "20 % loss": {"loss": 0.2},
    "corrupting": {"corrupt": 0.1},
    "truncating": {"truncate": 0.05},
    "inserting": {"insert": 0.05},
    "duplicating": {"duplicate": 0.3},
    "reordering": {"reorder": 0.3},
    "delayed": {"delay_s": 0.4},
    "jitter": {"jitter_s": 0.05},
    "all at once": {
        "loss": 0.05,
        "corrupt": 0.05,
        "duplicate": 0.05,
        "reorder": 0.05,
        "truncate": 0.02,
        "insert": 0.02,
    },
}


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("rung", LADDER)
def test_each_byte_arrives_once_and_in_order(rung, seed, wire, faults) -> None:
    pair = wire(faults(**LADDER[rung]), seed=seed, host=SMALL, device=SMALL).connect()
    up, down = stream(1, 20_000), stream(2, 30_000)
    assert exchange(pair, up, down, within=120.0)
    assert_exact(pair, up, down)


@pytest.mark.rule("CHN-019")
@settings(
    max_examples=times(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32 - 1),
    loss=st.floats(0.0, 0.3),
    duplicate=st.floats(0.0, 0.3),
    reorder=st.floats(0.0, 0.5),
    corrupt=st.floats(0.0, 0.2),
    window=st.integers(1, 32),
    size=st.integers(1, 6_000),
)
def test_any_interleaving_delivers_each_byte_once_in_order_or_fails_in_bounded_time(
    seed, loss, duplicate, reorder, corrupt, window, size, wire, faults
) -> None:
    params = LinkParams(max_payload=128, max_window=window, channels=2)
    pair = wire(
        faults(loss=loss, duplicate=duplicate, reorder=reorder, corrupt=corrupt),
        seed=seed,
        host=params,
        device=params,
    )
    pair.host.link.open(0.0)
    pair.run(lambda: pair.host.link.state in (LinkState.LIVE, LinkState.CLOSED) and pair.now > 0, within=16.0)
    assert pair.host.link.state in (LinkState.LIVE, LinkState.CLOSED)
    if pair.host.link.state is LinkState.CLOSED:
        return
    pair.host.link.open_channel(0)
    up, down = stream(seed, size), stream(seed + 1, size)
    whole = exchange(pair, up, down, within=300.0)
    if whole:
        assert_exact(pair, up, down)
        return
    assert up.startswith(bytes(pair.device.received[0]))
    assert down.startswith(bytes(pair.host.received[0]))
    assert any(end.of(ChannelReset) + end.of(LinkDown) for end in (pair.host, pair.device))


@settings(
    max_examples=times(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32 - 1),
    lives=st.integers(2, 6),
    loss=st.floats(0.0, 0.3),
    reorder=st.floats(0.0, 0.3),
)
def test_no_byte_of_one_life_of_a_channel_reaches_another(seed, lives, loss, reorder, wire, faults) -> None:
    pair = wire(
        faults(loss=loss, duplicate=0.3, reorder=reorder), seed=seed, host=SMALL, device=SMALL
    ).connect(())
    host, device = pair.host.link, pair.device.link

    def ended() -> bool:  # so much loss may also swallow every PING of 5 s
        return bool(pair.host.of(LinkDown) or pair.device.of(LinkDown))

    for life in range(lives):
        host.open_channel(0)
        host.send(0, bytes([life]) * 2_000)
        pair.device.received.clear()
        assert pair.run(lambda now=life: pair.device.received[0].count(now) >= 700 or ended(), within=60.0)
        got = bytes(pair.device.received[0])
        assert got == bytes(sorted(got))  # nothing of the last life behind the first byte of this
        if ended():
            return
        by = (host, device)[pair.random.randrange(2)]
        by.reset(0, ResetReason.NORMAL, pair.now)
        if by is device:
            resets = len(pair.host.of(ChannelReset))
            assert pair.run(lambda n=resets: len(pair.host.of(ChannelReset)) > n or ended(), within=60.0)
            if ended():
                return


@pytest.mark.parametrize("direction", ["to the device", "to the host", "both"])
def test_a_pipe_cut_at_every_byte_of_a_short_connection_fails_in_bounded_time(
    direction, wire, faults
) -> None:
    whole = wire(host=SMALL, device=SMALL).connect()
    assert exchange(whole, b"question" * 20, b"answer" * 20, within=5.0)
    length = max(whole.host.passed, whole.device.passed)
    for cut_at in range(0, length, 3):
        to_device = faults(cut_at=cut_at if direction != "to the host" else None)
        to_host = faults(cut_at=cut_at if direction != "to the device" else None)
        pair = wire(to_device, to_host, host=SMALL, device=SMALL)
        pair.host.link.open(0.0)

        def begin(pair=pair) -> bool:
            return pair.host.link.state is LinkState.LIVE or bool(pair.host.of(LinkDown))

        assert pair.run(begin, within=16.0)
        if pair.host.of(LinkDown):
            continue
        pair.host.link.open_channel(0)
        if not exchange(pair, b"question" * 20, b"answer" * 20, within=12.0):
            assert pair.host.of(LinkDown)[0].reason in (LinkDownReason.SILENT, LinkDownReason.CLOSED_BY_PEER)


# Recovery is cheap


def transfer(pair, size: int, within: float) -> float:
    """Seconds until the device has sent `size` bytes, fed as the window allows."""
    data = bytes(61_440)
    pair.host.link.send(0, b"go")
    assert pair.run(lambda: bool(pair.device.received[0]), within=5.0)
    begun, fed = pair.now, 0

    def done() -> bool:
        nonlocal fed
        while fed < size and pair.device.link.outstanding(0) < 2_000_000:
            fed += len(data)
            pair.device.link.send(0, data)
        return len(pair.host.received[0]) >= size

    assert pair.run(done, within)
    return pair.now - begun


def test_two_percent_loss_costs_little_of_a_fast_link(wire, faults) -> None:
    size, times, again = 40_000_000, {}, 0
    for loss in (0.0, 0.02):
        pair = wire(faults(loss=loss, delay_s=0.0002, rate=200e6), seed=3).connect()
        times[loss] = transfer(pair, size, within=60.0)
        again = pair.device.link.counters.retransmissions
    frames = size // 61_440
    assert again < 0.06 * frames
    assert times[0.02] < 1.6 * times[0.0]


def test_a_lost_frame_is_repaired_before_its_timer_when_three_later_ones_arrive(bench) -> None:
    host = bench(LinkRole.HOST).flying(8)
    assert host.say(FrameType.ACK, epoch=0, ack=1, window=32, sack=0b0011) == []
    heard = host.say(FrameType.ACK, epoch=0, ack=1, window=32, sack=0b0111)
    assert [f.seq for f in heard] == [1]
    assert host.link.counters.timeouts == 0


# Slow links


@pytest.mark.rule("CHN-023")
@pytest.mark.parametrize(("initial_rate", "in_vain"), [(11_520.0, 0), (32_768.0, 4)])
def test_at_115200_baud_frames_are_not_sent_again_while_on_the_wire(
    initial_rate, in_vain, wire, faults
) -> None:
    params = LinkParams(max_payload=1_024, initial_rate=initial_rate)
    pair = wire(faults(rate=11_520.0, delay_s=0.001), host=params, device=params).connect()
    took = transfer(pair, 200_000, within=120.0)
    assert 200_000 / took > 0.9 * 11_520 * 1_024 / 1_052
    assert pair.device.link.counters.retransmissions <= in_vain  # until the guess is corrected
    assert pair.device.link.rate() == pytest.approx(11_520, rel=0.15)
    assert pair.device.link.channel_rate(0) == pytest.approx(11_520, rel=0.15)


def test_a_rate_that_was_guessed_ten_times_too_high_is_found_out(wire, faults) -> None:
    params = LinkParams(max_payload=1_024, initial_rate=115_200.0)
    pair = wire(faults(rate=11_520.0, delay_s=0.001), host=params, device=params).connect()
    transfer(pair, 200_000, within=120.0)
    assert pair.device.link.rate() == pytest.approx(11_520, rel=0.15)
    assert pair.device.link.counters.retransmissions < 40


def test_a_slow_guess_about_a_fast_link_is_found_out_at_once(wire, faults) -> None:
    pair = wire(faults(rate=100e6, delay_s=0.0001)).connect()
    transfer(pair, 10_000_000, within=10.0)
    assert pair.device.link.rate() > 50e6


@pytest.mark.parametrize("size", [5, 2_000])
def test_messages_on_an_idle_link_do_not_talk_the_rate_down(size, wire, faults) -> None:
    pair = wire(faults(rate=10e6, delay_s=0.001)).connect()
    transfer(pair, 3_000_000, within=10.0)
    assert pair.run(lambda: not pair.device.link.outstanding(0), within=1.0)
    before = pair.device.link.rate()
    for _ in range(50):
        pair.host.received.clear()
        pair.device.link.send(0, bytes(size))
        assert pair.run(lambda: bool(pair.host.received[0]), within=1.0)
        pair.run(lambda: False, within=0.05)
    assert pair.device.link.rate() >= 0.9 * before


# Channels beside each other


@pytest.mark.rule("CHN-022")
def test_a_stalled_channel_disturbs_no_other(wire, faults) -> None:
    pair = wire(faults(rate=1e6), host=SMALL, device=SMALL).connect((0, 1, 2, 3))
    pair.host.stalled.add(2)
    data = {n: stream(n, 60_000) for n in range(4)}
    for n in range(4):
        pair.host.link.send(n, b"go")
    assert pair.run(lambda: all(pair.device.received[n] for n in range(4)), within=1.0)
    for n in range(4):
        pair.device.link.send(n, data[n])
    others = (0, 1, 3)
    assert pair.run(lambda: all(len(pair.host.received[n]) == 60_000 for n in others), within=1.0)
    assert len(pair.host.received[2]) == 32 * 512  # its window, and not a frame more
    pair.run(lambda: False, within=30.0)
    assert pair.host.link.state is LinkState.LIVE and not pair.host.of(ChannelReset)
    pair.host.resume(2)
    assert pair.run(lambda: len(pair.host.received[2]) == 60_000, within=3.0)
    assert all(bytes(pair.host.received[n]) == data[n] for n in range(4))


def test_channels_share_the_link_by_bytes_and_not_by_frames(wire, faults) -> None:
    """One channel queues large writes, one small: both get half."""
    params = LinkParams(max_payload=4_096, channels=3)
    pair = wire(faults(rate=1e6), host=params, device=params).connect((1, 2))
    for n in (1, 2):
        pair.host.link.send(n, b"go")
    assert pair.run(lambda: all(pair.device.received[n] for n in (1, 2)), within=1.0)
    small = iter(lambda: b"s" * 100, None)

    def feed() -> bool:
        while pair.device.link.outstanding(1) < 300_000:
            pair.device.link.send(1, bytes(100_000))
        while pair.device.link.outstanding(2) < 300_000:
            pair.device.link.send(2, next(small))
        return len(pair.host.received[1]) + len(pair.host.received[2]) >= 1_000_000

    assert pair.run(feed, within=5.0)
    assert len(pair.host.received[1]) == pytest.approx(500_000, rel=0.1)


class Turn:
    """A channel as the scheduler sees it: frames of one size, while the window is open."""

    def __init__(self, size: int) -> None:
        self.size, self.open, self.deficit = size, True, 0

    def next_size(self) -> int:
        return self.size if self.open else 0


def test_the_scheduler_gives_each_channel_a_quantum_a_turn() -> None:
    scheduler, large, small = Scheduler(1_000), Turn(1_000), Turn(100)
    scheduler.add(large)
    scheduler.add(small)
    assert [scheduler.next() for _ in range(22)] == ([large] + [small] * 10) * 2


def test_a_closed_window_earns_nothing_meanwhile() -> None:
    """Else a channel that reopens would hold up the others with what it saved."""
    scheduler, stalled, busy = Scheduler(1_000), Turn(600), Turn(600)
    scheduler.add(stalled)
    scheduler.add(busy)
    stalled.open = False
    assert {scheduler.next() for _ in range(50)} == {busy}
    stalled.open = True
    scheduler.wake(stalled)
    turns = [scheduler.next() for _ in range(20)]
    assert abs(turns.count(stalled) - turns.count(busy)) <= 2


def test_a_scheduler_without_anything_to_send_ends_its_search() -> None:
    scheduler, closed = Scheduler(1_000), Turn(600)
    assert scheduler.next() is None
    scheduler.add(closed)
    closed.open = False
    assert scheduler.next() is None
    scheduler.wake(closed)
    assert scheduler.next() is None
    closed.open = True
    scheduler.wake(closed)
    assert scheduler.next() is closed
    scheduler.remove(closed)
    scheduler.wake(closed)
    assert scheduler.next() is None


def test_control_passes_queued_data(wire, faults) -> None:
    """PONG, ACK and RESET do not wait behind what is queued."""
    pair = wire(host=SMALL, device=SMALL).connect()
    pair.host.link.send(0, b"go")
    assert pair.run(lambda: bool(pair.device.received[0]), within=1.0)
    pair.device.link.send(0, bytes(100_000))
    pair.device.link.reset(5, ResetReason.NORMAL, pair.now)
    nonce = pair.device.events[0].nonce
    pair.device.link.receive(encode_frame(Frame(FrameType.PING, 4, nonce)), pair.now)
    first = pair.device.link.outgoing(pair.now, 1)
    assert first[0][2] & 15 == FrameType.PONG


@pytest.mark.rule("CHN-020")
def test_an_end_that_cannot_write_keeps_reading(wire) -> None:
    pair = wire(host=SMALL, device=SMALL).connect()
    pair.host.link.send(0, b"go")
    assert pair.run(lambda: bool(pair.device.received[0]), within=1.0)
    pair.device.link.send(0, bytes(50_000))
    sent = b"".join(pair.device.link.outgoing(pair.now))
    for at in range(0, len(sent), 100):  # the host's own output is never drained
        pair.host.link.receive(sent[at : at + 100], pair.now)
    pair.host.drain()
    assert len(pair.host.received[0]) == 32 * 512


def test_silence_in_one_direction_ends_both(wire, faults) -> None:
    pair = wire().connect()
    pair.host.faults = faults(loss=1.0)
    assert pair.run(lambda: bool(pair.device.of(LinkDown)) and bool(pair.host.of(LinkDown)), within=12.0)
    assert pair.device.of(LinkDown)[0].reason is LinkDownReason.SILENT


def test_the_same_seed_gives_the_same_run(wire, faults) -> None:
    def run() -> tuple[float, object]:
        pair = wire(faults(loss=0.1, reorder=0.1, corrupt=0.05), seed=11, host=SMALL, device=SMALL).connect()
        assert exchange(pair, stream(1, 9_000), stream(2, 9_000), within=60.0)
        return pair.now, pair.host.link.counters

    assert run() == run()


def test_a_channel_that_is_woken_twice_has_one_turn() -> None:
    """Else whatever wakes it often, such as its acknowledgements, takes the turns of the others, and memory."""
    scheduler, one, other = Scheduler(1_000), Turn(1_000), Turn(1_000)
    for channel in (one, other):
        channel.open = False
        scheduler.add(channel)
    assert scheduler.next() is None
    one.open = other.open = True
    for channel in (one, one, one, other):
        scheduler.wake(channel)
    assert [scheduler.next() for _ in range(4)] == [one, other, one, other]
