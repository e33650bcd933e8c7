"""Values of every declared class, made from the declarations alone: for vectors and for tests."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import bwc_protocol.messages
import bwc_protocol.session.insecure  # noqa: F401  # importing these two declares everything that there is
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, FieldSpec, Wire

ITEMS: Final = 2
"""Records in a sampled list: enough to show where one ends and the next begins."""


def every_class() -> list[type[Wire]]:
    """Every class that is declared, nested records included, in the order of their names."""
    return sorted(set(_declared_below(Wire)), key=lambda cls: cls.__name__)


def _declared_below(base: type[Wire]) -> Iterator[type[Wire]]:
    for cls in base.__subclasses__():
        if "codec" in vars(cls) and cls.__module__.startswith("bwc_protocol."):
            yield cls
        yield from _declared_below(cls)


def every_message() -> list[type[Wire]]:
    """What can stand as the body of a message: requests, replies, events and control messages."""
    requests = list(COMMANDS.values())
    found: list[type[Wire]] = [*requests, *EVENTS.values(), *CONTROLS.values()]
    return found + [reply for reply in dict.fromkeys(r.reply for r in requests) if reply not in found]


def least(cls: type[Wire]) -> Any:
    """The smallest value: lowest numbers, nothing in texts and lists."""
    return cls(**{name: _least(spec) for name, spec in cls.codec.fields.items()})


def most(cls: type[Wire]) -> Any:
    """The largest value, with `ITEMS` records in a list."""
    return cls(**{name: _most(spec) for name, spec in cls.codec.fields.items()})


def typical(cls: type[Wire]) -> Any:
    """A value in which every field differs from its neighbours; the same in every run."""
    return cls(**{name: _typical(spec, name) for name, spec in cls.codec.fields.items()})


def _number(spec: FieldSpec, raw: int) -> Any:
    return raw if spec.from_wire is None else spec.from_wire(raw)


def _least(spec: FieldSpec) -> Any:
    if spec.low is not None:
        return _number(spec, spec.low)
    if spec.kind == "record":
        assert spec.of is not None
        return least(spec.of)
    return {"items": (), "text": "", "blob": b""}.get(spec.kind, bytes(spec.bound or 0))


def _most(spec: FieldSpec) -> Any:
    if spec.high is not None:
        return _number(spec, spec.high)
    if spec.kind == "record":
        assert spec.of is not None
        return most(spec.of)
    if spec.kind == "items":
        assert spec.of is not None
        return (most(spec.of),) * min(ITEMS, spec.bound or 0)
    return "~" * (spec.bound or 0) if spec.kind == "text" else b"\xff" * (spec.bound or 0)


def _typical(spec: FieldSpec, name: str) -> Any:
    seed = hashlib.sha256(name.encode()).digest()
    if spec.enum is not None:
        members = [int(member) for member in spec.enum]
        return _number(spec, members[seed[0] % len(members)])
    if spec.low is not None and spec.high is not None:
        return _number(spec, spec.low + int.from_bytes(seed[:7], "little") % (spec.high - spec.low + 1))
    if spec.kind == "record":
        assert spec.of is not None
        return typical(spec.of)
    if spec.kind == "items":
        assert spec.of is not None
        return (typical(spec.of), least(spec.of))[: spec.bound]
    if spec.kind == "text":
        return f"{name} é"[: spec.bound]
    return seed[: min(spec.bound or 0, 16)] if spec.kind == "blob" else (seed * 2)[: spec.bound]


def wire_value(spec: FieldSpec, value: Any) -> Any:
    """A field's value as its Construct definition takes it."""
    if spec.kind == "items":
        return [wire_fields(item) for item in value]
    if spec.kind == "record":
        return wire_fields(value)
    if value is None:
        return spec.none
    return spec.to_wire(value) if spec.to_wire is not None else value


def wire_fields(value: Any) -> dict[str, Any]:
    """A declared value as its class's Construct definition takes it."""
    return {name: wire_value(spec, getattr(value, name)) for name, spec in value.codec.fields.items()}
