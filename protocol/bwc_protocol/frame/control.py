"""Payloads of HELLO, HELLO_ACK, BYE and RESET (spec: Link, Channel).

At most 64 bytes, naturally aligned. Later versions append fields: a decoder skips surplus bytes, and a payload
that ends inside a known field is `MalformedControl`.
"""

import enum
from dataclasses import asdict, dataclass
from typing import Any, Final

import construct as c

from bwc_protocol.versions import V1_2
from bwc_protocol.word import Dated


class MalformedControl(Exception):
    """A control payload ends inside a known field; the frame is dropped."""


class ResetReason(Dated):
    """Why a channel is closed."""

    NORMAL = 1
    """Both sides are done: the session has closed in order."""
    UNDOCKED = 2
    """The camera left its bay."""
    BUSY = 3
    """The opening is refused: something else has the device."""
    NO_DEVICE = 4
    """The opening is refused: the channel has no device behind it."""
    OVERFLOW = 5
    """The peer makes more wait than the bound of the queue."""
    TIMEOUT = 6
    """A frame stayed unacknowledged through all its retransmissions; said by the link alone."""
    PROTOCOL = 7
    """A rule of the layers above is broken, by what came or by what did not come in time."""
    ANSWER = 8
    """The answer to a RESET; it is never answered itself."""
    REFUSED = 9, V1_2, PROTOCOL
    """The peer's certificate, its role or what else proves who it is does not hold here."""
    NOT_ENROLLED = 10, V1_2, NO_DEVICE
    """The opening is refused: the device belongs to no agency yet, and nobody may enrol it now or in this way."""


class ByeReason(enum.IntEnum):
    """Why a link ends, or does not begin."""

    NORMAL = 1
    """The sender is done."""
    BUSY = 2
    """Answers HELLO: another host has the device; ask again after `retry_after_ms`."""
    UNKNOWN_LINK = 3
    """The receiver speaks on a link that the sender does not have."""
    VERSION = 4
    """Answers HELLO: no common link version."""
    SILENT = 5
    """Nothing was heard for the whole of the dead time."""
    PROTOCOL = 6
    """The peer breaks a rule of the link; in answer to HELLO or HELLO_ACK: no link could work with its offer."""


HELLO: Final = c.Struct(
    "host_nonce" / c.Int32ul,
    "max_payload" / c.Int16ul,
    "lowest" / c.Int8ul,
    "highest" / c.Int8ul,
    "max_window" / c.Int8ul,
    "reserved" / c.Padding(3),
)
HELLO_ACK: Final = c.Struct(
    "host_nonce" / c.Int32ul,
    "max_payload" / c.Int16ul,
    "version" / c.Int8ul,
    "window" / c.Int8ul,
)
BYE: Final = c.Struct(
    "host_nonce" / c.Int32ul,
    "retry_after_ms" / c.Int32ul,
    "reason" / c.Int8ul,
    "reserved" / c.Padding(3),
)
RESET: Final = c.Struct("reason" / c.Int8ul, "reserved" / c.Padding(1), "retry_after_ms" / c.Int16ul)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Host to device: begin a link. `lowest` and `highest` are link versions, `max_payload` is in bytes."""

    host_nonce: int
    max_payload: int
    lowest: int
    highest: int
    max_window: int

    def encode(self) -> bytes:
        return bytes(HELLO.build(asdict(self)))

    @staticmethod
    def decode(payload: bytes) -> "Hello":
        """Raises `MalformedControl`."""
        raw = _parse(HELLO, payload)
        return Hello(
            host_nonce=raw.host_nonce,
            max_payload=raw.max_payload,
            lowest=raw.lowest,
            highest=raw.highest,
            max_window=raw.max_window,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloAck:
    """Device to host: what holds on the link whose nonce is in the header."""

    host_nonce: int
    max_payload: int
    version: int
    window: int

    def encode(self) -> bytes:
        return bytes(HELLO_ACK.build(asdict(self)))

    @staticmethod
    def decode(payload: bytes) -> "HelloAck":
        """Raises `MalformedControl`."""
        raw = _parse(HELLO_ACK, payload)
        return HelloAck(
            host_nonce=raw.host_nonce, max_payload=raw.max_payload, version=raw.version, window=raw.window
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye:
    """Ends a link, or refuses one. A reason that is not known is kept as its number."""

    reason: ByeReason | int
    host_nonce: int = 0
    retry_after_ms: int = 0

    def encode(self) -> bytes:
        return bytes(BYE.build(asdict(self)))

    @staticmethod
    def decode(payload: bytes) -> "Bye":
        """Raises `MalformedControl`."""
        raw = _parse(BYE, payload)
        reason: int = raw.reason
        return Bye(
            reason=_BYES.get(reason, reason),
            host_nonce=raw.host_nonce,
            retry_after_ms=raw.retry_after_ms,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Closes the epoch of a channel that the header names. A reason that is not known reads as PROTOCOL."""

    reason: ResetReason
    retry_after_ms: int = 0

    def encode(self) -> bytes:
        return bytes(RESET.build(asdict(self)))

    @staticmethod
    def decode(payload: bytes) -> "Reset":
        """Raises `MalformedControl`."""
        raw = _parse(RESET, payload)
        reason: int = raw.reason
        return Reset(reason=_RESETS.get(reason, ResetReason.PROTOCOL), retry_after_ms=int(raw.retry_after_ms))


_RESETS: Final[dict[int, ResetReason]] = {reason.value: reason for reason in ResetReason}
_BYES: Final[dict[int, ByeReason]] = {reason.value: reason for reason in ByeReason}


def _parse(layout: c.Struct, payload: bytes) -> Any:
    try:
        return layout.parse(payload)
    except c.ConstructError as error:
        raise MalformedControl(f"{payload.hex() or 'an empty payload'} ends inside a known field") from error
