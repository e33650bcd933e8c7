"""Channel: what a device takes, and how it acknowledges it (spec: Channel)."""

from __future__ import annotations

import time

import pytest

from bwc_protocol.frame import Frame
from hil_tests.raw.link import RawChannel
from hil_tests.raw.wire import Wire
from hil_tests.rules.channels import PREAMBLE, TIMER_S, begun, slots, speaks, state
from hil_tests.verdicts import RuleBroken, not_applicable

pytestmark = pytest.mark.bwc_read_only

PROMPT_S = 0.1
"""What the fastest of several acknowledgements may take longer than the fastest PONG: 5 ms, and much room."""


def reported(channel: RawChannel, what: str) -> Frame:
    """The acknowledgement that must come at once, unasked."""
    return channel.link.expect(what, lambda f: channel.is_ack(f) or channel.is_data(f))


def taken(channel: RawChannel) -> None:
    """All is acknowledged, and the channel is not reset for it. Raises `RuleBroken`."""
    if channel.acknowledged != channel.seq and not channel.resets:
        channel.link.expect(
            "an acknowledgement of all bytes of a preamble (CHN-019, CHN-016)",
            lambda f: channel.acknowledges_all(f) or channel.is_reset(f),
        )
    if channel.resets:
        raise RuleBroken(
            "a preamble, of which each byte is delivered once (CHN-019)", f"{channel.resets[-1]}"
        )


@pytest.mark.rule("CHN-011", "CHN-016")
def test_an_acknowledgement_names_what_came_and_nothing_else(wire: Wire) -> None:
    preamble = wire.preamble()
    channel = begun(wire)
    for at in range(1, 8):
        channel.say(preamble[at : at + 1])
        said = reported(channel, f"an acknowledgement of frame {at} (CHN-016)")
        while said.ack == at:  # one that crossed it
            said = reported(channel, f"an acknowledgement of frame {at} (CHN-016)")
        if said.ack != at + 1 or said.sack:
            raise RuleBroken(f"ack {at + 1} after frame {at}, and an empty sack (Channel)", f"{said!r}")


@pytest.mark.rule("CHN-016")
def test_a_single_frame_is_acknowledged_within_milliseconds(wire: Wire) -> None:
    preamble = wire.preamble()
    channel = begun(wire)
    pongs, acks = [], []
    for at in range(1, 9):
        began = time.monotonic()
        channel.link.settle()
        pongs.append(time.monotonic() - began)
        began = time.monotonic()
        channel.say(preamble[at : at + 1])
        channel.wait_acknowledged()
        acks.append(time.monotonic() - began)
    if min(acks) > min(pongs) + PROMPT_S:
        raise RuleBroken(
            f"an acknowledgement after 5 ms, beside {min(pongs) * 1000:.0f} ms of the way (CHN-016)",
            f"{min(acks) * 1000:.0f} ms, the fastest of {len(acks)}",
        )


@pytest.mark.rule("CHN-016", "CHN-014")
def test_a_duplicate_is_acknowledged_at_once(wire: Wire) -> None:
    preamble = wire.preamble()
    channel = begun(wire)
    channel.say(preamble[1:2])
    channel.wait_acknowledged()
    for seq in (1, 0):
        channel.link.settle()
        channel.link.forget()
        channel.say(preamble[seq : seq + 1], seq=seq)
        said = reported(channel, f"an acknowledgement of frame {seq}, which came twice (CHN-016)")
        if said.ack != 2:
            raise RuleBroken("ack 2 after a duplicate (CHN-016)", f"{said!r}")


@pytest.mark.rule("CHN-016")
def test_a_gap_is_reported_at_once(wire: Wire) -> None:
    preamble = wire.preamble()
    channel = begun(wire)
    slots(channel, 3)
    channel.link.settle()
    channel.link.forget()
    channel.say(preamble[2:3], seq=2)
    said = reported(
        channel, "an acknowledgement of frame 1 being awaited, when frame 2 came before it (CHN-016)"
    )
    if said.ack != 1:
        raise RuleBroken("ack 1 while frame 1 is missing (CHN-016)", f"{said!r}")


@pytest.mark.rule("CHN-013")
def test_what_was_reported_in_sack_is_kept(wire: Wire) -> None:
    preamble = wire.preamble()
    channel = begun(wire)
    count = min(6, slots(channel, 3) - 1)
    for seq in range(2, 2 + count):
        channel.say(preamble[seq : seq + 1], seq=seq)
    held = state(channel).sack
    if not held:
        not_applicable("it holds nothing out of order, which it may")
    channel.say(preamble[1:2], seq=1)
    first = 2
    while held & 1:
        held >>= 1
        first += 1
    said = state(channel)
    if said.ack < first:
        raise RuleBroken(
            f"ack {first} once frame 1 came, since those behind it were reported (CHN-013)", f"{said!r}"
        )


@pytest.mark.rule("CHN-014")
@pytest.mark.parametrize("beyond", [0, 1, 100, 20_000])
def test_a_frame_beyond_the_window_is_discarded_and_acknowledged_at_once(wire: Wire, beyond: int) -> None:
    preamble = wire.preamble()
    channel = begun(wire)
    channel.link.settle()
    channel.link.forget()
    edge = channel.edge
    channel.say(b"\xee", seq=(edge + beyond) % 65_536)
    said = reported(channel, "an acknowledgement of a frame beyond the window (CHN-014, CHN-016)")
    distance = (edge + beyond - said.ack - 1) % 65_536
    if said.ack != 1 or (distance < 32 and said.sack >> distance & 1):
        raise RuleBroken("ack 1, and a frame beyond the window not in sack (CHN-014)", f"{said!r}")
    if beyond:
        return
    for seq in range(1, min(edge, PREAMBLE - 2)):
        channel.say(preamble[seq : seq + 1], seq=seq)
        channel.seq = seq + 1
        channel.wait_acknowledged()
    said = state(channel)
    if said.ack > channel.seq:
        raise RuleBroken(
            f"ack {channel.seq}: the frame beyond the window was discarded (CHN-014)", f"{said!r}"
        )


@pytest.mark.rule("CHN-019")
@pytest.mark.parametrize("order", ["twice", "backwards", "late duplicates"])
def test_each_byte_is_delivered_once_and_in_order(wire: Wire, order: str) -> None:
    """By the preamble, which is one only if each of its bytes is there, once."""
    preamble = wire.preamble()
    channel = begun(wire)
    if order == "backwards":
        step = min(8, slots(channel, 2))
        for low in range(1, PREAMBLE, step):
            for seq in reversed(range(low, min(low + step, PREAMBLE))):
                channel.say(preamble[seq : seq + 1], seq=seq)
            for seq in range(low, min(low + step, PREAMBLE)):  # to one that holds nothing out of order
                channel.say(preamble[seq : seq + 1], seq=seq)
            channel.seq = min(low + step, PREAMBLE)
            taken(channel)
    else:
        for seq in range(1, PREAMBLE):
            channel.say(preamble[seq : seq + 1], seq=seq)
            taken(channel)
            if seq < PREAMBLE - 1:
                again = seq if order == "twice" else seq // 2
                channel.say(preamble[again : again + 1], seq=again)
    if not channel.inbox and not channel.resets:
        channel.link.heard(lambda f: channel.is_data(f) or channel.is_reset(f), TIMER_S)
    if channel.resets:
        raise RuleBroken(
            "a preamble, of which each byte is delivered once (CHN-019)", f"{channel.resets[-1]}"
        )
    if not channel.inbox:
        speaks(channel)
    if not channel.inbox.startswith(b"BWC\1"):
        raise RuleBroken("the preamble of the device (SES-001)", bytes(channel.inbox).hex())


@pytest.mark.rule("CHN-026")
def test_data_without_bytes_or_with_too_many_is_discarded(wire: Wire) -> None:
    channel = begun(wire, max_payload=20)
    assert channel.link.granted is not None
    for payload, what in (
        (b"", "DATA of length 0"),
        (bytes(channel.max_payload + 1), "DATA of too many bytes"),
    ):
        channel.say(payload, seq=1)
        said = state(channel)
        if said.ack != 1 or said.sack:
            raise RuleBroken(f"ack 1: {what} is discarded (CHN-026)", f"{said!r}")
    channel.seq = 1
    channel.say(wire.preamble()[1:2])
    channel.wait_acknowledged()


@pytest.mark.rule("CHN-026", "CHN-002")
def test_data_without_bytes_opens_nothing(wire: Wire) -> None:
    channel = wire.link().channel(wire.bay)
    channel.epoch = 0
    channel.say(b"")
    said = state(channel)
    if said.ack or said.window:
        raise RuleBroken("a channel that is closed: DATA of length 0 is discarded (CHN-026)", f"{said!r}")


@pytest.mark.rule("CHN-027", "CHN-029", "LNK-017")
@pytest.mark.parametrize("window", [32, 3, 1])
def test_the_right_edge_never_moves_back_and_never_beyond_what_was_agreed(wire: Wire, window: int) -> None:
    preamble = wire.preamble()
    channel = begun(wire, max_window=window)
    assert channel.link.granted is not None
    agreed, edge = channel.link.granted.window, channel.edge
    for seq in range(1, PREAMBLE - 1):
        while channel.edge <= channel.seq:
            reported(channel, "a window that opens again (CHN-016)")
        channel.say(preamble[seq : seq + 1])
        for frame in (_next(channel), state(channel)):
            if frame is None:
                continue
            said = frame.ack + frame.window
            if said < edge:
                raise RuleBroken(
                    f"a right edge of {edge} or more, as it was told before (CHN-029)", f"{frame!r}"
                )
            if frame.window > agreed or said > channel.seq + agreed:
                raise RuleBroken(f"a window of at most {agreed}, as agreed (LNK-017)", f"{frame!r}")
            edge = said


def _next(channel: RawChannel) -> Frame | None:
    return channel.link.heard(channel.is_ack, 0.0)
