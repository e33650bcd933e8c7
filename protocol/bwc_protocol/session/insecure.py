"""A session that protects nothing: for simulators (spec: Session).

It runs the states of any session, and is built so that nothing above it can come to depend on its ease: its handshake
takes two flights, its output may be split anywhere, and it can fail after the client believes that it is done.
"""

import enum
import struct
from collections.abc import Callable
from typing import Final

import construct as c

from bwc_protocol.declare import MalformedMessage, Role, Wire, blob, flags, text, wire
from bwc_protocol.session.interface import (
    RECORD_MAX,
    Alert,
    PeerCredentials,
    Session,
    SessionFailed,
    SessionSide,
)
from bwc_protocol.session.preamble import NO_PROTECTION

HANDSHAKE_MAX: Final = 16_384
"""Handshake bytes taken from a peer that has not authenticated: four certificates and their signatures."""

RECORD_HEADER: Final = c.Struct("type" / c.Int8ul, "length" / c.Int24ul)
_WORD: Final = struct.Struct("<I")  # the same as one number
_HEADER_SIZE: Final = 4
"""Type (8 bits) and length (24 bits) of a record."""
_WHOLE_MAX: Final = _HEADER_SIZE + RECORD_MAX  # the largest record with its header
HEADER_SIZE: Final = RECORD_HEADER.sizeof()
RANDOM_SIZE: Final = 16


class RecordType(enum.IntEnum):
    """What a record of the insecure session carries."""

    HANDSHAKE = 1
    DATA = 2
    ALERT = 3


@wire
class _Hello(Wire):
    """The body of a handshake record."""

    identity: str = text("name", max=64)
    roles: Role = flags(Role, "roles of a host; 0 from a device")
    random: bytes = blob("16 fresh bytes", size=RANDOM_SIZE)


class InsecureSession:
    """A session that protects nothing; refused by everything that is not a simulator.

    `accept` decides on the peer's credentials, as a certificate check would. `split` gives for each run of
    output bytes where to cut it, so that tests can hold everything above to "a stream has no boundaries".
    """

    secure = False
    protection = NO_PROTECTION
    lifetime_s: float | None = None
    worn_out = False

    def __init__(self, side: SessionSide, split: Callable[[int], int] | None) -> None:
        self._client = side.client
        self._hello = _Hello(identity=side.identity, roles=side.roles, random=side.entropy(RANDOM_SIZE))
        self._accept = side.accept
        self._split = split
        self._out: list[bytes] = []
        self._peer: PeerCredentials | None = None
        self._closed = False
        self.failure: SessionFailed | None = None
        self._handshake_bytes = 0
        self._partial = bytearray()  # record header or body of a handshake or alert, until complete
        self._type: int | None = None
        self._wanted = 0  # bytes of the present record that are still to come

    @property
    def peer(self) -> PeerCredentials | None:
        return self._peer

    @property
    def closed(self) -> bool:
        return self._closed

    def start(self) -> None:
        if self._client:
            self._record(RecordType.HANDSHAKE, self._hello.codec.encode(self._hello))

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        view = memoryview(data)
        at, end = 0, len(view)
        if _HEADER_SIZE < end <= _WHOLE_MAX and self._type is None and not self._partial:
            (word,) = _WORD.unpack_from(view)
            whole = word == (end - _HEADER_SIZE) << 8 | RecordType.DATA
            if whole and self._peer is not None and not self._closed and self.failure is None:
                return [view[_HEADER_SIZE:]]  # one record in one piece: every small message
        found: list[bytes | memoryview] = []
        try:
            self._read(view, at, end, found)
        except SessionFailed as error:
            self.failure = error
            if not found:
                raise
        return found

    def _read(self, view: memoryview, at: int, end: int, found: list[bytes | memoryview]) -> None:
        while at < end:
            if self._closed or self.failure is not None:
                return  # whatever follows a close is not the peer's word any more
            if self._type is None:
                at = self._read_header(view, at, end)
                continue
            take = min(self._wanted, end - at)
            piece = view[at : at + take]
            at += take
            self._wanted -= take
            if self._type == RecordType.DATA:
                found.append(piece)
            else:
                self._partial += piece
            if not self._wanted:
                self._record_complete()

    @property
    def pending(self) -> bool:
        return bool(self._out)

    def overhead(self, length: int) -> int:
        return HEADER_SIZE

    def seal(self, *parts: bytes | memoryview) -> None:
        self._record(RecordType.DATA, *parts)

    def close(self, alert: Alert = Alert.CLOSE) -> None:
        self._record(RecordType.ALERT, bytes([alert]))

    def outgoing(self) -> list[bytes]:
        out, self._out = self._out, []
        if self._split is None:
            return out
        joined = b"".join(out)
        pieces = []
        while joined:
            cut = max(1, self._split(len(joined)))
            pieces.append(joined[:cut])
            joined = joined[cut:]
        return pieces

    def _record(self, kind: RecordType, *parts: bytes | memoryview) -> None:
        header = (kind | sum(map(len, parts)) << 8).to_bytes(_HEADER_SIZE, "little")
        self._out.append(b"".join((header, *parts)))

    def _read_header(self, view: memoryview, at: int, end: int) -> int:
        take = min(_HEADER_SIZE - len(self._partial), end - at)
        if take == _HEADER_SIZE:
            word = int.from_bytes(view[at : at + _HEADER_SIZE], "little")
        else:
            self._partial += view[at : at + take]
            if len(self._partial) < _HEADER_SIZE:
                return end
            word = int.from_bytes(self._partial, "little")
            self._partial.clear()
        kind, length = word & 0xFF, word >> 8
        if kind not in (RecordType.HANDSHAKE, RecordType.DATA, RecordType.ALERT):
            self._fail(Alert.MALFORMED, f"record type {kind} does not exist")
        if length > RECORD_MAX:
            self._fail(Alert.MALFORMED, f"a record of {length} bytes, at most {RECORD_MAX}")
        if kind == RecordType.HANDSHAKE:
            self._handshake_bytes += _HEADER_SIZE + length
            if self._handshake_bytes > HANDSHAKE_MAX:
                self._fail(Alert.MALFORMED, f"more than {HANDSHAKE_MAX} bytes of handshake")
        if kind == RecordType.DATA and self._peer is None:
            self._fail(Alert.MALFORMED, "data before the handshake")
        if kind == RecordType.ALERT and length != 1:
            self._fail(Alert.MALFORMED, "an alert is one byte")
        self._type, self._wanted = kind, length
        if not length:
            self._record_complete()
        return at + take

    def _record_complete(self) -> None:
        kind, self._type = self._type, None
        body = bytes(self._partial)
        self._partial.clear()
        if kind == RecordType.HANDSHAKE:
            self._take_hello(body)
        elif kind == RecordType.ALERT:
            if body[0] == Alert.CLOSE:
                self._closed = True
                return
            alert = Alert(body[0]) if body[0] in list(Alert) else Alert.MALFORMED
            raise SessionFailed(alert, f"the peer ended the session: {alert.name}", by_peer=True)

    def _take_hello(self, body: bytes) -> None:
        if self._peer is not None:
            self._fail(Alert.MALFORMED, "a second handshake")
        try:
            hello: _Hello = _Hello.codec.decode(body)
        except MalformedMessage as error:
            self._fail(Alert.MALFORMED, str(error))
        peer = PeerCredentials(hello.identity, hello.roles)
        if not self._client:
            # As in TLS 1.3, the client believes that it is done when this flight arrives.
            self._record(RecordType.HANDSHAKE, self._hello.codec.encode(self._hello))
        if not self._accept(peer):
            self._fail(Alert.REFUSED, f"{hello.identity!r} is not accepted")
        self._peer = peer

    def _fail(self, alert: Alert, detail: str) -> None:
        self.close(alert)
        raise SessionFailed(alert, detail, by_peer=False)


def insecure_session(side: SessionSide, split: Callable[[int], int] | None = None) -> Session:
    """Makes a side of a session that protects nothing. `split` is as in `InsecureSession`."""
    return InsecureSession(side, split)
