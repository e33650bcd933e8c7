"""Epochs, resets, windows and acknowledgements of channels, frame by frame."""

import itertools

import pytest

from bwc_protocol.frame import Frame, FrameType, Reset, ResetReason, encode_frame
from bwc_protocol.link import (
    ChannelData,
    ChannelOpened,
    ChannelReset,
    DiscardReason,
    LinkDown,
    LinkDownReason,
    LinkParams,
    LinkRole,
    LinkState,
)
from bwc_protocol.link.channels import Standing

HOST, DEVICE = LinkRole.HOST, LinkRole.DEVICE
DATA, ACK, RESET, PING, PONG = (
    FrameType.DATA,
    FrameType.ACK,
    FrameType.RESET,
    FrameType.PING,
    FrameType.PONG,
)


def resets(frames):
    """(channel, epoch, reason) of the RESETs among `frames`."""
    return [(f.channel, f.epoch, Reset.decode(f.payload).reason) for f in frames if f.type is RESET]


def of(frames, type):
    return [f for f in frames if f.type is type]


def received(end):
    return b"".join(e.data for e in end.link.events() if isinstance(e, ChannelData))


@pytest.fixture
def device(bench):
    """A device with a live link and a window of 32 frames."""
    return bench(DEVICE, channels=3).connected_device()


@pytest.fixture
def host(bench):
    """A host with a live link and channel 0 wanted."""
    end = bench(HOST).connected_host()
    end.link.open_channel(0)
    return end


def opened(device, epoch=0, window=32):
    """Opens channel 0 of the device and takes what it says about it."""
    device.say(DATA, epoch=epoch, seq=0, window=window, payload=b"first")
    device.wait(0.01)
    device.link.events()
    device.link.consumed(0)
    return device


def speaking(host, frames=1, window=32):
    """Channel 0 of the host is open and the device was heard in its epoch."""
    host.link.send(0, b"x")
    (first,) = of(host.heard(), DATA)
    host.say(ACK, epoch=first.epoch, ack=1, window=window)
    return first.epoch


# Opening


def test_the_first_data_opens_a_channel(device) -> None:
    device.say(DATA, epoch=0, seq=0, window=4, payload=b"preamble")
    assert device.link.events() == [ChannelOpened(0, 0), ChannelData(0, b"preamble")]


@pytest.mark.rule("CHN-001")
def test_the_first_epoch_is_0_and_each_next_one_more(host) -> None:
    host.link.send(0, b"x")
    assert [f.epoch for f in of(host.heard(), DATA)] == [0]
    for epoch in range(1, 300):
        host.reset(ResetReason.NORMAL, epoch=(epoch - 1) % 256)
        host.link.events()
        host.link.open_channel(0)
        host.link.send(0, b"x")
        assert [(f.epoch, f.seq) for f in of(host.heard(), DATA)] == [(epoch % 256, 0)]


@pytest.mark.rule("CHN-002")
@pytest.mark.parametrize(("epoch", "seq"), [(1, 0), (255, 0), (254, 0), (0, 1)])
def test_a_closed_device_accepts_only_the_next_epoch_and_only_from_its_first_frame(
    device, epoch, seq
) -> None:
    assert device.say(DATA, epoch=epoch, seq=seq, payload=b"x") == []
    assert device.link.events() == []


@pytest.mark.rule("CHN-002")
def test_an_open_device_ignores_other_epochs(device) -> None:
    opened(device)
    for epoch in (1, 2, 255):
        assert device.say(DATA, epoch=epoch, seq=0, payload=b"other") == []
    assert device.link.events() == []


def test_a_host_takes_no_data_that_it_did_not_ask_for(host) -> None:
    assert host.say(DATA, epoch=0, seq=0, payload=b"x") == []
    assert host.link.events() == []


def test_the_device_answers_in_the_hosts_epoch(device) -> None:
    opened(device)
    device.link.send(0, b"reply")
    (reply,) = of(device.heard(), DATA)
    assert (reply.channel, reply.epoch, reply.seq, reply.ack) == (0, 0, 0, 1)


@pytest.mark.rule("CHN-015")
def test_until_the_first_frame_of_an_epoch_arrives_the_host_sends_only_frame_0(bench) -> None:
    host = bench(HOST, initial_rate=32_768.0).connected_host()
    host.link.open_channel(0)
    host.link.send(0, bytes(5_000))
    assert [f.seq for f in of(host.heard(), DATA)] == [0]
    assert [f.seq for f in of(host.wait(0.5), DATA)] == [0] * 4  # again and again, and nothing else
    heard = host.say(ACK, epoch=0, ack=1, window=32)
    assert [f.seq for f in of(heard, DATA)] == [1, 2, 3, 4]


# Reset


@pytest.mark.rule("CHN-006")
def test_a_reset_is_repeated_until_answered(device) -> None:
    opened(device)
    device.link.reset(0, ResetReason.UNDOCKED, device.now)
    heard = device.wait(0.9)
    assert len(resets(heard)) >= 3
    assert set(resets(heard)) == {(0, 0, ResetReason.UNDOCKED)}
    device.reset(ResetReason.ANSWER, epoch=0)
    assert resets(device.wait(0.9)) == []


@pytest.mark.rule("CHN-004", "CHN-005")
def test_the_answer_is_always_given_in_closed_and_never_answered(device, host) -> None:
    """Else two ends answer each other for ever, with no fault at all."""
    opened(device)
    speaking(host)
    for end in (device, host):
        for _ in range(3):
            assert resets(end.reset(ResetReason.NORMAL, epoch=0)) == [(0, 0, ResetReason.ANSWER)]
        assert resets(end.reset(ResetReason.ANSWER, epoch=0)) == []
        assert [e for e in end.link.events() if isinstance(e, ChannelReset)] == [
            ChannelReset(0, ResetReason.NORMAL)
        ]


@pytest.mark.rule("CHN-006")
@pytest.mark.parametrize("by", ["answer", "crossing", "opening"])
def test_any_reset_of_the_epoch_or_data_of_the_next_ends_the_repetition(device, by) -> None:
    opened(device)
    device.link.reset(0, ResetReason.NORMAL, device.now)
    device.heard()
    match by:
        case "answer":
            device.reset(ResetReason.ANSWER, epoch=0)
        case "crossing":
            device.reset(ResetReason.TIMEOUT, epoch=0)
        case _:
            device.say(DATA, epoch=1, seq=0, payload=b"anew")
    assert resets(device.wait(0.9)) == []


@pytest.mark.rule("CHN-003")
def test_the_host_opens_again_only_after_a_reset_from_the_device(host) -> None:
    """Else a lost RESET deadlocks, and epochs wrap within the life of an old duplicate."""
    speaking(host)
    host.link.reset(0, ResetReason.NORMAL, host.now)
    host.link.open_channel(0)
    host.link.send(0, b"anew")
    assert of(host.wait(0.9), DATA) == []
    heard = host.reset(ResetReason.ANSWER, epoch=0)
    assert [(f.epoch, f.seq, f.payload) for f in of(heard, DATA)] == [(1, 0, b"anew")]


def test_the_devices_own_reset_permits_the_next_opening_at_once(host) -> None:
    speaking(host)
    assert resets(host.reset(ResetReason.BUSY, epoch=0)) == [(0, 0, ResetReason.ANSWER)]
    host.link.open_channel(0)
    host.link.send(0, b"anew")
    assert [f.epoch for f in of(host.heard(), DATA)] == [1]


def test_a_wanted_channel_still_answers_the_reset_of_its_last_life(host) -> None:
    """The answer may have been lost, and the device repeats until it comes."""
    speaking(host)
    host.reset(ResetReason.NORMAL, epoch=0)
    host.link.open_channel(0)
    assert resets(host.reset(ResetReason.NORMAL, epoch=0)) == [(0, 0, ResetReason.ANSWER)]


@pytest.mark.rule("CHN-007")
def test_reset_of_an_opening_that_was_never_seen_closes_its_epoch_and_is_answered(device) -> None:
    """Else a lost first DATA leaves its RESET unanswered for ever."""
    assert resets(device.reset(ResetReason.NORMAL, epoch=0)) == [(0, 0, ResetReason.ANSWER)]
    device.say(DATA, epoch=0, seq=0, payload=b"late")
    assert device.link.events() == []
    device.say(DATA, epoch=1, seq=0, payload=b"next")
    assert device.link.events() == [ChannelOpened(0, 1), ChannelData(0, b"next")]


def test_an_answer_opens_no_epoch(device) -> None:
    """It belongs to no RESET that was sent: taken for one, it would make the next opening an old one."""
    assert device.reset(ResetReason.ANSWER, epoch=0) == []
    device.say(DATA, epoch=0, seq=0, payload=b"first")
    assert device.link.events() == [ChannelOpened(0, 0), ChannelData(0, b"first")]


def test_a_host_lets_no_device_assign_epochs(host) -> None:
    speaking(host)
    host.link.reset(0, ResetReason.NORMAL, host.now)
    host.heard()
    assert resets(host.reset(ResetReason.NORMAL, epoch=1)) == []


@pytest.mark.rule("CHN-009")
def test_reset_of_an_older_epoch_is_ignored(device) -> None:
    device.reset(ResetReason.NORMAL, epoch=0)
    opened(device, epoch=1)
    for epoch in (0, 255, 2, 7):
        assert device.reset(ResetReason.NORMAL, epoch=epoch) == []
    assert device.link.events() == []
    device.say(DATA, epoch=1, seq=1, payload=b"still open")
    assert received(device) == b"still open"


@pytest.mark.rule("CHN-008")
def test_an_opening_without_a_device_counts_as_opened_and_reset(device) -> None:
    answer = device.say(DATA, channel=3, epoch=0, seq=0, payload=b"x")
    assert resets(answer) == [(3, 0, ResetReason.NO_DEVICE)]
    assert device.link.events() == []
    assert resets(device.wait(0.5)) != []  # repeated like any other
    device.reset(ResetReason.ANSWER, channel=3, epoch=0)
    assert resets(device.wait(2.0)) == []
    assert resets(device.say(DATA, channel=3, epoch=0, seq=0, payload=b"x")) == []
    assert resets(device.say(DATA, channel=3, epoch=1, seq=0, payload=b"x")) == [
        (3, 1, ResetReason.NO_DEVICE)
    ]


def test_a_refused_opening_can_be_tried_again(host) -> None:
    for epoch in range(3):
        host.link.send(0, b"x")
        assert [f.epoch for f in of(host.heard(), DATA)] == [epoch]
        host.reset(ResetReason.BUSY, epoch=epoch)
        assert host.link.events() == [ChannelReset(0, ResetReason.BUSY)]
        host.link.open_channel(0)


@pytest.mark.rule("CHN-010")
def test_reset_discards_both_directions(device) -> None:
    opened(device)
    device.link.send(0, bytes(50_000))
    device.heard()
    device.link.reset(0, ResetReason.NORMAL, device.now)
    assert device.link.outstanding(0) == 0
    device.say(DATA, epoch=0, seq=1, payload=b"late")
    assert received(device) == b""
    assert of(device.wait(3.0), DATA) == []


def test_a_peer_that_never_answers_a_reset_loses_the_link(device) -> None:
    opened(device)
    device.link.reset(0, ResetReason.NORMAL, device.now)
    for _ in range(100):
        device.wait(0.5)
        device.say(PONG)
    assert LinkDown(LinkDownReason.PROTOCOL) in device.link.events()


def test_resetting_a_closed_or_merely_wanted_channel_tells_the_peer_nothing(host) -> None:
    host.link.reset(5, ResetReason.NORMAL, host.now)
    host.link.send(0, b"never sent")
    host.link.reset(0, ResetReason.NORMAL, host.now)
    assert host.heard() == []
    host.link.open_channel(0)


# Every frame type obeys the epoch rule


@pytest.mark.rule("CHN-017")
@pytest.mark.parametrize("type", [ACK, PING, PONG])
def test_acknowledgements_count_only_in_an_open_epoch(host, type) -> None:
    host.link.send(0, b"x")
    host.heard()
    assert host.link.outstanding(0) == 1
    host.say(type, epoch=255, ack=1, window=32)
    host.say(type, epoch=1, ack=1, window=32)
    assert host.link.outstanding(0) == 1
    host.say(type, epoch=0, ack=1, window=32)
    assert host.link.outstanding(0) == 0


def test_pong_carries_acknowledgement_and_window_of_an_open_epoch(device) -> None:
    device.say(DATA, epoch=0, seq=0, payload=b"a")
    device.say(DATA, epoch=0, seq=2, payload=b"c")
    (pong,) = of(device.say(PING, epoch=0), PONG)
    assert (pong.epoch, pong.ack, pong.window, pong.sack) == (0, 1, 31, 1)
    (other,) = of(device.say(PING, epoch=9), PONG)
    assert (other.epoch, other.ack, other.window, other.sack) == (9, 0, 0, 0)


# Receiving


def test_frames_are_delivered_in_order_each_once(device) -> None:
    opened(device)
    for seq in (2, 4, 1, 1, 3, 2, 5):
        device.say(DATA, epoch=0, seq=seq, payload=bytes([seq]))
    assert received(device) == bytes([1, 2, 3, 4, 5])


def test_sack_names_what_is_held(device) -> None:
    opened(device)
    for seq, sack in ((2, 0b1), (5, 0b1001), (3, 0b1011)):
        (ack,) = of(device.say(DATA, epoch=0, seq=seq, payload=b"."), ACK)
        assert (ack.ack, ack.sack) == (1, sack)
    (ack,) = of(device.say(DATA, epoch=0, seq=1, payload=b"."), ACK)
    assert (ack.ack, ack.sack) == (4, 0b1)


def test_sequence_numbers_wrap(device) -> None:
    opened(device)
    for seq in range(1, 65_600):
        device.link.receive(
            encode_frame(Frame(DATA, 0, device.nonce, 0, 32, seq & 0xFFFF, payload=b".")), device.now
        )
        device.link.consumed(0)
    device.heard()
    assert len(received(device)) == 65_599


@pytest.mark.rule("CHN-016")
@pytest.mark.parametrize(
    ("seq", "what"),
    [(0, "a duplicate"), (2, "a gap"), (40, "outside the window"), (65_000, "far behind")],
)
def test_acknowledged_at_once(device, seq, what) -> None:
    """On a gap, on a duplicate, and outside the window: else a lost last ACK is retransmitted into silence."""
    opened(device)
    (ack,) = device.say(DATA, epoch=0, seq=seq, payload=b".")
    assert (ack.type, ack.ack) == (ACK, 1)


def test_a_filled_gap_is_acknowledged_at_once(device) -> None:
    opened(device)
    device.say(DATA, epoch=0, seq=2, payload=b".")
    assert [f.ack for f in device.say(DATA, epoch=0, seq=1, payload=b".")] == [3]


@pytest.mark.rule("CHN-016")
def test_otherwise_every_8th_frame_is_acknowledged_and_the_rest_after_5_ms(device) -> None:
    opened(device)
    for seq in range(1, 8):
        assert device.say(DATA, epoch=0, seq=seq, payload=b".") == []
    assert [f.ack for f in device.say(DATA, epoch=0, seq=8, payload=b".")] == [9]
    assert device.say(DATA, epoch=0, seq=9, payload=b".") == []
    assert device.wait(0.004) == []
    assert [f.ack for f in device.wait(0.0011)] == [10]


def test_data_carries_the_acknowledgement_and_spares_its_own_frame(device) -> None:
    opened(device)
    device.say(DATA, epoch=0, seq=1, payload=b"request")
    device.link.send(0, b"reply")
    assert [(f.type, f.ack) for f in device.heard()] == [(DATA, 2)]
    assert of(device.wait(0.01), ACK) == []


def test_the_window_counts_what_the_application_has_not_taken(device) -> None:
    opened(device)
    heard = []
    for seq in range(1, 33):
        heard += device.say(DATA, epoch=0, seq=seq, payload=b".")
    assert [(f.ack, f.window) for f in heard] == [(9, 24), (17, 16), (25, 8), (33, 0)]
    assert all((f.ack + f.window) == 33 for f in heard)


@pytest.mark.rule("CHN-014")
def test_frames_beyond_the_window_are_dropped_and_acknowledged(device) -> None:
    opened(device)
    for seq in range(1, 33):
        device.say(DATA, epoch=0, seq=seq, payload=b".")
    (ack,) = device.say(DATA, epoch=0, seq=33, payload=b"!")
    assert (ack.type, ack.ack, ack.window) == (ACK, 33, 0)
    assert received(device) == b"." * 32
    assert device.link.counters.discarded[DiscardReason.OUT_OF_WINDOW] == 1


@pytest.mark.rule("CHN-013")
def test_held_frames_are_never_discarded(device) -> None:
    """Frames were promised room by the window; a sender that was told of them has let them go."""
    opened(device)
    for seq in range(2, 33):
        device.say(DATA, epoch=0, seq=seq, payload=bytes([seq]))
    for seq in (33, 34, 2_000):
        device.say(DATA, epoch=0, seq=seq, payload=b"!")
    device.say(DATA, epoch=0, seq=1, payload=b"\x01")
    assert received(device) == bytes(range(1, 33))


@pytest.mark.rule("CHN-016")
def test_reopening_from_0_and_growth_by_half_are_told_at_once(device) -> None:
    opened(device)
    for seq in range(1, 33):
        device.say(DATA, epoch=0, seq=seq, payload=b".")
    device.link.consumed(0)
    assert [(f.ack, f.window) for f in device.heard()] == [(33, 1)]
    device.link.consumed(0, 15)
    assert device.heard() == []
    device.link.consumed(0)
    assert [(f.ack, f.window) for f in device.heard()] == [(33, 17)]


def test_the_right_edge_of_the_receiver_never_moves_back(device) -> None:
    opened(device)
    device.link.consumed(0, 1_000)  # more than was delivered
    (pong,) = of(device.say(PING, epoch=0), PONG)
    assert (pong.ack, pong.window) == (1, 32)


@pytest.mark.parametrize(
    ("channel", "max_payload", "slots"),
    [(0, 61_440, 32), (1, 61_440, 8), (1, 16_384, 32), (1, 32_768, 16)],
)
def test_slots_times_frame_stay_within_the_channels_budget(channel, max_payload, slots, bench) -> None:
    device = bench(DEVICE, channels=3).connected_device(max_payload=max_payload)
    device.say(DATA, channel=channel, epoch=0, seq=0, payload=b".")
    (pong,) = of(device.say(PING, channel=channel, epoch=0), PONG)
    assert pong.ack + pong.window == slots
    params = LinkParams()
    assert slots * max_payload <= (params.bay_budget if channel else params.channel_budget)


# Sending


@pytest.mark.rule("CHN-011")
@pytest.mark.parametrize("ack", [65_535, 6, 30_000, 33_000])
def test_an_ack_outside_what_is_in_flight_voids_ack_sack_and_window(host, ack) -> None:
    """A half-space comparison fails: frame 33,000 is "behind" and would still be believed."""
    speaking(host, window=4)
    host.link.send(0, bytes(20 * 1_024))
    sent = of(host.heard(), DATA)
    assert [f.seq for f in sent] == [1, 2, 3, 4]  # up to the right edge, 1 + 4
    before = host.link.outstanding(0)
    heard = host.say(ACK, epoch=0, ack=ack, sack=0b111, window=32)
    assert of(heard, DATA) == []
    assert host.link.outstanding(0) == before
    assert host.link.counters.void_acks == 1


def test_the_payload_of_a_frame_with_a_void_ack_still_counts(device) -> None:
    opened(device)
    device.say(DATA, epoch=0, seq=1, ack=77, payload=b"data")
    assert received(device) == b"data"


def test_a_window_over_32_is_void(host) -> None:
    speaking(host, window=1)
    host.link.send(0, bytes(50 * 1_024))
    host.heard()
    assert of(host.say(ACK, epoch=0, ack=2, window=33), DATA) == []
    assert host.link.counters.void_acks == 1


@pytest.mark.rule("CHN-012")
def test_the_right_edge_is_the_largest_that_was_seen(host) -> None:
    speaking(host, window=8)
    host.link.send(0, bytes(6 * 1_024))
    assert len(of(host.heard(), DATA)) == 6
    host.say(ACK, epoch=0, ack=5, window=0)  # an old duplicate, or a peer that moves back
    host.link.send(0, bytes(5 * 1_024))
    assert [f.seq for f in of(host.heard(), DATA)] == [7, 8]


def test_at_most_the_agreed_window_is_in_flight(bench) -> None:
    host = bench(HOST, max_window=4).connected_host()
    host.link.open_channel(0)
    speaking(host)
    host.link.send(0, bytes(50 * 1_024))
    assert [f.seq for f in of(host.heard(), DATA)] == [1, 2, 3, 4]


def test_a_retransmitted_frame_keeps_its_payload_and_refreshes_the_rest(host) -> None:
    speaking(host)
    host.link.send(0, b"original")
    (first,) = of(host.heard(), DATA)
    host.say(DATA, epoch=0, seq=0, ack=1, window=32, payload=b"from the device")
    host.link.send(0, b"more")
    again = of(host.wait(0.3), DATA)
    copy = next(f for f in again if f.seq == first.seq)
    assert copy.payload == b"original"
    assert (first.ack, copy.ack) == (0, 1)


def test_small_writes_go_at_once_and_share_a_frame_only_when_they_wait(host) -> None:
    speaking(host, window=2)
    for word in (b"one", b"two", b"three", b"four"):
        host.link.send(0, word)
        host.heard()
    heard = host.say(ACK, epoch=0, ack=3, window=32)
    assert [f.payload for f in of(heard, DATA)] == [b"threefour"]


def test_frames_of_the_stream_are_cut_at_the_maximum(host) -> None:
    speaking(host)
    data = bytes(range(256)) * 13
    for at in range(0, len(data), 333):
        host.link.send(0, memoryview(data)[at : at + 333])
    sent = of(host.heard(), DATA)
    assert [len(f.payload) for f in sent] == [1_024, 1_024, 1_024, 256]
    assert b"".join(f.payload for f in sent) == data
    assert host.link.outstanding(0) == len(data)


@pytest.mark.rule("CHN-018")
def test_a_closed_window_is_probed_at_most_a_second_apart_and_never_given_up(host) -> None:
    speaking(host, window=0)
    host.link.send(0, b"waits")
    probes = []
    for _ in range(60):
        begun = host.now
        heard = host.wait(1.0)
        probes += [f for f in heard if f.type is PING and f.channel == 0 and f.epoch == 0]
        assert of(heard, DATA) == []
        host.say(PONG, epoch=0, ack=1, window=0)
        assert host.now - begun == pytest.approx(1.0)
    assert len(probes) >= 59
    heard = host.say(PONG, epoch=0, ack=1, window=1)
    assert [f.payload for f in of(heard, DATA)] == [b"waits"]
    assert host.link.state is LinkState.LIVE


@pytest.mark.rule("CHN-024")
def test_exhausted_retries_send_reset_timeout(host) -> None:
    speaking(host)
    host.link.send(0, b"unheard")
    heard = host.heard()
    begun = host.now
    while not resets(heard):
        heard += host.wait(0.5)
        heard += host.say(PONG)  # the link lives, the channel does not
        assert host.now - begun < 60.0
    assert len(of(heard, DATA)) == 1 + host.link.params.retries
    assert set(resets(heard)) == {(0, 0, ResetReason.TIMEOUT)}
    assert ChannelReset(0, ResetReason.TIMEOUT) in host.link.events()


def test_a_pipe_that_takes_nothing_does_not_use_up_the_retries(host) -> None:
    """Each frame in flight would run out in turn, while none of them can be sent again."""
    speaking(host)
    host.link.send(0, bytes(30 * 1_024))
    host.heard()
    for _ in range(300):  # 30 s of ticks, and nothing is drained
        host.now += 0.1
        host.link.tick(host.now)
        host.link.receive(encode_frame(Frame(PONG, 0, host.nonce, 255)), host.now)
    assert host.link.events() == []
    assert host.link.counters.timeouts == 1


def test_the_timer_doubles(host) -> None:
    speaking(host)
    host.link.send(0, b"unheard")
    host.heard()
    times = []
    while len(times) < 5:
        before = host.link.counters.retransmissions
        host.wait(0.001)
        if host.link.counters.retransmissions > before:
            times.append(host.now)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert all(1.7 < later / earlier < 2.3 for earlier, later in itertools.pairwise(gaps))


def test_a_peer_that_takes_back_what_it_acknowledged_is_probed_like_a_closed_window(host) -> None:
    """It reports a frame, and then one as the oldest missing that it had reported, with its window closed: nothing
    is left to be sent again, and a timer that looked for it ended the link's shell once."""
    host.link.send(0, b"x")
    host.heard()
    host.say(ACK, epoch=0, ack=1, window=2)
    host.link.send(0, bytes(5 * 1_024))
    assert [f.seq for f in of(host.heard(), DATA)] == [1, 2]
    host.say(ACK, epoch=0, ack=1, window=2, sack=1)
    host.say(ACK, epoch=0, ack=2, window=1)
    probes = []
    for _ in range(4):
        probes += [f for f in host.wait(0.5) if f.type is PING and f.epoch == 0]
        host.say(PONG, epoch=9)
    assert probes
    assert [f.seq for f in of(host.say(ACK, epoch=0, ack=3, window=8), DATA)] == [3, 4, 5]


@pytest.mark.rule("CHN-021")
def test_a_peer_that_makes_too_much_wait_gets_reset_overflow(device) -> None:
    opened(device)
    for _ in range(9):
        device.link.send(0, bytes(1_000_000))
    assert device.link.events() == [ChannelReset(0, ResetReason.OVERFLOW)]
    assert resets(device.heard()) == [(0, 0, ResetReason.OVERFLOW)]
    assert device.link.outstanding(0) == 0


def test_what_waits_for_the_pipe_is_bounded_whatever_the_peer_asks(device) -> None:
    """A pipe that takes nothing while the peer floods: one answer a kind and channel, the newest."""
    opened(device)
    for epoch in range(20):
        for channel in range(65):
            ping = Frame(PING, channel, device.nonce, epoch)
            reset = Frame(
                RESET, channel, device.nonce, epoch, payload=Reset(reason=ResetReason.NORMAL).encode()
            )
            device.link.receive(encode_frame(ping) + encode_frame(reset), device.now)
    assert len(device.link.outgoing(device.now)) <= 65 * 2


def test_a_frames_timer_starts_when_it_is_handed_out(host) -> None:
    speaking(host)
    host.link.send(0, bytes(3_000))
    host.now += 30.0  # the pipe takes nothing
    host.link.receive(encode_frame(Frame(PONG, 0, host.nonce, 255)), host.now)
    assert [f.seq for f in of(host.heard(), DATA)] == [1, 2, 3]
    assert host.link.counters.timeouts == 0


def test_an_acknowledgement_that_the_pipe_does_not_take_leaves_no_deadline_in_the_past(device) -> None:
    """Else a shell that obeys `deadline` would spin for as long as the pipe is full."""
    opened(device)
    device.say(DATA, seq=1, payload=b"more")
    for _ in range(3):
        deadline = device.link.deadline()
        assert deadline is not None and deadline > device.now
        device.now = deadline
        device.link.tick(device.now)  # and nothing is drained


def test_a_busy_reset_says_when_to_come_back_each_time_it_is_repeated(device, bench) -> None:
    opened(device)
    device.link.reset(0, ResetReason.BUSY, device.now, retry_after_ms=1_500)
    told = [Reset.decode(f.payload) for f in device.wait(1.0) if f.type is RESET]
    assert len(told) > 2 and set(told) == {Reset(reason=ResetReason.BUSY, retry_after_ms=1_500)}


def test_a_host_learns_when_to_come_back(host) -> None:
    speaking(host)
    reset = Reset(reason=ResetReason.BUSY, retry_after_ms=1_500)
    host.say(RESET, epoch=0, payload=reset.encode())
    assert host.link.events() == [ChannelReset(0, ResetReason.BUSY, 1_500)]


def test_bytes_for_a_channel_that_never_was_open_are_discarded(host) -> None:
    host.link.send(5, b"nobody asked for it")
    assert host.link.outstanding(5) == 0 and host.heard() == [] and host.link.events() == []


def test_where_a_channel_stands_says_what_is_awaited_of_either_end(host) -> None:
    speaking(host, window=4)
    host.link.send(0, bytes(6 * 1_024))
    host.heard()
    host.say(ACK, epoch=0, ack=2, sack=0b10, window=3)  # frames 1 and 4 of 1 to 4 came
    host.say(DATA, epoch=0, seq=2, ack=2, sack=0b10, window=3, payload=b"third")
    stands = Standing(ack=0, sack=0b10, in_flight=2, window=3, waiting_bytes=4 * 1_024)
    assert host.link.standing(0) == stands
    host.link.pipe_lost(host.now)
    assert host.link.standing(0) == stands, "and where it stood when the link ended"
    assert host.link.standing(1) is None


def test_what_comes_for_a_closed_channel_is_counted_as_of_an_earlier_life(device) -> None:
    device.say(DATA, epoch=9, seq=0, payload=b"old")
    assert device.link.channel_counters(0).discarded[DiscardReason.STALE_EPOCH] == 1


def test_a_closed_channel_is_as_fast_as_its_link(host) -> None:
    speaking(host)
    host.link.reset(0, ResetReason.NORMAL, host.now)
    assert host.link.channel_rate(0) == host.link.rate()


def test_a_peer_that_never_answers_a_reset_is_asked_so_often_and_then_given_up(device) -> None:
    """It lives, as its answers to PINGs show; it does not follow the protocol."""
    opened(device)
    device.link.reset(0, ResetReason.NORMAL, device.now)
    said = 0
    for _ in range(400):
        heard = device.wait(0.1)
        said += len(of(heard, RESET))
        for ping in of(heard, PING):
            said += len(of(device.say(PONG, epoch=ping.epoch), RESET))
    assert said == LinkParams().reset_retries
    assert [e.reason for e in device.link.events() if isinstance(e, LinkDown)] == [LinkDownReason.PROTOCOL]
