"""What a camera lists, in little memory: a camera may have a million recordings, and a dock 64 cameras."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

from bwc_protocol.messages.recordings import Mark, RecordingEntry

if TYPE_CHECKING:
    from bwc_sdk.clients.camera import Camera

URGENT = Mark.MARKED | Mark.HELD


class Listing:
    """All entries of a listing as they came, in the order of their numbers: about 120 bytes each."""

    def __init__(self) -> None:
        self.total = 0
        """Closed recordings that the camera says it has, those that it cannot list included."""
        self._packed = bytearray()
        self._ends = array("Q")
        self._numbers = array("I")
        self._sizes = array("Q")
        self._urgent = bytearray()

    @classmethod
    async def read(cls, camera: Camera) -> Listing:
        """What `camera` lists now. Raises what `Recordings.pages` raises."""
        listing = cls()
        async for page in camera.recordings.pages():
            for entry in page.recordings:
                listing.add(entry)
            listing.total = page.total  # as it was when the last ones were listed
        return listing

    def add(self, entry: RecordingEntry) -> None:
        """Appends an entry, whose number is above all others."""
        self._packed += entry.codec.encode(entry)
        self._ends.append(len(self._packed))
        self._numbers.append(entry.sequence)
        self._sizes.append(entry.size_bytes)
        self._urgent.append(bool(entry.marks & URGENT))

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, place: int) -> RecordingEntry:
        begin = self._ends[place - 1] if place else 0
        entry: RecordingEntry = RecordingEntry.codec.decode(bytes(self._packed[begin : self._ends[place]]))
        return entry

    @property
    def numbers(self) -> Sequence[int]:
        """The sequence numbers, rising."""
        return self._numbers

    def find(self, sequence: int) -> RecordingEntry | None:
        """The entry of that number, if it is listed."""
        place = bisect_left(self._numbers, sequence)
        found = place < len(self) and self._numbers[place] == sequence
        return self[place] if found else None

    def size_bytes(self, place: int) -> int:
        """Footage of one recording."""
        return self._sizes[place]

    def urgent(self, place: int) -> bool:
        """Whether it is marked or held."""
        return bool(self._urgent[place])


class Plan(Sequence[RecordingEntry]):
    """Recordings of a listing, in the order in which they are copied; entries are made as they are looked at."""

    def __init__(self, listing: Listing, places: Iterable[int]) -> None:
        self._listing = listing
        self._places = array("I", places)
        self.bytes_total = sum(listing.size_bytes(place) for place in self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[RecordingEntry]:
        return (self._listing[place] for place in self._places)

    @overload
    def __getitem__(self, index: int) -> RecordingEntry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[RecordingEntry, ...]: ...
    def __getitem__(self, index: int | slice) -> RecordingEntry | tuple[RecordingEntry, ...]:
        if isinstance(index, slice):
            return tuple(self._listing[place] for place in self._places[index])
        return self._listing[self._places[index]]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(one == another for one, another in zip(self, other, strict=True))
        )

    def __hash__(self) -> int:
        return hash(tuple(self._places))

    def __repr__(self) -> str:
        return f"Plan({list(self)!r})"

    def largest(self) -> RecordingEntry:
        """The one with the most footage."""
        return self._listing[max(self._places, key=self._listing.size_bytes)]
