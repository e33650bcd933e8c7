"""What a conversation counts: messages, streams, and what of both nobody waited for any more."""

import enum
from dataclasses import dataclass, field
from functools import partial

from bwc_protocol.counting import Counts, Snapshot


class MessageDiscard(enum.Enum):
    """Why a message that came was thrown away. The values say it to people."""

    LATE_REPLY = "the answer to what nobody waits for any more"
    UNKNOWN_EVENT = "an event of a newer version of the protocol"


class StreamDiscard(enum.Enum):
    """Why a piece of a stream that came was thrown away. The values say it to people."""

    GIVEN_UP = "of a stream that was given up or has ended"


@dataclass(frozen=True, slots=True)
class MessageCounters(Snapshot):
    """Messages of a host's conversation with a device, but those of streams."""

    requests: int = 0
    """Sent."""
    replies: int = 0
    """Of them, how many the device answered with what was asked for."""
    refusals: int = 0
    """Of them, how many it answered with an error."""
    events: int = 0
    """Came without being asked for."""
    discarded: Counts[MessageDiscard] = field(default_factory=partial(Counts, MessageDiscard))


@dataclass(frozen=True, slots=True)
class StreamCounters(Snapshot):
    """Bulk streams of a conversation, in both directions. A piece is what one message or a part of it brought."""

    opened: int = 0
    ended: int = 0
    """Of them, how many the peer or this side brought to their end, good or bad."""
    cancelled: int = 0
    """Of them, how many the peer or this side gave up."""
    pieces_in: int = 0
    pieces_out: int = 0
    bytes_in: int = 0
    """Of contents, without those that were thrown away."""
    bytes_out: int = 0
    bytes_discarded: int = 0
    discarded: Counts[StreamDiscard] = field(default_factory=partial(Counts, StreamDiscard))
    """Pieces that were thrown away: they were under way when the stream was given up."""


@dataclass(slots=True)
class MessageTally:
    """The counts of messages as they grow."""

    requests: int = 0
    replies: int = 0
    refusals: int = 0
    events: int = 0
    late_replies: int = 0
    unknown_events: int = 0

    def snapshot(self) -> MessageCounters:
        """The present counts."""
        discarded = {
            MessageDiscard.LATE_REPLY: self.late_replies,
            MessageDiscard.UNKNOWN_EVENT: self.unknown_events,
        }
        return MessageCounters(
            self.requests, self.replies, self.refusals, self.events, Counts(MessageDiscard, discarded)
        )


@dataclass(slots=True)
class StreamTally:
    """The counts of streams as they grow."""

    opened: int = 0
    ended: int = 0
    cancelled: int = 0
    pieces_in: int = 0
    pieces_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    pieces_late: int = 0
    bytes_late: int = 0

    def snapshot(self) -> StreamCounters:
        """The present counts."""
        return StreamCounters(
            opened=self.opened,
            ended=self.ended,
            cancelled=self.cancelled,
            pieces_in=self.pieces_in,
            pieces_out=self.pieces_out,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            bytes_discarded=self.bytes_late,
            discarded=Counts(StreamDiscard, {StreamDiscard.GIVEN_UP: self.pieces_late}),
        )
