"""Copies that were made from a recording, redacted or trimmed: which from which, by what, why and by whom
(spec: Derived copies).

A copy is no recording: no camera signed it. Its record ties it to what it was made from, by hashes of both.
All functions block.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.evidence import MAX_SEGMENTS, Manifest
from bwc_sdk.evidence import sealed_json
from bwc_sdk.evidence.findings import FindingKind, Severity
from bwc_sdk.evidence.naming import DERIVATION_SUFFIX, HASH_DIGITS, derived_name
from bwc_sdk.evidence.sealed_json import RecordDamaged

if TYPE_CHECKING:
    from bwc_sdk.evidence.receipt_reading import Found
    from bwc_sdk.evidence.store import RecordingFiles, Store

DERIVATION_MAX: Final = 4_096 + 512 * MAX_SEGMENTS
"""Bytes of a record: its texts are bounded, and a source is a name and two numbers."""
TEXT_MAX: Final = 500
"""Characters of a tool, a reason and a name."""
PIECE: Final = 1 << 20
_ENDING: Final = re.compile(r"[a-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a record says."""

    document: dict[str, Any]

    @property
    def copy(self) -> str:
        """The copy's name in the store."""
        return str(self.document["copy"]["file"])

    @property
    def sha256(self) -> bytes:
        """Of the copy."""
        return bytes.fromhex(self.document["copy"]["sha256"])

    @property
    def size_bytes(self) -> int:
        """Of the copy."""
        return int(self.document["copy"]["size_bytes"])

    def same(self, other: Derivation) -> bool:
        """Whether another record says the same of the same copy, whenever that was."""
        keys = ("camera", "recording", "manifest_sha256", "sources", "tool", "reason", "by")
        return self.copy == other.copy and all(self.document[key] == other.document[key] for key in keys)

    @classmethod
    def decode(cls, data: bytes, recording: str, manifest: Manifest | None) -> Derivation:
        """The record of a file that lies beside the recording of that name. Raises `RecordDamaged`."""
        document = sealed_json.decode(data, DERIVATION_MAX)
        try:
            found = cls(document)
            sha256, ending = found.sha256, found.copy.rpartition(".")[2]
            named = derived_name(recording, sha256, ending)
            texts = [document[key] for key in ("tool", "reason", "by", "utc")]
            about = (document["camera"], document["recording"], document["manifest_sha256"])
            sources = list(map(_source, document["sources"]))
            sized = found.size_bytes >= 0
        except (KeyError, TypeError, ValueError) as error:
            raise RecordDamaged("it is no record of a copy") from error
        if not sized or not sources or not all(type(one) is str for one in texts):
            raise RecordDamaged("it is no record of a copy")
        if found.copy != named:
            raise RecordDamaged(f"the copy that it names lies under no such name here: {found.copy[:120]!r}")
        if manifest is not None:
            if about != (manifest.camera, manifest.recording_id.hex(), manifest.sha256.hex()):
                raise RecordDamaged("it is about another recording")
            for segment, table in sources:
                if segment is not None and (
                    not 0 <= segment < len(manifest.segments)
                    or manifest.segments[segment].table_sha256.hex() != table
                ):
                    raise RecordDamaged(f"segment {segment} is not what the copy was made from")
        return found


def _source(source: dict[str, Any]) -> tuple[int | None, str]:
    """Segment and hash of the table, of an original; of a copy that a further one was made from None and its hash."""
    segment = source.get("segment")
    if segment is None:
        return None, bytes.fromhex(source["sha256"]).hex()
    if type(segment) is not int:
        raise TypeError(segment)
    return segment, bytes.fromhex(source["table_sha256"]).hex()


def ending_of(name: str) -> str:
    """The ending under which a copy is kept: its own where that is safe anywhere."""
    found = name.rpartition(".")[2].lower() if "." in name.strip(".") else ""
    return found if _ENDING.fullmatch(found) else "bin"


def check_derivations(
    store: Store,
    files: RecordingFiles,
    manifest: Manifest | None,
    found: Found,
    *,
    quick: bool,
    hashed: Callable[[int], None],
) -> None:
    """Verifies records and copies of one recording, the copies a piece at a time. What they were made from is verified
    elsewhere, as any recording."""
    copies = set(files.derived)
    for name in files.derivations:
        try:
            record = Derivation.decode(store.read(name, DERIVATION_MAX), files.name, manifest)
        except OSError as error:
            found(FindingKind.UNREADABLE, error.strerror or str(error), file=name)
            continue
        except RecordDamaged as damaged:
            found(FindingKind.DERIVATION_WRONG, str(damaged), file=name)
            continue
        if name != record.copy.partition(".")[0] + DERIVATION_SUFFIX:
            found(FindingKind.DERIVATION_WRONG, "it has not the name of its copy", file=name)
            continue
        if record.copy not in copies:
            found(FindingKind.COPY_MISSING, f"{record.copy} is not here", file=name)
            continue
        copies.discard(record.copy)
        wrong = _copy_wrong(store, record, hashed, quick=quick)
        if wrong is not None:
            kind, why = wrong
            found(kind, why, file=record.copy)
    for name in sorted(copies):
        found(
            FindingKind.DERIVATION_MISSING,
            "no record that can be read says what it was made from",
            file=name,
            severity=Severity.WARNING,
        )


def _copy_wrong(
    store: Store, record: Derivation, hashed: Callable[[int], None], *, quick: bool
) -> tuple[FindingKind, str] | None:
    try:
        file = store.open_file(record.copy)
        try:
            size = os.fstat(file).st_size
            if size != record.size_bytes:
                return FindingKind.COPY_DAMAGED, f"it has {size} bytes, not {record.size_bytes}"
            if quick:
                return None
            digest = hashlib.sha256()
            while piece := os.read(file, PIECE):
                digest.update(piece)
                hashed(len(piece))
        finally:
            os.close(file)
    except OSError as error:
        return FindingKind.UNREADABLE, error.strerror or str(error)
    if digest.digest() != record.sha256:
        return FindingKind.COPY_DAMAGED, "it is not the copy that was registered"
    return None


def stem_of(recording: str, sha256: bytes) -> str:
    """What the names of a copy and of its record begin with."""
    return f"{recording}_{sha256.hex()[:HASH_DIGITS]}"
