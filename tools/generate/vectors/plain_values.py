"""Declared values as vectors show them, and back (spec: Vectors)."""

from typing import Any

from bwc_protocol.declare import FieldSpec, Wire

Fields = dict[str, Any]


def shown(value: Any) -> Fields:
    """A declared value: numbers, 64-bit ones as decimal text, bytes in hexadecimal, null for "not known"."""
    return {name: _shown(spec, getattr(value, name)) for name, spec in value.codec.fields.items()}


def _shown(spec: FieldSpec, value: Any) -> Any:
    if spec.kind == "items":
        return [shown(item) for item in value]
    if spec.kind == "record":
        return shown(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str | bool) or value is None:
        return value
    return str(int(value)) if spec.kind.rstrip("?") in ("u64", "i64") else int(value)


def read(cls: type[Wire], fields: Fields) -> Any:
    """The declared value that `fields` shows."""
    return cls(**{name: _read(spec, fields[name]) for name, spec in cls.codec.fields.items()})


def _read(spec: FieldSpec, value: Any) -> Any:
    if spec.of is not None:
        return read(spec.of, value) if spec.kind == "record" else tuple(read(spec.of, one) for one in value)
    if spec.kind == "blob" or spec.kind.startswith("bytes"):
        return bytes.fromhex(value)
    if spec.kind == "text" or value is None:
        return value
    number = int(value)
    return number if spec.from_wire is None else spec.from_wire(number)


def cbor_shown(item: Any) -> Any:
    """CBOR as JSON has it: bytes in hexadecimal, maps with their keys as text, numbers over 53 bits as text."""
    if isinstance(item, bytes):
        return item.hex()
    if isinstance(item, list):
        return [cbor_shown(one) for one in item]
    if isinstance(item, dict):
        return {str(key): cbor_shown(one) for key, one in item.items()}
    if isinstance(item, int) and not isinstance(item, bool) and abs(item) >= 1 << 53:
        return str(item)
    return item
