"""Marked and held recordings first, across cameras that share a line whose rate nobody knows.

With a bandwidth budget the budget sees to it. Without one, ordinary footage gets an allowance while urgent footage
flows, and nothing bounds it otherwise. Whether the two are in each other's way shows in what the urgent footage makes:
while that is as much as it was, the allowance doubles every second, so that cameras on lines of their own soon wait for
nobody; once it is less, the allowance falls back to a sixteenth. On a line that is full urgent footage keeps about six
sevenths. Nobody starves: a sixteenth is certain, and every camera with ordinary footage gets an equal part of it.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

from bwc_sdk.offload.budget import RATE_MIN_BYTES_PER_S, Budget, Share

LAPSE_S: Final = 1.0
"""Urgent footage that brought nothing for so long does not wait for the line, but for a disk or a camera that is gone:
whoever has something to send may send."""
MEASURE_S: Final = 1.0
"""Time over which a rate is taken: many frames on any line, and a recording of an hour has thousands of them."""
FLOOR: Final = 1 / 16
"""The least that ordinary footage gets, as a share of what urgent footage made."""
HURT: Final = 0.9
"""Below this share of its best rate urgent footage is being hurt; less than that is jitter."""
FORGET: Final = 0.98
"""What a second leaves of the best rate, so that a line that became slower for other reasons is believed in the end."""
UNBOUNDED_BYTES_PER_S: Final = 1e12
"""Where doubling ends: faster than any line."""


class Precedence(Budget):
    """A budget that bounds only ordinary footage, and only while urgent footage flows."""

    def __init__(self) -> None:
        super().__init__(RATE_MIN_BYTES_PER_S)
        self._best = 0.0  # bytes/s of urgent footage
        self._arrived = 0
        self._since_s = 0.0
        self._last_s = -math.inf
        self._senders: set[Share] = set()
        self._senders_before: set[Share] = set()

    def limits(self, urgent: bool) -> bool:
        return not urgent and self._flows(asyncio.get_running_loop().time())

    def arrived(self, share: Share, size: int, now_s: float) -> None:
        if not self._flows(now_s):
            self._since_s, self._arrived, self._senders = now_s, 0, set()
            self._start_over(0.0)
        self._last_s = now_s
        self._arrived += size
        self._senders.add(share)
        if now_s >= self._since_s + MEASURE_S:
            self._judge(now_s)

    def _flows(self, now_s: float) -> bool:
        return now_s < self._last_s + LAPSE_S

    def _judge(self, now_s: float) -> None:
        """Sets the allowance by what urgent footage made since the last time."""
        rate = self._arrived / (now_s - self._since_s)
        if self._senders != self._senders_before:
            self._start_over(rate)  # of other cameras: not to be compared
        elif rate >= HURT * self._best:
            self.bytes_per_s = min(2.0 * self.bytes_per_s, UNBOUNDED_BYTES_PER_S)
        else:
            self._fall_back()
        self._best = max(rate, FORGET * self._best)
        self._since_s, self._arrived = now_s, 0
        self._senders_before, self._senders = self._senders, set()

    def _start_over(self, rate: float) -> None:
        self._best = rate
        self._fall_back()

    def _fall_back(self) -> None:
        self.bytes_per_s = max(FLOOR * self._best, RATE_MIN_BYTES_PER_S)

    def _refill(self, now_s: float) -> None:
        if self._flows(now_s):
            super()._refill(now_s)
        else:
            self._filled_s = now_s
            self._tokens = math.inf

    def _wait_s(self, missing: float) -> float:
        lapse_s = self._last_s + LAPSE_S - asyncio.get_running_loop().time()
        return min(super()._wait_s(missing), lapse_s, MEASURE_S)
