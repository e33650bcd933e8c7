"""Messages: answered once each, by the right code, and what ends the conversation (spec: Messages)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import COMMANDS, Request, Role
from bwc_protocol.messages.clock import ExchangeTime
from bwc_protocol.messages.config import AbortConfig, ConfigView, ReadConfig
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.identity import Identify, ReadCapabilities, ReadStatus
from bwc_protocol.messages.recordings import ListRecordings
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.rules.asking import commands_for, limits, supported
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

pytestmark = pytest.mark.bwc_read_only

BODY_MAX: Final = 65_524
REQUESTS_MAX: Final = 16
UNKNOWN: Final = (0x0100, 0x01FF, 0x0FFF, 0x7F01, 0xFFFF)
SURPLUS: Final = b"\xa5" * 9
SMALLEST_LIMIT: Final = 512
BUSY: Final = ErrorReply(code=ErrorCode.BUSY, retry_after_ms=0, detail="")


def code_of(session: RawSession, number: int) -> ErrorCode | int | None:
    """The code of the error that answers a request; None for a reply."""
    said = session.answer(number)
    return None if said.flags == Flag.REPLY else ErrorReply.codec.decode(said.body).code


# Answers


@pytest.mark.rule("MSG-001")
def test_each_request_is_answered_once_with_its_opcode_and_id(wire: Wire) -> None:
    session = wire.session()
    most = min(limits(session).max_requests or REQUESTS_MAX, REQUESTS_MAX)
    asked: dict[int, int] = {}
    kinds: tuple[Request[Any], ...] = (ReadStatus(), Identify(), ReadCapabilities())
    for at, number in enumerate((7_000_001, 9_003, 0xFFFF_FFFF, 4_242)):
        request = kinds[at % len(kinds)]
        session.request(request, number)
        asked[number] = request.opcode
        if most < 2 or at % 2:
            session.settle()
    session.settle()
    for number, opcode in asked.items():
        said = session.answer(number)
        if said.opcode != opcode:
            raise RuleBroken(
                f"an answer to request {number} with opcode {opcode:#06x} (MSG-001)", f"{said.opcode:#06x}"
            )
    session.settle()
    session.silent("one answer to each request (MSG-001)", lambda m: m.request in asked, for_s=0.1)


@pytest.mark.rule("MSG-002")
@pytest.mark.parametrize("opcode", UNKNOWN, ids=hex)
def test_an_opcode_that_nobody_knows_is_unsupported(wire: Wire, opcode: int) -> None:
    session = wire.session()
    number = session.next_id()
    session.say(opcode, request=number)
    session.refused(number, "MSG-002", ErrorCode.UNSUPPORTED)
    session.goes_on("MSG-002")


@pytest.mark.rule("MSG-002")
@pytest.mark.rule("MSG-018")
def test_what_devices_of_its_kind_do_not_answer_is_unsupported_whatever_the_role(wire: Wire) -> None:
    session = wire.session()
    assert session.device_info is not None
    kind = session.device_info.kind
    others = [c for c in COMMANDS.values() if kind not in c.answered_by]
    if not isinstance(kind, PeerKind) or not others:
        not_applicable("there is no command that devices of its kind do not answer")
    for command in others:
        number = session.next_id()
        session.say(command.opcode, request=number)
        session.refused(number, f"MSG-002: {command.name}", ErrorCode.UNSUPPORTED)


@pytest.mark.rule("MSG-003")
def test_a_request_whose_id_is_0_is_malformed(wire: Wire) -> None:
    session = wire.session()
    session.request(ReadStatus(), 0)
    session.refused(0, "MSG-003", ErrorCode.MALFORMED)
    session.goes_on("MSG-003")


@pytest.mark.rule("MSG-003")
@pytest.mark.rule("MSG-013")
@pytest.mark.rule("MSG-018")
def test_every_command_without_its_body_is_malformed(wire: Wire) -> None:
    """Of those that the host may give: a body that ends before a field of the command's first version."""
    session = wire.session()
    wrong = {}
    for command in commands_for(wire.role):
        if not any(spec.since <= command.since for spec in command.codec.fields.values()):
            continue
        number = session.next_id()
        session.say(command.opcode, request=number)
        code = code_of(session, number)
        if code not in (ErrorCode.MALFORMED, ErrorCode.UNSUPPORTED):
            wrong[command.name] = code
    if wrong:
        told = ", ".join(f"{name}: {code or 'a reply'}" for name, code in wrong.items())
        raise RuleBroken("MALFORMED for each command without its body (MSG-003)", told)


@pytest.mark.rule("MSG-003")
@pytest.mark.rule("MSG-013")
def test_a_body_that_ends_inside_a_field_is_malformed(wire: Wire) -> None:
    session = wire.session()
    whole = ListRecordings.codec.encode(ListRecordings(after=0, limit=1))
    supported(session, ListRecordings())
    for size in range(len(whole)):
        number = session.next_id()
        session.say(ListRecordings.opcode, whole[:size], request=number)
        session.refused(number, f"MSG-013: {size} of {len(whole)} bytes", ErrorCode.MALFORMED)


@pytest.mark.rule("MSG-012")
def test_bytes_behind_the_last_field_are_ignored(wire: Wire) -> None:
    session = wire.session()
    bodies: tuple[Request[Any], ...] = (ReadStatus(), ExchangeTime(host_sent_ns=1))
    for request in bodies:
        number = session.next_id()
        session.say(request.opcode, request.codec.encode(request) + SURPLUS, request=number)
        if (code := code_of(session, number)) not in (None, ErrorCode.UNSUPPORTED):
            raise RuleBroken(f"a reply to {request.name} with {len(SURPLUS)} bytes more (MSG-012)", str(code))


@pytest.mark.rule("MSG-014")
@pytest.mark.parametrize("limit", [0, 257, 65_535])
def test_a_number_out_of_its_range_is_malformed(wire: Wire, limit: int) -> None:
    session = wire.session()
    supported(session, ListRecordings())
    number = session.next_id()
    session.say(ListRecordings.opcode, bytes(4) + limit.to_bytes(2, "little"), request=number)
    session.refused(number, "MSG-014", ErrorCode.MALFORMED)


@pytest.mark.rule("MSG-015")
def test_an_enumeration_s_unknown_value_is_not_malformed(wire: Wire) -> None:
    session = wire.session()
    supported(session, ReadConfig(view=ConfigView.EFFECTIVE))
    number = session.next_id()
    session.say(ReadConfig.opcode, b"\xf0\x00\x00", request=number)
    session.refused(number, "MSG-015, config.read", ErrorCode.OUT_OF_RANGE)


# Which code


@pytest.mark.rule("ROL-001")
@pytest.mark.rule("ROL-002")
@pytest.mark.rule("MSG-018")
@pytest.mark.parametrize("body", [b"", b"\xff" * 40], ids=["no body", "a body that is not its own"])
def test_the_role_is_looked_at_before_the_body(wire: Wire, body: bytes) -> None:
    """As an auditor, who may change nothing."""
    session = wire.session(Role.AUDITOR)
    wrong = {}
    for command in COMMANDS.values():
        if PeerKind.CAMERA not in command.answered_by or command.roles & Role.AUDITOR:
            continue
        number = session.next_id()
        session.say(command.opcode, body, request=number)
        code = code_of(session, number)
        if code not in (ErrorCode.NOT_PERMITTED, ErrorCode.UNSUPPORTED):
            wrong[command.name] = code
    if wrong:
        told = ", ".join(f"{name}: {code or 'a reply'}" for name, code in wrong.items())
        raise RuleBroken("NOT_PERMITTED, whatever the body (ROL-001, ROL-002)", told)


# How much


@pytest.mark.rule("MSG-001")
@pytest.mark.rule("MSG-021")
def test_as_many_requests_as_it_states_are_taken_at_once(wire: Wire) -> None:
    session = wire.session()
    most = limits(session).max_requests
    if not 1 <= most <= REQUESTS_MAX:
        raise RuleBroken("1 to 16 as `max_requests` (MSG-005)", str(most))
    with session.at_once():
        numbers = [session.request(ReadStatus()) for _ in range(most)]
    for number in numbers:
        if (code := code_of(session, number)) is not None:
            raise RuleBroken(f"a reply to each of {most} requests at once (MSG-021)", str(code))


@pytest.mark.rule("MSG-001")
@pytest.mark.rule("MSG-005")
def test_more_requests_than_it_takes_are_answered_too_each_once(wire: Wire) -> None:
    session = wire.session()
    with session.at_once():
        numbers = [session.request(ReadStatus()) for _ in range(40)]
    for number in numbers:
        if (code := code_of(session, number)) not in (None, ErrorCode.BUSY):
            raise RuleBroken("a reply or BUSY to each of 40 requests at once (MSG-005)", str(code))
    session.settle()
    session.silent("one answer to each request (MSG-001)", lambda m: m.request in numbers, for_s=0.1)


@pytest.mark.rule("MSG-019")
@pytest.mark.rule("MSG-020")
def test_a_long_request_is_taken_or_refused_by_the_length_that_the_device_states(wire: Wire) -> None:
    session = wire.session()
    most = limits(session).max_request
    if 0 < most < SMALLEST_LIMIT:
        raise RuleBroken("at least 512 as `max_request`, or 0 (MSG-019)", str(most))
    number = session.next_id()
    session.say(ReadStatus.opcode, bytes(most or BODY_MAX), request=number)
    if (code := code_of(session, number)) is not None:
        raise RuleBroken(
            f"a reply to device.status with {most or BODY_MAX} bytes (MSG-012, MSG-019)", str(code)
        )
    if most:
        number = session.next_id()
        session.say(ReadStatus.opcode, bytes(most + 1), request=number)
        session.refused(number, "MSG-020", ErrorCode.OUT_OF_RANGE)
    session.goes_on("MSG-020")


# What ends the conversation


@pytest.mark.rule("MSG-004")
@pytest.mark.rule("SES-018")
@pytest.mark.parametrize(
    "header",
    [
        pytest.param((BODY_MAX + 1, ReadStatus.opcode, 0, 1), id="a length over 65,524"),
        pytest.param((2**32 - 1, ReadStatus.opcode, 0, 1), id="the largest length"),
        pytest.param((0, ReadStatus.opcode, 8, 1), id="flags 8"),
        pytest.param((0, ReadStatus.opcode, 3, 1), id="flags REPLY and ERROR"),
        pytest.param((3, 0x10, 0, 1), id="stream.credit that is too short"),
        pytest.param((1, 0x13, 0, 99), id="stream.cancel that is too short, of no stream"),
    ],
)
def test_a_message_that_breaks_a_rule_ends_the_conversation(
    wire: Wire, header: tuple[int, int, int, int]
) -> None:
    length, opcode, flags, request = header
    session = wire.session()
    session.settle()
    session.say_plain(
        length.to_bytes(4, "little")
        + opcode.to_bytes(2, "little")
        + flags.to_bytes(2, "little")
        + request.to_bytes(4, "little")
        + bytes(min(length, 3))
    )
    session.ends("MSG-004")


@pytest.mark.rule("MSG-023")
@pytest.mark.parametrize("opcode", [0x00, 0x04, 0x20, 0xFF], ids=hex)
def test_a_control_message_that_the_version_does_not_have_ends_the_conversation(
    wire: Wire, opcode: int
) -> None:
    session = wire.session()
    session.settle()
    session.say(opcode, request=1)
    session.ends("MSG-023")


@pytest.mark.rule("MSG-023")
def test_an_error_without_its_flag_ends_the_conversation(wire: Wire) -> None:
    session = wire.session()
    session.settle()
    session.say(0x03, ErrorReply.codec.encode(BUSY), request=1)
    session.ends("MSG-023")


@pytest.mark.rule("MSG-024")
@pytest.mark.parametrize("flags", [Flag.REPLY, Flag.ERROR, Flag.EVENT], ids=lambda flag: flag.name)
def test_an_answer_or_an_event_from_a_host_ends_the_conversation(wire: Wire, flags: Flag) -> None:
    session = wire.session()
    session.settle()
    body = ErrorReply.codec.encode(BUSY) if flags == Flag.ERROR else b""
    session.say(ReadStatus.opcode, body, flags=flags, request=0 if flags == Flag.EVENT else 1)
    session.ends("MSG-024")


@pytest.mark.rule("MSG-009")
def test_a_refused_request_changes_nothing(wire: Wire) -> None:
    """An auditor's attempt on what is staged."""
    session = wire.session(Role.AUDITOR)
    before = supported(session, ReadConfig(view=ConfigView.PENDING))
    code = code_of(session, session.request(AbortConfig()))
    if code is ErrorCode.UNSUPPORTED:
        not_tested("there is no command here that an auditor may not give")
    if session.ask(ReadConfig(view=ConfigView.PENDING)) != before:
        raise RuleBroken("the same configuration after a refused request (MSG-009)", "another")
