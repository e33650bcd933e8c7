"""The file of one segment: locked, written in chunks, read back, published (spec: Recording, "Write path").

The part file is the journal: which chunks are good is found by hashing it, and is written down nowhere else.
"""

import enum
import hashlib
import threading
from collections.abc import Sequence
from typing import Final

from bwc_protocol.evidence import DIGEST_SIZE, SegmentFacts, chunk_count
from bwc_sdk.destination.destination import Destination
from bwc_sdk.destination.faults import NO_ROOM, NotOurs
from bwc_sdk.destination.final_names import Move
from bwc_sdk.errors import DestinationBusy, DestinationError
from bwc_sdk.evidence.naming import PART_SUFFIX, footage_suffix
from bwc_sdk.host.filesystem import NotAFile, read_upto, write_all

WRITE_BACK_BYTES: Final = 4 * 1024 * 1024
"""The medium works while the rest arrives, so that the final sync has little left: of many files that end at the same
time, too, each of which may be small. Smaller steps gain nothing."""
RESERVE_BYTES: Final = 64 * 1024 * 1024
"""Room that is reserved ahead of what arrives: enough that a file lies in long pieces, and little beside a disk. The
whole stated size is not: a camera that states much, or is gone, must not keep the room from the others."""
RACES_MAX: Final = 8
"""Times that another process may create, publish or remove the file between two of our calls. It needs a whole
copy for each, so that more than two means a directory that somebody plays with."""


RESERVE_PART: Final = 16
"""Of what is free no more than one part in so many is reserved, however much a camera states."""


class Found(enum.Enum):
    """What was there for a segment."""

    NOTHING = "nothing"
    PART = "a part file"
    FINAL = "the final file"


class SegmentFile:
    """One segment's file. All methods block; `check` and `store` may run at once for different chunks.

    They raise `OSError` unless they say otherwise. An error after which nothing is known of what was written, such as
    any of a sync, is kept in `fault`: nothing is published then, and `release` discards the file.
    """

    def __init__(self, destination: Destination, name: str, facts: SegmentFacts) -> None:
        self.final = name + footage_suffix(facts)
        self.part = name + PART_SUFFIX
        self.size_bytes = facts.size_bytes
        self.chunk_size = facts.chunk_size
        self.chunks = chunk_count(facts.size_bytes, facts.chunk_size)
        self._at = destination
        self._files = destination.files
        self._file = -1
        self._unfinished = False
        self._reserved = 0
        self._reserving = threading.Lock()
        self.fault: OSError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is held by this process."""
        return self._file >= 0

    # Holding it

    def acquire(self) -> Found:
        """Opens and locks the final file if it exists, else the part file, made if it is missing.

        Raises `DestinationBusy` when another process holds it, `NameTaken` if the final name leads to no file.
        """
        self.fault, self._reserved = None, 0
        for _ in range(RACES_MAX):
            for directory, name in ((self._at.directory, self.final), (self._at.incoming, self.part)):
                final = name == self.final
                try:
                    names = self._at.names
                    file = (
                        names.reopen_final(name) if final else self._files.reopen(directory, name, write=True)
                    )
                except FileNotFoundError:
                    continue
                if self._held(file, directory, name):
                    self._unfinished = not final
                    return Found.FINAL if final else Found.PART
                break  # it was published or removed since it was looked up: look again
            else:
                if self._create():
                    return Found.NOTHING
        raise DestinationError(
            f"{self.part} changes all the time",
            device=str(self._at.path),
            advice="find out which other program works in .incoming",
        )

    def _create(self) -> bool:
        try:
            file = self._files.create(self._at.incoming, self.part)
        except FileExistsError:
            return False
        if not self._held(file, self._at.incoming, self.part):
            return False
        self._unfinished = True
        # Another process may have published between our look at the final name and the creation.
        try:
            published = self._files.size_of(self._at.directory, self.final) is not None
        except OSError:
            self.discard()
            raise
        if published:
            self.discard()
        return not published

    def _held(self, file: int, directory: int, name: str) -> bool:
        try:
            if not self._files.lock(file):
                raise DestinationBusy(f"another process offloads {name}", device=str(self._at.path))
            named = self._files.is_named(file, directory, name)
        except BaseException:
            self._files.close(file)
            raise
        if not named:
            self._files.close(file)
            return False
        self._file = file
        return True

    def discard(self) -> None:
        """Gives a part file up: its name goes first, so that nobody takes it for something that is good."""
        try:
            self._at.names.drop(self._file, self.part)
        finally:
            self._unfinished = False
            self.release()

    def release(self) -> None:
        """Closes it and gives the lock back; a part file stays for the next attempt, without the room that was
        reserved ahead. One with a fault does not stay. Idempotent."""
        if self._file < 0:
            return
        if self._unfinished and self.fault is not None:
            self.discard()
            return
        file, self._file = self._file, -1
        try:
            if self._unfinished and self._reserved > self._files.size(file):
                self._files.truncate(file, self._files.size(file))
        finally:
            self._files.close(file)

    def _sound(self) -> None:
        if self.fault is not None:
            raise self.fault

    # Its bytes

    def settle_part_name(self) -> None:
        """Makes the part file's name durable."""
        self._files.sync_directory(self._at.incoming)

    def reserve(self) -> None:
        """Reserves room for what comes first.

        Raises `OSError` (EFBIG) before a byte comes for a file that cannot become as large as the segment.
        """
        self._files.check_size(self._file, self.size_bytes)
        self._reserve_beyond(0)

    def _reserve_beyond(self, end: int) -> None:
        """Keeps room reserved beyond `end`, as far as the segment goes."""
        with self._reserving:
            if end < self._reserved or self._reserved >= self.size_bytes:
                return
            start = max(end, self._reserved)
            size = min(RESERVE_BYTES, self.size_bytes - start)
            free = self._at.free_bytes()
            if free is not None and size > free // RESERVE_PART:
                size = free // RESERVE_PART  # the room is short: it is for whoever has something to write
            if size > 0:
                self._files.preallocate(self._file, start, size)
            self._reserved = start + size

    def store(self, data: memoryview, first: int, table: bytes) -> list[int]:
        """Hashes the chunks in `data`, which begin with number `first`; writes the good and returns the bad."""
        bad = self._mismatches(data, first, table)
        start, base = 0, first * self.chunk_size
        try:
            self._reserve_beyond(base + len(data))
            for chunk in [*bad, None]:
                end = len(data) if chunk is None else (chunk - first) * self.chunk_size
                if start < end:
                    write_all(self._files, self._file, data[start:end], base + start)
                start = end + self.chunk_size
        except OSError as error:
            # Kept here: a cable that is lost at the same moment would be all that the receiver hears of.
            if error.errno not in NO_ROOM:
                self.fault = error
            raise
        full = (base + len(data)) // WRITE_BACK_BYTES * WRITE_BACK_BYTES
        if full > base:
            self._files.start_write_back(self._file, full - WRITE_BACK_BYTES, WRITE_BACK_BYTES)
        return bad

    def check(self, slab: memoryview, first: int, count: int, table: bytes) -> list[int]:
        """Reads `count` chunks from number `first` into `slab` and returns those that are not what they should be."""
        offset = first * self.chunk_size
        wanted = min(count * self.chunk_size, self.size_bytes - offset)
        got = read_upto(self._files, self._file, slab[:wanted], offset)
        if got < wanted:
            whole = got // self.chunk_size
            return [
                *self._mismatches(slab[: whole * self.chunk_size], first, table),
                *range(first + whole, first + count),
            ]
        return self._mismatches(slab[:wanted], first, table)

    def _mismatches(self, data: memoryview, first: int, table: bytes) -> list[int]:
        return [
            chunk
            for chunk, at in enumerate(range(0, len(data), self.chunk_size), first)
            if hashlib.sha256(data[at : at + self.chunk_size]).digest()
            != table[chunk * DIGEST_SIZE : (chunk + 1) * DIGEST_SIZE]
        ]

    def right_size(self) -> bool:
        """Whether it has the segment's size."""
        return self._files.size(self._file) == self.size_bytes

    def cut(self) -> None:
        """Cuts what is beyond the segment's size."""
        if self._files.size(self._file) > self.size_bytes:
            self._files.truncate(self._file, self.size_bytes)

    def settle(self) -> bool:
        """Brings it to the medium and drops what the system has in memory; whether it could be dropped."""
        self._sound()
        try:
            self._files.sync(self._file)
        except OSError as error:
            # Of whatever kind: what was written may be lost, and the next sync say nothing.
            self.fault = error
            raise
        return self._files.drop_cache(self._file)

    # Its name

    def in_place(self) -> bool:
        """Whether its name still leads to it."""
        if self._unfinished:
            return self._files.is_named(self._file, self._at.incoming, self.part)
        return self._files.is_named(self._file, self._at.directory, self.final)

    def confirm(self) -> None:
        """Raises `NotOurs` unless it stands under its final name: what was verified is an open file."""
        if not self._files.is_named(self._file, self._at.directory, self.final):
            raise NotOurs(self.final)

    def publish(self, sidecars: Sequence[Move]) -> None:
        """Gives `sidecars`, and then the part file, their final names, durable: all of them or none.

        Raises `NameTaken` for another content under one of them; see `FinalNames.place`.
        """
        self._sound()
        self._at.names.place([*sidecars, Move(self._file, self.part, self.final)])
        self._unfinished = False

    def settle_names(self, sidecars: Sequence[Move]) -> None:
        """The same where the final file was there: its name, and those of `sidecars`, become durable."""
        self._at.names.place(sidecars)

    def forget_part(self) -> None:
        """Removes what is left of a part file whose content stands under the final name, unless it is in use."""
        self._at.names.drop(self._file, self.part)  # of a process that was killed before it could
        try:
            part = self._files.reopen(self._at.incoming, self.part, write=True)
        except (FileNotFoundError, NotAFile):
            return  # nothing, or nothing of ours
        try:
            if self._files.lock(part):
                self._at.names.drop(part, self.part)
        finally:
            self._files.close(part)
