"""What is stored beside a segment: its chunk table, the recording's manifest, the custody record.

Table and manifest are kept in `.incoming` before the first byte of footage, and take their final names before
the footage does: whoever finds a segment finds what it was checked against. All methods block; the caller holds
the segment's lock.
"""

from bwc_protocol.evidence import DIGEST_SIZE, EvidenceError, Manifest, chunk_count, verify_table
from bwc_sdk.offload.custody import Custody
from bwc_sdk.offload.destination import Destination
from bwc_sdk.offload.naming import (
    CUSTODY_SUFFIX,
    MANIFEST_SUFFIX,
    TABLE_SUFFIX,
    recording_name,
    segment_name,
)


class Sidecars:
    """The sidecars of one segment. `name` is the segment's stored name, without suffix."""

    def __init__(self, destination: Destination, manifest: Manifest, segment: int) -> None:
        sha256 = manifest.sha256
        self.name = segment_name(manifest.camera, manifest.recording_id, segment, sha256)
        self._recording = recording_name(manifest.camera, manifest.recording_id, sha256)
        self._destination = destination
        self._manifest = manifest.encode()
        self._facts = manifest.segments[segment]

    def kept_table(self) -> bytes | None:
        """The chunk table that an earlier attempt left, if it still hashes to what the manifest states."""
        facts = self._facts
        most = chunk_count(facts.size_bytes, facts.chunk_size) * DIGEST_SIZE
        for final in (True, False):
            kept = self._destination.read_small(self.name + TABLE_SUFFIX, most, final=final)
            try:
                if kept is not None:
                    verify_table(kept, facts)
                    return kept
            except EvidenceError:
                continue  # torn by a crash, or rotten; a final one is not replaced, but refused by `place`
        return None

    def keep(self, table: bytes) -> None:
        """Makes table and manifest durable in `.incoming`."""
        for name, content in (
            (self.name + TABLE_SUFFIX, table),
            (self.name + MANIFEST_SUFFIX, self._manifest),
        ):
            if self._destination.read_small(name, len(content), final=False) != content:
                self._destination.keep_small(name, content)

    def place(self, table: bytes) -> None:
        """Gives table and manifest their final names. Raises `NameTaken` for another content under one."""
        kept = self.name + MANIFEST_SUFFIX
        self._destination.place_small(self._recording + MANIFEST_SUFFIX, kept, self._manifest)
        self._destination.place_small(self.name + TABLE_SUFFIX, self.name + TABLE_SUFFIX, table)

    def record(self, custody: Custody) -> None:
        """Stores the custody record, unless there is one: the first statement stands."""
        self._destination.place_once(self.name + CUSTODY_SUFFIX, custody.encode())
