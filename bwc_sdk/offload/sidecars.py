"""What is stored beside a segment: its chunk table, the recording's manifest, the custody record.

Table and manifest are kept in `.incoming` before the first byte of footage, and take their final names before
the footage does: whoever finds a segment finds what it was checked against. They are held open until then, so that
what gets the name is what was written and synced. All methods block; the caller holds the segment's lock.
"""

from bwc_protocol.evidence import DIGEST_SIZE, EvidenceError, Manifest, chunk_count, verify_table
from bwc_sdk.offload.custody import CUSTODY_MAX, Custody
from bwc_sdk.offload.destination import Destination
from bwc_sdk.offload.final_names import Move, NameTaken
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
        self._open: dict[str, int] = {}
        """Files of `.incoming` that are on the medium, by name."""

    def kept_table(self) -> bytes | None:
        """The chunk table that an earlier attempt left, if it still hashes to what the manifest states.

        Raises `NameTaken` if its final name leads to something that is no file.
        """
        name, facts = self.name + TABLE_SUFFIX, self._facts
        most = chunk_count(facts.size_bytes, facts.chunk_size) * DIGEST_SIZE
        final = self._destination.read_final(name, most)
        if final is not None and self._is_table(final):
            return final  # one that is torn or rotten is not replaced, but refused when it is to be placed
        found = self._destination.reopen_small(name, most)
        if found is None:
            return None
        file, content = found
        if not self._is_table(content):
            self._destination.files.close(file)
            return None
        self._hold(name, file)
        return content

    def _is_table(self, content: bytes) -> bool:
        try:
            verify_table(content, self._facts)
        except EvidenceError:
            return False
        return True

    def keep(self, table: bytes) -> None:
        """Makes table and manifest durable in `.incoming`."""
        for name, content in (
            (self.name + TABLE_SUFFIX, table),
            (self.name + MANIFEST_SUFFIX, self._manifest),
        ):
            self._keep(name, content)

    def _keep(self, name: str, content: bytes) -> int:
        if name in self._open:
            return self._open[name]
        found = self._destination.reopen_small(name, len(content))
        if found is not None:
            file, there = found
            if there == content:
                return self._hold(name, file)
            self._destination.files.close(file)
        return self._hold(name, self._destination.keep_small(name, content))

    def _hold(self, name: str, file: int) -> int:
        self._open[name] = file
        return file

    def moves(self, table: bytes) -> list[Move]:
        """What has to take its final name before the footage does: what is kept, or written now if it is not there.

        Raises `NameTaken` for another content under a final name.
        """
        moves = []
        for kept, final, content in (
            (self.name + MANIFEST_SUFFIX, self._recording + MANIFEST_SUFFIX, self._manifest),
            (self.name + TABLE_SUFFIX, self.name + TABLE_SUFFIX, table),
        ):
            if kept not in self._open:
                there = self._destination.read_final(final, len(content))
                if there is not None and there != content:
                    raise NameTaken(final)
                if there is not None:
                    self._destination.forget_small(kept)  # of a process that was killed before it could
                    continue
            file = self._keep(kept, content)
            moves.append(Move(file, kept, final, content.__eq__, len(content)))
        return moves

    def record(self, custody: Custody) -> None:
        """Stores the custody record, unless there is one that says the same of the same: the first statement stands.

        Raises `NameTaken` if the one that is there does not.
        """
        name = self.name + CUSTODY_SUFFIX
        there = self._destination.read_final(name, CUSTODY_MAX)
        if there is not None:
            if not custody.agrees(there):
                raise NameTaken(name)
            self._destination.forget_small(name)
            return
        file = self._hold(name, self._destination.keep_small(name, custody.encode()))
        self._destination.names.place([Move(file, name, name, custody.agrees, CUSTODY_MAX)])

    def release(self) -> None:
        """Closes what is open; what is in `.incoming` stays for the next attempt. Raises the first error."""
        files, self._open = self._open, {}
        failed: OSError | None = None
        for file in files.values():
            try:
                self._destination.files.close(file)
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed
