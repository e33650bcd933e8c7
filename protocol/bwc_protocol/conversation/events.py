"""What a conversation tells its owner (spec: Session, Messages, Streams).

Those that come with every message are named tuples, which cost a third of a frozen dataclass.
"""

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple

from bwc_protocol.certificates.checks import Check, Standing
from bwc_protocol.certificates.facts import CertificateFacts
from bwc_protocol.declare import Event, Request, Role, Version, Wire
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.vocabulary import PeerKind


class State(enum.Enum):
    """Where the conversation stands."""

    PREAMBLE = "preamble"
    HANDSHAKE = "handshake"
    INFO = "session info"
    READY = "ready"
    OVER = "over"


class FailReason(enum.Enum):
    """Why a conversation ended before its time."""

    NOT_A_DEVICE = "the other end does not speak this protocol"
    VERSION = "no common protocol version"
    PROTECTION = "the two ends protect their sessions in different ways"
    REFUSED = "the session was refused"
    SESSION = "the session was broken"
    TIMEOUT = "the handshake took too long"
    PROTOCOL = "the peer broke a rule of the protocol"
    OVERFLOW = "the peer asks and does not read"
    LIMIT = "the session is as old, or has carried as much, as one may"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerInfo:
    """What is known of the peer once the conversation is ready."""

    kind: PeerKind
    identity: str
    roles: Role
    version: Version
    capabilities: int
    boot_counter: int
    firmware_sha256: bytes
    secure: bool
    deny_counter: int = 0
    """Counter of the newest deny list that the peer holds; 0 = none."""
    certificate: CertificateFacts | None = None
    """What proves who it is; None where nothing does."""
    standing: Standing = Standing.GOOD
    """What the certificate is worth now, by this end's time."""


@dataclass(frozen=True, slots=True)
class Established:
    """Requests may be sent (host) or will come (device)."""

    peer: PeerInfo


class RequestReceived(NamedTuple):
    """A request that the peer's role allows; to be answered by `reply` or `refuse`."""

    request_id: int
    request: Request[Any]


class RequestNotPermitted(NamedTuple):
    """A request that the peer's role does not allow was answered NOT_PERMITTED; for the log."""

    request_id: int
    command: type[Request[Any]]


class ReplyReceived(NamedTuple):
    """The answer to a request."""

    request_id: int
    reply: Wire


@dataclass(frozen=True, slots=True)
class ErrorReceived:
    """The device did not do what the request asked."""

    request_id: int
    error: ErrorReply


@dataclass(frozen=True, slots=True)
class ReplyMalformed:
    """The answer to a request breaks its declaration; the conversation goes on."""

    request_id: int
    rule: str


@dataclass(frozen=True, slots=True)
class EventReceived:
    """Something that the device tells without being asked."""

    event: Event


class StreamReceived(NamedTuple):
    """The next bytes of an incoming stream, in order and within credit."""

    stream: int
    offset: int
    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class StreamFinished:
    """The peer's END: `code` 0 after the last byte, or why it stopped; for an upload, the verdict."""

    stream: int
    offset: int
    code: int
    detail: str


@dataclass(frozen=True, slots=True)
class StreamCancelled:
    """The peer gave the stream up."""

    stream: int
    code: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The conversation is over; the channel is to be reset."""

    reason: FailReason
    detail: str
    check: Check | None = None
    """Which check of the peer did not hold, or which of the peer's as far as it says."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer closed in order."""


ConversationEvent = (
    Established
    | RequestReceived
    | RequestNotPermitted
    | ReplyReceived
    | ErrorReceived
    | ReplyMalformed
    | EventReceived
    | StreamReceived
    | StreamFinished
    | StreamCancelled
    | Failed
    | Closed
)
