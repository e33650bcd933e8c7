"""What a link reports (spec: Link)."""

import enum
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from bwc_protocol.frame import ByeReason, ParserCounters, ResetReason


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


LinkEvent = LinkUp | LinkDown | ChannelOpened | ChannelData | ChannelReset


@dataclass(slots=True)
class LinkCounters:
    """Counts since the link object was made. `Link.counters` gives a copy that no longer moves."""

    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    retransmissions: int = 0
    timeouts: int = 0
    header_crc_errors: int = 0
    payload_crc_errors: int = 0
    oversize: int = 0
    resyncs: int = 0
    skipped_bytes: int = 0
    duplicates: int = 0
    out_of_window: int = 0
    out_of_order: int = 0
    void_acks: int = 0
    """Frames whose `ack` was outside what is in flight."""
    stale_link: int = 0
    """Frames of another link."""
    stale_epoch: int = 0
    """Frames of another life of their channel."""
    malformed: int = 0
    """Frames with valid CRCs that break another rule: type, channel, version or control payload."""
    pings: int = 0
    pongs: int = 0
    resets_in: int = 0
    resets_out: int = 0
    byes_out: int = 0

    def with_parsed(self, parsed: ParserCounters) -> "LinkCounters":
        """A copy that no longer moves, with what the parser of the pipe met."""
        return replace(
            self,
            frames_in=parsed.frames,
            bytes_in=parsed.bytes,
            header_crc_errors=parsed.header_crc_errors,
            payload_crc_errors=parsed.payload_crc_errors,
            oversize=parsed.oversize,
            resyncs=parsed.resyncs,
            skipped_bytes=parsed.skipped_bytes,
            malformed=self.malformed + parsed.unknown_type,
        )
