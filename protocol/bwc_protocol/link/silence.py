"""When a live link asks for a sign of life, and when it has been silent for too long (spec: Link)."""

from bwc_protocol.link.params import LinkParams


class Silence:
    """Since when nothing was heard on a live link."""

    __slots__ = ("_dead_after_s", "_first_at", "_last_at", "_ping_after_s", "heard_at")

    def __init__(self, params: LinkParams, now: float) -> None:
        self.heard_at = now
        """When the last valid frame came. A PING from before it belongs to an earlier silence."""
        self._ping_after_s = params.ping_after_s
        self._dead_after_s = params.dead_after_s
        self._first_at = now  # PINGs: the first into a silence, and the last
        self._last_at = now

    def ping_at(self) -> float:
        """When a PING is to be sent."""
        return max(self.heard_at, self._last_at) + self._ping_after_s

    def pinged(self, now: float) -> None:
        """A PING is sent."""
        self._last_at = now
        if self._first_at <= self.heard_at:
            self._first_at = now

    def dead_at(self) -> float:
        """When the link is dead. Silence counts from the first PING into it: an end that was itself asleep asks
        before it gives up."""
        heard = self.heard_at
        first = self._first_at if self._first_at > heard else heard + self._ping_after_s
        return max(heard + self._dead_after_s, first + self._dead_after_s - self._ping_after_s)
