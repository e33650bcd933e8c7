"""The footage of the recording in progress on the flash: its bytes, and the journal of their chunks.

Two files, of a line each second or so. `open.footage` stands for the bytes themselves: synthetic ones
need no room, so that a line says which stretch of them was written. `open.chunks` is the journal: how far the recording
had come, and the hashes of its new chunks. A loss of power may take or tear either: what the two agree upon is sound.
"""

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from typing import Any, Final

from bwc_protocol.evidence import DIGEST_SIZE
from firmware_sim.state.commit import Append, Change, Commits, Replace
from firmware_sim.state.files import read_plain
from firmware_sim.storage.blobs import Blob, SyntheticBlob, chunk_hashes, first_bytes

FOOTAGE: Final = "open.footage"
CHUNKS: Final = "open.chunks"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of a segment that are on the flash, from `begin` to `end`, and how they are made."""

    segment: int
    begin: int
    end: int
    seed: int
    size_bytes: int
    """Of what was filmed: less than is stored, where it is encrypted."""
    grows: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """An entry of the journal."""

    segment: int
    elapsed_ms: int
    """Of the recording."""
    segment_ms: int
    """Of this segment."""
    segment_bytes: int
    """That were filmed of it; 0: of real footage that goes on, they are not made yet."""
    hashes: str
    """Of the chunks since the last entry, as hexadecimal digits."""


@dataclass(slots=True)
class OpenSegment:
    """What is known of one segment after a loss of power."""

    last: Progress
    hashes: bytes
    blob: Blob | None
    """The bytes that were found."""

    def sound(self, chunk_size: int) -> tuple[int, bytes]:
        """How many of its bytes are what the journal says, and the hashes of their chunks."""
        if self.blob is None:
            return 0, b""
        there = self.blob.size_bytes // chunk_size
        if self.blob.size_bytes == self.last.segment_bytes:
            there = -(-self.blob.size_bytes // chunk_size)  # the last chunk of a segment may be a shorter one
        found = chunk_hashes(self.blob, chunk_size, 0, min(there, len(self.hashes) // DIGEST_SIZE))
        good = 0
        while (
            good < len(found) and found[good : good + DIGEST_SIZE] == self.hashes[good : good + DIGEST_SIZE]
        ):
            good += DIGEST_SIZE
        return min(self.blob.size_bytes, good // DIGEST_SIZE * chunk_size), found[:good]


class OpenFootage:
    """Of one camera. What is written is durable on return; raises `OSError`, and then it was not written."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits
        self._ends = {FOOTAGE: 0, CHUNKS: 0}

    def begin(self, recording_id: bytes) -> tuple[Change, ...]:
        """What begins both files anew: to be kept together with the facts of the recording."""
        head = _line(recording_id.hex())
        self._ends = {FOOTAGE: len(head), CHUNKS: len(head)}
        return Replace(FOOTAGE, head), Replace(CHUNKS, head)

    def write(self, segment: int, blob: SyntheticBlob, begin: int, end: int) -> None:
        """Writes stored bytes of a segment, from `begin` to `end`, which are made of this blob."""
        self._append(FOOTAGE, Stretch(segment, begin, end, blob.seed, blob.size_bytes, blob.grows))

    def journal(self, progress: Progress) -> None:
        """Writes how far the recording has come."""
        self._append(CHUNKS, progress)

    def _append(self, name: str, entry: Stretch | Progress) -> None:
        line = _line(list(astuple(entry)))
        self._commits.commit(Append(name, self._ends[name], line))
        self._ends[name] += len(line)

    def read(self, recording_id: bytes, stored: Callable[[int, Blob], Blob]) -> list[OpenSegment]:
        """The segments of this recording, in order, as far as the journal of its chunks goes; `stored` makes of a
        segment's number and footage what is stored of it."""
        segments: list[OpenSegment] = []
        for fields in self._lines(CHUNKS, recording_id):
            entry = Progress(*fields)
            hashes = bytes.fromhex(entry.hashes)
            if segments and entry.segment == segments[-1].last.segment:
                segments[-1].last, segments[-1].hashes = entry, segments[-1].hashes + hashes
            else:
                segments.append(OpenSegment(entry, hashes, None))
        for fields in self._lines(FOOTAGE, recording_id):
            stretch = Stretch(*fields)
            at = segments[stretch.segment] if stretch.segment < len(segments) else None
            if at is not None and stretch.begin == (0 if at.blob is None else at.blob.size_bytes):
                whole = SyntheticBlob(stretch.seed, stretch.size_bytes, stretch.grows)
                at.blob = first_bytes(stored(stretch.segment, whole), stretch.end)
        return segments

    def _lines(self, name: str, recording_id: bytes) -> Iterator[Any]:
        """Up to the first line that is none: behind it nobody knows what is."""
        data = read_plain(self._commits.flash, name) or b""
        lines = map(_parsed, data.splitlines(keepends=True))
        if next(lines, None) != recording_id.hex():
            return  # of a recording of before
        for fields in lines:
            if fields is None:
                return
            yield fields


def _line(what: object) -> bytes:
    data = json.dumps(what).encode()
    return b"%08x %s\n" % (zlib.crc32(data), data)


def _parsed(line: bytes) -> Any:
    """What a line says; None: it is none that was written whole."""
    checksum, _, data = line[:-1].partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(data):
        return None
    return json.loads(data)
