"""Audit log: each entry chained to the one before, pages without gaps (spec: Audit log)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.messages.assignment import Assign, ClearAssignment, ReadAssignment
from bwc_protocol.messages.audit import AuditEntry, AuditKind, ReadAudit, ReadAuditHead
from bwc_protocol.messages.clock import ClockReason, ReadClock, SetClock, TimeAssurance, TimeSource
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.recordings import EraseRecording, OpenSegment
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.device.bench import Bench
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import log_head, logged_since, recordings, supported
from hil_tests.rules.rebooting import back_again, boot_of, reboot
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

read_only = pytest.mark.bwc_read_only

NEWEST: Final = 300
"""Entries that are looked at, the last ones: a device in use has more than a test has time for."""


def newest(session: RawSession, limit: int) -> list[AuditEntry]:
    """The newest entries up to the head as it was, by pages of at most `limit`; each page is held against the rules."""
    head = log_head(session)
    after = max(head.first - 1, head.sequence - NEWEST, 0)
    found: list[AuditEntry] = []
    previous: bytes | None = None
    while after < head.sequence:
        page = supported(session, ReadAudit(after=after, limit=limit))
        if not 1 <= len(page.entries) <= limit:
            raise RuleBroken(f"1 to {limit} entries, while there are some (AUD-006)", str(len(page.entries)))
        if previous is not None and page.previous_sha256 != previous:
            raise RuleBroken("a page that names the hash of the entry before it (AUD-001)", "another hash")
        chained = page.previous_sha256
        for entry in page.entries:
            if entry.sequence != after + 1:
                raise RuleBroken(f"entry {after + 1} next (AUD-003)", f"entry {entry.sequence}")
            if entry_sha256(entry, chained) != entry.sha256:
                raise RuleBroken(
                    f"entry {entry.sequence} with the hash of its fields (AUD-001)", "another hash"
                )
            chained, after = entry.sha256, entry.sequence
            if entry.sequence == head.sequence and entry.sha256 != head.sha256:
                raise RuleBroken("the hash of audit.head at that entry (AUD-001, AUD-002)", "another hash")
        previous = chained
        found += page.entries
    return found


@read_only
@pytest.mark.rule("AUD-001")
@pytest.mark.rule("AUD-003")
@pytest.mark.rule("AUD-006")
@pytest.mark.parametrize("limit", [1, 7, 128])
def test_pages_of_any_size_chain(wire: Wire, limit: int) -> None:
    newest(wire.session(), limit)


@read_only
@pytest.mark.rule("AUD-002")
def test_what_was_logged_stays_as_it_was(wire: Wire) -> None:
    session = wire.session()
    before = newest(session, 128)
    after = {entry.sequence: entry for entry in newest(session, 5)}
    for entry in before:
        if after.get(entry.sequence, entry) != entry:
            raise RuleBroken(f"entry {entry.sequence} as it was before (AUD-002)", str(after[entry.sequence]))


@read_only
@pytest.mark.rule("AUD-006")
@pytest.mark.rule("REC-019")
def test_a_page_behind_the_last_entry_is_empty_and_names_its_hash(wire: Wire) -> None:
    session = wire.session()
    head = log_head(session)
    page = supported(session, ReadAudit(after=head.sequence))
    last = session.ask(ReadAuditHead())
    if last.sequence != head.sequence:
        return  # something was logged meanwhile
    if page.entries or page.previous_sha256 != head.sha256:
        raise RuleBroken(
            "an empty page with the hash of the last entry (AUD-006)", f"{len(page.entries)} entries"
        )
    if supported(session, ReadAudit(after=2**63)).entries:
        raise RuleBroken("an empty page far behind the last entry (AUD-006, REC-019)", "entries")


@pytest.mark.rule("AUD-007")
def test_a_session_is_logged_before_the_first_entry_that_it_causes(wire: Wire) -> None:
    """Whether it was opened in an entry of its own, or sessions in which nothing happens are counted."""
    before = log_head(wire.session()).sequence
    wire.hang_up()
    session = wire.session()
    reading = supported(session, ReadClock())
    own = session.local.identity
    asked = SetClock(
        offset_ns=0,
        uncertainty_ns=1_000_000,
        reason=ClockReason.ROUTINE,
        source=TimeSource.NTP,
        revision=reading.revision + 1,
        assurance=TimeAssurance.VERIFIED,
    )
    session.request(asked)  # a conflict
    session.request(replace(asked, revision=reading.revision))
    session.settle()
    kinds = [
        entry.kind
        for entry in supported(session, ReadAudit(after=before)).entries
        if entry.actor == own
        and entry.kind in (AuditKind.SESSION_OPENED, AuditKind.CLOCK_SET, AuditKind.REFUSED)
    ]
    caused = [at for at, kind in enumerate(kinds) if kind is not AuditKind.SESSION_OPENED]
    if not caused:
        not_tested("a set of the clock is no entry of this device's log")
    if kinds[caused[0] - 1 : caused[0]] != [AuditKind.SESSION_OPENED]:
        raise RuleBroken(
            "SESSION_OPENED of this host before the first entry that it causes (AUD-007)",
            ", ".join(map(str, kinds)),
        )


@pytest.mark.rule("AUD-004")
@pytest.mark.parametrize(
    "what", ["an assignment and its end", "opened footage", "a refused erase", "its boots and sessions"]
)
def test_what_a_device_has_to_log_is_in_its_log_before_it_answers(wire: Wire, what: str) -> None:
    before = log_head(wire.session()).sequence
    wire.hang_up()
    session = wire.session()
    match what:
        case "an assignment and its end":
            state = supported(session, ReadAssignment())
            state = session.ask(Assign(officer="hil", unit="hil", revision=state.revision), "AUD-004")
            session.ask(ClearAssignment(revision=state.revision), "AUD-004")
            kinds = {AuditKind.ASSIGNED, AuditKind.ASSIGNMENT_CLEARED}
        case "opened footage":
            entry = recordings(session)[0]
            opened = OpenSegment(
                recording=entry.recording,
                manifest_sha256=entry.manifest_sha256,
                segment=0,
                offset=0,
                length=0,
            )
            session.ask(opened, "AUD-004")
            kinds = {AuditKind.OFFLOAD_READ}
        case "a refused erase":
            entry = recordings(session)[0]
            wrong = EraseRecording(
                recording=entry.recording,
                manifest_sha256=bytes(32),
                annotations_sha256=entry.annotations_sha256,
            )
            said = session.answer(session.request(wrong))
            if ErrorReply.codec.decode(said.body).code is ErrorCode.UNSUPPORTED:
                not_applicable("the device erases nothing")
            kinds = {AuditKind.ERASE_REFUSED}
        case _:
            before = supported(session, ReadAuditHead()).first - 1
            kinds = {AuditKind.SESSION_OPENED, AuditKind.SESSION_CLOSED}
            if before == 0:  # else a bounded log may have dropped its last boot
                kinds.add(AuditKind.BOOT)
    seen = logged_since(session, before)
    if AuditKind.SESSIONS_COUNTED in seen:
        kinds.discard(AuditKind.SESSION_CLOSED)  # of those in which nothing else was logged (AUD-007)
    if not kinds <= seen:
        missing = ", ".join(sorted(map(str, kinds - seen)))
        raise RuleBroken(f"{what} in the log (AUD-004)", f"no entry {missing} among those behind {before}")


@pytest.mark.rule("AUD-004")
def test_a_reboot_is_in_the_log_of_the_boots_behind_it(wire: Wire, bwc_bench: Bench) -> None:
    session = wire.session()
    before, boot = log_head(session).sequence, boot_of(session)
    reboot(session)
    session = back_again(wire, boot, bwc_bench.restart_s)
    kinds = logged_since(session, before)
    for kind in (AuditKind.REBOOT_REQUESTED, AuditKind.BOOT):
        if kind not in kinds:
            raise RuleBroken(f"an entry {kind} of a reboot (AUD-004)", f"{len(kinds)} kinds without it")
