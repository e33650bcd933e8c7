"""Link: signs of life, and the end of a link that gives none (spec: Link)."""

from __future__ import annotations

import time
from typing import Final

import pytest

from bwc_protocol.frame import FrameType
from hil_tests.raw.link import ANSWER_S
from hil_tests.raw.wire import Wire
from hil_tests.rules.pinging import pong
from hil_tests.verdicts import RuleBroken

pytestmark = pytest.mark.bwc_read_only

PING_AFTER_S: Final = 1.0
MARGIN_S: Final = 1.0
"""What a device's timers, and the way, may be late; the end is looked at after that."""


@pytest.mark.rule("LNK-014")
@pytest.mark.parametrize(
    ("channel", "epoch", "number"), [(0, 255, 0), (0, 7, 65_535), (1, 255, 1), (33, 0, 513), (64, 128, 4_660)]
)
def test_a_ping_is_answered_with_its_own_channel_epoch_and_number(
    wire: Wire, channel: int, epoch: int, number: int
) -> None:
    link = wire.link()
    link.say(FrameType.PING, channel=channel, epoch=epoch, seq=number)
    what = f"PONG of channel {channel}, epoch {epoch} and number {number}, though nothing is open there (LNK-014)"
    said = link.expect(what, lambda f: f.type is FrameType.PONG)
    if (said.channel, said.epoch, said.seq) != (channel, epoch, number):
        raise RuleBroken(what, f"{said!r}")
    if said.ack or said.sack or said.window:
        raise RuleBroken("0 for what a closed channel has received (FRM-010)", f"{said!r}")


@pytest.mark.rule("LNK-014")
def test_of_many_pings_at_once_at_least_the_last_is_answered(wire: Wire) -> None:
    link = wire.link()
    for number in range(40):
        link.say(FrameType.PING, seq=1_000 + number)
    link.expect(
        "PONG to the last of 40 PINGs (LNK-014)", lambda f: f.type is FrameType.PONG and f.seq == 1_039
    )


@pytest.mark.rule("LNK-014")
def test_a_pong_reports_the_data_that_came_before_its_ping(wire: Wire) -> None:
    preamble = wire.preamble()
    channel = wire.link().channel(wire.bay).open_when_taken(preamble[:4])
    for at in range(4, 12):
        channel.wait_acknowledged()
        channel.link.forget()
        channel.say(preamble[at : at + 1])
        channel.link.say(
            FrameType.PING, channel=channel.number, epoch=channel.epoch, seq=at, **channel.report()
        )
        said = channel.link.expect("PONG on an open channel (LNK-014)", pong(at, channel.number))
        if said.ack != channel.seq:
            raise RuleBroken(
                f"a PONG that reports frame {channel.seq - 1}, sent before it (LNK-014)", f"{said!r}"
            )


@pytest.mark.rule("LNK-013", "LNK-023", "LNK-015")
def test_a_silent_host_is_asked_every_second_and_given_up_in_the_end(wire: Wire) -> None:
    link = wire.link()
    link.answers_pings = False
    end_s = link.pipe.dead_after_s
    spoke = time.monotonic()
    first = link.expect(
        "PING on channel 0 after 1 s without a frame (LNK-013)",
        lambda f: f.type is FrameType.PING and f.channel == 0,
        PING_AFTER_S + ANSWER_S / 2,
    )
    if first.payload:
        raise RuleBroken("a PING without a payload", f"{first!r}")
    link.listen(max(0.0, spoke + end_s + MARGIN_S - time.monotonic()))
    pings = 1 + link.count(lambda f: f.type is FrameType.PING and f.channel == 0)
    if pings < end_s - 2:
        raise RuleBroken(
            f"PING every second for {end_s:g} s, at least {end_s - 2:g} (LNK-023)", f"{pings} of them"
        )
    byes = [heard for heard in link.waiting if heard.frame.type is FrameType.BYE]
    if byes and byes[0].at < spoke + end_s - MARGIN_S:
        raise RuleBroken(
            f"a link that lives through {end_s:g} s of silence (LNK-015)",
            f"BYE after {byes[0].at - spoke:.1f} s",
        )
    link.forget()
    link.say(FrameType.PING, seq=77)
    link.silent(
        f"a link that is over after {end_s:g} s without a frame (LNK-015)",
        lambda f: f.type is FrameType.PONG and f.seq == 77,
    )
    link.nonce = 0


@pytest.mark.rule("LNK-022", "LNK-015")
def test_frames_of_a_channel_above_64_are_signs_of_life(wire: Wire) -> None:
    link = wire.link()
    link.answers_pings = False
    until = time.monotonic() + link.pipe.dead_after_s + MARGIN_S
    while time.monotonic() < until:
        link.say(FrameType.PONG, channel=200)
        link.listen(0.5)
    link.settle("PONG on a link whose host said frames of channel 200 all the time (LNK-022)")
