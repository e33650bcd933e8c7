"""Recordings as a check sees them: what cameras state, and how it came to be stored. No names of people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bwc_protocol.evidence import Manifest
from bwc_sdk.errors import HostFileError
from bwc_sdk.evidence.catalogue import Described, catalogue
from bwc_sdk.evidence.store import INCOMING, Store


@dataclass(frozen=True, slots=True)
class Seen:
    """One recording."""

    manifest: Manifest
    category: str | None
    """What somebody said of it last; "" = nobody did; None = not known."""
    stored_ns: int | None
    """When the last of its segments was stored, by the clock of whoever stored it; None = it is not, or not known."""
    where: str
    """Store or device that it was seen in."""
    statements: int = 0
    """How many annotations the category follows from: they are only ever added to."""

    @property
    def camera(self) -> str:
        """Whose it is."""
        return self.manifest.camera


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A recording of which nothing can be said."""

    where: str
    name: str
    why: str


def seen_in_store(path: Path) -> Iterator[Seen | Unreadable]:
    """The recordings of a directory that offloads stored into, by camera and number.

    Raises `HostFileError`, also for a directory in which nothing lies that an offload leaves: a mistyped name is no
    clean bill.
    """
    with Store.open(path) as store:
        if not (store.recordings or store.chains or store.exports or (path / INCOMING).is_dir()):
            raise HostFileError(
                "that is no store: no recording lies in it, nor anything else that an offload leaves",
                device=str(path),
                advice="name the directory that offloads store into",
            )
        for found in catalogue(store):
            if found.manifest is None and found.tombstone is not None:
                continue  # it was erased, by the camera's own word, before anybody stored it here
            yield _seen(found, path.name or str(path))


def _seen(found: Described, where: str) -> Seen | Unreadable:
    if found.manifest is None:
        return Unreadable(where, found.files.name, "; ".join(found.trouble) or "its manifest is missing")
    category = None if found.head is None else found.standing.category
    return Seen(found.manifest, category, _stored_ns(found), where, len(found.said))


def _stored_ns(found: Described) -> int | None:
    """None as long as a segment is missing: what is half there is not stored."""
    assert found.manifest is not None
    times = []
    for number in range(len(found.manifest.segments)):
        stored = found.custody.get(number, {}).get("stored_utc_ns")
        if type(stored) is not int:
            return None
        times.append(stored)
    return max(times)


def once(found: Iterable[Seen]) -> list[Seen]:
    """Each recording once, by camera and number, also if several stores have it, and its camera still: as it was stored
    first, with what was said of it last."""
    best: dict[bytes, Seen] = {}
    for one in found:
        there = best.get(one.manifest.sha256)
        best[one.manifest.sha256] = one if there is None else _together(one, there)
    return sorted(best.values(), key=lambda one: (one.camera, _generation(one), one.manifest.sequence))


def _together(one: Seen, other: Seen) -> Seen:
    first = min((one, other), key=lambda each: (each.stored_ns is None, each.stored_ns or 0))
    last = max((one, other), key=lambda each: (each.category is not None, each.statements))
    return replace(first, category=last.category, statements=last.statements)


def _generation(one: Seen) -> int:
    said = one.manifest.circumstances
    return 0 if said is None else said.generation
