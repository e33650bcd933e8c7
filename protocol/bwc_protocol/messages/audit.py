"""The device's own log: append-only, each entry chained to the one before (spec: Audit log, 0x08xx)."""

from bwc_protocol.declare import (
    DEVICES,
    Request,
    Role,
    Subject,
    Unknown,
    Wire,
    blob,
    choice,
    command,
    i64,
    items,
    method,
    text,
    u16,
    u32,
    u64,
    wire,
)
from bwc_protocol.versions import V1_1, V1_2
from bwc_protocol.word import Word

READERS = Role.AUDITOR | Role.TECHNICIAN | Role.DOCK_OFFLOAD | Role.BENCH
AUDIT_PAGE_MAX = 128
"""Entries of one page: 128 of at most 300 bytes stay below the largest message."""


class AuditKind(Word):
    """What happened."""

    BOOT = 1
    SESSION_OPENED = 2
    SESSION_CLOSED = 3
    REFUSED = 4
    CLOCK_SET = 5
    CLOCK_LOST = 6
    CONFIG_APPLIED = 7
    RECORDING_STARTED = 8
    RECORDING_CLOSED = 9
    ANNOTATED = 10
    OFFLOAD_READ = 11
    ERASE_REFUSED = 12
    ASSIGNED = 13
    ASSIGNMENT_CLEARED = 14
    SELF_TEST = 15
    REBOOT_REQUESTED = 16
    STORAGE_FULL = 17
    PRUNED = 18
    PAIRING_OPENED = 19
    DOCKED = 20
    UNDOCKED = 21
    BAY_SWITCHED = 22
    BAY_ALARM = 23
    BAY_RELEASED = 24
    SESSIONS_COUNTED = 25, V1_1
    """So many sessions in which nothing was to be logged; the number is the first word of the detail."""
    ENROLMENT_OPENED = 26, V1_2
    """Somebody pressed its button, so that it may be enrolled."""
    ENROLLED = 27, V1_2
    """It belongs to an agency now."""
    RENEWED = 28, V1_2
    """It has another certificate of the same agency."""
    DENY_LIST = 29, V1_2
    """Another deny list is installed."""
    ORDERED = 30, V1_2
    """A signed order was carried out."""
    DESIRED_STATE = 31, V1_2
    """A signed desired state was taken."""
    HANDSHAKE_FAILED = 32, V1_2
    """A handshake failed; the check that failed is the first word of the detail."""
    RESET = 33, V1_2
    """The physical reset: keys and footage are gone."""
    RECEIPT_KEPT = 34, V1_2
    """A receipt of a destination was taken; its hash and the destination are in the detail."""
    ERASED = 35, V1_2
    """A recording was erased, against receipts; its tombstone has the same counter as the detail says."""
    ERASED_FOR_ROOM = 36, V1_2
    """The oldest released recording was erased by the device itself, to go on recording."""
    SEIZED = 37, V1_2
    """A signed seizure was taken: from now on nobody changes or erases anything."""
    OPENING_PROVED = 38, V1_2
    """An evidence recipient proved that it can open what is encrypted for it."""
    BENCH_USED = 39, V1_2
    """A bench set its charge, clock or room, had a recording made, or all but that ended."""


@wire
class AuditEntry(Wire):
    """One entry. Its hash covers all other fields and the hash before it (spec: Audit log)."""

    sequence: int = u64("counts entries since the device was made, from 1")
    utc_ns: int = i64("when, by the device's clock", unit="ns")
    boot_counter: int = u32("boot in which it happened")
    kind: AuditKind | Unknown = choice(AuditKind, "what happened")
    actor: str = text("identity of the host; the device's own if it acted by itself", max=64)
    detail: str = text("what exactly", max=160)
    sha256: bytes = blob("hash of this entry", size=32)


@wire
class AuditPage(Wire):
    """A page of the log."""

    previous_sha256: bytes = blob("hash of the entry before this page; zeros before entry 1", size=32)
    entries: tuple[AuditEntry, ...] = items(AuditEntry, "oldest first", max=AUDIT_PAGE_MAX)
    last: int = u64("sequence number of the newest entry of the log")


@command(0x0801, "audit.page", roles=READERS, answered_by=DEVICES, while_expired=True)
class ReadAudit(Request[AuditPage]):
    """Read a page of the entries after a sequence number."""

    after: int = u64("the last entry that is known; 0 = from the first that is kept", default=0)
    limit: int = u16("entries wanted", min=1, max=AUDIT_PAGE_MAX, default=AUDIT_PAGE_MAX)


@wire
class AuditHead(Wire):
    """The newest entry."""

    sequence: int = u64("its sequence number; 0 = the log is empty")
    sha256: bytes = blob("its hash", size=32)
    first: int = u64("sequence number of the oldest entry that is kept")


@command(0x0802, "audit.head", roles=READERS, answered_by=DEVICES, while_expired=True)
class ReadAuditHead(Request[AuditHead]):
    """Read number and hash of the newest entry, to compare with what was seen before."""


class Audit(Subject):
    """The device's log."""

    page = method(ReadAudit)
    head = method(ReadAuditHead)
