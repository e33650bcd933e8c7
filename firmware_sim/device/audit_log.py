"""The camera's log: append-only, each entry chained to the one before by its hash.

The log is bounded. When it is full the oldest tenth is dropped and an entry says which (`PRUNED`); the chain
stays verifiable from the hash before the oldest entry that is kept, and numbers are never used again.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bwc_protocol.evidence import AUDIT_ROOT_SHA256, audit_entry_sha256
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.versions import NEWEST, Version
from firmware_sim.flash.flash import StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.state.commit import Append, Change, Commits, Replace
from firmware_sim.state.files import parse_json, read_plain
from firmware_sim.state.kept_values import I64_MAX, U32_MAX, digest, part_of, whole

log = logging.getLogger(__name__)
NAME: Final = "audit.log"
MAX_ENTRIES: Final = 20_000
"""About 4 MiB: months of shifts at a few dozen entries a day."""
TAIL: Final = 64
"""Entries whose chain a self-test checks: it takes no longer after years."""
ACTOR_MAX: Final = 64
DETAIL_MAX: Final = 160
"""Bytes of UTF-8; longer text is cut, never refused: an entry that is not written is the worse loss."""

WAITING_MAX: Final = 1_000
"""Entries that wait until they can be written: a day of sessions. What happens beyond it is counted, and the count
is written in their place."""

CUT: Final = "…"
"""Stands for the rest of a text that was cut."""


class AuditDamaged(StateError):
    """The log that was kept does not hash to what it claims."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry; `sha256` covers all other fields and the hash of the entry before."""

    sequence: int
    utc_ns: int
    boot_counter: int
    kind: AuditKind
    actor: str
    detail: str
    sha256: bytes

    def follows(self, previous_sha256: bytes) -> bool:
        """Whether its hash is right behind `previous_sha256`."""
        return self.sha256 == audit_entry_sha256(
            previous_sha256,
            sequence=self.sequence,
            utc_ns=self.utc_ns,
            boot_counter=self.boot_counter,
            kind=self.kind,
            actor=self.actor,
            detail=self.detail,
        )


@dataclass(frozen=True, slots=True)
class LogPage:
    """Consecutive entries, and the hash of the entry before the first of them."""

    previous_sha256: bytes
    entries: tuple[LogEntry, ...]


class AuditLog:
    """One device's log, on the flash that `commits` changes; None: on one of its own.

    `utc_ns` is the device's clock. Of a device that `speaks` an older version it has no entry of a kind that came
    later: what would be told by one happens all the same.
    """

    def __init__(
        self,
        utc_ns: Callable[[], int],
        commits: Commits | None = None,
        max_entries: int = MAX_ENTRIES,
        boot_counter: int = 0,
        *,
        speaks: Version = NEWEST,
    ) -> None:
        self._speaks = speaks
        self.boot_counter = boot_counter
        self._utc_ns = utc_ns
        self._max_entries = max_entries
        self._entries: list[LogEntry] = []
        self._base_sha256 = AUDIT_ROOT_SHA256
        self._base_sequence = 0
        self._size = 0
        """Bytes of the file that are entries; beyond them is what an attempt left that failed."""
        self._waiting: list[dict[str, Any]] = []
        self._not_even_waiting = 0
        self._sessions = 0
        self._unended = b""
        """A line that is whole but for its end: it is written anew with the next one."""
        self._commits = commits if commits is not None else Commits(MemoryFlash())
        self._there = False
        """Whether the file is: it is made with the first entry, when all else of the device is sound."""
        self._load()

    def append(
        self,
        kind: AuditKind,
        detail: str = "",
        actor: str = "",
        *also: Change,
        utc_ns: int | None = None,
    ) -> LogEntry | None:
        """Writes an entry, and makes the changes `also` in the same step; all of it is durable on return.

        None: this device has no such kind, and only the changes were made.

        Raises `OSError`, and then none of it happened (`StateDoubtful`: perhaps none). Entries that wait go first.
        """
        return self._append(
            [*self._waiting, *self._counted(), self._facts(kind, detail, actor, utc_ns)], also
        )

    def note(self, kind: AuditKind, detail: str = "", actor: str = "") -> None:
        """Writes an entry of what has happened by itself, and cannot be refused: one that cannot be written waits."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting += [*self._counted(), self._facts(kind, detail, actor, None)]
            self._sessions = 0
        else:
            self._not_even_waiting += 1
        try:
            self.write_waiting()
        except (OSError, StateError) as error:
            log.warning("an entry of the log waits: %s", error)

    def count_session(self) -> None:
        """A session ended in which nothing was to be logged: told as a number before the next entry."""
        self._sessions += 1

    def _counted(self) -> list[dict[str, Any]]:
        said = f"{self._sessions} sessions in which nothing was to be logged"
        return [self._facts(AuditKind.SESSIONS_COUNTED, said, "", None)] if self._sessions else []

    def write_waiting(self) -> None:
        """Writes the entries that wait, if there are any. Raises `OSError`."""
        if self._waiting:
            self._append(self._waiting, ())

    @property
    def waiting(self) -> int:
        """Entries that could not be written yet."""
        return len(self._waiting) + self._not_even_waiting

    def read(self, after_sequence: int, limit: int) -> LogPage:
        """Up to `limit` entries after `after_sequence`, oldest first, from the oldest that is kept."""
        first = max(0, after_sequence - self._base_sequence)
        entries = tuple(self._entries[first : first + limit])
        return LogPage(self._sha256_before(min(first, len(self._entries))), entries)

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the newest entry; 0 and zeros before the first."""
        return self._base_sequence + len(self._entries), self._sha256_before(len(self._entries))

    @property
    def first_sequence(self) -> int:
        """Number of the oldest entry that is kept."""
        return self._base_sequence + 1

    def verify_tail(self) -> tuple[bool, int]:
        """Whether the newest entries are chained, and how many there ever were."""
        last, _ = self.head()
        page = self.read(max(0, last - TAIL), TAIL)
        previous = page.previous_sha256
        for entry in page.entries:
            if not entry.follows(previous):
                return False, last
            previous = entry.sha256
        return True, last

    def holds(self, sequence: int, sha256: bytes) -> bool:
        """Whether an entry is in the log, or was, before it was pruned."""
        if sequence < self._base_sequence:
            return True
        last, _ = self.head()
        return sequence <= last and self._sha256_before(sequence - self._base_sequence) == sha256

    def close(self) -> None:
        """Nothing is open between two entries."""

    def _sha256_before(self, index: int) -> bytes:
        return self._entries[index - 1].sha256 if index else self._base_sha256

    def _facts(self, kind: AuditKind, detail: str, actor: str, utc_ns: int | None) -> dict[str, Any]:
        return {
            "utc_ns": self._utc_ns() if utc_ns is None else utc_ns,
            "boot_counter": self.boot_counter,
            "kind": kind,
            "actor": _clean(actor, ACTOR_MAX),
            "detail": _clean(detail, DETAIL_MAX),
        }

    def _append(self, asked: Sequence[dict[str, Any]], also: Sequence[Change]) -> LogEntry | None:
        self._make()
        wanted = [facts for facts in asked if AuditKind(facts["kind"]).since <= self._speaks]
        if not wanted:
            self._commits.commit(*also)
            self._waiting, self._sessions = [], 0
            return None
        if len(self._entries) + len(wanted) > self._max_entries:
            self._prune()
        if self._not_even_waiting:
            lost = f"{self._not_even_waiting} entries before this one could not be written"
            wanted = [*wanted[:-1], self._facts(AuditKind.PRUNED, lost, "", None), wanted[-1]]
        entries = self._chain(*self.head(), wanted)
        lines = self._unended + b"".join(map(_line, entries))
        self._commits.commit(*also, Append(NAME, self._size, lines))
        self._unended = b""
        self._entries += entries
        self._size += len(lines)
        self._waiting, self._not_even_waiting, self._sessions = [], 0, 0
        return entries[-1]

    def _chain(self, sequence: int, previous: bytes, wanted: Sequence[dict[str, Any]]) -> list[LogEntry]:
        entries: list[LogEntry] = []
        for number, facts in enumerate(wanted, sequence + 1):
            previous = audit_entry_sha256(previous, sequence=number, **facts)
            entries.append(LogEntry(sequence=number, sha256=previous, **facts))
        return entries

    def _make(self) -> None:
        if not self._there:
            self._size = self._write_whole(self._base_sequence, self._base_sha256, [])
            self._there = True

    def _prune(self) -> None:
        """Drops the oldest, and writes which: all in one step, since the file is written anew."""
        dropped = max(1, self._max_entries // 10)
        first, last = self.first_sequence, self._base_sequence + dropped
        facts = self._facts(AuditKind.PRUNED, f"entries {first} to {last}", "", None)
        entries = [*self._entries[dropped:], *self._chain(*self.head(), [facts])]
        base_sha256 = self._entries[dropped - 1].sha256
        self._size = self._write_whole(last, base_sha256, entries)
        self._unended = b""
        self._base_sequence, self._base_sha256, self._entries = last, base_sha256, entries

    # The file: a line with what stands before the first entry, then a line an entry

    def _write_whole(self, base_sequence: int, base_sha256: bytes, entries: Sequence[LogEntry]) -> int:
        """Writes the file anew; returns its size."""
        base = {"base_sequence": base_sequence, "base_sha256": base_sha256.hex()}
        data = json.dumps(base).encode() + b"\n" + b"".join(map(_line, entries))
        self._commits.commit(Replace(NAME, data))
        return len(data)

    def _load(self) -> None:
        data = read_plain(self._commits.flash, NAME)
        where = self._commits.flash.at(NAME)
        self._there = data is not None
        if data is None:
            return
        head, *lines = data.splitlines(keepends=True) or [b""]
        try:
            if not head.endswith(b"\n"):
                raise StateError("its first line has no end")
            base = part_of(parse_json(head, where), "its first line", ("base_sequence", "base_sha256"))
            self._base_sequence = whole(base, "base_sequence", 0, I64_MAX)
            self._base_sha256 = digest(base, "base_sha256")
        except StateError as error:
            raise AuditDamaged(f"{where} cannot be read: {error}") from error
        self._size = len(head)
        for number, line in enumerate(lines):
            entry = _entry_or_none(line)
            if entry is None:
                self._check_torn(lines[number:], where)
                return
            self._take(entry, where)
            self._size += len(line)

    def _take(self, entry: LogEntry, where: str) -> None:
        last, previous = self.head()
        if entry.sequence != last + 1 or not entry.follows(previous):
            raise AuditDamaged(f"{where}: entry {last + 1} does not follow from the one before it")
        self._entries.append(entry)

    def _check_torn(self, lines: Sequence[bytes], where: str) -> None:
        """What a loss of power left of the newest line: no entry, and nothing was written behind it.

        One that is whole but for its end is an entry: whether it lost that later or never had it, it is true.
        """
        if any(_entry_or_none(line) for line in lines[1:]):
            raise AuditDamaged(f"{where}: entry {self.head()[0] + 1} cannot be read")
        for line in (lines[0], lines[0][:-1]):
            entry = _entry_or_none(line + b"\n")
            if entry is not None and len(lines) == 1:
                self._take(entry, where)
                self._unended = _line(entry)
                return


def _clean(text: str, limit: int) -> str:
    """Text that fits and cannot forge lines or colours of a log."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    content = printable.encode(errors="replace")
    if len(content) <= limit:
        return content.decode()
    return content[: limit - len(CUT.encode())].decode(errors="ignore") + CUT


def _line(entry: LogEntry) -> bytes:
    plain = [
        entry.sequence,
        entry.utc_ns,
        entry.boot_counter,
        int(entry.kind),
        entry.actor,
        entry.detail,
        entry.sha256.hex(),
    ]
    return json.dumps(plain).encode() + b"\n"


def _entry_or_none(line: bytes) -> LogEntry | None:
    """The entry of a line that is whole; None: it is none."""
    if not line.endswith(b"\n"):
        return None
    try:
        return _parse(line)
    except (StateError, ValueError, TypeError):
        return None


def _parse(line: bytes) -> LogEntry:
    """Raises `StateError`, `ValueError` and `TypeError`."""
    sequence, utc_ns, boot_counter, kind, actor, detail, sha256 = parse_json(line, "an entry")
    if type(sequence) is not int or type(utc_ns) is not int or abs(utc_ns) > I64_MAX:
        raise ValueError(f"entry {ascii(sequence)[:40]} is none")
    if type(boot_counter) is not int or not 0 <= boot_counter <= U32_MAX or type(kind) is not int:
        raise ValueError(f"entry {sequence} is none")
    if _clean(actor, ACTOR_MAX) != actor or _clean(detail, DETAIL_MAX) != detail:
        raise ValueError(f"the text of entry {sequence} is none of a log")
    return LogEntry(sequence, utc_ns, boot_counter, AuditKind(kind), actor, detail, bytes.fromhex(sha256))
