"""The dissector for Wireshark tells of every message what the declarations tell, in `tshark` itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from bwc_protocol.conversation.message import STREAM_DATA, Flag, Message
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, FieldSpec, Wire
from bwc_protocol.declare.older import codec_as_of
from bwc_protocol.frame import Bye, ByeReason, Frame, FrameType, Reset, ResetReason, encode_frame
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.versions import V1_0
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import label
from bwc_sdk.capture.recorder import Capture
from tools.generate.samples import least, most, typical

ROOT: Final = Path(__file__).parents[2]
DISSECTOR: Final = ROOT / "share" / "wireshark" / "bwc.lua"
NOON_UTC_NS: Final = 1_790_000_000 * 10**9

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def shown(path: Path) -> list[dict[str, Any]]:
    """What tshark makes of each packet of a capture, by the dissector."""
    run = subprocess.run(
        ["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", str(path), "-T", "json", "--no-duplicate-keys"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "lua" not in run.stderr.lower(), run.stderr
    packets: list[dict[str, Any]] = json.loads(run.stdout)
    return [packet["_source"]["layers"]["bwc"] for packet in packets]


def begun(path: Path) -> Capture:
    capture = Capture.begin(path, "tcp:bench:4010?bay=3", channel=3, utc_ns=NOON_UTC_NS, now=lambda: 0.0)
    assert capture is not None
    return capture


def every_message() -> list[tuple[str, type[Wire], int, Flag]]:
    """Name, class, opcode and flags of all that can be said."""
    found: list[tuple[str, type[Wire], int, Flag]] = []
    for opcode, command in sorted(COMMANDS.items()):
        found.append((f"{command.name} request", command, opcode, Flag(0)))
        found.append((f"{command.name} reply", command.reply, opcode, Flag.REPLY))
    found += [(f"{e.name} event", e, opcode, Flag.EVENT) for opcode, e in sorted(EVENTS.items())]
    found += [(k.name, k, opcode, Flag(0)) for opcode, k in sorted(CONTROLS.items())]
    return found


def prefix_of(name: str) -> str:
    """How the fields of a message begin that one can filter by."""
    if name.endswith(" reply"):
        return f"bwc.{name.removesuffix(' reply')}.reply"
    return f"bwc.{name.removesuffix(' request').removesuffix(' event')}"


def told(spec: FieldSpec, value: Any) -> str | None:
    """How the dissector shows the value of a field; None for what has fields of its own."""
    if spec.kind in ("items", "record"):
        return None
    if value is None:
        return "not known"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return str(value).lower()
    if spec.kind == "flags":
        return "|".join(sorted(label(one) for one in type(value) if one and one in value)) or "none"
    if spec.kind == "enum":
        known = spec.enum is not None and int(value) in [int(one) for one in spec.enum]
        return label(value) if known else f"unknown({int(value)})"
    if isinstance(value, str):
        return value
    return f"{int(value)} {spec.unit}" if spec.unit else str(int(value))


@pytest.mark.parametrize("make", [least, typical, most], ids=["least", "typical", "most"])
def test_every_message_is_told_by_name_with_every_field(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "every.pcapng"
    capture = begun(path)
    said = [(name, make(cls), opcode, flags) for name, cls, opcode, flags in every_message()]
    for number, (_, value, opcode, flags) in enumerate(said):
        capture.message(bool(number % 2), Message(opcode, flags, number, value.codec.encode(value)))
    capture.close()
    layers = shown(path)
    assert len(layers) == len(said)
    for number, ((name, value, opcode, _), layer) in enumerate(zip(said, layers, strict=True)):
        assert "bwc.malformed" not in json.dumps(layer), name
        assert (layer["bwc.name"], int(layer["bwc.opcode"], 16)) == (name, opcode)
        assert int(layer["bwc.request"]) == number
        assert layer["bwc.channel"] == "3" and layer["bwc.sender"] == str(1 - number % 2)
        for field, spec in value.codec.fields.items():
            expected, key = told(spec, getattr(value, field)), f"{prefix_of(name)}.{field}"
            if expected is not None and len(expected) < 200:
                assert layer[key] == expected, (name, field)


def test_frames_refusals_and_what_is_no_frame_are_told(tmp_path: Path) -> None:
    path = tmp_path / "frames.pcapng"
    capture = begun(path)
    link = 0x0BADCAFE
    frames = [
        Frame(FrameType.DATA, channel=3, link=link, epoch=7, seq=65_535, ack=9, window=32, payload=bytes(77)),
        Frame(
            FrameType.RESET,
            channel=3,
            link=link,
            epoch=7,
            payload=Reset(reason=ResetReason.UNDOCKED).encode(),
        ),
        Frame(FrameType.BYE, link=link, payload=Bye(reason=ByeReason.BUSY, retry_after_ms=1_500).encode()),
    ]
    for frame in frames:
        capture.pipe(False, encode_frame(frame))
    capture.pipe(True, b"hello, shell\n" * 3)
    error = ErrorReply(code=ErrorCode.HELD, retry_after_ms=0, detail="held")
    capture.message(False, Message(0x060A, Flag.ERROR, 5, error.codec.encode(error)))
    capture.message(False, Message(0x7F01, Flag(0), 6, b"\x01\x02"))
    capture.close()
    data, reset, bye, bad, refused, strange = shown(path)
    assert (data["bwc.type"], data["bwc.length"], data["bwc.seq"], data["bwc.ack"]) == (
        "3",
        "77",
        "65535",
        "9",
    )
    assert int(data["bwc.link"], 16) == link
    assert reset["bwc.reset"] == str(int(ResetReason.UNDOCKED))
    assert (bye["bwc.bye"], bye["bwc.retry_after_ms"]) == (str(int(ByeReason.BUSY)), "1500")
    assert bytes.fromhex(bad["bwc.bad"].replace(":", "")).startswith(b"hello")
    assert (refused["bwc.name"], refused["bwc.error.code"]) == ("recordings.erase error", "held")
    assert strange["bwc.name"] == "opcode 0x7f01 request"


def test_a_body_that_is_cut_is_told_as_malformed(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcapng"
    capture = begun(path)
    first = [(opcode, codec_as_of(e.codec, V1_0).encode(typical(e))) for opcode, e in sorted(EVENTS.items())]
    cut = [(opcode, body[:-1]) for opcode, body in first if len(body) > 1]
    for opcode, body in cut:
        capture.message(False, Message(opcode, Flag.EVENT, 0, body))
    capture.close()
    for layer in shown(path):
        assert "bwc.malformed" in json.dumps(layer)


def test_no_footage_is_in_a_capture(tmp_path: Path) -> None:
    assert STREAM_DATA not in COMMANDS  # the connection's tap shows none of it
    path = tmp_path / "bulk.pcapng"
    capture = begun(path)
    capture.pipe(False, encode_frame(Frame(FrameType.DATA, link=1, payload=b"FOOTAGE" * 100)))
    capture.close()
    assert b"FOOTAGE" not in path.read_bytes()
