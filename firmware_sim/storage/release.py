"""Whether a recording is released: derived each time from what is kept (spec: Receipts and erasing).

Never a stored flag.
A flag that is cleared in a second write would free an annotation that exists nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MINUTES_AN_HOUR: Final = 60


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """What of a kept receipt the rule needs."""

    destination: str
    annotations_sha256: bytes
    kept_at_min: int
    """Powered minutes that the camera had run when it kept it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseRules:
    """What the configuration asks for."""

    receipts: int = 1
    """Different destinations that have to have it."""
    keep_h: int = 0
    """Powered hours that it stays after the last receipt that it needed."""


class Block(enum.Enum):
    """What keeps a recording from being erased, in the order in which it is answered."""

    HELD = "held"
    RECEIPTS = "receipts"
    PROOF = "proof"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Release:
    """Where a recording stands."""

    counting: tuple[ReceiptFacts, ...]
    """Receipts that name its present annotations, one for each destination, the earliest first."""
    needed: int
    holds: int
    left_min: int
    """Powered minutes until it may be erased; 0 while receipts are missing."""
    proof_needed: bool

    @property
    def block(self) -> Block | None:
        """The first thing that keeps it; None: it is released."""
        if self.holds:
            return Block.HELD
        if len(self.counting) < self.needed:
            return Block.RECEIPTS
        if self.proof_needed:
            return Block.PROOF
        return Block.KEPT if self.left_min else None

    @property
    def released(self) -> bool:
        """Whether a host may have it erased."""
        return self.block is None

    @property
    def gives_way(self) -> bool:
        """Whether it may be erased for want of room: as released, but for the hours that it would stay."""
        return self.block in (None, Block.KEPT)


def release_of(
    receipts: Iterable[ReceiptFacts],
    *,
    annotations_sha256: bytes,
    holds: int,
    rules: EraseRules,
    powered_min: int,
    proof_needed: bool = False,
) -> Release:
    """Where a recording with this head of annotations stands.

    `receipts` are those that are kept and whose signers still count. Two of one destination are one.
    """
    counting: dict[str, ReceiptFacts] = {}
    for one in sorted(receipts, key=lambda one: one.kept_at_min):
        if one.annotations_sha256 == annotations_sha256:
            counting.setdefault(one.destination, one)
    earliest = tuple(counting.values())
    left_min = 0
    if len(earliest) >= rules.receipts:
        since_min = earliest[rules.receipts - 1].kept_at_min
        left_min = max(0, since_min + rules.keep_h * MINUTES_AN_HOUR - powered_min)
    return Release(earliest, rules.receipts, holds, left_min, proof_needed)
