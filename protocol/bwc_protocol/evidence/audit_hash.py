"""The hash that chains the entries of a device's log (spec: Audit log)."""

from bwc_protocol.evidence import audit_entry_sha256
from bwc_protocol.messages.audit import AuditEntry


def entry_sha256(entry: AuditEntry, previous: bytes) -> bytes:
    """The hash that `entry` must state when it follows the entry whose hash is `previous` (32 bytes)."""
    return audit_entry_sha256(
        previous,
        sequence=entry.sequence,
        utc_ns=entry.utc_ns,
        boot_counter=entry.boot_counter,
        kind=int(entry.kind),
        actor=entry.actor,
        detail=entry.detail,
    )
