"""Bytes to frozen dataclasses and back (spec: Field types).

The Construct definition of a class is the authority. Since Construct costs 30 to 40 us a message, the
codec runs on structs derived from the same field specifications; a test holds the two together over
every declared class.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

import construct as c

from bwc_protocol.declare.fields import FieldSpec
from bwc_protocol.declare.forbidden_code_points import FORBIDDEN
from bwc_protocol.versions import V1_0

_LENGTH: Final = struct.Struct("<H")


class MalformedMessage(Exception):
    """Bytes that break the declaration of their message. `rule` says which, in the specification's words."""

    def __init__(self, where: str, rule: str) -> None:
        super().__init__(f"{where}: {rule}")
        self.where = where
        self.rule = rule


class FieldRangeError(ValueError):
    """A value that its declared field cannot carry; raised before anything is sent."""

    def __init__(self, where: str, rule: str) -> None:
        super().__init__(f"{where}: {rule}")
        self.where = where
        self.rule = rule


@dataclasses.dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring fixed-size fields that one struct packs and unpacks."""

    layout: struct.Struct
    specs: tuple[tuple[str, FieldSpec], ...]
    names: tuple[str, ...]
    judged: tuple[tuple[str, FieldSpec], ...]
    """Those whose wire type carries values that the field does not, or means something else by them."""
    take: Callable[[Any], tuple[Any, ...]]
    """The values of the run, of an object."""
    narrow: tuple[tuple[int, int, int], ...]
    """Place, lowest and highest of each number whose range the struct would not hold it to."""
    optional: tuple[tuple[int, int, int, int], ...]
    """The same of each number that may be missing, and the number that then stands for it."""
    exact: tuple[tuple[int, int], ...]
    """Place and size of each run of bytes, which a struct would cut or pad."""

    @staticmethod
    def of(layout: struct.Struct, specs: tuple[tuple[str, FieldSpec], ...]) -> _Run:
        """The run of these fields."""
        names = tuple(name for name, _ in specs)
        getter = attrgetter(*names)
        return _Run(
            layout=layout,
            specs=specs,
            names=names,
            judged=tuple((name, spec) for name, spec in specs if not spec.takes_all),
            take=getter if len(names) > 1 else lambda value: (getter(value),),
            narrow=tuple(
                (at, spec.low, spec.high)
                for at, (_, spec) in enumerate(specs)
                if spec.low is not None
                and spec.high is not None
                and spec.none is None
                and not spec.fills_code
            ),
            optional=tuple(
                (at, spec.low, spec.high, spec.none)
                for at, (_, spec) in enumerate(specs)
                if spec.low is not None and spec.high is not None and spec.none is not None
            ),
            exact=tuple((at, spec.bound or 0) for at, (_, spec) in enumerate(specs) if spec.low is None),
        )


class Codec:
    """Encodes and decodes one declared class.

    `decode` gives later fields that are missing their defaults, skips surplus bytes, and refuses bytes that
    end inside a known field. Both directions check every range and bound.
    """

    def __init__(self, cls: type[Any], doc: str = "", fields: dict[str, FieldSpec] | None = None) -> None:
        self.cls = cls
        self.name: str = cls.__name__
        """How errors call it: as the specification does, which knows a command by the name that it declares."""
        self.doc = doc
        """What its declaration says of it in words."""
        self.fields: dict[str, FieldSpec] = (
            {f.name: f.metadata["spec"] for f in dataclasses.fields(cls)} if fields is None else fields
        )
        self._defaults = {f.name: f.default for f in dataclasses.fields(cls)}
        self._steps = _steps(self.fields)
        self._plain = self._steps[0] if len(self._steps) == 1 and isinstance(self._steps[0], _Run) else None
        since = [s.since for s in self.fields.values()]
        if since != sorted(since):
            raise TypeError(f"{cls.__name__}: fields are only appended, in the order of their versions")

    @cached_property
    def construct(self) -> c.Construct[Any, Any]:
        """The definition that has the last word. Messages pass without it: it is built when it is first asked for."""
        return c.Struct(*(name / spec.subcon for name, spec in self.fields.items()))

    @property
    def size_max(self) -> int:
        """The most bytes that an encoding can have."""
        return sum(map(_size_max, self.fields.values()))

    def encode(self, value: Any) -> bytes:
        """The bytes of `value`. Raises `FieldRangeError`."""
        if self._plain is not None:
            return self._pack(self._plain, value)
        out: list[bytes] = []
        for step in self._steps:
            if isinstance(step, _Run):
                out.append(self._pack(step, value))
            else:
                out.append(self._encode_sized(*step, value))
        return b"".join(out)

    def decode(self, data: bytes | memoryview) -> Any:
        """The value that `data` stands for. Raises `MalformedMessage`."""
        end, at = len(data), 0
        if self._plain is not None and self._plain.layout.size <= end:
            run = self._plain
            found = dict(zip(run.names, run.layout.unpack_from(data), strict=True))
            for name, spec in run.judged:
                found[name] = self._accept(name, spec, found[name])
            return self.cls(**found)
        values: dict[str, Any] = {}
        for step in self._steps:
            if isinstance(step, _Run):
                at = self._unpack(step, data, at, end, values)
            else:
                at = self._decode_sized(*step, data, at, end, values)
            if at < 0:
                break
        if at < 0:
            for name in self.fields:
                if name not in values:
                    values[name] = self._defaults[name]
        return self.cls(**values)

    # Fixed-size fields

    def _pack(self, run: _Run, value: Any) -> bytes:
        raw = run.take(value)
        try:
            for at, low, high in run.narrow:
                if not low <= raw[at] <= high:
                    return self._pack_singly(run, value)
            for at, size in run.exact:
                if type(raw[at]) is not bytes or len(raw[at]) != size:
                    return self._pack_singly(run, value)
            if run.optional:
                numbers = list(raw)
                for at, low, high, none in run.optional:
                    if numbers[at] is None:
                        numbers[at] = none
                    elif not low <= numbers[at] <= high:
                        return self._pack_singly(run, value)
                return run.layout.pack(*numbers)
            return run.layout.pack(*raw)
        except (struct.error, TypeError):
            return self._pack_singly(run, value)

    def _pack_singly(self, run: _Run, value: Any) -> bytes:
        """Field by field: for what has no number of its own, and to say which field is wrong."""
        raw: list[Any] = []
        for name, spec in run.specs:
            item = getattr(value, name)
            if item is None and spec.none is not None:
                raw.append(spec.none)  # outside the range
                continue
            if spec.to_wire is not None:
                item = spec.to_wire(item)
            self._check(name, spec, item)
            raw.append(item)
        return run.layout.pack(*raw)

    def _check(self, name: str, spec: FieldSpec, item: Any) -> None:
        if spec.low is None or spec.high is None:
            if type(item) is not bytes or len(item) != spec.bound:
                raise FieldRangeError(f"{self.name}.{name}", f"takes exactly {spec.bound} bytes")
            return
        if not isinstance(item, int):
            raise FieldRangeError(f"{self.name}.{name}", f"takes a number, not {item!r}")
        if not spec.low <= item <= spec.high:
            rule = f"{item} is not within {spec.low} to {spec.high}"
            raise FieldRangeError(f"{self.name}.{name}", rule)

    def _unpack(self, run: _Run, data: bytes | memoryview, at: int, end: int, values: dict[str, Any]) -> int:
        if at + run.layout.size <= end:
            values.update(zip(run.names, run.layout.unpack_from(data, at), strict=True))
            for name, spec in run.judged:
                values[name] = self._accept(name, spec, values[name])
            return at + run.layout.size
        return self._unpack_short(run, data, at, end, values)

    def _unpack_short(
        self, run: _Run, data: bytes | memoryview, at: int, end: int, values: dict[str, Any]
    ) -> int:
        for name, spec in run.specs:
            if at == end and spec.since > V1_0:
                return -1
            layout = struct.Struct("<" + spec.code)
            if at + layout.size > end:
                raise MalformedMessage(f"{self.name}.{name}", "the message ends inside a known field")
            values[name] = self._accept(name, spec, layout.unpack_from(data, at)[0])
            at += layout.size
        return at

    def _accept(self, name: str, spec: FieldSpec, item: Any) -> Any:
        if spec.from_wire is not None:
            try:
                return spec.from_wire(item)
            except ValueError as error:
                raise MalformedMessage(f"{self.name}.{name}", str(error)) from error
        if spec.low is not None and spec.high is not None and not spec.low <= item <= spec.high:
            rule = f"{item} is not within {spec.low} to {spec.high}"
            raise MalformedMessage(f"{self.name}.{name}", rule)
        return item

    # Fields with a length of their own

    def _encode_sized(self, name: str, spec: FieldSpec, value: Any) -> bytes:
        where = f"{self.name}.{name}"
        item = getattr(value, name)
        if spec.kind == "items":
            if len(item) > (spec.bound or 0):
                raise FieldRangeError(where, f"{len(item)} items, at most {spec.bound}")
            parts = [_LENGTH.pack(len(item))]
            encode = _nested(spec).encode
            for one in item:
                parts.append(_sized(where, encode(one)))
            return b"".join(parts)
        if spec.kind == "record":
            return _sized(where, _nested(spec).encode(item))
        if spec.kind == "text":
            _check_text(where, item, FieldRangeError)
            item = item.encode()
        elif not isinstance(item, bytes):
            raise FieldRangeError(where, f"takes bytes, not {item!r}")
        if len(item) > (spec.bound or 0):
            raise FieldRangeError(where, f"{len(item)} bytes, at most {spec.bound}")
        return _sized(where, item)

    def _decode_sized(
        self, name: str, spec: FieldSpec, data: bytes | memoryview, at: int, end: int, values: dict[str, Any]
    ) -> int:
        if at == end and spec.since > V1_0:
            return -1
        where = f"{self.name}.{name}"
        if spec.kind != "items":
            body, at = _take(where, data, at, end)
            values[name] = self._decode_body(where, spec, body)
            return at
        if at + 2 > end:
            raise MalformedMessage(where, "the message ends inside a known field")
        count = _LENGTH.unpack_from(data, at)[0]
        at += 2
        if count > (spec.bound or 0):
            raise MalformedMessage(where, f"{count} items, at most {spec.bound}")
        decode = _nested(spec).decode
        found = []
        for _ in range(count):
            body, at = _take(where, data, at, end)
            found.append(decode(body))
        values[name] = tuple(found)
        return at

    def _decode_body(self, where: str, spec: FieldSpec, body: bytes | memoryview) -> Any:
        if spec.kind == "record":
            return _nested(spec).decode(body)
        if len(body) > (spec.bound or 0):
            raise MalformedMessage(where, f"{len(body)} bytes, at most {spec.bound}")
        if spec.kind == "blob":
            return bytes(body)
        try:
            item = str(body, "utf-8")
        except UnicodeDecodeError as error:
            raise MalformedMessage(where, "text is not UTF-8") from error
        _check_text(where, item, MalformedMessage)
        return item


def _steps(fields: dict[str, FieldSpec]) -> tuple[_Run | tuple[str, FieldSpec], ...]:
    steps: list[_Run | tuple[str, FieldSpec]] = []
    run: list[tuple[str, FieldSpec]] = []

    def close() -> None:
        if run:
            layout = struct.Struct("<" + "".join(s.code for _, s in run))
            steps.append(_Run.of(layout, tuple(run)))
            run.clear()

    for name, spec in fields.items():
        if spec.code:
            run.append((name, spec))
        else:
            close()
            steps.append((name, spec))
    close()
    return tuple(steps)


def _nested(spec: FieldSpec) -> Codec:
    """The codec of the records of a field that has such."""
    assert spec.of is not None
    codec: Codec = spec.of.codec
    return codec


def _size_max(spec: FieldSpec) -> int:
    if spec.of is not None:
        codec = _nested(spec)
        if spec.kind == "record":
            return 2 + codec.size_max
        return 2 + (spec.bound or 0) * (2 + codec.size_max)
    if spec.kind in ("text", "blob"):
        return 2 + (spec.bound or 0)
    return struct.calcsize("<" + spec.code)


def _sized(where: str, body: bytes) -> bytes:
    if len(body) > 0xFFFF:
        raise FieldRangeError(where, f"{len(body)} bytes do not fit a length of 16 bits")
    return _LENGTH.pack(len(body)) + body


def _take(where: str, data: bytes | memoryview, at: int, end: int) -> tuple[bytes | memoryview, int]:
    if at + 2 <= end:
        size = _LENGTH.unpack_from(data, at)[0]
        if at + 2 + size <= end:
            return data[at + 2 : at + 2 + size], at + 2 + size
    raise MalformedMessage(where, "the message ends inside a known field")


def _check_text(where: str, item: str, error: type[MalformedMessage] | type[FieldRangeError]) -> None:
    # Control and bidirectional characters would let a name rewrite a terminal, line ends a log.
    if not isinstance(item, str):
        raise error(where, f"takes text, not {item!r}")
    if not item.isprintable() and not FORBIDDEN.isdisjoint(item):
        raise error(where, "text has control characters")
