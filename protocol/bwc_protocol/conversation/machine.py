"""One channel's conversation: preamble, session, requests, events, streams (spec: Session, Messages, Streams).

Sans-IO: bytes of the channel and the time go in; bytes, events and the next deadline come out. Both roles are this
one class. Here stand its states, and the way of bytes to messages and back; what a message means is told by
`session_setup`, `asking`, `answering` and `streams`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from bwc_protocol.certificates.checks import Check
from bwc_protocol.conversation.answering import MAX_REQUESTS, Answering, RequestLimits
from bwc_protocol.conversation.asking import Asking
from bwc_protocol.conversation.counters import MessageCounters, StreamCounters
from bwc_protocol.conversation.dialect import dialect_of
from bwc_protocol.conversation.endings import BY_PEER, ENDINGS, Ending
from bwc_protocol.conversation.events import (
    Closed,
    ConversationEvent,
    Established,
    Failed,
    FailReason,
    PeerInfo,
    State,
)
from bwc_protocol.conversation.message import (
    DATA_HEADER,
    DATA_MAX,
    Flag,
    Message,
    MessageReader,
    StreamBytes,
    build,
)
from bwc_protocol.conversation.session_setup import Greeted, LocalInfo, Opening
from bwc_protocol.conversation.stream import StreamSource
from bwc_protocol.conversation.streams import Streams
from bwc_protocol.declare import Control, Event, MalformedMessage, Request, Wire
from bwc_protocol.messages.core import Ready, SessionInfo, StreamCancel, StreamCredit, StreamEnd
from bwc_protocol.session.interface import Alert, Session, SessionFailed
from bwc_protocol.session.preamble import Preamble
from bwc_protocol.vocabulary import ErrorCode, PeerKind

HANDSHAKE_S: Final = 10.0
"""From the preamble to READY: a handshake of 2.4 kB takes 0.2 s at 115,200 baud."""
LAST_REQUEST_ID: Final = 0xFFFF_FFFF
"""After it the ids begin at 1 again: 0 belongs to events."""
CONTROL_QUEUE_MAX: Final = 2_097_152
"""Bytes of replies that wait for the link: 16 of the largest, twice. Beyond, the peer is reset."""

# Looked up once: before Python 3.12 a member of an enumeration costs a tenth of a microsecond at each look.
_PREAMBLE: Final = State.PREAMBLE
_HANDSHAKE: Final = State.HANDSHAKE
_READY: Final = State.READY
_OVER: Final = State.OVER
_REPLY: Final = Flag.REPLY
_ERROR: Final = Flag.ERROR
_EVENT: Final = Flag.EVENT


class Conversation:
    """One side of a conversation on one channel."""

    def __init__(
        self,
        local: LocalInfo,
        preamble: Preamble,
        session: Session,
        limits: RequestLimits = RequestLimits(),  # noqa: B008  # frozen
    ) -> None:
        self.state = self._reached = State.PREAMBLE
        self.peer: PeerInfo | None = None
        self.tap: Callable[[bool, Message], None] | None = None
        """Shown every message but stream data, with True for those sent: for captures."""
        self._local = local
        self._host = local.kind is PeerKind.HOST
        self._opening = Opening(local, replace(preamble, protection=session.protection))
        dialect = self._dialect = dialect_of(preamble.newest)
        self._codec, self._controls = dialect.codec, dialect.controls
        self._session = session
        self._reader = MessageReader()
        self._events: list[ConversationEvent] = []
        self._raw: list[bytes] = []  # preamble: outside the session
        self._control: deque[bytes] = deque()
        self._control_bytes = 0
        self._opened = 0.0
        self._deadline: float | None = None
        self._next_request = 1
        self._streams = Streams(host=self._host, send_control=self._send_control, emit=self._emit)
        self._asking = Asking(
            dialect,
            host=self._host,
            streams=self._streams,
            send_control=self._send_control,
            emit=self._emit,
        )
        self._asked = self._asking.outstanding  # the same: each request looks at it
        self._answering = Answering(dialect, local.kind, self._streams, self._send, self._emit, limits)
        self.ending: Ending | None = None
        """What is said of the failure that ended it."""
        self._closing = False  # this side has closed in order and waits for the peer's close

    @property
    def reached(self) -> State:
        """The state that it is in, or was in before it was over."""
        return self._reached if self.state is _OVER else self.state

    # Life

    def start(self, now: float) -> None:
        """The channel is open. The host speaks first; the device waits for the host's preamble."""
        self._deadline = now + HANDSHAKE_S
        self._opened = now
        if self._host:
            self._raw.append(self._opening.ours)

    def close(self) -> None:
        """Ends in order: what is queued is sent first."""
        if self.state is not _OVER:
            self._seal_control()
            self._session.close()
            self._reached, self.state = self.state, _OVER
            self._closing = True
            self._deadline = None

    def tick(self, now: float) -> None:
        if self._deadline is None or now < self._deadline:
            return
        if self.state is _READY:
            self._fail(FailReason.LIMIT, f"it is {now - self._opened:.0f} s old")
        else:
            detail = f"not ready after {HANDSHAKE_S:.0f} s, in state {self.state.value}"
            self._fail(FailReason.TIMEOUT, detail)

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

    @property
    def all_sent(self) -> bool:
        """Whether a conversation that is over has handed out its last word."""
        return not (self._raw or self._control or self._session.pending)

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
            if self.state is _PREAMBLE:
                rest = self._take_preamble(data)
                if rest is None:
                    return
                data = rest
            session, reader = self._session, self._reader
            pieces = session.receive(data) if data else ()
            if self.state is _HANDSHAKE and session.peer is not None:
                self._send_info()  # before the peer's first message, which may have come in the same piece
            for piece in pieces:
                messages = reader.feed(piece)
                for message in messages:
                    if isinstance(message, StreamBytes):
                        self._streams.take_data(message, reader.left if message is messages[-1] else 0)
                        continue
                    self._dispatch(message)
                    if self._over():
                        return
                if reader.broken is not None:
                    raise reader.broken
            if session.failure is not None:
                raise session.failure
            if session.closed:
                self._closed_by_peer()
            elif session.worn_out:
                self._fail(FailReason.LIMIT, "it has carried all that its keys are good for")
        except SessionFailed as error:
            reason = FailReason.REFUSED if error.alert is Alert.REFUSED else FailReason.SESSION
            self._fail(reason, error.detail, BY_PEER if error.by_peer else None, error.check)
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

    def _take_preamble(self, data: bytes | memoryview) -> bytes | memoryview | None:
        """Gives what lies behind the peer's preamble if that is whole and the session begins."""
        match self._opening.take(data):
            case Failed(reason=reason, detail=detail):
                self._fail(reason, detail)
            case Greeted(answer=answer, agreed=agreed, rest=rest):
                if answer:
                    self._raw.append(answer)
                if agreed:
                    self.state = _HANDSHAKE
                    self._session.start()
                    return rest
        return None

    def _send_info(self) -> None:
        """The session stands: says who this side is."""
        self.state = State.INFO
        self._send_control(0, self._opening.info())

    def _closed_by_peer(self) -> None:
        self._control.clear()  # whatever was still to be said, nobody reads it
        self._control_bytes = 0
        self._session.close()
        self._reached, self.state = self.state, _OVER
        self._deadline = None
        self._emit(Closed())

    # Messages

    def _dispatch(self, message: Message) -> None:
        if self.tap is not None:
            self.tap(False, message)
        if message.flags == _REPLY or message.flags == _ERROR:
            self._asking.take(message)
        elif message.flags == _EVENT:
            if self.state is not _READY or not self._host:
                raise MalformedMessage("message", "events come from the device, after READY")
            self._asking.take_event(message)
        elif message.opcode in self._controls:
            control = self._codec(self._controls[message.opcode]).decode(message.body)
            self._take_control(message.request, control)
        else:
            self._answering.take(message)

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
        known = self._opening.check_info(info, session_peer, secure=self._session.secure)
        if isinstance(known, Failed):
            self._fail(known.reason, known.detail, check=known.check)
            return
        self.peer = known
        if self._host:
            # The device's session info proves that it accepted us: in TLS a client's word alone does not.
            self._send_control(0, Ready())
            self._become_ready()

    def _become_ready(self) -> None:
        assert self.peer is not None
        self.state = _READY
        lifetime_s = self._session.lifetime_s
        self._deadline = None if lifetime_s is None else self._opened + lifetime_s
        self._answering.ready(self.peer)
        self._emit(Established(self.peer))

    # Requests: the host's side

    def request(self, request: Request[Any]) -> int:
        """Sends a request and gives its id. The caller keeps at most `MAX_REQUESTS` outstanding."""
        if self.state is not _READY or len(self._asked) >= MAX_REQUESTS:
            raise RuntimeError(f"no request now: {self.state.value}, {len(self._asked)} outstanding")
        body = self._codec(request).encode(request)
        request_id = self._next_request
        self._next_request = request_id % LAST_REQUEST_ID + 1
        self._asked[request_id] = type(request)
        self._asking.tally.requests += 1
        self._send(request.opcode, 0, request_id, body)
        return request_id

    def forget(self, request_id: int) -> None:
        """Nobody waits for this answer any more; when it comes it is dropped."""
        self._asked.pop(request_id, None)

    # Requests: the device's side

    def only_reads(self, why: str) -> None:
        """From now on commands that change something or open a stream are NOT_PERMITTED, whatever the host's role;
        `why` is said with it."""
        self._answering.reads_only = why

    def reply(self, request_id: int, reply: Wire) -> None:
        """Answers a request."""
        body = self._codec(reply).encode(reply)  # first: a reply that cannot be encoded may still be refused
        request = self._answering.outstanding.pop(request_id)
        self._send(request.opcode, _REPLY, request_id, body)

    def refuse(self, request_id: int, code: ErrorCode, detail: str = "", retry_after_ms: int = 0) -> None:
        """Answers a request with an error."""
        request = self._answering.outstanding.pop(request_id)
        self._answering.refuse(request.opcode, request_id, code, detail, retry_after_ms)

    def send_event(self, event: Event) -> None:
        """Tells the host something that it did not ask for; nothing before READY, and nothing that this end's version
        does not have."""
        if self.state is _READY and event.since <= self._dialect.version:
            self._send(event.opcode, _EVENT, 0, self._codec(event).encode(event))

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

    # Measures

    @property
    def message_counters(self) -> MessageCounters:
        """Requests, answers and events until now; it no longer moves."""
        return self._asking.tally.snapshot()

    @property
    def stream_counters(self) -> StreamCounters:
        """Streams until now, in both directions; it no longer moves."""
        return self._streams.tally.snapshot()

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
            if self._session.worn_out:
                self._fail(FailReason.LIMIT, "it has carried all that its keys are good for")
        if not self._raw:
            return self._session.outgoing()
        out, self._raw = self._raw, []
        out.extend(self._session.outgoing())
        return out

    def _seal_control(self) -> None:
        limit = self._opening.peer_limit
        while self._control:
            message = self._control.popleft()
            self._control_bytes -= len(message)
            for at in range(0, len(message), limit):
                self._session.seal(message[at : at + limit])

    def _seal_bulk(self, budget: int, size: int, frame_size: int) -> None:
        size = max(1, min(size, DATA_MAX, self._opening.peer_limit - DATA_HEADER.size))
        around = self._around(size)
        if 0 < frame_size <= size + around:
            size -= (size + around) % frame_size
            spare = around - self._around(size)  # what takes fewer records costs less
            if spare and self._around(size + spare) == self._around(size):
                size += spare
        self._streams.seal_bulk(self._session.seal, self._seal_now, budget, size)

    def _around(self, size: int) -> int:
        """Bytes that go with `size` bytes of footage: the message's header, and what sealing adds."""
        return self._session.overhead(size + DATA_HEADER.size) + DATA_HEADER.size

    def _seal_now(self, request_id: int, control: Control) -> None:
        body = self._codec(control).encode(control)
        if self.tap is not None:
            self.tap(True, Message(control.opcode, Flag(0), request_id, body))
        self._session.seal(build(control.opcode, 0, request_id, body))

    def _send_control(self, request_id: int, control: Control) -> None:
        self._send(control.opcode, 0, request_id, self._codec(control).encode(control))

    def _send(self, opcode: int, flags: int, request_id: int, body: bytes) -> None:
        if self.state is _OVER:
            return  # an answer that was not ready in time: nobody hears it
        message = build(opcode, flags, request_id, body)
        if self.tap is not None:
            self.tap(True, Message(opcode, Flag(flags), request_id, body))
        self._control.append(message)
        self._control_bytes += len(message)
        if self._control_bytes > CONTROL_QUEUE_MAX:
            self._fail(FailReason.OVERFLOW, f"{self._control_bytes} bytes of answers wait to be read")

    def _fail(
        self, reason: FailReason, detail: str, ending: Ending | None = None, check: Check | None = None
    ) -> None:
        if self.state is not _OVER:
            self.ending = self._dialect.ending(ending or ENDINGS[reason])
            if self.ending.alert is not None and self._session.failure is None:
                self._session.close(self.ending.alert)  # a session that failed by itself has said so
            self._reached, self.state = self.state, _OVER
            self._deadline = None
            self._control.clear()
            self._control_bytes = 0
            self._emit(Failed(reason, detail, check))
