"""What was said of a recording, as it lies in a store: the records, and the camera's signature over their head
(spec: Annotations with the footage).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bwc_protocol.documents.annotation_head import AnnotationHead
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.evidence import (
    DIGEST_SIZE,
    RECORDING_ID_SIZE,
    AnnotationRecord,
    EvidenceError,
    annotation_root,
    cbor,
    sign1,
)
from bwc_protocol.evidence.annotations import Statement
from bwc_protocol.evidence.vocabulary import CAMERA_MAX

KIND: Final = "bwc-annotations-1"
ANNOTATIONS_MAX: Final = 65_535
"""Records: a camera counts no further."""
FILE_MAX: Final = 32 << 20
"""Bytes: so many records of the longest that there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationFile:
    """All that was said of a recording up to one head."""

    camera: str
    recording_id: bytes
    manifest_sha256: bytes
    records: tuple[bytes, ...]
    """Each as it was hashed: the encoding of an `AnnotationRecord`."""
    signature: bytes
    """COSE_Sign1 over the head (`AnnotationHead`), by the camera; empty of a camera without an identity."""

    @classmethod
    def of(
        cls,
        said: Sequence[Statement],
        signature: bytes,
        *,
        camera: str,
        recording_id: bytes,
        manifest_sha256: bytes,
    ) -> AnnotationFile:
        """The file of statements. Raises `EvidenceError` for one that is beyond its limits."""
        return cls(
            camera=camera,
            recording_id=recording_id,
            manifest_sha256=manifest_sha256,
            records=tuple(AnnotationRecord.of(one).encode() for one in said),
            signature=signature,
        )

    def signed_head(self, lab: str) -> AnnotationHead:
        """What the signature is over, for a camera of a lab; of an agency `lab` is empty."""
        return AnnotationHead(
            lab=lab,
            camera=self.camera,
            recording_id=self.recording_id,
            manifest_sha256=self.manifest_sha256,
            count=len(self.records),
            head_sha256=self.head,
        )

    @property
    def head(self) -> bytes:
        """The head of the chain behind the last record."""
        return self.heads()[-1]

    def heads(self) -> tuple[bytes, ...]:
        """The head after each record, the root first."""
        found = [annotation_root(self.manifest_sha256)]
        for record in self.records:
            found.append(hashlib.sha256(found[-1] + record).digest())
        return tuple(found)

    def said(self) -> tuple[AnnotationRecord, ...]:
        """The records, read."""
        return tuple(AnnotationRecord.from_map(cbor.decode(record)) for record in self.records)

    def encode(self) -> bytes:
        """Its one encoding. Raises `DocumentRefused` for what no file may be."""
        self._check()
        content = cbor.encode(
            [
                KIND,
                self.camera,
                self.recording_id,
                self.manifest_sha256,
                list(self.records),
                self.signature,
            ]
        )
        require(len(content) <= FILE_MAX, DocumentCheck.FORM, f"{len(content)} bytes are too many")
        return content

    @classmethod
    def decode(cls, data: bytes) -> AnnotationFile:
        """The file of bytes from anywhere; no signature is verified. Raises `DocumentRefused`."""
        require(len(data) <= FILE_MAX, DocumentCheck.FORM, f"{len(data)} bytes are more than {FILE_MAX}")
        try:
            content = cbor.decode(data)
        except EvidenceError as error:
            raise DocumentRefused(DocumentCheck.FORM, str(error)) from error
        match content:
            case [
                str() as kind,
                str() as camera,
                bytes() as recording,
                bytes() as manifest,
                [*rows],
                bytes() as own,
            ] if kind == KIND and all(type(row) is bytes for row in rows):
                found = cls(
                    camera=camera,
                    recording_id=recording,
                    manifest_sha256=manifest,
                    records=tuple(rows),
                    signature=own,
                )
            case _:
                raise DocumentRefused(DocumentCheck.KIND, "it is no file of annotations")
        found._check()
        return found

    def _check(self) -> None:
        require(
            1 <= len(self.camera.encode()) <= CAMERA_MAX
            and len(self.recording_id) == RECORDING_ID_SIZE
            and len(self.manifest_sha256) == DIGEST_SIZE
            and 1 <= len(self.records) <= ANNOTATIONS_MAX
            and len(self.signature) <= sign1.SIGN1_MAX,
            DocumentCheck.FORM,
            "annotations out of their limits",
        )
        try:
            self.said()
        except EvidenceError as error:
            raise DocumentRefused(DocumentCheck.FORM, f"a record is none: {error}") from error
