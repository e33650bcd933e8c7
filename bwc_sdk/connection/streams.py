"""Streams of a connection as whoever asked for them sees them (spec: Streams)."""

from __future__ import annotations

import asyncio
from typing import Protocol

from bwc_protocol.declare import Request
from bwc_protocol.messages.core import StreamOpened
from bwc_sdk.connection.trickle import LEAST_BYTES, WINDOW_S, Trickle
from bwc_sdk.errors import BwcError, CommandTimeout, ProtocolViolation


class Streaming(Protocol):
    """A connection, as far as its streams are concerned."""

    name: str
    call_timeout_s: float

    async def open_stream(self, request: Request[StreamOpened], sink: StreamSink) -> IncomingStream:
        """Sends a request that opens a stream from the device."""

    def grant(self, stream: int, limit: int) -> None:
        """See `IncomingStream.grant`."""

    def cancel_stream(self, stream: int) -> None:
        """See `IncomingStream.cancel`."""


class StreamSink(Protocol):
    """Takes the bytes of an incoming stream; called on the event loop."""

    def data(self, offset: int, data: bytes | memoryview) -> None:
        """The next bytes, in order. A view is valid only until this call returns."""

    def ended(self, error: BwcError | None) -> None:
        """Everything came (None), or nothing more will come; called once."""


class IncomingStream:
    """A stream that is open; bytes come as far as `grant` allows."""

    def __init__(self, connection: Streaming, stream: int, length: int) -> None:
        self.length = length
        self._connection = connection
        self._stream = stream

    def grant(self, limit: int) -> None:
        """Lets bytes up to offset `limit` come."""
        self._connection.grant(self._stream, limit)

    def cancel(self) -> None:
        """Gives the stream up; nothing more comes."""
        self._connection.cancel_stream(self._stream)


class Gather:
    """Collects a whole stream."""

    def __init__(self) -> None:
        self.length = 0
        self.trickle: Trickle | None = None
        self.over = asyncio.Event()
        self._parts = bytearray()
        self._error: BwcError | None = None

    @property
    def received(self) -> int:
        return len(self._parts)

    def data(self, offset: int, data: bytes | memoryview) -> None:
        self._parts += data
        if self.trickle is not None:
            self.trickle.came(self.received, asyncio.get_running_loop().time())
        if self.received == self.length:
            self.over.set()

    def ended(self, error: BwcError | None) -> None:
        self._error = error
        self.over.set()

    def whole(self) -> bytes:
        """All of it. Raises what ended the stream before that."""
        if self._error is not None and self.received < self.length:
            raise self._error
        return bytes(self._parts)


async def read_whole(connection: Streaming, request: Request[StreamOpened], *, max_bytes: int) -> bytes:
    """See `Connection.read_stream`."""
    sink = Gather()
    stream = await connection.open_stream(request, sink)
    if stream.length > max_bytes:
        stream.cancel()
        rule = f"{request.name} opened a stream of {stream.length} bytes, at most {max_bytes}"
        raise ProtocolViolation(rule, device=connection.name)
    loop = asyncio.get_running_loop()
    sink.length, sink.trickle = stream.length, Trickle(LEAST_BYTES, WINDOW_S, loop.time())
    due_s = loop.time() + connection.call_timeout_s + stream.length / 1_000
    stream.grant(stream.length)
    try:
        while not sink.over.is_set() and sink.received < stream.length:
            stalled_in_s, left_s = sink.trickle.left_s(loop.time()), due_s - loop.time()
            if stalled_in_s <= 0:
                raise sink.trickle.stalled(f"the stream of {request.name}", connection.name)
            if left_s <= 0:
                rule = f"the stream of {request.name} did not end in time"
                raise CommandTimeout(rule, device=connection.name)
            try:
                async with asyncio.timeout(min(stalled_in_s, left_s)):
                    await sink.over.wait()
            except TimeoutError:
                pass  # bytes may have come meanwhile
    finally:
        stream.cancel()
    return sink.whole()
