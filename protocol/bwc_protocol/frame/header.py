"""The frame: 24 bytes of header, then a payload and its CRC unless the length is 0 (spec: Frame).

The payload's CRC continues the header's: it covers bytes 0 to 19 and the payload. A CRC over the payload alone
proves no pair: when a pipe loses exactly what lies between one header and the next payload of the same length, the
wrong payload would pass; and a header, being 20 bytes and their CRC, would itself pass as a payload of 20 bytes.
"""

import enum
import struct
from typing import Final, NamedTuple

import construct as c

from bwc_protocol.crc import crc32c, extend_crc32c

SYNC: Final = b"\xb3\x57"
"""Two bytes that differ, the first outside ASCII: rare in text, and no shift of the pair matches itself."""
LINK_VERSION: Final = 1
MAX_CHANNEL: Final = 64
"""Channel 0 is the device itself; 1 to 64 are bays, more than any docking station has."""
MAX_PAYLOAD: Final = 61_440
"""60 KiB: the largest multiple of 4 KiB that leaves a 16-bit length room to spare."""
MIN_PAYLOAD: Final = 20
"""What one BLE value carries at the smallest MTU. Below it a frame would be mostly header; such an offer is void."""
MAX_WINDOW: Final = 32
"""Frames in flight on a channel: what `sack` can describe."""
CONTROL_MAX: Final = 64
"""Payload of every frame that is not DATA: HELLO needs 12 bytes, the rest is room for appended fields."""

FRAME_HEADER: Final = c.Struct(
    "sync" / c.Const(SYNC),
    "kind" / c.BitStruct("version" / c.Nibble, "type" / c.Nibble),
    "channel" / c.Int8ul,
    "link" / c.Int32ul,
    "epoch" / c.Int8ul,
    "window" / c.Int8ul,
    "seq" / c.Int16ul,
    "ack" / c.Int16ul,
    "length" / c.Int16ul,
    "sack" / c.Int32ul,
    "header_crc" / c.Int32ul,
)
"""The authority for the layout. `HEADER` is its equal for the hot path; a test holds the two together."""

HEADER: Final = struct.Struct("<HBBIBBHHHII")
HEADER_SIZE: Final = HEADER.size
CRC: Final = struct.Struct("<I")
CRC_SIZE: Final = CRC.size
SYNC_WORD: Final = int.from_bytes(SYNC, "little")

_CHECKED: Final = struct.Struct("<HBBIBBHHHI")  # what the header's CRC covers


class FrameType(enum.IntEnum):
    """What a frame is. Values that are not listed are skipped: a later version may use them."""

    HELLO = 1
    """A host asks for a link."""
    HELLO_ACK = 2
    """The device grants one, and names it."""
    DATA = 3
    """Bytes of a channel; carries the acknowledgement of the other direction too."""
    ACK = 4
    """The acknowledgement of a channel alone."""
    RESET = 5
    """Ends a life of a channel, or answers its end."""
    PING = 6
    """Asks for a sign of life, and for the window of a channel."""
    PONG = 7
    """The answer to PING."""
    BYE = 8
    """Ends a link, or refuses one."""


class Frame(NamedTuple):
    """One frame as parsed: valid CRCs, a known type, and nothing else checked.

    A named tuple and not a dataclass: one is made for each frame received, and this is four times cheaper.
    """

    type: FrameType
    channel: int = 0
    link: int = 0
    """Nonce of the link, chosen by the device; 0 only before there is one."""
    epoch: int = 0
    window: int = 0
    """Free frame slots of the sender of this frame, counted from `ack`."""
    seq: int = 0
    """Number of a DATA frame, modulo 2^16; 0 in others."""
    ack: int = 0
    """Next DATA frame that the sender of this frame expects."""
    sack: int = 0
    """Bit i: frame `ack + 1 + i` is held."""
    payload: bytes = b""
    version: int = LINK_VERSION

    def __repr__(self) -> str:
        return (
            f"<{self.type.name} ch={self.channel} link={self.link:08x} epoch={self.epoch} seq={self.seq} "
            f"ack={self.ack}+{self.window} sack={self.sack:x} {len(self.payload)} bytes>"
        )


def pack_header(
    type: int,
    channel: int,
    link: int,
    epoch: int,
    window: int,
    seq: int,
    ack: int,
    sack: int,
    length: int,
    version: int,
) -> bytes:
    """The 24 bytes of a header with its CRC. Raises `struct.error` for numbers that do not fit."""
    checked = _CHECKED.pack(
        SYNC_WORD, version << 4 | type, channel, link, epoch, window, seq, ack, length, sack
    )
    return checked + CRC.pack(crc32c(checked))


def pack_parts(
    type: int,
    channel: int,
    link: int,
    epoch: int,
    window: int,
    seq: int,
    ack: int,
    sack: int,
    payload: bytes,
    version: int,
) -> tuple[bytes, bytes]:
    """The header of a frame that has a payload, and the four bytes that follow the payload."""
    checked = _CHECKED.pack(
        SYNC_WORD, version << 4 | type, channel, link, epoch, window, seq, ack, len(payload), sack
    )
    crc = crc32c(checked)
    return checked + CRC.pack(crc), CRC.pack(extend_crc32c(crc, payload))


def encode_header(frame: Frame) -> bytes:
    """The header of `frame`, 24 bytes."""
    return pack_header(*frame[:8], len(frame.payload), frame.version)


def encode_frame(frame: Frame) -> bytes:
    """The whole of `frame`, as on the wire."""
    header = encode_header(frame)
    return header + frame.payload + payload_crc(header, frame.payload) if frame.payload else header


def payload_crc(header: bytes, payload: bytes) -> bytes:
    """The four bytes that follow `payload` behind `header`."""
    return CRC.pack(extend_crc32c(CRC.unpack_from(header, HEADER_SIZE - CRC_SIZE)[0], payload))
