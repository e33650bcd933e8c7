"""Messages on the session's plaintext: header, and a reader that never gathers footage (spec: Messages)."""

import enum
import struct
from typing import Final, NamedTuple

import construct as c

from bwc_protocol.declare import MalformedMessage

MESSAGE_HEADER: Final = c.Struct(
    "length" / c.Int32ul,  # bytes of the body
    "opcode" / c.Int16ul,
    "flags" / c.Int16ul,
    "request" / c.Int32ul,
)
HEADER: Final = struct.Struct("<IHHI")  # derived from MESSAGE_HEADER; a test holds the two together
OFFSET: Final = struct.Struct("<Q")

DATA_HEADER: Final = struct.Struct("<IHHIQ")
"""Header and offset of `stream.data`, which begin every message of footage."""

BODY_MAX: Final = 65_536 - HEADER.size
"""A message with its header fits one session record."""
STREAM_DATA: Final = 0x11
DATA_MAX: Final = BODY_MAX - OFFSET.size
_WHOLE_MAX: Final = HEADER.size + BODY_MAX


class Flag(enum.IntFlag):
    """What a message is; none of them set = a request or a control message."""

    REPLY = 1
    ERROR = 2
    EVENT = 4


_FLAGS: Final = {int(flags): flags for flags in (Flag(0), Flag.REPLY, Flag.ERROR, Flag.EVENT)}


class Message(NamedTuple):
    """One whole message. A named tuple, like what else is made for each message: a third of a dataclass's cost."""

    opcode: int
    flags: Flag
    request: int
    body: bytes


class StreamBytes(NamedTuple):
    """A piece of a stream, as it arrives: messages of bulk data are never gathered."""

    stream: int
    offset: int
    data: bytes | memoryview


def build(opcode: int, flags: int, request: int, body: bytes) -> bytes:
    """The bytes of a message."""
    return HEADER.pack(len(body), opcode, flags, request) + body


def data_header(stream: int, offset: int, size: int) -> bytes:
    """What goes before `size` bytes of footage in a `stream.data` message."""
    return DATA_HEADER.pack(OFFSET.size + size, STREAM_DATA, 0, stream, offset)


def build_data(stream: int, offset: int, data: bytes) -> bytes:
    """The bytes of a `stream.data` message."""
    return data_header(stream, offset, len(data)) + data


class MessageReader:
    """Turns pieces of plaintext, cut anywhere, into messages and stream bytes.

    Holds at most one message. When a header breaks a rule the conversation ends, since nothing after it can be
    trusted to be aligned; what came before it still counts.
    """

    def __init__(self) -> None:
        self.broken: MalformedMessage | None = None
        """The rule that was broken, behind what `feed` gave last; nothing is read after it."""
        self._gathered = bytearray()
        self._header: tuple[int, int, int, int] | None = None
        self._stream = 0
        self._offset = -1
        self.left = 0
        """Bytes of the present `stream.data` that are still to come, behind what `feed` gave last."""

    def feed(self, piece: bytes | memoryview) -> list[Message | StreamBytes]:
        """What the piece completes. Raises `MalformedMessage` for a broken header with nothing before it in the
        piece; else `broken` is set, so that the same is told however the pieces are cut."""
        end = len(piece)
        if self.broken is not None:
            raise self.broken
        if end >= HEADER.size and not self.left and self._header is None and not self._gathered:
            length, opcode, flags, request = HEADER.unpack_from(piece)
            if HEADER.size + length == end <= _WHOLE_MAX and opcode != STREAM_DATA and flags in _FLAGS:
                return [Message(opcode, _FLAGS[flags], request, bytes(piece[HEADER.size :]))]
        found: list[Message | StreamBytes] = []
        try:
            self._read(memoryview(piece), end, found)
        except MalformedMessage as error:
            self.broken = error
            if not found:
                raise
        return found

    def _read(self, view: memoryview, end: int, found: list[Message | StreamBytes]) -> None:
        at = 0
        while at < end:
            if self.left:
                take = min(self.left, end - at)
                found.append(StreamBytes(self._stream, self._offset, view[at : at + take]))
                self._offset += take
                self.left -= take
                at += take
                continue
            if self._header is None and not self._gathered and end - at >= DATA_HEADER.size:
                taken = self._take_at_once(view, at, end, found)
                if taken:
                    at += taken
                    continue
            wanted = self._wanted()
            take = min(wanted - len(self._gathered), end - at)
            self._gathered += view[at : at + take]
            at += take
            if len(self._gathered) == wanted:
                self._complete(found)

    def _take_at_once(self, view: memoryview, at: int, end: int, found: list[Message | StreamBytes]) -> int:
        """Takes a message, or the beginning of footage, that lies in one piece: most do. Bytes taken, 0 if none."""
        header: tuple[int, int, int, int, int] = DATA_HEADER.unpack_from(view, at)
        length, opcode, flags, request, offset = header
        _check(length, opcode, flags)
        if opcode == STREAM_DATA:
            self._stream, self._offset, self.left = request, offset, length - OFFSET.size
            return DATA_HEADER.size
        begin, stop = at + HEADER.size, at + HEADER.size + length
        if stop > end:
            return 0
        found.append(Message(opcode, _FLAGS[flags], request, bytes(view[begin:stop])))
        return stop - at

    def _wanted(self) -> int:
        if self._header is None:
            return HEADER.size
        length, opcode, _, _ = self._header
        return OFFSET.size if opcode == STREAM_DATA else length

    def _complete(self, found: list[Message | StreamBytes]) -> None:
        if self._header is None:
            self._take_header()
            if self._header is None or self._header[0]:
                return
        length, opcode, flags, request = self._header
        if opcode == STREAM_DATA:
            self._stream = request
            self._offset = OFFSET.unpack(self._gathered)[0]
            self.left = length - OFFSET.size
        else:
            found.append(Message(opcode, _FLAGS[flags], request, bytes(self._gathered)))
        self._header = None
        self._gathered.clear()

    def _take_header(self) -> None:
        header = HEADER.unpack(self._gathered)
        self._gathered.clear()
        _check(*header[:3])
        self._header = header


def _check(length: int, opcode: int, flags: int) -> None:
    if length > BODY_MAX:
        raise MalformedMessage("message", f"a body of {length} bytes, at most {BODY_MAX}")
    if flags not in _FLAGS:
        raise MalformedMessage("message", f"flags {flags:#06x} are not known")
    if opcode == STREAM_DATA and (length <= OFFSET.size or flags):
        raise MalformedMessage("stream.data", "carries no bytes")
