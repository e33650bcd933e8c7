"""Requests are answered once, by number, within bounds, and only for those who may ask (spec: Messages)."""

import pytest

from bwc_protocol.conversation import (
    MAX_REQUESTS,
    ErrorReceived,
    EventReceived,
    Failed,
    FailReason,
    ReplyMalformed,
    ReplyReceived,
    RequestNotPermitted,
    RequestReceived,
)
from bwc_protocol.conversation.machine import CONTROL_QUEUE_MAX
from bwc_protocol.conversation.message import Flag, build
from bwc_protocol.declare import ANYONE, COMMANDS, Role
from bwc_protocol.messages.audit import ReadAudit
from bwc_protocol.messages.battery import BatteryAlarm, BatteryStatus, ReadBattery
from bwc_protocol.messages.core import ErrorReply, StreamCredit
from bwc_protocol.messages.identity import DeviceStatus, ReadStatus, Reboot, StateChanged
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from tools.generate import samples
from tools.testkit.pair import Pair, device_end, host_end


def ready(roles: Role = Role.BENCH, kind: PeerKind = PeerKind.CAMERA) -> Pair:
    pair = Pair(host_end(roles=roles), device_end(kind=kind))
    pair.run()
    pair.host_events.clear()
    pair.device_events.clear()
    return pair


def say(pair: Pair, message: bytes, *, to_host: bool) -> None:
    """One side hears a message that the other's own code would not send."""
    record = (RecordType.DATA | len(message) << 8).to_bytes(4, "little") + message
    (pair.host if to_host else pair.device).receive(record, pair.now)
    pair.collect()


def refusal(pair: Pair) -> ErrorReply:
    (event,) = pair.host_events
    assert isinstance(event, ErrorReceived)
    return event.error


@pytest.mark.rule("MSG-001")
def test_answers_find_their_request_in_any_order() -> None:
    pair = ready()
    first, second = pair.host.request(ReadStatus()), pair.host.request(ReadBattery(cell=1))
    pair.run()
    assert pair.device_events == [
        RequestReceived(first, ReadStatus()),
        RequestReceived(second, ReadBattery(cell=1)),
    ]
    battery, status = samples.typical(BatteryStatus), samples.typical(DeviceStatus)
    pair.device.reply(second, battery)
    pair.device.reply(first, status)
    pair.run()
    assert pair.host_events == [ReplyReceived(second, battery), ReplyReceived(first, status)]


@pytest.mark.rule("ROL-001")
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name)
def test_the_device_enforces_the_role_that_each_command_declares(role: Role) -> None:
    for request in COMMANDS.values():
        pair = ready(role, min(request.answered_by))
        pair.host.request(samples.typical(request))
        pair.run()
        if request.roles & role:
            assert [type(e) for e in pair.device_events] == [RequestReceived], request.name
        else:
            assert [type(e) for e in pair.device_events] == [RequestNotPermitted], request.name
            assert pair.device_events[0].command is request
            assert refusal(pair).code is ErrorCode.NOT_PERMITTED


@pytest.mark.rule("ROL-004")
def test_a_host_whose_role_carries_no_command_may_nothing() -> None:
    pair = ready(Role.EVIDENCE_RECIPIENT)
    pair.host.request(ReadStatus())
    pair.run()
    assert refusal(pair).code is ErrorCode.NOT_PERMITTED
    assert [type(event) for event in pair.device_events] == [RequestNotPermitted]


@pytest.mark.rule("MSG-002")
def test_an_unknown_opcode_is_answered_unsupported() -> None:
    pair = ready()
    pair.host._asked[5] = ReadStatus
    say(pair, build(0x7777, 0, 5, b"whatever"), to_host=False)
    data = b"".join(pair.device.outgoing(0, 512))
    assert data[4:16] == build(0x7777, Flag.ERROR, 5, bytes(len(data) - 16))[:12]
    assert ErrorReply.codec.decode(data[16:]).code is ErrorCode.UNSUPPORTED


@pytest.mark.rule("MSG-002")
@pytest.mark.parametrize("kind", [PeerKind.CAMERA, PeerKind.STATION], ids=lambda kind: kind.name)
def test_a_command_of_another_kind_of_device_is_answered_unsupported(kind: PeerKind) -> None:
    foreign = [request for request in COMMANDS.values() if kind not in request.answered_by]
    assert foreign
    for request in foreign:
        pair = ready(ANYONE, kind)
        pair.host.request(samples.typical(request))
        pair.run()
        assert pair.device_events == [], request.name
        assert refusal(pair).code is ErrorCode.UNSUPPORTED, request.name


@pytest.mark.rule("MSG-003")
def test_a_request_that_breaks_its_declaration_is_answered_malformed() -> None:
    pair = ready()
    pair.host._asked[5] = Reboot
    say(pair, build(Reboot.opcode, 0, 5, b"\x01\x02"), to_host=False)
    pair.run()
    assert refusal(pair).code is ErrorCode.MALFORMED
    assert pair.device_events == []


@pytest.mark.rule("ROL-002")
def test_a_host_without_the_role_learns_nothing_from_a_body_that_breaks_its_declaration() -> None:
    pair = ready(Role.AUDITOR)
    pair.host._asked[5] = Reboot
    say(pair, build(Reboot.opcode, 0, 5, b"\x01\x02"), to_host=False)
    pair.run()
    assert refusal(pair).code is ErrorCode.NOT_PERMITTED


@pytest.mark.rule("MSG-004")
@pytest.mark.parametrize("to_host", [True, False], ids=["to the host", "to the device"])
def test_a_control_message_that_breaks_its_declaration_ends_the_conversation(to_host: bool) -> None:
    pair = ready()
    say(pair, build(StreamCredit.opcode, 0, 5, b"\x01\x02"), to_host=to_host)
    (event,) = pair.host_events if to_host else pair.device_events
    assert isinstance(event, Failed) and event.reason is FailReason.PROTOCOL


@pytest.mark.rule("MSG-003")
def test_request_id_0_is_malformed_and_without_effect() -> None:
    pair = ready()
    say(pair, build(ReadStatus.opcode, 0, 0, b""), to_host=False)
    assert pair.device_events == []
    data = b"".join(pair.device.outgoing(0, 512))
    assert data[4:16] == build(ReadStatus.opcode, Flag.ERROR, 0, bytes(len(data) - 16))[:12]
    assert ErrorReply.codec.decode(data[16:]).code is ErrorCode.MALFORMED


@pytest.mark.rule("MSG-005")
def test_requests_beyond_the_bound_are_busy_and_not_held() -> None:
    pair = ready()
    for number in range(MAX_REQUESTS):
        pair.host.request(ReadBattery(cell=number))
    with pytest.raises(RuntimeError):
        pair.host.request(ReadStatus())
    pair.run()
    assert len(pair.device_events) == MAX_REQUESTS
    pair.host._asked[99] = ReadStatus
    say(pair, build(ReadStatus.opcode, 0, 99, b""), to_host=False)
    pair.run()
    error = refusal(pair)
    assert error.code is ErrorCode.BUSY and error.retry_after_ms > 0
    assert len(pair.device_events) == MAX_REQUESTS


def test_an_id_that_is_in_use_is_not_taken_twice() -> None:
    pair = ready()
    request_id = pair.host.request(ReadStatus())
    pair.run()
    say(pair, build(ReadStatus.opcode, 0, request_id, b""), to_host=False)
    pair.run()
    assert refusal(pair).code is ErrorCode.BUSY
    assert len(pair.device_events) == 1


@pytest.mark.rule("MSG-007")
def test_a_late_reply_is_dropped_and_never_taken_for_the_next() -> None:
    pair = ready()
    late = pair.host.request(ReadBattery(cell=0))
    pair.run()
    pair.host.forget(late)
    following = pair.host.request(ReadBattery(cell=0))
    pair.run()
    pair.device.reply(late, samples.least(BatteryStatus))
    pair.run()
    assert pair.host_events == []
    pair.device.reply(following, samples.typical(BatteryStatus))
    pair.run()
    assert pair.host_events == [ReplyReceived(following, samples.typical(BatteryStatus))]


@pytest.mark.rule("MSG-007")
def test_a_stream_that_nobody_waits_for_any_more_is_given_back() -> None:
    """Else a caller that gives up eight times has taken all streams of the device."""
    from bwc_protocol.conversation.stream import BytesSource
    from bwc_protocol.messages.core import StreamOpened

    pair = ready()
    late = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.host.forget(late)
    pair.device.reply(late, StreamOpened(length=100))
    pair.device.send_stream(late, BytesSource(bytes(100)), 100)
    assert pair.device.open_streams == 1
    pair.run()
    assert pair.device.open_streams == 0 and pair.host_events == []


def test_a_reply_that_breaks_its_declaration_ends_only_its_request() -> None:
    pair = ready()
    request_id = pair.host.request(ReadBattery(cell=0))
    say(pair, build(ReadBattery.opcode, Flag.REPLY, request_id, b"\x65"), to_host=True)
    (event,) = pair.host_events
    assert isinstance(event, ReplyMalformed) and event.request_id == request_id
    assert pair.host.request(ReadStatus())


def test_an_answer_with_another_opcode_ends_the_conversation() -> None:
    pair = ready()
    request_id = pair.host.request(ReadBattery(cell=0))
    say(pair, build(ReadStatus.opcode, Flag.REPLY, request_id, b""), to_host=True)
    (event,) = pair.host_events
    assert isinstance(event, Failed) and event.reason is FailReason.PROTOCOL


@pytest.mark.rule("MSG-008")
def test_events_come_from_the_device_and_unknown_ones_are_skipped() -> None:
    pair = ready()
    alarm = samples.typical(BatteryAlarm)
    pair.device.send_event(alarm)
    pair.run()
    say(pair, build(0x0FF9, Flag.EVENT, 0, b"newer"), to_host=True)
    assert pair.host_events == [EventReceived(alarm)]
    say(pair, build(StateChanged.opcode, Flag.EVENT, 0, b""), to_host=False)
    (event,) = pair.device_events
    assert isinstance(event, Failed)


@pytest.mark.rule("MSG-008")
def test_no_event_is_told_before_ready() -> None:
    pair = Pair()
    pair.device.send_event(samples.typical(BatteryAlarm))
    pair.run()
    assert [type(e).__name__ for e in pair.host_events] == ["Established"]


def test_a_peer_that_asks_and_does_not_read_is_given_up() -> None:
    pair = ready()
    asked = 0
    while not pair.device_events:
        say(pair, build(0x7777, 0, asked, b""), to_host=False)
        asked += 1
        assert asked < CONTROL_QUEUE_MAX // 12
    (event,) = pair.device_events
    assert isinstance(event, Failed) and event.reason is FailReason.OVERFLOW
    assert pair.device.outgoing(1 << 20, 4096) == []


def test_the_detail_of_an_error_is_one_printable_line() -> None:
    pair = ready()
    request_id = pair.host.request(ReadStatus())
    pair.run()
    pair.device.refuse(request_id, ErrorCode.INTERNAL, "no\x1b[2J\nwell \ud800" + "é" * 300, 5)
    pair.run()
    error = refusal(pair)
    assert error.detail.startswith("no?[2J?well ?é") and len(error.detail.encode()) <= 200


def test_a_failed_request_is_refused_before_anything_is_sent() -> None:
    from bwc_protocol.declare import FieldRangeError

    pair = ready()
    with pytest.raises(FieldRangeError):
        pair.host.request(ReadAudit(limit=0))
    assert pair.host.outgoing(0, 0) == []


def test_request_numbers_wrap_and_skip_zero() -> None:
    pair = ready()
    pair.host._next_request = 0xFFFF_FFFF
    assert [pair.host.request(ReadStatus()), pair.host.request(ReadStatus())] == [0xFFFF_FFFF, 1]


def test_anyone_is_every_role_that_has_a_session() -> None:
    assert set(Role) - set(ANYONE) == {Role.EVIDENCE_RECIPIENT, Role.ENROLLER}
