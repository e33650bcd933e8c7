"""Checking a device's log: numbers without a gap, hashes that chain (spec: Audit log)."""

from collections.abc import Iterator

from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.messages.audit import AuditEntry, AuditPage
from bwc_sdk.errors import AuditBroken


def checked(page: AuditPage, after: int, previous: bytes | None) -> Iterator[AuditEntry]:
    """The entries of a page, each once it was checked. Raises `AuditBroken` when one does not continue what was before.

    `previous` is the hash of entry `after` if it is known. A log that was pruned begins later than asked; that
    is allowed only at the first page.
    """
    chained = page.previous_sha256
    if previous is not None and chained != previous:
        raise AuditBroken(f"entry {after + 1} does not chain to entry {after}")
    expected = after + 1 if previous is not None or not page.entries else page.entries[0].sequence
    if expected <= after and page.entries:
        raise AuditBroken(f"entry {expected} comes again")
    for entry in page.entries:
        if entry.sequence != expected:
            raise AuditBroken(f"entry {entry.sequence} where {expected} was due")
        if entry_sha256(entry, chained) != entry.sha256:
            raise AuditBroken(f"entry {entry.sequence} does not hash to what it claims")
        yield entry
        chained, expected = entry.sha256, expected + 1
