"""What a link does where an implementer would have to guess: BYE of a candidate, channels that are none, empty DATA."""

import pytest

from bwc_protocol.frame import Bye, ByeReason, Frame, FrameType, Hello, Reset, ResetReason
from bwc_protocol.link import (
    ChannelData,
    ChannelOpened,
    LinkDown,
    LinkDownReason,
    LinkRole,
    LinkState,
)

HOST, DEVICE = LinkRole.HOST, LinkRole.DEVICE


def said(bench, reason, link):
    return bench.put(Frame(FrameType.BYE, link=link, payload=Bye(reason=reason).encode()))


@pytest.mark.rule("LNK-021")
@pytest.mark.rule("LNK-003")
@pytest.mark.parametrize("reason", list(ByeReason))
def test_bye_to_a_candidate_forgets_it_and_leaves_the_live_link_alone(bench, reason) -> None:
    device = bench(DEVICE).connected_device()
    live = device.nonce
    candidate = device.hello(nonce=8).link
    assert said(device, reason, candidate) == []
    assert device.link.state is LinkState.LIVE and device.link.events() == []
    answers = device.say(FrameType.PING)  # of the candidate that is no more: a stranger's
    assert [frame.type for frame in answers] == [FrameType.BYE] and answers[0].link == candidate
    device.nonce = live
    assert [frame.type for frame in device.say(FrameType.PING)] == [FrameType.PONG]


@pytest.mark.rule("LNK-021")
def test_a_host_that_waits_for_the_first_frame_obeys_the_bye_of_that_link(bench) -> None:
    for reason, down in (
        (ByeReason.NORMAL, LinkDownReason.CLOSED_BY_PEER),
        (ByeReason.SILENT, LinkDownReason.SILENT),
        (ByeReason.PROTOCOL, LinkDownReason.PROTOCOL),
    ):
        host = bench(HOST)
        host.link.open(host.now)
        host.grant()
        said(host, reason, host.nonce)
        assert host.link.events() == [LinkDown(down, None)] and host.link.state is LinkState.CLOSED


@pytest.mark.rule("LNK-021")
def test_unknown_link_has_it_call_anew_with_another_nonce(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    host.grant()
    (hello,) = said(host, ByeReason.UNKNOWN_LINK, host.nonce)
    assert hello.type is FrameType.HELLO and host.link.state is LinkState.CALLING
    assert Hello.decode(hello.payload).host_nonce == bench.NONCE + 1


@pytest.mark.rule("LNK-022")
@pytest.mark.parametrize("channel", [65, 128, 255])
def test_a_channel_above_64_is_none_and_its_frames_are_a_sign_of_life_alone(bench, channel) -> None:
    device = bench(DEVICE).connected_device()
    device.wait(0.9)
    for kind in (FrameType.PING, FrameType.PONG, FrameType.ACK):
        assert device.say(kind, channel=channel, epoch=0) == []
    assert device.say(FrameType.DATA, channel=channel, epoch=0, payload=b"x") == []
    assert device.reset(ResetReason.NORMAL, channel=channel, epoch=0) == []
    assert device.link.events() == []
    assert device.wait(0.9) == [], "something was heard: no PING yet"


@pytest.mark.rule("LNK-023")
def test_a_host_asks_every_250_ms_for_its_first_frame_and_a_live_end_every_second(bench) -> None:
    host = bench(HOST)
    host.link.open(host.now)
    host.grant()
    pings = [frame for frame in host.wait(4.99) if frame.type is FrameType.PING]
    assert len(pings) == 19, "beside the one at once"
    host.wait(0.02)
    assert host.link.state is LinkState.CLOSED
    live = bench(HOST).connected_host()
    heard = live.wait(4.99)
    assert [frame.type for frame in heard] == [FrameType.PING] * 4
    assert isinstance(live.wait(0.02)[-1], Frame) and live.link.state is LinkState.CLOSED


@pytest.mark.rule("CHN-026")
def test_data_without_a_byte_or_with_too_many_is_discarded(bench) -> None:
    device = bench(DEVICE).connected_device()
    assert device.say(FrameType.DATA, epoch=0, seq=0) == []
    assert device.say(FrameType.DATA, epoch=0, seq=0, payload=bytes(1_025)) == []
    assert device.link.events() == []
    device.say(FrameType.DATA, epoch=0, seq=0, payload=bytes(1_024))
    assert device.link.events() == [ChannelOpened(0, 0), ChannelData(0, bytes(1_024))]
    device.say(FrameType.DATA, epoch=0, seq=1)
    assert device.link.events() == []
    device.say(FrameType.DATA, epoch=0, seq=1, payload=b"y")
    assert device.link.events() == [ChannelData(0, b"y")], "the empty one took no number"


@pytest.mark.rule("CHN-027")
def test_a_peer_with_fewer_slots_than_agreed_is_sent_no_more_than_it_has(bench) -> None:
    host = bench(HOST).connected_host()
    host.link.open_channel(0)
    host.link.send(0, bytes(40 * 1_024))
    assert len(host.heard()) == 1
    sent = host.say(FrameType.ACK, epoch=0, ack=1, window=3)
    assert [frame.seq for frame in sent if frame.type is FrameType.DATA] == [1, 2, 3]


@pytest.mark.rule("CHN-027")
def test_an_end_with_less_room_states_fewer_slots_than_agreed(bench) -> None:
    device = bench(DEVICE, channel_budget=4 * 1_024).connected_device()
    (ack,) = device.say(FrameType.DATA, epoch=0, seq=0, payload=b"x") or device.wait(0.01)
    assert ack.type is FrameType.ACK and ack.window == 3


@pytest.mark.rule("CHN-028")
def test_a_host_is_served_by_a_device_that_keeps_no_epochs_of_channels_it_does_not_have(bench) -> None:
    """The host's side of it: whatever the epoch, RESET and ANSWER in that epoch are all that it needs."""
    host = bench(HOST).connected_host()
    for life in range(3):
        host.link.open_channel(3)
        host.link.send(3, b"x")
        (opening,) = host.heard()
        assert (opening.channel, opening.epoch) == (3, life)
        payload = Reset(reason=ResetReason.NO_DEVICE).encode()
        (answer,) = host.say(FrameType.RESET, channel=3, epoch=life, payload=payload)
        assert answer.type is FrameType.RESET and answer.epoch == life
        host.link.events()
