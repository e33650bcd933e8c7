"""Vectors of frames, and of what a parser finds in damaged bytes (spec: Frame)."""

from typing import Any, Final

from bwc_protocol.frame import (
    Bye,
    ByeReason,
    Frame,
    FrameParser,
    FrameType,
    Hello,
    HelloAck,
    Reset,
    ResetReason,
    encode_frame,
)
from tools.generate.vectors import types as vectors_types

LINK: Final = 0x5566_7788
HOST_NONCE: Final = 0x1122_3344
MAX_PAYLOAD: Final = 1024
_PAYLOADS: Final[dict[FrameType, Any]] = {
    FrameType.HELLO: Hello,
    FrameType.HELLO_ACK: HelloAck,
    FrameType.BYE: Bye,
    FrameType.RESET: Reset,
}


def record() -> dict[str, Any]:
    """The content of `frames.json`."""
    types = {
        "header": vectors_types.layout("frame-header"),
        "HELLO": vectors_types.layout("hello"),
        "HELLO_ACK": vectors_types.layout("hello-ack"),
        "RESET": vectors_types.layout("reset"),
        "BYE": vectors_types.layout("bye"),
    }
    return {"types": types, "frames": [shown(frame) for frame in frames()], "streams": streams()}


def frames() -> list[Frame]:
    """Frames of every type, with every reason, and with the largest numbers."""
    hello = Hello(host_nonce=HOST_NONCE, max_payload=61_440, lowest=1, highest=1, max_window=32)
    granted = HelloAck(host_nonce=HOST_NONCE, max_payload=MAX_PAYLOAD, version=1, window=32)
    busy = Bye(reason=ByeReason.BUSY, host_nonce=HOST_NONCE, retry_after_ms=1000)
    numbers: dict[str, Any] = {"channel": 64, "epoch": 255, "window": 32, "ack": 65_535, "sack": 0x8000_0001}
    return [
        Frame(FrameType.HELLO, payload=hello.encode()),
        Frame(FrameType.HELLO_ACK, link=LINK, payload=granted.encode()),
        Frame(FrameType.DATA, link=LINK, window=32, payload=b"\x00"),
        Frame(FrameType.DATA, link=LINK, seq=65_535, payload=bytes(range(256)) * 4, **numbers),
        Frame(FrameType.ACK, link=LINK, **numbers),
        Frame(FrameType.PING, link=LINK),
        Frame(FrameType.PONG, link=0xFFFF_FFFF, **numbers),
        *(
            Frame(FrameType.RESET, link=LINK, channel=3, epoch=7, payload=Reset(reason=reason).encode())
            for reason in ResetReason
        ),
        Frame(FrameType.BYE, payload=busy.encode()),
        *(
            Frame(FrameType.BYE, link=LINK, payload=Bye(reason=reason).encode())
            for reason in ByeReason
            if reason is not ByeReason.BUSY
        ),
    ]


def shown(frame: Frame) -> dict[str, Any]:
    """A frame as vectors show it."""
    header = {
        "version": frame.version,
        "type": int(frame.type),
        "channel": frame.channel,
        "link": frame.link,
        "epoch": frame.epoch,
        "window": frame.window,
        "seq": frame.seq,
        "ack": frame.ack,
        "sack": frame.sack,
    }
    found: dict[str, Any] = {"name": frame.type.name, "header": header, "payload": frame.payload.hex()}
    layout = _PAYLOADS.get(frame.type)
    if layout is not None:
        value = layout.decode(frame.payload)
        found["fields"] = {name: int(getattr(value, name)) for name in layout.__dataclass_fields__}
    return found | {"hex": encode_frame(frame).hex()}


def streams() -> list[dict[str, Any]]:
    """Bytes as they may arrive and the frames in them; what is incomplete at the end is given up after 200 ms."""
    ping = encode_frame(Frame(FrameType.PING, link=LINK))
    data = encode_frame(Frame(FrameType.DATA, link=LINK, window=32, payload=b"footage " * 8))
    other = encode_frame(Frame(FrameType.DATA, link=LINK, window=32, seq=1, payload=b"FOOTAGE " * 8))
    large = encode_frame(Frame(FrameType.DATA, link=LINK, window=32, payload=bytes(MAX_PAYLOAD + 1)))
    nested = encode_frame(Frame(FrameType.DATA, link=LINK, window=32, payload=b"x" + ping + b"y"))
    unknown = encode_frame(Frame(FrameType.PING, link=LINK)._replace(type=FrameType.BYE))
    newer = _retyped(ping, 15)
    hello = Hello(host_nonce=HOST_NONCE, max_payload=1024, lowest=1, highest=1, max_window=32).encode()
    longer = encode_frame(Frame(FrameType.HELLO, payload=hello + b"\x01\x02\x03\x04"))
    cases: list[tuple[str, bytes]] = [
        ("two good frames", ping + data),
        ("garbage before a frame", b"\x00\xb3\xb3\x57garbage" + ping),
        ("text of another protocol", b"login: \r\n" + ping),
        ("a header with one flipped bit, then a good frame", _flipped(ping, 9) + data),
        ("a payload with one flipped bit, then a good frame", _flipped(data, 30) + ping),
        ("a payload CRC with one flipped bit, then a good frame", _flipped(data, len(data) - 1) + ping),
        ("a frame that was cut, then good frames", data[:40] + ping + data),
        ("a header that was cut, then a good frame", ping[:11] + ping),
        ("a length over the bound, then a good frame", large + ping),
        ("a bad payload that holds a whole good frame", _flipped(nested, len(nested) - 1) + data),
        ("a good payload that holds a whole good frame: it is payload", nested + data),
        ("a payload of the same length behind another frame's header", other[:24] + data[24:] + ping),
        ("an unknown type is skipped as a whole", newer + ping),
        ("a control frame with appended bytes", longer),
        ("a BYE without its payload", unknown + ping),
        ("an incomplete frame at the end hides a good one", data[:24] + ping),
        ("nothing but sync bytes", b"\xb3\x57" * 20),
    ]
    found = []
    for about, raw in cases:
        parser = FrameParser(MAX_PAYLOAD)
        frames = [*parser.feed(raw, 0.0), *parser.expire(1.0)]
        found.append(
            {
                "about": about,
                "max_payload": MAX_PAYLOAD,
                "decode_only": True,
                "hex": raw.hex(),
                "frames": [encode_frame(frame).hex() for frame in frames],
            }
        )
    return found


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def _retyped(data: bytes, number: int) -> bytes:
    from bwc_protocol.crc import crc32c

    head = data[:2] + bytes([data[2] & 0xF0 | number]) + data[3:20]
    return head + crc32c(head).to_bytes(4, "little")
