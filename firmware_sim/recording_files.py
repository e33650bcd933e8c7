"""Closed recordings in a state directory: one directory each, complete or absent after a kill.

`<sequence>-<recording id>/` holds `manifest.cbor`, for each segment `segment-000.table` and `segment-000.bin`
(or `segment-000.json` with the recipe of synthetic bytes), and `annotations.json`.
"""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bwc_protocol.evidence import EvidenceError, Manifest, SegmentFacts, verify_table
from firmware_sim.blobs import PIECE, Blob, FileBlob, SyntheticBlob
from firmware_sim.state_dir import TEMPORARY, StateError, sync_directory, write_atomic


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """What a directory holds."""

    manifest: Manifest
    tables: tuple[bytes, ...]
    blobs: tuple[Blob, ...]
    annotations: list[dict[str, Any]]


class RecordingFiles:
    """The directory of all closed recordings of one camera."""

    def __init__(self, root: Path) -> None:
        root.mkdir(exist_ok=True)
        self._root = root
        for leftover in root.glob(f"{TEMPORARY}*"):
            shutil.rmtree(leftover)

    def load(self) -> tuple[list[KeptRecording], list[str]]:
        """All recordings, and the names of those that cannot be used."""
        kept, damaged = [], []
        for directory in sorted(self._root.iterdir()):
            try:
                kept.append(_load(directory))
            except (OSError, ValueError, KeyError, TypeError, EvidenceError, StateError) as error:
                damaged.append(f"{directory.name}: {error}")
        return kept, damaged

    def store(
        self,
        manifest: Manifest,
        tables: Sequence[bytes],
        blobs: Sequence[Blob],
        annotations: list[dict[str, Any]],
    ) -> tuple[Blob, ...]:
        """Writes a recording; returns its blobs as they are read from now on."""
        final = self._directory(manifest)
        making = self._root / f"{TEMPORARY}{final.name}"
        making.mkdir()
        for index, (table, blob) in enumerate(zip(tables, blobs, strict=True)):
            write_atomic(making / f"segment-{index:03}.table", table)
            _store_blob(making, index, blob)
        write_atomic(making / "annotations.json", json.dumps(annotations).encode())
        write_atomic(making / "manifest.cbor", manifest.encode())
        making.rename(final)
        sync_directory(self._root)
        return tuple(_blob(final, index, facts) for index, facts in enumerate(manifest.segments))

    def annotate(self, manifest: Manifest, annotations: list[dict[str, Any]]) -> None:
        """Replaces the annotations of a recording by a longer list."""
        write_atomic(self._directory(manifest) / "annotations.json", json.dumps(annotations).encode())

    def _directory(self, manifest: Manifest) -> Path:
        return self._root / f"{manifest.sequence:08}-{manifest.recording_id.hex()}"


def _store_blob(directory: Path, index: int, blob: Blob) -> None:
    if isinstance(blob, SyntheticBlob):
        recipe = {"seed": blob.seed, "size_bytes": blob.size_bytes}
        write_atomic(directory / f"segment-{index:03}.json", json.dumps(recipe).encode())
        return
    with (directory / f"segment-{index:03}.bin").open("xb") as file:
        for offset in range(0, blob.size_bytes, PIECE):
            file.write(blob.read(offset, PIECE))
        file.flush()
        os.fsync(file.fileno())


def _load(directory: Path) -> KeptRecording:
    manifest = Manifest.decode((directory / "manifest.cbor").read_bytes())
    tables = []
    for index, facts in enumerate(manifest.segments):
        tables.append((directory / f"segment-{index:03}.table").read_bytes())
        verify_table(tables[-1], facts)
    blobs = tuple(_blob(directory, index, facts) for index, facts in enumerate(manifest.segments))
    annotations = json.loads((directory / "annotations.json").read_bytes())
    return KeptRecording(manifest, tuple(tables), blobs, annotations)


def _blob(directory: Path, index: int, facts: SegmentFacts) -> Blob:
    path = directory / f"segment-{index:03}.bin"
    if path.exists():
        if path.stat().st_size != facts.size_bytes:
            raise StateError(f"{path.name} is not {facts.size_bytes} bytes long")
        return FileBlob(path, facts.size_bytes)
    recipe = json.loads((directory / f"segment-{index:03}.json").read_bytes())
    if recipe["size_bytes"] < facts.size_bytes:
        raise StateError(f"the recipe of segment {index} makes too few bytes")
    return SyntheticBlob(recipe["seed"], facts.size_bytes)
