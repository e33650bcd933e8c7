"""Declared values as facts that a person reads: words and units come from the declarations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bwc_protocol.declare import FieldSpec, Unknown, Wire, to_plain
from bwc_protocol.versions import Version
from bwc_sdk.cli.printing import text

if TYPE_CHECKING:
    from bwc_sdk.connection.counters import Counters

_SUFFIXES: Final = ("_utc_ns", "_ns", "_ms", "_mv", "_ma", "_dc", "_pct", "_s", "_bytes")
_ZERO: Final = re.compile(r"\b0 = (?P<means>[a-z ]+)$")
"""At the end of a field's text: what no value stands for."""
NOT_KNOWN: Final = "unknown"
NOTHING: Final = "-"
"""An empty text, for people."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One value: `name` as declared and `plain` for machines, `label` and `shown` for people."""

    name: str
    plain: Any
    label: str
    shown: str


def fact(name: str, value: Any, shown: str | None = None, *, unit: str = "") -> Fact:
    """A fact that is not a declared field; shown as `unit` asks unless `shown` says how."""
    return Fact(name, to_plain(value), label(name), show(name, value, unit) if shown is None else shown)


def facts(value: Wire, *, but: Iterable[str] = ()) -> Iterator[Fact]:
    """Every field of a declared value but those named."""
    hidden = frozenset(but)
    for name, spec in type(value).codec.fields.items():
        if name not in hidden:
            yield fact_of(name, spec, getattr(value, name))


def later_fields(value: Wire, version: Version) -> tuple[str, ...]:
    """Fields of a declared value that a version does not have: a device of it said nothing of them."""
    return tuple(name for name, spec in type(value).codec.fields.items() if spec.since > version)


def fact_of(name: str, spec: FieldSpec, value: Any) -> Fact:
    """One declared field."""
    zero = _ZERO.search(spec.doc) if value == 0 and spec.unit and not name.endswith("utc_ns") else None
    return Fact(name, to_plain(value), label(name), zero["means"] if zero else show(name, value, spec.unit))


def counter_facts(counted: Counters) -> Iterator[Fact]:
    """What a connection counted: `link.frames_in`, `channel.discarded.duplicate`, …"""
    for name, value in _flat(counted.plain(), ""):
        yield fact(name, value)


def _flat(counted: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    for name, value in counted.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def label(name: str) -> str:
    """A field's name as people say it: without the unit, in words."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    return name.replace("_", " ")


def show(name: str, value: Any, unit: str) -> str:
    """A value as people read it, by its unit."""
    if value is None:
        return NOT_KNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Unknown):
        return str(value)
    if isinstance(value, int) and unit:
        if name.endswith("utc_ns"):
            return text.utc(value) if value else "never"
        maker = _BY_UNIT.get(unit)
        return maker(value) if maker else f"{value} {unit}"
    plain = to_plain(value)
    if isinstance(plain, list):
        return ", ".join(map(str, plain)) or "none"
    return str(plain) or NOTHING


_BY_UNIT: Final[dict[str, Callable[[int], str]]] = {
    "byte": text.size,
    "s": text.duration,
    "ms": lambda ms: text.duration(ms / 1000) if ms >= 1000 else f"{ms} ms",
    "ns": text.small_time,
    "mV": lambda mv: f"{mv / 1000:.3f} V",
    "0.1 °C": lambda dc: f"{dc / 10:.1f} °C",
}
