"""One channel's conversation: preamble, session, requests, events, streams.

Source: spec, Session, Messages and Streams.

Sans-IO: bytes of the channel and the time go in; bytes, events and the next deadline come out. Both roles
are this one class; the device enforces roles, READY and bounds before anything reaches a handler.
"""

import enum
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bwc_protocol import preamble as pre
from bwc_protocol.conversation.events import (
    Closed,
    ConversationEvent,
    ErrorReceived,
    Established,
    EventReceived,
    Failed,
    FailReason,
    PeerInfo,
    ReplyMalformed,
    ReplyReceived,
    RequestNotPermitted,
    RequestReceived,
)
from bwc_protocol.conversation.streams import Streams, line
from bwc_protocol.declare import (
    COMMANDS,
    CONTROLS,
    EVENTS,
    NO_ROLE,
    Control,
    Event,
    MalformedMessage,
    Request,
    Role,
    StreamDirection,
    Version,
    Wire,
)
from bwc_protocol.message import (
    DATA_HEADER,
    DATA_MAX,
    Flag,
    Message,
    MessageReader,
    StreamBytes,
    build,
)
from bwc_protocol.messages.core import (
    ErrorReply,
    Ready,
    SessionInfo,
    StreamCancel,
    StreamCredit,
    StreamEnd,
    StreamOpened,
)
from bwc_protocol.preamble import Preamble
from bwc_protocol.session import Session, SessionFailed
from bwc_protocol.stream import MAX_STREAMS, StreamSource
from bwc_protocol.vocabulary import ErrorCode, PeerKind

HANDSHAKE_S: Final = 10.0
"""From the preamble to READY: a handshake of 2.4 kB takes 0.2 s at 115,200 baud."""
MAX_REQUESTS: Final = 16
"""Requests outstanding at once; beyond, the device answers BUSY."""
CONTROL_QUEUE_MAX: Final = 2_097_152
"""Bytes of replies that wait for the link: 16 of the largest, twice. Beyond, the peer is reset."""


class State(enum.Enum):
    """Where the conversation stands."""

    PREAMBLE = "preamble"
    HANDSHAKE = "handshake"
    INFO = "session info"
    READY = "ready"
    OVER = "over"


# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
_READY: Final = State.READY
_OVER: Final = State.OVER
_REPLY: Final = Flag.REPLY
_ERROR: Final = Flag.ERROR
_EVENT: Final = Flag.EVENT


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalInfo:
    """What this side says of itself in SESSION_INFO; a host leaves the device's fields at 0."""

    kind: PeerKind
    identity: str
    roles: Role = NO_ROLE
    capabilities: int = 0
    boot_counter: int = 0
    firmware_sha256: bytes = bytes(32)


class Conversation:
    """One side of a conversation on one channel."""

    def __init__(self, local: LocalInfo, preamble: Preamble, session: Session) -> None:
        self.state = State.PREAMBLE
        self.peer: PeerInfo | None = None
        self.tap: Callable[[bool, Message], None] | None = None
        """Shown every message but stream data, with True for those sent: for captures."""
        self._local = local
        self._host = local.kind is PeerKind.HOST
        self._ours = preamble
        self._ours_raw = preamble.encode()
        self._theirs: Preamble | None = None
        self._theirs_raw = bytearray()
        self._version: Version = pre.NEWEST
        self._session = session
        self._info_sent = False
        self._reader = MessageReader()
        self._events: list[ConversationEvent] = []
        self._raw: list[bytes] = []  # preamble: outside the session
        self._control: deque[bytes] = deque()
        self._control_bytes = 0
        self._deadline: float | None = None
        self._next_request = 1
        self._asked: dict[int, type[Request[Any]]] = {}  # host: outstanding
        self._answering: dict[int, type[Request[Any]]] = {}  # device: outstanding
        self._streams = Streams(host=self._host, tell=self._send_control, emit=self._emit)
        self._closing = False  # this side has closed in order and waits for the peer's close

    # Life

    def start(self, now: float) -> None:
        """The channel is open. The host speaks first; the device waits for the host's preamble."""
        self._deadline = now + HANDSHAKE_S
        if self._host:
            self._raw.append(self._ours_raw)

    def close(self) -> None:
        """Ends in order: what is queued is sent first."""
        if self.state is not _OVER:
            self._seal_control()
            self._session.close()
            self.state = _OVER
            self._closing = True
            self._deadline = None

    def tick(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline:
            self._fail(
                FailReason.TIMEOUT, f"not ready after {HANDSHAKE_S:.0f} s, in state {self.state.value}"
            )

    def deadline(self) -> float | None:
        return self._deadline

    def events(self) -> list[ConversationEvent]:
        """Drains what happened."""
        events = self._events
        if events:
            self._events = []
        return events

    @property
    def quiet(self) -> bool:
        """Whether `outgoing` would give nothing, whatever its budget."""
        return not (self._control or self._raw or self._streams.sending or self._session.pending)

    def _emit(self, event: ConversationEvent) -> None:
        self._events.append(event)

    # In

    def receive(self, data: bytes | memoryview, now: float) -> None:
        """Takes the next bytes of the channel."""
        if self.state is _OVER:
            if self._closing:
                self._drain_close(data)
            return
        try:
            if self._theirs is None:
                data = self._take_preamble(data)
                if self._theirs is None:
                    return
            for piece in self._session.receive(data) if data else ():
                for message in self._reader.feed(piece):
                    self._dispatch(message)
                    if self._over():
                        return
            if self._session.closed or not self._info_sent:
                self._after_session()
        except SessionFailed as error:
            reason = FailReason.REFUSED if error.by_peer or error.alert == 1 else FailReason.SESSION
            self._fail(reason, error.detail)
        except MalformedMessage as error:
            self._fail(FailReason.PROTOCOL, str(error))

    def _over(self) -> bool:
        return self.state is _OVER

    def _drain_close(self, data: bytes | memoryview) -> None:
        try:
            self._session.receive(data)
        except SessionFailed:
            self._closing = False  # this side is over already; how the peer ends no longer matters
        if self._session.closed:
            self._closing = False
            self._emit(Closed())

    def _take_preamble(self, data: bytes | memoryview) -> bytes | memoryview:
        wanted = pre.SIZE - len(self._theirs_raw)
        if not wanted:
            return b""  # a device without a common version has said so, and waits for the host to leave
        self._theirs_raw += data[:wanted]
        magic = min(len(self._theirs_raw), len(pre.MAGIC))
        if self._theirs_raw[:magic] != pre.MAGIC[:magic]:
            self._fail(FailReason.NOT_A_DEVICE, f"it opens with {bytes(self._theirs_raw[:16]).hex()}")
            return b""
        if len(self._theirs_raw) < pre.SIZE:
            return b""
        try:
            theirs = Preamble.decode(bytes(self._theirs_raw))
        except pre.NotAPreamble as error:
            self._fail(FailReason.NOT_A_DEVICE, str(error))
            return b""
        if (theirs.kind is PeerKind.HOST) == self._host:
            self._fail(FailReason.NOT_A_DEVICE, f"both ends call themselves {theirs.kind.name}")
            return b""
        if not self._host:
            self._raw.append(self._ours_raw)
        version = pre.choose_version(self._ours, theirs)
        if version is None:
            if self._host:
                self._fail(FailReason.VERSION, _versions(self._ours, theirs))
            return b""
        self._theirs, self._version = theirs, version
        self.state = State.HANDSHAKE
        self._session.start()
        return data[wanted:]

    def _after_session(self) -> None:
        if self._session.peer is not None and not self._info_sent:
            self._info_sent = True
            self.state = State.INFO
            info = SessionInfo(
                preambles_sha256=self._binding(),
                major=self._version[0],
                minor=self._version[1],
                kind=self._local.kind,
                roles=self._local.roles,
                identity=self._local.identity,
                capabilities=self._local.capabilities,
                boot_counter=self._local.boot_counter,
                firmware_sha256=self._local.firmware_sha256,
            )
            self._send_control(0, info)
        if self._session.closed and self.state is not _OVER:
            self._control.clear()  # whatever was still to be said, nobody reads it
            self._control_bytes = 0
            self._session.close()
            self.state = _OVER
            self._deadline = None
            self._emit(Closed())

    def _binding(self) -> bytes:
        ours, theirs = self._ours_raw, bytes(self._theirs_raw)
        return pre.binding(ours, theirs) if self._host else pre.binding(theirs, ours)

    # Messages

    def _dispatch(self, message: Message | StreamBytes) -> None:
        if isinstance(message, StreamBytes):
            self._streams.take_data(message)
            return
        if self.tap is not None:
            self.tap(False, message)
        if message.flags == _REPLY or message.flags == _ERROR:
            self._take_answer(message)
        elif message.flags == _EVENT:
            self._take_event(message)
        elif message.opcode in CONTROLS:
            self._take_control(message.request, CONTROLS[message.opcode].codec.decode(message.body))
        else:
            self._take_request(message)

    def _take_control(self, request_id: int, control: Control) -> None:
        match control:
            case SessionInfo():
                self._take_info(control)
            case Ready():
                if self._host or self.state is not State.INFO or self.peer is None:
                    raise MalformedMessage(
                        "session.ready", "comes once, from the host, after its session info"
                    )
                self._become_ready()
            case StreamCredit():
                self._streams.take_credit(request_id, control)
            case StreamEnd():
                self._streams.take_end(request_id, control)
            case StreamCancel():
                self._streams.take_cancel(request_id, control)
            case _:
                raise MalformedMessage(control.name, "does not come as a message of its own")

    def _take_info(self, info: SessionInfo) -> None:
        session_peer = self._session.peer
        if self.peer is not None or session_peer is None:
            raise MalformedMessage("session.info", "comes once, inside the session")
        if info.preambles_sha256 != self._binding() or (info.major, info.minor) != self._version:
            self._fail(FailReason.SESSION, "the peer saw other preambles: somebody stands between")
            return
        if info.identity != session_peer.identity:
            self._fail(FailReason.SESSION, "session info and session name different peers")
            return
        assert self._theirs is not None
        if info.kind != self._theirs.kind:
            self._fail(FailReason.SESSION, "session info and preamble name different kinds")
            return
        self.peer = PeerInfo(
            kind=self._theirs.kind,
            identity=session_peer.identity,
            roles=session_peer.roles,
            version=self._version,
            capabilities=info.capabilities,
            boot_counter=info.boot_counter,
            firmware_sha256=info.firmware_sha256,
            secure=self._session.secure,
        )
        if self._host:
            # The device's session info proves that it accepted us: in TLS a client's word alone does not.
            self._after_session()
            self._send_control(0, Ready())
            self._become_ready()

    def _become_ready(self) -> None:
        assert self.peer is not None
        self.state = _READY
        self._deadline = None
        self._emit(Established(self.peer))

    # Requests: the host's side

    def request(self, request: Request[Any]) -> int:
        """Sends a request and gives its id. The caller keeps at most `MAX_REQUESTS` outstanding."""
        if self.state is not _READY or len(self._asked) >= MAX_REQUESTS:
            raise RuntimeError(f"no request now: {self.state.value}, {len(self._asked)} outstanding")
        body = request.codec.encode(request)
        request_id = self._next_request
        self._next_request = request_id % 0xFFFF_FFFF + 1
        self._asked[request_id] = type(request)
        self._send(request.opcode, 0, request_id, body)
        return request_id

    def forget(self, request_id: int) -> None:
        """Nobody waits for this answer any more; when it comes it is dropped."""
        self._asked.pop(request_id, None)

    def _take_answer(self, message: Message) -> None:
        request = self._asked.pop(message.request, None)
        if request is None:
            self._drop_late(message)
            return
        if message.opcode != request.opcode:
            raise MalformedMessage(request.name, f"answered with opcode {message.opcode:#06x}")
        try:
            if message.flags == _ERROR:
                error = ErrorReply.codec.decode(message.body)
                self._emit(ErrorReceived(message.request, error))
                return
            reply = request.reply.codec.decode(message.body)
        except MalformedMessage as error:
            self._drop_late(message)
            self._emit(ReplyMalformed(message.request, str(error)))
            return
        if request.stream is not None and isinstance(reply, StreamOpened):
            from_device = request.stream is StreamDirection.FROM_DEVICE
            (self._streams.receive if from_device else self._streams.announce)(message.request, reply.length)
        self._emit(ReplyReceived(message.request, reply))

    def _drop_late(self, message: Message) -> None:
        """Nobody waits for this answer; a stream that it opened would hold a place on the device for ever."""
        declared = COMMANDS.get(message.opcode)
        opened = declared is not None and declared.stream is not None and message.flags == _REPLY
        if self._host and opened and message.request not in self._streams:
            self._send_control(message.request, StreamCancel(code=0))

    def _take_event(self, message: Message) -> None:
        declared = EVENTS.get(message.opcode)
        if self.state is not _READY or not self._host:
            raise MalformedMessage("message", "events come from the device, after READY")
        if declared is not None:  # an event of a newer minor version is skipped
            self._emit(EventReceived(declared.codec.decode(message.body)))

    # Requests: the device's side

    def _take_request(self, message: Message) -> None:
        request_id, opcode = message.request, message.opcode
        declared = COMMANDS.get(opcode)
        if self._host:
            raise MalformedMessage("message", "a device sends no requests")
        if self.state is not _READY or self.peer is None:
            self._refuse(opcode, request_id, ErrorCode.NOT_READY, "before READY")
        elif declared is None:
            self._refuse(opcode, request_id, ErrorCode.UNSUPPORTED, f"opcode {opcode:#06x}")
        elif self._local.kind not in declared.answered_by:
            kind = self._local.kind.name.lower()
            self._refuse(opcode, request_id, ErrorCode.UNSUPPORTED, f"{declared.name} is not for a {kind}")
        elif not int(declared.roles) & int(self.peer.roles):  # a third of the time of the enum's own
            self._refuse(
                opcode, request_id, ErrorCode.NOT_PERMITTED, f"{declared.name} needs one of: {declared.roles}"
            )
            self._emit(RequestNotPermitted(request_id, declared))
        elif request_id in self._answering or request_id in self._streams:
            self._refuse(opcode, request_id, ErrorCode.BUSY, f"request id {request_id} is in use", 100)
        elif len(self._answering) >= MAX_REQUESTS:
            self._refuse(opcode, request_id, ErrorCode.BUSY, f"{MAX_REQUESTS} requests are outstanding", 100)
        elif declared.stream and self._streams.open >= MAX_STREAMS:
            self._refuse(opcode, request_id, ErrorCode.BUSY, f"{MAX_STREAMS} streams are open", 1000)
        elif not request_id:
            self._refuse(opcode, request_id, ErrorCode.MALFORMED, "request id 0 belongs to events")
        else:
            try:
                request = declared.codec.decode(message.body)
            except MalformedMessage as error:
                self._refuse(opcode, request_id, ErrorCode.MALFORMED, str(error))
                return
            self._answering[request_id] = declared
            self._emit(RequestReceived(request_id, request))

    def reply(self, request_id: int, reply: Wire) -> None:
        """Answers a request."""
        body = reply.codec.encode(reply)  # first: a reply that cannot be encoded may still be refused
        request = self._answering.pop(request_id)
        self._send(request.opcode, _REPLY, request_id, body)

    def refuse(self, request_id: int, code: ErrorCode, detail: str = "", retry_after_ms: int = 0) -> None:
        """Answers a request with an error."""
        request = self._answering.pop(request_id)
        self._refuse(request.opcode, request_id, code, detail, retry_after_ms)

    def _refuse(
        self, opcode: int, request_id: int, code: ErrorCode, detail: str, retry_after_ms: int = 0
    ) -> None:
        error = ErrorReply(code=code, retry_after_ms=retry_after_ms, detail=line(detail))
        self._send(opcode, _ERROR, request_id, error.codec.encode(error))

    def send_event(self, event: Event) -> None:
        """Tells the host something that it did not ask for; nothing before READY."""
        if self.state is _READY:
            self._send(event.opcode, _EVENT, 0, event.codec.encode(event))

    # Streams

    def send_stream(self, stream: int, source: StreamSource, length: int) -> None:
        """Sends `length` bytes of `source` on the stream, as the peer's credit allows, then END."""
        self._streams.send(stream, source, length)

    def expect_stream(self, stream: int, length: int) -> None:
        """The device will take an upload of `length` bytes; call `grant` to let them come."""
        self._streams.receive(stream, length)

    def grant(self, stream: int, limit: int) -> None:
        """Lets the peer send up to offset `limit`."""
        self._streams.grant(stream, limit)

    def finish(self, stream: int, code: ErrorCode | None = None, detail: str = "") -> None:
        """The verdict of an upload's receiver."""
        self._streams.finish(stream, code, detail)

    def cancel(self, stream: int, code: int = 0) -> None:
        """Gives a stream up, in either direction; what of it is under way is dropped."""
        self._streams.cancel(stream, code)

    @property
    def open_streams(self) -> int:
        """Streams that are open now, in both directions."""
        return self._streams.open

    @property
    def sending_streams(self) -> int:
        """Of the open streams those that this side sends."""
        return self._streams.sending

    # Out

    def outgoing(self, bulk_budget: int, bulk_size: int, frame_size: int = 0) -> list[bytes]:
        """Drains the bytes to be sent: all control, then at most about `bulk_budget` bytes of streams in
        messages of at most `bulk_size`.

        With `frame_size`, messages that are larger than a frame fill whole frames: then most frames are one piece
        of one message, and are neither joined by the sender nor taken apart by the receiver.
        """
        if self._session.peer is not None:
            if self._control:
                self._seal_control()
            if bulk_budget > 0 and self._streams.sending and self.state is _READY:
                self._seal_bulk(bulk_budget, bulk_size, frame_size)
        if not self._raw:
            return self._session.outgoing()
        out, self._raw = self._raw, []
        out.extend(self._session.outgoing())
        return out

    def _seal_control(self) -> None:
        limit = self._peer_limit()
        while self._control:
            message = self._control.popleft()
            self._control_bytes -= len(message)
            for at in range(0, len(message), limit):
                self._session.seal(message[at : at + limit])

    def _seal_bulk(self, budget: int, size: int, frame_size: int) -> None:
        size = max(1, min(size, DATA_MAX, self._peer_limit() - DATA_HEADER.size))
        around = self._session.overhead + DATA_HEADER.size
        if 0 < frame_size <= size + around:
            size -= (size + around) % frame_size
        self._streams.seal_bulk(self._session.seal, self._seal_now, budget, size)

    def _seal_now(self, request_id: int, control: Control) -> None:
        body = control.codec.encode(control)
        if self.tap is not None:
            self.tap(True, Message(control.opcode, Flag(0), request_id, body))
        self._session.seal(build(control.opcode, 0, request_id, body))

    def _peer_limit(self) -> int:
        return self._theirs.max_plaintext if self._theirs is not None else pre.MIN_PLAINTEXT

    def _send_control(self, request_id: int, control: Control) -> None:
        self._send(control.opcode, 0, request_id, control.codec.encode(control))

    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        message = build(opcode, flags, request_id, body)
        if self.tap is not None:
            self.tap(True, Message(opcode, Flag(flags), request_id, body))
        self._control.append(message)
        self._control_bytes += len(message)
        if self._control_bytes > CONTROL_QUEUE_MAX:
            self._fail(FailReason.OVERFLOW, f"{self._control_bytes} bytes of answers wait to be read")

    def _fail(self, reason: FailReason, detail: str) -> None:
        if self.state is not _OVER:
            self.state = _OVER
            self._deadline = None
            self._control.clear()
            self._control_bytes = 0
            self._emit(Failed(reason, detail))


def _versions(ours: Preamble, theirs: Preamble) -> str:
    def span(p: Preamble) -> str:
        return f"{p.oldest[0]}.{p.oldest[1]} to {p.newest[0]}.{p.newest[1]}"

    return f"the peer speaks {span(theirs)}, this side {span(ours)}"
