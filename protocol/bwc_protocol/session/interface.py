"""What protects a channel's byte stream (spec: Session).

Everything above sees only `Session`. `InsecureSession` runs the same states without protecting anything: for
simulators. It is built so that nothing above it can come to depend on its ease: its handshake takes two
flights, its output may be split anywhere, and it can fail after the client believes that it is done.
"""

import enum
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import construct as c

from bwc_protocol.declare import MalformedMessage, Role, Wire, blob, flags, text, wire

RECORD_MAX: Final = 65_536
"""Largest record body that is read: the largest message, in one record."""
HANDSHAKE_MAX: Final = 16_384
"""Handshake bytes taken from a peer that has not authenticated: four certificates and their signatures."""

RECORD_HEADER: Final = c.Struct("type" / c.Int8ul, "length" / c.Int24ul)
_WORD: Final = struct.Struct("<I")  # the same as one number
_WHOLE_MAX: Final = 4 + RECORD_MAX


class RecordType(enum.IntEnum):
    """What a record of the insecure session carries."""

    HANDSHAKE = 1
    DATA = 2
    ALERT = 3


class Alert(enum.IntEnum):
    """Why a session ends."""

    CLOSE = 0
    """The orderly end."""
    REFUSED = 1
    """The peer's identity or role is not accepted."""
    MALFORMED = 2
    """What the peer said breaks a rule of the session, or of the messages inside it."""


class SessionFailed(Exception):
    """The session is over and must not be used again. `alert` is what the peer is or was told."""

    def __init__(self, alert: Alert, detail: str, *, by_peer: bool) -> None:
        super().__init__(detail)
        self.alert = alert
        self.detail = detail
        self.by_peer = by_peer


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """Who the session says that the peer is."""

    identity: str
    roles: Role


class Session(Protocol):
    """The states of any session: handshake, established, closed or failed.

    The device is the client and speaks first; the host is the server.
    """

    secure: bool
    """Whether what it yields can be relied on; an insecure session marks every report."""

    @property
    def peer(self) -> PeerCredentials | None:
        """Who the peer is; None until this side has finished its handshake."""

    @property
    def closed(self) -> bool:
        """Whether the peer has closed in order."""

    failure: "SessionFailed | None"
    """What ended the session, behind the plaintext that `receive` gave last."""

    def start(self) -> None:
        """Both preambles are known: begin."""

    def receive(self, data: bytes | memoryview) -> list[bytes | memoryview]:
        """Takes bytes of the channel and gives the plaintext in them.

        Raises `SessionFailed` when the session fails with no plaintext before that in `data`; else `failure` is set:
        what came before the failure is the peer's word, however the bytes were cut.
        """

    overhead: int
    """Bytes that sealing adds to a plaintext."""

    @property
    def pending(self) -> bool:
        """Whether `outgoing` has something."""

    def seal(self, *parts: bytes | memoryview) -> None:
        """Protects the parts as one plaintext, of at most the peer's `max_plaintext` bytes, and queues it for
        `outgoing`. The parts are not kept."""

    def close(self, alert: Alert = Alert.CLOSE) -> None:
        """Queues the end of the session."""

    def outgoing(self) -> list[bytes]:
        """Drains the bytes to be sent on the channel."""


@wire
class _Hello(Wire):
    """The body of a handshake record."""

    identity: str = text("name", max=64)
    roles: Role = flags(Role, "roles of a host; 0 from a device")
    random: bytes = blob("16 fresh bytes", size=16)


class InsecureSession:
    """A session that protects nothing; refused by everything that is not a simulator.

    `accept` decides on the peer's credentials, as a certificate check would. `split` gives for each run of
    output bytes where to cut it, so that tests can hold everything above to "a stream has no boundaries".
    """

    secure = False
    overhead = 4

    def __init__(
        self,
        *,
        client: bool,
        identity: str,
        roles: Role,
        random: bytes,
        accept: Callable[[PeerCredentials], bool] = lambda peer: True,
        split: Callable[[int], int] | None = None,
    ) -> None:
        self._client = client
        self._hello = _Hello(identity=identity, roles=roles, random=random)
        self._accept = accept
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
        if 4 < end <= _WHOLE_MAX and self._type is None and not self._partial:
            (word,) = _WORD.unpack_from(view)
            whole = word == (end - 4) << 8 | RecordType.DATA
            if whole and self._peer is not None and not self._closed and self.failure is None:
                return [view[4:]]  # one record in one piece: every small message
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
        header = (kind | sum(map(len, parts)) << 8).to_bytes(4, "little")
        self._out.append(b"".join((header, *parts)))

    def _read_header(self, view: memoryview, at: int, end: int) -> int:
        take = min(4 - len(self._partial), end - at)
        if take == 4:
            word = int.from_bytes(view[at : at + 4], "little")
        else:
            self._partial += view[at : at + take]
            if len(self._partial) < 4:
                return end
            word = int.from_bytes(self._partial, "little")
            self._partial.clear()
        kind, length = word & 0xFF, word >> 8
        if kind not in (RecordType.HANDSHAKE, RecordType.DATA, RecordType.ALERT):
            self._fail(Alert.MALFORMED, f"record type {kind} does not exist")
        if length > RECORD_MAX:
            self._fail(Alert.MALFORMED, f"a record of {length} bytes, at most {RECORD_MAX}")
        if kind == RecordType.HANDSHAKE:
            self._handshake_bytes += 4 + length
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
