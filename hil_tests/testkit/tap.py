"""What a device says to a host, byte by byte, and a host that says no more than a test has it say."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

from bwc_protocol.frame import MAX_PAYLOAD, Frame, FrameParser, FrameType, Reset
from bwc_protocol.link import (
    ChannelReset,
    Link,
    LinkDown,
    LinkEvent,
    LinkParams,
    LinkRole,
    LinkUp,
    ResetReason,
)
from bwc_sdk.transport import Transport
from hil_tests.testkit.cable import Cable

RECORD_HEADER: Final = 5
CLIENT_HELLO: Final = b"\x16\x03\x01"
"""How a TLS client begins: a handshake record, of the version that all stacks write there (RFC 8446, 5.1)."""
CHANGE_CIPHER_SPEC, ALERT, SEALED = 20, 21, 23
SEALED_ALERT_MAX: Final = 2 + 1 + 16
"""Bytes of an alert under its seal: level and word, type, tag. No certificate fits into that."""
TICK_S: Final = 0.01


class Tap(Cable):
    """A cable on which somebody listens: `heard` is all that came from the device."""

    def __init__(self, inner: Transport) -> None:
        super().__init__(inner)
        self.heard = bytearray()

    def received(self, data: bytes | memoryview) -> None:
        self.heard += data
        super().received(data)

    @property
    def frames(self) -> list[Frame]:
        """The frames of what was heard."""
        return list(FrameParser(MAX_PAYLOAD).feed(bytes(self.heard), 0.0))

    def said(self, channel: int) -> bytes:
        """The bytes that the device said on a channel, in their order, each once."""
        numbered = {
            frame.seq: bytes(frame.payload)
            for frame in self.frames
            if frame.type is FrameType.DATA and frame.channel == channel
        }
        return b"".join(numbered[seq] for seq in sorted(numbered))

    def resets(self, channel: int) -> list[ResetReason]:
        """Why the device ended lives of a channel."""
        return [
            Reset.decode(bytes(frame.payload)).reason
            for frame in self.frames
            if frame.type is FrameType.RESET and frame.channel == channel
        ]


def records(said: bytes) -> list[tuple[int, int]]:
    """Type and length of each TLS record."""
    found, at = [], 0
    while at + RECORD_HEADER <= len(said):
        length = int.from_bytes(said[at + 3 : at + RECORD_HEADER])
        found.append((said[at], length))
        at += RECORD_HEADER + length
    assert at == len(said), "what follows the ClientHello are no whole records of TLS"
    return found


class RawHost:
    """A host with a link as it should be, on whose channel a test says what it likes. For one event loop."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._events: list[LinkEvent] = []
        self._link: Link | None = None

    async def open(self) -> None:
        """Opens the pipe, and says nothing."""
        await self._tap.open(self)

    async def connect(self, channel: int) -> None:
        """Says HELLO, and opens a channel once there is a link."""
        limits = self._tap.limits
        params = LinkParams(
            max_payload=limits.max_payload,
            dead_after_s=limits.dead_after_s,
            initial_rate=limits.initial_rate,
        )
        self._link = Link(LinkRole.HOST, params, nonce=lambda: secrets.randbelow(2**32))
        self._link.open(self._now())
        assert await self.waited(lambda: any(isinstance(event, LinkUp) for event in self._events), 10.0), (
            "no link within 10 s"
        )
        self._link.open_channel(channel)

    def say(self, channel: int, data: bytes) -> None:
        """Says bytes on a channel."""
        assert self._link is not None
        self._link.send(channel, data, self._now())

    async def waited(self, holds: Callable[[], bool], at_most_s: float) -> bool:
        """Whether `holds` came true in time. An end of the link or of the channel is for the test to see."""
        until = self._now() + at_most_s
        while not holds():
            if self._now() > until or any(isinstance(e, LinkDown | ChannelReset) for e in self._events):
                return holds()
            self._move()
            await asyncio.sleep(TICK_S)
        return True

    async def close(self) -> None:
        """Says goodbye."""
        if self._link is not None:
            self._link.close(self._now())
            self._move()
        await self._tap.close()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _move(self) -> None:
        if self._link is None:
            return
        self._link.tick(self._now())
        self._events += self._link.events()
        room = self._tap.room()
        if room > 0 and (parts := self._link.outgoing(self._now(), room)):
            self._tap.write(parts)

    # The tap's receiver

    def received(self, data: bytes | memoryview) -> None:
        if self._link is not None:
            for _ in self._link.receiving(data, self._now()):
                self._events += self._link.events()
            self._move()

    def lost(self, error: Exception) -> None:
        """For the test to see, by what was not said."""

    def writable(self) -> None:
        self._move()
