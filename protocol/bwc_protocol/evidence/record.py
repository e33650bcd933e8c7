"""Records of evidence: frozen dataclasses that are CBOR maps with integer keys.

Each field states its key, its kind and what it means, once; encoding, decoding, range checks and the table in
the specification follow from that. Fields are only appended. A reader meets a record of a newer camera by
keeping the keys that it does not know, encoded as they came (`later`): so what it re-encodes still hashes to
what the camera stated.
"""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol, Self

from bwc_protocol.declare import Unknown
from bwc_protocol.declare.forbidden_code_points import FORBIDDEN
from bwc_protocol.evidence import cbor
from bwc_protocol.evidence.vocabulary import EvidenceError
from bwc_protocol.versions import V1_0, Version


class Kind(Protocol):
    """How one field's value looks, in Python and in CBOR."""

    def check(self, value: Any) -> str:
        """What is wrong with a Python value, or "" if nothing is."""

    def to_cbor(self, value: Any) -> Any:
        """The value as CBOR has it."""

    def from_cbor(self, value: Any) -> Any:
        """The Python value of what CBOR has; what does not fit is left as it is, for `check` to refuse."""


class _Plain:
    """A kind whose value is the same in Python and in CBOR."""

    def to_cbor(self, value: Any) -> Any:
        return value

    def from_cbor(self, value: Any) -> Any:
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Int(_Plain):
    """An integer from `low` to `high`."""

    low: int
    high: int

    def check(self, value: Any) -> str:
        fits = type(value) is int and self.low <= value <= self.high
        return "" if fits else f"must be an integer from {self.low} to {self.high}"


@dataclasses.dataclass(frozen=True, slots=True)
class Blob(_Plain):
    """A byte string of exactly `size` bytes."""

    size: int

    def check(self, value: Any) -> str:
        fits = type(value) is bytes and len(value) == self.size
        return "" if fits else f"must be {self.size} bytes"


@dataclasses.dataclass(frozen=True, slots=True)
class Name(_Plain):
    """Printable ASCII of at most `max` characters: nothing that a log or a terminal could take amiss."""

    max: int
    optional: bool = False

    def check(self, value: Any) -> str:
        fits = type(value) is str and len(value) <= self.max and value.isascii() and value.isprintable()
        if fits and (value or self.optional):
            return ""
        return f"must be {0 if self.optional else 1} to {self.max} printable ASCII characters"


@dataclasses.dataclass(frozen=True, slots=True)
class Text(_Plain):
    """Text of `min` to `max` bytes in UTF-8, without the code points that no text of the protocol has."""

    max: int
    min: int = 0

    def check(self, value: Any) -> str:
        fits = (
            type(value) is str and FORBIDDEN.isdisjoint(value) and self.min <= len(value.encode()) <= self.max
        )
        return "" if fits else f"must be a text of {self.min} to {self.max} bytes without control characters"


@dataclasses.dataclass(frozen=True, slots=True)
class Octets(_Plain):
    """A byte string of `min` to `max` bytes."""

    max: int
    min: int = 0

    def check(self, value: Any) -> str:
        fits = type(value) is bytes and self.min <= len(value) <= self.max
        return "" if fits else f"must be {self.min} to {self.max} bytes"


@dataclasses.dataclass(frozen=True, slots=True)
class Literal(_Plain):
    """This one text: what kind of record it is."""

    text: str

    def check(self, value: Any) -> str:
        return "" if type(value) is str and value == self.text else f'must be "{self.text}"'


@dataclasses.dataclass(frozen=True, slots=True)
class Flag(_Plain):
    """True or false."""

    def check(self, value: Any) -> str:
        return "" if type(value) is bool else "must be true or false"


@dataclasses.dataclass(frozen=True, slots=True)
class Choice:
    """A number that an enumeration names; one that it does not name is kept as `Unknown`."""

    of: type[enum.IntEnum]

    def check(self, value: Any) -> str:
        fits = isinstance(value, self.of | Unknown) and 0 <= int(value) <= 0xFF
        return "" if fits else "must be a number from 0 to 255"

    def to_cbor(self, value: Any) -> Any:
        return int(value)

    def from_cbor(self, value: Any) -> Any:
        if type(value) is not int:
            return value
        return self.of(value) if value in self.of.__members__.values() else Unknown(value)


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """An array of at least `min` and at most `max` records."""

    of: "type[Record]"
    max: int
    min: int = 0

    def check(self, value: Any) -> str:
        fits = type(value) is tuple and self.min <= len(value) <= self.max
        if fits and all(isinstance(item, self.of) for item in value):
            return ""
        return f"must be {self.min} to {self.max} records"

    def to_cbor(self, value: Any) -> Any:
        return [item.to_map() for item in value]

    def from_cbor(self, value: Any) -> Any:
        if type(value) is not list or len(value) > self.max:
            return value
        return tuple(self.of.from_map(item) for item in value)


@dataclasses.dataclass(frozen=True, slots=True)
class Blobs:
    """An array of at least `min` and at most `max` byte strings, each of exactly `size` bytes."""

    size: int
    max: int
    min: int = 0

    def check(self, value: Any) -> str:
        fits = type(value) is tuple and self.min <= len(value) <= self.max
        if fits and all(type(one) is bytes and len(one) == self.size for one in value):
            return ""
        return f"must be {self.min} to {self.max} byte strings of {self.size} bytes"

    def to_cbor(self, value: Any) -> Any:
        return list(value)

    def from_cbor(self, value: Any) -> Any:
        return tuple(value) if type(value) is list else value


@dataclasses.dataclass(frozen=True, slots=True)
class Maybe:
    """One record, or null where there is none."""

    of: "type[Record]"

    def check(self, value: Any) -> str:
        return "" if value is None or isinstance(value, self.of) else "must be a record or null"

    def to_cbor(self, value: Any) -> Any:
        return None if value is None else value.to_map()

    def from_cbor(self, value: Any) -> Any:
        return None if value is None else self.of.from_map(value)


@dataclasses.dataclass(frozen=True, slots=True)
class OneOf:
    """One of several records: an array of its number and its map. A number that is not listed is refused."""

    of: "Mapping[int, type[Record]]"

    def check(self, value: Any) -> str:
        return "" if type(value) in self.of.values() else f"must be one of the kinds {sorted(self.of)}"

    def to_cbor(self, value: Any) -> Any:
        return [next(number for number, kind in self.of.items() if kind is type(value)), value.to_map()]

    def from_cbor(self, value: Any) -> Any:
        match value:
            case [int() as number, dict() as content] if type(number) is int and number in self.of:
                return self.of[number].from_map(content)
            case _:
                return value


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """Where a field stands in the map, and what it is."""

    number: int
    kind: Kind
    doc: str
    unit: str = ""
    since: Version = V1_0

    @property
    def appended(self) -> bool:
        """Whether records of before do not have it: it is absent where the field has its default."""
        return self.since > V1_0


def keyed(number: int, kind: Kind, doc: str, *, unit: str = "", since: Version = V1_0) -> Mapping[str, Key]:
    """Metadata of a record's field; one that a later version appended has a default, which is never written."""
    return {"key": Key(number, kind, doc, unit, since)}


_KEYS: Final[dict[type, dict[str, Key]]] = {}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Base of the records; a subclass is frozen, slotted and has only `keyed` fields.

    Constructing one checks every field, so that no value exists that could not be encoded.
    Raises `EvidenceError` with rule `<record>-<field>`.
    """

    label: ClassVar[str]
    closed: ClassVar[bool] = False
    """Whether one with keys that this version does not know is refused: they may limit what the others say."""

    later: tuple[tuple[int, bytes], ...] = ()
    """Fields of newer versions: key and encoded value."""

    def __post_init__(self) -> None:
        for name, key in self.keys().items():
            if problem := key.kind.check(getattr(self, name)):
                raise EvidenceError(f"{self.label}-{name.replace('_', '-')}", problem)
        self.check_together()

    def check_together(self) -> None:
        """Rules that concern several fields. Raises `EvidenceError`."""

    @classmethod
    def keys(cls) -> dict[str, Key]:
        """Field names and their keys, in the order of the specification."""
        if cls not in _KEYS:
            _KEYS[cls] = {f.name: f.metadata["key"] for f in dataclasses.fields(cls) if "key" in f.metadata}
        return _KEYS[cls]

    @classmethod
    def default_of(cls, name: str) -> Any:
        """The default of a field."""
        return cls.__dataclass_fields__[name].default

    def as_of(self, version: Version) -> Self:
        """What a device of that version states: without the fields that came later."""
        changed: dict[str, Any] = {}
        for name, key in self.keys().items():
            value = getattr(self, name)
            if key.since > version:
                changed[name] = self.default_of(name)
            elif isinstance(value, Record):
                changed[name] = value.as_of(version)
            elif isinstance(key.kind, Items):
                changed[name] = tuple(item.as_of(version) for item in value)
        return dataclasses.replace(self, **changed)

    def to_map(self) -> dict[int, Any]:
        """The CBOR map of this record."""
        known = {
            key.number: key.kind.to_cbor(getattr(self, name))
            for name, key in self.keys().items()
            if not key.appended or getattr(self, name) != self.default_of(name)
        }
        return known | {number: cbor.decode(value) for number, value in self.later}

    @classmethod
    def from_map(cls, value: Any) -> Self:
        """The record of a decoded CBOR map. Raises `EvidenceError`."""
        if type(value) is not dict:
            raise EvidenceError(f"{cls.label}-map", "must be a map")
        keys = cls.keys()
        missing = [key.number for key in keys.values() if key.number not in value and not key.appended]
        if missing:
            raise EvidenceError(f"{cls.label}-missing", f"keys {missing} are missing")
        known = {
            name: key.kind.from_cbor(value[key.number]) for name, key in keys.items() if key.number in value
        }
        for name in known:
            # Else one value had two encodings, and a hash would not name it.
            if keys[name].appended and known[name] == cls.default_of(name):
                raise EvidenceError(
                    f"{cls.label}-{name.replace('_', '-')}", "is absent where it says nothing"
                )
        numbers = {key.number for key in keys.values()}
        later = tuple((k, cbor.encode(v)) for k, v in value.items() if k not in numbers)
        if cls.closed and later:
            raise EvidenceError(f"{cls.label}-later", f"unknown keys {[key for key, _ in later]}")
        return cls(**known, later=later)
