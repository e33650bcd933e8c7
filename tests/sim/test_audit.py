"""The log is append-only and chained: no entry can be changed, dropped or inserted unseen."""

import contextlib
import dataclasses
import json
import random
import struct
from hashlib import sha256

import pytest

from bwc_protocol.evidence import AUDIT_ROOT_SHA256, audit_entry_sha256
from bwc_protocol.messages.audit import AuditKind
from firmware_sim.device.audit_log import NAME, AuditDamaged, AuditLog
from firmware_sim.flash.flash import PowerLost
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.state.commit import Commits


def log(flash: MemoryFlash | None = None, max_entries: int = 1000) -> AuditLog:
    commits = Commits(flash) if flash is not None else None
    return AuditLog(lambda: 1_760_000_000_000_000_000, commits, max_entries, boot_counter=4)


def put(flash: MemoryFlash, data: bytes) -> None:
    """Other bytes in the place of the log."""
    if flash.exists(NAME):
        flash.remove(NAME)
    flash.create(NAME, data)


def assert_chained(audit: AuditLog) -> None:
    page = audit.read(0, 10_000)
    previous = page.previous_sha256
    for entry in page.entries:
        assert entry.follows(previous)
        previous = entry.sha256
    assert audit.head() == (page.entries[-1].sequence, previous)


@pytest.mark.rule("AUD-001")
def test_each_entry_hashes_over_the_one_before() -> None:
    audit = log()
    for number in range(20):
        audit.append(AuditKind.CLOCK_SET, f"step {number}", "tech-1")
    assert_chained(audit)
    assert audit.read(0, 1).previous_sha256 == AUDIT_ROOT_SHA256


@pytest.mark.rule("AUD-001")
def test_the_layout_of_the_hash_is_that_of_the_specification() -> None:
    entry = log().append(AuditKind.BOOT, "cöld", "SIM-1")
    layout = b"BWC-AUDIT-CHAIN1" + bytes(32)
    layout += struct.pack("<QqI", 1, 1_760_000_000_000_000_000, 4) + bytes([AuditKind.BOOT])
    layout += bytes([5]) + b"SIM-1" + struct.pack("<H", 5) + "cöld".encode()
    assert entry.sha256 == sha256(layout).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 2},
        {"utc_ns": 1},
        {"boot_counter": 5},
        {"kind": AuditKind.REFUSED},
        {"actor": "x"},
        {"detail": "y"},
    ],
)
def test_no_field_can_be_changed_unseen(change: dict[str, object]) -> None:
    entry = log().append(AuditKind.BOOT, "cold", "SIM-1")
    assert entry.follows(AUDIT_ROOT_SHA256)
    assert not dataclasses.replace(entry, **change).follows(AUDIT_ROOT_SHA256)


def test_text_cannot_slide_from_one_field_into_the_next() -> None:
    facts = {"sequence": 1, "utc_ns": 0, "boot_counter": 0, "kind": 1}
    one = audit_entry_sha256(bytes(32), actor="ab", detail="c", **facts)
    other = audit_entry_sha256(bytes(32), actor="a", detail="bc", **facts)
    assert one != other


@pytest.mark.rule("AUD-003")
def test_reading_by_cursor_gives_every_entry_once() -> None:
    audit = log()
    for number in range(25):
        audit.append(AuditKind.OFFLOAD_READ, str(number))
    seen: list[int] = []
    while (page := audit.read(seen[-1] if seen else 0, 10)).entries:
        seen += [entry.sequence for entry in page.entries]
    assert seen == list(range(1, 26))
    assert audit.read(25, 10).previous_sha256 == audit.head()[1]
    assert audit.read(10**6, 10).entries == ()


def test_an_empty_log_has_a_head() -> None:
    assert log().head() == (0, AUDIT_ROOT_SHA256) and log().first_sequence == 1


@pytest.mark.rule("AUD-002")
def test_a_full_log_drops_the_oldest_says_so_and_stays_verifiable() -> None:
    audit = log(max_entries=50)
    hashes = [audit.append(AuditKind.ANNOTATED, str(n)).sha256 for n in range(50)]
    newest = audit.append(AuditKind.ANNOTATED, "one more")
    page = audit.read(0, 100)
    assert page.entries[0].sequence == audit.first_sequence == 6
    assert page.previous_sha256 == hashes[4]
    pruned = page.entries[-2]
    assert (pruned.kind, pruned.detail, newest.sequence) == (AuditKind.PRUNED, "entries 1 to 5", 52)
    assert_chained(audit)
    for number in range(500):
        audit.append(AuditKind.ANNOTATED, str(number))
        assert len(audit.read(0, 1000).entries) <= 50
    assert_chained(audit)


def test_text_from_outside_cannot_forge_the_log() -> None:
    entry = log().append(AuditKind.REFUSED, "x\n\x1b[31mroot" + "é" * 200, "a" * 200)
    assert entry.detail.startswith("x??[31mroot") and 157 < len(entry.detail.encode()) <= 160
    assert entry.actor == "a" * 61 + "…"


def test_what_does_not_fit_is_seen_to_be_cut_and_what_fits_is_whole() -> None:
    assert log().append(AuditKind.REFUSED, "é" * 100).detail == "é" * 78 + "…"
    assert log().append(AuditKind.REFUSED, "é" * 80).detail == "é" * 80


def test_the_log_goes_on_after_a_restart() -> None:
    flash = MemoryFlash()
    first = log(flash, max_entries=20)
    for number in range(30):
        first.append(AuditKind.SESSION_OPENED, str(number))
    again = log(flash, max_entries=20)
    assert again.head() == first.head() and again.first_sequence == first.first_sequence
    again.append(AuditKind.BOOT)
    assert_chained(again)


@pytest.mark.rule("AUD-004")
def test_an_entry_is_durable_when_append_returns() -> None:
    flash = MemoryFlash()
    audit = log(flash)
    for number in range(3):
        entry = audit.append(AuditKind.BOOT, f"cold {number}")
        assert entry.sha256.hex().encode() in flash.contents()[NAME]
        assert flash.unsynced == []


@pytest.mark.parametrize(
    "torn", [b"[2, 17600000", bytes(40), b"\xa7\n\x00[\r\n\n"], ids=["short", "zeros", "garbage"]
)
def test_a_torn_last_line_was_never_acknowledged(torn: bytes) -> None:
    flash = MemoryFlash()
    audit = log(flash)
    audit.append(AuditKind.BOOT)
    head = audit.head()
    put(flash, flash.contents()[NAME] + torn)
    again = log(flash)
    assert again.head() == head
    again.append(AuditKind.BOOT)
    last = log(flash)
    assert last.head()[0] == 2


@pytest.mark.parametrize("end", [b"", b"\x0b"], ids=["none", "one bit of it"])
def test_a_last_line_that_is_whole_but_for_its_end_is_an_entry(end: bytes) -> None:
    """A loss of power may have taken its end, or a bit of it has rotted: what it says is true in both cases."""
    flash = MemoryFlash()
    log(flash).append(AuditKind.BOOT)
    put(flash, flash.contents()[NAME][:-1] + end)
    again = log(flash)
    assert again.head()[0] == 1
    again.append(AuditKind.CLOCK_SET)
    last = log(flash)
    assert last.head()[0] == 2
    assert_chained(last)


def test_several_entries_in_one_append_are_there_together_or_not_at_all() -> None:
    """A part of them, torn, would read as a log in whose midst something is damaged."""
    for seed in range(200):
        flash = MemoryFlash()
        audit = log(flash)
        audit.append(AuditKind.BOOT)
        audit.count_session()
        last = flash.operations + seed % 12

        def cut(number: int, operation: str, name: str, last: int = last) -> None:
            if number == last:
                raise PowerLost

        flash.before = cut
        with contextlib.suppress(PowerLost):
            audit.append(AuditKind.CLOCK_SET)
        flash.before = None
        flash.lose_power(random.Random(seed))
        Commits(flash).recover()
        assert log(flash).head()[0] in (1, 3)


@pytest.mark.parametrize("what", ["changed", "dropped", "garbage"])
def test_a_log_that_was_tampered_with_is_refused(what: str) -> None:
    flash = MemoryFlash()
    audit = log(flash)
    for number in range(5):
        audit.append(AuditKind.CLOCK_SET, str(number))
    lines = flash.contents()[NAME].splitlines(keepends=True)
    if what == "changed":
        entry = json.loads(lines[3])
        entry[5] = "innocent"
        lines[3] = json.dumps(entry).encode() + b"\n"
    elif what == "dropped":
        del lines[3]
    else:
        lines[3] = b"\xff\n"
    put(flash, b"".join(lines))
    with pytest.raises(AuditDamaged):
        log(flash)
