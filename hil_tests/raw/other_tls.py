"""A host that would speak TLS in another way than this protocol does, and a look at what a device offers."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

from bwc_protocol.certificates.checks import Standing
from bwc_protocol.declare import NO_ROLE
from bwc_protocol.session.interface import Alert, PeerCredentials, SessionFailed
from bwc_protocol.session.preamble import TLS_1_3
from bwc_protocol.session.tls import KeyCredentials

RECORD_HEADER: Final = 5
SUPPORTED_VERSIONS, SUPPORTED_GROUPS, KEY_SHARE = 43, 10, 51
SERVER_NAME, ALPN, PRE_SHARED_KEY, EARLY_DATA = 0, 16, 41, 42
TLS_1_3_WIRE: Final = 0x0304
P_256: Final = 23
AES_128_GCM_SHA256: Final = 0x1301


class OtherTls:
    """The host's end of a handshake with whatever its context says; nothing is checked, and nothing said afterwards."""

    secure = True
    protection = TLS_1_3
    lifetime_s: float | None = None
    worn_out = False

    def __init__(self, credentials: KeyCredentials, context: ssl.SSLContext) -> None:
        credentials.load_into(context)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.peer: PeerCredentials | None = None
        self.failure: SessionFailed | None = None
        self.closed = False

    @property
    def pending(self) -> bool:
        return self._out.pending > 0

    def overhead(self, size: int) -> int:
        """It seals nothing."""
        return 0

    def start(self) -> None:
        """The device begins."""

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        self._in.write(data)
        if self.peer is None and self.failure is None:
            try:
                self._tls.do_handshake()
                self.peer = PeerCredentials("whoever goes on", NO_ROLE, None, Standing.GOOD)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                self.failure = SessionFailed(Alert.MALFORMED, str(error), by_peer=False)
        return []

    def outgoing(self) -> list[bytes]:
        return [self._out.read()] if self.pending else []

    def seal(self, *parts: bytes | memoryview) -> None:
        """It says nothing."""

    def close(self, alert: Alert = Alert.CLOSE) -> None:
        """Nor does it end in order."""


def context_of(*, newest: ssl.TLSVersion, group: str) -> ssl.SSLContext:
    """A server that wants this version, or this group for the key exchange."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = newest
    context.set_ecdh_curve(group)
    return context


@dataclass(frozen=True, slots=True)
class Offer:
    """What a ClientHello says, as far as this protocol is about it."""

    cipher_suites: tuple[int, ...]
    extensions: dict[int, bytes]

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of TLS that it offers."""
        return _u16s(self.extensions.get(SUPPORTED_VERSIONS, b"\0")[1:])

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups for a key exchange that it offers."""
        return _u16s(self.extensions.get(SUPPORTED_GROUPS, b"\0\0")[2:])

    @staticmethod
    def read(record: bytes) -> Offer:
        """Of a whole handshake record. Raises `ValueError`, `IndexError` for what is none."""
        hello = record[RECORD_HEADER + 4 :]
        at = 2 + 32
        at += 1 + hello[at]
        size = int.from_bytes(hello[at : at + 2])
        suites = _u16s(hello[at + 2 : at + 2 + size])
        at += 2 + size
        at += 1 + hello[at]
        end = at + 2 + int.from_bytes(hello[at : at + 2])
        at += 2
        found: dict[int, bytes] = {}
        while at < end:
            kind, size = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
            found[kind] = hello[at + 4 : at + 4 + size]
            at += 4 + size
        return Offer(suites, found)


def _u16s(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + 2]) for at in range(0, len(data) - 1, 2))
