"""What is stored beside a segment: its chunk table, the recording's manifest and its signature, the custody record.

Table, manifest and signature are kept in `.incoming` before the first byte of footage, and take their final names
before the footage does: whoever finds a segment finds what it was checked against. What this process wrote and synced
it knows again by device and inode; anything else is synced before it is trusted. All methods block; the caller holds
the segment's lock.
"""

import errno
import hashlib
from collections.abc import Callable, Iterator

from bwc_protocol.evidence import DIGEST_SIZE, EvidenceError, Manifest, chunk_count, verify_table
from bwc_protocol.evidence.sign1 import SIGN1_MAX
from bwc_sdk.destination.custody_log import Fact
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.final_names import Move, NameTaken
from bwc_sdk.evidence.custody import CUSTODY_MAX, Custody
from bwc_sdk.evidence.custody_line import Recorded
from bwc_sdk.evidence.naming import (
    CUSTODY_SUFFIX,
    MANIFEST_SUFFIX,
    SIGNATURE_SUFFIX,
    TABLE_SUFFIX,
    recording_name,
    segment_name,
)
from bwc_sdk.host.filesystem import Identity
from bwc_sdk.offload.signature import CheckedSignature


class Sidecars:
    """The sidecars of one segment. `name` is the segment's stored name, without suffix."""

    def __init__(
        self, destination: Destination, manifest: Manifest, segment: int, signature: CheckedSignature
    ) -> None:
        sha256 = manifest.sha256
        self.name = segment_name(manifest.camera, manifest.recording_id, segment, sha256)
        self._recording = recording_name(manifest.camera, manifest.recording_id, sha256)
        self._destination = destination
        self._manifest = manifest.encode()
        self._signature = signature
        self._facts = manifest.segments[segment]
        self._synced: dict[str, Identity] = {}
        """Files of `.incoming` that this process brought to the medium, by name."""
        self._open: list[int] = []
        self._fault: OSError | None = None

    def kept_table(self) -> bytes | None:
        """The chunk table that an earlier attempt left, if it still hashes to what the manifest states.

        Raises `NameTaken` if its final name leads to something that is no file.
        """
        if self._fault is not None:
            raise self._fault  # the next sync would say yes to what is lost
        name, facts = self.name + TABLE_SUFFIX, self._facts
        most = chunk_count(facts.size_bytes, facts.chunk_size) * DIGEST_SIZE
        try:
            final = self._destination.read_final(name, most)
        except OSError as error:
            self._fault = error if error.errno == errno.EIO else None
            raise
        if final is not None and self._is_table(final):
            return final  # one that is torn or rotten is not replaced, but refused when it is to be placed
        kept = self._reopened(name, most)
        self._close()
        return kept if kept is not None and self._is_table(kept) else None

    def _is_table(self, content: bytes) -> bool:
        try:
            verify_table(content, self._facts)
        except EvidenceError:
            return False
        return True

    def keep(self, table: bytes) -> None:
        """Makes table, manifest and signature durable in `.incoming`. They are not held open: many segments are
        prepared ahead."""
        for name, content in (
            (self.name + TABLE_SUFFIX, table),
            (self.name + MANIFEST_SUFFIX, self._manifest),
            (self.name + SIGNATURE_SUFFIX, self._signature.content),
        ):
            if content and self._reopened(name, len(content)) != content:
                self._write(name, content)
            self._close()

    def _reopened(self, name: str, most: int) -> bytes | None:
        """Opens what stands in `.incoming` under `name`, and gives what it holds on the medium."""
        found = self._destination.reopen_small(name, most, self._synced.get(name))
        if found is None:
            return None
        self._open.append(found.file)
        self._synced[name] = found.identity
        return found.content

    def _write(self, name: str, content: bytes) -> None:
        file = self._destination.keep_small(name, content)
        self._open.append(file)
        self._synced[name] = self._destination.files.identity(file)

    def _kept(self, name: str, content: bytes) -> int:
        """An open file of `.incoming` that holds `content` on the medium."""
        if self._reopened(name, len(content)) != content:
            self._write(name, content)
        return self._open[-1]

    def moves(self, table: bytes) -> list[Move]:
        """What has to take its final name before the footage does: what is kept, or written now if it is not there.

        Raises `NameTaken` for another content under a final name.
        """
        moves = []
        for kept, final, content, same, most in self._to_be_named(table):
            if kept not in self._synced:
                there = self._destination.read_final(final, most)
                if there is not None and not same(there):
                    raise NameTaken(final)
                if there is not None:
                    self._destination.forget_small(kept)  # of a process that was killed before it could
                    continue
            moves.append(Move(self._kept(kept, content), kept, final, same, most))
        return moves

    def _to_be_named(self, table: bytes) -> Iterator[tuple[str, str, bytes, Callable[[bytes], bool], int]]:
        """In their order: name in `.incoming`, final name, content, what else may have that name, and its bytes."""
        signature, manifest = self._signature.content, self._manifest
        if signature:  # before the manifest: whoever finds that finds who signed it
            kept, final = self.name + SIGNATURE_SUFFIX, self._recording + SIGNATURE_SUFFIX
            yield kept, final, signature, self._signature.holds, SIGN1_MAX
        for name, content in (
            (self._recording + MANIFEST_SUFFIX, manifest),
            (self.name + TABLE_SUFFIX, table),
        ):
            kept = self.name + (MANIFEST_SUFFIX if content is manifest else TABLE_SUFFIX)
            yield kept, name, content, content.__eq__, len(content)

    def record(self, custody: Custody) -> Fact:
        """Stores the custody record, unless there is one that says the same of the same: the first statement stands.
        What is there then, for the custody chain.

        Raises `NameTaken` if the one that is there does not.
        """
        name = self.name + CUSTODY_SUFFIX
        there = self._destination.read_final(name, CUSTODY_MAX)
        if there is not None:
            if not custody.agrees(there):
                raise NameTaken(name)
            self._destination.forget_small(name)
            return Fact(Recorded.SEGMENT, name, hashlib.sha256(there).digest(), fresh=False)
        written = custody.encode()
        self._write(name, written)
        self._destination.names.place([Move(self._open[-1], name, name, custody.agrees, CUSTODY_MAX)])
        return Fact(Recorded.SEGMENT, name, hashlib.sha256(written).digest(), fresh=True)

    def release(self) -> None:
        """Closes what is open; what is in `.incoming` stays for the next attempt. Raises the first error."""
        self._synced.clear()
        self._close()

    def _close(self) -> None:
        files, self._open = self._open, []
        failed: OSError | None = None
        for file in files:
            try:
                self._destination.files.close(file)
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed
