"""Captures as Wireshark reads them: pcapng, one packet for each frame and each message (spec: Captures).

The link type is USER0 (147), for which `bwc.lua` is the dissector. A packet begins with four bytes of its own:
version 1, what it holds, who sent it, and the channel.
"""

from __future__ import annotations

import enum
import struct
from typing import Any, Final

from bwc_protocol.conversation.message import HEADER as MESSAGE_HEADER

LINKTYPE_USER0: Final = 147
VERSION: Final = 1
_NS: Final = 1_000_000_000
_BLOCK: Final = struct.Struct("<II")
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER: Final = 0x1A2B3C4D
_COMMENT, _IF_NAME, _IF_TSRESOL, _APPLICATION, _FLAGS = 1, 2, 9, 4, 2
_INBOUND, _OUTBOUND = 1, 2


class Holds(enum.IntEnum):
    """What a packet holds behind its four bytes."""

    FRAME = 1
    """The header of a frame, and the payload of one about links and channels."""
    MESSAGE = 2
    """A message as it went inside the session: header and body."""
    REFUSED = 3
    """Why the host threw a frame of the device away, in UTF-8."""
    BAD = 4
    """How a read began in which bytes belong to no frame; before it a u32: how many do."""


class PcapNg:
    """Makes the blocks of one file."""

    def __init__(self) -> None:
        self._utc_ns = 0

    def head(self, entry: dict[str, Any]) -> bytes:
        """Section header and one interface, which is named after the device."""
        self._utc_ns = int(entry["utc_ns"])
        name = f"{entry['device']} channel {entry['channel']}" if entry["channel"] else str(entry["device"])
        section = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + _options((_APPLICATION, b"bwc_sdk"))
        interface = struct.pack("<HHI", LINKTYPE_USER0, 0, 0) + _options(
            (_IF_NAME, name.encode()), (_IF_TSRESOL, b"\x09")
        )
        return _block(_SECTION, section) + _block(_INTERFACE, interface)

    def entry(self, entry: dict[str, Any]) -> bytes:
        """One enhanced packet block."""
        sent = entry["dir"] == "host"
        holds, channel, data = _content(entry)
        packet = bytes((VERSION, holds, not sent, channel)) + data
        utc_ns = self._utc_ns + round(entry["t"] * _NS)
        body = struct.pack("<IIIII", 0, utc_ns >> 32, utc_ns & 0xFFFF_FFFF, len(packet), len(packet))
        direction = struct.pack("<I", _OUTBOUND if sent else _INBOUND)
        return _block(_PACKET, body + _padded(packet) + _options((_FLAGS, direction)))


def _content(entry: dict[str, Any]) -> tuple[Holds, int, bytes]:
    if "message" in entry:
        said = entry["message"]
        body = bytes.fromhex(said["body"])
        header = MESSAGE_HEADER.pack(len(body), said["opcode"], said["flags"], said["request"])
        return Holds.MESSAGE, int(entry["channel"]), header + body
    if "frame" in entry:
        header = bytes.fromhex(entry["frame"])
        return Holds.FRAME, header[3], header + bytes.fromhex(entry.get("payload", ""))
    if "refused" in entry:
        why = entry["refused"]
        return Holds.REFUSED, 0, f"{why['frame']}: {why['reason']}; {why['rule']}".encode()
    return Holds.BAD, 0, struct.pack("<I", entry["bytes"]) + bytes.fromhex(entry["bad"])


def _block(kind: int, body: bytes) -> bytes:
    length = _BLOCK.size + len(body) + 4
    return _BLOCK.pack(kind, length) + body + struct.pack("<I", length)


def _options(*found: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", code, len(v)) + _padded(v) for code, v in found) + bytes(4)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
