"""What a device does against the specification and gets away with: nothing failed, and it is to be mended.

For whoever builds devices (spec: Link, Channel, Session). What a bad line does is no remark.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bwc_protocol.frame import FrameType
from bwc_protocol.link import DiscardReason
from bwc_sdk.connection.counters import Counters


@dataclass(frozen=True, slots=True)
class Remark:
    """A rule that was broken without a failure, and how often."""

    rule: str
    count: int

    def __str__(self) -> str:
        return f"{self.rule} ({self.count} times)" if self.count > 1 else self.rule


def remarks_on(counted: Counters) -> tuple[Remark, ...]:
    """What is to be said of a device that was counted like this, from the link up."""
    return tuple(Remark(rule, count) for rule, count in _found(counted) if count)


def _found(counted: Counters) -> Iterator[tuple[str, int]]:
    link, channel = counted.link, counted.channel
    yield "it acknowledged frames that were never sent: `ack` is the next frame expected", channel.early_acks
    yield "its `ack` stayed 0, although frame 0 had come", channel.missing_acks
    yield "a PONG did not echo the `seq` of its PING", channel.unnumbered_pongs
    unanswered = link.pings if link.pings > 1 and not link.came[FrameType.PONG] else 0
    yield "no PING was answered with a PONG", unanswered  # of one alone the PONG may still be on its way
    yield "it sent DATA beyond the window", channel.discarded[DiscardReason.OUT_OF_WINDOW]
    yield "a frame was longer than agreed", link.discarded[DiscardReason.OVERSIZE]
    yield (
        "a frame broke a rule of type, channel, version or contents",
        link.discarded[DiscardReason.MALFORMED],
    )
    yield "the CLOSE of the session was not answered with CLOSE", counted.closes_unanswered
