"""Whether all that a camera ever closed is accounted for (spec: Recording).

A camera numbers its recordings from 1 without gaps, states how many it has, those that it cannot list included, and
chains their manifests. Of what it erased it has tombstones, signed and chained as well. What these statements say, and
neither listing nor tombstones show, is missing: a listing that is merely short must not pass for a whole one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import NO_SHA256, Manifest
from bwc_sdk.clients.tombstones import ErasedRecording
from bwc_sdk.errors import CommandError
from bwc_sdk.offload.listing import Listing
from bwc_sdk.offload.outcome import Missing

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

MISSING_MAX: Final = 256
"""Gaps that are reported one by one; further ones are reported as one. Whoever has as many looks at the camera."""
NOT_LISTED: Final = "the camera closed it and does not list it"
NOT_LISTED_NEWEST: Final = "the camera states that it has it, and does not list it"


async def stated_by(camera: Camera) -> int:
    """How many recordings the camera says it has, beside its listing; 0 if it does not say. To be asked first: what is
    closed meanwhile is listed, too."""
    try:
        return (await camera.storage.status()).recordings
    except CommandError:
        return 0


def gaps_of(listing: Listing, stated: int, erased: Iterable[int] = ()) -> Iterable[Missing]:
    """What a listing lacks: the numbers that it leaves out and that were not `erased`, and the newest, if more are
    `stated` than there can be."""
    before = unlisted = 0
    for number in merge(listing.numbers, sorted(erased)):
        if number > before + 1:
            unlisted += number - before - 1
            yield Missing(before + 1, number - 1, NOT_LISTED)
        before = number
    newest = max(stated, listing.total) - len(listing) - unlisted
    if newest > 0:
        yield Missing(before + 1, before + newest, NOT_LISTED_NEWEST)


class Account:
    """What is missing, as far as it is known."""

    def __init__(self, listing: Listing, stated: int, erased: Sequence[ErasedRecording] = ()) -> None:
        self.emit: Callable[[Missing], None] = lambda missing: None
        """Hears of what is found later: of a manifest that does not follow."""
        self._listing = listing
        self._missing: list[Missing] = []
        self._broken: set[int] = set()
        self._erased = {one.tombstone.sequence: one.tombstone.manifest_sha256 for one in erased}
        for gap in gaps_of(listing, stated, self._erased):
            self._add(gap)

    @property
    def missing(self) -> tuple[Missing, ...]:
        """In the order in which they were found."""
        return tuple(self._missing)

    def follows(self, manifest: Manifest) -> None:
        """Compares what a manifest says of the one before it with the one that is listed there."""
        number, before = manifest.sequence, manifest.sequence - 1
        entry = self._listing.find(before)
        if before and entry is None and before not in self._erased:
            return  # which is known as a gap
        listed = entry.manifest_sha256 if entry is not None else self._erased.get(before, NO_SHA256)
        if manifest.previous_sha256 == listed or number in self._broken:
            return
        self._broken.add(number)
        if before:
            self._add(
                Missing(before, before, f"recording {number} was made after another one than is listed")
            )
        else:
            self._add(Missing(0, 0, "recording 1 was made after another one: the camera began to count anew"))

    def _add(self, missing: Missing) -> None:
        if len(self._missing) < MISSING_MAX:
            self._missing.append(missing)
            self.emit(missing)
        else:
            last = self._missing[-1]
            first, end = min(last.first, missing.first), max(last.last, missing.last)
            self._missing[-1] = Missing(first, end, "many of these are missing")
