"""Any session fits behind the seam: one that costs by length, answers by itself, and has no words to end early."""

import re
from pathlib import Path

import pytest

import bwc_sdk
from bwc_protocol.conversation import Closed, Established, Failed, StreamReceived
from bwc_protocol.conversation.stream import BytesSource
from bwc_protocol.declare import NO_ROLE, Role
from bwc_protocol.messages.core import StreamOpened
from bwc_protocol.messages.identity import CameraState, Fault, StateChanged
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import (
    Alert,
    PeerCredentials,
    Session,
    SessionFactory,
    SessionFailed,
    SessionSide,
)
from bwc_sdk import World
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.virtual_time import run_virtual
from tools.generate import samples
from tools.testkit.pair import Pair, device_end, host_end
from tools.testkit.secure_ends import secure_session

ROOT = Path(__file__).parents[2]
PIECE = 1_000
"""Plaintext in one record, of which a long message takes several."""
TAG = 18
"""What sealing adds to each record, beside its header."""
RENEWED = b"\xff" * 8
"""What a side says by itself when it has received, as a key update is."""


class RecordedSession:
    """A session with records as those of TLS: short ones with a tag, messages of its own, an end only once it stands.

    Below it runs the insecure one, of which it wraps what passes; `said` is all that it said by itself.
    """

    secure = True
    protection = 1
    lifetime_s: float | None = 60.0
    worn_out = False

    def __init__(self, side: SessionSide) -> None:
        self._inner = insecure_session(side)
        self._out: list[bytes] = []
        self._partial = bytearray()
        self._received = 0
        self._ended = False
        self.said = 0

    @property
    def peer(self) -> PeerCredentials | None:
        return self._inner.peer

    @property
    def closed(self) -> bool:
        return self._inner.closed

    @property
    def failure(self) -> SessionFailed | None:
        return self._inner.failure

    @failure.setter
    def failure(self, failure: SessionFailed | None) -> None:
        self._inner.failure = failure

    def start(self) -> None:
        self._inner.start()
        self._take()

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        self._partial += data
        found: list[bytes | memoryview] = []
        while len(self._partial) >= 4:
            length = int.from_bytes(self._partial[:4], "little")
            if len(self._partial) < 4 + length + TAG:
                break
            body = bytes(self._partial[4 : 4 + length])
            del self._partial[: 4 + length + TAG]
            if body == RENEWED:
                continue
            found += self._inner.receive(body)
            self._received += 1
            if self._received % 5 == 0 and self.peer is not None and not self._ended:
                self.said += 1
                self._record(RENEWED)
        self._take()
        return [bytes(one) for one in found]

    def overhead(self, length: int) -> int:
        return self._inner.overhead(length) + (4 + TAG) * -(-(length + self._inner.overhead(length)) // PIECE)

    @property
    def pending(self) -> bool:
        return bool(self._out)

    def seal(self, *parts: bytes | memoryview) -> None:
        self._inner.seal(*parts)
        self._take()

    def close(self, alert: Alert = Alert.CLOSE) -> None:
        if self.peer is not None and not self._ended:  # before, it has no words for it
            self._ended = True
            self._inner.close(alert)
            self._take()

    def outgoing(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _take(self) -> None:
        for one in self._inner.outgoing():
            for at in range(0, len(one), PIECE):
                self._record(one[at : at + PIECE])

    def _record(self, body: bytes) -> None:
        self._out.append(len(body).to_bytes(4, "little") + body + bytes(TAG))


@pytest.mark.parametrize("factory", [RecordedSession, secure_session])
def test_a_conversation_runs_over_a_session_of_records(factory: SessionFactory) -> None:
    pair = Pair(host_end(session=factory), device_end(session=factory), cut=lambda size: 7)
    pair.run()
    established = [event for event in pair.host_events if isinstance(event, Established)]
    assert len(established) == 1 and established[0].peer.secure
    pair.host.close()
    pair.run()
    assert any(isinstance(event, Closed) for event in pair.device_events)
    assert pair.host.all_sent and pair.device.all_sent


@pytest.mark.parametrize("factory", [insecure_session, RecordedSession])
@pytest.mark.parametrize("length", [0, 1, 995, 996, 997, 5_000])
def test_a_session_knows_what_sealing_costs(factory: SessionFactory, length: int) -> None:
    one = factory(SessionSide(True, "camera", NO_ROLE, bytes))
    one.start()
    one.outgoing()
    one.seal(bytes(length))
    assert len(b"".join(one.outgoing())) == length + one.overhead(length)


@pytest.mark.parametrize("factory", [insecure_session, RecordedSession, secure_session])
def test_footage_arrives_in_whole_frames_whatever_sealing_costs(
    factory: SessionFactory,
) -> None:
    footage = bytes(range(256)) * 400
    pair = Pair(host_end(session=factory), device_end(session=factory))
    pair.run()
    stream = pair.host.request(samples.typical(OpenSegment))
    pair.run()
    pair.device.reply(stream, StreamOpened(length=len(footage)))
    pair.device.send_stream(stream, BytesSource(footage), len(footage))
    pair.run()
    pair.host.grant(stream, len(footage))
    pair.carry(from_host=True)
    pair.host.receive(b"".join(pair.device.outgoing(0, 0)), pair.now)  # what the session says by itself
    first = b"".join(pair.device.outgoing(1, 16_384, 4_096))  # one message: it ends where a frame ends
    assert -len(first) % 4_096 < 4 + TAG
    pair.host.receive(first, pair.now)
    pair.run()
    came = [event.data for event in pair.host_events if isinstance(event, StreamReceived)]
    assert b"".join(came) == footage


def test_what_a_session_says_by_itself_is_sent_though_nobody_above_has_anything_to_say() -> None:
    pair = Pair(host_end(session=RecordedSession), device_end(session=RecordedSession))
    pair.run()
    assert pair.host.quiet
    for _ in range(5):
        pair.device.send_event(StateChanged(state=CameraState.READY, faults=Fault(0)))
    pair.carry(from_host=False)
    assert not pair.host.quiet
    assert pair.host.outgoing(0, 0)
    assert pair.host.quiet


@pytest.mark.parametrize("factory", [RecordedSession, secure_session])
def test_a_session_without_words_for_an_early_end_still_ends(factory: SessionFactory) -> None:
    host = host_end(session=factory)
    host.start(0.0)
    host.tick(1e9)
    assert any(isinstance(event, Failed) for event in host.events())
    assert host.all_sent or host.outgoing(0, 0)


def test_a_whole_camera_is_reached_over_a_session_that_both_sides_are_given() -> None:
    made: list[RecordedSession] = []

    def factory(side: SessionSide) -> Session:
        made.append(RecordedSession(side))
        return made[-1]

    async def scenario() -> None:
        camera = SimCamera(CameraOptions(footage=SyntheticFootage(segment_bytes=200_000)))
        camera.profile.session = factory
        async with bwc_sdk.connect(
            MemoryTransport(camera), role=Role.BENCH, allow_insecure=True, world=World(session=factory)
        ) as client:
            assert client.peer.secure
            for _ in range(40):
                await client.battery.status()
        camera.close()

    run_virtual(scenario())
    assert len(made) == 2 and all(one.said for one in made)


@pytest.mark.parametrize("name", ["InsecureSession"])
def test_nothing_but_its_factory_names_the_insecure_session(name: str) -> None:
    naming = [
        path.relative_to(ROOT).as_posix()
        for folder in ("protocol", "bwc_sdk", "firmware_sim", "hil_tests", "tools")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(rf"\b{name}\b", path.read_text(encoding="utf-8"))
    ]
    assert naming == ["protocol/bwc_protocol/session/insecure.py"]
