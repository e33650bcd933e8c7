"""A port that has no camera behind it is one typed error, in bounded time, and gets nothing but HELLO from us."""

import asyncio
import random
from collections.abc import Callable

import pytest

from bwc_protocol.frame import FrameParser, FrameType
from bwc_sdk import BwcError, World, connect
from bwc_sdk.errors import NotADevice
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.transport import Limits, Receiver
from firmware_sim.virtual_time import run_virtual

WITHIN_S = 16.0
"""15 s of connect, and the farewell."""


class Port:
    """A port with something else behind it: `answer` gives what that says to what it hears."""

    def __init__(self, answer: Callable[[bytes], bytes], *, greeting: bytes = b"") -> None:
        self.name = "serial:/dev/ttyS9"
        self.limits = Limits(61_440)
        self.heard = b""
        self._answer = answer
        self._greeting = greeting
        self._receiver: Receiver | None = None

    async def open(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._say(self._greeting)

    def room(self) -> int:
        return 1 << 20

    def write(self, parts: list[bytes]) -> None:
        data = b"".join(parts)
        self.heard += data
        self._say(self._answer(data))

    async def close(self) -> None:
        self._receiver = None

    def _say(self, data: bytes) -> None:
        def deliver() -> None:
            if self._receiver is not None:
                self._receiver.received(data)

        if data:
            asyncio.get_running_loop().call_later(0.01, deliver)


NOISE = random.Random(4)
BANNER = b"SSH-2.0-OpenSSH_9.6\r\n"
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
MODEM = b"\r\nERROR\r\n"

PORTS: dict[str, Callable[[], Port]] = {
    "silence": lambda: Port(lambda heard: b""),
    "noise": lambda: Port(lambda heard: NOISE.randbytes(5_000)),
    "a plug that returns all": lambda: Port(lambda heard: heard),
    "an SSH server": lambda: Port(lambda heard: b"", greeting=BANNER),
    "an HTTP server": lambda: Port(lambda heard: HTTP),
    "a modem that echoes": lambda: Port(lambda heard: heard + MODEM),
    "nothing but sync bytes": lambda: Port(lambda heard: b"\xb3\x57" * 500),
    "zeros for ever": lambda: Port(lambda heard: bytes(100_000)),
}


@pytest.mark.parametrize("make", PORTS.values(), ids=PORTS.keys())
def test_what_is_no_camera_is_named_so_in_bounded_time(make: Callable[[], Port]) -> None:
    async def main() -> tuple[BwcError, float, Port]:
        port = make()
        world = World(entropy=random.Random(1).randbytes, workers=InlineWorkers())
        with pytest.raises(BwcError) as caught:
            await connect(port, world=world, allow_insecure=True)
        return caught.value, asyncio.get_running_loop().time(), port

    error, took, port = run_virtual(main())
    assert isinstance(error, NotADevice)
    assert error.device == port.name
    assert took <= WITHIN_S
    sent = FrameParser(61_440).feed(port.heard, 0.0)
    assert {frame.type for frame in sent} <= {FrameType.HELLO, FrameType.BYE}, (
        "nothing of us, nothing of ours"
    )


def test_silence_is_told_from_another_protocol() -> None:
    async def rule(port: Port) -> str:
        with pytest.raises(NotADevice) as caught:
            await connect(port, world=World(workers=InlineWorkers()), allow_insecure=True)
        return caught.value.rule

    silent = run_virtual(rule(PORTS["silence"]()))
    other = run_virtual(rule(PORTS["an HTTP server"]()))
    assert "nothing answers" in silent
    assert "another protocol" in other
