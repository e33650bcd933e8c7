"""However the peer's bytes are cut into pieces, the result is the same, up to the very byte that breaks a rule."""

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from bwc_protocol.conversation import (
    Conversation,
    ConversationEvent,
    Failed,
    FailReason,
    ReplyReceived,
    RequestReceived,
    StreamReceived,
)
from bwc_protocol.conversation.message import HEADER, Flag, build, build_data
from bwc_protocol.messages.battery import BatteryStatus, ReadBattery
from bwc_protocol.messages.core import Ready, SessionInfo, StreamOpened
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session.insecure import RecordType
from tools.generate import samples
from tools.testkit.pair import Pair, device_end, host_end

CUTS: Final = (1, 2, 3, 5, 13, 4096)
BROKEN: Final = {
    "a header that breaks a rule": HEADER.pack(1 << 20, ReadBattery.opcode, Flag.REPLY, 9),
    "a message that breaks its declaration": build(SessionInfo.opcode, 0, 0, b"?"),
    "a message at the wrong time": build(Ready.opcode, 0, 0, b""),
    "bytes of a stream beyond its credit": build_data(1, 0, bytes(1_000)),
}


def record(plaintext: bytes, kind: int = RecordType.DATA) -> bytes:
    return (kind | len(plaintext) << 8).to_bytes(4, "little") + plaintext


def told(events: list[ConversationEvent]) -> list[ConversationEvent]:
    """What happened, with the pieces of a stream joined: only they may be cut as the bytes were."""
    found: list[ConversationEvent] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, StreamReceived):
            event = event._replace(data=bytes(event.data))
            if isinstance(last, StreamReceived) and last.stream == event.stream:
                found[-1] = last._replace(data=bytes(last.data) + bytes(event.data))
                continue
        found.append(event)
    return found


def ways(data: bytes) -> Iterator[list[bytes]]:
    """The same bytes: whole, in equal pieces of every kind, and cut at random."""
    for size in (len(data), *CUTS):
        yield [data[at : at + size] for at in range(0, len(data), size)]
    rng = random.Random(7)
    for _ in range(40):
        marks = sorted({0, len(data), *(rng.randrange(len(data)) for _ in range(rng.randrange(1, 6)))})
        yield [data[one:two] for one, two in itertools.pairwise(marks)]


def the_only_outcome(make: Callable[[], Conversation], data: bytes) -> list[ConversationEvent]:
    """What becomes of `data`, which must be the same for every way of cutting it."""
    outcomes = []
    for pieces in ways(data):
        conversation = make()
        events: list[ConversationEvent] = []
        for piece in pieces:
            conversation.receive(piece, 0.0)
            events += conversation.events()
        outcomes.append((told(events), conversation.state))
    assert all(outcome == outcomes[0] for outcome in outcomes), outcomes
    return outcomes[0][0]


def asking_host() -> Conversation:
    """A host with two requests on their way, and 500 bytes of credit on the stream of the first."""
    pair = Pair()
    pair.run()
    stream = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=600))
    pair.run()
    pair.host.grant(stream, 500)
    assert pair.host.request(ReadBattery(cell=0)) == 2
    pair.host.events()
    return pair.host


def reply() -> bytes:
    status = samples.typical(BatteryStatus)
    return build(ReadBattery.opcode, Flag.REPLY, 2, status.codec.encode(status))


@pytest.mark.rule("SES-011")
@pytest.mark.parametrize("records", [1, 2], ids=["one record", "two records"])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_reply_before_a_broken_message_arrives(broken: bytes, records: int) -> None:
    data = record(reply() + broken) if records == 1 else record(reply()) + record(broken)
    answered, *_, failed = the_only_outcome(asking_host, data)
    assert isinstance(answered, ReplyReceived) and answered.request_id == 2
    assert isinstance(failed, Failed) and failed.reason is FailReason.PROTOCOL


@pytest.mark.rule("SES-011")
@pytest.mark.parametrize(
    "broken",
    [b"\x09\0\0\0", record(b"", RecordType.HANDSHAKE), record(b"\x02", RecordType.ALERT)],
    ids=["no record", "second handshake", "alert"],
)
def test_a_reply_before_the_end_of_the_session_arrives(broken: bytes) -> None:
    answered, failed = the_only_outcome(asking_host, record(reply()) + broken)
    assert isinstance(answered, ReplyReceived)
    assert isinstance(failed, Failed) and failed.reason in (FailReason.SESSION, FailReason.REFUSED)


@pytest.mark.rule("SES-011")
def test_bulk_beyond_its_credit_is_refused_as_a_whole() -> None:
    """Not the bytes of its first pieces either, which are within."""
    first, beyond = record(build_data(1, 0, bytes(400))), record(build_data(1, 400, bytes(150)))
    piece, failed = the_only_outcome(asking_host, first + beyond)
    assert isinstance(piece, StreamReceived) and len(piece.data) == 400
    assert isinstance(failed, Failed) and "to 550, beyond the credit of 500" in failed.detail


@pytest.mark.rule("SES-011")
def test_a_whole_opening_in_one_piece() -> None:
    """A host may say everything at once that it knows it will say: hello, session info, READY, a request."""
    pair = Pair()
    pair.run()
    request = ReadBattery(cell=0)
    pair.host.request(request)
    pair.run()
    data = b"".join(piece for from_host, piece in pair.passed if from_host)

    def device() -> Conversation:
        end = device_end()
        end.start(0.0)
        return end

    established, asked = the_only_outcome(device, data)
    assert established == pair.device_events[0]
    assert isinstance(asked, RequestReceived) and asked.request == request

    def host() -> Conversation:
        end = host_end()
        end.start(0.0)
        return end

    data = b"".join(piece for from_host, piece in pair.passed if not from_host)
    assert the_only_outcome(host, data) == [pair.host_events[0]]


@pytest.mark.rule("SES-011")
@pytest.mark.rule("SES-010")
@pytest.mark.parametrize(
    "behind", [b"\x09\0\0\0", record(b"\0", RecordType.ALERT)], ids=["no record", "close"]
)
def test_nothing_is_said_after_the_end(behind: bytes) -> None:
    """A request that came before the end is known, and its answer has nobody to hear it."""
    pair = Pair()
    pair.run()
    request = ReadBattery(cell=0)
    asked = record(build(request.opcode, 0, 7, request.codec.encode(request)))
    pair.device.receive(asked + behind, 0.0)
    assert isinstance(pair.device.events()[0], RequestReceived)
    pair.device.outgoing(0, 0)  # the session's own last word
    pair.device.reply(7, samples.typical(BatteryStatus))
    assert pair.device.outgoing(1 << 20, 4096) == []
