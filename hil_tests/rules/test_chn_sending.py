"""Channel: what a device sends, what it believes, and what it sends again (spec: Channel, Retransmission)."""

from __future__ import annotations

import pytest

from bwc_protocol.frame import Frame, FrameType
from hil_tests.raw.link import A_WHILE_S, RawChannel
from hil_tests.raw.wire import Wire
from hil_tests.rules.channels import PREAMBLE, TIMER_S, begun, blame, leave, probes, repeats_data, speaks
from hil_tests.verdicts import RuleBroken

pytestmark = pytest.mark.bwc_read_only

TIMER_FLOOR_S = 0.015
"""A little less than the 20 ms under which no timer is."""


COPIES_MAX = 8
"""What a timer of 20 ms that doubles sends in 400 ms are five."""


def waiting(wire: Wire, window: int = 0, **offer: int) -> RawChannel:
    """A channel on which the device has its preamble to say, and no window, or a small one, to do so."""
    channel = begun(wire, PREAMBLE - 1 if offer.get("max_payload", 32) > 30 else 20, window=window, **offer)
    channel.acknowledges = channel.link.answers_pings = False
    rest = wire.preamble()[20:] if offer.get("max_payload", 32) <= 30 else wire.preamble()[-1:]
    channel.say(rest)
    return channel


def quiet(channel: RawChannel, what: str, for_s: float = A_WHILE_S) -> None:
    """No DATA comes. Raises `RuleBroken`."""
    channel.link.silent(what, channel.is_data, for_s)


@pytest.mark.rule("CHN-027")
def test_nothing_is_sent_into_a_closed_window_and_all_once_it_opens(wire: Wire) -> None:
    channel = waiting(wire)
    quiet(channel, "no DATA into a window of 0 (CHN-027)")
    channel.window, channel.acknowledges = 32, True
    channel.say_ack()
    speaks(channel)


@pytest.mark.rule("CHN-027", "LNK-017")
def test_no_more_is_sent_than_the_window_takes_nor_larger_frames_than_agreed(wire: Wire) -> None:
    channel = waiting(wire, window=1, max_payload=20)
    first = speaks(channel)
    if len(first.payload) > channel.max_payload:
        raise RuleBroken(f"a payload of at most {channel.max_payload} bytes (LNK-017)", f"{first!r}")
    channel.link.silent(
        "no second frame while the window is 1 and the first is not acknowledged (CHN-027)",
        lambda f: channel.is_data(f) and f.seq != first.seq,
    )
    channel.ack, channel.window = 1, 0
    channel.say_ack()
    channel.link.silent(
        "no second frame while the window is 0 (CHN-027)", lambda f: channel.is_data(f) and f.seq != first.seq
    )


@pytest.mark.rule("CHN-011")
@pytest.mark.parametrize("ack", [1, 3, 32_767, 40_000, 65_535])
def test_an_acknowledgement_of_what_was_never_sent_is_void(wire: Wire, ack: int) -> None:
    channel = waiting(wire)
    quiet(channel, "no DATA into a window of 0 (CHN-027)", 0.05)
    channel.say_ack(ack=ack, window=32)
    channel.link.say(FrameType.PING, channel=wire.bay, epoch=channel.epoch, seq=1, ack=ack, window=32)
    quiet(
        channel, f"no DATA: ack {ack} speaks of frames that were never sent, and its window is void (CHN-011)"
    )
    channel.window = 32
    channel.say_ack()
    said = speaks(channel)
    if said.seq:
        raise RuleBroken("frame 0 first, whatever was acknowledged (CHN-011)", f"{said!r}")


@pytest.mark.rule("CHN-011")
def test_an_acknowledgement_of_before_is_void(wire: Wire) -> None:
    channel = waiting(wire, window=1, max_payload=20)
    first = speaks(channel)
    channel.ack, channel.window = 1, 0
    channel.say_ack()
    channel.link.settle()
    channel.link.forget()
    channel.say_ack(ack=0, window=32)
    channel.link.silent(
        "no second frame: an ack older than the last is void with its window (CHN-011)",
        lambda f: channel.is_data(f) and f.seq != first.seq,
    )


@pytest.mark.rule("CHN-012")
def test_a_window_that_was_told_is_not_taken_back(wire: Wire) -> None:
    channel = begun(wire, PREAMBLE - 1, window=8)
    channel.window = 0
    channel.say_ack()
    channel.link.settle()
    channel.say(wire.preamble()[-1:])
    if channel.link.heard(channel.is_data, 1.0) is None:
        channel.window = 8
        channel.say_ack()
        speaks(channel)
        raise RuleBroken(
            "DATA up to the largest `ack + window` that was told (CHN-012)", "none, until it was told anew"
        )


@pytest.mark.rule("CHN-018")
def test_a_closed_window_is_asked_about_and_the_answer_opens_it(wire: Wire) -> None:
    channel = waiting(wire)
    channel.window = 32
    channel.say_ack()
    speaks(channel)  # it has something to say at all
    leave(channel)
    asked = probes(wire)
    if asked is None:
        blame(wire, "CHN-018", "PING on a channel whose window is 0, once a second at least")
        return
    asked.window = 32
    ping = asked.link.expect(
        "PING into a window of 0 (CHN-018)", lambda f: f.type is FrameType.PING and f.channel == wire.bay
    )
    if ping.payload or ping.epoch != asked.epoch:
        raise RuleBroken(f"an empty PING of epoch {asked.epoch} (CHN-018)", f"{ping!r}")
    asked.link.expect("DATA once the answer to a PING opens the window (CHN-018)", asked.is_data)


@pytest.mark.rule("CHN-030", "CHN-019")
def test_what_nobody_acknowledges_is_sent_again_with_the_same_payload(wire: Wire) -> None:
    channel = repeats_data(wire)
    if channel is None:
        blame(wire, "CHN-030", "the same frame again, while nobody acknowledges it")
        return
    channel.acknowledges = True
    channel.ack = 0
    channel.link.expect("the same frame again (CHN-030)", channel.is_data)
    channel.link.settle()


@pytest.mark.rule("CHN-025")
def test_a_copy_goes_behind_a_ping(wire: Wire) -> None:
    channel = wire.link().channel(wire.bay)
    channel.acknowledges = channel.link.answers_pings = False
    channel.open_when_taken(wire.preamble())
    first = speaks(channel)
    before: list[Frame] = []

    def copy(frame: Frame) -> bool:
        if channel.is_data(frame) and frame.seq == first.seq:
            return True
        before.append(frame)
        return False

    if channel.link.heard(copy, TIMER_S) is None:
        leave(channel)
        blame(wire, "CHN-025", "PING, and the frame again")
        return
    if not any(f.type is FrameType.PING and f.channel == wire.bay for f in before):
        raise RuleBroken("PING on the channel ahead of the copy of a frame (CHN-025)", f"{before}")


@pytest.mark.rule("CHN-023")
def test_nothing_is_sent_again_before_its_acknowledgement_can_be_there(wire: Wire) -> None:
    soonest = 0.0
    for _ in range(3):
        channel = wire.link().channel(wire.bay)
        channel.acknowledges = channel.link.answers_pings = False
        channel.open_when_taken(wire.preamble())
        seen: dict[int, float] = {}
        gaps = []
        channel.link.listen(0.4)
        for heard in channel.link.waiting:
            if channel.is_data(heard.frame):
                if heard.frame.seq in seen:
                    gaps.append(heard.at - seen[heard.frame.seq])
                seen.setdefault(heard.frame.seq, heard.at)
        leave(channel)
        if len(gaps) > COPIES_MAX:
            raise RuleBroken(
                "a timer of 20 ms at least that doubles (CHN-023)", f"{len(gaps)} copies in 400 ms"
            )
        if not gaps or gaps[0] >= TIMER_FLOOR_S:
            return
        soonest = max(soonest, gaps[0])
    raise RuleBroken(
        "a frame again after 20 ms at the earliest (CHN-023, Retransmission)",
        f"after {soonest * 1000:.1f} ms",
    )
