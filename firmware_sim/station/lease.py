"""What holds in a bay for a time, because a host said so."""

import math
from collections.abc import Callable


class Lease:
    """By a clock that only goes forward, in seconds; over until it begins."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._until_s = 0.0

    def begin(self, seconds: int) -> None:
        """From now on for so long; 0: it ends."""
        self._until_s = self._time() + seconds

    def end(self) -> None:
        """It is over."""
        self.begin(0)

    @property
    def left_s(self) -> int:
        """What is left of it, in whole seconds begun."""
        return max(0, math.ceil(self._until_s - self._time()))
