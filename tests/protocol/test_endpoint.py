"""Link and conversations together, in virtual time: requests pass footage, failures are told to the peer
(spec: Layers, Streams)."""

import random
from collections import deque
from collections.abc import Callable

import pytest

from bwc_protocol.certificates.checks import Check
from bwc_protocol.conversation import (
    Closed,
    Established,
    Failed,
    FailReason,
    ReplyReceived,
    RequestReceived,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.conversation.stream import ReaderSource
from bwc_protocol.declare import Role
from bwc_protocol.endpoint import AHEAD_S, ROUND_TRIP_MAX_S, Endpoint, EndpointEvent, OnChannel
from bwc_protocol.frame import FrameParser, FrameType, Reset
from bwc_protocol.link import ChannelReset, Link, LinkDown, LinkParams, LinkRole, LinkUp, ResetReason
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import DeviceStatus, ReadStatus
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import PeerCredentials, SessionFactory
from bwc_protocol.session.tls import LIFETIME_S
from tools.generate import samples
from tools.testkit.pair import BENCH, CAMERA, device_end, host_end
from tools.testkit.secure_ends import agency, device_sessions, host_sessions, secure_session

UART_BYTES_S = 11_520.0
"""115,200 baud, 8N1."""
DRIVER_PIECE = 256
DRIVER_BUFFER = 4_096
"""What a serial driver takes before a write has to wait."""


class Wire:
    """One direction of a serial line: a driver's buffer, then so many bytes a second."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.passed = b""
        """Every byte that was written."""
        self.spoil: Callable[[bytes], bytes] = lambda data: data
        """What the line makes of a piece."""
        self.waiting: deque[bytes] = deque()
        self.size = 0
        self.free_at = 0.0

    def room(self) -> int:
        return DRIVER_BUFFER - self.size

    def write(self, data: bytes) -> None:
        # A driver hands on what has come by now, not what was written as one.
        self.passed += data
        pieces = (data[at : at + DRIVER_PIECE] for at in range(0, len(data), DRIVER_PIECE))
        self.waiting.extend(self.spoil(piece) for piece in pieces)
        self.size += len(data)

    def read(self, now: float) -> bytes:
        """What has come through by now, in pieces."""
        found = []
        while self.waiting:
            begun = max(self.free_at, 0.0)
            due = begun + len(self.waiting[0]) / self.rate
            if due > now:
                break
            self.free_at = due
            self.size -= len(self.waiting[0])
            found.append(self.waiting.popleft())
        if not self.waiting:
            self.free_at = max(self.free_at, now)
        return b"".join(found)

    def next_at(self) -> float | None:
        return self.free_at + len(self.waiting[0]) / self.rate if self.waiting else None


class Line:
    """A host and a device joined by two wires."""

    def __init__(
        self,
        *,
        rate: float = UART_BYTES_S,
        max_payload: int = 1_024,
        accept: Callable[[PeerCredentials], bool] = lambda peer: True,
        refusing: ResetReason | Reset | None = None,
        host: SessionFactory | None = None,
        device: SessionFactory | None = None,
    ) -> None:
        params = LinkParams(max_payload=max_payload)
        nonces = iter(range(1, 100))
        self.host = Endpoint(
            Link(LinkRole.HOST, params, nonce=lambda: next(nonces)),
            lambda _: host_end(accept=accept, session=host),
        )
        self.device = Endpoint(
            Link(LinkRole.DEVICE, params, nonce=lambda: next(nonces)),
            lambda _: refusing or device_end(session=device),
        )
        self.wires = {True: Wire(rate), False: Wire(rate)}
        self.now = 0.0
        self.host_events: list[tuple[float, EndpointEvent]] = []
        self.device_events: list[tuple[float, EndpointEvent]] = []
        self.host.open(0.0)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Runs until something holds, at most for so long. Says whether it does."""
        end = self.now + seconds
        while not until():
            self._exchange()
            times = [
                self.host.deadline(),
                self.device.deadline(),
                *(w.next_at() for w in self.wires.values()),
            ]
            following = min((t for t in times if t is not None), default=end)
            if following > end:
                return until()
            self.now = max(self.now + 1e-6, following)
        return True

    def _exchange(self) -> None:
        for end, mine in ((self.host, True), (self.device, False)):
            data = self.wires[not mine].read(self.now)
            if data:
                end.receive(data, self.now)
            due = end.deadline()
            if due is not None and due <= self.now:
                end.tick(self.now)
            seen = self.host_events if mine else self.device_events
            for event in end.events():
                seen.append((self.now, event))
                self._answer(event, mine)
            while self.wires[mine].room() > 0:
                parts = end.outgoing(self.now, self.wires[mine].room())
                if not parts:
                    break
                for part in parts:
                    self.wires[mine].write(part)

    def _answer(self, event: EndpointEvent, mine: bool) -> None:
        if mine:
            if isinstance(event, LinkUp):
                self.host.open_channel(0, self.now)
            return
        if not isinstance(event, OnChannel) or not isinstance(event.event, RequestReceived):
            return
        conversation = self.device.conversations[0]
        request_id, request = event.event.request_id, event.event.request
        if isinstance(request, OpenSegment):
            conversation.reply(request_id, StreamOpened(length=request.length))
            conversation.send_stream(request_id, ReaderSource(lambda at, size: bytes(size)), request.length)
        else:
            conversation.reply(request_id, samples.typical(type(request).reply))

    def host_saw(self, kind: type) -> list[tuple[float, object]]:
        return self._saw(kind, self.host_events)

    def device_saw(self, kind: type) -> list[tuple[float, object]]:
        return self._saw(kind, self.device_events)

    def _saw(self, kind: type, events: list[tuple[float, EndpointEvent]]) -> list[tuple[float, object]]:
        found = []
        for at, event in events:
            inner = event.event if isinstance(event, OnChannel) else event
            if isinstance(inner, kind):
                found.append((at, inner))
        return found

    def connect(self) -> None:
        assert self.run(10.0, lambda: bool(self.host_saw(Established)))

    def stream(self, size: int) -> None:
        """Opens so many bytes of a segment, and grants credit for all of them."""
        host = self.host.conversations[0]
        stream = host.request(
            OpenSegment(recording=bytes(16), manifest_sha256=bytes(32), segment=0, offset=0, length=size)
        )
        assert self.run(5.0, lambda: bool(self.host_saw(ReplyReceived)))
        host.grant(stream, size)


@pytest.mark.rule("MSG-011")
@pytest.mark.parametrize("session", [insecure_session, secure_session])
@pytest.mark.parametrize("max_payload", [1_024, 16_384, 61_440])
def test_a_status_request_answers_within_a_second_while_footage_fills_115200_baud(
    max_payload: int, session: SessionFactory
) -> None:
    line = Line(max_payload=max_payload, host=session, device=session)
    line.connect()
    host = line.host.conversations[0]
    line.stream(400_000)
    line.run(8.0)
    took = []
    for _ in range(12):
        asked, before = line.now, len(line.host_saw(ReplyReceived))
        host.request(ReadStatus())
        assert line.run(5.0, lambda before=before: len(line.host_saw(ReplyReceived)) > before)
        took.append(line.now - asked)
        line.run(0.7)
    assert max(took) < 1.0, took
    assert not line.host_saw(StreamFinished), "footage ran all the while"
    moved = sum(len(piece.data) for _, piece in line.host_saw(StreamReceived))
    started = line.host_saw(StreamReceived)[0][0]
    assert moved / (line.now - started) > 0.8 * UART_BYTES_S, "and filled the line"
    again = line.device.link.counters.retransmissions
    assert again <= 4, "and sends nothing twice, once the rate of the line is known"


@pytest.mark.parametrize("session", [insecure_session, secure_session])
def test_a_slow_line_delivers_every_byte_once(session: SessionFactory) -> None:
    line = Line(rate=50_000, host=session, device=session)
    line.connect()
    line.stream(100_000)
    assert line.run(10.0, lambda: bool(line.host_saw(StreamFinished)))
    at = 0
    for _, piece in line.host_saw(StreamReceived):
        assert piece.offset == at
        at += len(piece.data)
    assert at == 100_000


def test_no_more_is_sealed_than_the_peers_window_lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that looked fast until its taker stalled: what is sealed by then is ahead of every later answer."""
    line = Line(rate=20_000_000.0, max_payload=16_384)
    line.connect()
    line.stream(16_000_000)
    line.run(0.2)
    link = line.device.link
    assert link.channel_rate(0) > 4_000_000, "by its rate alone it would be megabytes"
    monkeypatch.setattr(line.host.link, "consumed", lambda channel, frames=1: None)
    line.run(1.0)
    assert link.peer_window_bytes(0) == 0
    assert link.outstanding(0) <= 2 * 16_384


def test_a_peer_that_makes_its_round_trip_long_makes_no_queue_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe of a minute's delay would else have a minute's footage ahead of every answer."""
    line = Line(rate=1_000_000.0, max_payload=1_024)
    line.connect()
    link, rate = line.device.link, 10_000.0
    monkeypatch.setattr(link, "peer_window_bytes", lambda channel: 1 << 30)
    monkeypatch.setattr(link, "channel_rate", lambda channel: rate)
    monkeypatch.setattr(link, "shortest_round_trip", lambda: 0.0)
    line.stream(16_000_000)
    line.run(0.1)
    for round_trip_s, ahead_s in ((0.0, AHEAD_S), (1.0, AHEAD_S + 1), (60.0, AHEAD_S + ROUND_TRIP_MAX_S)):
        monkeypatch.setattr(link, "shortest_round_trip", lambda took=round_trip_s: took)
        line.device.outgoing(line.now, 0)
        assert rate * ahead_s * 0.8 <= link.outstanding(0) <= rate * ahead_s + 2_048


@pytest.mark.rule("SES-016")
@pytest.mark.parametrize("session", [insecure_session, secure_session])
def test_an_orderly_close_is_followed_by_a_reset_of_the_channel(session: SessionFactory) -> None:
    line = Line(rate=1e6, host=session, device=session)
    line.connect()
    line.host.conversations[0].close()
    assert line.run(5.0, lambda: not line.host.conversations and not line.device.conversations)
    line.run(1.0)
    for end in (line.host, line.device):
        assert end.link.counters.resets_in and end.link.counters.resets_out
    assert not line.host_saw(LinkDown) and not line.host_saw(Failed), "the link lives on"


@pytest.mark.parametrize("garbage", [b"\xff" * 12, b"\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00"])
def test_a_broken_rule_resets_the_channel_and_says_so(garbage: bytes) -> None:
    line = Line(rate=1e6)
    line.connect()
    line.host.conversations[0]._session.seal(garbage)
    line.host.conversations[0].request(ReadBattery(cell=0))
    assert line.run(5.0, lambda: bool(line.host_saw(Failed)))
    assert line.host_saw(Failed)[0][1].reason is FailReason.SESSION
    line.run(1.0)
    assert line.host.link.counters.resets_in and line.device.link.counters.resets_in
    failed = [
        e.event for _, e in line.device_events if isinstance(e, OnChannel) and isinstance(e.event, Failed)
    ]
    assert [f.reason for f in failed] == [FailReason.PROTOCOL]


def test_a_refused_device_hears_why_before_its_channel_is_reset() -> None:
    line = Line(rate=1e6, accept=lambda peer: False)
    assert line.run(10.0, lambda: len(line.device_events) > 1 and not line.device.conversations)
    failed = [
        e.event for _, e in line.device_events if isinstance(e, OnChannel) and isinstance(e.event, Failed)
    ]
    assert [f.reason for f in failed] == [FailReason.REFUSED]


def test_a_channel_can_be_opened_again_after_it_was_reset() -> None:
    line = Line(rate=1e6)
    line.connect()
    line.host.conversations[0].close()
    line.run(3.0, lambda: 0 not in line.host.conversations)
    line.host.open_channel(0, line.now)
    assert line.run(5.0, lambda: len(line.host_saw(Established)) == 2)
    request_id = line.host.conversations[0].request(ReadStatus())
    assert line.run(5.0, lambda: bool(line.host_saw(ReplyReceived)))
    reply = line.host_saw(ReplyReceived)[-1][1]
    assert reply == ReplyReceived(request_id, samples.typical(DeviceStatus))


def test_everything_ends_with_the_pipe() -> None:
    line = Line(rate=1e6)
    line.connect()
    line.host.pipe_lost(line.now)
    assert line.host.conversations == {}
    assert any(isinstance(e, LinkDown) for e in line.host.events())


def test_a_handshake_that_never_ends_resets_the_channel_with_timeout() -> None:
    line = Line(rate=1e6)
    line.host._converse = lambda _: device_end()  # a host that waits for the other to begin
    line.run(30.0, lambda: bool(line.device_events) and bool(line.host_saw(Failed)))
    failed = line.host_saw(Failed)
    assert failed and failed[0][1].reason is FailReason.TIMEOUT


def test_what_is_said_after_a_silence_has_not_waited_since_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a channel on which a program says something every few seconds would be taken for a slow one."""
    line = Line()
    line.connect()
    line.run(0.7)
    waits, send = [], line.host.link.send

    def sent(channel: int, data: bytes, now: float | None = None) -> None:
        waits.append(line.now - (now or 0.0))
        send(channel, data, now)

    monkeypatch.setattr(line.host.link, "send", sent)
    line.host.conversations[0].request(ReadStatus())
    line.run(1.0)
    assert waits == [0.0]


@pytest.mark.rule("SES-022")
@pytest.mark.parametrize(
    ("refusing", "told"),
    [
        (ResetReason.NOT_ENROLLED, ChannelReset(0, ResetReason.NOT_ENROLLED)),
        (Reset(reason=ResetReason.BUSY, retry_after_ms=10_000), ChannelReset(0, ResetReason.BUSY, 10_000)),
    ],
    ids=lambda given: type(given).__name__,
)
def test_an_opening_that_the_device_refuses_is_reset_and_nothing_else_is_said(
    refusing: ResetReason | Reset, told: ChannelReset
) -> None:
    line = Line(refusing=refusing)
    said: list[bytes] = []
    outgoing = line.device.outgoing

    def heard(now: float, limit: int) -> list[bytes]:
        said.extend(found := outgoing(now, limit))
        return found

    line.device.outgoing = heard
    assert line.run(5.0, lambda: any(event == told for _, event in line.host_events))
    line.run(1.0)
    assert line.device.conversations == {} and line.host.conversations == {}
    kinds = {frame.type for frame in FrameParser(1_024).feed(b"".join(said), 0.0)}
    assert FrameType.RESET in kinds and FrameType.DATA not in kinds


def test_a_secure_session_stands_within_a_second_at_115200_baud() -> None:
    line = Line(host=secure_session, device=secure_session)
    line.connect()
    assert line.host_saw(Established)[0][0] < 1.0


@pytest.mark.rule("SES-013")
def test_who_listens_on_the_line_learns_nobodys_name() -> None:
    """Of all that the link says too: HELLO, PING, RESET, and what is sent twice."""
    line = Line(rate=1e6, host=secure_session, device=secure_session)
    line.connect()
    line.host.conversations[0].request(ReadStatus())
    assert line.run(5.0, lambda: bool(line.host_saw(ReplyReceived)))
    line.host.conversations[0].close()
    line.run(2.0)
    for wire in line.wires.values():
        assert len(wire.passed) > 1_000
        for name in (CAMERA, BENCH, agency().name):
            assert name.encode() not in wire.passed


def test_what_the_line_spoils_the_link_mends_below_the_session() -> None:
    """The session is strict, and hears nothing of it."""
    rng = random.Random(5)

    def spoil(data: bytes) -> bytes:
        if rng.random() > 0.03:
            return data
        at = rng.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]

    line = Line(rate=100_000, host=secure_session, device=secure_session)
    for wire in line.wires.values():
        wire.spoil = spoil
    line.connect()
    line.stream(200_000)
    assert line.run(60.0, lambda: bool(line.host_saw(StreamFinished)))
    assert sum(len(piece.data) for _, piece in line.host_saw(StreamReceived)) == 200_000
    assert line.device.link.counters.retransmissions > 3
    assert not line.host_saw(Failed) and not line.device_saw(Failed)


@pytest.mark.rule("SES-024", "SES-018")
def test_a_host_that_a_device_refuses_hears_so_by_reset_alone() -> None:
    refusing = device_sessions(refused_roles=Role.BENCH)
    line = Line(rate=1e6, host=secure_session, device=refusing)
    assert line.run(10.0, lambda: bool(line.host_saw(ChannelReset)))
    assert line.host_saw(ChannelReset)[0][1].reason is ResetReason.REFUSED
    assert line.host_saw(Failed) == [], "no alert: its words are the stack's alone"
    ((_, failed),) = line.device_saw(Failed)
    assert (failed.reason, failed.check) == (FailReason.REFUSED, Check.LOCKED)


@pytest.mark.rule("SES-026", "SES-018")
def test_a_device_that_a_host_refuses_hears_so_by_reset() -> None:
    refusing = host_sessions(factory=True)
    line = Line(rate=1e6, host=refusing, device=secure_session)
    assert line.run(10.0, lambda: bool(line.device_saw(ChannelReset)))
    assert line.device_saw(ChannelReset)[0][1].reason is ResetReason.REFUSED
    ((_, failed),) = line.host_saw(Failed)
    assert (failed.reason, failed.check) == (FailReason.REFUSED, Check.FACTORY)
    assert line.device_saw(Established) == []


@pytest.mark.rule("SES-018")
def test_a_host_of_another_agency_hears_the_alert_before_the_reset() -> None:
    stranger = host_sessions(agency("Fake Dock Ltd"))
    line = Line(rate=1e6, host=stranger, device=secure_session)
    assert line.run(10.0, lambda: bool(line.host_saw(Failed)))
    ((_, failed),) = line.host_saw(Failed)
    assert (failed.reason, failed.check) == (FailReason.REFUSED, Check.CHAIN)
    assert "belongs to another agency" in failed.detail
    line.run(2.0)
    assert line.host.conversations == line.device.conversations == {}


@pytest.mark.rule("SES-021", "SES-018")
def test_a_session_that_has_had_its_day_ends_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(rate=1e6, host=secure_session, device=secure_session)
    line.connect()
    assert LIFETIME_S <= (line.host.conversations[0].deadline() or 0) < LIFETIME_S + 1
    line.run(1.0)
    assert line.device.conversations[0].deadline() is not None
    monkeypatch.setattr(line.device.conversations[0], "_deadline", line.now + 0.5)
    assert line.run(10.0, lambda: bool(line.device_saw(Failed)))
    line.run(2.0)
    ((_, failed),) = line.device_saw(Failed)
    assert failed.reason is FailReason.LIMIT
    assert len(line.host_saw(Closed)) == 1 and line.host_saw(Failed) == []
    assert line.host.conversations == line.device.conversations == {}
    assert not line.host_saw(LinkDown), "the link lives on, for a session with new keys"
