"""What a camera signs of the annotations of a recording: how many there are, and the head of their chain (spec:
Annotations with the footage).

The document itself is not carried: whoever has the annotations can make it, and the signature is over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.certificates.profile import LAB_MAX
from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.documents.signed_document import DOCUMENT_VERSION, Document
from bwc_protocol.evidence import DIGEST_SIZE, RECORDING_ID_SIZE
from bwc_protocol.evidence.record import Blob, Int, Literal, Text, keyed
from bwc_protocol.evidence.vocabulary import CAMERA_MAX

ANNOTATION_HEAD_MAX: Final = 5_120
"""Bytes with a signature, if it were carried: a payload of at most 300."""
COUNT_MAX: Final = 65_535
"""Annotations of one recording: what a page index can count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationHead(Document):
    """All that was said of a recording, up to a moment."""

    label: ClassVar[str] = "annotation-head"
    size_max: ClassVar[int] = ANNOTATION_HEAD_MAX
    signatures: ClassVar[int] = 1

    document: str = field(
        default="bwc-annotations", metadata=keyed(0, Literal("bwc-annotations"), "what this is")
    )
    version: int = field(
        default=DOCUMENT_VERSION,
        metadata=keyed(1, Int(DOCUMENT_VERSION, DOCUMENT_VERSION), "version of this form"),
    )
    lab: str = field(
        default="", metadata=keyed(2, Text(LAB_MAX), "id of the lab that it is of; of an agency empty")
    )
    camera: str = field(metadata=keyed(3, Text(CAMERA_MAX, min=1), "identity of the camera"))
    recording_id: bytes = field(metadata=keyed(4, Blob(RECORDING_ID_SIZE), "id of the recording"))
    manifest_sha256: bytes = field(metadata=keyed(5, Blob(DIGEST_SIZE), "SHA-256 of its manifest"))
    count: int = field(metadata=keyed(6, Int(1, COUNT_MAX), "annotations that it has"))
    head_sha256: bytes = field(metadata=keyed(7, Blob(DIGEST_SIZE), "head of their chain"))


def verify_annotation_head(
    head: AnnotationHead, signature: bytes, roots: Sequence[bytes]
) -> CertificateFacts:
    """Verifies the camera's signature over a head; gives what the camera's certificate says. Raises
    `DocumentRefused`."""
    return verify_device_statement(head.encode(), signature, roots, lab=head.lab, camera=head.camera)
