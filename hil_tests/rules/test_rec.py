"""Recordings: listed whole and in order, given as they were closed, refused by the right code (spec: Recording)."""

from __future__ import annotations

import hashlib
from typing import Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.evidence import EvidenceError, Manifest
from bwc_protocol.messages.audit import AuditKind, ReadAuditHead
from bwc_protocol.messages.clock import ReadClock
from bwc_protocol.messages.recordings import (
    EraseRecording,
    HoldRecording,
    LiftHold,
    ListRecordings,
    Mark,
    MarkRecording,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    RecordingEntry,
)
from bwc_protocol.messages.storage import ReadStorage
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import logged_since, manifest_of, recordings, supported
from hil_tests.verdicts import RuleBroken

read_only = pytest.mark.bwc_read_only
NOBODY: Final = bytes(16)
PAGES_MAX: Final = 100_000


def listed(session: RawSession, limit: int) -> list[RecordingEntry]:
    """The whole listing, by pages of at most `limit`."""
    recordings(session)
    found: list[RecordingEntry] = []
    after = 0
    for _ in range(PAGES_MAX):
        page = session.ask(ListRecordings(after=after, limit=limit))
        if len(page.recordings) > limit:
            raise RuleBroken(f"at most {limit} entries on a page (REC-018)", str(len(page.recordings)))
        numbers = [entry.sequence for entry in page.recordings]
        if numbers != sorted(set(numbers)) or (numbers and numbers[0] <= after):
            raise RuleBroken(f"rising numbers above {after} (REC-006)", str(numbers))
        found += page.recordings
        if not page.next:
            return found
        if not numbers:
            raise RuleBroken("an entry on a page that is not the last (REC-018)", "none")
        if page.next != numbers[-1]:
            raise RuleBroken(f"{numbers[-1]} as `next` (REC-006)", str(page.next))
        after = page.next
    raise RuleBroken("a listing that ends (REC-006)", f"{PAGES_MAX} pages")


@read_only
@pytest.mark.rule("REC-006")
@pytest.mark.rule("REC-018")
@pytest.mark.parametrize("limit", [1, 2, 256])
def test_pages_of_any_size_are_one_listing_in_its_order(wire: Wire, limit: int) -> None:
    session = wire.session()
    entries = listed(session, limit)
    if entries != listed(session, 256):
        raise RuleBroken("the same listing by pages of any size (REC-006)", "another")
    names = {entry.recording for entry in entries}
    if len(names) != len(entries):
        raise RuleBroken("each recording once (REC-006)", f"{len(names)} names, {len(entries)} entries")


@read_only
@pytest.mark.rule("REC-019")
def test_a_page_beyond_the_last_recording_is_empty_and_no_error(wire: Wire) -> None:
    session = wire.session()
    recordings(session)
    for after in (listed(session, 256)[-1].sequence, 2**32 - 1):
        page = session.ask(ListRecordings(after=after), "REC-019")
        if page.recordings or page.next:
            raise RuleBroken("an empty last page beyond the last entry (REC-019)", str(page)[:80])


@read_only
@pytest.mark.rule("REC-007")
@pytest.mark.rule("REC-017")
def test_what_the_device_closed_is_all_there(wire: Wire) -> None:
    session = wire.session()
    entries = listed(session, 256)
    page = session.ask(ListRecordings(limit=1))
    if page.total < len(entries):
        raise RuleBroken(f"at least the {len(entries)} that are listed as `total` (REC-017)", str(page.total))
    said = session.answer(session.request(ReadStorage()))
    if said.flags == Flag.REPLY:
        told = ReadStorage.reply.codec.decode(said.body).recordings
        if told != page.total:
            raise RuleBroken(
                f"{page.total} recordings in storage.status, as in the listing (REC-017)", str(told)
            )


@read_only
@pytest.mark.rule("REC-001")
@pytest.mark.rule("REC-002")
@pytest.mark.rule("REC-004")
@pytest.mark.rule("REC-025")
def test_manifests_are_given_as_they_were_hashed_and_chain(wire: Wire) -> None:
    session = wire.session()
    previous: RecordingEntry | None = None
    listed_sha256 = b""
    for entry in listed(session, 256)[:20]:
        raw = session.ask(ReadManifest(recording=entry.recording)).manifest
        if hashlib.sha256(raw).digest() != entry.manifest_sha256:
            raise RuleBroken("a manifest that hashes to what was listed (REC-001)", raw[:16].hex())
        manifest = manifest_of(session, entry)  # raises what REC-002 and REC-025 refuse
        told = (manifest.recording_id, manifest.sequence, len(manifest.segments))
        if told != (entry.recording, entry.sequence, entry.segments):
            raise RuleBroken("a manifest that tells what the listing tells (REC-001)", str(told))
        follows = previous is not None and previous.sequence == entry.sequence - 1
        if follows and manifest.previous_sha256 != listed_sha256:
            named = manifest.previous_sha256.hex()[:16]
            raise RuleBroken("the hash of the manifest before (REC-004)", named)
        previous, listed_sha256 = entry, entry.manifest_sha256


@read_only
@pytest.mark.rule("REC-092")
def test_no_recording_states_a_revision_of_the_clock_that_there_never_was(wire: Wire) -> None:
    session = wire.session()
    entries = listed(session, 256)[:20]
    stated = [manifest_of(session, entry).clock_revision for entry in entries]
    present = supported(session, ReadClock()).revision
    for entry, revision in zip(entries, stated, strict=True):
        if revision > present:
            raise RuleBroken(
                f"revision {present} of the clock at most (REC-092)",
                f"revision {revision} in recording {entry.sequence}",
            )


@read_only
@pytest.mark.rule("MSG-018")
def test_a_recording_that_is_not_there_is_not_found(wire: Wire) -> None:
    session = wire.session()
    recordings(session)
    session.refused(
        session.request(ReadManifest(recording=NOBODY)), "recordings.manifest", ErrorCode.NOT_FOUND
    )
    said = session.answer(session.request(ReadAnnotations(recording=NOBODY)))
    if said.flags == Flag.REPLY:
        raise RuleBroken("NOT_FOUND for annotations of no recording", "a reply")


@pytest.mark.rule("MSG-018")
@pytest.mark.rule("REC-005")
def test_a_table_of_another_manifest_is_a_conflict_and_of_no_recording_not_found(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    for recording, code in ((entry.recording, ErrorCode.CONFLICT), (NOBODY, ErrorCode.NOT_FOUND)):
        asked = session.request(OpenTable(recording=recording, manifest_sha256=bytes(32), segment=0))
        session.refused(asked, "REC-005", code)


# Annotations and erasing


def marked(session: RawSession, entry: RecordingEntry, on: bool) -> tuple[Mark, int]:
    """Marks or unmarks a recording. Gives marks and count of annotations. Skips where there is no such command."""
    asked = MarkRecording(recording=entry.recording, manifest_sha256=entry.manifest_sha256, marked=on)
    told = supported(session, asked)
    return told.marks, told.annotations


def entry_of(session: RawSession, entry: RecordingEntry) -> RecordingEntry:
    """The same recording as it is listed now."""
    for now in listed(session, 256):
        if now.recording == entry.recording:
            return now
    raise RuleBroken("a recording that stays listed", "none")


@pytest.mark.rule("REC-021")
@pytest.mark.rule("AUD-004")
def test_saying_the_same_again_adds_nothing_and_something_else_adds_one(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    marked(session, entry, False)
    _, before = marked(session, entry, True)
    log = head(session)
    marks, after = marked(session, entry, True)
    if after != before or head(session) != log:
        raise RuleBroken("no annotation and no entry of the log for what is so already (REC-021)", str(after))
    if not marks & Mark.MARKED or not entry_of(session, entry).marks & Mark.MARKED:
        raise RuleBroken("a recording that is marked, in reply and listing (REC-021)", str(marks))
    _, more = marked(session, entry, False)
    if more != before + 1:
        raise RuleBroken(f"{before + 1} annotations after one more", str(more))
    if log is not None and AuditKind.ANNOTATED not in logged_since(session, log):
        raise RuleBroken(f"an entry {AuditKind.ANNOTATED} before it is answered (AUD-004)", "none")


def head(session: RawSession) -> int | None:
    """The newest entry of the log, or None where there is no log."""
    said = session.answer(session.request(ReadAuditHead()))
    return None if said.flags == Flag.ERROR else ReadAuditHead.reply.codec.decode(said.body).sequence


@pytest.mark.rule("MSG-014")
@pytest.mark.rule("REC-005")
def test_an_annotation_with_another_manifest_or_no_truth_value_is_refused(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    marked(session, entry, bool(entry.marks & Mark.MARKED))
    before = entry_of(session, entry)
    asked = session.request(MarkRecording(recording=entry.recording, manifest_sha256=bytes(32)))
    session.refused(asked, "REC-005", ErrorCode.CONFLICT)
    asked = session.next_id()
    session.say(MarkRecording.opcode, entry.recording + entry.manifest_sha256 + b"\x02", request=asked)
    session.refused(asked, "MSG-014: a bool of 2", ErrorCode.MALFORMED)
    if entry_of(session, entry) != before:
        raise RuleBroken("an unchanged recording after two refusals (MSG-009)", "another")


@pytest.mark.rule("REC-008")
@pytest.mark.rule("REC-009")
@pytest.mark.rule("REC-064")
@pytest.mark.rule("AUD-004")
def test_nothing_is_erased_and_each_refusal_has_its_code_in_its_order(wire: Wire) -> None:
    session = wire.session()
    entry = entry_of(session, recordings(session)[0])
    held = HoldRecording(
        recording=entry.recording, manifest_sha256=entry.manifest_sha256, reason="hil", hold="hil-erase"
    )
    told = supported(session, held)

    def erase(recording: bytes, manifest: bytes, annotations: bytes) -> int:
        return session.request(
            EraseRecording(recording=recording, manifest_sha256=manifest, annotations_sha256=annotations)
        )

    log = head(session)
    try:
        asked = erase(NOBODY, bytes(32), bytes(32))
        session.refused(asked, "REC-064", ErrorCode.NOT_FOUND)
        asked = erase(entry.recording, bytes(32), told.annotations_sha256)
        session.refused(asked, "REC-064", ErrorCode.CONFLICT)
        asked = erase(entry.recording, entry.manifest_sha256, bytes([1] * 32))
        session.refused(asked, "REC-064", ErrorCode.CONFLICT)
        asked = erase(entry.recording, entry.manifest_sha256, told.annotations_sha256)
        session.refused(asked, "REC-009, REC-064", ErrorCode.HELD)
        if log is not None and head(session) == log:
            raise RuleBroken("refused erasures in the log (AUD-004)", "none")
    finally:
        lifted = session.ask(
            LiftHold(
                recording=entry.recording,
                manifest_sha256=entry.manifest_sha256,
                reason="hil",
                hold="hil-erase",
            )
        )
    if lifted.holds:
        return  # of somebody else
    asked = erase(entry.recording, entry.manifest_sha256, lifted.annotations_sha256)
    session.refused(asked, "REC-008, REC-064", ErrorCode.NEEDS_RECEIPT)
    entry_of(session, entry)


@read_only
@pytest.mark.rule("REC-029")
def test_manifests_have_no_key_that_says_nothing_and_one_encoding(wire: Wire) -> None:
    session = wire.session()
    for entry in recordings(session):
        given = session.ask(ReadManifest(recording=entry.recording)).manifest
        try:
            again = Manifest.decode(given).encode()
        except EvidenceError as error:
            raise RuleBroken("a manifest that a receiver takes (REC-029)", str(error)) from error
        if again != given:
            raise RuleBroken(
                "the one encoding of a manifest, without a key that says nothing (REC-029)", given.hex()
            )
