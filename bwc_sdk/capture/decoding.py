"""Captures in the specification's words: frames by type and number, messages by name and field (spec: Captures)."""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import construct as c

from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, MalformedMessage, Wire, to_plain
from bwc_protocol.frame import (
    BYE,
    HEADER,
    HEADER_SIZE,
    HELLO,
    HELLO_ACK,
    RESET,
    ByeReason,
    FrameType,
    ResetReason,
)
from bwc_protocol.messages.core import ErrorReply
from bwc_sdk.capture.entries import entries, no_entry


@dataclass(frozen=True, slots=True)
class Decoded:
    """One line of a capture."""

    t: float
    """Seconds since the capture began."""
    sender: str
    """`host` or `device`; "" for what the file says of itself."""
    channel: int
    """0 for the device at the end of the line, else the bay of a docking station."""
    layer: str
    """`frame`, `message`, `refused` for a frame that the host threw away, or `capture` for what the file says of
    itself."""
    name: str
    """Type of the frame, or name and kind of the message, or `begins`."""
    fields: dict[str, Any]
    problem: str = ""
    """What breaks the specification, or nothing."""


def decode_file(path: Path, on_torn: Callable[[int], None] = lambda number: None) -> Iterator[Decoded]:
    """The lines of a capture, or packets of one in pcapng, one by one. Raises `CaptureError` with the number of one
    that is none.

    The last one may be torn, as when its writer was killed: it is left out, and `on_torn` gets its number.
    """
    for where, raw in entries(path, on_torn):
        yield _decode_entry(raw, where)


def _decode_entry(raw: Any, where: str) -> Decoded:
    try:
        if not isinstance(raw, dict) or not isinstance(raw.get("message", {}), dict):
            raise ValueError("not an object of JSON")
        t = float(raw["t"])
        if "device" in raw and "dir" not in raw:
            fields = {"device": str(raw["device"]), "utc_ns": int(raw.get("utc_ns", 0)) or None}
            return Decoded(t, "", int(raw.get("channel", 0)), "capture", "begins", fields)
        sender = str(raw["dir"])
        if sender not in ("host", "device"):
            raise ValueError("dir is neither host nor device")
        if "message" in raw:
            return decode_message(t, sender, int(raw.get("channel", 0)), message_of(raw["message"]))
        if "frame" in raw:
            payload = bytes.fromhex(raw.get("payload", ""))
            return _frame(t, sender, bytes.fromhex(raw["frame"]), payload)
        if "refused" in raw:
            why = dict(raw["refused"])
            fields = {"reason": str(why["reason"])}
            return Decoded(t, sender, 0, "refused", str(why["frame"]), fields, str(why["rule"]))
        if "bad" in raw:
            fields = {"begins": str(raw["bad"])} | ({"bytes": int(raw["bytes"])} if "bytes" in raw else {})
            return Decoded(t, sender, 0, "frame", "?", fields, "bytes that are no frame")
        raise ValueError("neither frame nor message")
    except KeyError as error:
        raise no_entry(where, f"it has no {error}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise no_entry(where, str(error)) from error


_CONTROLS: Final[dict[int, c.Struct]] = {
    FrameType.HELLO: HELLO,
    FrameType.HELLO_ACK: HELLO_ACK,
    FrameType.BYE: BYE,
    FrameType.RESET: RESET,
}
_REASONS: Final[dict[int, type[enum.IntEnum]]] = {FrameType.BYE: ByeReason, FrameType.RESET: ResetReason}


def _control(number: int, payload: bytes) -> tuple[dict[str, Any], str]:
    """The fields of a payload about a link or channel, and what is wrong with it."""
    layout = _CONTROLS.get(number)
    if layout is None or not payload:
        return {}, ""
    try:
        raw = layout.parse(payload)
    except c.ConstructError:
        return {"payload": payload.hex()}, "the payload ends inside a known field"
    fields = {name: raw[name] for name in raw if name not in ("_io", "reserved")}
    if "host_nonce" in fields:
        fields["host_nonce"] = f"{fields['host_nonce']:08x}"
    reasons = _REASONS.get(number)
    if reasons is not None:
        known = {one.value: one.name for one in reasons}
        reason = fields["reason"]
        fields["reason"] = known.get(reason, f"unknown({reason})")
    return fields, ""


def _frame(t: float, sender: str, header: bytes, payload: bytes) -> Decoded:
    if len(header) != HEADER_SIZE:
        raise ValueError(f"a frame header of {len(header)} bytes")
    return decode_frame(t, sender, header, payload)


def decode_frame(t: float, sender: str, header: bytes, payload: bytes) -> Decoded:
    """One frame in the specification's words, by the 24 bytes of its header."""
    _, kind, channel, link, epoch, window, seq, ack, length, sack, _ = HEADER.unpack(header)
    number = kind & 15
    known = number in list(FrameType)
    fields = {
        "link": f"{link:08x}",
        "epoch": epoch,
        "seq": seq,
        "ack": ack,
        "window": window,
        "sack": f"{sack:x}",
        "length": length,
    }
    name = FrameType(number).name if known else f"unknown({number})"
    told, problem = _control(number, payload)
    return Decoded(
        t,
        sender,
        channel,
        "frame",
        name,
        fields | told,
        problem if known else "a frame type of another version",
    )


def message_of(raw: dict[str, Any]) -> Message:
    """The message that an entry has. Raises `KeyError`, `ValueError`, `TypeError`, `OverflowError`."""
    return Message(
        int(raw["opcode"]), Flag(int(raw["flags"])), int(raw["request"]), bytes.fromhex(raw["body"])
    )


def decode_message(t: float, sender: str, channel: int, said: Message) -> Decoded:
    """One message of a session in the specification's words."""
    declared, kind = _declaration(said.opcode, said.flags)
    name = f"{_name(said.opcode)} {kind}".rstrip()
    told = partial(Decoded, t, sender, channel, "message", name)
    if declared is None:
        rule = "an opcode of another version" if _name(said.opcode)[0] == "0" else "flags that do not fit it"
        return told({"request": said.request, "body": said.body.hex()}, rule)
    try:
        fields = to_plain(declared.codec.decode(said.body))
    except MalformedMessage as error:
        return told({"request": said.request, "body": said.body.hex()}, str(error))
    return told({"request": said.request, **fields})


def _declaration(opcode: int, flags: int) -> tuple[type[Wire] | None, str]:
    """What declares the body, and what kind of message it is."""
    if flags == Flag.ERROR:
        return ErrorReply, "error"
    if flags == Flag.EVENT:
        return EVENTS.get(opcode), "event"
    if flags == Flag.REPLY:
        command = COMMANDS.get(opcode)
        return (command.reply if command else None), "reply"
    if flags:
        return None, f"flags {flags:#06x}"
    if opcode in CONTROLS:
        return CONTROLS[opcode], ""
    return COMMANDS.get(opcode), "request"


def _name(opcode: int) -> str:
    found = COMMANDS.get(opcode) or EVENTS.get(opcode) or CONTROLS.get(opcode)
    return found.name if found else f"{opcode:#06x}"
