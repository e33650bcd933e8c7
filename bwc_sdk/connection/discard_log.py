"""Logs what a link throws away and sends again, and why: numbers and reasons, never the contents."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from bwc_protocol.counting import Counts
from bwc_sdk.connection.counters import Counters

log = logging.getLogger(__name__)
K = TypeVar("K", bound=enum.Enum)

EVERY_S: Final = 1.0
"""A bad line damages thousands of frames a second: they are told together, once in so long."""


class DiscardLog:
    """What is new since it was told last, as one line, at most every `EVERY_S`; free unless DEBUG is logged."""

    def __init__(self, name: str, count: Callable[[], Counters]) -> None:
        self._name = name
        self._count = count
        self._logged = Counters()
        self._again_at = 0.0

    def look(self, now: float) -> None:
        """To be called now and then; tells what there is to tell if it is time."""
        if now >= self._again_at and log.isEnabledFor(logging.DEBUG):
            self._again_at = now + EVERY_S
            self._tell()

    def end(self) -> None:
        """Tells what is left: nothing more comes."""
        if log.isEnabledFor(logging.DEBUG):
            self._tell()

    def _tell(self) -> None:
        counted = self._count()
        new = "; ".join(described(counted - self._logged))
        if new:
            log.debug("%s: %s", self._name, new)
        self._logged = counted


def described(came: Counters) -> Iterator[str]:
    """What of these counts somebody has to know who looks for the fault of a line."""
    link = came.link
    yield from _discarded("frame", link.discarded)
    if link.skipped_bytes:
        yield f"discarded {_many(link.skipped_bytes, 'byte')} outside of any frame"
    if link.retransmissions:
        timeouts = _many(link.timeouts, "timeout")
        yield f"sent {_many(link.retransmissions, 'frame')} again after {timeouts}"
    if link.void_acks:
        yield f"ignored {_many(link.void_acks, 'acknowledgement')} of what is not in flight"
    yield from _discarded("frame of its channel", came.channel.discarded)
    yield from _discarded("message", came.messages.discarded)
    yield from _discarded("piece", came.streams.discarded)
    if came.events_unread:
        yield f"discarded {_many(came.events_unread, 'event')} that nobody read"


def _discarded(what: str, counts: Counts[K]) -> Iterator[str]:
    for reason, count in counts.items():
        if count:
            yield f"discarded {_many(count, what)}: {reason.value}"


def _many(count: int, what: str) -> str:
    noun, _, rest = what.partition(" ")
    plural = noun if count == 1 else f"{noun}s"
    return f"{count} {plural} {rest}".rstrip()
