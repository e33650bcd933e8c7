"""The device's side of requests: which of them reach a handler, and what answers the others (spec: Messages).

Roles, READY and every bound are enforced here, before anybody else sees a request.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bwc_protocol.conversation.dialect import Dialect
from bwc_protocol.conversation.events import ConversationEvent, PeerInfo, RequestNotPermitted, RequestReceived
from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.conversation.stream import MAX_STREAMS
from bwc_protocol.conversation.streams import Streams, line
from bwc_protocol.declare import Effect, MalformedMessage, Request
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.vocabulary import ErrorCode, PeerKind

MAX_REQUESTS: Final = 16
"""Requests outstanding at once; beyond, the device answers BUSY."""
REQUESTS_BUSY_MS: Final = 100
"""When to ask again where a request has to be answered first: a few round trips."""
STREAMS_BUSY_MS: Final = 1000
"""The same where a stream has to end first: they carry chunks of a MiB."""
_ERROR: Final = Flag.ERROR
COMMANDS_FROM: Final = 0x0100
"""Opcodes below are control messages, which nobody answers."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a device takes of a host, as `device.capabilities` states it."""

    requests: int = MAX_REQUESTS
    streams: int = MAX_STREAMS
    body: int = 0
    """Bytes of a request; 0: as many as a message can have."""


class Answering:
    """The requests of one host that are yet to be answered.

    `send` queues a message by opcode, flags, request id and body; `emit` tells the owner what happened.
    """

    def __init__(
        self,
        dialect: Dialect,
        kind: PeerKind,
        streams: Streams,
        send: Callable[[int, int, int, bytes], None],
        emit: Callable[[ConversationEvent], None],
        limits: RequestLimits,
    ) -> None:
        self.reads_only = ""
        """Why the way by which the host came lets it ask only, whatever its role; nothing if it lets it do more."""
        self._commands, self._codec = dialect.commands, dialect.codec
        self._limits = limits
        self.outstanding: dict[int, type[Request[Any]]] = {}
        self._kind = kind
        self._host = kind is PeerKind.HOST
        self._streams = streams
        self._send = send
        self._emit = emit
        self._roles: int | None = None  # of the peer; None before READY

    def ready(self, peer: PeerInfo) -> None:
        """From now on `peer` is answered according to its roles."""
        self._roles = int(peer.roles)  # a test of these bits takes a third of the time of the enum's own

    def take(self, message: Message) -> None:
        """Takes a request: it is refused here, or emitted to be answered."""
        opcode, request_id, limits = message.opcode, message.request, self._limits
        declared = self._commands.get(opcode)
        if self._host:
            raise MalformedMessage("message", "a device sends no requests")
        if opcode < COMMANDS_FROM:
            raise MalformedMessage("message", f"there is no control message {opcode:#06x}")
        if self._roles is None:
            self.refuse(opcode, request_id, ErrorCode.NOT_READY, "before READY")
        elif declared is None:
            self.refuse(opcode, request_id, ErrorCode.UNSUPPORTED, f"opcode {opcode:#06x}")
        elif self._kind not in declared.answered_by:
            kind = self._kind.name.lower()
            self.refuse(opcode, request_id, ErrorCode.UNSUPPORTED, f"{declared.name} is not for a {kind}")
        elif not int(declared.roles) & self._roles:
            self.refuse(
                opcode, request_id, ErrorCode.NOT_PERMITTED, f"{declared.name} needs one of: {declared.roles}"
            )
            self._emit(RequestNotPermitted(request_id, declared))
        elif self.reads_only and (declared.effect is not Effect.READS or declared.stream is not None):
            self.refuse(opcode, request_id, ErrorCode.NOT_PERMITTED, self.reads_only)
            self._emit(RequestNotPermitted(request_id, declared))
        elif request_id in self.outstanding or request_id in self._streams:
            self.refuse(
                opcode, request_id, ErrorCode.BUSY, f"request id {request_id} is in use", REQUESTS_BUSY_MS
            )
        elif len(self.outstanding) >= limits.requests:
            self.refuse(
                opcode,
                request_id,
                ErrorCode.BUSY,
                f"{limits.requests} requests are outstanding",
                REQUESTS_BUSY_MS,
            )
        elif declared.stream and self._streams.open >= limits.streams:
            self.refuse(
                opcode, request_id, ErrorCode.BUSY, f"{limits.streams} streams are open", STREAMS_BUSY_MS
            )
        elif 0 < limits.body < len(message.body):
            detail = f"a request of {len(message.body)} bytes, at most {limits.body} here"
            self.refuse(opcode, request_id, ErrorCode.OUT_OF_RANGE, detail)
        elif not request_id:
            self.refuse(opcode, request_id, ErrorCode.MALFORMED, "request id 0 belongs to events")
        else:
            try:
                request = self._codec(declared).decode(message.body)
            except MalformedMessage as error:
                self.refuse(opcode, request_id, ErrorCode.MALFORMED, str(error))
                return
            self.outstanding[request_id] = declared
            self._emit(RequestReceived(request_id, request))

    def refuse(
        self, opcode: int, request_id: int, code: ErrorCode, detail: str, retry_after_ms: int = 0
    ) -> None:
        """Answers with an error."""
        error = ErrorReply(code=code, retry_after_ms=retry_after_ms, detail=line(detail))
        self._send(opcode, _ERROR, request_id, self._codec(error).encode(error))
