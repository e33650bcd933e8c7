"""What was said of a recording, brought beside its footage (spec: Annotations with the footage).

All that a camera says by the time that the footage is whole: the file has the head in its name, and one of an older
head stays.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Final

from bwc_protocol.evidence import NO_SHA256, EvidenceError
from bwc_protocol.evidence.sign1 import SIGN1_MAX
from bwc_sdk.destination.custody_log import Fact
from bwc_sdk.destination.final_names import Move, NameTaken
from bwc_sdk.errors import EvidenceMismatch
from bwc_sdk.evidence.custody_line import Recorded
from bwc_sdk.evidence.naming import ANNOTATIONS_SUFFIX, HASH_DIGITS, recording_name

if TYPE_CHECKING:
    from bwc_protocol.documents.annotation_file import AnnotationFile
    from bwc_protocol.messages.recordings import RecordingEntry
    from bwc_sdk.clients.camera import Camera
    from bwc_sdk.destination.destination import Destination
    from bwc_sdk.identity.host_identity import HostIdentity

SIGNATURES_APART: Final = SIGN1_MAX
"""Bytes by which two files of the same statements may differ: a signature."""


async def said_of(
    camera: Camera, entry: RecordingEntry, verify_by: HostIdentity | None
) -> AnnotationFile | None:
    """What the camera has signed of a listed recording; None where nothing was said, or where it keeps no chain.

    `verify_by` is whose roots the signature is verified against; None where the session proves nothing. A camera that
    signs nothing keeps its statements: their footage is worth more than the missing signature. Raises
    `EvidenceMismatch`.
    """
    if not entry.annotations or entry.annotations_sha256 == NO_SHA256:
        return None
    found = await camera.recordings.read_signed_annotations(entry)
    if found is None or not found.signature or verify_by is None:
        return found
    from bwc_protocol.documents.annotation_head import verify_annotation_head
    from bwc_protocol.documents.refusal import DocumentRefused

    try:
        verify_annotation_head(found.signed_head(verify_by.lab), found.signature, verify_by.anchors)
    except (DocumentRefused, EvidenceError) as refused:
        rule = f"recording {entry.sequence}: its annotations are not signed by this camera: {refused}"
        raise EvidenceMismatch(rule, device=camera.identity) from refused
    return found


def keep_annotations(destination: Destination, said: AnnotationFile) -> Fact:
    """Gives the file its name in the store, durable, unless it is there; blocks.

    One that is there and says the same stays: its signature may be another. Raises `OSError`, and `EvidenceMismatch`
    for one that says something else under this head.
    """
    whole = recording_name(said.camera, said.recording_id, said.manifest_sha256)
    name = f"{whole}_{said.head.hex()[:HASH_DIGITS]}{ANNOTATIONS_SUFFIX}"
    content = said.encode()

    def same(there: bytes) -> bool:
        return there == content or _says(there, said)

    found = destination.read_final(name, len(content) + SIGNATURES_APART)
    if found is None:
        file = destination.keep_small(name, content)
        try:
            destination.names.place([Move(file, name, name, same, len(content) + SIGNATURES_APART)])
        except NameTaken as taken:
            with contextlib.suppress(OSError):
                destination.names.drop(file, name)
            raise _another(name) from taken
        finally:
            destination.files.close(file)
        return Fact(Recorded.ANNOTATIONS, name, hashlib.sha256(content).digest(), fresh=True)
    if not same(found):
        raise _another(name)
    destination.forget_small(name)  # of a process that was killed before it could
    return Fact(Recorded.ANNOTATIONS, name, hashlib.sha256(found).digest(), fresh=False)


def _says(there: bytes, said: AnnotationFile) -> bool:
    from bwc_protocol.documents.annotation_file import AnnotationFile
    from bwc_protocol.documents.refusal import DocumentRefused

    try:
        found = AnnotationFile.decode(there)
    except DocumentRefused:
        return False
    return (found.camera, found.recording_id, found.manifest_sha256, found.records) == (
        said.camera,
        said.recording_id,
        said.manifest_sha256,
        said.records,
    )


def _another(name: str) -> EvidenceMismatch:
    return EvidenceMismatch(
        f"{name} is there, and says something else than the camera",
        advice="look at it, move it away, and run the same command again",
    )
