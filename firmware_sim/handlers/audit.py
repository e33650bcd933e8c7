"""The device's own log."""

from bwc_protocol.messages.audit import AuditEntry, AuditHead, AuditPage, ReadAudit, ReadAuditHead
from firmware_sim.device.audit_log import LogEntry
from firmware_sim.device.session import DeviceSession
from firmware_sim.handlers.registry import CAMERA


def page(session: DeviceSession, request: ReadAudit) -> AuditPage:
    log = session.device.audit
    found = log.read(request.after, request.limit)
    last, _ = log.head()
    entries = tuple(_entry(entry) for entry in found.entries)
    return AuditPage(previous_sha256=found.previous_sha256, entries=entries, last=last)


def head(session: DeviceSession, request: ReadAuditHead) -> AuditHead:
    log = session.device.audit
    sequence, sha256 = log.head()
    return AuditHead(sequence=sequence, sha256=sha256, first=log.first_sequence)


def _entry(entry: LogEntry) -> AuditEntry:
    return AuditEntry(
        sequence=entry.sequence,
        utc_ns=entry.utc_ns,
        boot_counter=entry.boot_counter,
        kind=entry.kind,
        actor=entry.actor,
        detail=entry.detail,
        sha256=entry.sha256,
    )


ReadAudit.handler(CAMERA)(page)
ReadAuditHead.handler(CAMERA)(head)
