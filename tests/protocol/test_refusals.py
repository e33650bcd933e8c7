"""Which error a device gives when several fit, and how much it takes at once (spec: Error codes, Messages)."""

import struct

import pytest

from bwc_protocol.conversation import (
    Failed,
    FailReason,
    ReplyMalformed,
    RequestLimits,
    RequestReceived,
)
from bwc_protocol.conversation.message import Flag, build
from bwc_protocol.declare import COMMANDS, REFUSED_FIRST, Effect, Role
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.config import ApplyConfig
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.identity import SMALLEST_REQUEST
from bwc_protocol.messages.recordings import OpenTable
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import samples
from tools.testkit.pair import Pair, device_end, host_end

UNKNOWN_COMMAND = 0x0EEE
SMALL = RequestLimits(requests=1, streams=1, body=SMALLEST_REQUEST)


def put(pair: Pair, opcode: int, request_id: int, body: bytes = b"", flags: int = 0) -> ErrorCode | None:
    """What the device answers at once to a message that no host of ours would send."""
    said = len(pair.passed)
    pair.host._control.append(build(opcode, flags, request_id, body))
    pair.run()
    answers = b"".join(data for from_host, data in pair.passed[said:] if not from_host)
    if not answers:
        return None
    opcode_back, flags_back, id_back = struct.unpack_from("<HHI", answers, 8)
    assert (opcode_back, flags_back, id_back) == (opcode, Flag.ERROR, request_id)
    error: ErrorReply = ErrorReply.codec.decode(answers[16:])
    assert isinstance(error.code, ErrorCode)
    return error.code


@pytest.mark.rule("MSG-018")
def test_of_several_codes_that_fit_the_first_in_the_order_is_given() -> None:
    pair = Pair(host_end(roles=Role.TECHNICIAN), device_end(limits=SMALL))
    pair.run()
    assert put(pair, ReadBattery.opcode, 7, b"\0") is None
    assert [e.request_id for e in pair.device_events if isinstance(e, RequestReceived)] == [7]
    long = bytes(SMALLEST_REQUEST + 1)
    found = [
        put(pair, UNKNOWN_COMMAND, 0, long),
        put(pair, OpenTable.opcode, 7, long),  # not a technician's
        put(pair, ReadBattery.opcode, 7, long),
    ]
    pair.device.reply(7, samples.typical(ReadBattery.reply))
    pair.run()
    found += [put(pair, ReadBattery.opcode, 0, long), put(pair, ReadBattery.opcode, 0)]
    assert [ErrorCode.NOT_READY, *found] == [code for code, _ in REFUSED_FIRST]


@pytest.mark.rule("MSG-018")
def test_before_ready_nothing_else_is_looked_at() -> None:
    pair = Pair()
    while pair.device.peer is None:
        assert pair.carry(from_host=True) or pair.carry(from_host=False)
    pair.host._control.clear()  # its READY stays away
    said = len(pair.passed)
    pair.host._control.append(build(UNKNOWN_COMMAND, 0, 0, b""))
    pair.carry(from_host=True)
    pair.carry(from_host=False)
    answers = b"".join(data for from_host, data in pair.passed[said:] if not from_host)
    assert ErrorReply.codec.decode(answers[-7 - len("before READY") :]).code is ErrorCode.NOT_READY


@pytest.mark.rule("BLE-010")
@pytest.mark.rule("MSG-018")
def test_where_a_host_may_only_ask_the_body_of_a_change_is_not_looked_at() -> None:
    device = device_end()
    device.only_reads("by radio")
    pair = Pair(device=device)
    pair.run()
    assert put(pair, ApplyConfig.opcode, 1, b"?") is ErrorCode.NOT_PERMITTED
    assert put(pair, OpenTable.opcode, 2, b"?") is ErrorCode.NOT_PERMITTED
    assert put(pair, ReadBattery.opcode, 3, b"") is ErrorCode.MALFORMED


@pytest.mark.rule("MSG-019")
@pytest.mark.rule("MSG-020")
@pytest.mark.parametrize("limit", [SMALLEST_REQUEST, 600])
def test_a_request_longer_than_what_is_stated_is_refused_and_the_next_is_heard(limit: int) -> None:
    pair = Pair(device=device_end(limits=RequestLimits(body=limit)))
    pair.run()
    assert put(pair, ReadBattery.opcode, 1, bytes(limit + 1)) is ErrorCode.OUT_OF_RANGE
    assert put(pair, ReadBattery.opcode, 2, bytes(limit)) is None, (
        "as long as it states: the surplus is skipped"
    )
    received = [event for event in pair.device_events if isinstance(event, RequestReceived)]
    assert received == [RequestReceived(2, ReadBattery(cell=0))]


@pytest.mark.rule("MSG-019")
def test_a_device_that_states_nothing_takes_the_longest_message_there_is() -> None:
    pair = Pair()
    pair.run()
    assert put(pair, ReadBattery.opcode, 1, bytes(65_524)) is None


@pytest.mark.rule("MSG-005")
@pytest.mark.rule("MSG-021")
@pytest.mark.parametrize("most", [1, 3])
def test_as_many_requests_wait_as_the_device_states_and_no_fewer(most: int) -> None:
    pair = Pair(device=device_end(limits=RequestLimits(requests=most)))
    pair.run()
    assert [put(pair, ReadBattery.opcode, n, b"\0") for n in range(1, most + 1)] == [None] * most
    assert put(pair, ReadBattery.opcode, 99, b"\0") is ErrorCode.BUSY


@pytest.mark.rule("STR-008")
@pytest.mark.rule("MSG-021")
def test_as_many_streams_are_open_as_the_device_states_and_no_fewer() -> None:
    pair = Pair(device=device_end(limits=RequestLimits(streams=2)))
    pair.run()
    body = OpenTable.codec.encode(samples.typical(OpenTable))
    for number in (1, 2):
        assert pair.host.request(samples.typical(OpenTable)) == number
        pair.run()
        pair.device.reply(number, samples.typical(OpenTable.reply))
        pair.device.expect_stream(number, 10)
        pair.run()
    assert put(pair, OpenTable.opcode, 3, body) is ErrorCode.BUSY


def device_breaks(pair: Pair) -> list[Failed]:
    return [event for event in pair.device_events if isinstance(event, Failed)]


@pytest.mark.rule("MSG-023")
@pytest.mark.parametrize("opcode", [0x00, 0x03, 0x04, 0x0F, 0x14, 0x7F, 0xFF])
def test_a_control_message_that_the_version_does_not_have_ends_the_conversation(opcode: int) -> None:
    pair = Pair()
    pair.run()
    pair.host._control.append(build(opcode, 0, 5, b"\0" * 8))
    pair.run()
    assert [failed.reason for failed in device_breaks(pair)] == [FailReason.PROTOCOL]


@pytest.mark.rule("MSG-024")
@pytest.mark.parametrize("flags", [Flag.REPLY, Flag.ERROR, Flag.EVENT])
def test_a_host_that_answers_or_tells_events_ends_the_conversation(flags: Flag) -> None:
    pair = Pair()
    pair.run()
    pair.host._control.append(build(ReadBattery.opcode, flags, 1, b"\0" * 8))
    pair.run()
    assert [failed.reason for failed in device_breaks(pair)] == [FailReason.PROTOCOL]


def test_every_guarded_command_says_when_it_is_a_conflict() -> None:
    for command in COMMANDS.values():
        guarded = command.effect is Effect.GUARDED
        assert guarded <= (ErrorCode.CONFLICT in dict(command.errors)), command.name


def test_only_two_requests_need_more_room_than_every_device_has() -> None:
    longer = {c.name for c in COMMANDS.values() if c.codec.size_max > SMALLEST_REQUEST}
    assert longer == {"config.stage", "recordings.receipt"}


@pytest.mark.rule("MSG-025")
def test_an_answer_to_another_command_ends_the_conversation_and_a_broken_one_its_request_alone() -> None:
    pair = Pair()
    pair.run()
    first = pair.host.request(ReadBattery(cell=0))
    pair.run()
    pair.device._control.append(build(ReadBattery.opcode, Flag.REPLY, first, b""))
    pair.run()
    assert [type(event) for event in pair.host_events[1:]] == [ReplyMalformed]
    second = pair.host.request(ReadBattery(cell=0))
    pair.run()
    pair.device._control.append(build(ApplyConfig.opcode, Flag.REPLY, second, b""))
    pair.run()
    assert isinstance(pair.host_events[-1], Failed)
    assert pair.host_events[-1].reason is FailReason.PROTOCOL


@pytest.mark.rule("SES-017")
def test_before_session_info_a_request_is_not_ready_and_ready_breaks_a_rule() -> None:
    for message, code in (
        (build(ReadBattery.opcode, 0, 1, b"\0"), ErrorCode.NOT_READY),
        (build(2, 0, 0, b""), None),
    ):
        pair = Pair()
        while pair.device.peer is None and not pair.host._control:
            assert pair.carry(from_host=True) or pair.carry(from_host=False)
        assert pair.device.peer is None
        pair.host._control.clear()  # its SESSION_INFO stays away
        pair.host._control.append(message)
        pair.carry(from_host=True)
        pair.carry(from_host=False)
        failed = device_breaks(pair)
        if code is None:
            assert [event.reason for event in failed] == [FailReason.PROTOCOL]
        else:
            said = b"".join(data for from_host, data in pair.passed if not from_host)
            assert not failed and said.endswith(bytes([code]) + bytes(4) + b"\x0c\0before READY")
