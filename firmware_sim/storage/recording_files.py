"""Closed recordings in a state directory: one directory each, complete or absent after a kill.

`<sequence>-<recording id>/` holds `manifest.cbor`, for each segment `segment-000.table` and `segment-000.bin`
(or `segment-000.json` with the recipe of synthetic bytes), and `annotations.json`.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bwc_protocol.evidence import EvidenceError, Manifest, SegmentFacts, verify_table
from firmware_sim.state.commit import Replace
from firmware_sim.state.files import (
    TEMPORARY,
    NotPlain,
    StateError,
    make_directory,
    open_plain,
    parse_json,
    plain_size,
    read_plain,
    sync_directory,
    write_all,
    write_new,
)
from firmware_sim.state.kept_values import U64_MAX, part_of, whole
from firmware_sim.storage.blobs import FORM, PIECE, Blob, FileBlob, SyntheticBlob

ROOM: Final = "recordings"
"""The directory of all of them in that of the device."""
ANNOTATIONS: Final = "annotations.json"
MANIFEST: Final = "manifest.cbor"
RECIPE: Final = ("seed", "size_bytes", "form")


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """What a directory holds."""

    manifest: Manifest
    manifest_bytes: bytes
    manifest_sha256: bytes
    tables: tuple[bytes, ...]
    blobs: tuple[Blob, ...]
    annotations: list[dict[str, Any]]


class RecordingFiles:
    """The directory of all closed recordings of one camera. Raises `StateError` for one that cannot be used."""

    def __init__(self, root: Path) -> None:
        try:
            make_directory(root)
            for leftover in root.glob(f"{TEMPORARY}*"):
                if not stat.S_ISDIR(leftover.lstat().st_mode):
                    raise StateError(f"{leftover} is no directory, and no simulator left it behind")
                shutil.rmtree(leftover)
        except OSError as error:
            raise StateError(f"{root} cannot be used: {error.strerror}") from error
        self._root = root
        self._hurried = False

    def load(self) -> tuple[list[KeptRecording], list[str]]:
        """All recordings, and the names of those that cannot be used: flash rots, and the others are none the worse.

        Raises `StateError` for what no flash becomes by rotting: a pipe, a link, a directory where a file should be.
        """
        kept, damaged = [], []
        for directory in sorted(self._root.iterdir()):
            if not stat.S_ISDIR(directory.lstat().st_mode):
                raise StateError(f"{directory} is no directory, and all recordings are")
            try:
                kept.append(_load(directory))
            except NotPlain:
                raise
            except (OSError, ValueError, KeyError, TypeError, EvidenceError, StateError) as error:
                damaged.append(f"{directory.name}: {error}")
        return kept, damaged

    @contextlib.contextmanager
    def hurrying(self) -> Iterator[None]:
        """Many recordings that a simulated camera comes with: synced once, at the end, and not one by one."""
        self._hurried = True
        try:
            yield
            os.sync()
        finally:
            self._hurried = False

    def store(
        self,
        manifest: Manifest,
        tables: Sequence[bytes],
        blobs: Sequence[Blob],
        annotations: list[dict[str, Any]],
    ) -> tuple[Blob, ...]:
        """Writes a recording; returns its blobs as they are read from now on.

        Raises `OSError`, and is then to be tried again: what is there of it is written anew.
        """
        final = self._directory(manifest)
        making = self._root / f"{TEMPORARY}{final.name}"
        for of_before in (making, final):  # of an attempt that failed
            if of_before.exists():
                shutil.rmtree(of_before)
        try:
            self._write(making, tables, blobs, annotations, manifest)
            making.rename(final)
        except OSError:
            shutil.rmtree(making, ignore_errors=True)
            raise
        if not self._hurried:
            sync_directory(
                self._root
            )  # where that fails it may be there, and the next attempt takes its place
        return tuple(_blob(final, index, facts) for index, facts in enumerate(manifest.segments))

    def _write(
        self,
        making: Path,
        tables: Sequence[bytes],
        blobs: Sequence[Blob],
        annotations: list[dict[str, Any]],
        manifest: Manifest,
    ) -> None:
        make_directory(making)
        sync = not self._hurried
        for index, (table, blob) in enumerate(zip(tables, blobs, strict=True)):
            write_new(making / f"segment-{index:03}.table", table, sync=sync)
            _store_blob(making, index, blob, sync=sync)
        write_new(making / ANNOTATIONS, json.dumps(annotations).encode(), sync=sync)
        write_new(making / MANIFEST, manifest.encode(), sync=sync)
        if sync:
            sync_directory(making)

    def annotated(self, manifest: Manifest, annotations: list[dict[str, Any]]) -> Replace:
        """The change that replaces the annotations of a recording by a longer list."""
        name = f"{ROOM}/{self._directory(manifest).name}/{ANNOTATIONS}"
        return Replace(name, json.dumps(annotations).encode())

    def _directory(self, manifest: Manifest) -> Path:
        return self._root / f"{manifest.sequence:08}-{manifest.recording_id.hex()}"


def _store_blob(directory: Path, index: int, blob: Blob, *, sync: bool) -> None:
    if isinstance(blob, SyntheticBlob):
        recipe = {"seed": blob.seed, "size_bytes": blob.size_bytes, "form": FORM}
        write_new(directory / f"segment-{index:03}.json", json.dumps(recipe).encode(), sync=sync)
        return
    handle = open_plain(directory / f"segment-{index:03}.bin", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for offset in range(0, blob.size_bytes, PIECE):
            write_all(handle, blob.read(offset, PIECE))
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)


def _load(directory: Path) -> KeptRecording:
    data = _there(directory / MANIFEST)
    manifest = Manifest.decode(data)
    if directory.name != f"{manifest.sequence:08}-{manifest.recording_id.hex()}":
        raise StateError("its manifest is that of another recording")
    tables = []
    for index, facts in enumerate(manifest.segments):
        tables.append(_there(directory / f"segment-{index:03}.table"))
        verify_table(tables[-1], facts)
    blobs = tuple(_blob(directory, index, facts) for index, facts in enumerate(manifest.segments))
    annotations = parse_json(_there(directory / ANNOTATIONS), ANNOTATIONS)
    if not isinstance(annotations, list):
        raise StateError(f"{ANNOTATIONS} is damaged: not a list")
    sha256 = hashlib.sha256(data).digest()
    return KeptRecording(manifest, data, sha256, tuple(tables), blobs, annotations)


def _there(path: Path) -> bytes:
    data = read_plain(path)
    if data is None:
        raise StateError(f"{path.name} is missing")
    return data


def _blob(directory: Path, index: int, facts: SegmentFacts) -> Blob:
    path = directory / f"segment-{index:03}.bin"
    size = plain_size(path)
    if size is not None:
        if size != facts.size_bytes:
            raise StateError(f"{path.name} is not {facts.size_bytes} bytes long")
        return FileBlob(path, facts.size_bytes)
    name = f"segment-{index:03}.json"
    recipe = part_of(parse_json(_there(directory / name), name), name, RECIPE)
    seed = whole(recipe, "seed", 0, U64_MAX)
    if whole(recipe, "size_bytes", 1, U64_MAX) != facts.size_bytes:
        raise StateError(f"the recipe of segment {index} does not make {facts.size_bytes} bytes")
    whole(recipe, "form", FORM, FORM)
    return SyntheticBlob(seed, facts.size_bytes)
