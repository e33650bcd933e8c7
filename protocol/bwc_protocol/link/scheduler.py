"""Deficit round robin: bytes, not frames, are shared evenly among channels (spec: Channel)."""

from collections import deque

from bwc_protocol.link.channel import Channel


class Scheduler:
    """Whose turn it is. A channel that cannot send is skipped and earns nothing."""

    def __init__(self, quantum: int) -> None:
        self._quantum = quantum  # bytes earned a turn; no frame is larger, so that each turn sends
        self._ring: deque[Channel] = deque()
        self._earned = False  # whether the first of the ring has had this turn's quantum

    def add(self, channel: Channel) -> None:
        """`channel` may have bytes to send from now on."""
        self._ring.append(channel)

    def remove(self, channel: Channel) -> None:
        """`channel` is closed."""
        if channel in self._ring:
            if self._ring[0] is channel:
                self._earned = False
            self._ring.remove(channel)

    def next(self) -> Channel | None:
        """The channel that sends the next frame, already charged for it."""
        idle = 0
        while idle < len(self._ring):
            channel = self._ring[0]
            size = channel.next_size()
            if size and not (self._earned and channel.deficit < size):
                if channel.deficit < size:
                    channel.deficit += self._quantum
                    self._earned = True
                channel.deficit -= size
                return channel
            if not size:
                channel.deficit = 0
                idle += 1
            else:
                idle = 0
            self._ring.rotate(-1)
            self._earned = False
        return None
