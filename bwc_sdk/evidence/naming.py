"""Names under which recordings are stored (spec: Recording, "Stored names").

A name is `<camera>_<recording id>_<segment>_<manifest hash>`: of capital letters, digits and `-`, and lower-case
hexadecimal digits, joined by `_`. It says which manifest the bytes were checked against, so that two different
contents cannot claim one name, not even where the file system does not tell `A` from `a`.
"""

import hashlib
import re
from typing import Final

from bwc_protocol.evidence import CipherSuite, SegmentFacts
from bwc_sdk.camera_name import camera_name

SEGMENT_SUFFIX: Final = ".mp4"
SEALED_SUFFIX: Final = ".mp4.sealed"
"""Of a segment that is encrypted: no player takes it for a film that is damaged."""
FOOTAGE_SUFFIXES: Final = (SEGMENT_SUFFIX, SEALED_SUFFIX)
"""Whatever a segment is: one of them. Stores of before have the first alone."""
TABLE_SUFFIX: Final = ".table"
MANIFEST_SUFFIX: Final = ".manifest"
SIGNATURE_SUFFIX: Final = ".manifest.cose"
ANNOTATIONS_SUFFIX: Final = ".annotations"
TOMBSTONE_SUFFIX: Final = ".tombstone"
RECEIPT_SUFFIX: Final = ".receipt"
OBJECTS_SUFFIX: Final = ".objects"
CUSTODY_SUFFIX: Final = ".custody.json"
PART_SUFFIX: Final = ".part"
CHAIN_SUFFIX: Final = ".chain"
"""Of a chain of custody records."""
CHECKPOINT_SUFFIX: Final = ".checkpoint"
TIME_STAMP_SUFFIX: Final = ".tsr"
DERIVATION_SUFFIX: Final = ".derivation"
"""Of the record of a copy that was made from a recording."""
DERIVED: Final = ".derived."
"""Stands before the ending of such a copy, by which players know it."""
WRAPS_SUFFIX: Final = ".wraps"
"""Of a content key that was wrapped anew, for somebody for whom the camera had not."""
LEFT_OUT_NAME: Final = "left-out.json"
"""In an export: what of the store it came from is not in it."""

HASH_DIGITS: Final = 16
"""64 bits: nobody meets a second manifest with them by chance, and who makes one replaces nothing by it."""


def footage_suffix(segment: SegmentFacts) -> str:
    """The suffix of a segment's file: of one that is not stored as it was recorded, that of encrypted ones."""
    return SEGMENT_SUFFIX if segment.cipher_suite is CipherSuite.NONE else SEALED_SUFFIX


def recording_name(camera: str, recording: bytes, manifest_sha256: bytes) -> str:
    """The name of what belongs to a whole recording, without suffix."""
    return f"{camera_name(camera)}_{recording.hex()}_{manifest_sha256.hex()[:HASH_DIGITS]}"


def segment_name(camera: str, recording: bytes, segment: int, manifest_sha256: bytes) -> str:
    """The name of what belongs to one segment, without suffix."""
    return f"{camera_name(camera)}_{recording.hex()}_{segment:03d}_{manifest_sha256.hex()[:HASH_DIGITS]}"


def annotations_stem(camera: str, recording: bytes, manifest_sha256: bytes, annotations_sha256: bytes) -> str:
    """The name of what was said of a recording up to one head, without suffix."""
    head = annotations_sha256.hex()[:HASH_DIGITS]
    return f"{recording_name(camera, recording, manifest_sha256)}_{head}"


def derived_name(recording: str, sha256: bytes, ending: str) -> str:
    """The name of a copy that was made from a recording, by its own hash."""
    return f"{recording}_{sha256.hex()[:HASH_DIGITS]}{DERIVED}{ending}"


def receipt_stem(recording: str, annotations_sha256: bytes, destination: str, attempt: int = 1) -> str:
    """The name of a receipt and of its list of objects, without suffix: of a recording's name, for one head of its
    annotations, by one destination. What stands under the name of an attempt and is no receipt is passed by."""
    head = annotations_sha256.hex()[:HASH_DIGITS]
    again = f"-{attempt}" if attempt > 1 else ""
    return f"{recording}_{head}_{destination_name(destination)}{again}"


def destination_name(destination: str) -> str:
    """The id of a destination as part of a file's name: as it is where that is safe anywhere, else with a hash."""
    if _PLAIN.fullmatch(destination):
        return destination
    shown = re.sub(r"[^A-Za-z0-9]+", "-", destination).strip("-")[:_SHOWN] or "DESTINATION"
    return f"{shown}-{hashlib.sha256(destination.encode()).hexdigest()[:HASH_DIGITS]}"


_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")
_SHOWN: Final = 24
