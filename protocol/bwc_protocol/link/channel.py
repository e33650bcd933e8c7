"""The life of one channel on one link: epochs, opening and reset (spec: Channel).

    every channel starts CLOSED(255)
    CLOSED(e) --host sends DATA, epoch e+1, seq 0--> OPEN(e+1)
    OPEN(e) --RESET(e) sent or received--> CLOSED(e)

A host's channel is OPENING from the wish to open it until its first byte can be sent: to the peer it is still
CLOSED(e), and still answers RESET(e).
"""

import enum
from typing import Final

from bwc_protocol.frame import Reset
from bwc_protocol.link.counters import ChannelTally
from bwc_protocol.link.inbound import Inbound
from bwc_protocol.link.outbound import Outbound
from bwc_protocol.link.params import LinkParams

FIRST_EPOCH: Final = 255
"""Closed from the start, so that the first epoch that is opened is 0."""


class ChannelState(enum.Enum):
    """Where a channel stands; `epoch` names the life that it is in or had last."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"


# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
_OPENING: Final = ChannelState.OPENING
_OPEN: Final = ChannelState.OPEN


class Channel:
    """One channel. The rules of its frames are `Channels`'."""

    __slots__ = (
        "_params",
        "deficit",
        "epoch",
        "inbound",
        "may_open",
        "number",
        "outbound",
        "repeat_at",
        "repeating",
        "repeats",
        "state",
        "tally",
    )

    def __init__(self, number: int, params: LinkParams, tally: ChannelTally) -> None:
        self.number = number
        self.tally = tally
        self.state = ChannelState.CLOSED
        self.epoch = FIRST_EPOCH
        self.inbound: Inbound | None = None  # while OPENING or OPEN, like `outbound`
        self.outbound: Outbound | None = None
        self.may_open = True
        """Host: the device is known to have closed `epoch`. Else a lost RESET would deadlock, and epochs could wrap
        within the life of an old duplicate."""
        self.repeating: Reset | None = None
        """A RESET of `epoch` is sent again and again until the peer shows that it knows."""
        self.repeat_at = 0.0
        self.repeats = 0
        self.deficit = 0  # bytes that the scheduler still owes
        self._params = params

    @property
    def next_epoch(self) -> int:
        """The only epoch that can be opened now."""
        return (self.epoch + 1) & 0xFF

    def is_open(self, epoch: int) -> bool:
        """Whether a frame of `epoch` is of the present life."""
        return epoch == self.epoch and self.state is _OPEN

    def prepare(self, inbound: Inbound, outbound: Outbound) -> None:
        """Host: bytes may be queued from now on."""
        self.state = ChannelState.OPENING
        self.inbound = inbound
        self.outbound = outbound
        self.deficit = 0

    def begin(self) -> None:
        """The next epoch is open. Whatever RESET of the old one was repeated has been understood."""
        self.epoch = self.next_epoch
        self.state = ChannelState.OPEN
        self.may_open = False
        self.repeating = None

    def skip(self, epoch: int) -> None:
        """Device: an opening was refused, or reset before it was seen: as if opened and reset."""
        self.epoch = epoch
        self.repeating = None

    def close(self) -> None:
        """Discards both directions."""
        if self.outbound is not None:
            self.outbound.close()
        self.inbound = self.outbound = None
        self.state = ChannelState.CLOSED

    def repeat(self, reset: Reset, now: float) -> None:
        """Begins to repeat a RESET of the epoch."""
        self.repeating = reset
        self.repeats = 0
        self.repeat_at = now

    def next_size(self) -> int:
        """Payload of the next DATA frame; 0 if the channel has nothing to send, or must not."""
        if self.outbound is None or (self.state is _OPENING and not self.may_open):
            return 0
        return self.outbound.next_size()

    def deadline(self) -> float | None:
        """When the first of its timers runs out."""
        times = []
        if self.repeating is not None:
            times.append(self.repeat_at)
        if self.state is _OPEN:
            assert self.inbound is not None and self.outbound is not None
            if self.inbound.due is not None:
                times.append(self.inbound.due)
            timer = self.outbound.deadline()
            if timer is not None:
                times.append(timer)
        return min(times) if times else None
