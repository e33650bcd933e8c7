"""Appends to this host's custody chain in a store (spec: Recording, "Custody chain").

Several processes of a host may write one chain: whoever appends holds its lock, for as long as that takes. What was
found is brought to the medium before anything is put behind it. An unfinished last line is what a power cut left, and
goes; a whole one that no host wrote is left, and a new chain is begun beside it.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.name_sync import NameSync
from bwc_sdk.errors import DestinationBusy
from bwc_sdk.evidence.custody_line import (
    LINE_MAX,
    CustodyLine,
    LineError,
    Recorded,
    chain_name,
    is_chain,
    is_chain_of,
)
from bwc_sdk.host.filesystem import Identity, NotAFile, read_upto, write_all
from bwc_sdk.host.world import World

log = logging.getLogger(__name__)

DRAWN_SIZE: Final = 8
"""Random bytes of a chain's name: no two stores that are joined have chains of one name."""
PIECE: Final = 1 << 20
"""Bytes of a chain that are looked through at once."""
CHAINS_MAX: Final = 64
"""Chains of one host in one store: one is usual, and each further one takes a damaged one before it."""
_NAMED: Final = re.compile(rb'"sha256":"([0-9a-f]{64})"')
_KEPT: Final = 12
"""Bytes of each hash that are remembered: none is met twice by chance."""


CHAIN_LOOKS: Final = 1_000
CHAIN_HELD_S: Final = 0.02
"""Looks at a chain that another process appends to, and the time between them: a sync each."""


class ChainHeld(Exception):
    """Another process appends at this moment: try again soon."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A file of the store that is to be named in the chain."""

    what: Recorded
    file: str
    sha256: bytes
    fresh: bool
    """Whether this process has just written it; else it is named unless a chain names it already."""


@dataclass(frozen=True, slots=True)
class _Tail:
    """Where a chain ends."""

    last: CustodyLine | None
    end: int
    """Behind the last whole line."""
    cut: int
    """Bytes of an unfinished line behind that."""


class CustodyLog:
    """This host's chain in one destination. All methods block, and raise `OSError` unless they say otherwise; the
    caller makes one call at a time."""

    def __init__(self, destination: Destination, world: World) -> None:
        self._files = destination.files
        self._directory = destination.directory
        self._syncs: NameSync = destination.names.syncs
        self._world = world
        self._name = ""
        self._known: tuple[Identity, int, _Tail] | None = None
        """The chain as this process left it."""
        self._name_synced = False
        self._damaged: set[str] = set()
        self._scanned: dict[str, int] = {}
        self._seen: set[bytes] = set()

    def append(self, facts: Sequence[Fact]) -> None:
        """Names files in the chain, durable when it returns. Raises `ChainHeld`."""
        for _ in range(CHAINS_MAX):
            file, made = self._open()
            try:
                self._hold(file)
                tail = self._tail(file)
                if tail is not None:
                    self._put(file, made, tail, facts)
                    return
            finally:
                self._files.close(file)
            log.warning("%s ends in something that no host wrote; a new chain is begun beside it", self._name)
            self._damaged.add(self._name)
            self._name, self._known = "", None
        raise OSError("too many damaged custody chains")

    # Which chain

    def _open(self) -> tuple[int, bool]:
        """The chain, open, and whether it was made now."""
        if self._name:
            with contextlib.suppress(FileNotFoundError):
                return self._files.reopen(self._directory, self._name, write=True), False
        host = self._world.host_id()
        for name in sorted(self._files.names(self._directory)):
            if is_chain_of(name, host) and name not in self._damaged:
                try:
                    file = self._files.reopen(self._directory, name, write=True)
                except (PermissionError, NotAFile):
                    continue  # of another user of this host, who has his own
                self._take(name)
                return file, False
        name = chain_name(self._world.entropy(DRAWN_SIZE), host)
        file = self._files.create(self._directory, name)
        self._take(name)
        return file, True

    def _take(self, name: str) -> None:
        self._name, self._known, self._name_synced = name, None, False

    def _hold(self, file: int) -> None:
        if not self._files.lock(file) or not self._files.is_named(file, self._directory, self._name):
            raise ChainHeld(self._name)

    # Where it ends

    def _tail(self, file: int) -> _Tail | None:
        """Where the chain ends, on the medium; None if its last whole line is none."""
        identity, size = self._files.identity(file), self._files.size(file)
        if self._known is not None and self._known[:2] == (identity, size):
            return self._known[2]
        self._files.sync(file)  # of a process that was killed before it could
        self._files.drop_cache(file)
        size = self._files.size(file)
        start = max(0, size - 2 * LINE_MAX)
        piece = bytearray(size - start)
        data = bytes(piece[: read_upto(self._files, file, memoryview(piece), start)])
        whole, _, torn = data.rpartition(b"\n")
        if len(torn) > LINE_MAX:
            return None
        if not whole:
            return _Tail(None, 0, len(torn)) if start == 0 and b"\n" not in data else None
        try:
            last = CustodyLine.decode(whole.rpartition(b"\n")[2])
        except LineError:
            return None
        return _Tail(last, size - len(torn), len(torn))

    # What is appended

    def _put(self, file: int, made: bool, tail: _Tail, facts: Sequence[Fact]) -> None:
        lines: list[CustodyLine] = []
        last, cut = tail.last, tail.cut
        utc_ns, clock = self._world.utc_ns(), self._world.host_time().plain()
        for fact in self._unnamed(facts):
            last = CustodyLine(
                counter=1,
                previous_sha256=b"",
                what=fact.what,
                file=fact.file,
                sha256=fact.sha256,
                found=not fact.fresh,
                cut_bytes=cut,
                utc_ns=utc_ns,
                clock=clock,
            ).after(last, self._name)
            lines.append(last)
            cut = 0
        if not lines:
            return
        mark = self._syncs.mark()
        data = b"".join(line.encode() + b"\n" for line in lines)
        try:
            if tail.cut:
                self._files.truncate(file, tail.end)
            write_all(self._files, file, memoryview(data), tail.end)
            self._files.sync(file)
            if not self._name_synced:
                self._syncs.sync(lambda: self._files.sync_directory(self._directory), mark)
                self._name_synced = True
        except OSError:
            self._take_back(file, made, tail)
            raise
        end = tail.end + len(data)
        self._known = (self._files.identity(file), end, _Tail(last, end, 0))

    def _take_back(self, file: int, made: bool, tail: _Tail) -> None:
        """After a sync that failed the system takes what was written for durable: nobody must find it and go on."""
        self._known, self._name_synced = None, False
        with contextlib.suppress(OSError):
            self._files.truncate(file, tail.end)
        if made:
            with contextlib.suppress(OSError):
                if self._files.is_named(file, self._directory, self._name):
                    self._files.remove(self._directory, self._name)
            self._name = ""

    def _unnamed(self, facts: Sequence[Fact]) -> list[Fact]:
        """What no chain of the store names yet; of what this process has just written nobody is asked."""
        if not all(fact.fresh for fact in facts):
            self._look_through()
        return [fact for fact in facts if fact.fresh or fact.sha256[:_KEPT] not in self._seen]

    def _look_through(self) -> None:
        """Reads what came to the chains of the store, of whatever host, since the last look."""
        for name in self._files.names(self._directory):
            if is_chain(name):
                try:
                    file = self._files.reopen(self._directory, name, write=False)
                except (PermissionError, FileNotFoundError, NotAFile):
                    continue
                try:
                    self._files.sync(file)
                    self._files.drop_cache(file)
                    self._read_on(name, file)
                finally:
                    self._files.close(file)

    def _read_on(self, name: str, file: int) -> None:
        """Whole lines alone name something: one that is unfinished is cut off by whoever appends next."""
        at = self._scanned.get(name, 0)
        at = 0 if self._files.size(file) < at else at
        piece = bytearray(PIECE)
        while got := read_upto(self._files, file, memoryview(piece), at):
            whole = piece.rfind(b"\n", 0, got) + 1
            self._seen.update(
                bytes.fromhex(found.decode())[:_KEPT] for found in _NAMED.findall(piece[:whole])
            )
            if got < PIECE:
                at += whole
                break
            at += whole or got  # what is longer than any line is none
        self._scanned[name] = at


def append_waiting(chain: CustodyLog, facts: Sequence[Fact]) -> None:
    """Names files in the chain, however many processes of this host append to it.

    Raises `DestinationBusy`, `OSError`.
    """
    for _ in range(CHAIN_LOOKS):
        try:
            return chain.append(facts)
        except ChainHeld:
            time.sleep(CHAIN_HELD_S)
    raise DestinationBusy("another process of this host holds the custody chain")
