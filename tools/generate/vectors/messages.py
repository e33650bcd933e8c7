"""Vectors of messages: every command, reply, event and control message (spec: Messages)."""

from typing import Any, Final

from bwc_protocol.conversation.message import Flag, build, build_data
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, MalformedMessage, Unknown, Wire
from bwc_protocol.messages.battery import BatteryStatus, ReadBattery
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.recordings import CategoriseRecording, ListRecordings
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import samples
from tools.generate.trace import STATUS
from tools.generate.vectors import types as vectors_types
from tools.generate.vectors.plain_values import shown

REQUEST_ID: Final = 0x0102_0304


def record() -> dict[str, Any]:
    """The content of `messages.json`."""
    return {
        "types": vectors_types.records_and_enumerations(),
        "commands": [
            {
                "name": cls.name,
                "opcode": opcode,
                **vectors_types.since(cls.since),
                "request_types": vectors_types.fields(cls),
                "reply_types": vectors_types.fields(cls.reply),
                "requests": _cases(cls, opcode, 0, REQUEST_ID),
                "replies": _cases(cls.reply, opcode, Flag.REPLY, REQUEST_ID),
            }
            for opcode, cls in sorted(COMMANDS.items())
        ],
        "events": [
            {
                "name": cls.name,
                "opcode": opcode,
                **vectors_types.since(cls.since),
                "types": vectors_types.fields(cls),
                "cases": _cases(cls, opcode, Flag.EVENT, 0),
            }
            for opcode, cls in sorted(EVENTS.items())
        ],
        "controls": [
            {
                "name": cls.name,
                "opcode": opcode,
                **vectors_types.since(cls.since),
                "types": vectors_types.fields(cls),
                "cases": _cases(cls, opcode, 0, REQUEST_ID),
            }
            for opcode, cls in sorted(CONTROLS.items())
            if cls is not ErrorReply
        ],
        "error_types": vectors_types.fields(ErrorReply),
        "errors": [_error(code) for code in [*ErrorCode, Unknown(200)]],
        "data": [_data(0, b"\x00"), _data(0xFFFF_FFFF_FFFF, bytes(range(32)))],
        "surplus": _surplus(),
        "malformed": _malformed(),
    }


def _cases(cls: type[Wire], opcode: int, flags: int, request_id: int) -> list[dict[str, Any]]:
    made = {"least": samples.least(cls), "typical": samples.typical(cls), "most": samples.most(cls)}
    found: list[dict[str, Any]] = []
    for case, value in made.items():
        body = cls.codec.encode(value)
        if any(body.hex() == other["body"] for other in found):
            continue  # a class without fields has one value
        message = build(opcode, flags, request_id, body)
        found.append({"case": case, "fields": shown(value), "body": body.hex(), "message": message.hex()})
    return found


def _error(code: ErrorCode | Unknown) -> dict[str, Any]:
    value = ErrorReply(code=code, retry_after_ms=250 if code is ErrorCode.BUSY else 0, detail="why")
    body = ErrorReply.codec.encode(value)
    return {
        "name": code.name if isinstance(code, ErrorCode) else "a code of a newer version",
        "opcode": ReadBattery.opcode,
        "fields": shown(value),
        "body": body.hex(),
        "message": build(ReadBattery.opcode, Flag.ERROR, REQUEST_ID, body).hex(),
    }


def _data(offset: int, data: bytes) -> dict[str, Any]:
    message = build_data(REQUEST_ID, offset, data)
    return {"stream": REQUEST_ID, "offset": str(offset), "data": data.hex(), "message": message.hex()}


def _surplus() -> list[dict[str, Any]]:
    cases: list[tuple[str, str, Any]] = [
        ("request", ReadBattery.name, ReadBattery(cell=1)),
        ("reply", ReadBattery.name, STATUS),
        ("request", ListRecordings.name, ListRecordings(after=7, limit=20)),
    ]
    return [
        {
            "name": name,
            "of": what,
            "decode_only": True,
            "body": (value.codec.encode(value) + b"\xde\xad\xbe\xef").hex(),
            "fields": shown(value),
        }
        for what, name, value in cases
    ]


def _malformed() -> list[dict[str, Any]]:
    status = BatteryStatus.codec.encode(STATUS)
    category = CategoriseRecording.codec.encode(
        CategoriseRecording(recording=bytes(16), manifest_sha256=bytes(32), category="abcd")
    )
    bodies: list[tuple[str, str, type[Wire], bytes]] = [
        ("ends before its first field", "request", ReadBattery, b""),
        ("ends inside a field", "reply", ReadBattery, status[:-1]),
        ("a number over its range: 101 %", "reply", ReadBattery, b"\x65" + status[1:]),
        ("a number under its range: no entries wanted", "request", ListRecordings, bytes(6)),
        ("a text longer than the message", "request", CategoriseRecording, category[:-4] + b"ab"),
        ("a text over its bound", "request", CategoriseRecording, category[:-6] + b"\x21\x00" + b"x" * 33),
        ("a text that is not UTF-8", "request", CategoriseRecording, category[:-4] + b"\xff\xfe\xfd\xfc"),
        ("a text with a line end", "request", CategoriseRecording, category[:-4] + b"a\nbc"),
        (
            "a text with a right-to-left override",
            "request",
            CategoriseRecording,
            category[:-4] + b"\xe2\x80\xaea",
        ),
    ]
    found = []
    for why, what, cls, body in bodies:
        declared: Any = cls
        target: type[Wire] = declared.reply if what == "reply" else declared
        try:
            target.codec.decode(body)
        except MalformedMessage:
            found.append({"name": declared.name, "of": what, "why": why, "body": body.hex()})
            continue
        raise AssertionError(f"{declared.name}: {why} is not malformed")
    return found
