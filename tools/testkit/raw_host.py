"""Hosts that end a camera's session in a TLS of their own, which keeps to no rule."""

from __future__ import annotations

import asyncio
import ssl

from bwc_protocol.session.interface import (
    Alert,
    PeerCredentials,
    SessionFactory,
    SessionFailed,
    SessionSide,
)
from bwc_protocol.session.preamble import TLS_1_3
from tools.testkit.secure_ends import RawEnd, raw_context


class RawHost:
    """A host's end that never lets anybody in: it does its handshake, and looks what it can see."""

    secure = True
    protection = TLS_1_3
    lifetime_s: float | None = None
    peer: PeerCredentials | None = None
    closed = False
    worn_out = False
    failure: SessionFailed | None = None

    def __init__(self, context: ssl.SSLContext) -> None:
        self.end = RawEnd(context, client=False)
        self._out: list[bytes] = []

    def start(self) -> None:
        """The device speaks first."""

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        """Goes on with the handshake; whatever becomes of it."""
        self.end.receive(bytes(data))
        self._out += self.end.outgoing()
        return []

    def overhead(self, length: int) -> int:
        """What TLS takes."""
        return 22

    @property
    def pending(self) -> bool:
        """Whether there is something to say."""
        return bool(self._out)

    def seal(self, *parts: bytes | memoryview) -> None:
        """Says nothing."""

    def close(self, alert: Alert = Alert.CLOSE) -> None:
        """Says nothing."""

    def outgoing(self) -> list[bytes]:
        """What its TLS says."""
        out, self._out = self._out, []
        return out


class Silent(RawHost):
    """A host that hears the device's hello and says nothing to it."""

    def __init__(self) -> None:
        super().__init__(raw_context(None, client=False))
        self.heard = asyncio.Event()
        """Set by the first byte of it."""

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        """Keeps it."""
        self.end.heard += bytes(data)
        self.heard.set()
        return []


def raw_hosts(context: ssl.SSLContext, made: list[RawHost]) -> SessionFactory:
    """Hosts of a context; each one that is made is kept in `made`."""

    def session(side: SessionSide) -> RawHost:
        made.append(RawHost(context))
        return made[-1]

    return session
