"""Streams: credit, order, ends, and that one keeps nothing else waiting (spec: Streams)."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.messages.config import AbortConfig, ReadConfigState, UploadConfig
from bwc_protocol.messages.core import ErrorReply, StreamCancel, StreamCredit, StreamEnd, StreamOpened
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import OpenSegment, OpenTable, RecordingEntry
from bwc_protocol.vocabulary import ErrorCode
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import limits, manifest_of, recordings, supported
from hil_tests.verdicts import RuleBroken, not_applicable

CREDIT: Final = 20_000
"""Bytes: less than a chunk, and more than one message of a device with little memory."""
A_WHILE_S: Final = 0.3
ALL_OF_IT: Final = 2**64 - 1
STREAMS_MAX: Final = 8
AT_ONCE_S, ATTEMPTS = 1.0, 5
END, CANCEL, CREDITED = StreamEnd.opcode, StreamCancel.opcode, StreamCredit.opcode


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream of footage, or of a table, that waits for credit."""

    number: int
    length: int


def open_footage(session: RawSession, entry: RecordingEntry, length: int = 0) -> Opened:
    """Opens the first segment of a recording."""
    number = session.request(
        OpenSegment(
            recording=entry.recording,
            manifest_sha256=entry.manifest_sha256,
            segment=0,
            offset=0,
            length=length,
        )
    )
    return taken(session, number)


def open_table(session: RawSession, entry: RecordingEntry) -> Opened:
    """Opens the chunk table of the first segment."""
    number = session.request(
        OpenTable(recording=entry.recording, manifest_sha256=entry.manifest_sha256, segment=0)
    )
    return taken(session, number)


def taken(session: RawSession, number: int) -> Opened:
    """The stream that a request opened. Raises `RuleBroken` if it was refused."""
    said = session.answer(number)
    if said.flags == Flag.ERROR:
        raise RuleBroken("a stream", f"{ErrorReply.codec.decode(said.body).code!r}")
    return Opened(number, StreamOpened.codec.decode(said.body).length)


def grant(session: RawSession, stream: Opened, limit: int) -> None:
    """Gives a stream credit up to an offset."""
    session.say_credit(stream.number, limit)


def came(session: RawSession, stream: Opened) -> int:
    """Bytes of a stream that came until now, in order."""
    return len(session.streams.get(stream.number, b""))


def end_of(session: RawSession, stream: Opened) -> StreamEnd:
    """The end that the device said of a stream."""
    said = session.expect(
        "stream.end (STR-004)", lambda m: m.opcode == END and m.request == stream.number and not m.flags
    )
    told: StreamEnd = StreamEnd.codec.decode(said.body)
    return told


@pytest.mark.rule("STR-001")
def test_without_credit_not_a_byte_comes_and_then_no_more_than_was_granted(wire: Wire) -> None:
    session = wire.session()
    stream = open_footage(session, recordings(session)[0])
    session.silent("no message before any credit (STR-001)", lambda m: m.opcode == END, A_WHILE_S)
    if came(session, stream):
        raise RuleBroken("no byte without credit (STR-001)", f"{came(session, stream)} bytes")
    credit = min(CREDIT, stream.length // 2)
    for limit in (1, credit):
        grant(session, stream, limit)
        session.stream(stream.number, limit)
        session.silent("no end before the last byte (STR-004)", lambda m: m.opcode == END, A_WHILE_S)
        if came(session, stream) != limit:
            raise RuleBroken(
                f"{limit} bytes on a credit of {limit} (STR-001)", f"{came(session, stream)} bytes"
            )


@pytest.mark.rule("STR-002")
@pytest.mark.rule("STR-004")
@pytest.mark.rule("STR-011")
def test_a_credit_beyond_the_end_is_credit_of_all_which_comes_in_order_and_ends(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    segment = manifest_of(session, entry).segments[0]
    stream = open_table(session, entry)
    grant(session, stream, ALL_OF_IT)
    table = session.stream(stream.number, stream.length)
    end = end_of(session, stream)
    if (end.code, end.offset) != (0, stream.length):
        raise RuleBroken(
            f"stream.end with code 0 at {stream.length} (STR-004)", f"code {end.code} at {end.offset}"
        )
    if hashlib.sha256(table).digest() != segment.table_sha256:
        raise RuleBroken("the table whose hash the manifest names (STR-002, REC-004)", "other bytes")
    if session.disordered:
        raise RuleBroken("bytes in their order, without gaps (STR-002)", session.disordered)
    session.settle()
    session.silent("one end of a stream (STR-004)", lambda m: m.opcode == END, 0.0)


@pytest.mark.rule("STR-002")
@pytest.mark.rule("REC-004")
def test_footage_comes_in_order_and_hashes_to_its_table(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    segment = manifest_of(session, entry).segments[0]
    table = open_table(session, entry)
    grant(session, table, table.length)
    digests = session.stream(table.number, table.length)
    size = min(segment.chunk_size, segment.size_bytes)
    footage = open_footage(session, entry, length=size)
    if footage.length != size:
        raise RuleBroken(f"a stream of the {size} bytes that were wanted (REC-020)", str(footage.length))
    granted = 0
    while granted < size:
        granted = min(size, granted + CREDIT)
        grant(session, footage, granted)
        session.stream(footage.number, granted)
    if session.disordered:
        raise RuleBroken("bytes in their order, without gaps (STR-002)", session.disordered)
    if hashlib.sha256(session.stream(footage.number, size)).digest() != digests[:32]:
        raise RuleBroken("a chunk that hashes to its entry of the table (REC-004)", "another hash")


@pytest.mark.rule("STR-003")
@pytest.mark.rule("SES-018")
def test_a_credit_that_is_taken_back_ends_the_conversation(wire: Wire) -> None:
    session = wire.session()
    stream = open_footage(session, recordings(session)[0])
    grant(session, stream, 1_000)
    session.stream(stream.number, min(1_000, stream.length))
    grant(session, stream, 999)
    session.ends("STR-003")


@pytest.mark.rule("STR-007")
def test_words_about_a_stream_that_is_not_there_are_dropped(wire: Wire) -> None:
    session = wire.session()
    recordings(session)
    nobody = Opened(4_000_000, 0)
    grant(session, nobody, 5)
    session.say(CANCEL, StreamCancel.codec.encode(StreamCancel(code=0)), request=nobody.number)
    session.say(END, StreamEnd.codec.encode(StreamEnd(offset=0, code=0, detail="")), request=nobody.number)
    session.goes_on("STR-007")


@pytest.mark.rule("STR-008")
@pytest.mark.rule("STR-010")
@pytest.mark.rule("STR-012")
def test_as_many_streams_as_it_states_are_open_at_once_and_one_more_is_busy(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    most = limits(session).max_streams
    if not 2 <= most <= STREAMS_MAX:
        raise RuleBroken("2 to 8 as `max_streams` of a device with recordings (STR-008, STR-012)", str(most))
    for _ in range(most):
        open_footage(session, entry)
    number = session.request(
        OpenTable(recording=entry.recording, manifest_sha256=entry.manifest_sha256, segment=0)
    )
    session.refused(number, "STR-008", ErrorCode.BUSY)
    told = session.ask(ReadStatus()).streams
    if told != most:
        raise RuleBroken(f"{most} open streams in device.status", str(told))


@pytest.mark.rule("STR-009")
@pytest.mark.rule("MSG-011")
def test_a_stream_without_credit_keeps_nothing_else_waiting(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    open_footage(session, entry)
    session.goes_on("STR-009")
    other = open_table(session, entry)
    grant(session, other, other.length)
    session.stream(other.number, other.length)


@pytest.mark.rule("MSG-011")
def test_a_request_is_answered_within_a_second_while_footage_streams(wire: Wire) -> None:
    """By the best of a few: what this host or the line takes is no matter of the device's."""
    session = wire.session()
    streams = [open_footage(session, entry) for entry in recordings(session)[:2]]
    for stream in streams:
        grant(session, stream, min(CREDIT, stream.length - 1))
    took: list[float] = []
    for _ in range(ATTEMPTS):
        began = time.monotonic()
        session.settle()
        took.append(time.monotonic() - began)
        if took[-1] <= AT_ONCE_S:
            return
    raise RuleBroken(
        f"an answer within {AT_ONCE_S:g} s while streams are open (MSG-011)", f"{min(took):.1f} s"
    )


@pytest.mark.rule("MSG-005")
def test_the_id_of_an_open_stream_is_in_use(wire: Wire) -> None:
    session = wire.session()
    stream = open_footage(session, recordings(session)[0])
    session.request(ReadStatus(), stream.number)
    session.refused(stream.number, "MSG-005", ErrorCode.BUSY)


@pytest.mark.rule("STR-007")
def test_a_stream_that_is_cancelled_is_no_more(wire: Wire) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    stream = open_footage(session, entry)
    grant(session, stream, 1)
    session.stream(stream.number, 1)
    session.say(CANCEL, StreamCancel.codec.encode(StreamCancel(code=0)), request=stream.number)
    session.settle()
    before = came(session, stream)
    grant(session, stream, ALL_OF_IT)
    session.settle()
    if came(session, stream) != before:
        raise RuleBroken(
            "no byte of a stream that was cancelled (STR-007)", f"{came(session, stream) - before} bytes"
        )
    session.goes_on("STR-007")
    if told := session.ask(ReadStatus()).streams:
        raise RuleBroken("no open stream in device.status (STR-007)", str(told))


@pytest.mark.rule("REC-005")
@pytest.mark.rule("REC-016")
@pytest.mark.rule("REC-020")
@pytest.mark.parametrize("what", ["another manifest", "another segment", "beyond", "longer", "past 64 bits"])
def test_an_open_that_asks_for_what_is_not_there_is_refused(wire: Wire, what: str) -> None:
    session = wire.session()
    entry = recordings(session)[0]
    size = manifest_of(session, entry).segments[0].size_bytes
    sha256, segment, offset, length, code = {
        "another manifest": (bytes(32), 0, 0, 0, ErrorCode.CONFLICT),
        "another segment": (entry.manifest_sha256, entry.segments, 0, 0, ErrorCode.NOT_FOUND),
        "beyond": (entry.manifest_sha256, 0, size, 0, ErrorCode.OUT_OF_RANGE),
        "longer": (entry.manifest_sha256, 0, 0, size + 1, ErrorCode.OUT_OF_RANGE),
        "past 64 bits": (entry.manifest_sha256, 0, 2, 2**64 - 1, ErrorCode.OUT_OF_RANGE),
    }[what]
    number = session.request(
        OpenSegment(
            recording=entry.recording, manifest_sha256=sha256, segment=segment, offset=offset, length=length
        )
    )
    session.refused(number, f"REC-005, REC-016, REC-020: {what}", code)


# Uploads


def upload(session: RawSession, announced: bytes, length: int) -> Opened:
    """Opens an upload of a configuration. Skips where there is none."""
    revision = supported(session, ReadConfigState()).revision
    number = session.request(
        UploadConfig(revision=revision, length=length, sha256=hashlib.sha256(announced).digest())
    )
    said = session.answer(number)
    if said.flags == Flag.ERROR:
        code = ErrorReply.codec.decode(said.body).code
        if code is ErrorCode.UNSUPPORTED:
            not_applicable("the device takes no upload of a configuration")
        raise RuleBroken("a stream for the upload", str(code))
    return Opened(number, length)


def verdict(session: RawSession, stream: Opened) -> StreamEnd:
    """The device's verdict on an upload (STR-006)."""
    said = session.expect(
        "the device's verdict on an upload (STR-006)",
        lambda m: m.opcode == END and m.request == stream.number,
    )
    told: StreamEnd = StreamEnd.codec.decode(said.body)
    return told


@pytest.mark.rule("STR-006")
@pytest.mark.rule("CFG-007")
def test_an_upload_of_other_bytes_than_were_announced_stages_nothing(wire: Wire) -> None:
    session = wire.session()
    document = bytes(2)  # no settings
    stream = upload(session, b"something else", len(document))
    session.expect("credit for an upload", lambda m: m.opcode == CREDITED and m.request == stream.number)
    session.say(0x11, bytes(8) + document, request=stream.number)
    code = verdict(session, stream).code
    staged = session.ask(ReadConfigState()).staged
    session.ask(AbortConfig())
    if code != ErrorCode.HASH_MISMATCH or staged:
        raise RuleBroken("HASH_MISMATCH, and nothing staged (CFG-007)", f"code {code}, {staged} staged")


@pytest.mark.rule("STR-003")
@pytest.mark.parametrize("offset", [1, 2**63], ids=["a gap", "far beyond"])
def test_bytes_of_an_upload_that_are_out_of_order_end_the_conversation(wire: Wire, offset: int) -> None:
    session = wire.session()
    stream = upload(session, b"", 100)
    session.expect("credit for an upload", lambda m: m.opcode == CREDITED and m.request == stream.number)
    session.say(0x11, offset.to_bytes(8, "little") + b"\x00", request=stream.number)
    session.ends("STR-003")


@pytest.mark.rule("STR-003")
def test_bytes_of_an_upload_beyond_its_length_end_the_conversation(wire: Wire) -> None:
    session = wire.session()
    stream = upload(session, b"", 2)
    session.expect("credit for an upload", lambda m: m.opcode == CREDITED and m.request == stream.number)
    session.say(0x11, bytes(8) + bytes(3), request=stream.number)
    session.ends("STR-003")


@pytest.mark.rule("CFG-006")
@pytest.mark.rule("CHN-010")
def test_what_an_unfinished_upload_brought_is_nothing(wire: Wire) -> None:
    session = wire.session()
    upload(session, b"", 100)
    link = session.channel.link
    session.channel.reset()
    again = wire.conversation(link=link).open()
    if again.ask(ReadConfigState()).staged:
        raise RuleBroken("nothing staged after a conversation that ended (CFG-006)", "something")
    if told := again.ask(ReadStatus()).streams:
        raise RuleBroken("no open stream after the conversation that opened it (CHN-010)", str(told))
