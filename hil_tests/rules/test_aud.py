"""Audit log: each entry chained to the one before, pages without gaps (spec: Audit log)."""

from __future__ import annotations

from typing import Final

import pytest

from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.messages.audit import AuditEntry, ReadAudit, ReadAuditHead
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import log_head, supported
from hil_tests.verdicts import RuleBroken

pytestmark = pytest.mark.bwc_read_only

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


@pytest.mark.rule("AUD-001")
@pytest.mark.rule("AUD-003")
@pytest.mark.rule("AUD-006")
@pytest.mark.parametrize("limit", [1, 7, 128])
def test_pages_of_any_size_chain(wire: Wire, limit: int) -> None:
    newest(wire.session(), limit)


@pytest.mark.rule("AUD-002")
def test_what_was_logged_stays_as_it_was(wire: Wire) -> None:
    session = wire.session()
    before = newest(session, 128)
    after = {entry.sequence: entry for entry in newest(session, 5)}
    for entry in before:
        if after.get(entry.sequence, entry) != entry:
            raise RuleBroken(f"entry {entry.sequence} as it was before (AUD-002)", str(after[entry.sequence]))


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
