"""How a link begins, as the link sees it (spec: Link).

The two roles begin in different ways, `calling` and `listening`. Each is a state machine of its own: frames and the
time go in, decisions come out, and the link carries them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from bwc_protocol.frame import Bye, Frame
from bwc_protocol.link.events import LinkDown, LinkState


@dataclass(slots=True)
class Grant:
    """A link that the device granted: what both ends agreed upon, for which HELLO."""

    nonce: int
    version: int
    max_payload: int
    window: int
    host_nonce: int
    _sent_at: float = 0.0
    _times: int = 0

    def sent(self, now: float) -> None:
        """This end said HELLO_ACK, or PING, and waits for the first frame."""
        self._sent_at = now
        self._times += 1

    def round_trip(self, now: float) -> float | None:
        """Seconds that the first frame took to come; None if it may answer either of two."""
        return now - self._sent_at if self._times == 1 else None


class Farewell(NamedTuple):
    """A BYE to be said, in a frame with `link`."""

    bye: Bye
    link: int = 0


Decision = Frame | Farewell | LinkDown
"""What is to be done: say this frame, in place of what the opening said before; say BYE; or the link is down."""


class Opening(Protocol):
    """One role's way to a live link."""

    granted: Grant | None
    """What waits to be used: its first valid frame makes it the live link."""

    @property
    def state(self) -> LinkState:
        """Where the link stands while it is not live."""

    @property
    def max_payload(self) -> int:
        """Bytes of payload of the largest frame that may come now."""

    def hear(self, frame: Frame, now: float) -> Sequence[Decision]:
        """Takes HELLO or HELLO_ACK. Raises `MalformedControl`."""

    def hear_bye(self, link: int, bye: Bye, now: float) -> Sequence[Decision]:
        """Takes a BYE that is not of the live link."""

    def tick(self, now: float) -> Sequence[Decision]:
        """Runs the timers that are due, while the link is not live."""

    def deadline(self) -> float | None:
        """When `tick` has something to do."""

    def used(self) -> None:
        """What was granted is the live link from now on."""

    def withdraw(self) -> None:
        """The pipe is closed or lost: what this end granted is void."""

    def ended(self) -> None:
        """The live link, or a host's attempt, is over."""
