"""The camera's log: append-only, each entry chained to the one before by its hash.

The log is bounded. When it is full the oldest tenth is dropped and an entry says which (`PRUNED`); the chain
stays verifiable from the hash before the oldest entry that is kept, and numbers are never used again.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from bwc_protocol.evidence import AUDIT_ROOT_SHA256, audit_entry_sha256
from bwc_protocol.messages.audit import AuditKind
from firmware_sim.state_dir import StateError, write_atomic

MAX_ENTRIES: Final = 20_000
"""About 4 MiB: months of shifts at a few dozen entries a day."""
TAIL: Final = 64
"""Entries whose chain a self-test checks: it takes no longer after years."""
ACTOR_MAX: Final = 64
DETAIL_MAX: Final = 160
"""Bytes of UTF-8; longer text is cut, never refused: an entry that is not written is the worse loss."""

CUT: Final = "…"
"""Stands for the rest of a text that was cut."""


class AuditDamaged(StateError):
    """The log of a state directory does not hash to what it claims."""


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
    """One device's log, in memory or in the file `path`. `utc_ns` is the device's clock."""

    def __init__(
        self,
        utc_ns: Callable[[], int],
        path: Path | None = None,
        max_entries: int = MAX_ENTRIES,
        boot_counter: int = 0,
    ) -> None:
        self.boot_counter = boot_counter
        self._utc_ns = utc_ns
        self._path = path
        self._max_entries = max_entries
        self._entries: list[LogEntry] = []
        self._base_sha256 = AUDIT_ROOT_SHA256
        self._base_sequence = 0
        self._file: BinaryIO | None = None
        if path is not None:
            self._load(path)

    def append(self, kind: AuditKind, detail: str = "", actor: str = "") -> LogEntry:
        """Writes an entry; in a state directory it is durable on return."""
        if len(self._entries) >= self._max_entries:
            self._prune()
        return self._append(kind, detail, actor)

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

    def close(self) -> None:
        """Closes the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _sha256_before(self, index: int) -> bytes:
        return self._entries[index - 1].sha256 if index else self._base_sha256

    def _append(self, kind: AuditKind, detail: str, actor: str) -> LogEntry:
        sequence, previous = self.head()
        facts: dict[str, Any] = {
            "sequence": sequence + 1,
            "utc_ns": self._utc_ns(),
            "boot_counter": self.boot_counter,
            "kind": kind,
            "actor": _clean(actor, ACTOR_MAX),
            "detail": _clean(detail, DETAIL_MAX),
        }
        entry = LogEntry(sha256=audit_entry_sha256(previous, **facts), **facts)
        if self._file is not None:
            self._file.write(_line(entry))
            self._file.flush()
            os.fsync(self._file.fileno())
        self._entries.append(entry)
        return entry

    def _prune(self) -> None:
        dropped = max(1, self._max_entries // 10)
        first, last = self.first_sequence, self._base_sequence + dropped
        self._base_sha256 = self._entries[dropped - 1].sha256
        self._base_sequence = last
        del self._entries[:dropped]
        if self._path is not None:
            self._rewrite(self._path)
        self._append(AuditKind.PRUNED, f"entries {first} to {last}", "")

    # The file: a line with what stands before the first entry, then a line an entry

    def _rewrite(self, path: Path) -> None:
        self.close()
        base = {"base_sequence": self._base_sequence, "base_sha256": self._base_sha256.hex()}
        write_atomic(path, json.dumps(base).encode() + b"\n" + b"".join(map(_line, self._entries)))
        self._file = path.open("ab")

    def _load(self, path: Path) -> None:
        if path.exists():
            # A line without its end was never acknowledged: the run was killed while it wrote.
            head, *lines = path.read_bytes().split(b"\n")[:-1] or [b""]
            try:
                base = json.loads(head)
                self._base_sequence = base["base_sequence"]
                self._base_sha256 = bytes.fromhex(base["base_sha256"])
                self._entries = [_parse(line) for line in lines]
            except (ValueError, KeyError, TypeError) as error:
                raise AuditDamaged(f"{path} cannot be read: {error}") from error
            self._check(path)
        self._rewrite(path)

    def _check(self, path: Path) -> None:
        previous = self._base_sha256
        for number, entry in enumerate(self._entries, self._base_sequence + 1):
            if entry.sequence != number or not entry.follows(previous):
                raise AuditDamaged(f"{path}: entry {number} does not follow from the one before it")
            previous = entry.sha256


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


def _parse(line: bytes) -> LogEntry:
    sequence, utc_ns, boot_counter, kind, actor, detail, sha256 = json.loads(line)
    return LogEntry(sequence, utc_ns, boot_counter, AuditKind(kind), actor, detail, bytes.fromhex(sha256))
