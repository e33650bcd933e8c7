"""Messages come out of plaintext that is cut anywhere, and footage is never gathered (spec: Messages)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.conversation.message import (
    BODY_MAX,
    DATA_MAX,
    HEADER,
    MESSAGE_HEADER,
    OFFSET,
    STREAM_DATA,
    Flag,
    Message,
    MessageReader,
    StreamBytes,
    build,
    build_data,
)
from bwc_protocol.declare import MalformedMessage
from tests.tiers import times

KINDS = st.sampled_from([0, Flag.REPLY, Flag.ERROR, Flag.EVENT])
OPCODES = st.integers(0, 0xFFFF).filter(lambda opcode: opcode != STREAM_DATA)
NUMBERS = st.integers(0, 0xFFFF_FFFF)
MESSAGES = st.builds(Message, OPCODES, KINDS.map(Flag), NUMBERS, st.binary(max_size=60))
PIECES = st.builds(StreamBytes, NUMBERS, st.integers(0, 2**63), st.binary(min_size=1, max_size=60))


@given(st.integers(0, BODY_MAX), OPCODES, KINDS, NUMBERS)
def test_the_header_is_the_construct_definition(length: int, opcode: int, flags: int, request: int) -> None:
    fields = {"length": length, "opcode": opcode, "flags": int(flags), "request": request}
    assert HEADER.pack(*fields.values()) == MESSAGE_HEADER.build(fields)


def wire_form(message: Message | StreamBytes) -> bytes:
    if isinstance(message, StreamBytes):
        return build_data(message.stream, message.offset, bytes(message.data))
    return build(message.opcode, message.flags, message.request, message.body)


def joined(found: list[Message | StreamBytes]) -> list[Message | StreamBytes]:
    """The same with the pieces of one stream.data message put together."""
    out: list[Message | StreamBytes] = []
    for item in found:
        last = out[-1] if out else None
        if (
            isinstance(item, StreamBytes)
            and isinstance(last, StreamBytes)
            and item.stream == last.stream
            and item.offset == last.offset + len(last.data)
        ):
            out[-1] = StreamBytes(last.stream, last.offset, bytes(last.data) + bytes(item.data))
        else:
            out.append(item)
    return out


@settings(max_examples=times(150), deadline=None, database=None)
@given(st.lists(MESSAGES | PIECES, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_messages_come_whole_however_the_plaintext_is_cut(
    sent: list[Message | StreamBytes], cuts: list[int]
) -> None:
    data = b"".join(wire_form(message) for message in sent)
    reader, found, turn = MessageReader(), [], 0
    while data:
        size = cuts[turn % len(cuts)]
        found += reader.feed(memoryview(data)[:size])
        data, turn = data[size:], turn + 1
    assert joined(found) == joined(sent)


def test_the_bytes_of_a_stream_are_passed_on_as_they_come() -> None:
    reader = MessageReader()
    data = build_data(7, 1000, bytes(range(100)))
    assert reader.feed(data[:19]) == []
    first = reader.feed(data[19:50])
    second = reader.feed(data[50:])
    assert first == [StreamBytes(7, 1000, memoryview(bytes(range(30))))]
    assert second == [StreamBytes(7, 1030, memoryview(bytes(range(30, 100))))]


@settings(max_examples=times(200), deadline=None, database=None)
@given(st.binary(max_size=200))
def test_arbitrary_plaintext_gives_messages_or_malformed_and_nothing_else(data: bytes) -> None:
    reader = MessageReader()
    try:
        for at in range(0, len(data), 7):
            reader.feed(data[at : at + 7])
    except MalformedMessage:
        pass


def test_nothing_is_held_for_a_length_beyond_the_bound() -> None:
    for length in (BODY_MAX + 1, 0xFFFF_FFFF):
        with pytest.raises(MalformedMessage, match=f"at most {BODY_MAX}"):
            MessageReader().feed(HEADER.pack(length, 0x0101, 0, 1))


@pytest.mark.rule("MSG-004")
@pytest.mark.parametrize("flags", [3, 5, 6, 8, 0x8000])
def test_unknown_flags_are_refused(flags: int) -> None:
    with pytest.raises(MalformedMessage, match="flags"):
        MessageReader().feed(HEADER.pack(0, 0x0101, flags, 1))


@pytest.mark.parametrize(("length", "flags"), [(0, 0), (8, 0), (9, 1)])
def test_stream_data_carries_bytes_and_no_flags(length: int, flags: int) -> None:
    with pytest.raises(MalformedMessage, match="no bytes"):
        MessageReader().feed(HEADER.pack(length, STREAM_DATA, flags, 1))


def test_the_largest_message_fits_one_record() -> None:
    body = bytes(BODY_MAX)
    (message,) = MessageReader().feed(build(0x0101, Flag.REPLY, 1, body))
    assert isinstance(message, Message) and message.body == body
    assert HEADER.size + BODY_MAX == 65_536 == HEADER.size + OFFSET.size + DATA_MAX


def test_a_message_beyond_the_bound_is_refused_when_all_of_it_comes_at_once() -> None:
    with pytest.raises(MalformedMessage, match=f"at most {BODY_MAX}"):
        MessageReader().feed(build(0x0101, Flag.REPLY, 1, bytes(BODY_MAX + 1)))
