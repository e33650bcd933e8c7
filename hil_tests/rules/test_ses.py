"""Preamble and session: what a device says and takes before READY, and how it ends (spec: Preamble, Session)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import Flag
from bwc_protocol.declare import Role
from bwc_protocol.frame import FrameType, ResetReason
from bwc_protocol.messages.audit import ReadAudit
from bwc_protocol.messages.config import AbortConfig, ReadSchema
from bwc_protocol.messages.identity import ReadStatus
from bwc_protocol.messages.recordings import ListRecordings
from bwc_protocol.session.interface import Alert
from bwc_protocol.session.preamble import NO_PROTECTION, SIZE, TLS_1_3, Preamble
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from hil_tests.raw.link import A_WHILE_S, RawChannel
from hil_tests.raw.session import RawSession
from hil_tests.raw.wire import Wire
from hil_tests.verdicts import RuleBroken, not_applicable, not_tested

pytestmark = pytest.mark.bwc_read_only

MAX_PLAINTEXT: Final = 512
RECORD_HEADER: Final = {NO_PROTECTION: 4, TLS_1_3: 5}
SEALED_MORE: Final = {NO_PROTECTION: 0, TLS_1_3: 1 + 16 + 255}
"""What a record may be longer than its plaintext: in TLS the type, the tag, and padding that is allowed."""
LONG: Final = (ReadSchema(), ReadAudit(), ListRecordings())
"""Requests that are answered at length, by whatever device has one of them."""
READY_WITHIN_S: Final = 10.0
LATE_S: Final = 3.0
"""How much later a device may find out that time is up."""


def opened(wire: Wire, first: bytes) -> RawChannel:
    """The device's channel with these first bytes, and none acknowledged yet."""
    return wire.link().channel(wire.bay).open_when_taken(first)


def needs_insecure(wire: Wire) -> None:
    """Skips where the handshake is that of a TLS stack, in which the test cannot put its words."""
    if wire.protection != NO_PROTECTION:
        not_applicable("it is about records of the insecure session, and this device protects its sessions")


def shaken(wire: Wire) -> RawSession:
    """A conversation whose handshake is done, before anybody's SESSION_INFO was looked at."""
    session = wire.conversation()
    session.greet()
    session.shake_hands()
    return session


# The preamble


@pytest.mark.rule("SES-001")
def test_no_byte_comes_before_the_whole_preamble_has_arrived(wire: Wire) -> None:
    preamble = wire.preamble()
    channel = opened(wire, preamble[:-1])
    channel.link.settle(channel=wire.bay)
    channel.link.silent("silence until the preamble is whole (SES-001)", channel.is_data)
    channel.send(preamble[-1:])
    channel.wait_inbox(SIZE, "the device's preamble (SES-001)")
    Preamble.decode(bytes(channel.inbox[:SIZE]))


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-002")
@pytest.mark.rule("SES-018")
@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(0, b"X", id="another magic"),
        pytest.param(8, b"\x09", id="a kind that is not known"),
        pytest.param(8, bytes([PeerKind.CAMERA]), id="the kind of a camera"),
        pytest.param(12, (MAX_PLAINTEXT - 1).to_bytes(4, "little"), id="too small a max_plaintext"),
    ],
)
def test_what_is_no_preamble_of_a_host_resets_the_channel(failing_wire: Wire, at: int, value: bytes) -> None:
    wrong = bytearray(failing_wire.preamble())
    wrong[at : at + len(value)] = value
    channel = opened(failing_wire, bytes(wrong))
    channel.link.expect("RESET of a channel that does not begin with a preamble (SES-002)", channel.is_reset)
    said = channel.resets[-1].reason
    if said is not ResetReason.PROTOCOL:
        raise RuleBroken("RESET(PROTOCOL) (SES-002)", f"RESET({said.name})")


@pytest.mark.rule("SES-003")
def test_without_a_common_version_the_device_says_its_preamble_and_no_more(wire: Wire) -> None:
    channel = opened(wire, wire.preamble(oldest=(9, 0), newest=(9, 7)))
    channel.wait_inbox(SIZE, "the device's preamble, also without a common version (SES-003)")
    Preamble.decode(bytes(channel.inbox[:SIZE]))
    said_no_more(channel, "no session without a common version (SES-003)")


@pytest.mark.rule("SES-019")
def test_with_another_protection_the_device_says_its_preamble_and_no_more(wire: Wire) -> None:
    other = TLS_1_3 if wire.protection == NO_PROTECTION else NO_PROTECTION
    channel = opened(wire, wire.preamble(protection=other))
    channel.wait_inbox(SIZE, "the device's preamble, also with another protection (SES-019)")
    named = Preamble.decode(bytes(channel.inbox[:SIZE])).protection
    if named != wire.protection:
        raise RuleBroken(
            f"a preamble that names protection {wire.protection}, whatever the host offers (SES-019)",
            f"one that names {named}",
        )
    said_no_more(channel, "no session with another protection (SES-019)")


def said_no_more(channel: RawChannel, what: str) -> None:
    """Nothing follows the device's preamble, and it waits for the host to leave."""
    channel.link.listen(A_WHILE_S)
    channel.link.settle(channel=channel.number)
    if len(channel.inbox) > SIZE:
        raise RuleBroken(what, f"{len(channel.inbox) - SIZE} bytes behind the preamble")
    if channel.resets:
        raise RuleBroken(
            f"{what}: it waits for the host to leave", f"RESET({channel.resets[-1].reason.name})"
        )


@pytest.mark.rule("SES-004")
def test_no_more_is_sealed_at_once_than_the_host_takes(wire: Wire) -> None:
    session = wire.conversation()
    session.greet(max_plaintext=MAX_PLAINTEXT)
    session.shake_hands()
    session.inform()
    session.get_ready()
    largest = max(len(session.answer(session.request(long)).body) for long in LONG)
    if largest <= MAX_PLAINTEXT + SEALED_MORE[wire.protection]:
        not_tested(f"the longest answer that it was asked for has {largest} bytes")
    longest, sizes = longest_record(session.channel, wire.protection)
    if longest > MAX_PLAINTEXT + SEALED_MORE[wire.protection]:
        raise RuleBroken(
            f"records of at most {MAX_PLAINTEXT} bytes of plaintext (SES-004)",
            f"{longest} bytes in one; {sizes}",
        )


def longest_record(channel: RawChannel, protection: int) -> tuple[int, list[int]]:
    """The longest body of a record behind the handshake, and all of them."""
    said, at, sizes = bytes(channel.inbox), SIZE, []
    while at + RECORD_HEADER[protection] <= len(said):
        header = said[at : at + RECORD_HEADER[protection]]
        kind = header[0]
        size = (
            int.from_bytes(header[1:], "little")
            if protection == NO_PROTECTION
            else header[3] << 8 | header[4]
        )
        if kind == (2 if protection == NO_PROTECTION else 23):
            sizes.append(size)
        at += RECORD_HEADER[protection] + size
    if protection == TLS_1_3:
        sizes = sizes[1:]  # the device's last flight, in one or in several
        sizes = [size for size in sizes if size] or [0]
    return max(sizes, default=0), sizes


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-005")
@pytest.mark.rule("SES-018")
def test_a_conversation_that_does_not_become_ready_is_reset_after_ten_seconds(failing_wire: Wire) -> None:
    session = shaken(failing_wire)
    channel = session.channel
    early = channel.link.heard(channel.is_reset, READY_WITHIN_S - LATE_S)
    if early is not None:
        raise RuleBroken("10 s for the way to READY (SES-005)", "RESET before that")
    session.ends("SES-005", ResetReason.PROTOCOL, alert=None, within_s=2 * LATE_S)


# SESSION_INFO and READY


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-006")
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"preambles_sha256": bytes(32)}, id="other preambles"),
        pytest.param({"major": 9}, id="another version"),
        pytest.param({"identity": "somebody else"}, id="another identity"),
        pytest.param({"kind": PeerKind.STATION}, id="another kind"),
    ],
)
def test_a_session_info_that_does_not_agree_ends_the_session(
    failing_wire: Wire, changes: dict[str, Any]
) -> None:
    session = shaken(failing_wire)
    session.say_control(replace(session.info(), **changes))
    session.ends("SES-006")


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-020")
def test_a_session_info_that_asks_for_no_role_is_refused(failing_wire: Wire) -> None:
    session = shaken(failing_wire)
    session.say_control(replace(session.info(), roles=Role(0)))
    session.ends("SES-020", ResetReason.REFUSED, Alert.REFUSED)


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-020")
def test_a_session_info_that_asks_for_a_role_beyond_the_session_is_refused(failing_wire: Wire) -> None:
    session = shaken(failing_wire)
    session.say_control(replace(session.info(), roles=session.role | Role.TECHNICIAN))
    session.ends("SES-020", ResetReason.REFUSED, Alert.REFUSED)


@pytest.mark.rule("SES-020")
def test_requests_are_held_against_the_roles_that_session_info_names(wire: Wire) -> None:
    needs_insecure(wire)
    session = wire.conversation(Role.AUDITOR | Role.TECHNICIAN)
    session.greet()
    session.shake_hands()
    session.inform(roles=Role.AUDITOR)
    session.get_ready()
    session.refused(session.request(AbortConfig()), "SES-020", ErrorCode.NOT_PERMITTED, ErrorCode.UNSUPPORTED)


@pytest.mark.rule("SES-007")
@pytest.mark.rule("MSG-008")
def test_a_request_before_ready_is_not_executed(wire: Wire) -> None:
    session = shaken(wire)
    session.inform()
    session.refused(session.request(ReadStatus()), "SES-007", ErrorCode.NOT_READY)
    session.refused(say_unknown(session), "MSG-018: NOT_READY comes before UNSUPPORTED", ErrorCode.NOT_READY)
    if any(said.flags == Flag.EVENT for said in session.waiting):
        raise RuleBroken("no event before READY (MSG-008)", "an event")
    session.get_ready()
    session.goes_on("SES-007")


def say_unknown(session: RawSession) -> int:
    """Sends a request of an opcode that nobody has. Gives its id."""
    number = session.next_id()
    session.say(0x0FFF, request=number)
    return number


@pytest.mark.rule("SES-017")
def test_a_request_before_session_info_is_not_executed(wire: Wire) -> None:
    session = shaken(wire)
    session.refused(session.request(ReadStatus()), "SES-017", ErrorCode.NOT_READY)
    session.inform()
    session.get_ready()
    session.goes_on("SES-017")


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-017")
def test_ready_before_session_info_ends_the_session(failing_wire: Wire) -> None:
    session = shaken(failing_wire)
    session.get_ready()
    session.ends("SES-017")


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-009")
def test_a_second_session_info_before_ready_ends_the_session(failing_wire: Wire) -> None:
    session = shaken(failing_wire)
    session.inform()
    session.say_control(session.info())
    session.ends("SES-009")


@pytest.mark.rule("SES-009")
def test_a_second_session_info_after_ready_ends_the_session(wire: Wire) -> None:
    session = wire.session()
    session.settle()
    session.say_control(session.info())
    session.ends("SES-009")


@pytest.mark.rule("SES-009")
def test_a_second_ready_ends_the_session(wire: Wire) -> None:
    session = wire.session()
    session.settle()
    session.get_ready()
    session.ends("SES-009")


# The stream of bytes


@pytest.mark.rule("SES-011")
@pytest.mark.parametrize("size", [20, 61], ids=lambda size: f"{size} bytes a frame")
def test_pieces_of_any_size_give_the_same_conversation(wire: Wire, size: int) -> None:
    session = wire.session(link=wire.link(max_payload=size))
    session.goes_on("SES-011")


@pytest.mark.rule("SES-011")
def test_several_messages_in_one_frame_are_several_messages(wire: Wire) -> None:
    session = shaken(wire)
    session.inform()
    with session.at_once():
        session.get_ready()
        numbers = [session.request(ReadStatus()) for _ in range(2)]
    for number in numbers:
        if session.answer(number).flags != Flag.REPLY:
            raise RuleBroken("a reply to each request of a frame (SES-011)", "an error")


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-012")
def test_no_more_than_16384_bytes_of_handshake_are_taken(failing_wire: Wire) -> None:
    session = failing_wire.conversation()
    session.greet()
    if failing_wire.protection == NO_PROTECTION:
        session.channel.send(b"\x01" + (16_384).to_bytes(3, "little") + bytes(16_384))
        session.ends("SES-012")
        return
    record = b"\x16\x03\x03" + (1_000).to_bytes(2, "big") + b"\x02\x00\x40\x00" + bytes(996)
    for _ in range(18):
        if session.channel.resets:
            break
        session.channel.send(record)
        session.channel.link.settle(channel=failing_wire.bay)
    session.ends("SES-012")


@pytest.mark.rule("MSG-016")
def test_an_older_version_that_was_chosen_is_that_of_the_whole_conversation(wire: Wire) -> None:
    speaks = wire.conversation().greet()
    wire.hang_up()
    major, minor = speaks.newest
    older = (major, minor - 1)
    if older < speaks.oldest:
        not_applicable(f"the device speaks no version before {major}.{minor}")
    session = wire.conversation()
    session.greet(newest=older)
    session.shake_hands()
    said = session.inform()
    if (said.major, said.minor) != older:
        raise RuleBroken(f"SESSION_INFO of version {older} (MSG-016)", f"of {(said.major, said.minor)}")
    session.get_ready()
    session.goes_on("MSG-016")


# Records of the insecure session


@pytest.mark.rule("SES-014")
@pytest.mark.rule("SES-018")
@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"\x09\x00\x00\x00", id="a type that is not listed"),
        pytest.param(b"\x02" + (65_537).to_bytes(3, "little"), id="a body that is too long"),
        pytest.param(b"\x01\x02\x00\x00\x00\x00", id="a second handshake"),
        pytest.param(b"\x03\x02\x00\x00\x00\x00", id="an alert of two bytes"),
    ],
)
def test_a_record_that_breaks_a_rule_ends_the_session(wire: Wire, record: bytes) -> None:
    needs_insecure(wire)
    session = wire.session()
    session.settle()
    session.channel.send(record)
    session.ends("SES-014")


@pytest.mark.bwc_fails_a_handshake
@pytest.mark.rule("SES-014")
@pytest.mark.parametrize(
    "record",
    [
        pytest.param(b"\x02\x0c\x00\x00" + bytes(12), id="data before the handshake"),
        pytest.param(b"\x01\x03\x00\x00\xff\xff\xff", id="a handshake that breaks its table"),
    ],
)
def test_a_handshake_that_breaks_a_rule_ends_the_session(failing_wire: Wire, record: bytes) -> None:
    needs_insecure(failing_wire)
    session = failing_wire.conversation()
    session.greet()
    session.channel.send(record)
    session.ends("SES-014")


@pytest.mark.rule("SES-027")
def test_a_record_in_the_open_behind_the_handshake_ends_the_session(wire: Wire) -> None:
    if wire.protection == NO_PROTECTION:
        not_applicable("it is about the secure session")
    session = wire.session()
    session.settle()
    session.channel.send(b"\x16\x03\x03\x00\x04" + bytes(4))
    session.ends("SES-027")


# Ends


@pytest.mark.rule("SES-015")
def test_nothing_counts_that_follows_an_alert(wire: Wire) -> None:
    needs_insecure(wire)
    session = wire.session()
    session.settle()
    body = b"\x02\x0c\x00\x00" + bytes(4) + b"\x03\x01\x00\x00\x07\x00\x00\x00"  # device.status, id 7
    session.channel.send(b"\x03\x01\x00\x00\x00" + body)
    session.ends("SES-016", ResetReason.NORMAL, Alert.CLOSE)
    if session.heard(lambda m: m.request == 7, within_s=0.0) is not None:
        raise RuleBroken("no answer to what follows an alert (SES-015)", "an answer")


@pytest.mark.rule("SES-015")
@pytest.mark.rule("SES-018")
def test_an_alert_other_than_close_ends_the_session_without_another(wire: Wire) -> None:
    needs_insecure(wire)
    session = wire.session()
    session.settle()
    session.channel.send(b"\x03\x01\x00\x00\x01")
    session.ends("SES-015", ResetReason.PROTOCOL, alert=None)
    if session.failure is not None and not session.failure.by_peer:
        raise RuleBroken(
            "no alert in answer to an alert (SES-018)", f"the alert {session.failure.alert.name}"
        )


@pytest.mark.rule("SES-016")
@pytest.mark.rule("SES-018")
def test_an_orderly_close_is_answered_and_resets_the_channel(wire: Wire) -> None:
    session = wire.session()
    session.settle()
    session.say_close()
    session.ends("SES-016", ResetReason.NORMAL, Alert.CLOSE)


@pytest.mark.rule("SES-028")
def test_a_conversation_that_breaks_off_is_not_ended_by_the_word_for_an_orderly_end(wire: Wire) -> None:
    if wire.protection == NO_PROTECTION:
        not_applicable("close_notify is a word of TLS")
    session = wire.session()
    session.settle()
    session.get_ready()
    expected = "RESET(PROTOCOL) on a second READY, and no close_notify (SES-028)"
    reason = session.is_reset(expected)
    if session.session.closed or reason is not ResetReason.PROTOCOL:
        raise RuleBroken(expected, "close_notify" if session.session.closed else f"RESET({reason.name})")


@pytest.mark.rule("CHN-002")
@pytest.mark.rule("SES-016")
def test_the_channel_can_be_opened_again_after_an_orderly_close(wire: Wire) -> None:
    session = wire.session()
    session.settle()
    session.say_close()
    session.ends("SES-016", ResetReason.NORMAL, Alert.CLOSE)
    link = session.channel.link
    if not any(reset.reason is ResetReason.ANSWER for reset in session.channel.resets):
        session.channel.say_reset(ResetReason.ANSWER)  # the answer to the device's
    link.settle()
    again = wire.conversation(link=link)
    again.open().goes_on("CHN-002")


@pytest.mark.rule("CHN-010")
def test_a_reset_in_the_middle_of_a_conversation_leaves_a_device_that_can_be_asked_again(wire: Wire) -> None:
    session = wire.session()
    session.request(ReadStatus())
    session.channel.reset()
    session.channel.link.forget()
    again = wire.conversation(link=session.channel.link)
    again.open().goes_on("CHN-010")
    assert not again.channel.link.count(
        lambda f: f.type is FrameType.RESET and f.epoch == again.channel.epoch
    )
