"""Bulk never runs ahead of its receiver, never holds requests back, and can be given up at any point
(spec: Streams)."""

import pytest

from bwc_protocol.conversation import (
    Failed,
    FailReason,
    RequestReceived,
    StreamCancelled,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.conversation.message import (
    HEADER,
    OFFSET,
    Message,
    MessageReader,
    StreamBytes,
    build,
    build_data,
)
from bwc_protocol.conversation.stream import MAX_STREAMS, BytesSource, ReaderSource, StreamFault
from bwc_protocol.declare import Control
from bwc_protocol.messages.config import UploadConfig
from bwc_protocol.messages.core import StreamCredit, StreamEnd, StreamOpened
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import samples
from tools.testkit.pair import Pair, device_end, host_end

FOOTAGE = bytes(range(256)) * 40


def download(pair: Pair, data: bytes = FOOTAGE) -> int:
    """Opens a stream from the device; nothing is granted yet."""
    stream = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=len(data)))
    pair.device.send_stream(stream, BytesSource(data), len(data))
    pair.run()
    return stream


def upload(pair: Pair, data: bytes = FOOTAGE) -> int:
    """Opens a stream to the device; nothing is granted yet."""
    stream = pair.host.request(samples.typical(UploadConfig))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=len(data)))
    pair.device.expect_stream(stream, len(data))
    pair.run()
    pair.host.send_stream(stream, BytesSource(data), len(data))
    pair.run()
    return stream


def ready(**ends: object) -> Pair:
    pair = Pair(**ends)
    pair.run()
    return pair


def received(events: list[object], stream: int) -> bytes:
    pieces = [e for e in events if isinstance(e, StreamReceived) and e.stream == stream]
    at = 0
    for piece in pieces:
        assert piece.offset == at
        at += len(piece.data)
    return b"".join(bytes(piece.data) for piece in pieces)


def of(events: list[object], kind: type) -> list[object]:
    return [event for event in events if isinstance(event, kind)]


def say(pair: Pair, message: bytes, *, to_host: bool = True) -> None:
    record = (RecordType.DATA | len(message) << 8).to_bytes(4, "little") + message
    (pair.host if to_host else pair.device).receive(record, pair.now)
    pair.collect()


def control(stream: int, message: Control) -> bytes:
    return build(message.opcode, 0, stream, message.codec.encode(message))


@pytest.mark.rule("STR-001", "STR-002")
def test_nothing_comes_without_credit() -> None:
    pair = ready()
    stream = download(pair)
    assert received(pair.host_events, stream) == b""
    pair.host.grant(stream, 1000)
    pair.run()
    assert received(pair.host_events, stream) == FOOTAGE[:1000]
    pair.host.grant(stream, 900)
    pair.run()
    assert received(pair.host_events, stream) == FOOTAGE[:1000], "credit is never taken back"
    pair.host.grant(stream, len(FOOTAGE) + 500)
    pair.run()
    assert received(pair.host_events, stream) == FOOTAGE
    assert of(pair.host_events, StreamFinished) == [StreamFinished(stream, len(FOOTAGE), 0, "")]
    assert pair.host.open_streams == pair.device.open_streams == 0


@pytest.mark.rule("STR-006")
def test_an_upload_stays_open_until_the_verdict() -> None:
    pair = ready()
    stream = upload(pair)
    pair.device.grant(stream, len(FOOTAGE))
    pair.run()
    assert received(pair.device_events, stream) == FOOTAGE
    assert of(pair.device_events, StreamFinished)
    assert pair.host.open_streams == 1 and not of(pair.host_events, StreamFinished)
    pair.device.finish(stream, ErrorCode.HASH_MISMATCH, "not what was announced")
    pair.run()
    (verdict,) = of(pair.host_events, StreamFinished)
    assert verdict == StreamFinished(stream, len(FOOTAGE), 17, "not what was announced")
    assert pair.host.open_streams == pair.device.open_streams == 0


def test_a_verdict_without_a_fault_is_success() -> None:
    pair = ready()
    stream = upload(pair)
    pair.device.grant(stream, len(FOOTAGE))
    pair.run()
    pair.device.finish(stream)
    pair.run()
    assert of(pair.host_events, StreamFinished) == [StreamFinished(stream, len(FOOTAGE), 0, "")]


def test_credit_that_comes_before_the_bytes_are_there_is_not_lost() -> None:
    """The device grants right behind its reply; the host's owner may bring the bytes later."""
    pair = ready()
    stream = pair.host.request(samples.typical(UploadConfig))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=len(FOOTAGE)))
    pair.device.expect_stream(stream, len(FOOTAGE))
    pair.device.grant(stream, len(FOOTAGE))
    pair.run()
    pair.host.send_stream(stream, BytesSource(FOOTAGE), len(FOOTAGE))
    pair.run()
    assert received(pair.device_events, stream) == FOOTAGE


def test_an_empty_stream_ends_without_credit() -> None:
    pair = ready()
    stream = download(pair, b"")
    assert of(pair.host_events, StreamFinished) == [StreamFinished(stream, 0, 0, "")]


def test_streams_take_turns() -> None:
    pair = ready()
    streams = [download(pair) for _ in range(3)]
    for stream in streams:
        pair.host.grant(stream, len(FOOTAGE))
    pair.size = 1000
    pair.run()
    order = [e.stream for e in of(pair.host_events, StreamReceived)]
    assert order[:6] == streams * 2
    assert all(received(pair.host_events, stream) == FOOTAGE for stream in streams)


@pytest.mark.rule("STR-009")
def test_a_stream_without_credit_holds_no_other_back() -> None:
    pair = ready()
    stalled, empty, running = download(pair), download(pair, b""), download(pair)
    pair.host.grant(running, len(FOOTAGE))
    pair.run()
    assert received(pair.host_events, running) == FOOTAGE and received(pair.host_events, stalled) == b""
    assert [e.stream for e in of(pair.host_events, StreamFinished)] == [empty, running]


def test_the_end_of_one_stream_lets_the_next_go_in_the_same_round() -> None:
    """Else it would wait until something else happens on the link."""
    pair = ready()
    for length in (500, 0, 700):
        stream = pair.host.request(samples.typical(OpenSegment))
        pair.carry(from_host=True)
        pair.device.reply(stream, StreamOpened(length=length))
        pair.device.send_stream(stream, BytesSource(FOOTAGE[:length]), length)
    pair.budget = 0
    pair.carry(from_host=False)
    pair.host.grant(stream, 700)
    pair.carry(from_host=True)
    pair.budget = 10_000
    pair.carry(from_host=False)
    assert received(pair.host_events, stream) == FOOTAGE[:700]


def test_a_request_passes_footage_that_waits() -> None:
    """Control goes first: what waits is plaintext above the session, never sealed bulk."""
    pair = ready()
    stream = download(pair)
    pair.host.grant(stream, len(FOOTAGE))
    asked = pair.host.request(ReadStatus())
    pair.carry(from_host=True)
    pair.device.refuse(asked, ErrorCode.BUSY, "")
    pair.budget, pair.size = 1000, 500
    pair.carry(from_host=False)
    kinds = [type(e).__name__ for e in pair.host_events[-3:]]
    assert kinds == ["ErrorReceived", "StreamReceived", "StreamReceived"]


def test_bulk_keeps_to_its_budget() -> None:
    pair = ready()
    stream = download(pair)
    pair.host.grant(stream, len(FOOTAGE))
    pair.carry(from_host=True)
    pair.budget, pair.size = 2000, 700
    sent = pair.carry(from_host=False)
    assert 2000 <= sent <= 2000 + 700 + 4 * 24
    pair.budget = 0
    assert pair.carry(from_host=False) == 0


@pytest.mark.rule("SES-004")
@pytest.mark.parametrize("limit", [512, 700, 65_536])
def test_no_record_is_larger_than_the_peer_takes(limit: int) -> None:
    pair = ready(host=host_end(max_plaintext=limit), device=device_end(max_plaintext=limit))
    stream = download(pair)
    pair.host.grant(stream, len(FOOTAGE))
    pair.size = 60_000
    pair.run()
    assert received(pair.host_events, stream) == FOOTAGE
    for from_host in (True, False):
        data = b"".join(piece for sent, piece in pair.passed if sent is from_host)[32:]
        while data:
            size = int.from_bytes(data[1:4], "little")
            assert size <= limit
            data = data[4 + size :]


@pytest.mark.rule("STR-003")
@pytest.mark.parametrize(
    ("offset", "size", "rule"),
    [(10, 10, "expected at 0"), (0, 101, "beyond the credit"), (0, 600, "beyond its length")],
)
def test_bytes_that_were_not_asked_for_end_the_conversation(offset: int, size: int, rule: str) -> None:
    pair = ready()
    stream = download(pair, bytes(500))
    pair.host.grant(stream, 100)
    say(pair, build_data(stream, offset, bytes(size)))
    (failed,) = of(pair.host_events, Failed)
    assert failed.reason is FailReason.PROTOCOL and rule in failed.detail
    assert not of(pair.host_events, StreamReceived)


@pytest.mark.rule("STR-003")
def test_an_upload_beyond_its_credit_ends_the_conversation_on_the_device() -> None:
    pair = ready()
    stream = upload(pair)
    pair.device.grant(stream, 100)
    say(pair, build_data(stream, 0, bytes(101)), to_host=False)
    assert of(pair.device_events, Failed)


@pytest.mark.rule("STR-004")
@pytest.mark.parametrize(
    "end", [StreamEnd(offset=0, code=0, detail=""), StreamEnd(offset=500, code=0, detail="")]
)
def test_success_before_the_last_byte_is_no_success(end: StreamEnd) -> None:
    """A short stream that claims to be whole must not pass for the whole."""
    pair = ready()
    stream = download(pair, bytes(500))
    pair.host.grant(stream, 100)
    say(pair, control(stream, end))
    assert of(pair.host_events, Failed) and not of(pair.host_events, StreamFinished)


def test_a_verdict_of_success_before_the_last_byte_is_no_success() -> None:
    pair = ready()
    stream = upload(pair)
    say(pair, control(stream, StreamEnd(offset=0, code=0, detail="")))
    assert of(pair.host_events, Failed)


@pytest.mark.rule("STR-006")
def test_a_device_may_stop_an_upload_early_with_a_reason() -> None:
    pair = ready()
    stream = upload(pair)
    pair.device.grant(stream, 100)
    pair.run()
    pair.device.finish(stream, ErrorCode.FULL)
    pair.run()
    assert [e.code for e in of(pair.host_events, StreamFinished)] == [ErrorCode.FULL]
    assert pair.host.open_streams == pair.device.open_streams == 0


@pytest.mark.rule("STR-011")
@pytest.mark.parametrize("beyond", [1, 2**64 - 1 - len(FOOTAGE)])
def test_credit_beyond_the_length_is_credit_for_all_of_it(beyond: int) -> None:
    pair = ready()
    stream = download(pair)
    pair.host.grant(stream, len(FOOTAGE) + beyond)
    pair.run()
    assert received(pair.host_events, stream) == FOOTAGE
    assert of(pair.host_events, StreamFinished) == [StreamFinished(stream, len(FOOTAGE), 0, "")]
    assert pair.host.open_streams == pair.device.open_streams == 0


@pytest.mark.rule("STR-003")
def test_credit_that_is_taken_back_ends_the_conversation() -> None:
    pair = ready()
    stream = download(pair)
    say(pair, control(stream, StreamCredit(limit=100)), to_host=False)
    say(pair, control(stream, StreamCredit(limit=99)), to_host=False)
    (failed,) = of(pair.device_events, Failed)
    assert "never takes back" in failed.detail


def test_the_same_credit_once_more_takes_nothing_back() -> None:
    pair = ready()
    stream = download(pair)
    pair.host.grant(stream, 100)
    pair.run()
    say(pair, control(stream, StreamCredit(limit=100)), to_host=False)
    pair.run()
    assert of(pair.device_events, Failed) == []
    assert received(pair.host_events, stream) == FOOTAGE[:100]


@pytest.mark.rule("STR-007")
def test_cancel_works_at_any_point_and_what_is_under_way_is_dropped() -> None:
    for granted in (0, 1000, len(FOOTAGE)):
        pair = ready()
        stream = download(pair)
        pair.host.grant(stream, granted)
        pair.carry(from_host=True)
        flight = b"".join(pair.device.outgoing(2000, 500))
        pair.host.cancel(stream)
        before = len(pair.host_events)
        pair.host.receive(flight, 0.0)
        pair.run()
        assert pair.host_events[before:] == []
        assert pair.host.open_streams == pair.device.open_streams == 0
        assert len(of(pair.device_events, StreamCancelled)) == (0 if granted == -1 else 1)
        again = download(pair, b"next")
        pair.host.grant(again, 4)
        pair.run()
        assert received(pair.host_events, again) == b"next"


def test_the_device_may_cancel() -> None:
    pair = ready()
    stream = download(pair)
    pair.device.cancel(stream, ErrorCode.STORAGE_FAULT)
    pair.run()
    assert of(pair.host_events, StreamCancelled) == [StreamCancelled(stream, ErrorCode.STORAGE_FAULT)]


@pytest.mark.rule("STR-005")
def test_a_fault_of_the_storage_ends_the_stream_with_its_code() -> None:
    def read(offset: int, size: int) -> bytes:
        if offset >= 1000:
            raise StreamFault(ErrorCode.STORAGE_FAULT, "block 7 cannot be read")
        return FOOTAGE[offset : offset + size]

    pair = ready()
    stream = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=5000))
    pair.device.send_stream(stream, ReaderSource(read), 5000)
    pair.run()
    pair.host.grant(stream, 5000)
    pair.size = 500
    pair.run()
    assert received(pair.host_events, stream) == FOOTAGE[:1000]
    (end,) = of(pair.host_events, StreamFinished)
    assert (end.offset, end.code, end.detail) == (1000, ErrorCode.STORAGE_FAULT, "block 7 cannot be read")
    assert pair.host.open_streams == pair.device.open_streams == 0


@pytest.mark.rule("STR-008")
def test_streams_beyond_the_bound_are_busy() -> None:
    pair = ready()
    for _ in range(MAX_STREAMS):
        download(pair)
    pair.device_events.clear()
    pair.host.request(samples.typical(OpenSegment))
    pair.host.request(ReadStatus())
    pair.run()
    assert [type(e.request) for e in of(pair.device_events, RequestReceived)] == [ReadStatus]
    assert pair.host_events[-1].error.code is ErrorCode.BUSY


def test_an_id_of_an_open_stream_is_not_taken_twice() -> None:
    """Else a host that repeats one id has the device queue turns without bound."""
    pair = ready()
    stream = download(pair)
    pair.device_events.clear()
    request = samples.typical(OpenSegment)
    say(pair, build(request.opcode, 0, stream, request.codec.encode(request)), to_host=False)
    assert pair.device_events == []


def test_an_id_of_an_open_upload_is_not_taken_twice() -> None:
    """Else what the second one is to take would be judged by the offsets and the credit of the first."""
    pair = ready()
    stream = upload(pair)
    pair.device_events.clear()
    request = samples.typical(UploadConfig)
    say(pair, build(request.opcode, 0, stream, request.codec.encode(request)), to_host=False)
    assert pair.device_events == []


def test_a_capture_shows_everything_but_footage() -> None:
    pair = ready()
    shown: list[tuple[bool, Message]] = []
    pair.device.tap = lambda sent, message: shown.append((sent, message))
    stream = download(pair)
    pair.host.grant(stream, len(FOOTAGE))
    pair.run()
    opcodes = [(sent, message.opcode) for sent, message in shown]
    assert opcodes == [
        (False, OpenSegment.opcode),
        (True, OpenSegment.opcode),
        (False, StreamCredit.opcode),
        (True, StreamEnd.opcode),
    ]


def test_bytes_of_footage_are_never_gathered() -> None:
    reader = MessageReader()
    message = build_data(1, 0, bytes(60_000))
    head = HEADER.size + OFFSET.size
    pieces = [p for at in range(0, len(message), 1000) for p in reader.feed(message[at : at + 1000])]
    assert all(isinstance(p, StreamBytes) for p in pieces) and len(pieces) == 61 - (head >= 1000)
