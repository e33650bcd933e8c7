"""A conversation opens in order or not at all, and nothing is executed before READY (spec: Session)."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_protocol.certificates.checks import Check
from bwc_protocol.conversation import (
    Closed,
    ErrorReceived,
    Established,
    Failed,
    FailReason,
    LocalInfo,
    RequestNotPermitted,
    RequestReceived,
    State,
)
from bwc_protocol.conversation.machine import HANDSHAKE_S
from bwc_protocol.conversation.message import Flag, MessageReader, build
from bwc_protocol.declare import Role
from bwc_protocol.messages.battery import BatteryStatus, ReadBattery
from bwc_protocol.messages.config import AbortConfig
from bwc_protocol.messages.core import ErrorReply, Ready, SessionInfo
from bwc_protocol.messages.identity import DeviceStatus, ReadStatus
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session.insecure import RecordType, insecure_session
from bwc_protocol.session.interface import SessionSide
from bwc_protocol.session.preamble import NO_PROTECTION, TLS_1_3, NotAPreamble, Preamble, choose_version
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from tests.tiers import times
from tools.generate import samples
from tools.testkit.pair import BENCH, CAMERA, Pair, Versions, device_end, host_end


def only_failure(events: list[object]) -> Failed:
    failures = [event for event in events if isinstance(event, Failed)]
    assert len(failures) == 1, events
    return failures[0]


def record(plaintext: bytes) -> bytes:
    """A data record of the insecure session."""
    return (RecordType.DATA | len(plaintext) << 8).to_bytes(4, "little") + plaintext


def messages(pair: Pair, *, from_host: bool) -> list[object]:
    """Every message that one side has sent, read out of the records."""
    data = b"".join(piece for sent, piece in pair.passed if sent is from_host)[32:]
    reader, found = MessageReader(), []
    while data:
        kind, size = data[0], int.from_bytes(data[1:4], "little")
        if kind == RecordType.DATA:
            found += reader.feed(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def test_both_sides_come_to_know_each_other() -> None:
    pair = Pair(host_end(roles=Role.AUDITOR))
    pair.run()
    (host,), (device,) = pair.host_events, pair.device_events
    assert isinstance(host, Established) and isinstance(device, Established)
    assert (host.peer.identity, host.peer.kind, host.peer.boot_counter) == (CAMERA, PeerKind.CAMERA, 9)
    assert (device.peer.identity, device.peer.kind, device.peer.roles) == (BENCH, PeerKind.HOST, Role.AUDITOR)
    assert not host.peer.secure
    assert pair.host.deadline() is None and pair.device.deadline() is None


@pytest.mark.rule("SES-001")
def test_the_device_says_nothing_before_the_host() -> None:
    device = device_end()
    device.start(0.0)
    assert device.outgoing(1 << 20, 4096) == []


@pytest.mark.rule("SES-013")
def test_nothing_but_preamble_and_records_passes_before_the_session() -> None:
    """No name of the device before the host's preamble and the session's own handshake."""
    pair = Pair()
    pair.carry(from_host=True)
    pair.carry(from_host=False)
    first = pair.passed[1][1]
    assert Preamble.decode(first[:32]).kind is PeerKind.CAMERA
    assert first[32] == RecordType.HANDSHAKE


@pytest.mark.rule("SES-011")
@settings(max_examples=times(60), deadline=None, database=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_stream_has_no_boundaries(seed: int) -> None:
    """However session and link cut their output, the same conversation results."""
    rng = random.Random(seed)

    def cut(size: int) -> int:
        return min(size, rng.choice((1, 1, 2, 3, 7, 32, 1000)))

    pair = Pair(host_end(split=cut), device_end(split=cut), cut=cut)
    pair.run()
    request_id = pair.host.request(ReadBattery(cell=0))
    pair.run()
    status = samples.typical(BatteryStatus)
    pair.device.reply(request_id, status)
    pair.run()
    assert [type(event).__name__ for event in pair.host_events] == ["Established", "ReplyReceived"]
    assert pair.host_events[1].reply == status
    assert [type(event).__name__ for event in pair.device_events] == ["Established", "RequestReceived"]


@pytest.mark.rule("SES-002")
@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400", b"\x00", b"BWC\x02" + bytes(28), b"B" * 64])
def test_a_peer_that_opens_with_something_else_is_no_device(garbage: bytes) -> None:
    host = host_end()
    host.start(0.0)
    host.receive(garbage, 0.0)
    assert only_failure(host.events()).reason is FailReason.NOT_A_DEVICE
    host.receive(b"and more of it" * 100, 0.0)
    assert host.events() == [] and host.state is State.OVER
    host.outgoing(0, 0)
    assert host.outgoing(0, 0) == [], "it does not talk to a stranger"


@pytest.mark.rule("SES-002")
@pytest.mark.parametrize(
    "broken",
    [
        {"kind": PeerKind.HOST},
        {"max_plaintext": 511},
    ],
)
def test_a_preamble_that_breaks_a_rule_is_refused(broken: dict[str, int]) -> None:
    fields = {"kind": PeerKind.CAMERA, "max_plaintext": 512, "random": bytes(16)} | broken
    host = host_end()
    host.start(0.0)
    host.receive(Preamble(**fields).encode(), 0.0)
    assert only_failure(host.events()).reason is FailReason.NOT_A_DEVICE


@pytest.mark.rule("SES-002")
def test_a_preamble_of_an_unknown_kind_is_refused() -> None:
    raw = bytearray(Preamble(kind=PeerKind.CAMERA, max_plaintext=512, random=bytes(16)).encode())
    raw[8] = 9
    with pytest.raises(NotAPreamble):
        Preamble.decode(bytes(raw))


@pytest.mark.rule("FRM-008")
def test_reserved_bytes_of_a_preamble_are_0_and_ignored() -> None:
    preamble = Preamble(kind=PeerKind.CAMERA, max_plaintext=512, random=bytes(16))
    raw = bytearray(preamble.encode())
    assert raw[9:12] == bytes(3)
    raw[10:12] = b"\xff\xff"
    assert Preamble.decode(bytes(raw)) == preamble


@pytest.mark.parametrize(
    ("host", "device", "chosen"),
    [
        (((1, 0), (1, 0)), ((1, 0), (1, 4)), (1, 0)),
        (((1, 0), (1, 4)), ((1, 0), (1, 2)), (1, 2)),
        (((1, 2), (2, 1)), ((1, 0), (1, 3)), (1, 3)),
        (((2, 0), (2, 1)), ((1, 0), (1, 3)), None),
        (((1, 0), (1, 0)), ((1, 1), (2, 0)), None),
    ],
)
def test_the_newest_version_that_both_speak_is_chosen(
    host: Versions, device: Versions, chosen: tuple[int, int] | None
) -> None:
    def preamble(kind: PeerKind, span: Versions) -> Preamble:
        return Preamble(oldest=span[0], newest=span[1], kind=kind, max_plaintext=512, random=bytes(16))

    ours, theirs = preamble(PeerKind.HOST, host), preamble(PeerKind.CAMERA, device)
    assert choose_version(ours, theirs) == choose_version(theirs, ours) == chosen


@pytest.mark.rule("SES-003")
@pytest.mark.parametrize("versions", [((2, 0), (2, 3)), ((0, 1), (0, 9))])
def test_without_a_common_version_the_host_learns_what_the_device_speaks(versions: Versions) -> None:
    pair = Pair(host_end(), device_end(versions=versions))
    pair.run()
    failure = only_failure(pair.host_events)
    assert failure.reason is FailReason.VERSION
    assert f"{versions[0][0]}.{versions[0][1]} to {versions[1][0]}.{versions[1][1]}" in failure.detail
    assert pair.device.state is State.PREAMBLE, "the device has begun no session"
    pair.tick(HANDSHAKE_S)
    assert only_failure(pair.device_events).reason is FailReason.TIMEOUT


@pytest.mark.rule("SES-005")
@pytest.mark.parametrize("carried", [0, 1, 2, 3])
def test_a_handshake_that_stops_anywhere_ends_in_bounded_time(carried: int) -> None:
    pair = Pair()
    for step in range(carried):
        pair.carry(from_host=step % 2 == 0)
    pair.tick(HANDSHAKE_S - 0.01)
    assert not [e for e in pair.host_events if isinstance(e, Failed)]
    pair.tick(0.02)
    waiting = [events for events in (pair.host_events, pair.device_events) if not events]
    assert not waiting, "each side has failed or is established"


@pytest.mark.rule("SES-007")
def test_a_request_before_ready_is_not_executed() -> None:
    """The session is complete and the host is known, but the host has not said READY."""
    pair = Pair()
    pair.carry(from_host=True)
    pair.carry(from_host=False)
    request = ReadStatus()
    early = record(build(request.opcode, 0, 77, request.codec.encode(request)))
    pair.carry(from_host=True)
    pair.device.receive(early, 0.0)
    assert pair.device.state is State.INFO
    assert pair.device.events() == []
    pair.carry(from_host=False)
    refusal = messages(pair, from_host=False)[-1]
    assert refusal.request == 77 and refusal.flags is Flag.ERROR
    assert ErrorReply.codec.decode(refusal.body).code is ErrorCode.NOT_READY


@pytest.mark.rule("SES-009")
def test_ready_counts_only_once_and_only_after_session_info() -> None:
    pair = Pair()
    pair.run()
    again = Ready()
    pair.device.receive(record(build(again.opcode, 0, 0, b"")), 0.0)
    assert only_failure(pair.device.events()).reason is FailReason.PROTOCOL


@pytest.mark.rule("SES-009")
@pytest.mark.parametrize("to_host", [True, False], ids=["to the host", "to the device"])
def test_a_second_session_info_ends_the_session(to_host: bool) -> None:
    pair = Pair()
    pair.run()
    info = next(m for m in messages(pair, from_host=not to_host) if m.opcode == SessionInfo.opcode)
    side = pair.host if to_host else pair.device
    side.receive(record(build(info.opcode, 0, 0, info.body)), 0.0)
    assert only_failure(side.events()).reason is FailReason.PROTOCOL


@pytest.mark.rule("MSG-016")
def test_the_version_that_was_chosen_is_that_of_the_whole_conversation() -> None:
    pair = Pair(host_end(versions=((1, 0), (1, 4))), device_end(versions=((1, 0), (1, 2))))
    pair.run()
    for end in (pair.host, pair.device):
        assert end.peer is not None and end.peer.version == (1, 2)
    later = Preamble(newest=(1, 4), kind=PeerKind.HOST, max_plaintext=512, random=bytes(16))
    pair.device.receive(later.encode(), 0.0)
    assert only_failure(pair.device.events()).reason is FailReason.SESSION, "it is not chosen again"


@pytest.mark.rule("MSG-004", "SES-009")
def test_a_host_takes_no_ready_and_no_requests() -> None:
    for opcode in (Ready.opcode, ReadStatus.opcode):
        pair = Pair()
        pair.run()
        pair.host.receive(record(build(opcode, 0, 5, b"")), 0.0)
        assert only_failure(pair.host.events()).reason is FailReason.PROTOCOL


def tampered(pair: Pair, **changes: object) -> Failed:
    """Lets the host see the device's session info with fields changed."""
    pair.carry(from_host=True)
    pair.carry(from_host=False)
    pair.carry(from_host=True)
    data = b"".join(pair.device.outgoing(1 << 20, 4096))
    start = data.index(SessionInfo.opcode.to_bytes(2, "little") + bytes(6)) + 8
    info = SessionInfo.codec.decode(data[start:])
    fields = {name: getattr(info, name) for name in SessionInfo.codec.fields} | changes
    body = SessionInfo.codec.encode(SessionInfo(**fields))
    pair.host.receive(record(build(SessionInfo.opcode, 0, 0, body)), 0.0)
    return only_failure(pair.host.events())


@pytest.mark.rule("SES-006", "SES-008")
@pytest.mark.parametrize(
    "changes",
    [
        {"preambles_sha256": bytes(32)},
        {"minor": 0},
        {"identity": "BWC-000043"},
        {"kind": PeerKind.STATION},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_session_info_must_agree_with_preamble_and_session(changes: dict[str, object]) -> None:
    """Binding both preambles is what keeps somebody in between from talking two ends down a version."""
    assert tampered(Pair(), **changes).reason is FailReason.SESSION


def test_a_changed_preamble_is_noticed_by_both_sides() -> None:
    pair = Pair()
    first = b"".join(pair.host.outgoing(0, 0))
    pair.device.receive(first[:16] + bytes(16), 0.0)
    pair.run()
    assert only_failure(pair.device_events).reason is FailReason.SESSION
    assert State.READY not in (pair.host.state, pair.device.state)


def test_a_device_may_believe_in_the_session_that_the_host_refuses() -> None:
    """As in TLS 1.3 the client finishes first. It must not act on that: it learns of the refusal later."""
    pair = Pair(host_end(accept=lambda peer: False))
    pair.carry(from_host=True)
    pair.carry(from_host=False)
    assert only_failure(pair.host_events).reason is FailReason.REFUSED
    flight = b"".join(pair.host.outgoing(0, 0))
    alert = flight.index(bytes([RecordType.ALERT, 1, 0, 0]))
    pair.device.receive(flight[:alert], 0.0)
    assert pair.device.state is State.INFO and pair.device.events() == []
    pair.device.receive(flight[alert:], 0.0)
    assert only_failure(pair.device.events()).reason is FailReason.REFUSED


def test_a_device_may_refuse_the_host() -> None:
    pair = Pair(device=device_end(accept=lambda peer: peer.roles == Role.TECHNICIAN))
    pair.run()
    assert only_failure(pair.device_events).reason is FailReason.REFUSED
    assert only_failure(pair.host_events).reason is FailReason.REFUSED
    assert not [e for e in pair.host_events if isinstance(e, Established)]


class Protected:
    """A session that says of itself that it protects, and lasts a minute."""

    secure, protection = True, TLS_1_3
    lifetime_s: float | None = 60.0

    def __init__(self, side: SessionSide) -> None:
        self._inner = insecure_session(side)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.rule("SES-019", "SES-010")
@pytest.mark.parametrize("secure_host", [True, False])
def test_ends_of_different_protection_do_not_talk(secure_host: bool) -> None:
    """Neither falls back to what the other offers: the device says its preamble and waits, the host leaves."""
    host = host_end(session=Protected if secure_host else None)
    device = device_end(session=None if secure_host else Protected)
    pair = Pair(host, device)
    pair.run()
    failed = only_failure(pair.host_events)
    assert failed.reason is FailReason.PROTECTION
    assert failed.detail.startswith("the peer offers " + ("an insecure" if secure_host else "a secure"))
    assert [len(data) for _, data in pair.passed] == [32, 32] and pair.device.state is State.PREAMBLE


@pytest.mark.rule("SES-019")
def test_somebody_in_between_cannot_talk_two_ends_into_no_protection() -> None:
    pair = Pair(host_end(session=Protected), device_end(session=Protected))
    first = bytearray(b"".join(pair.host.outgoing(0, 0)))
    assert first[9] == TLS_1_3
    first[9] = NO_PROTECTION
    pair.device.receive(bytes(first), 0.0)
    pair.run()
    assert pair.device.state is State.PREAMBLE and pair.device.peer is None
    assert [e for e in pair.host_events if isinstance(e, Established)] == []


@pytest.mark.rule("SES-020")
def test_a_session_has_the_role_that_the_host_asks_for_and_no_other() -> None:
    host = host_end(roles=Role.TECHNICIAN | Role.AUDITOR)
    host._opening._local = replace(host._opening._local, roles=Role.AUDITOR)
    pair = Pair(host)
    pair.run()
    assert pair.device.peer is not None and pair.device.peer.roles == Role.AUDITOR


@pytest.mark.rule("SES-020")
@pytest.mark.parametrize("asked", [Role(0), Role.BENCH, Role.TECHNICIAN | Role.BENCH], ids=str)
def test_a_role_that_the_host_may_not_have_is_refused_to_it(asked: Role) -> None:
    host = host_end(roles=Role.TECHNICIAN | Role.AUDITOR)
    host._opening._local = replace(host._opening._local, roles=asked)
    pair = Pair(host)
    pair.run()
    failed = only_failure(pair.device_events)
    assert (failed.reason, failed.check) == (FailReason.REFUSED, Check.ROLE)
    assert [e for e in pair.host_events if isinstance(e, Established)] == []


def test_each_side_hears_which_deny_list_the_other_holds() -> None:
    info = LocalInfo(kind=PeerKind.CAMERA, identity=CAMERA, deny_counter=7)
    pair = Pair(host_end(), device_end(info=info))
    pair.run()
    assert pair.host.peer is not None and pair.host.peer.deny_counter == 7
    assert pair.device.peer is not None and pair.device.peer.deny_counter == 0


@pytest.mark.rule("SES-021")
def test_a_session_that_is_too_old_ends() -> None:
    pair = Pair(host_end(session=Protected), device_end(session=Protected))
    pair.run()
    pair.tick(59.9)
    assert pair.host.state is pair.device.state is State.READY
    assert pair.host.deadline() == 60.0
    pair.tick(0.1)
    for events in (pair.host_events, pair.device_events):
        assert only_failure(events).reason is FailReason.LIMIT


def test_an_orderly_close_delivers_what_was_queued_and_both_know() -> None:
    pair = Pair()
    pair.run()
    request_id = pair.host.request(ReadStatus())
    pair.run()
    pair.device.reply(request_id, samples.typical(DeviceStatus))
    pair.device.close()
    pair.run()
    assert [type(e).__name__ for e in pair.host_events] == ["Established", "ReplyReceived", "Closed"]
    assert isinstance(pair.device_events[-1], Closed)
    assert pair.host.outgoing(1 << 20, 4096) == [] == pair.device.outgoing(1 << 20, 4096)


def test_a_conversation_that_was_closed_waits_for_nothing() -> None:
    """Else a shell that obeys `deadline` would spin from then on."""
    pair = Pair()
    pair.host.close()
    assert pair.host.deadline() is None


def test_nothing_is_said_behind_the_close() -> None:
    """A reply that was queued when the peer closed: nobody reads it, and a secure session cannot send it."""
    pair = Pair()
    pair.run()
    request_id = pair.host.request(ReadStatus())
    pair.run()
    pair.device.reply(request_id, samples.typical(DeviceStatus))
    pair.host.close()
    pair.carry(from_host=True)
    assert b"".join(pair.device.outgoing(1 << 20, 4096)) == bytes([RecordType.ALERT, 1, 0, 0, 0])


@pytest.mark.rule("SES-010")
def test_nothing_happens_on_a_conversation_that_failed() -> None:
    pair = Pair()
    pair.run()
    pair.device.receive(record(b"\xff" * 12), 0.0)
    assert only_failure(pair.device.events()).reason is FailReason.PROTOCOL
    pair.host.close()
    for piece in pair.host.outgoing(0, 0):
        pair.device.receive(piece, 0.0)
    assert pair.device.events() == [], "a failure is the last word, also when the peer closes afterwards"


def test_a_station_and_a_camera_are_both_devices() -> None:
    info = LocalInfo(kind=PeerKind.STATION, identity=CAMERA)
    pair = Pair(device=device_end(kind=PeerKind.STATION, info=info))
    pair.run()
    assert pair.host.peer is not None and pair.host.peer.kind is PeerKind.STATION


def test_a_device_that_only_tells_refuses_what_changes_something_and_what_opens_a_stream() -> None:
    pair = Pair()
    pair.run()
    pair.device.only_reads("by radio")
    for request in (samples.typical(OpenSegment), samples.typical(AbortConfig)):
        asked = pair.host.request(request)
        pair.run()
        answer = pair.host_events[-1]
        assert isinstance(answer, ErrorReceived) and answer.request_id == asked
        assert answer.error.code == ErrorCode.NOT_PERMITTED
        assert pair.device_events[-1] == RequestNotPermitted(asked, type(request)), "for the device's log"
    pair.host.request(ReadBattery(cell=0))
    pair.run()
    assert isinstance(pair.device_events[-1], RequestReceived)


def test_a_reply_to_a_device_ends_the_conversation() -> None:
    """A device asks nothing, so that nothing can answer it."""
    pair = Pair()
    pair.run()
    status = samples.typical(BatteryStatus)
    pair.device.receive(record(build(ReadBattery.opcode, Flag.REPLY, 1, status.codec.encode(status))), 0.0)
    assert only_failure(pair.device.events()).reason is FailReason.PROTOCOL
