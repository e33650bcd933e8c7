"""The dissector for Wireshark: a program in Lua with the tables of the declarations.

python -m tools.generate.dissector            writes share/wireshark/bwc.lua
python -m tools.generate.dissector --check    fails if it is not what it would write
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import bwc_protocol.messages  # noqa: F401  # declares all commands
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, FieldSpec, Wire
from bwc_protocol.frame import ByeReason, FrameType, ResetReason
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.versions import V1_0
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import label
from tools.generate.writing import write_or_check

ROOT: Final = Path(__file__).parents[2] / "share" / "wireshark"
PROGRAM: Final = Path(__file__).with_name("dissector.lua")
"""What walks the tables; written by hand."""
MARK: Final = "-- TABLES\n"


def lua() -> str:
    """The whole dissector."""
    before, after = PROGRAM.read_text(encoding="utf-8").split(MARK)
    return before + tables() + after


def tables() -> str:
    """All that the declarations say, as Lua."""
    parts = [
        _names("frame_types", FrameType),
        _names("reset_reasons", ResetReason),
        _names("bye_reasons", ByeReason),
        _names("error_codes", ErrorCode),
        "local records = {}",
    ]
    seen: dict[type[Wire], None] = {}
    for _, command in sorted(COMMANDS.items()):
        _nested(command, seen)
        _nested(command.reply, seen)
    for _, event in sorted(EVENTS.items()):
        _nested(event, seen)
    for _, control in sorted(CONTROLS.items()):
        _nested(control, seen)
    parts += [f"records.{one.__name__} = {_fields(one)}" for one in seen]
    parts.append("local commands = {")
    parts += [
        f'  [{opcode:#06x}] = {{name = "{c.name}", request = {_fields(c)}, reply = {_fields(c.reply)}}},'
        for opcode, c in sorted(COMMANDS.items())
    ]
    parts += ["}", "local events = {"]
    parts += [
        f'  [{n:#06x}] = {{name = "{e.name}", body = {_fields(e)}}},' for n, e in sorted(EVENTS.items())
    ]
    parts += ["}", "local controls = {"]
    parts += [
        f'  [{n:#04x}] = {{name = "{k.name}", body = {_fields(k)}}},' for n, k in sorted(CONTROLS.items())
    ]
    parts += ["}", f"local error_body = {_fields(ErrorReply)}"]
    return "\n".join(parts) + "\n"


def _nested(one: type[Wire], seen: dict[type[Wire], None]) -> None:
    """The records inside, before what they lie in."""
    for spec in one.codec.fields.values():
        if spec.of is not None and spec.of not in seen:
            _nested(spec.of, seen)
            seen[spec.of] = None


def _fields(one: type[Wire]) -> str:
    return "{" + ", ".join(_field(name, spec) for name, spec in one.codec.fields.items()) + "}"


def _field(name: str, spec: FieldSpec) -> str:
    said: list[str] = [f'"{name}"', f'"{spec.kind.partition("[")[0]}"']
    if spec.kind.startswith("bytes["):
        said.append(f"size = {spec.bound}")
    if spec.of is not None:
        said.append(f"of = records.{spec.of.__name__}")
    if spec.enum is not None:
        said.append(f"names = {_members(spec.enum)}")
    if spec.since > V1_0:
        said.append("new = true")
    if spec.unit:
        said.append(f'unit = "{spec.unit}"')
    return "{" + ", ".join(said) + "}"


def _members(of: type[enum.IntEnum] | type[enum.IntFlag]) -> str:
    members: Iterable[Any] = of
    return "{" + ", ".join(f'[{int(m)}] = "{label(m)}"' for m in members) + "}"


def _names(name: str, of: type[enum.IntEnum]) -> str:
    return f"local {name} = " + "{" + ", ".join(f'[{int(m)}] = "{m.name}"' for m in of) + "}"


def main() -> int:
    """Writes or checks the file."""
    return write_or_check("dissector", ROOT, {"bwc.lua": lua()})


if __name__ == "__main__":
    sys.exit(main())
