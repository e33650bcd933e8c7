"""The list of objects that a receipt names by its hash: what a destination made of a recording
(spec: Receipts of a destination).

It lies beside the receipt, which is too short for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.evidence import DIGEST_SIZE, MAX_SEGMENTS, EvidenceError, cbor

KIND: Final = "bwc-objects-1"
OBJECTS_MAX: Final = 2 * MAX_SEGMENTS + 16
"""Footage and table of each segment; manifest, its signature, annotations, and room for what is added."""
KEY_MAX: Final = 1_024
"""Bytes of a key: what object stores take."""
VERSION_MAX: Final = 256
SIZE_MAX: Final = (1 << 64) - 1
OBJECT_LIST_MAX: Final = 1 << 20
"""Bytes of a list: more than anybody's keys need."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectEntry:
    """One object."""

    key: str
    """Its name in the destination."""
    version: str
    """Its version there; empty where there are none."""
    size_bytes: int
    sha256: bytes
    """Of footage the hash of its chunk table, else of the content."""


@dataclass(frozen=True, slots=True)
class ObjectList:
    """All objects of a recording, in the order of their keys."""

    objects: tuple[ObjectEntry, ...]

    def encode(self) -> bytes:
        """Its one encoding. Raises `DocumentRefused` for what no list may be."""
        _check(self.objects)
        return cbor.encode(
            [KIND, [[one.key, one.version, one.size_bytes, one.sha256] for one in self.objects]]
        )

    @classmethod
    def decode(cls, data: bytes) -> ObjectList:
        """The list of bytes from anywhere. Raises `DocumentRefused`."""
        most = f"{len(data)} bytes are more than the {OBJECT_LIST_MAX} of a list of objects"
        require(len(data) <= OBJECT_LIST_MAX, DocumentCheck.FORM, most)
        try:
            content = cbor.decode(data)
        except EvidenceError as error:
            raise DocumentRefused(DocumentCheck.FORM, str(error)) from error
        match content:
            case [str() as kind, [*rows]] if kind == KIND:
                objects = tuple(map(_entry, rows))
            case _:
                raise DocumentRefused(DocumentCheck.KIND, "it is no list of objects")
        _check(objects)
        return cls(objects)

    @property
    def sha256(self) -> bytes:
        """What the receipt names."""
        return hashlib.sha256(self.encode()).digest()


def _entry(row: object) -> ObjectEntry:
    match row:
        case [str() as key, str() as version, int() as size, bytes() as sha256] if type(size) is int:
            return ObjectEntry(key, version, size, sha256)
    raise DocumentRefused(DocumentCheck.FORM, "an entry is not [key, version, size, hash]")


def _check(objects: tuple[ObjectEntry, ...]) -> None:
    require(1 <= len(objects) <= OBJECTS_MAX, DocumentCheck.FORM, f"{len(objects)} objects")
    for one in objects:
        require(
            1 <= len(one.key.encode()) <= KEY_MAX
            and len(one.version.encode()) <= VERSION_MAX
            and 0 <= one.size_bytes <= SIZE_MAX
            and len(one.sha256) == DIGEST_SIZE,
            DocumentCheck.FORM,
            f"the object {one.key[:80]!r} is out of its limits",
        )
    keys = [one.key for one in objects]
    require(keys == sorted(set(keys)), DocumentCheck.FORM, "keys out of order, or twice")
