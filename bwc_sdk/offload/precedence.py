"""Marked and held recordings first, across cameras that share a line whose rate nobody knows.

With a bandwidth budget the budget sees to it. Without one, ordinary footage gets an allowance while urgent footage
flows, and nothing bounds it otherwise. Whether the two are in each other's way is found out, second by second: the
allowance grows until urgent footage makes less than it does by itself; then ordinary footage gives up half of what it
takes, and where urgent footage gains by that, it stays at the half. On a line that is full urgent footage keeps about
six sevenths.

Urgent footage takes only what it makes use of. What it does not gain by the restraint of the others it lacks for
reasons of its own, such as a flash that dies, and they have back what they gave up. So one camera whose footage comes
in fits and starts keeps nobody from the line. Nobody starves: a sixteenth of the line is certain, and every camera with
ordinary footage gets an equal part of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bwc_sdk.offload.budget import (
    RATE_MIN_BYTES_PER_S,
    STEP_MAX_BYTES,
    STEP_MIN_BYTES,
    STEP_S,
    Budget,
    Share,
)

LAPSE_S: Final = 1.0
"""Urgent footage that brought nothing for so long does not wait for the line, but for a disk or a camera that is gone:
whoever has something to send may send."""
MEASURE_S: Final = 1.0
"""Time over which a rate is taken: many frames on any line, and a recording of an hour has thousands of them."""
FLOOR: Final = 1 / 16
"""The least that ordinary footage gets, as a share of the line."""
HURT: Final = 0.95
"""Below this share of what it makes by itself urgent footage is being hurt; less than that is jitter."""
BLAMED: Final = 0.5
"""Share of what ordinary footage gives up that urgent footage must gain, to have lacked it."""
GROWTH: Final = 4.0
"""Of the allowance, in a measure in which nobody is hurt: more than is given up in one in which somebody is, so that
footage which comes and goes every other second cannot hold it down."""
LISTEN_EVERY_S: Final = 16.0
"""How often ordinary footage stands back for a moment, to learn what urgent footage makes by itself: a sixteenth as
often while it is in vain."""
DOUBLINGS: Final = 4
"""How often the time after which ordinary footage may be blamed again is doubled, while it is in vain."""
FORGET: Final = 0.9
"""What a measure leaves of the best that the line was seen to carry: one that falls to a hundredth is believed in a
minute."""
MOST: Final = 4.0
"""The most that ordinary footage may have, as a share of the best that the line was seen to carry: it grows with it."""
SETTLING: Final = 1
"""Measures that pass before the effect of another allowance is looked at: credit of before is still on its way."""
SETTLING_FIRST: Final = 8
ABSENT_S: Final = 60.0
"""The same when there was no urgent footage for so long: credit was free, and whole windows are on their way."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """Ordinary footage gave up half, to see whether urgent footage gains by it. All in bytes/s."""

    allowance: float
    """What it had before."""
    urgent: float
    ordinary: float


class Precedence(Budget):
    """A budget that bounds only ordinary footage, and only while urgent footage flows."""

    def __init__(self) -> None:
        self._asked: set[Share] = set()  # in this measure
        self._sharing = 1  # cameras that had a part of the allowance in the one before
        super().__init__(RATE_MIN_BYTES_PER_S)
        self._alone = 0.0  # bytes/s that urgent footage makes by itself
        self._line = 0.0  # bytes/s of all that were seen
        self._arrived = 0  # urgent bytes of this measure
        self._given = 0  # credit for ordinary ones
        self._since_s = 0.0
        self._last_s = -math.inf
        self._trial: _Trial | None = None
        self._settling = 0  # measures until what was under way has arrived
        self._in_vain = 0  # trials in a row
        self._blames_at_s = -math.inf
        self._listens_at_s = -math.inf

    def limits(self, urgent: bool) -> bool:
        return not urgent and self._flows(asyncio.get_running_loop().time())

    def arrived(self, share: Share, size: int, now_s: float) -> None:
        if not self._flows(now_s):
            self._begin(now_s)
        self._last_s = now_s
        self._arrived += size
        if now_s >= self._since_s + MEASURE_S:
            self._judge(now_s)

    def ask(self, share: Share, size: int, urgent: bool, paid: Callable[[int], None]) -> None:
        self._asked.add(share)
        super().ask(share, size, urgent, paid)

    def paid(self, size: int) -> None:
        self._given += size

    @property
    def step_bytes(self) -> int:
        # By camera: what all of them hold ahead has to be on its way in a part of a measure.
        part = self.bytes_per_s * STEP_S / max(self._sharing, len(self._asked))
        return round(min(max(part, STEP_MIN_BYTES), STEP_MAX_BYTES))

    def give_back(self, share: Share, size: int) -> None:
        super().give_back(share, size)
        self._given = max(0, self._given - size)

    def _flows(self, now_s: float) -> bool:
        return now_s < self._last_s + LAPSE_S

    def _begin(self, now_s: float) -> None:
        """Urgent footage flows, or does so again: the allowance stays what it was found to be."""
        self._since_s, self._arrived, self._given = now_s, 0, 0
        self._asked.clear()
        if self._trial is not None:
            self._allow(self._trial.allowance)
        self._trial, self._settling = None, 0
        if now_s >= self._last_s + ABSENT_S:
            self._alone, self._in_vain, self._settling = 0.0, 0, SETTLING_FIRST
            self._listens_at_s = now_s + LISTEN_EVERY_S
            self._allow(0.0)

    def _judge(self, now_s: float) -> None:
        """Sets the allowance by what was made since the last time."""
        seconds = now_s - self._since_s
        urgent, ordinary = self._arrived / seconds, self._given / seconds
        self._line = max(urgent + ordinary, FORGET * self._line)
        self._since_s, self._arrived, self._given = now_s, 0, 0
        self._sharing = max(1, len(self._asked))
        self._asked.clear()
        self._alone = max(urgent, self._alone)
        if self._settling:
            self._settling -= 1
            return
        trial, self._trial = self._trial, None
        if trial is not None:
            self._conclude(trial, urgent, ordinary, now_s)
        hurt = urgent < HURT * self._alone
        if hurt and now_s >= self._blames_at_s:
            self._try(ordinary / 2, urgent, ordinary)
        elif now_s >= self._listens_at_s:
            self._try(0.0, urgent, ordinary)
        elif not hurt:
            self._allow(GROWTH * self.bytes_per_s)

    def _try(self, allowance: float, urgent: float, ordinary: float) -> None:
        self._trial = _Trial(self.bytes_per_s, urgent, ordinary)
        self._settling = SETTLING
        self._allow(allowance)

    def _conclude(self, trial: _Trial, urgent: float, ordinary: float, now_s: float) -> None:
        """Whether urgent footage gained by what ordinary footage gave up; if not, that has it back, and for longer."""
        gave = trial.ordinary - ordinary
        if gave > 0 and urgent - trial.urgent >= BLAMED * gave:
            self._in_vain = 0
        else:
            self._in_vain = min(self._in_vain + 1, DOUBLINGS)
            self._blames_at_s = now_s + MEASURE_S * 2**self._in_vain
            self._alone = urgent
            self._allow(trial.allowance)
        self._listens_at_s = now_s + LISTEN_EVERY_S * 4 ** min(self._in_vain, 2)

    def _allow(self, bytes_per_s: float) -> None:
        least = max(FLOOR * self._line, RATE_MIN_BYTES_PER_S)
        self.bytes_per_s = max(min(bytes_per_s, MOST * self._line), least)

    def _refill(self, now_s: float) -> None:
        if self._flows(now_s):
            super()._refill(now_s)
        else:
            self._filled_s = now_s
            self._tokens = math.inf

    def _wait_s(self, missing: float) -> float:
        lapse_s = self._last_s + LAPSE_S - asyncio.get_running_loop().time()
        return min(super()._wait_s(missing), lapse_s, MEASURE_S)
