"""A pipe of the raw host that is over is told at once, and nobody waits for room on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from bwc_protocol.frame import (
    Bye,
    ByeReason,
    Frame,
    FrameType,
    HelloAck,
    Reset,
    ResetReason,
    encode_frame,
)
from bwc_sdk.sync.loop import loop_thread
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import make_camera
from hil_tests.raw import pipe as raw_pipe
from hil_tests.raw.link import RawLink
from hil_tests.raw.pipe import PipeLost, RawPipe
from hil_tests.raw.transcript import Transcript


@pytest.fixture
def camera() -> Iterator[SimCamera]:
    made = make_camera(recordings=0)
    yield made
    made.close()


@pytest.fixture
def pipe(camera: SimCamera, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawPipe]:
    monkeypatch.setattr(raw_pipe, "WRITE_S", 3600.0)  # whoever waits for room waits for ever
    made = RawPipe(MemoryTransport(camera), 1, Transcript())
    made.open()
    yield made
    made.close()


def test_nothing_is_said_on_a_pipe_that_was_closed(pipe: RawPipe) -> None:
    pipe.say(b"heard")
    pipe.close()
    with pytest.raises(PipeLost, match="is closed"):
        pipe.say(b"not heard")


def test_who_says_something_on_a_pipe_that_went_is_told_so(pipe: RawPipe) -> None:
    async def unplug() -> None:
        transport = pipe._transport
        assert isinstance(transport, MemoryTransport)
        transport.unplug()

    loop_thread().run(unplug())
    with pytest.raises(PipeLost, match="went"):
        pipe.say(b"not heard")


def test_what_is_no_good_frame_is_told_beside_the_silence(pipe: RawPipe) -> None:
    link = RawLink(pipe)
    assert link.told() == "silence"
    frame = bytearray(encode_frame(Frame(FrameType.PING, link=1)))
    frame[4] ^= 1
    pipe.received(b"boot\r\n" + bytes(frame))
    told = link.told()
    assert told.startswith("silence; ") and "HEADER_CRC" in told and b"boot".hex() in told


def test_a_late_answer_to_an_earlier_host_is_passed_over(pipe: RawPipe) -> None:
    """As on a UART: that host has gone, and what the device said to it still waits in the line."""
    earlier = HelloAck(host_nonce=1, max_payload=64, version=1, window=1)
    pipe.received(encode_frame(Frame(FrameType.HELLO_ACK, link=7, payload=earlier.encode())))
    pipe.received(
        encode_frame(Frame(FrameType.BYE, payload=Bye(reason=ByeReason.BUSY, host_nonce=2).encode()))
    )
    link = RawLink(pipe)
    link.open()
    assert not link.waiting
    unasked = encode_frame(Frame(FrameType.HELLO_ACK, link=7, payload=earlier.encode()))
    pipe.received(unasked)  # a device that says so to this host is heard
    link.settle()
    assert link.count(lambda frame: frame.type is FrameType.HELLO_ACK) == 1


def test_who_waits_until_handshakes_are_taken_keeps_the_link_also_where_the_test_answers_no_ping(
    pipe: RawPipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that is busy says so for up to 10 s, and lets go of a host that is silent for 5 s: by that, a test
    without answers said of a sound device that it had vanished."""
    link = RawLink(pipe)
    link.nonce, link.granted = 7, HelloAck(host_nonce=1, max_payload=1024, version=1, window=32)
    said: list[FrameType] = []

    def device(type: FrameType, **fields: Any) -> None:
        said.append(type)
        if type is FrameType.PING:
            pipe.received(encode_frame(Frame(FrameType.PONG, link=7, seq=fields["seq"])))
        elif type is FrameType.DATA and said.count(FrameType.DATA) == 1:
            busy = Reset(reason=ResetReason.BUSY, retry_after_ms=50)
            pipe.received(encode_frame(Frame(FrameType.RESET, link=7, payload=busy.encode())))
        elif type is FrameType.RESET:
            pipe.received(encode_frame(Frame(FrameType.PING, link=7)))

    monkeypatch.setattr(link, "say", device)
    link.answers_pings = False
    link.channel().open_when_taken(b"preamble")
    assert said.count(FrameType.DATA) == 2 and FrameType.PONG in said, "it waited, and was heard meanwhile"
    assert not link.answers_pings, "as the test wants it"


def test_where_nothing_was_asked_whatever_a_device_says_is_heard(pipe: RawPipe) -> None:
    """A device that speaks first breaks a rule: that is no answer to a host of before."""
    unasked = HelloAck(host_nonce=1, max_payload=64, version=1, window=1)
    pipe.received(encode_frame(Frame(FrameType.HELLO_ACK, link=7, payload=unasked.encode())))
    heard = pipe.next(0)
    assert heard is not None and heard.frame.type is FrameType.HELLO_ACK
