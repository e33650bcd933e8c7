"""Worked examples in hex, made by the code that they explain (spec: Worked example)."""

import enum
import hashlib
from collections.abc import Iterator
from typing import Any, Final

from bwc_protocol import crc
from bwc_protocol.conversation.message import HEADER, Flag
from bwc_protocol.declare import COMMANDS, CONTROLS, Wire, to_plain
from bwc_protocol.evidence import Manifest
from bwc_protocol.frame import BYE, HEADER_SIZE, HELLO, HELLO_ACK, RESET, ByeReason, FrameType, ResetReason
from bwc_protocol.session.insecure import RecordType, _Hello
from bwc_protocol.session.preamble import PREAMBLE, SIZE
from bwc_protocol.vocabulary import PeerKind
from tools.generate import sample_evidence
from tools.generate.samples import wire_value
from tools.generate.spec.layouts import LAYOUTS
from tools.generate.trace import Exchange, Passed

Line = tuple[bytes, str]
_PAYLOADS: Final = {
    FrameType.HELLO: HELLO,
    FrameType.HELLO_ACK: HELLO_ACK,
    FrameType.BYE: BYE,
    FrameType.RESET: RESET,
}
_REASONS: Final[dict[FrameType, type[enum.IntEnum]]] = {
    FrameType.BYE: ByeReason,
    FrameType.RESET: ResetReason,
}
_NAMED: Final = ("reason", "kind")
_WIDTH: Final = 37
_BYTES: Final = 12


def exchange() -> str:
    """Every frame of one exchange, annotated."""
    parts = []
    opened = {True: False, False: False}
    for number, passed in enumerate(Exchange().run(), 1):
        who = "host → device" if passed.from_host else "device → host"
        title = f"**{number}. {who}, {passed.at_s * 1000:.0f} ms: {passed.frame.type.name}**"
        lines = list(_header(passed, whole=number == 1))
        payload = passed.frame.payload
        if payload:
            if passed.frame.type is FrameType.DATA:
                lines += _data(payload, first=not opened[passed.from_host])
                opened[passed.from_host] = True
            else:
                lines += _structure(_PAYLOADS[passed.frame.type], payload, _REASONS.get(passed.frame.type))
            lines.append((passed.raw[-4:], "payload CRC-32C"))
        parts.append(f"{title}\n\n{_block(lines)}")
    return "\n\n".join(parts)


def _block(lines: list[Line]) -> str:
    rows = []
    for data, meaning in lines:
        for at in range(0, max(1, len(data)), _BYTES):
            shown = data[at : at + _BYTES].hex(" ")
            rows.append(f"{shown:<{_WIDTH}}{meaning if not at else ''}".rstrip())
    return "```text\n" + "\n".join(rows) + "\n```"


def _header(passed: Passed, *, whole: bool) -> Iterator[Line]:
    raw, frame = passed.raw[:HEADER_SIZE], passed.frame
    if whole:
        yield from _structure(LAYOUTS["frame-header"][0], raw)
        return
    facts = (
        f"header: {frame.type.name}, link {frame.link:#010x}, channel {frame.channel}, epoch {frame.epoch}"
    )
    if frame.type is FrameType.DATA:
        facts += f", seq {frame.seq}"
    if frame.type in (FrameType.DATA, FrameType.ACK, FrameType.PING, FrameType.PONG):
        facts += f", ack {frame.ack}, window {frame.window}"
    yield raw, f"{facts}, length {len(frame.payload)}"


def _structure(layout: Any, data: bytes, names: type[enum.IntEnum] | None = None) -> Iterator[Line]:
    parsed = layout.parse(data)
    at = 0
    for sub in layout.subcons:
        size = sub.sizeof()
        raw = data[at : at + size]
        value = parsed[sub.name]
        shown = f" = {value:#x}" if isinstance(value, int) and size == 4 else ""
        shown = shown or (f" = {value}" if isinstance(value, int) else "")
        if names is not None and sub.name in _NAMED:
            shown += f" ({names(value).name})"
        elif sub.name == "kind":
            shown = f": version {value.version}, type {value.type} ({FrameType(value.type).name})"
        yield raw, f"{sub.name}{shown}"
        at += size
    if data[at:]:
        yield data[at:], "appended by a later version: ignored"


def _data(payload: bytes, *, first: bool) -> Iterator[Line]:
    if first:
        yield b"", "— preamble —"
        yield from _structure(PREAMBLE, payload[:SIZE], PeerKind)
        payload = payload[SIZE:]
    while payload:
        kind, size = RecordType(payload[0]), int.from_bytes(payload[1:4], "little")
        body, head, payload = payload[4 : 4 + size], payload[:4], payload[4 + size :]
        assert len(body) == size, "the example's records each fit one frame"
        yield b"", f"— {kind.name.lower()} record —"
        yield head, f"type {kind.value} ({kind.name}), length {size}"
        if kind is RecordType.HANDSHAKE:
            yield from _declared(_Hello.codec.decode(body))
        elif kind is RecordType.ALERT:
            yield body, "CLOSE"
        else:
            yield from _message(body)


def _message(data: bytes) -> Iterator[Line]:
    length, opcode, flags, request = HEADER.unpack(data[: HEADER.size])
    declared: Any = CONTROLS.get(opcode) or COMMANDS[opcode]
    cls: type[Wire] = declared.reply if flags & Flag.REPLY else declared
    kind = Flag(flags).name if flags else "none"
    yield data[0:4], f"message: body length {length}"
    yield data[4:6], f"opcode {opcode:#06x} ({declared.name})"
    yield data[6:8], f"flags {kind}"
    yield data[8:12], f"request id {request}"
    yield from _declared(cls.codec.decode(data[HEADER.size :]))


def _declared(value: Any) -> Iterator[Line]:
    for name, spec in value.codec.fields.items():
        item = getattr(value, name)
        shown = to_plain(item)
        if isinstance(item, bytes):
            shown = f"{len(item)} bytes"
        elif isinstance(item, enum.IntFlag):
            shown = " | ".join(shown) or "none"
        unit = f" × {spec.unit}" if spec.unit[:1].isdigit() else f" {spec.unit}".rstrip()
        yield bytes(spec.subcon.build(wire_value(spec, item))), f"{name} = {shown}{unit}"


def manifest() -> str:
    """A manifest of one segment, key by key, and its hash."""
    value = sample_evidence.manifest()
    data = value.encode()
    return "\n\n".join(
        [
            f"{len(data)} bytes; SHA-256 `{value.sha256.hex()}`:",
            "```text\n"
            + "\n".join(data.hex(" ")[at : at + 96].rstrip() for at in range(0, len(data) * 3, 96))
            + "\n```",
            "Read as:",
            "```text\n" + _diagnostic(value) + "\n```",
        ]
    )


def _diagnostic(value: Manifest) -> str:
    lines = []
    for name, key in value.keys().items():
        if key.number not in value.to_map():
            continue
        item = key.kind.to_cbor(getattr(value, name))
        lines.append(f"{key.number:>2}: {_cbor_text(item)}".ljust(80) + f" / {name} /")
    return "{\n" + "\n".join(lines) + "\n}"


def _cbor_text(item: Any) -> str:
    """CBOR diagnostic notation (RFC 8949, section 8), long strings shortened."""
    if isinstance(item, bytes):
        shown = item.hex() if len(item) <= 16 else item[:8].hex() + "…"
        return f"h'{shown}'"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str):
        return f'"{item}"'
    if isinstance(item, list):
        return "[" + ", ".join(_cbor_text(one) for one in item) + "]"
    if isinstance(item, dict):
        return "{" + ", ".join(f"{key}: {_cbor_text(one)}" for key, one in item.items()) + "}"
    return str(item)


def audit_entry() -> str:
    """The bytes that one entry's hash is taken over."""
    first, second = sample_evidence.audit_entries()
    actor, detail = second.actor.encode(), second.detail.encode()
    lines: list[Line] = [
        (b"BWC-AUDIT-CHAIN1", "domain"),
        (first.sha256, f"hash of entry {first.sequence}"),
        (second.sequence.to_bytes(8, "little"), f"sequence = {second.sequence}"),
        (second.utc_ns.to_bytes(8, "little", signed=True), f"utc_ns = {second.utc_ns}"),
        (second.boot_counter.to_bytes(4, "little"), f"boot_counter = {second.boot_counter}"),
        (bytes([int(second.kind)]), f"kind = {to_plain(second.kind)}"),
        (bytes([len(actor)]) + actor, f"actor = {second.actor}"),
        (len(detail).to_bytes(2, "little") + detail, f"detail = {second.detail}"),
    ]
    hashed = b"".join(data for data, _ in lines)
    assert hashlib.sha256(hashed).digest() == second.sha256, "the example is not the rule"
    return f"{_block(lines)}\n\nSHA-256 of these {len(hashed)} bytes: `{second.sha256.hex()}`"


def checksums() -> str:
    """Values by which an implementation of CRC-32C compares itself."""
    rows = ["| bytes | CRC-32C | on the wire |", "|---|---|---|"]
    for data, shown in ((b"123456789", '"123456789"'), (bytes(32), "32 × `00`"), (b"\xff" * 32, "32 × `ff`")):
        value = crc.crc32c(data)
        rows.append(f"| {shown} | `{value:#010x}` | `{value.to_bytes(4, 'little').hex(' ')}` |")
    return "\n".join(rows)
