"""The receiving half of an open channel: order, window and acknowledgement (spec: Channel)."""

from typing import Final

from bwc_protocol.link.counters import ChannelTally
from bwc_protocol.link.params import LinkParams
from bwc_protocol.link.refused import DiscardReason, RefusedFrame

SEQ_MASK: Final = 0xFFFF
BEHIND: Final = 0x8000
"""Distances from here on are behind: a duplicate. Windows of 32 leave both sides of the circle far apart."""


class Inbound:
    """Delivers the payloads of one epoch in order, each once. Holds frames that came early, within the window.

    `slots` frames are undelivered, or delivered and not yet consumed, at any time.
    """

    __slots__ = (
        "_advertised",
        "_delivered",
        "_every",
        "_fresh",
        "_held",
        "_params",
        "_slots",
        "_tally",
        "_unconsumed",
        "ack",
        "due",
        "sack",
        "urgent",
    )

    def __init__(self, slots: int, params: LinkParams, tally: ChannelTally) -> None:
        self.ack = 0
        """Next frame expected, modulo 2^16."""
        self.sack = 0
        self.urgent = False
        """An acknowledgement is to go at once."""
        self.due: float | None = None
        """When an acknowledgement is to go at the latest."""
        self._slots = slots
        self._params = params
        self._tally = tally
        self._every = params.ack_every
        self._held: dict[int, bytes] = {}
        self._delivered = 0  # frames, never wraps
        self._unconsumed = 0
        self._fresh = 0  # delivered since the last acknowledgement
        self._advertised = 0  # right edge that the peer was told last, in frames

    @property
    def window(self) -> int:
        """Free slots, counted from `ack`. `ack + window` only grows."""
        return self._slots - self._unconsumed

    def accept(self, seq: int, payload: bytes, now: float) -> list[bytes]:
        """Takes a frame; returns the payloads that are now in order."""
        ahead = (seq - self.ack) & SEQ_MASK
        window = self._slots - self._unconsumed
        if ahead == 0 and window:
            self._fresh += 1
            if self._fresh >= self._every:
                self.urgent = True
            elif self.due is None and not self.urgent:
                self.due = now + self._params.ack_after_s
            if not self._held:
                self.ack = (seq + 1) & SEQ_MASK
                self._delivered += 1
                self._unconsumed += 1
                return [payload]
            return self._close_gap(payload)
        self.urgent = True
        if ahead < window:
            if ahead and seq not in self._held:
                self._tally.came_early()
                self._held[seq] = payload
                self.sack |= 1 << (ahead - 1)
            else:
                self._refuse(DiscardReason.DUPLICATE, seq)
        elif ahead >= BEHIND:
            self._refuse(DiscardReason.DUPLICATE, seq)
        else:
            hint = f"the window is {window} from there"
            self._tally.refuse(RefusedFrame(DiscardReason.OUT_OF_WINDOW, "DATA", "seq", seq, self.ack, hint))
        return []

    def _refuse(self, reason: DiscardReason, seq: int) -> None:
        self._tally.refuse(RefusedFrame(reason, "DATA", "seq", seq, self.ack))

    def _close_gap(self, payload: bytes) -> list[bytes]:
        ordered = [payload]
        self.ack = (self.ack + 1) & SEQ_MASK
        while self.sack & 1:
            ordered.append(self._held.pop(self.ack))
            self.ack = (self.ack + 1) & SEQ_MASK
            self.sack >>= 1
        self.sack >>= 1
        self._delivered += len(ordered)
        self._unconsumed += len(ordered)
        self.urgent = True
        return ordered

    def consumed(self, frames: int) -> None:
        """The application took delivered frames; more than were delivered count as all of them."""
        self._unconsumed -= min(frames, self._unconsumed)
        edge = self._delivered - self._unconsumed + self._slots
        if edge > self._advertised and (
            self._advertised <= self._delivered  # the peer knows of no free slot
            or 2 * (edge - self._advertised) >= self._slots
        ):
            self.urgent = True

    def withhold(self, frames: int) -> None:
        """Takes slots before the peer was told of any; `consumed` gives them."""
        self._unconsumed += min(frames, self._slots)

    def acknowledged(self) -> None:
        """A frame with the present `ack`, `sack` and `window` was handed out."""
        self.urgent = False
        self.due = None
        self._fresh = 0
        self._advertised = self._delivered - self._unconsumed + self._slots
