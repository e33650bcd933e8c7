"""Bulk streams: 64-bit offsets, and credit by the receiver (spec: Streams)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from bwc_protocol.vocabulary import ErrorCode

MAX_STREAMS: Final = 8
"""Streams open at once on one conversation: footage, a table ahead of it, and room for a few more."""


class StreamFault(Exception):
    """The source of a stream cannot give its bytes; the stream ends with this code."""

    def __init__(self, code: ErrorCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class StreamSource(Protocol):
    """Where a stream's bytes come from."""

    def read(self, offset: int, size: int) -> bytes | memoryview:
        """Exactly `size` bytes from `offset` of the stream. Raises `StreamFault`."""


@dataclass(slots=True)
class BytesSource:
    """A stream of bytes that are in memory."""

    data: bytes

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


@dataclass(slots=True)
class ReaderSource:
    """A stream of what a function reads."""

    reader: Callable[[int, int], bytes | memoryview]

    def read(self, offset: int, size: int) -> bytes | memoryview:
        return self.reader(offset, size)


@dataclass(slots=True)
class Outgoing:
    """The sending side of one stream."""

    source: StreamSource | None
    """None while an upload is granted already, and its owner has not brought the bytes yet."""
    length: int
    sent: int = 0
    limit: int = 0

    def allowed(self) -> int:
        """Bytes that may be sent now."""
        return min(self.limit, self.length) - self.sent


@dataclass(slots=True)
class Incoming:
    """The receiving side of one stream."""

    length: int
    received: int = 0
    limit: int = 0
    verdict_due: bool = False  # the receiver of an upload owes an END with its verdict

    def check(self, offset: int, size: int, rest: int = 0) -> str:
        """The rule that these bytes break, or nothing. Counts them if they break none.

        `rest` bytes more of their message are to come: it is judged as a whole, at its first piece.
        """
        if offset != self.received:
            return f"stream bytes at {offset}, expected at {self.received}"
        end = offset + size + rest
        if end > self.length:
            return f"stream bytes to {end}, beyond its length of {self.length}"
        if end > self.limit:
            return f"stream bytes to {end}, beyond the credit of {self.limit}"
        self.received += size
        return ""
