"""One channel's conversation, as one state machine for both roles (spec: Session, Messages, Streams)."""

from bwc_protocol.conversation.answering import MAX_REQUESTS, RequestLimits
from bwc_protocol.conversation.counters import (
    MessageCounters,
    MessageDiscard,
    StreamCounters,
    StreamDiscard,
)
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
    State,
    StreamCancelled,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.conversation.machine import Conversation
from bwc_protocol.conversation.session_setup import LocalInfo

__all__ = [
    "MAX_REQUESTS",
    "Closed",
    "Conversation",
    "ConversationEvent",
    "ErrorReceived",
    "Established",
    "EventReceived",
    "FailReason",
    "Failed",
    "LocalInfo",
    "MessageCounters",
    "MessageDiscard",
    "PeerInfo",
    "ReplyMalformed",
    "ReplyReceived",
    "RequestLimits",
    "RequestNotPermitted",
    "RequestReceived",
    "State",
    "StreamCancelled",
    "StreamCounters",
    "StreamDiscard",
    "StreamFinished",
    "StreamReceived",
]
