"""Declared values as people and JSON see them: names for numbers, hex for bytes, and back."""

import dataclasses
import enum
from typing import Any

from bwc_protocol.declare.codec import FieldRangeError
from bwc_protocol.declare.fields import FieldSpec, Unknown
from bwc_protocol.word import label


def to_plain(value: Any) -> Any:
    """A declared value as JSON-ready data: bytes in hex, enumerations by name, lists for tuples."""
    if isinstance(value, Unknown):
        return str(value)
    if isinstance(value, enum.IntFlag):
        return [label(member) for member in type(value) if member in value]
    if isinstance(value, enum.IntEnum):
        return label(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def from_text(name: str, spec: FieldSpec, text: str) -> Any:
    """One field's value from what a person typed: a number in any base, a name, hex, or text.

    Raises `FieldRangeError` with what would have been accepted.
    """
    try:
        return _parse(spec, text)
    except (KeyError, ValueError) as error:
        raise FieldRangeError(name, f"{text!r} is not {_wanted(spec)}") from error


def _parse(spec: FieldSpec, text: str) -> Any:
    if spec.kind == "bool":
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
    if spec.enum is not None and issubclass(spec.enum, enum.IntFlag):
        value = spec.enum(0)
        for word in filter(None, text.split(",")):
            value |= spec.enum[word.strip().upper().replace("-", "_")]
        return value
    if spec.enum is not None:
        if text[:1].isdigit():
            number = int(text, 0)
            return spec.enum(number) if number in list(spec.enum) else Unknown(number)
        return spec.enum[text.upper().replace("-", "_")]
    if spec.kind == "text":
        return text
    if spec.kind == "blob" or spec.kind.startswith("bytes"):
        return bytes.fromhex(text)
    if spec.kind.endswith("?") and text.lower() in ("none", "unknown"):
        return None
    if spec.kind in ("record", "items"):
        raise ValueError(spec.kind)
    return int(text, 0)


def _wanted(spec: FieldSpec) -> str:
    if spec.kind == "bool":
        return "true or false"
    if spec.enum is not None:
        return "one of " + ", ".join(label(member) for member in spec.enum)
    if spec.kind == "blob" or spec.kind.startswith("bytes"):
        return f"hexadecimal of at most {spec.bound} bytes"
    if spec.kind in ("record", "items"):
        return "something that can be typed: use the typed method"
    return f"a number from {spec.low} to {spec.high}"
