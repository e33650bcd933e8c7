"""Byte tables of the layouts below the messages, from their Construct definitions (spec: Frame, Link, Session)."""

from collections.abc import Iterator
from typing import Any, Final

import construct as c

from bwc_protocol import frame
from bwc_protocol.conversation import message
from bwc_protocol.session import insecure, interface, preamble

Meanings = dict[str, str]

LAYOUTS: Final[dict[str, tuple[Any, Meanings]]] = {
    "frame-header": (
        frame.FRAME_HEADER,
        {
            "sync": f"constant `{frame.SYNC.hex(' ')}`",
            "kind": "link version in the high four bits, frame type in the low four",
            "channel": "0 = the device itself, 1 to 64 = the camera in that bay",
            "link": "nonce of this link, chosen by the device; 0 only before there is a link",
            "epoch": "life of this channel on this link",
            "window": f"frames that the sender of this frame takes, counted from `ack`; 0 to {frame.MAX_WINDOW}",
            "seq": "number of a DATA frame, modulo 2^16; 0 in every other type",
            "ack": "next DATA frame that the sender of this frame expects",
            "length": "bytes of payload; when 0, neither payload nor payload CRC follows",
            "sack": "bit *i* = DATA frame `ack + 1 + i` is held out of order",
            "header_crc": "CRC-32C over bytes 0 to 19",
        },
    ),
    "hello": (
        frame.HELLO,
        {
            "host_nonce": "random, chosen anew for each connect",
            "max_payload": "bytes of payload that the host takes",
            "lowest": "lowest link version that the host speaks",
            "highest": "highest link version that the host speaks",
            "max_window": "frames that the host takes on a channel",
            "reserved": "0; ignored",
        },
    ),
    "hello-ack": (
        frame.HELLO_ACK,
        {
            "host_nonce": "from the HELLO that this answers",
            "max_payload": "the smaller of both offers: holds in both directions",
            "version": "link version chosen: the highest that both speak",
            "window": "the smaller of both offers",
        },
    ),
    "bye": (
        frame.BYE,
        {
            "host_nonce": "from the HELLO that this answers; 0 otherwise",
            "retry_after_ms": "with BUSY: when to try again; else 0",
            "reason": "see below",
            "reserved": "0; ignored",
        },
    ),
    "reset": (
        frame.RESET,
        {
            "reason": "see below",
            "reserved": "0; ignored",
            "retry_after_ms": "with BUSY: when to open the channel again; else 0",
        },
    ),
    "preamble": (
        preamble.PREAMBLE,
        {
            "magic": f'constant `{preamble.MAGIC.hex(" ")}` ("BWC", 1)',
            "oldest_major": "oldest protocol version that the sender speaks",
            "oldest_minor": "",
            "newest_major": "newest protocol version that the sender speaks",
            "newest_minor": "",
            "kind": "what the sender is: 1 host, 2 camera, 3 station",
            "protection": "0 = none, the [insecure session](#insecure-session); 1 = TLS 1.3, the "
            "[secure session](#secure-session)",
            "reserved": "0; ignored",
            "max_plaintext": f"largest plaintext that the peer may seal at once, at least {preamble.MIN_PLAINTEXT}",
            "random": "16 fresh random bytes",
        },
    ),
    "session-record": (
        insecure.RECORD_HEADER,
        {
            "type": "1 handshake, 2 data, 3 alert",
            "length": f"bytes of body that follow, at most {interface.RECORD_MAX}",
        },
    ),
    "message-header": (
        message.MESSAGE_HEADER,
        {
            "length": f"bytes of the body that follows, at most {message.BODY_MAX}",
            "opcode": "what the message is; answers repeat the opcode of their request",
            "flags": "0 request or control, 1 REPLY, 2 ERROR, 4 EVENT; anything else is refused",
            "request": "id of the request, or of the stream; 0 in events and session messages",
        },
    ),
}

_TYPES: Final = {1: "u8", 2: "u16", 4: "u32", 8: "u64"}


def layout(name: str) -> str:
    """The byte table of a layout. Raises `KeyError` for a field without a meaning."""
    struct, meanings = LAYOUTS[name]
    rows = ["| at | size | type | field | meaning |", "|---|---|---|---|---|"]
    for at, size, kind, field in _fields(struct):
        rows.append(f"| {at} | {size} | {kind} | `{field}` | {meanings[field]} |")
    return "\n".join(rows)


def field_names(name: str) -> list[str]:
    """The fields of a layout, in their order."""
    return [field for _, _, _, field in _fields(LAYOUTS[name][0])]


def layout_fields(name: str) -> list[tuple[int, int, str, str]]:
    """Place, size, type and name of each field of a layout."""
    return list(_fields(LAYOUTS[name][0]))


def _fields(struct: Any) -> Iterator[tuple[int, int, str, str]]:
    at = 0
    for sub in struct.subcons:
        size = sub.sizeof()
        inner = sub.subcon
        bits = isinstance(inner, c.Transformed) and size == 1
        number = _TYPES[size] if bits or isinstance(inner, c.FormatField) else ""
        kind = number or ("u24" if isinstance(inner, c.BytesInteger) else f"bytes[{size}]")
        yield at, size, kind, str(sub.name)
        at += size
