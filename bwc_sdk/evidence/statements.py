"""Reads what cameras said and signed, as it lies in a store: of itself, and by whom a verification believes.

(spec: Annotations with the footage, Tombstones)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.documents.annotation_head import verify_annotation_head
from bwc_protocol.documents.refusal import DocumentCheck, DocumentRefused, require
from bwc_protocol.documents.tombstone import Tombstone, read_tombstone, verify_tombstone
from bwc_protocol.evidence import EvidenceError
from bwc_sdk.evidence.naming import HASH_DIGITS, recording_name

if TYPE_CHECKING:
    from bwc_protocol.documents.deny_list import DenyList
    from bwc_protocol.evidence import Manifest
    from bwc_sdk.evidence.store import RecordingFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """Whom a verification believes."""

    roots: tuple[bytes, ...]
    """Root and standby root of the agency (DER)."""
    lab: str = ""
    """Id of the lab that they belong to; of an agency empty."""
    deny_list: DenyList | None = None


def read_annotations(data: bytes, name: str, manifest: Manifest, believed: Believed | None) -> AnnotationFile:
    """What a file says of a recording; where somebody is believed, by the camera's signature, unless it signed none.

    Raises `DocumentRefused`.
    """
    file = AnnotationFile.decode(data)
    require(
        (file.camera, file.recording_id, file.manifest_sha256)
        == (manifest.camera, manifest.recording_id, manifest.sha256),
        DocumentCheck.DEVICE,
        "it is about another recording",
    )
    require(
        f"_{file.head.hex()[:HASH_DIGITS]}." in name, DocumentCheck.FORM, "it has not the name of its head"
    )
    if believed is not None and file.signature:
        try:
            verify_annotation_head(file.signed_head(believed.lab), file.signature, believed.roots)
        except EvidenceError as error:
            raise DocumentRefused(DocumentCheck.FORM, str(error)) from error
    return file


def read_tombstone_of(data: bytes, files: RecordingFiles, believed: Believed | None) -> Tombstone:
    """The tombstone of a recording; where somebody is believed, by the camera's signature. Raises `DocumentRefused`."""
    found = read_tombstone(data).tombstone
    if believed is not None:
        found = verify_tombstone(data, believed.roots, lab=believed.lab, camera=found.camera).tombstone
    named = recording_name(found.camera, found.recording_id, found.manifest_sha256)
    require(named == files.name, DocumentCheck.DEVICE, f"it is about {named}")
    return found
