"""The makers of declared fields: wire type, unit, range and bound in one place (spec: Field types).

A maker returns a dataclass field whose metadata carries a `FieldSpec`. Makers are typed as the value
they stand for, so that `charge_pct: int = u8("state of charge", unit="%", max=100)` type-checks.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, cast

import construct as c

from bwc_protocol.versions import V1_0, Version

E = TypeVar("E", bound=enum.IntEnum)
F = TypeVar("F", bound=enum.IntFlag)
W = TypeVar("W")

_REQUIRED: Final = dataclasses.MISSING

# The struct code of each integer and its construct counterpart; all little-endian.
_INTEGERS: Final[dict[str, tuple[str, c.Construct[Any, Any]]]] = {
    "u8": ("B", c.Int8ul),
    "u16": ("H", c.Int16ul),
    "u32": ("I", c.Int32ul),
    "u64": ("Q", c.Int64ul),
    "i16": ("h", c.Int16sl),
    "i32": ("i", c.Int32sl),
    "i64": ("q", c.Int64sl),
}
_LIMITS: Final[dict[str, tuple[int, int]]] = {
    "u8": (0, 0xFF),
    "u16": (0, 0xFFFF),
    "u32": (0, 0xFFFF_FFFF),
    "u64": (0, 0xFFFF_FFFF_FFFF_FFFF),
    "i16": (-0x8000, 0x7FFF),
    "i32": (-0x8000_0000, 0x7FFF_FFFF),
    "i64": (-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
}


_CODE_LIMITS: Final = {code: _LIMITS[kind] for kind, (code, _) in _INTEGERS.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Unknown:
    """A number that this version of the protocol has no name for; kept, never lost."""

    value: int

    def __int__(self) -> int:
        return self.value

    def __str__(self) -> str:
        return f"unknown({self.value})"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """What one field is on the wire.

    `code` is the struct code of a fixed-size field, or "" when the field has a length of its own.
    `low`/`high` bound the value of an integer; `bound` bounds the bytes or items of the others.
    """

    kind: str
    doc: str
    subcon: c.Construct[Any, Any]
    code: str = ""
    unit: str = ""
    low: int | None = None
    high: int | None = None
    bound: int | None = None
    none: int | None = None
    """What stands for None on the wire: an integer outside the range."""
    enum: type[enum.IntEnum] | type[enum.IntFlag] | None = None
    of: type[Any] | None = None
    since: Version = V1_0
    to_wire: Callable[[Any], Any] | None = None
    from_wire: Callable[[Any], Any] | None = None

    @property
    def fills_code(self) -> bool:
        """Whether the range of an integer is just what its struct code packs."""
        return (self.low, self.high) == _CODE_LIMITS.get(self.code)

    @property
    def takes_all(self) -> bool:
        """Whether every value of the wire type is a value of the field, as it is."""
        whole = self.low is None or (self.low, self.high) == _LIMITS.get(self.kind)
        return whole and self.from_wire is None


def _field(spec: FieldSpec, default: Any) -> Any:
    if spec.since > V1_0 and default is _REQUIRED:
        raise TypeError(f"a field added in {spec.since} needs a default: {spec.doc}")
    return dataclasses.field(default=default, metadata={"spec": spec})


def _integer(
    kind: str, doc: str, unit: str, low: int | None, high: int | None, since: Version, default: Any
) -> Any:
    code, subcon = _INTEGERS[kind]
    natural_low, natural_high = _LIMITS[kind]
    spec = FieldSpec(
        kind=kind,
        doc=doc,
        subcon=subcon,
        code=code,
        unit=unit,
        low=natural_low if low is None else low,
        high=natural_high if high is None else high,
        since=since,
    )
    return _field(spec, default)


class IntegerMaker(Protocol):
    """Makes the field of an integer; `min` and `max` narrow the range that its type has."""

    def __call__(
        self,
        doc: str,
        *,
        unit: str = "",
        min: int | None = None,
        max: int | None = None,
        since: Version = V1_0,
        default: Any = _REQUIRED,
    ) -> int: ...


def _integer_maker(kind: str) -> IntegerMaker:
    def make(
        doc: str,
        *,
        unit: str = "",
        min: int | None = None,
        max: int | None = None,
        since: Version = V1_0,
        default: Any = _REQUIRED,
    ) -> int:
        return cast(int, _integer(kind, doc, unit, min, max, since, default))

    return make


u8: Final = _integer_maker("u8")
u16: Final = _integer_maker("u16")
u32: Final = _integer_maker("u32")
u64: Final = _integer_maker("u64")
i16: Final = _integer_maker("i16")
i32: Final = _integer_maker("i32")
i64: Final = _integer_maker("i64")


def _optional(kind: str, none: int, doc: str, unit: str, since: Version, default: Any) -> Any:
    code, subcon = _INTEGERS[kind]
    spec = FieldSpec(
        kind=f"{kind}?",
        doc=doc,
        subcon=subcon,
        code=code,
        unit=unit,
        low=none + 1 if none < 0 else 0,
        high=none - 1 if none > 0 else _LIMITS[kind][1],
        since=since,
        none=none,
        from_wire=lambda raw: None if raw == none else raw,
    )
    return _field(spec, default)


def opt_u16(doc: str, *, unit: str = "", since: Version = V1_0, default: Any = _REQUIRED) -> int | None:
    """Unsigned, 16 bits; 0xFFFF on the wire stands for "not known"."""
    return cast("int | None", _optional("u16", 0xFFFF, doc, unit, since, default))


def opt_u32(doc: str, *, unit: str = "", since: Version = V1_0, default: Any = _REQUIRED) -> int | None:
    """Unsigned, 32 bits; 0xFFFFFFFF on the wire stands for "not known"."""
    return cast("int | None", _optional("u32", 0xFFFF_FFFF, doc, unit, since, default))


def opt_i64(doc: str, *, unit: str = "", since: Version = V1_0, default: Any = _REQUIRED) -> int | None:
    """Signed, 64 bits; the lowest number on the wire stands for "not known"."""
    return cast("int | None", _optional("i64", _LIMITS["i64"][0], doc, unit, since, default))


def _strict_bool(raw: int) -> bool:
    if raw > 1:
        raise ValueError(f"a boolean is 0 or 1, not {raw}")
    return raw == 1


def boolean(doc: str, *, since: Version = V1_0, default: Any = _REQUIRED) -> bool:
    """One byte, 0 or 1; anything else is malformed."""
    spec = FieldSpec(
        kind="bool",
        doc=doc,
        subcon=c.Int8ul,
        code="B",
        low=0,
        high=1,
        since=since,
        to_wire=int,
        from_wire=_strict_bool,
    )
    return cast(bool, _field(spec, default))


def choice(of: type[E], doc: str, *, since: Version = V1_0, default: Any = _REQUIRED) -> E | Unknown:
    """One value of a closed list, 8 bits; a number without a name becomes `Unknown`."""
    names: dict[int, Any] = {int(member): member for member in of}
    spec = FieldSpec(
        kind="enum",
        doc=doc,
        subcon=c.Int8ul,
        code="B",
        low=0,
        high=0xFF,
        enum=of,
        since=since,
        to_wire=int,
        from_wire=lambda raw: names[raw] if raw in names else Unknown(raw),
    )
    return cast("E | Unknown", _field(spec, default))


def flags(of: type[F], doc: str, *, since: Version = V1_0, default: Any = _REQUIRED) -> F:
    """A set of bits, 32 bits; bits without a name are kept in the value."""
    spec = FieldSpec(
        kind="flags",
        doc=doc,
        subcon=c.Int32ul,
        code="I",
        low=0,
        high=0xFFFF_FFFF,
        enum=of,
        since=since,
        to_wire=int,
        from_wire=of,
    )
    return cast(F, _field(spec, default))


def blob(
    doc: str,
    *,
    max: int | None = None,
    size: int | None = None,
    since: Version = V1_0,
    default: Any = _REQUIRED,
) -> bytes:
    """Bytes: `size` of them exactly, or a length (16 bits) and at most `max` bytes."""
    if (max is None) == (size is None):
        raise TypeError("a blob has either a size or a max")
    if size is not None:
        spec = FieldSpec(
            kind=f"bytes[{size}]", doc=doc, subcon=c.Bytes(size), code=f"{size}s", bound=size, since=since
        )
    else:
        spec = FieldSpec(
            kind="blob", doc=doc, subcon=c.Prefixed(c.Int16ul, c.GreedyBytes), bound=max, since=since
        )
    return cast(bytes, _field(spec, default))


def text(doc: str, *, max: int, since: Version = V1_0, default: Any = _REQUIRED) -> str:
    """UTF-8 text: a length (16 bits) and at most `max` bytes; control characters are malformed."""
    spec = FieldSpec(kind="text", doc=doc, subcon=c.PascalString(c.Int16ul, "utf8"), bound=max, since=since)
    return cast(str, _field(spec, default))


def record(of: type[W], doc: str, *, since: Version = V1_0, default: Any = _REQUIRED) -> W:
    """One nested record: a length (16 bits) and its fields, so that later fields can be skipped."""
    codec: Any = of.codec  # type: ignore[attr-defined]  # every @wire class has one
    spec = FieldSpec(
        kind="record", doc=doc, subcon=c.Prefixed(c.Int16ul, codec.construct), of=of, since=since
    )
    return cast(W, _field(spec, default))


def items(
    of: type[W], doc: str, *, max: int, since: Version = V1_0, default: Any = _REQUIRED
) -> tuple[W, ...]:
    """A list of records: a count (16 bits), then each with a length (16 bits); at most `max` of them."""
    codec: Any = of.codec  # type: ignore[attr-defined]  # every @wire class has one
    spec = FieldSpec(
        kind="items",
        doc=doc,
        subcon=c.PrefixedArray(c.Int16ul, c.Prefixed(c.Int16ul, codec.construct)),
        of=of,
        bound=max,
        since=since,
    )
    return cast("tuple[W, ...]", _field(spec, default))
