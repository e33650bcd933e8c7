"""The bulk streams of one conversation: who may send how much, and whose turn it is (spec: Streams)."""

from collections import deque
from collections.abc import Callable
from typing import Final

from bwc_protocol.conversation.counters import StreamTally
from bwc_protocol.conversation.events import (
    ConversationEvent,
    StreamCancelled,
    StreamFinished,
    StreamReceived,
)
from bwc_protocol.conversation.message import StreamBytes, data_header
from bwc_protocol.conversation.stream import Incoming, Outgoing, StreamFault, StreamSource
from bwc_protocol.declare import Control, MalformedMessage
from bwc_protocol.messages.core import StreamCancel, StreamCredit, StreamEnd
from bwc_protocol.vocabulary import ErrorCode

DETAIL_MAX: Final = 200
"""Bytes of the text beside an error code: one line of a log."""


class Streams:
    """The streams of one side, in both directions, by the id of the request that opened them.

    `send_control` queues a control message; `emit` gives the owner an event. An upload (from the host) stays open
    after its last byte until the device's verdict; a download ends with its END.
    """

    def __init__(
        self,
        *,
        host: bool,
        send_control: Callable[[int, Control], None],
        emit: Callable[[ConversationEvent], None],
    ) -> None:
        self._host = host
        self._send_control = send_control
        self._emit = emit
        self._outgoing: dict[int, Outgoing] = {}
        self._incoming: dict[int, Incoming] = {}
        self._turn: deque[int] = deque()  # outgoing streams, in the order of their turn
        self.tally = StreamTally()

    @property
    def open(self) -> int:
        """Streams that are open, in both directions."""
        return len(self._outgoing) + len(self._incoming)

    @property
    def sending(self) -> int:
        """Streams that this side sends, with or without credit; one that only receives has nothing to seal."""
        return len(self._turn)

    def __contains__(self, stream: int) -> bool:
        return stream in self._outgoing or stream in self._incoming

    # What the owner asks for

    def send(self, stream: int, source: StreamSource, length: int) -> None:
        self.announce(stream, length)
        self._outgoing[stream].source = source
        self._turn.append(stream)

    def announce(self, stream: int, length: int) -> None:
        """The device takes an upload; its credit may come before the owner has heard of it."""
        if stream not in self._outgoing:
            self._outgoing[stream] = Outgoing(None, length)
            self.tally.opened += 1

    def receive(self, stream: int, length: int) -> None:
        """Bytes may come once they are granted. The device owes an upload a verdict."""
        self._incoming[stream] = Incoming(length, verdict_due=not self._host)
        self.tally.opened += 1

    def grant(self, stream: int, limit: int) -> None:
        incoming = self._incoming.get(stream)
        if incoming is not None and limit > incoming.limit:
            incoming.limit = limit
            self._send_control(stream, StreamCredit(limit=limit))

    def finish(self, stream: int, code: ErrorCode | None, detail: str) -> None:
        incoming = self._incoming.pop(stream, None)
        if incoming is not None:
            self.tally.ended += 1
            self._send_control(
                stream, StreamEnd(offset=incoming.received, code=code or 0, detail=line(detail))
            )

    def cancel(self, stream: int, code: int) -> None:
        if self._drop(stream):
            self.tally.cancelled += 1
            self._send_control(stream, StreamCancel(code=code))

    # What the peer sends

    def take_data(self, piece: StreamBytes, rest: int) -> None:
        """Takes a piece of a message of which `rest` bytes are still to come.

        Raises `MalformedMessage` for a message out of order, beyond the length or beyond the credit.
        """
        incoming = self._incoming.get(piece.stream)
        size, tally = len(piece.data), self.tally
        if incoming is None:
            tally.pieces_late += 1
            tally.bytes_late += size
            return  # cancelled: the rest of it was under way
        broken = incoming.check(piece.offset, size, rest)
        if broken:
            raise MalformedMessage("stream.data", broken)
        tally.pieces_in += 1
        tally.bytes_in += size
        self._emit(StreamReceived(piece.stream, piece.offset, piece.data))

    def take_credit(self, stream: int, credit: StreamCredit) -> None:
        """Raises `MalformedMessage` when the peer takes back what it granted."""
        outgoing = self._outgoing.get(stream)
        if outgoing is None:
            return  # ended or cancelled meanwhile
        if credit.limit < outgoing.limit:
            raise MalformedMessage("stream.credit", "never takes back what was granted")
        outgoing.limit = credit.limit

    def take_end(self, stream: int, end: StreamEnd) -> None:
        """Raises `MalformedMessage` for a success before the last byte."""
        incoming, outgoing = self._incoming.get(stream), self._outgoing.get(stream)
        if incoming is not None:
            done, length = incoming.received, incoming.length
        elif outgoing is not None:
            done, length = outgoing.sent, outgoing.length
        else:
            return  # cancelled meanwhile
        if end.code == 0 and not end.offset == done == length:
            raise MalformedMessage("stream.end", f"success at {end.offset}, after {done} of {length} bytes")
        if incoming is None or not incoming.verdict_due:
            self._drop(stream)
            self.tally.ended += 1
        self._emit(StreamFinished(stream, end.offset, end.code, end.detail))

    def take_cancel(self, stream: int, cancel: StreamCancel) -> None:
        if self._drop(stream):
            self.tally.cancelled += 1
            self._emit(StreamCancelled(stream, cancel.code))

    def _drop(self, stream: int) -> bool:
        outgoing = self._outgoing.pop(stream, None)
        if outgoing is not None and stream in self._turn:
            self._turn.remove(stream)
        return self._incoming.pop(stream, None) is not None or outgoing is not None

    # Out

    def seal_bulk(
        self, seal: Callable[..., None], end: Callable[[int, StreamEnd], None], budget: int, size: int
    ) -> None:
        """Seals about `budget` bytes in messages of at most `size` bytes of footage, stream by stream in turn.

        `end` seals the END of a stream, right behind its last byte.
        """
        idle = 0  # streams in a row that have no credit
        while budget > 0 and idle < len(self._turn):
            stream = self._turn[0]
            self._turn.rotate(-1)
            out = self._outgoing[stream]
            take = min(size, out.allowed())
            idle = 0 if take > 0 else idle + 1
            code, detail = 0, ""
            if take > 0:
                assert out.source is not None  # it has its turn only since `send`
                try:
                    data = out.source.read(out.sent, take)
                except StreamFault as fault:
                    code, detail = int(fault.code), line(fault.detail)
                else:
                    seal(data_header(stream, out.sent, take), data)
                    out.sent += take
                    self.tally.pieces_out += 1
                    self.tally.bytes_out += take
                    budget -= take
            if code or out.sent == out.length:
                end(stream, StreamEnd(offset=out.sent, code=code, detail=detail))
                self._turn.remove(stream)
                idle = 0
                if not self._host or code:
                    self.tally.ended += 1
                    del self._outgoing[stream]  # an upload stays until the device's verdict


def line(text: str) -> str:
    """Text that fits the detail of an error: printable, at most `DETAIL_MAX` bytes."""
    clean = "".join(ch if ch.isprintable() else "?" for ch in text)
    return clean.encode(errors="replace")[:DETAIL_MAX].decode(errors="ignore")
