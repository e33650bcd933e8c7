"""What a link reports (spec: Link)."""

import enum
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bwc_protocol.frame import ByeReason, ResetReason


class LinkStateError(Exception):
    """Raised when the caller asks for what the state of the link or channel does not allow."""


class LinkState(enum.Enum):
    """Where a link stands. `CALLING` and `CHECKING` are states of a host only, `LISTENING` of a device only."""

    CLOSED = "closed"
    CALLING = "calling"
    """HELLO is said until HELLO_ACK comes."""
    CHECKING = "checking"
    """A link was granted; PING is said until the first frame on it comes."""
    LISTENING = "listening"
    LIVE = "live"


class LinkDownReason(enum.Enum):
    """Why a link ended, or did not begin."""

    CLOSED = "closed here"
    CLOSED_BY_PEER = "closed by the peer"
    BUSY = "another host has the device"
    NO_ANSWER = "no answer to HELLO"
    SILENT = "the peer fell silent"
    PIPE_LOST = "the pipe was lost"
    REPLACED = "another host took the pipe over"
    VERSION = "no common link version"
    UNKNOWN_LINK = "the peer does not know this link: it was restarted"
    PROTOCOL = "the peer breaks a rule of the link"


_ENDED_BY: Final[dict[int, LinkDownReason]] = {
    ByeReason.UNKNOWN_LINK: LinkDownReason.UNKNOWN_LINK,
    ByeReason.SILENT: LinkDownReason.SILENT,
    ByeReason.PROTOCOL: LinkDownReason.PROTOCOL,
}


def ended_by(reason: ByeReason | int) -> LinkDownReason | None:
    """What a BYE makes of the link that it names; None for BUSY, which answers only HELLO."""
    return None if reason is ByeReason.BUSY else _ENDED_BY.get(reason, LinkDownReason.CLOSED_BY_PEER)


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The link is live. `nonce` names it, `max_payload` is in bytes, `window` in frames."""

    nonce: int
    version: int
    max_payload: int
    window: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link ended, and every channel on it without further events."""

    reason: LinkDownReason
    retry_after_ms: int | None = None
    """Given with BUSY."""
    during: LinkState = field(default=LinkState.LIVE, compare=False)
    """Where the link stood."""


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """Device: the host opened a channel."""

    channel: int
    epoch: int


class ChannelData(NamedTuple):
    """Payload of one frame, in order. It occupies a slot of the window until `Link.consumed`.

    A named tuple and not a dataclass, since one is made for each frame.
    """

    channel: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ChannelReset:
    """The channel was closed by the peer, or here by TIMEOUT or OVERFLOW. What was unread or unsent is gone."""

    channel: int
    reason: ResetReason
    retry_after_ms: int = 0
    """Given with BUSY: when to try again; 0 = the peer does not say."""
    by_peer: bool = field(default=False, compare=False)
    """Whether the peer closed it, and not this end."""


LinkEvent = LinkUp | LinkDown | ChannelOpened | ChannelData | ChannelReset
