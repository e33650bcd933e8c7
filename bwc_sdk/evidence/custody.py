"""The custody record: what a destination did to be sure of a segment (spec: Recording, "Custody record").

One JSON document a segment, written after the segment stands verified under its final name, never changed.
"""

import json
from dataclasses import dataclass
from typing import Final

from bwc_protocol.evidence import Manifest
from bwc_sdk.evidence.camera_clock import CameraClock, NotMeasured, said_of
from bwc_sdk.evidence.signed_manifest import ManifestSigned
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.quantity import exact_utc
from bwc_sdk.version import __version__

CUSTODY_VERSION: Final = 1
CUSTODY_MAX: Final = 16_384
"""Bytes of a record; its texts come from a manifest, which bounds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """The facts of one record."""

    manifest: Manifest
    segment: int
    file: str
    simulator: bool
    secure: bool
    manifest_signed: ManifestSigned
    """What was known of the signature of the manifest."""
    bytes_kept: int
    """Bytes that an earlier attempt had left."""
    from_medium: bool
    """Whether read-back came from the medium: false where the system could not drop what it had in memory."""
    names_synced: bool
    """Whether the names were brought to the medium: false where the file system has no call for that."""
    stored_utc_ns: int
    """When, by the host's clock; no decision rests on it."""
    host_time: HostTime
    """What was known of that clock then."""
    camera_clock: CameraClock | NotMeasured
    """What the offload measured of the clock that the recording was made by, else what it measured last."""

    def encode(self) -> bytes:
        """The document, with sorted keys and a line end."""
        document = {
            **self._subject(),
            "version": CUSTODY_VERSION,
            "sdk": __version__,
            "simulator": self.simulator,
            "secure_session": self.secure,
            "manifest_signed": str(self.manifest_signed),
            "bytes_kept": self.bytes_kept,
            "read_back_from_medium": self.from_medium,
            "names_synced": self.names_synced,
            "stored_utc_ns": self.stored_utc_ns,
            "stored_utc": exact_utc(self.stored_utc_ns),  # for readers that round numbers above 2^53
            "stored_clock": self.host_time.plain(),
            **said_of(self.camera_clock),
        }
        return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()

    def agrees(self, other: bytes) -> bool:
        """Whether a record that is there is a whole one, about the same content under the same name.

        How and when it came there may differ: the first statement stands.
        """
        return custody_agrees(other, self._subject())

    def _subject(self) -> dict[str, object]:
        return custody_subject(self.manifest, self.segment, self.file)


def custody_subject(manifest: Manifest, segment: int, file: str) -> dict[str, object]:
    """What the record of a segment is about: the same for every offload that stores this segment."""
    facts = manifest.segments[segment]
    return {
        "camera": manifest.camera,
        "recording": manifest.recording_id.hex(),
        "sequence": manifest.sequence,
        "manifest_sha256": manifest.sha256.hex(),
        "segment": segment,
        "segments": len(manifest.segments),
        "file": file,
        "size_bytes": facts.size_bytes,
        "chunk_size": facts.chunk_size,
        "table_sha256": facts.table_sha256.hex(),
    }


def custody_document(data: bytes) -> dict[str, object] | None:
    """What a record says, as far as it is one of a version that is known."""
    if len(data) > CUSTODY_MAX:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    version = document.get("version")
    known = isinstance(version, int) and not isinstance(version, bool) and version >= CUSTODY_VERSION
    return document if known else None


def custody_agrees(data: bytes, subject: dict[str, object]) -> bool:
    """Whether a record is a whole one, about this subject."""
    document = custody_document(data)
    return document is not None and all(
        type(document.get(key)) is type(value) and document[key] == value for key, value in subject.items()
    )
