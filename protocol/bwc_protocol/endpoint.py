"""A link and the conversations on its channels, as one machine (spec: Layers).

What a shell drives: it gives bytes and the time, and takes bytes, events and the next deadline. It knows no
sockets and no clock, so that whole offloads run in virtual time.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from bwc_protocol.conversation import Closed, Conversation, ConversationEvent, Failed
from bwc_protocol.conversation.endings import LINGER_S, ORDERLY
from bwc_protocol.conversation.message import DATA_MAX
from bwc_protocol.frame import Reset
from bwc_protocol.link import (
    ChannelData,
    ChannelOpened,
    ChannelReset,
    Link,
    LinkDown,
    LinkEvent,
    LinkUp,
    ResetReason,
)

AHEAD_S: Final = 0.25
"""Sealed and unacknowledged bytes of a channel stay under what it carries in this time and the shortest round
trip, so that a request waits no longer than this behind footage. Without the round trip, a pipe that takes longer
than this could never show a rate above the first guess."""
ROUND_TRIP_MAX_S: Final = 2.0
"""What of the round trip counts: beyond, a peer could make its own answers late and the queue long."""
BULK_S: Final = 0.1
"""What a bulk message takes of the channel at most: a request that comes behind it waits no longer."""
BULK_MIN: Final = 512
"""Bytes of a bulk message on a channel so slow that it takes longer: smaller ones would be mostly headers."""
COARSE_S: Final = 0.005
"""How late a shell may look at a deadline: as long as an acknowledgement may wait. A shell whose timer runs out
within this need not ask for a nearer deadline after each frame."""

_SMALL: Final = 4_096  # bytes of a read that holds no more than a few messages


class OnChannel(NamedTuple):
    """What happened in the conversation of a channel."""

    channel: int
    event: ConversationEvent


Answer = Conversation | ResetReason | Reset
"""What is had for a channel that opens: its conversation, or why it is refused, with or without a time to ask again."""
EndpointEvent = LinkUp | LinkDown | ChannelReset | OnChannel


class Endpoint:
    """One side of a pipe. `converse` makes the conversation of a channel when it opens; a device may refuse it.

    A station's uplink has channels without a conversation of its own: `relayed` is shown each event of the link
    first, with the time, and says whether that was all that is to be done about it.
    """

    def __init__(
        self,
        link: Link,
        converse: Callable[[int], Answer],
        relayed: Callable[[LinkEvent, float], bool] | None = None,
    ) -> None:
        self.link = link
        self._relayed = relayed
        self.conversations: dict[int, Conversation] = {}
        self._converse = converse
        self._events: list[EndpointEvent] = []
        self._leaving: dict[int, tuple[float, ResetReason]] = {}  # to be reset once their last word is out

    # In

    def open(self, now: float) -> None:
        """Host: begin to say HELLO."""
        self.link.open(now)

    def open_channel(self, channel: int, now: float) -> Conversation:
        """Host: opens a channel on a live link and begins its conversation."""
        conversation = self._converse(channel)
        if not isinstance(conversation, Conversation):
            raise TypeError(f"no conversation for channel {channel}, which this side opens itself")
        self.conversations[channel] = conversation
        self._leaving.pop(channel, None)
        self.link.open_channel(channel)
        conversation.start(now)
        return conversation

    def close_channel(self, channel: int, now: float) -> None:
        """Ends a channel at once, whatever is still to be said on it; without effect on a closed one.

        One whose conversation has failed ends with the reason of that (SES-018): only its alert waits no longer.
        """
        self.conversations.pop(channel, None)
        _, reason = self._leaving.pop(channel, (0.0, ResetReason.NORMAL))
        self.link.reset(channel, reason, now)

    def receive(self, data: bytes | bytearray | memoryview, now: float) -> None:
        """Takes bytes of the pipe, of any length and cut anywhere."""
        for _ in self.receiving(data, now):
            pass

    def receiving(self, data: bytes | bytearray | memoryview, now: float) -> Iterable[None]:
        """The same, with a pause after each frame in which `events` may be drained: see `Link.receiving`.

        What comes in a small read is taken at once: it is a few messages, and no footage to speak of.
        """
        if len(data) > _SMALL:
            return self._receiving(data, now)
        if not self.link.receive(data, now):
            return ()
        self._digest(now)
        return (None,)

    def _receiving(self, data: bytes | bytearray | memoryview, now: float) -> Iterator[None]:
        for _ in self.link.receiving(data, now):
            self._digest(now)
            yield

    def tick(self, now: float) -> None:
        """To be called when `deadline()` has passed."""
        self.link.tick(now)
        self._digest(now)
        for channel, conversation in list(self.conversations.items()):
            conversation.tick(now)
            self._collect(channel, conversation, now)
        self._leave_what_is_done(now)

    def pipe_lost(self, now: float) -> None:
        """The pipe is gone; everything on it ends."""
        self.link.pipe_lost(now)
        self._digest(now)

    def close(self, now: float) -> None:
        """Ends the link at once; close the conversations first to end in order."""
        self.link.close(now)
        self._digest(now)

    # Out

    def outgoing(self, now: float, limit: int) -> list[bytes]:
        """Drains about `limit` bytes to be written to the pipe."""
        for channel, conversation in self.conversations.items():
            if conversation.quiet:
                continue
            budget, size = self._bulk(channel) if conversation.sending_streams else (0, BULK_MIN)
            for piece in conversation.outgoing(budget, size, self.link.max_payload):
                self.link.send(channel, piece, now)
        return self.link.outgoing(now, limit)

    def _bulk(self, channel: int) -> tuple[int, int]:
        """How many bytes of streams may be sealed now, and in messages of which size."""
        rate = self.link.channel_rate(channel)
        ahead_s = AHEAD_S + min(ROUND_TRIP_MAX_S, self.link.shortest_round_trip())
        # One piece more than the window lets go: that it has to wait shows who sets the pace.
        window = self.link.peer_window_bytes(channel) + 1
        ahead = max(2 * BULK_MIN, min(window, int(rate * ahead_s)))
        budget = ahead - self.link.outstanding(channel)
        return budget, min(DATA_MAX, max(BULK_MIN, int(rate * BULK_S)))

    def deadline(self) -> float | None:
        """When `tick` is to be called next."""
        times = [self.link.deadline(), *(c.deadline() for c in self.conversations.values())]
        times += [until for until, _ in self._leaving.values()]
        known = [t for t in times if t is not None]
        return min(known) if known else None

    def events(self) -> list[EndpointEvent]:
        """Drains what happened.

        Not handlers, one a channel: who learns of it calls in again, to close a channel or to send, and may do so only
        when link and conversation are at rest. All drains together take half a percent of an offload's time.
        """
        events = self._events
        if events:
            self._events = []
        return events

    # Between link and conversations

    def _digest(self, now: float) -> None:
        for event in self.link.events():
            if self._relayed is not None and self._relayed(event, now):
                continue
            match event:
                case ChannelData(channel=channel, data=data):
                    self.link.consumed(channel)
                    conversation = self.conversations.get(channel)
                    if conversation is not None:
                        conversation.receive(data, now)
                        self._collect(channel, conversation, now)
                case ChannelOpened(channel=channel):
                    self._begin(channel, now)
                case ChannelReset(channel=channel):
                    self.conversations.pop(channel, None)
                    self._leaving.pop(channel, None)
                    self._events.append(event)
                case LinkDown():
                    self.conversations.clear()
                    self._leaving.clear()
                    self._events.append(event)
                case LinkUp():
                    self._events.append(event)
        if self._leaving:
            self._leave_what_is_done(now)

    def _begin(self, channel: int, now: float) -> None:
        """The host has opened a channel: its conversation begins, or the opening is refused."""
        self._leaving.pop(channel, None)
        match self._converse(channel):
            case Conversation() as conversation:
                self.conversations[channel] = conversation
                conversation.start(now)
            case Reset(reason=reason, retry_after_ms=retry_after_ms):
                self.link.reset(channel, reason, now, retry_after_ms)
            case ResetReason() as reason:
                self.link.reset(channel, reason, now)

    def _collect(self, channel: int, conversation: Conversation, now: float) -> None:
        for event in conversation.events():
            self._events.append(OnChannel(channel, event))
            if isinstance(event, Closed):
                self._leaving[channel] = (now + LINGER_S, ORDERLY.reset)
            elif isinstance(event, Failed) and conversation.ending is not None:
                alert, reset = conversation.ending
                self._leaving[channel] = (now if alert is None else now + LINGER_S, reset)

    def _leave_what_is_done(self, now: float) -> None:
        """Resets the channels whose last word is acknowledged, or has had its time."""
        for channel, (until, _) in list(self._leaving.items()):
            conversation = self.conversations.get(channel)
            said = conversation is None or conversation.all_sent
            if now >= until or (said and not self.link.outstanding(channel)):
                self._leave(channel, now)

    def _leave(self, channel: int, now: float) -> None:
        _, reason = self._leaving.pop(channel)
        if self.conversations.pop(channel, None) is not None:
            self.link.reset(channel, reason, now)
