"""The hash that chains the entries of a device's log (spec: Audit log)."""

from typing import Protocol, SupportsInt

from bwc_protocol.evidence.audit_chain import audit_entry_sha256


class LogEntry(Protocol):
    """An entry of a log, as its message carries it."""

    @property
    def sequence(self) -> int: ...
    @property
    def utc_ns(self) -> int: ...
    @property
    def boot_counter(self) -> int: ...
    @property
    def kind(self) -> SupportsInt: ...
    @property
    def actor(self) -> str: ...
    @property
    def detail(self) -> str: ...


def entry_sha256(entry: LogEntry, previous: bytes) -> bytes:
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
