"""What a link learns about its pipe: round trips and rates (spec: Retransmission).

The timer of a frame is the time that the bytes ahead of it take at the measured rate, plus a part for the round
trip that is left when that time is taken away. So a frame of 1 KiB at 115,200 baud, which takes 89 ms, is not sent
again while it is still on the wire, and a frame lost on a fast link is sent again after 20 ms. When that time is over,
and what happens then, is in `outbound`.
"""

from typing import Final

from bwc_protocol.link.params import LinkParams

SMALLEST_SAMPLE: Final = 1_024
"""Bytes below which a slow delivery says more about a busy peer than about the pipe."""
FAR_ABOVE: Final = 4
"""An estimate that exceeds what a full pipe carries so many times is a first guess, or of a time when nobody took the
bytes yet: one sample corrects it. Slow samples are rare where frames take seconds."""
QUEUEING_S: Final = 0.01
"""Round trips longer than twice the shortest plus this mean that the pipe is full: above `ack_after_s`."""
SMOOTHED_PART: Final = 8
DEVIATION_PART: Final = 4
DEVIATIONS: Final = 4
"""The parts of a new sample that a smoothed round trip and its deviation take over, and how many deviations a timer
allows for, as in RFC 6298."""
RATE_UP_PART: Final = 2
RATE_DOWN_PART: Final = 4
"""The parts of a new sample that a rate takes over: faster up, since a delivery cannot be faster than the pipe."""
DOUBLINGS_MAX: Final = 16
"""How often a wait is doubled: it has reached its bound long before, and the number stays small."""


class RoundTrip:
    """Smoothed round trip and its deviation, in seconds, without the time of queued bytes."""

    __slots__ = ("_deviation", "_initial", "_most", "_smoothed", "_tick", "part", "shortest")

    def __init__(self, params: LinkParams) -> None:
        self._tick = params.timer_floor_s
        self._most = params.timer_max_s
        self._initial = params.timer_initial_s
        self._smoothed: float | None = None
        self._deviation = 0.0
        self.shortest = params.timer_initial_s
        self.part = max(params.timer_floor_s, params.timer_initial_s)
        """The timer, without the time of queued bytes."""

    @property
    def known(self) -> bool:
        """Whether anything was measured."""
        return self._smoothed is not None

    def sample(self, measured: float, queued_s: float) -> None:
        """A frame that was sent once was acknowledged after `measured`; `queued_s` of it was the queue."""
        if measured < self.shortest or self._smoothed is None:
            self.shortest = measured
        # Longer than the timer, it is the wait for a sign of life or for a copy after a lost acknowledgement. Taken
        # whole, such samples feed the timer by which the next one is waited for, and a lossy line comes to a halt.
        rest = measured - queued_s  # bounds in plain comparisons: this runs for every acknowledgement
        if rest < 0.0:
            rest = 0.0
        elif rest > self.part:
            rest = self.part
        if self._smoothed is None:
            self._smoothed, self._deviation = rest, rest / 2
        else:
            self._deviation += (abs(rest - self._smoothed) - self._deviation) / DEVIATION_PART
            self._smoothed += (rest - self._smoothed) / SMOOTHED_PART
        part = self._smoothed + DEVIATIONS * self._deviation
        self.part = self._tick if part < self._tick else self._most if part > self._most else part


class RateMeter:
    """Delivered bytes a second, of a link or of a channel.

    Each sample is what was delivered since a frame was sent, over the time since the delivery before that: a true
    lower bound of the rate. Samples above the estimate are believed; those below it only when the pipe was full,
    since otherwise the sender was merely idle.
    """

    __slots__ = ("delivered", "delivered_at", "rate")

    def __init__(self, initial: float) -> None:
        self.rate = initial
        self.delivered = 0
        self.delivered_at = 0.0

    def begin(self, now: float) -> None:
        """Something is sent while nothing is in flight."""
        self.delivered_at = now

    def sample(self, mark: tuple[int, float], now: float, full: bool) -> None:
        """The newest delivered frame was sent when the meter stood at `mark`: bytes delivered, and when last."""
        took = now - mark[1]
        if took <= 0:
            return
        count = self.delivered - mark[0]
        measured = count / took
        if measured > self.rate:
            self.rate += (measured - self.rate) / RATE_UP_PART
        elif full and count >= SMALLEST_SAMPLE:
            self.rate = min(self.rate + (measured - self.rate) / RATE_DOWN_PART, FAR_ABOVE * measured)
