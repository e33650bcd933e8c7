"""A device with nothing but what the specification calls smallest is a device (spec: Smallest implementations).

Neither timers nor copies of what it sent, one frame each way, one channel: written beside the text, not on the link
and conversation that are tested elsewhere.
"""

import heapq
import itertools
from typing import Any

import pytest

from bwc_protocol.conversation import (
    Closed,
    ErrorReceived,
    Established,
    ReplyReceived,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.declare import Request
from bwc_protocol.endpoint import Endpoint, OnChannel
from bwc_protocol.link import ChannelReset, Link, LinkDown, LinkParams, LinkRole, LinkUp, ResetReason
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import Identify
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import samples
from tools.generate.smallest_device import FOOTAGE, IDENTITY, Smallest
from tools.testkit.pair import host_end


class Desk:
    """The SDK's end of a pipe that loses nothing and takes `latency_s` each way, in virtual time."""

    def __init__(self, latency_s: float) -> None:
        self.now = 0.0
        self.device = Smallest()
        nonces = itertools.count(77)
        self.host = Endpoint(
            Link(LinkRole.HOST, LinkParams(), nonce=lambda: next(nonces)), lambda channel: host_end()
        )
        self.events: list[object] = []
        self._latency_s = latency_s
        self._pipe: list[tuple[float, int, bool, bytes]] = []
        self._order = itertools.count()

    def until(self, kind: type, count: int = 1) -> list[object]:
        """Runs until there are so many events of a kind, and gives them. Raises `AssertionError` after 60 s."""
        end = self.now + 60.0
        while self.now < end:
            for event in self.host.events():
                self.events.append(event.event if isinstance(event, OnChannel) else event)
            found = [event for event in self.events if isinstance(event, kind)]
            if len(found) >= count:
                return found
            self._step()
        raise AssertionError(f"no {kind.__name__}; {self.events}")

    def _step(self) -> None:
        for by_host, data in (
            (True, b"".join(self.host.outgoing(self.now, 1 << 20))),
            (False, self.device.said),
        ):
            if data:
                heapq.heappush(self._pipe, (self.now + self._latency_s, next(self._order), by_host, data))
        self.device.said = b""
        times = [at for at, *_ in self._pipe[:1]] + [t for t in (self.host.deadline(),) if t is not None]
        self.now = max(self.now, min(times))
        while self._pipe and self._pipe[0][0] <= self.now:
            _, _, by_host, data = heapq.heappop(self._pipe)
            if by_host:
                self.device.receive(data)
            else:
                self.host.receive(data, self.now)
        due = self.host.deadline()
        if due is not None and due <= self.now:
            self.host.tick(self.now)

    def connect(self) -> None:
        self.host.open(self.now)
        self.until(LinkUp)
        self.host.open_channel(0, self.now)
        self.until(Established)

    def ask(self, request: Request[Any]) -> int:
        return self.host.conversations[0].request(request)


@pytest.fixture(params=[0.0005, 0.2], ids=["near", "far"])
def desk(request: pytest.FixtureRequest) -> Desk:
    desk = Desk(request.param)
    desk.connect()
    return desk


def test_it_answers_and_gives_its_footage_as_far_as_credit_goes(desk: Desk) -> None:
    asked = desk.ask(Identify())
    assert desk.until(ReplyReceived) == [ReplyReceived(asked, IDENTITY)]
    desk.ask(ReadBattery(cell=0))
    (error,) = desk.until(ErrorReceived)
    assert isinstance(error, ErrorReceived) and error.error.code is ErrorCode.UNSUPPORTED
    stream = desk.ask(samples.typical(OpenSegment))
    assert desk.until(ReplyReceived, 2)[1] == ReplyReceived(stream, StreamOpened(length=len(FOOTAGE)))
    for limit in (1_000, 2**64 - 1):
        desk.host.conversations[0].grant(stream, limit)
    assert desk.until(StreamFinished) == [StreamFinished(stream, len(FOOTAGE), 0, "")]
    pieces = [event for event in desk.events if isinstance(event, StreamReceived)]
    assert b"".join(bytes(piece.data) for piece in pieces) == FOOTAGE


def test_it_can_be_closed_and_opened_again_and_has_no_other_channel(desk: Desk) -> None:
    desk.host.conversations[0].close()
    desk.until(Closed)
    while 0 in desk.host.conversations:
        desk._step()
    desk.host.open_channel(0, desk.now)
    desk.until(Established, 2)
    desk.host.open_channel(3, desk.now)
    (reset,) = desk.until(ChannelReset)
    assert isinstance(reset, ChannelReset) and reset.reason is ResetReason.NO_DEVICE
    assert not [event for event in desk.events if isinstance(event, LinkDown)]


def test_a_timer_that_is_too_short_costs_it_duplicates_and_nothing_else() -> None:
    """The first round trip is longer than the timer before anything was measured."""
    desk = Desk(0.4)
    desk.connect()
    asked = desk.ask(Identify())
    assert desk.until(ReplyReceived) == [ReplyReceived(asked, IDENTITY)]
    assert desk.device.duplicates and desk.host.link.counters.retransmissions
