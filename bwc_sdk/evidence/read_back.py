"""Reads a recording back from a destination, all of it, and says what it consists of (spec: Receipts of a destination).

What is not whole is left as it is, and named. All functions block.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bwc_protocol.documents.annotation_file import FILE_MAX
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.object_list import ObjectEntry, ObjectList
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.evidence import (
    DIGEST_SIZE,
    MANIFEST_MAX,
    EvidenceError,
    Manifest,
    SegmentFacts,
    annotation_root,
    chunk_count,
    sign1,
    verify_table,
)
from bwc_sdk.evidence.destination import ObjectStore
from bwc_sdk.evidence.naming import (
    ANNOTATIONS_SUFFIX,
    MANIFEST_SUFFIX,
    SEALED_SUFFIX,
    SEGMENT_SUFFIX,
    SIGNATURE_SUFFIX,
    TABLE_SUFFIX,
    recording_name,
    segment_name,
)
from bwc_sdk.evidence.statements import Believed, read_annotations

log = logging.getLogger(__name__)
HEADS_MAX: Final = 4_096
"""Files of annotations of one recording: one for each head that an offload met."""


class NotWhole(Exception):
    """A recording is not, or not wholly, what its manifest says; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A recording that is whole."""

    name: str
    """What the names of its files begin with."""
    manifest: Manifest
    annotations: int
    annotations_sha256: bytes
    """The newest head that the destination has."""
    objects: ObjectList
    signed: bool
    """Whether its camera signed the manifest; else the hash alone says that it is this one."""


def read_manifest(store: ObjectStore, name: str) -> Manifest:
    """The manifest of the recording whose files begin with `name`. Raises `NotWhole`, `OSError`."""
    raw = store.read_small(name + MANIFEST_SUFFIX, MANIFEST_MAX)
    if raw is None:
        raise NotWhole("its manifest is not there")
    try:
        manifest = Manifest.decode(raw)
    except EvidenceError as error:
        raise NotWhole(f"its manifest is none: {error}") from error
    if recording_name(manifest.camera, manifest.recording_id, manifest.sha256) != name:
        raise NotWhole("its manifest is another recording's, or was changed")
    return manifest


@dataclass(frozen=True, slots=True)
class NewestHead:
    """What a destination has of what was said of a recording."""

    count: int
    sha256: bytes
    key: str | None
    """The object that has it; None where nothing was said."""
    passed_by: tuple[str, ...] = ()
    """Files of annotations that do not count: damaged, or not its camera's."""


def newest_head(
    store: ObjectStore, name: str, manifest: Manifest, keys: Sequence[str], believed: Believed
) -> NewestHead:
    """The newest head of the annotations that the destination has of a recording.

    A file counts that its camera signed; where no camera signed the manifest either, one without a signature, too. What
    does not count is passed by, so that nobody who can write there keeps a recording from its receipt. Each that counts
    has to go on where a shorter one ends. Raises `NotWhole`, `OSError`.
    """
    own = [key for key in keys if key.startswith(name + "_") and key.endswith(ANNOTATIONS_SUFFIX)]
    if len(own) > HEADS_MAX:
        raise NotWhole(f"{len(own)} files of annotations are too many")
    signed = name + SIGNATURE_SUFFIX in keys
    found: list[tuple[int, tuple[bytes, ...], str]] = []
    passed_by: list[str] = []
    for key in own:
        try:
            file = read_annotations(store.read_small(key, FILE_MAX) or b"", key, manifest, believed)
            require(
                bool(file.signature) or not signed,
                DocumentCheck.SIGNATURE,
                "nobody signed it, and its camera signs",
            )
        except DocumentRefused as refused:
            log.warning("%s does not count: %s", key, refused.detail)
            passed_by.append(key)
            continue
        found.append((len(file.records), file.heads(), key))
    if not found:
        if own:
            raise NotWhole("none of its files of annotations can be read, or is its camera's")
        return NewestHead(0, annotation_root(manifest.sha256), None)
    count, heads, key = max(found)
    if any(theirs != heads[: len(theirs)] for _, theirs, _ in found):
        raise NotWhole("two files of its annotations contradict each other")
    return NewestHead(count, heads[-1], key, tuple(passed_by))


def read_back(store: ObjectStore, name: str, keys: Sequence[str], believed: Believed) -> ReadBack:
    """Reads all objects of the recording whose files begin with `name`, as the medium has them.

    Raises `NotWhole`, `OSError`.
    """
    manifest = read_manifest(store, name)
    objects = [_small(store, name + MANIFEST_SUFFIX, manifest.encode())]
    signature = store.read_small(name + SIGNATURE_SUFFIX, sign1.SIGN1_MAX)
    if signature is not None:
        try:
            verify_device_statement(
                manifest.encode(), signature, believed.roots, lab=believed.lab, camera=manifest.camera
            )
        except DocumentRefused as refused:
            raise NotWhole(f"the signature of its manifest does not count: {refused.detail}") from refused
        objects.append(_small(store, name + SIGNATURE_SUFFIX, signature))
    head = newest_head(store, name, manifest, keys, believed)
    if head.key is not None:
        objects.append(_small(store, head.key, store.read_small(head.key, FILE_MAX) or b""))
    there = frozenset(keys)
    for number, facts in enumerate(manifest.segments):
        own = segment_name(manifest.camera, manifest.recording_id, number, manifest.sha256)
        objects += read_segment(store, own, number, facts, there)
    listed = ObjectList(tuple(sorted(objects)))
    return ReadBack(name, manifest, head.count, head.sha256, listed, signed=signature is not None)


def _small(store: ObjectStore, key: str, content: bytes) -> ObjectEntry:
    with store.read_back(key) as found:
        return ObjectEntry(key, found.version, len(content), hashlib.sha256(content).digest())


def read_segment(
    store: ObjectStore, name: str, number: int, facts: SegmentFacts, there: frozenset[str]
) -> list[ObjectEntry]:
    """Reads one segment back: footage and table as objects, in this order. Raises `NotWhole`, `OSError`."""
    chunks = chunk_count(facts.size_bytes, facts.chunk_size)
    table = store.read_small(name + TABLE_SUFFIX, chunks * DIGEST_SIZE)
    if table is None:
        raise NotWhole(f"the chunk table of segment {number} is not there")
    try:
        verify_table(table, facts)
    except EvidenceError as error:
        raise NotWhole(f"the chunk table of segment {number} is another one: {error}") from error
    key = next((name + end for end in (SEGMENT_SUFFIX, SEALED_SUFFIX) if name + end in there), None)
    if key is None:
        raise NotWhole(f"segment {number} is not there")
    try:
        with store.read_back(key) as found:
            if found.size_bytes != facts.size_bytes:
                raise NotWhole(f"segment {number} has {found.size_bytes} bytes, not {facts.size_bytes}")
            version, bad = found.version, _bad_chunk(found.pieces, facts.chunk_size, table)
    except FileNotFoundError as error:
        raise NotWhole(f"segment {number} is not there") from error
    if bad is not None:
        raise NotWhole(f"chunk {bad} of segment {number} is not what its table says")
    return [
        ObjectEntry(key, version, facts.size_bytes, facts.table_sha256),
        _small(store, name + TABLE_SUFFIX, table),
    ]


def _bad_chunk(pieces: Iterable[memoryview], chunk_size: int, table: bytes) -> int | None:
    """The first chunk that does not hash to the table; None if all do, and there are as many."""
    chunk, filled, digest = 0, 0, hashlib.sha256()

    def good() -> bool:
        return digest.digest() == table[chunk * DIGEST_SIZE : (chunk + 1) * DIGEST_SIZE]

    for piece in pieces:
        at = 0
        while at < len(piece):
            take = min(chunk_size - filled, len(piece) - at)
            digest.update(piece[at : at + take])
            at, filled = at + take, filled + take
            if filled == chunk_size:
                if not good():
                    return chunk
                chunk, filled, digest = chunk + 1, 0, hashlib.sha256()
    if filled:
        if not good():
            return chunk
        chunk += 1
    return None if chunk * DIGEST_SIZE == len(table) else chunk
