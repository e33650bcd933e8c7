"""What goes into an export and what does not, with why, before anything is written (spec: Exports)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bwc_sdk.errors import EvidenceMismatch, NoSuchRecording
from bwc_sdk.evidence.catalogue import Described, catalogue
from bwc_sdk.evidence.left_out import LeftOut, LeftOutRecording, read_left_out
from bwc_sdk.evidence.naming import LEFT_OUT_NAME
from bwc_sdk.evidence.sealed_json import RecordDamaged
from bwc_sdk.evidence.search import Wanted, the_one
from bwc_sdk.evidence.store import Store, names_of, segments_of

if TYPE_CHECKING:
    from bwc_protocol.evidence import Manifest

NOT_ASKED: Final = "not asked for"
NOT_SEARCHED: Final = "its manifest is missing or damaged, so that it cannot be searched"
TIME_NOT_KNOWN: Final = "nobody knows when it was made, so that a time does not find it"
NO_COPY: Final = "copies alone were asked for, and none was made from it"
ORIGINAL: Final = "copies alone were asked for, and it is the original"
KEY_OF_ORIGINAL: Final = "copies alone were asked for, and it opens the original"
FOREIGN: Final = "no offload has put it there"
OTHERS: Final = "it says what was given to others"
UNFINISHED: Final = "its offload is not finished"


@dataclass(frozen=True, slots=True)
class Part:
    """A recording of a store, and which of its files go out."""

    store: Store
    name: str
    files: tuple[str, ...]
    manifest: Manifest | None


@dataclass(slots=True)
class Plan:
    """All that goes out."""

    parts: list[Part] = field(default_factory=list)
    beside: list[tuple[Store, str, int]] = field(default_factory=list)
    """Custody chains, their checkpoints and time stamps, and how long each is: whole, since a part of a chain proves
    nothing; but for lines about what came after the recordings were looked up."""
    left_out: LeftOut = field(default_factory=LeftOut)


def plan_export(
    stores: Sequence[tuple[Store, frozenset[str] | None]],
    wanted: Wanted | None,
    *,
    derived_only: bool,
    chains: dict[Path, dict[str, int]],
) -> Plan:
    """What of the stores goes out: of each the recordings that are named (None: all) and that are what is `wanted`.

    `chains` are the chains of each, as they were before the stores were opened.

    Raises `NoSuchRecording` if that is nothing.
    """
    plan = Plan()
    for store, named in stores:
        for found in catalogue(store):
            _one(plan, store, found, _reason(found, named, wanted, derived_only), derived_only)
        plan.beside += ((store, name, size) for name, size in sorted(chains[store.path].items()))
        for names, why in ((store.foreign, FOREIGN), (store.exports, OTHERS), (store.unfinished, UNFINISHED)):
            plan.left_out.files |= dict.fromkeys(names, why)
    here = {part.name for part in plan.parts}
    for store, _ in stores:
        try:  # of what was left out of an earlier export, too, it is said
            plan.left_out.merge(read_left_out(store), here)
        except (RecordDamaged, OSError) as error:
            raise EvidenceMismatch(
                f"{store.path / LEFT_OUT_NAME}: {error}", advice="have what it came from exported again"
            ) from error
    if not plan.parts:
        raise NoSuchRecording(
            "no recording is all of what was asked for",
            device=", ".join(str(store.path) for store, _ in stores),
            advice="'bwc evidence find' lists what there is, and takes the same questions",
        )
    return plan


def chains_in(path: Path) -> dict[str, int]:
    """The custody chains of a store, their checkpoints and time stamps, with their sizes at this moment.

    Whoever opens the store after that finds all files that these lines name, whatever offloads do meanwhile. Raises
    `HostFileError`.
    """
    with Store.open(path) as store:
        sizes = {}
        for name in store.chains:
            with contextlib.suppress(OSError):
                sizes[name] = os.stat(name, dir_fd=store.directory, follow_symlinks=False).st_size
        return sizes


def named_in(path: Path, which: Sequence[str]) -> tuple[Store, frozenset[str] | None]:
    """The store of a path, open, and which of its recordings are meant: that of a file, those of `which` in a
    directory, or all of it: None. Raises `HostFileError`, `NoSuchRecording`."""
    is_store = path.is_dir()
    store = Store.open(path if is_store else path.parent)
    try:
        if not is_store:
            return store, frozenset({the_one(store, path.name).files.name})
        return store, frozenset(the_one(store, one).files.name for one in which) if which else None
    except BaseException:
        store.close()
        raise


def _reason(found: Described, named: frozenset[str] | None, wanted: Wanted | None, derived_only: bool) -> str:
    """Why a recording stays; empty: it goes out."""
    if named is not None and found.files.name not in named:
        return NOT_ASKED
    if wanted is not None and not wanted.is_it(found):
        if wanted.is_it_but_for_time(found):
            return TIME_NOT_KNOWN
        return NOT_SEARCHED if found.manifest is None else NOT_ASKED
    return NO_COPY if derived_only and not found.files.derived else ""


def _one(plan: Plan, store: Store, found: Described, reason: str, derived_only: bool) -> None:
    files = found.files
    if reason:
        plan.left_out.add(_left(found, reason))
        return
    left: dict[str, str] = {}
    if derived_only:
        for _, segment in segments_of(files):
            left |= dict.fromkeys(filter(None, (segment.footage, segment.sealed)), ORIGINAL)
        left |= dict.fromkeys(files.wraps, KEY_OF_ORIGINAL)
    plan.left_out.files |= left
    names = tuple(sorted(set(names_of(files)) - left.keys()))
    plan.parts.append(Part(store, files.name, names, found.manifest))


def _left(found: Described, reason: str) -> LeftOutRecording:
    manifest, tombstone = found.manifest, found.tombstone
    if manifest is not None:
        said = manifest.circumstances
        return LeftOutRecording(
            name=found.files.name,
            camera=manifest.camera,
            sequence=manifest.sequence,
            generation=said.generation if said is not None else 0,
            manifest_sha256=manifest.sha256.hex(),
            reason=reason,
        )
    if tombstone is not None:
        return LeftOutRecording(
            name=found.files.name,
            camera=tombstone.camera,
            sequence=tombstone.sequence,
            manifest_sha256=tombstone.manifest_sha256.hex(),
            reason=reason,
        )
    return LeftOutRecording(name=found.files.name, reason=reason)


def encrypted(parts: Sequence[Part]) -> Iterator[Part]:
    """The recordings that are encrypted."""
    yield from (part for part in parts if part.manifest is not None and part.manifest.protection is not None)
