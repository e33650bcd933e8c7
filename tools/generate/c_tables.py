"""What the device in C knows of messages: structs, numbers and tables of fields, from the declarations.

    python -m tools.generate.c_tables            writes protocol/c/core/generated and the index of the replay
    python -m tools.generate.c_tables --check    fails if one of them is not what it would write

A linker that drops what nobody refers to (`--gc-sections`) keeps of the tables those that the firmware uses.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import bwc_protocol.messages  # noqa: F401  # declares all commands
from bwc_protocol import crc
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, FieldSpec, Wire
from bwc_protocol.declare.forbidden_code_points import RANGES
from bwc_protocol.frame import ByeReason, FrameType, ResetReason
from bwc_protocol.messages.config import ConfigDocument
from bwc_protocol.session.insecure import RecordType
from bwc_protocol.session.interface import Alert
from bwc_protocol.vocabulary import ErrorCode
from tools.generate.vectors.types import numbers
from tools.generate.writing import write_or_check

ROOT: Final = Path(__file__).parents[2] / "protocol" / "c"
ABOUT: Final = "/* From the declarations, by python -m tools.generate.c_tables: not to be edited. */\n"
FOOTAGE: Final = "boards/footage.mp4"
"""What the boards have recorded: a file that any player opens."""
_NOT_IN_MESSAGES: Final = (FrameType, ByeReason, ResetReason, RecordType, Alert, ErrorCode)


def files() -> dict[str, str]:
    """All of them: text by path below protocol/c."""
    return {
        "core/generated/messages.h": header(),
        "core/generated/messages.c": source(),
        "core/generated/crc_table.h": crc_table(),
        "boards/footage.h": footage(),
        "tests/every_message.h": index(),
    }


# Names


def snake(name: str) -> str:
    """CamelCase and dotted names as C has them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace(".", "_").lower()


def struct_name(cls: type[Wire]) -> str:
    """The struct that carries the message."""
    return f"bwc_{snake(cls.__name__)}"


def member(field: str) -> str:
    """The field, as a member of a struct: one of the names is a word of C."""
    return f"{field}_" if field == "case" else field


def table_name(cls: type[Wire]) -> str:
    """The table of its fields."""
    return f"BWC_TABLE_{snake(cls.__name__)}".upper()


# What there is


def messages() -> list[type[Wire]]:
    """Every declared class, records before what they lie in. By number: what declares them is imported in any order."""
    found: dict[type[Wire], None] = {}
    declared: list[type[Wire]] = [one for _, one in sorted(CONTROLS.items())]
    declared += [one for _, one in sorted(EVENTS.items())]
    declared.append(ConfigDocument)
    for _, command in sorted(COMMANDS.items()):
        declared += [command, command.reply]
    for cls in declared:
        _gather(cls, found)
    return list(found)


def _gather(cls: type[Wire], found: dict[type[Wire], None]) -> None:
    for spec in cls.codec.fields.values():
        if spec.of is not None:
            _gather(spec.of, found)
    found.setdefault(cls)


def enumerations() -> dict[str, type[enum.Enum]]:
    """Every enumeration and set of flags, by its name."""
    found: dict[str, type[enum.Enum]] = {of.__name__: of for of in _NOT_IN_MESSAGES}
    for cls in messages():
        for spec in cls.codec.fields.values():
            if spec.enum is not None:
                found[spec.enum.__name__] = spec.enum
    return dict(sorted(found.items()))


# Header

_C_TYPES: Final = {
    "u8": "uint8_t",
    "u16": "uint16_t",
    "u32": "uint32_t",
    "u64": "uint64_t",
    "i16": "int16_t",
    "i32": "int32_t",
    "i64": "int64_t",
    "bool": "uint8_t",
    "enum": "uint8_t",
    "flags": "uint32_t",
    "text": "struct bwc_bytes",
    "blob": "struct bwc_bytes",
    "items": "struct bwc_items",
}


def _kind(spec: FieldSpec) -> str:
    kind = spec.kind.rstrip("?").split("[")[0]
    if kind not in _C_TYPES and kind != "bytes":
        raise TypeError(f"no C type for a field of kind {spec.kind}")
    return kind


def header() -> str:
    """Structs, numbers, and the names of the tables."""
    lines = [ABOUT, "#ifndef BWC_MESSAGES_H", "#define BWC_MESSAGES_H", '#include "../codec.h"', ""]
    for name, of in enumerations().items():
        words = [(f"BWC_{snake(name)}_{key}".upper(), number) for key, number in numbers(of).items()]
        if issubclass(of, enum.IntFlag):  # the highest bit is no value of an enumeration in C
            lines += [f"#define {word} {number:#x}u" for word, number in words]
        else:
            lines += [
                f"enum bwc_{snake(name)} {{",
                *(f"    {word} = {number}," for word, number in words),
                "};",
            ]
        lines.append("")
    lines += ["/* Opcodes, and the roles that carry each command. */", "enum {"]
    named = {number: one.name for number, one in CONTROLS.items()}
    named |= {number: one.name for number, one in EVENTS.items()}
    named |= {number: one.name for number, one in COMMANDS.items()}
    lines += [f"    BWC_OP_{snake(name).upper()} = {number:#06x}," for number, name in sorted(named.items())]
    for _, command in sorted(COMMANDS.items()):
        lines.append(f"    BWC_ROLES_{snake(command.name).upper()} = {int(command.roles):#x},")
    lines += ["};", ""]
    for cls in messages():
        lines += _struct(cls)
    lines.append("#endif")
    return "\n".join(lines) + "\n"


def _struct(cls: type[Wire]) -> Iterator[str]:
    if cls.codec.fields:
        yield f"struct {struct_name(cls)} {{ /* {cls.codec.doc.splitlines()[0]} */"
        for name, spec in cls.codec.fields.items():
            kind = _kind(spec)
            unit = f" [{spec.unit}]" if spec.unit else ""
            of = f", of {struct_name(spec.of)}" if spec.of is not None else ""
            declared = (
                f"const uint8_t *{member(name)}" if kind == "bytes" else f"{_C_TYPES[kind]} {member(name)}"
            )
            yield f"    {declared}; /* {spec.doc}{unit}{of} */"
        yield "};"
    yield f"extern const struct bwc_table {table_name(cls)};"
    yield ""


# Tables


def source() -> str:
    """The tables of fields, and what no text may contain."""
    lines = [ABOUT, '#include "messages.h"', "", "#include <stddef.h>", ""]
    for cls in messages():
        lines += _table(cls)
    rows = [f"    {{{low:#x}, {high:#x}}}," for low, high in RANGES]
    lines += [
        "const uint32_t bwc_forbidden[][2] = {",
        *rows,
        "};",
        f"const uint16_t bwc_forbidden_count = {len(RANGES)};",
    ]
    return "\n".join(lines) + "\n"


def _table(cls: type[Wire]) -> Iterator[str]:
    fields, name = cls.codec.fields, table_name(cls)
    if fields:
        yield f"static const struct bwc_field {name}_fields[] = {{"
        for field, spec in fields.items():
            yield "    " + _row(cls, field, spec)
        yield "};"
        yield f"const struct bwc_table {name} = {{{name}_fields, {len(fields)}, sizeof(struct {struct_name(cls)})}};"
    else:
        yield f"const struct bwc_table {name} = {{0, 0, 0}};"
    yield ""


def _row(cls: type[Wire], field: str, spec: FieldSpec) -> str:
    kind = _kind(spec)
    low = high = 0
    if spec.bound is not None:
        high = spec.bound
    elif kind != "bool" and spec.none is None and not spec.fills_code:
        assert spec.low is not None and spec.high is not None and spec.low >= 0
        low, high = spec.low, spec.high
    later = spec.since > (1, 0)
    if later:
        _starts_empty(cls, field)
    of = f"&{table_name(spec.of)}" if spec.of is not None else "0"
    place = f"offsetof(struct {struct_name(cls)}, {member(field)})"
    return f"{{BWC_{kind.upper()}, {int(later)}, {place}, {low}, {high}, {of}}},"


def _starts_empty(cls: type[Wire], field: str) -> None:
    """What stands for a field that an older peer leaves out: the decoder in C knows zeros alone."""
    default: Any = next(f.default for f in dataclasses.fields(cls) if f.name == field)  # type: ignore[arg-type]  # every message is a dataclass
    empty = not any(default) if isinstance(default, bytes | str) else not int(default)
    if not empty:
        raise TypeError(
            f"{cls.__name__}.{field} has the default {default!r}, which the decoder in C cannot give"
        )


# The rest


def crc_table() -> str:
    """CRC-32C, half a byte at a time: 16 entries, where flash is dearer than time."""
    reflected = int(f"{crc.POLYNOMIAL & 0xFFFF_FFFF:032b}"[::-1], 2)
    entries = []
    for entry in range(16):
        for _ in range(4):
            entry = entry >> 1 ^ (reflected if entry & 1 else 0)
        entries.append(f"0x{entry:08x}")
    rows = ",\n".join("    " + ", ".join(entries[at : at + 4]) for at in range(0, 16, 4))
    return f"{ABOUT}static const uint32_t crc_table[16] = {{\n{rows},\n}};\n"


def footage() -> str:
    """The bytes of the boards' recording."""
    data = (ROOT / FOOTAGE).read_bytes()
    rows = ["    " + ", ".join(map(str, data[at : at + 24])) + "," for at in range(0, len(data), 24)]
    return (
        f"/* {FOOTAGE}, by python -m tools.generate.c_tables. */\nstatic const unsigned char footage[] = {{\n"
        + ("\n".join(rows) + "\n};\n")
    )


def index() -> str:
    """Every message by its name and side, for the replay of vectors."""
    rows: list[tuple[str, str, Any]] = []
    for _, command in sorted(COMMANDS.items()):
        rows += [(command.name, "request", command), (command.name, "reply", command.reply)]
    rows += [(event.name, "event", event) for _, event in sorted(EVENTS.items())]
    rows += [(control.name, "control", control) for _, control in sorted(CONTROLS.items())]
    lines = [f'    {{"{name}", "{side}", &{table_name(cls)}}},' for name, side, cls in rows]
    of = "const char *name, *side;\n    const struct bwc_table *table;"
    return f"{ABOUT}static const struct {{\n    {of}\n}} every[] = {{\n" + "\n".join(lines) + "\n};\n"


def main() -> int:
    """Writes or checks the files."""
    return write_or_check("c_tables", ROOT, files())


if __name__ == "__main__":
    sys.exit(main())
