"""What a capture file holds, entry by entry, be it of JSON lines or of pcapng (spec: Captures).

Both come as what a line of JSON has. What Wireshark saved again is read as well; blocks that it adds are passed over.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from bwc_protocol.conversation.message import HEADER as MESSAGE_HEADER
from bwc_protocol.frame import HEADER_SIZE
from bwc_sdk.capture.file import PCAPNG_BEGIN, CaptureError
from bwc_sdk.capture.pcapng import LINKTYPE_USER0, VERSION, Holds
from bwc_sdk.host.file_advice import file_advice

LINE_MAX: Final = 262_144
"""Characters of one line: the largest message is 64 KiB, in hexadecimal twice that."""
LINE_BEGIN: Final = '{"t": '
"""How every line of a capture begins, so that the torn end of one is told from a file that is none."""
BLOCK_MAX: Final = 1_048_576
"""Bytes of one block of pcapng: the largest message with its options takes a sixteenth of it; Wireshark writes no
longer one for a packet of another kind."""
INTERFACES_MAX: Final = 1_000
"""Of one section: who merges captures has a few."""
_NS: Final = 1_000_000_000
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER: Final = 0x1A2B3C4D
_IF_NAME, _IF_TSRESOL = 2, 9
_MICROSECONDS: Final = 6
"""The exponent where an interface names none."""
_CHANNEL: Final = " channel "
"""Between the device and the bay, in the name of an interface."""
_ADVICE: Final = "name a file that --capture or BWC_CAPTURE wrote"


class Entry(NamedTuple):
    """One thing that passed, or what the file says of itself."""

    where: str
    """File and line, or file and packet, for errors."""
    raw: Any
    """What a line of JSON would have."""


def entries(path: Path, on_torn: Callable[[int], None] = lambda number: None) -> Iterator[Entry]:
    """The entries of a capture, one by one. Raises `CaptureError` with the number of a line or packet that is none.

    The last one may be torn, as when its writer was killed: it is left out, and `on_torn` gets its number.
    """
    try:
        with path.open("rb") as file:
            if file.peek(len(PCAPNG_BEGIN))[: len(PCAPNG_BEGIN)] == PCAPNG_BEGIN:
                yield from _Packets(path, file, on_torn).read()
            else:
                yield from _lines(path, file, on_torn)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror}", advice=file_advice(error)) from error


def no_entry(where: str, why: str) -> CaptureError:
    """The error for what is not an entry of a capture."""
    return CaptureError(f"{where}: not a line of a capture: {why}", advice=_ADVICE)


# JSON lines


def _lines(path: Path, file: BinaryIO, on_torn: Callable[[int], None]) -> Iterator[Entry]:
    try:
        with io.TextIOWrapper(file, encoding="utf-8") as text:
            number = 0
            while line := text.readline(LINE_MAX + 1):
                number += 1
                where = f"{path}, line {number}"
                if len(line) > LINE_MAX:
                    raise CaptureError(f"{where}: longer than {LINE_MAX} characters", advice=_ADVICE)
                if not line.endswith("\n") and _is_torn(line):
                    on_torn(number)
                    return
                yield Entry(where, _parsed(line, where))
    except UnicodeDecodeError as error:
        raise CaptureError(
            f"{path} is not a capture: it is neither lines of UTF-8 nor pcapng", advice=_ADVICE
        ) from error


def _is_torn(line: str) -> bool:
    """Whether a line without its end is the beginning of one of a capture, and not the whole of it."""
    try:
        json.loads(line)
        return False
    except ValueError:
        return line.startswith(LINE_BEGIN[: len(line)])


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except RecursionError as error:
        raise no_entry(where, "nested too deeply") from error
    except ValueError as error:
        raise no_entry(where, str(error)) from error


# pcapng


class _Packets:
    """Reads one file."""

    def __init__(self, path: Path, file: BinaryIO, on_torn: Callable[[int], None]) -> None:
        self._path = path
        self._file = file
        self._on_torn = on_torn
        self._order = "<"
        self._interfaces: list[tuple[str, int] | None] = []
        """Name and exponent of the time stamps of each; None of one that is not ours."""
        self._began: int | None = None
        self._packets = 0

    def read(self) -> Iterator[Entry]:
        while True:
            block = self._block()
            if block is None:
                break
            kind, body = block
            if kind == _SECTION:
                self._interfaces.clear()
            elif kind == _INTERFACE:
                self._interface(body)
            elif kind == _PACKET:
                yield from self._packet(body)
        if not any(self._interfaces):
            raise CaptureError(f"{self._path} holds no capture of this protocol", advice=_ADVICE)

    @property
    def _where(self) -> str:
        return f"{self._path}, packet {self._packets}"

    def _block(self) -> tuple[int, bytes] | None:
        """Type and body of the next block; None at the end, or where the file is torn."""
        head = self._file.read(8)
        if head[:4] == PCAPNG_BEGIN and len(head) == 8:
            head += self._file.read(4)  # a section's byte order, before its length can be read
            self._order = "<" if head[8:] == struct.pack("<I", _BYTE_ORDER) else ">"
        if len(head) < 8:
            self._torn(bool(head))
            return None
        kind, length = struct.unpack(f"{self._order}II", head[:8])
        if length % 4 or not 12 <= length <= BLOCK_MAX:
            raise CaptureError(
                f"{self._path}, behind packet {self._packets}: a block of {length} bytes", advice=_ADVICE
            )
        rest = self._file.read(length - len(head))
        if len(rest) < length - len(head):
            self._torn(True)
            return None
        return kind, (head + rest)[8:-4]

    def _torn(self, torn: bool) -> None:
        if torn:
            self._on_torn(self._packets + 1)

    def _interface(self, body: bytes) -> None:
        if len(body) < 8 or len(self._interfaces) == INTERFACES_MAX:
            raise CaptureError(f"{self._path}: a broken interface description", advice=_ADVICE)
        if struct.unpack_from(f"{self._order}H", body)[0] != LINKTYPE_USER0:
            self._interfaces.append(None)
            return
        options = self._options(body[8:])
        name = options.get(_IF_NAME, b"").decode("utf-8", "replace")
        tenths = options.get(_IF_TSRESOL, bytes((_MICROSECONDS,)))
        exponent = tenths[0] if tenths else _MICROSECONDS
        if exponent > 9:
            raise CaptureError(
                f"{self._path}: time stamps in a unit that no capture of this protocol has", advice=_ADVICE
            )
        self._interfaces.append((name, exponent))

    def _options(self, data: bytes) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        at = 0
        while at + 4 <= len(data):
            code, size = struct.unpack_from(f"{self._order}HH", data, at)
            if not code:
                break
            found[code] = data[at + 4 : at + 4 + size]
            at += 4 + size + -size % 4
        return found

    def _packet(self, body: bytes) -> Iterator[Entry]:
        self._packets += 1
        if len(body) < 20:
            raise no_entry(self._where, "its block ends inside a known field")
        number, high, low, size, _ = struct.unpack_from(f"{self._order}IIIII", body)
        if number >= len(self._interfaces):
            raise no_entry(self._where, f"there is no interface {number}")
        interface = self._interfaces[number]
        if interface is None:
            return  # of another protocol
        name, exponent = interface
        utc_ns = (high << 32 | low) * 10 ** (9 - exponent)
        if self._began is None:
            self._began = utc_ns
            yield Entry(self._path.name, _head(name, utc_ns))
        data = body[20 : 20 + size]
        if len(data) < size or size < 4:
            raise no_entry(self._where, "its block ends inside a known field")
        if data[0] != VERSION:
            raise no_entry(self._where, f"packets of version {data[0]}, and not of {VERSION}")
        told = {"t": (utc_ns - self._began) / _NS, "dir": "device" if data[2] else "host"}
        yield Entry(self._where, told | self._content(data[1], data[3], data[4:]))

    def _content(self, holds: int, channel: int, data: bytes) -> dict[str, Any]:
        match holds:
            case Holds.FRAME:
                return {"frame": data[:HEADER_SIZE].hex(), "payload": data[HEADER_SIZE:].hex()}
            case Holds.MESSAGE:
                if len(data) < MESSAGE_HEADER.size:
                    raise no_entry(self._where, "a message that ends inside its header")
                length, opcode, flags, request = MESSAGE_HEADER.unpack_from(data)
                body = data[MESSAGE_HEADER.size :]
                if length != len(body):
                    raise no_entry(self._where, f"a message of {length} bytes, of which it has {len(body)}")
                said = {"opcode": opcode, "flags": flags, "request": request, "body": body.hex()}
                return {"channel": channel, "message": said}
            case Holds.REFUSED:
                frame, _, why = data.decode("utf-8", "replace").partition(": ")
                reason, _, rule = why.partition("; ")
                return {"refused": {"frame": frame, "reason": reason, "rule": rule}}
            case Holds.BAD:
                if len(data) < 4:
                    raise no_entry(self._where, "it does not say how many bytes are of no frame")
                return {"bad": data[4:].hex(), "bytes": struct.unpack_from("<I", data)[0]}
            case _:
                raise no_entry(self._where, f"it holds something of kind {holds}")


def _head(name: str, utc_ns: int) -> dict[str, Any]:
    device, between, channel = name.rpartition(_CHANNEL)
    if between and channel.isdecimal() and len(channel) <= 3:
        return {"t": 0.0, "device": device, "channel": int(channel), "utc_ns": utc_ns}
    return {"t": 0.0, "device": name, "channel": 0, "utc_ns": utc_ns}
