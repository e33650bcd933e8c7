"""Channels that a test opens piece by piece: what the first bytes are, nobody looks at before all 32 are there."""

from __future__ import annotations

import time
from typing import Final

from bwc_protocol.frame import MAX_CHANNEL, Frame, FrameType
from hil_tests.raw.link import RawChannel
from hil_tests.raw.wire import Wire
from hil_tests.rules.pinging import ASIDE
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

PREAMBLE: Final = 32
TIMER_S: Final = 4.0
"""What a timer of a device takes at most: 2 s at the end of its doubling, and as much again for a slow way."""
SPEAK_EVERY_S: Final = 0.8
"""So often a host has to speak that is not to be asked for a sign of life."""
MINIMAL: Final = (
    "it sends nothing again, which a minimal device on a pipe that loses nothing may leave out as a whole"
)


def begun(wire: Wire, size: int = 1, *, window: int = 32, **offer: int) -> RawChannel:
    """The device's channel on a new link, opened with the first bytes of a preamble and acknowledged."""
    channel = wire.link(**offer).channel(wire.bay)
    channel.window = window
    channel.open_when_taken(wire.preamble()[:size])
    if channel.resets:
        raise RuleBroken("an opening that is taken (CHN-002)", f"RESET({channel.resets[-1].reason.name})")
    channel.wait_acknowledged()
    channel.link.forget()
    return channel


def nowhere(wire: Wire) -> int:
    """A channel behind which nothing is."""
    return MAX_CHANNEL if wire.bay != MAX_CHANNEL else MAX_CHANNEL - 1


def state(channel: RawChannel, epoch: int | None = None) -> Frame:
    """What the device says that it has received, by PONG."""
    link, asked = channel.link, channel.epoch if epoch is None else epoch
    link.say(
        FrameType.PING, channel=channel.number, epoch=asked, seq=len(link.waiting) + 1, **channel.report()
    )
    return link.expect(
        "PONG on the channel (LNK-014)",
        lambda f: f.type is FrameType.PONG and f.channel == channel.number and f.epoch == asked,
    )


def is_open(said: Frame) -> bool:
    """Whether the channel is open, by what a PONG says of it."""
    return bool(said.ack or said.window)


def slots(channel: RawChannel, needed: int) -> int:
    """How many frames the device takes at once. Skips when these are too few for the test."""
    free = (channel.edge - channel.acknowledged) % 65_536
    if free < needed:
        not_applicable(f"the device takes {free} frames at once, and this is about {needed}")
    return free


def speaks(channel: RawChannel, within_s: float = TIMER_S) -> Frame:
    """The first DATA of the device. Skips when it says nothing yet, as a device that has no session yet."""
    said = channel.link.heard(channel.is_data, within_s)
    if said is None:
        not_tested("the device says nothing on its channel, so that what it sends cannot be judged")
    return said


def leave(channel: RawChannel) -> None:
    """Ends its link and closes its pipe, so that another can be opened where the way takes one at a time."""
    channel.link.close()
    channel.link.pipe.close()


# What a minimal device may leave out, as a whole


def repeats_data(wire: Wire) -> RawChannel | None:
    """The channel on which the device sent a frame again, since nobody acknowledged it."""
    channel = wire.link().channel(wire.bay)
    channel.acknowledges = channel.link.answers_pings = False
    channel.open_when_taken(wire.preamble())
    first = speaks(channel)
    again = channel.link.heard(lambda f: channel.is_data(f) and f.seq == first.seq, TIMER_S)
    if again is None:
        leave(channel)
        return None
    if again.payload != first.payload:
        raise RuleBroken(
            f"the same payload when frame {first.seq} is sent again (CHN-030): {first.payload.hex()}",
            again.payload.hex(),
        )
    return channel


def probes(wire: Wire) -> RawChannel | None:
    """The channel whose closed window the device asked about."""
    channel = wire.link().channel(wire.bay)
    channel.window = 0
    channel.open_when_taken(wire.preamble())
    until = time.monotonic() + TIMER_S
    asked = 0
    while time.monotonic() < until:
        spoken = time.monotonic()
        channel.link.say(FrameType.PING, channel=ASIDE)  # or it asked for a sign of life
        while (left := spoken + SPEAK_EVERY_S - time.monotonic()) > 0:
            if (
                channel.link.heard(lambda f: f.type is FrameType.PING and f.channel == wire.bay, left)
                is not None
            ):
                asked += 1
            if asked == 2:
                return channel
    leave(channel)
    return None


def repeats_resets(wire: Wire) -> RawChannel | None:
    """The channel of which the device said RESET twice. Skips when it resets nothing by itself."""
    channel = wire.link().channel(wire.bay)
    channel.open_when_taken(b"?" * PREAMBLE)
    if not channel.resets and channel.link.heard(channel.is_reset, TIMER_S) is None:
        not_tested("the device resets nothing by itself yet")
    until = time.monotonic() + TIMER_S
    while len(channel.resets) < 2 and time.monotonic() < until:
        channel.link.listen(0.05)
    if len(channel.resets) < 2:
        leave(channel)
        return None
    return channel


def blame(wire: Wire, rule: str, expected: str) -> None:
    """The device does not do what `rule` demands: that breaks it, unless it sends nothing again at all."""
    for does, what in (
        (repeats_data, "sends DATA again"),
        (probes, "asks closed windows"),
        (repeats_resets, "repeats RESET"),
    ):
        if does(wire) is not None:
            raise RuleBroken(
                f"{expected} ({rule})", f"none, of a device that {what}, and so is no minimal one"
            )
    not_applicable(MINIMAL)
