"""The sending half of an open channel: what waits, what is in flight, and when it is sent again (spec: Channel)."""

from collections import deque
from typing import Final

from bwc_protocol.frame import MAX_WINDOW
from bwc_protocol.link.counters import ChannelTally
from bwc_protocol.link.params import LinkParams
from bwc_protocol.link.pipe_rates import DOUBLINGS_MAX, QUEUEING_S, RateMeter, RoundTrip

SEQ_MASK: Final = 0xFFFF
REORDERING: Final = 3
"""A frame is lost when one that was sent three later has arrived. Pipes hardly reorder; TCP's number is safe."""
_ASKED_MAX: Final = 32
"""PINGs of a channel whose PONGs are awaited: more than timers run out in a row. Of more, the oldest are forgotten."""


class Pipe:
    """What the channels of a link share: the pipe's pace, and how much is in it."""

    __slots__ = ("in_flight", "meter", "params", "round_trip")

    def __init__(self, params: LinkParams) -> None:
        self.params = params
        self.round_trip = RoundTrip(params)
        self.meter = RateMeter(params.initial_rate)
        self.in_flight = 0
        """Payload bytes handed out, and neither delivered nor given up."""


class Handout:
    """One transmission of a frame, and where things stood when it was handed out."""

    __slots__ = ("ahead", "at", "channel_mark", "order", "pipe_mark", "withheld")

    def __init__(
        self,
        order: int,
        at: float,
        ahead: int,
        pipe_mark: tuple[int, float],
        channel_mark: tuple[int, float],
        withheld: bool,
    ) -> None:
        self.order = order  # place among all transmissions of the channel
        self.at = at
        self.ahead = ahead  # bytes in the pipe, this frame included
        self.pipe_mark = pipe_mark  # of the meters: bytes delivered, and when last
        self.channel_mark = channel_mark
        self.withheld = (
            withheld  # it had waited for the peer's window or for its turn, and not for bytes to send
        )


class Sent:
    """A frame that was handed out at least once."""

    __slots__ = ("again", "copies", "delivered", "first", "last", "lost", "payload", "seq", "size")

    def __init__(self, seq: int, payload: bytes) -> None:
        self.seq = seq
        self.payload = payload
        self.size = len(payload)
        self.first = self.last = NEVER
        """The first transmission that may have arrived, `NEVER` when all are known to be lost; and the last of all."""
        self.copies: list[Handout] | None = None  # those after `first` that may have arrived
        self.again = False  # handed out more than once
        self.delivered = False
        self.lost = False  # to be handed out again


NEVER: Final = Handout(0, 0.0, 0, (0, 0.0), (0, 0.0), False)


class Outbound:
    """Selective repeat of one epoch. Frame boundaries are chosen when a frame is first handed out."""

    __slots__ = (
        "_ack",
        "_asked",
        "_backoff",
        "_base",
        "_edge",
        "_flight",
        "_gone",
        "_in_flight",
        "_lost",
        "_next",
        "_order",
        "_pings",
        "_pipe",
        "_probed_at",
        "_probes",
        "_progress_at",
        "_queue",
        "_queued",
        "_resent",
        "_tally",
        "_timeouts",
        "_waiting_since",
        "_window",
        "_withheld",
        "max_payload",
        "meter",
        "outstanding",
    )

    def __init__(
        self, pipe: Pipe, tally: ChannelTally, max_payload: int, window: int, edge: int, rate: float
    ) -> None:
        self.max_payload = max_payload
        self.meter = RateMeter(rate)
        self.outstanding = 0
        """Bytes accepted and not yet known to be delivered."""
        self._pipe = pipe
        self._tally = tally
        self._window = window  # frames in flight at most
        self._queue: deque[bytes | memoryview] = deque()
        self._queued = 0
        self._waiting_since = 0.0  # when the first of the queue became the next to be handed out
        self._flight: deque[Sent] = deque()  # from `_base` on, gaps closed by `delivered`
        self._base = 0  # oldest that is not acknowledged; this and the next two never wrap
        self._next = 0
        self._edge = edge  # the largest `ack + window` seen
        self._ack: tuple[int, int, int] | None = None  # what was acted upon last
        self._in_flight = 0
        self._lost = 0
        self._order = 0
        # PINGs whose PONG may come, oldest first: what `_order` was when each went, by its number.
        self._asked: dict[int, int] = {}
        self._pings = 0
        self._gone = 0  # transmissions up to here are delivered or lost, as PONGs told
        self._resent = False  # a PONG had frames sent again, and none arrived since
        self._backoff = 0  # how often the timer is doubled
        self._timeouts = 0  # in a row, without progress
        self._progress_at = 0.0
        self._probes = 0  # in a row, without a wider window
        self._probed_at = 0.0
        self._withheld = False  # bytes waited for the window that opened last, and none of them arrived yet

    # Sending

    def push(self, data: bytes | memoryview, now: float) -> None:
        """Queues bytes of the stream; they must not change afterwards."""
        if not self._queued:
            self._waiting_since = now
        self._queue.append(data)
        self._queued += len(data)
        self.outstanding += len(data)

    def next_size(self) -> int:
        """Payload of the frame that `take` would give; 0 if nothing can be sent now."""
        if self._lost:
            return self._first_lost().size
        if not self._queued or self._next >= self._edge or len(self._flight) >= self._window:
            return 0
        return min(self._queued, self.max_payload)

    def take(self, now: float) -> Sent:
        """Hands out the frame that `next_size` measured; its timer starts now."""
        again = self._lost > 0
        if again:
            sent = self._first_lost()
            sent.again = True
            sent.lost = False
            self._lost -= 1
            self._tally.repeated()
            since = now
        else:
            since, self._waiting_since = self._waiting_since, now
            sent = Sent(self._next & SEQ_MASK, self._cut())
            self._next += 1
            self._flight.append(sent)
        pipe = self._pipe
        if not pipe.in_flight:
            pipe.meter.begin(now)
        if not self._in_flight and not self._withheld:
            self.meter.begin(since)  # else all of the wait counts: it is the pace of whoever takes the bytes
        pipe.in_flight += sent.size
        self._in_flight += sent.size
        self._order += 1
        sent.last = Handout(
            self._order,
            now,
            pipe.in_flight,
            (pipe.meter.delivered, pipe.meter.delivered_at),
            (self.meter.delivered, self.meter.delivered_at),
            self._withheld or now - since > QUEUEING_S,
        )
        if sent.first is NEVER:
            sent.first = sent.last
        elif sent.copies is None:
            sent.copies = [sent.last]
        else:
            sent.copies.append(sent.last)
        return sent

    def _first_lost(self) -> Sent:
        return next(sent for sent in self._flight if sent.lost)

    def _cut(self) -> bytes:
        """The next payload: one copy of its bytes, none where a whole one was queued."""
        queue, room = self._queue, self.max_payload
        head = queue[0]
        if len(head) <= room and (len(queue) == 1 or len(head) == room):
            queue.popleft()
            self._queued -= len(head)
            return head if isinstance(head, bytes) else bytes(head)
        parts: list[bytes | memoryview] = []
        while queue and room:
            part = queue.popleft()
            if len(part) > room:
                view = memoryview(part)
                queue.appendleft(view[room:])
                part = view[:room]
            parts.append(part)
            room -= len(part)
        self._queued -= self.max_payload - room
        return b"".join(parts)

    # Acknowledgements

    @property
    def peer_window(self) -> int:
        """Frames that the peer lets be in flight at present: those that are, and those that may follow."""
        return self._edge - self._base

    @property
    def in_flight(self) -> int:
        """Frames that were handed out and are not known to be delivered."""
        return sum(not sent.delivered for sent in self._flight)

    @property
    def untouched(self) -> bool:
        """Whether frames were handed out and not even the first is acknowledged: who opened the channel sent it, and
        whoever answers on the channel has had it."""
        return not self._base and self._next > 0

    def is_early(self, ack: int, window: int) -> bool:
        """Whether what was void speaks of frames that were never sent, or of a window that is too large."""
        advance = (ack - self._base) & SEQ_MASK
        return window > MAX_WINDOW or len(self._flight) < advance <= SEQ_MASK // 2

    def acknowledge(self, ack: int, window: int, sack: int, now: float) -> bool:
        """Acts upon the three fields of a received frame. False if they are void.

        Only an `ack` from the oldest unacknowledged frame to the next to be sent counts: an older one is late
        news, and one beyond speaks of frames that do not exist.
        """
        news = (ack, window, sack)
        if news == self._ack:
            return True
        flight = self._flight
        advance = (ack - self._base) & SEQ_MASK
        if advance > len(flight) or window > MAX_WINDOW:
            return False
        self._ack = news
        arrived: list[Sent] = []
        for _ in range(advance):
            sent = flight.popleft()
            if not sent.delivered:
                arrived.append(sent)
        self._base += advance
        waited = False
        if self._base + window > self._edge:
            waited = self._queued > 0 and self._next >= self._edge
            self._edge = self._base + window
            self._probes = 0
        if sack:
            arrived += (
                sent for i, sent in enumerate(flight) if i and sack >> (i - 1) & 1 and not sent.delivered
            )
        if arrived:
            self._progress(arrived, now)
            self._withheld = False
        self._withheld = self._withheld or waited
        return True

    def _progress(self, arrived: list[Sent], now: float) -> None:
        """Takes note of delivered frames: what they measure, and which others must be lost."""
        self._timeouts = 0
        self._resent = False
        self._progress_at = now
        newest: Handout | None = None  # of the transmissions that surely arrived
        hasty = False  # an original came after its copy was sent: the timer was too short
        pipe, delivered = self._pipe, 0
        for sent in arrived:
            size = sent.size
            if sent.lost:
                sent.lost = False
                self._lost -= 1
            else:
                pipe.in_flight -= size
                self._in_flight -= size
            sent.delivered = True
            sent.payload = b""
            delivered += size
            came = sent.first if sent.copies is None else self._original(sent)
            if came is None or came is NEVER:
                continue  # nobody knows which transmission it was, and it measures nothing
            if sent.again and came is sent.last and self._too_soon(came, now):
                continue
            hasty = hasty or sent.copies is not None
            if newest is None or came.order > newest.order:
                newest = came
        self.outstanding -= delivered
        self.meter.delivered += delivered
        pipe.meter.delivered += delivered
        if newest is not None:
            if not hasty:
                self._backoff = 0
            measured = now - newest.at
            pipe.round_trip.sample(measured, newest.ahead / pipe.meter.rate)
            full = measured > 2 * pipe.round_trip.shortest + QUEUEING_S
            pipe.meter.sample(newest.pipe_mark, now, full)
            self.meter.sample(newest.channel_mark, now, full or newest.withheld)
        pipe.meter.delivered_at = self.meter.delivered_at = now
        gone = self._gone if newest is None else max(self._gone, newest.order - REORDERING)
        for sent in self._flight:
            if sent.first.order <= gone:
                self._strike(sent, gone)
            elif not sent.again:
                break  # all later ones were sent later still

    def _original(self, sent: Sent) -> Handout | None:
        """Of a frame with copies its original, if that is what arrived.

        Ahead of each copy went a PING. As long as its PONG is missing the copy cannot have arrived, however long ago
        it was sent. Taking the original for it would declare lost what is merely slow, and send all of it again.
        """
        assert sent.copies is not None
        first, second = sent.first.order, sent.copies[0].order
        return sent.first if any(first <= order < second for order in self._asked.values()) else None

    def _too_soon(self, copy: Handout, now: float) -> bool:
        """Whether an acknowledgement comes sooner than any before: then it is of an original that was believed to be
        lost, and the pipe did not keep order."""
        trip = self._pipe.round_trip
        return trip.known and now - copy.at < trip.shortest

    def _strike(self, sent: Sent, order: int) -> None:
        """Of the transmissions of a frame those up to `order`, the first at least, are lost.

        If no other is left it has to be sent again, and that one measures: Karn's rule is about not knowing which of
        two arrived.
        """
        if sent.delivered or sent.first is NEVER:
            return
        left = [copy for copy in sent.copies or () if copy.order > order]
        sent.first = left[0] if left else NEVER
        sent.copies = left[1:] or None
        if not left and not sent.lost:
            self._lose(sent)

    def asked(self) -> int:
        """A PING of the channel is handed out; its number, which its PONG echoes."""
        if len(self._asked) >= _ASKED_MAX:
            del self._asked[next(iter(self._asked))]
        self._pings = self._pings % SEQ_MASK + 1  # 0 is the number of a PING that proves nothing
        self._asked[self._pings] = self._order
        return self._pings

    def answered(self, number: int, ack: int, window: int, sack: int, now: float) -> bool:
        """Acts upon the PONG of the PING with that number. False if what it reports is void.

        Pipes keep order: of the transmissions before that PING all that the PONG does not report are lost, however
        slow the pipe is believed to be; and so are the PONGs of earlier PINGs. They are sent again at once, but only
        once until one arrives: else a pipe that carries PINGs and no data would be filled for ever.
        """
        order = self._asked.pop(number, 0)
        self._asked = {other: at for other, at in self._asked.items() if at > order}
        outstanding = self.outstanding
        if not self.acknowledge(ack, window, sack, now):
            return False
        if self.outstanding < outstanding and not self._asked:
            self._backoff = 0  # there and back with the last copy: the pipe is not slow
        self._gone = max(self._gone, order)
        lost = self._lost
        for sent in self._flight:
            if sent.first.order <= order and (sent.last.order > order or not self._resent):
                self._strike(sent, order)
        self._resent = self._resent or self._lost > lost
        return True

    def _lose(self, sent: Sent) -> None:
        sent.lost = True
        self._lost += 1
        self._pipe.in_flight -= sent.size
        self._in_flight -= sent.size

    # Timers

    def deadline(self) -> float | None:
        """When `expire` is to be called. No timer runs while a lost frame waits for the pipe."""
        if self._lost:
            return None
        params, part = self._pipe.params, self._pipe.round_trip.part
        for sent in self._flight:
            if not sent.delivered:
                # Bounded, since before the first measurement the rate may be far too low; where it is right,
                # acknowledgements of what is ahead move the timer on.
                off_the_wire = sent.last.at + min(
                    sent.last.ahead / self._pipe.meter.rate, params.dead_after_s
                )
                backoff = min(part * (1 << self._backoff), max(part, params.timer_max_s))
                return max(off_the_wire, self._progress_at) + backoff
        if self._queued and self._next >= self._edge:
            return max(self._progress_at, self._probed_at) + min(
                params.probe_max_s, part * (1 << self._probes)
            )
        return None

    @property
    def blocked(self) -> bool:
        """Bytes wait, nothing is in flight, and the peer's window is closed: it is to be probed."""
        waits = self._queued > 0 and self._next >= self._edge
        return waits and all(sent.delivered for sent in self._flight)

    def probed(self, now: float) -> None:
        """A PING goes into the closed window."""
        self._probed_at = now
        self._probes = min(self._probes + 1, DOUBLINGS_MAX)

    def expire(self) -> bool:
        """The timer of the oldest frame has run out. False when its retries are exhausted."""
        self._timeouts += 1
        self._backoff = min(self._backoff + 1, DOUBLINGS_MAX)
        self._tally.timed_out()
        if self._timeouts > self._pipe.params.retries:
            return False
        self._lose(next(sent for sent in self._flight if not sent.delivered))
        return True

    def close(self) -> None:
        """Everything is discarded."""
        self._pipe.in_flight -= self._in_flight
        self._in_flight = 0
