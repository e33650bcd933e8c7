"""What a connection counted: for programs that watch their lines, and for whoever asks why one is slow."""

from __future__ import annotations

from dataclasses import dataclass, field

from bwc_protocol.conversation import MessageCounters, StreamCounters
from bwc_protocol.counting import Snapshot
from bwc_protocol.link import ChannelCounters, LinkCounters


@dataclass(frozen=True, slots=True)
class Counters(Snapshot):
    """What one connection counted from its beginning, until its end at the latest. It does not move.

    Two are added with `+`; `later - earlier` is what came in between.
    """

    link: LinkCounters = field(default_factory=LinkCounters)
    """The whole link while the connection lived: behind a docking station that of all its bays."""
    channel: ChannelCounters = field(default_factory=ChannelCounters)
    """The connection's own channel of the link: of a camera in a bay that of its bay, else the device's own."""
    messages: MessageCounters = field(default_factory=MessageCounters)
    """Requests, answers and events."""
    streams: StreamCounters = field(default_factory=StreamCounters)
    """Bulk streams: footage, chunk tables, configurations."""
    events_unread: int = 0
    """Events of the device that were dropped, the oldest first, since nobody read them."""
    closes_unanswered: int = 0
    """Ends of a session, said in order, which the device did not answer within a second."""
