"""What lies in a store: the files of a directory that offloads wrote, by recording (spec: Stored names).

Nothing here follows a link, waits for a pipe, or believes a name: what a file says of itself is asked elsewhere.
All methods block.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from bwc_sdk.errors import HostFileError
from bwc_sdk.evidence.naming import (
    ANNOTATIONS_SUFFIX,
    CHAIN_SUFFIX,
    CHECKPOINT_SUFFIX,
    CUSTODY_SUFFIX,
    DERIVATION_SUFFIX,
    LEFT_OUT_NAME,
    MANIFEST_SUFFIX,
    OBJECTS_SUFFIX,
    PART_SUFFIX,
    RECEIPT_SUFFIX,
    SEALED_SUFFIX,
    SEGMENT_SUFFIX,
    SIGNATURE_SUFFIX,
    TABLE_SUFFIX,
    TIME_STAMP_SUFFIX,
    TOMBSTONE_SUFFIX,
    WRAPS_SUFFIX,
)

INCOMING: Final = ".incoming"

_CAMERA_AND_ID: Final = r"(?P<camera>[A-Z0-9][A-Z0-9-]{0,31}(?:_[0-9a-f]{16})?)_(?P<id>[0-9a-f]{32})"
_OF_RECORDING: Final = re.compile(
    _CAMERA_AND_ID + r"_(?P<hash>[0-9a-f]{16})"
    r"(?P<more>(?:_[0-9a-f]{16}(?:_[A-Za-z0-9][A-Za-z0-9.-]{0,80}?)?)?)"
    r"(?P<suffix>\.[a-z]+(?:\.cose)?)"
)
_OF_SEGMENT: Final = re.compile(
    _CAMERA_AND_ID + r"_(?P<segment>[0-9]{3})_(?P<hash>[0-9a-f]{16})(?P<suffix>\.[a-z0-9]+(?:\.[a-z]+)?)"
)
_DERIVED: Final = re.compile(_CAMERA_AND_ID + r"_(?P<hash>[0-9a-f]{16})_[0-9a-f]{16}\.derived\.[a-z0-9]{1,8}")
_EXPORT: Final = re.compile(r"export_[0-9a-f]{16}\.json")


@dataclass(slots=True)
class SegmentFiles:
    """Names of the files of one segment; None for one that is not there."""

    footage: str | None = None
    sealed: str | None = None
    table: str | None = None
    custody: str | None = None


@dataclass(slots=True)
class RecordingFiles:
    """Names of the files of one recording, all of them without their directory; None for one that is not there."""

    name: str
    """What all of them have in common: camera, id, and the first digits of the manifest's hash."""
    recording: bytes
    manifest: str | None = None
    signature: str | None = None
    tombstone: str | None = None
    segments: dict[int, SegmentFiles] = field(default_factory=dict)
    annotations: list[str] = field(default_factory=list)
    """One for each head that an offload met."""
    receipts: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    derivations: list[str] = field(default_factory=list)
    """Records of copies that were made from it."""
    derived: list[str] = field(default_factory=list)
    """These copies."""
    wraps: list[str] = field(default_factory=list)
    """Its content key, wrapped anew for others than the camera had."""


@dataclass(frozen=True, slots=True)
class Store:
    """A directory, and what was in it when it was opened."""

    path: Path
    directory: int
    recordings: tuple[RecordingFiles, ...]
    """In the order of their names."""
    chains: tuple[str, ...]
    """Chains of custody records, their checkpoints and time stamps."""
    foreign: tuple[str, ...]
    """What no offload has put there."""
    unfinished: tuple[str, ...]
    """What lies in `.incoming`: segments under way, or left by an offload that was interrupted."""
    exports: tuple[str, ...] = ()
    """What says that something of it was given to others."""
    left_out: str | None = None
    """Of an export: what says what is not in it."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens a store to read it. Raises `HostFileError`."""
        try:
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            names = sorted(os.listdir(directory))  # noqa: PTH208 - of the directory that is open
            unfinished = _unfinished(directory)
        except OSError as error:
            os.close(directory)
            raise _unusable(path, error) from error
        recordings, chains, exports, foreign = _sorted(names)
        left_out = LEFT_OUT_NAME if LEFT_OUT_NAME in names else None
        return cls(path, directory, recordings, chains, foreign, unfinished, exports, left_out)

    def close(self) -> None:
        """Closes it."""
        os.close(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_file(self, name: str) -> int:
        """Opens a regular file of it for reading. Raises `OSError`; for anything else than a file, too."""
        file = os.open(
            name,
            os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
            dir_fd=self.directory,
        )
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(f"{name} is not a regular file")
        return file

    def size_of(self, name: str) -> int:
        """Bytes of a file of it. Raises `OSError`."""
        file = self.open_file(name)
        try:
            return os.fstat(file).st_size
        finally:
            os.close(file)

    def read(self, name: str, most: int) -> bytes:
        """A small file, `most` + 1 bytes at most: whoever gets more than `most` knows that it is too long.

        Raises `OSError`.
        """
        file = self.open_file(name)
        try:
            parts, left = [], most + 1
            while left and (part := os.read(file, left)):
                parts.append(part)
                left -= len(part)
            return b"".join(parts)
        finally:
            os.close(file)


def _unusable(path: Path, error: OSError) -> HostFileError:
    return HostFileError(
        f"the store cannot be read: {error.strerror or error}",
        device=str(path),
        advice="name the directory that offloads store into",
    )


def _unfinished(directory: int) -> tuple[str, ...]:
    try:
        incoming = os.open(
            INCOMING, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory
        )
    except FileNotFoundError:
        return ()
    try:
        return tuple(sorted(name for name in os.listdir(incoming) if name.endswith(PART_SUFFIX)))  # noqa: PTH208 - likewise
    finally:
        os.close(incoming)


def _sorted(
    names: list[str],
) -> tuple[tuple[RecordingFiles, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    recordings: dict[str, RecordingFiles] = {}
    chains, exports, foreign = [], [], []
    for name in names:
        if name in (INCOMING, LEFT_OUT_NAME):
            continue
        if name.endswith((CHAIN_SUFFIX, CHECKPOINT_SUFFIX, TIME_STAMP_SUFFIX)):
            chains.append(name)
        elif _EXPORT.fullmatch(name):
            exports.append(name)
        elif not (
            _take_derived(recordings, name)
            or _take_segment(recordings, name)
            or _take_recording(recordings, name)
        ):
            foreign.append(name)
    return tuple(recordings[key] for key in sorted(recordings)), tuple(chains), tuple(exports), tuple(foreign)


def _of(recordings: dict[str, RecordingFiles], found: re.Match[str]) -> RecordingFiles:
    name = f"{found['camera']}_{found['id']}_{found['hash']}"
    return recordings.setdefault(name, RecordingFiles(name, bytes.fromhex(found["id"])))


def _take_segment(recordings: dict[str, RecordingFiles], name: str) -> bool:
    found = _OF_SEGMENT.fullmatch(name)
    if found is None or found["suffix"] not in _SEGMENT_FILES:
        return False
    files = _of(recordings, found).segments.setdefault(int(found["segment"]), SegmentFiles())
    setattr(files, _SEGMENT_FILES[found["suffix"]], name)
    return True


def _take_derived(recordings: dict[str, RecordingFiles], name: str) -> bool:
    found = _DERIVED.fullmatch(name)
    if found is not None:
        _of(recordings, found).derived.append(name)
    return found is not None


def _take_recording(recordings: dict[str, RecordingFiles], name: str) -> bool:
    found = _OF_RECORDING.fullmatch(name)
    if found is None:
        return False
    suffix = found["suffix"]
    if suffix in _ONCE and not found["more"]:
        setattr(_of(recordings, found), _ONCE[suffix], name)
    elif suffix in _MANY and found["more"]:
        getattr(_of(recordings, found), _MANY[suffix]).append(name)
    else:
        return False
    return True


_SEGMENT_FILES: Final = {
    SEGMENT_SUFFIX: "footage",
    SEALED_SUFFIX: "sealed",
    TABLE_SUFFIX: "table",
    CUSTODY_SUFFIX: "custody",
}
_ONCE: Final = {MANIFEST_SUFFIX: "manifest", SIGNATURE_SUFFIX: "signature", TOMBSTONE_SUFFIX: "tombstone"}
_MANY: Final = {
    ANNOTATIONS_SUFFIX: "annotations",
    RECEIPT_SUFFIX: "receipts",
    OBJECTS_SUFFIX: "objects",
    DERIVATION_SUFFIX: "derivations",
    WRAPS_SUFFIX: "wraps",
}


def names_of(files: RecordingFiles) -> Iterator[str]:
    """All files of a recording that are there, in no order that means anything."""
    once = (files.manifest, files.signature, files.tombstone)
    of_segments = (
        name for one in files.segments.values() for name in (one.footage, one.sealed, one.table, one.custody)
    )
    many = (
        files.annotations,
        files.receipts,
        files.objects,
        files.derivations,
        files.derived,
        files.wraps,
    )
    yield from (name for name in (*once, *of_segments) if name is not None)
    for names in many:
        yield from names


def segments_of(files: RecordingFiles) -> Iterator[tuple[int, SegmentFiles]]:
    """The segments of which there is any file, in order."""
    yield from sorted(files.segments.items())
