"""Deficit round robin: bytes, not frames, are shared evenly among channels (spec: Channel)."""

from collections import deque

from bwc_protocol.link.channel import Channel


class Scheduler:
    """Whose turn it is. A channel that cannot send is set aside until it is woken, and earns nothing meanwhile: a
    station with sixty-four bays must not look at all of them for each frame."""

    def __init__(self, quantum: int) -> None:
        self._quantum = quantum  # bytes earned a turn; no frame is larger, so that each turn sends
        self._ring: deque[Channel] = deque()
        self._aside: set[Channel] = set()  # those that could not send when their turn came
        self._earned = False  # whether the first of the ring has had this turn's quantum

    def add(self, channel: Channel) -> None:
        """`channel` may have bytes to send from now on."""
        self._ring.append(channel)

    def wake(self, channel: Channel) -> None:
        """`channel` has bytes to send, or may send again: to be told whenever that may have become true."""
        if channel in self._aside and channel.next_size():
            self._aside.remove(channel)
            self._ring.append(channel)

    @property
    def idle(self) -> bool:
        """Whether `next` would give None, without a look at any channel."""
        return not self._ring

    def remove(self, channel: Channel) -> None:
        """`channel` is closed."""
        self._aside.discard(channel)
        if channel in self._ring:
            if self._ring[0] is channel:
                self._earned = False
            self._ring.remove(channel)

    def next(self) -> Channel | None:
        """The channel that sends the next frame, already charged for it."""
        while self._ring:
            channel = self._ring[0]
            size = channel.next_size()
            if size and not (self._earned and channel.deficit < size):
                if channel.deficit < size:
                    channel.deficit += self._quantum
                    self._earned = True
                channel.deficit -= size
                return channel
            if size:
                self._ring.rotate(-1)
            else:
                channel.deficit = 0
                self._aside.add(self._ring.popleft())
            self._earned = False
        return None
