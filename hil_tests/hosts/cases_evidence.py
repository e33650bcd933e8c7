"""Cases of footage: a device that claims too much, gives what it did not record, or is pulled off its cable."""

from __future__ import annotations

from typing import Any, Final

from bwc_protocol.conversation import Conversation
from bwc_protocol.conversation.message import Flag
from bwc_protocol.conversation.stream import ReaderSource
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.recordings import (
    AnnotationKind,
    EraseRecording,
    LiftHold,
    ListRecordings,
    OpenSegment,
    OpenTable,
    ReadManifest,
)
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.session import CameraSession
from firmware_sim.faulty_evidence import answer_otherwise
from firmware_sim.handlers import recordings as recording_handlers
from firmware_sim.personalities import PERSONALITIES
from firmware_sim.storage.storage import Annotation
from hil_tests.hosts.visit import CHUNK, Case, Script

PAGES_MAX: Final = 5_000
"""Pages of 256 entries: a recording each minute for two years has fewer; a host has to stop somewhere."""
SAME_PAGE_MAX: Final = 3
TABLE_MAX: Final = 65_536 * 32
"""Bytes of the largest chunk table there can be."""
BAD_CHUNK: Final = 5
"""The chunk that is given wrong, once."""
CUT_AFTER: Final = 10
"""Chunks after which the cable is pulled."""
HAD_CHUNKS: Final = 4
"""Chunks that a host must have said that it has before it can be blamed for fetching them again."""
HELD: Final = "a held recording stays"


class Faulty(Script):
    """A device with evidence that cannot be believed: nobody may say that he has it."""

    personality = ""
    rule = "REC-011"
    proof: type[Any] = OpenTable
    """The request that the fault is in the answer of."""

    def arrange(self, camera: SimCamera) -> None:
        PERSONALITIES[self.personality](camera)

    def over(self) -> None:
        seen = self.visit.messages
        if seen.claims:
            expected = "no receipt for, and no erasing of, what does not agree with its manifest"
            self.judge.broken(self.rule, expected, f"request {seen.claims[0].opcode:#06x}")
        elif any(one.opcode == self.proof.opcode for one in seen.asked):
            self.judge.kept(self.rule)


class WrongTable(Faulty):
    personality = "wrong-table"
    rule = "REC-010"


class ShortSegment(Faulty):
    personality = "short-segment"
    proof = OpenSegment


class LongSegment(Faulty):
    personality = "long-segment"
    proof = OpenSegment


class HugeTable(Faulty):
    personality = "huge-table"
    rule = "REC-010"

    def over(self) -> None:
        super().over()
        name = "a huge table is bounded"
        tables = [one.id for one in self.visit.messages.asked if one.opcode == OpenTable.opcode]
        most = max((self.visit.messages.credits.get(one, 0) for one in tables), default=0)
        if most > TABLE_MAX:
            self.judge.broken(name, f"no credit beyond {TABLE_MAX} bytes of a chunk table", f"{most}")
        elif tables:
            self.judge.kept(name)


class EndlessListing(Faulty):
    personality = "endless-listing"
    rule = "an endless listing is bounded"
    proof = ListRecordings

    def over(self) -> None:
        pages = sum(one.opcode == ListRecordings.opcode for one in self.visit.messages.asked)
        if pages > PAGES_MAX:
            self.judge.broken(self.rule, f"at most {PAGES_MAX} pages of a list of one recording", f"{pages}")
        elif pages:
            self.judge.kept(self.rule)


class StuckListing(Faulty):
    personality = "stuck-listing"
    rule = "a listing that does not move is left"

    def over(self) -> None:
        bodies = [one.body for one in self.visit.messages.asked if one.opcode == ListRecordings.opcode]
        most = max((bodies.count(one) for one in bodies), default=0)
        if most > SAME_PAGE_MAX * max(1, self.visit.established):
            self.judge.broken(self.rule, f"the same page at most {SAME_PAGE_MAX} times", f"{most} times")
        elif bodies:
            self.judge.kept(self.rule)


class _LongManifest(Conversation):
    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        if opcode == ReadManifest.opcode and flags == Flag.REPLY:
            size = int.from_bytes(body[:2], "little")
            manifest = body[2 : 2 + size] + bytes(20_000 - size)
            body = len(manifest).to_bytes(2, "little") + manifest + body[2 + size :]
        super()._send(opcode, flags, request_id, body)


class LongManifest(Script):
    """A manifest of 20,000 bytes."""

    def arrange(self, camera: SimCamera) -> None:
        camera.profile.talk = _LongManifest

    def over(self) -> None:
        seen = self.visit.messages
        after = [one for one in seen.asked if one.opcode in (OpenTable.opcode, OpenSegment.opcode)]
        if after or seen.claims:
            expected = "a manifest of more than 16,384 bytes is refused, with what it is about"
            self.judge.broken("REC-022", expected, f"request {(after or seen.claims)[0].opcode:#06x}")
        elif any(one.opcode == ReadManifest.opcode for one in seen.asked):
            self.judge.kept("REC-022")


class WrongChunk(Script):
    """Gives one chunk wrong, the first time that it is read."""

    AGAIN: Final = "only the bad chunk is asked for again"

    def __init__(self) -> None:
        super().__init__()
        self.wrong_at: float | None = None

    def arrange(self, camera: SimCamera) -> None:
        def segment(session: CameraSession, request: OpenSegment) -> StreamOpened:
            blob = session.camera.recording(request.recording).blobs[request.segment]
            length = request.length or blob.size_bytes - request.offset
            bad = BAD_CHUNK * CHUNK + 7
            spoils = self.wrong_at is None and request.offset <= bad < request.offset + length
            if not spoils:
                return recording_handlers.segment(session, request)
            self.wrong_at = self.now()

            def read(offset: int, size: int) -> bytes:
                data = bytearray(blob.read(request.offset + offset, size))
                at = bad - request.offset - offset
                if 0 <= at < len(data):
                    data[at] ^= 1
                return bytes(data)

            return session.open_stream(ReaderSource(read), length)

        answer_otherwise(camera, OpenSegment, segment)

    def over(self) -> None:
        if self.wrong_at is None:
            return
        at, size = BAD_CHUNK * CHUNK, self.visit.camera.listing(0, 1)[0].blobs[0].size_bytes
        later = [one for when, one in self.visit.messages.fetched[1:] if when >= self.wrong_at]
        again = [one for one in later if one.offset <= at < one.offset + (one.length or size - one.offset)]
        claims = self.visit.messages.claims
        if again:
            self.judge.kept("REC-011")
            if any(one.offset == 0 for one in again):
                expected = f"bytes from {at} on, where the chunk is that did not agree"
                self.judge.broken(self.AGAIN, expected, "all of the segment, from 0")
            else:
                self.judge.kept(self.AGAIN)
        elif claims:
            expected = f"the chunk at {at} again, or no word that the footage is there"
            self.judge.broken("REC-011", expected, f"request {claims[0].opcode:#06x}")


class Cut(Script):
    """The cable is pulled in the middle of the first segment."""

    RESUMES: Final = "what is there is not fetched again"

    max_payload = 4_096
    """So that a window is two chunks, and the host says what it has."""

    def __init__(self) -> None:
        super().__init__()
        self.before: int | None = None
        self.had = 0

    def arrange(self, camera: SimCamera) -> None:
        def segment(session: CameraSession, request: OpenSegment) -> StreamOpened:
            blob = session.camera.recording(request.recording).blobs[request.segment]

            def read(offset: int, size: int) -> bytes:
                if self.before is None and request.offset + offset >= CUT_AFTER * CHUNK:
                    self._cut()
                return bytes(blob.read(request.offset + offset, size))

            return session.open_stream(ReaderSource(read), request.length or blob.size_bytes - request.offset)

        answer_otherwise(camera, OpenSegment, segment)

    def _cut(self) -> None:
        self.before = len(self.visit.messages.fetched)
        self.had = max(life.acknowledged_bytes for life in self.visit.links[-1].lives.values())
        self.soon(self.visit.pipes[-1].pull)

    def over(self) -> None:
        if self.before is None or self.had < HAD_CHUNKS * CHUNK:
            return
        later = self.visit.messages.fetched[self.before :]
        if later and later[0][1].offset == 0:
            expected = f"bytes behind those that are there, after the cable was pulled at {self.had} bytes"
            self.judge.broken(self.RESUMES, expected, "all of the segment, from 0")
        elif later:
            self.judge.kept(self.RESUMES)


class Held(Script):
    """A recording that is held."""

    def arrange(self, camera: SimCamera) -> None:
        for one in camera.listing(0, 10):
            camera.storage.annotate(
                one.recording_id,
                Annotation(camera.clock.utc_ns(), AnnotationKind.HELD, "records", "", hold="H-1"),
            )

    def over(self) -> None:
        forbidden = (EraseRecording.opcode, LiftHold.opcode)
        asked = [one for one in self.visit.messages.asked if one.opcode in forbidden]
        if asked:
            self.judge.broken(
                HELD, "nobody asks to erase a held recording, or lifts its hold", f"{asked[0].request!r}"
            )
        elif self.visit.messages.fetched:
            self.judge.kept(HELD)


CASES: Final = (
    Case("endless-listing", "lists without end", (EndlessListing.rule,), make=EndlessListing),
    Case("stuck-listing", "lists the same page again and again", (StuckListing.rule,), make=StuckListing),
    Case(
        "huge-table",
        "claims a chunk table of 2^63 bytes",
        ("REC-010", "a huge table is bounded"),
        make=HugeTable,
    ),
    Case("long-manifest", "gives a manifest of 20,000 bytes", ("REC-022",), make=LongManifest),
    Case("wrong-table", "gives a chunk table that is not the manifest's", ("REC-010",), make=WrongTable),
    Case("short-segment", "gives fewer bytes than the manifest states", ("REC-011",), make=ShortSegment),
    Case("long-segment", "gives more bytes than the manifest states", ("REC-011",), make=LongSegment),
    Case("wrong-chunk", "gives one chunk wrong, once", ("REC-011", WrongChunk.AGAIN), make=WrongChunk),
    Case("cut", "its cable is pulled in the middle of a segment", (Cut.RESUMES,), make=Cut),
    Case("held", "has a recording that is held", (HELD,), make=Held),
)
