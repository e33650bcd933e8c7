"""The custody record: what a destination did to be sure of a segment (spec: Recording, "Custody record").

One JSON document a segment, written after the segment stands verified under its final name, never changed.
"""

import json
from dataclasses import dataclass
from typing import Final

from bwc_protocol.evidence import Manifest
from bwc_sdk.host_time import HostTime
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
    bytes_kept: int
    """Bytes that an earlier attempt had left."""
    from_medium: bool
    """Whether read-back came from the medium: false where the system could not drop what it had in memory."""
    stored_utc_ns: int
    """When, by the host's clock; no decision rests on it."""
    host_time: HostTime
    """What was known of that clock then."""

    def encode(self) -> bytes:
        """The document, with sorted keys and a line end."""
        facts = self.manifest.segments[self.segment]
        document = {
            "version": CUSTODY_VERSION,
            "sdk": __version__,
            "camera": self.manifest.camera,
            "simulator": self.simulator,
            "secure_session": self.secure,
            "recording": self.manifest.recording_id.hex(),
            "sequence": self.manifest.sequence,
            "manifest_sha256": self.manifest.sha256.hex(),
            "segment": self.segment,
            "segments": len(self.manifest.segments),
            "file": self.file,
            "size_bytes": facts.size_bytes,
            "chunk_size": facts.chunk_size,
            "table_sha256": facts.table_sha256.hex(),
            "bytes_kept": self.bytes_kept,
            "read_back_from_medium": self.from_medium,
            "stored_utc_ns": self.stored_utc_ns,
            "stored_clock": self.host_time.plain(),
        }
        return (json.dumps(document, sort_keys=True, indent=1) + "\n").encode()
