"""What the vectors say of each field: its type on the wire, range, unit, and since when (spec: Vectors)."""

import enum
from collections.abc import Iterable
from typing import Any

from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, V1_0, FieldSpec, Wire
from bwc_protocol.documents.desired_state import SettingValue
from bwc_protocol.evidence.record import (
    Blob,
    Blobs,
    Choice,
    Flag,
    Int,
    Items,
    Literal,
    Maybe,
    Name,
    Octets,
    OneOf,
    Record,
    Text,
)
from bwc_protocol.messages.config import ConfigDocument
from bwc_protocol.versions import Version, dotted
from bwc_protocol.word import Dated, Words
from tools.generate.spec.layouts import layout_fields

Field = dict[str, Any]


def fields(cls: type[Wire]) -> list[Field]:
    """The fields of a declared class, in their order on the wire."""
    return [{"field": name} | _field(spec) for name, spec in cls.codec.fields.items()]


def _field(spec: FieldSpec) -> Field:
    found: Field = {"type": spec.kind.split("[")[0]}
    if spec.enum is not None:
        found = {"type": "u8" if spec.kind == "enum" else "u32", spec.kind: spec.enum.__name__}
    elif spec.of is not None:
        found["record"] = spec.of.__name__
    elif spec.low is not None and spec.kind != "bool":
        found |= {"min": _number(spec, spec.low), "max": _number(spec, spec.high)}
    if spec.bound is not None:
        found["size" if spec.kind.startswith("bytes[") else "max"] = spec.bound
    if spec.none is not None:
        found["not_known"] = _number(spec, spec.none)
    if spec.unit:
        found["unit"] = spec.unit
    return found | since(spec.since)


def _number(spec: FieldSpec, value: int | None) -> int | str | None:
    """As the values are: those of 64 bits as text."""
    return str(value) if spec.kind.rstrip("?").endswith("64") else value


def records_and_enumerations() -> dict[str, Any]:
    """All records that lie in others, and all enumerations and flags, by their names."""
    records: dict[str, list[Field]] = {}
    names: dict[str, type[enum.IntEnum] | type[enum.IntFlag]] = {}
    for cls in [
        *COMMANDS.values(),
        *(c.reply for c in COMMANDS.values()),
        *EVENTS.values(),
        *CONTROLS.values(),
    ]:
        _gather(cls.codec.fields.values(), records, names)
    _gather(ConfigDocument.codec.fields.values(), records, names)
    found = dict(sorted(names.items()))
    return {
        "records": dict(sorted(records.items())),
        "enumerations": {name: numbers(of) for name, of in found.items()},
        "since": {name: later for name, of in found.items() if (later := _later(of))},
    }


def _gather(
    specs: Iterable[FieldSpec],
    records: dict[str, list[Field]],
    names: dict[str, type[enum.IntEnum] | type[enum.IntFlag]],
) -> None:
    for spec in specs:
        if spec.enum is not None:
            names[spec.enum.__name__] = spec.enum
        if spec.of is not None:
            records[spec.of.__name__] = fields(spec.of)
            _gather(spec.of.codec.fields.values(), records, names)


def _later(of: type[enum.IntEnum] | type[enum.IntFlag]) -> dict[str, str]:
    """Members that a later version appended, with that version."""
    return {
        str(member.name): dotted(member.since)
        for member in of
        if isinstance(member, Dated | Words) and member.since > V1_0
    }


def since(version: Version) -> Field:
    """Since when something is; nothing for what always was."""
    return {} if version == V1_0 else {"since": dotted(version)}


def numbers(of: type[enum.Enum]) -> dict[str, int]:
    """The names of an enumeration, with their numbers."""
    return {member.name: int(member.value) for member in of}


def layout(name: str) -> list[Field]:
    """The fields of a fixed layout, each with its place."""
    return [
        {"field": field, "at": at, "size": size, "type": kind}
        for at, size, kind, field in layout_fields(name)
    ]


def manifest(cls: type[Record]) -> list[Field]:
    """The keys of a manifest, a segment, an interval or of circumstances."""
    return [
        {"field": name, "key": key.number}
        | _cbor(key.kind)
        | ({"absent": True} | since(key.since) if key.appended else {})
        for name, key in cls.keys().items()
    ]


def _cbor(kind: Any) -> Field:
    match kind:
        case Int(low=low, high=high):
            big = max(abs(low), abs(high)) >= 1 << 53
            return {"type": "int", "min": str(low) if big else low, "max": str(high) if big else high}
        case Blob(size=size):
            return {"type": "bytes", "size": size}
        case Name(max=most, optional=optional):
            return {"type": "text", "min": 0 if optional else 1, "max": most}
        case Text(max=most, min=least):
            return {"type": "text", "min": least, "max": most}
        case Octets(max=most, min=least):
            return {"type": "bytes", "min": least, "max": most}
        case Blobs(size=size, max=most, min=least):
            return {"type": "array of bytes", "size": size, "min": least, "max": most}
        case Literal(text=text):
            return {"type": "text", "only": text}
        case Flag():
            return {"type": "bool"}
        case Choice(of=of):
            return {"type": "int", "min": 0, "max": 255, "enum": of.__name__}
        case Items(of=of, max=most, min=least):
            return {"type": "array", "record": of.label, "min": least, "max": most}
        case Maybe(of=of):
            return {"type": "record or null", "record": of.label}
        case OneOf(of=several):
            records = {str(number): of.label for number, of in several.items()}
            return {"type": "number and record", "records": records}
        case SettingValue():
            return {"type": "bool, int or text"}
        case _:
            raise TypeError(f"no type for {kind!r}")
