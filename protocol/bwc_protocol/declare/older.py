"""Declared classes as an older version has them: without what was appended since (spec: Versions).

An end of that version writes and reads by these codecs. They follow from the declarations' `since` alone; nothing
lists them by hand, and nobody who speaks the newest version loads this file.
"""

from __future__ import annotations

import dataclasses
import enum
from functools import cache
from types import SimpleNamespace
from typing import Any

from bwc_protocol.declare.codec import Codec, FieldRangeError, _Run
from bwc_protocol.declare.fields import FieldSpec, Unknown
from bwc_protocol.versions import Version, dotted
from bwc_protocol.word import Dated, Words


class OlderCodec(Codec):
    """Writes and reads a class as a version did: later fields are not written, and are surplus where they come."""

    def __init__(self, present: Codec, version: Version) -> None:
        known = {name: spec for name, spec in present.fields.items() if spec.since <= version}
        super().__init__(
            present.cls, present.doc, {name: _spec(name, spec, version) for name, spec in known.items()}
        )
        self.name = present.name

    def _pack(self, run: _Run, value: Any) -> bytes:
        return self._pack_singly(run, value)  # the fast way does not look at enumerations


@cache
def codec_as_of(present: Codec, version: Version) -> Codec:
    """The codec by which an end of that version writes and reads the class; `present` itself, where they are the
    same."""
    return OlderCodec(present, version) if _differs(present, version) else present


def _differs(codec: Codec, version: Version) -> bool:
    for spec in codec.fields.values():
        if spec.since > version or (spec.of is not None and _differs(spec.of.codec, version)):
            return True
        if spec.enum is not None and any(_since(member) > version for member in spec.enum):
            return True
    return False


def _since(member: enum.IntEnum | enum.IntFlag) -> Version:
    assert isinstance(member, Dated | Words), f"{member!r} of a field does not know its version"
    return member.since


def _spec(name: str, spec: FieldSpec, version: Version) -> FieldSpec:
    if spec.of is not None:
        nested: Any = SimpleNamespace(codec=codec_as_of(spec.of.codec, version))
        return dataclasses.replace(spec, of=nested)
    if spec.enum is None:
        return spec
    of: Any = spec.enum
    if issubclass(of, Words):
        known = ~sum(member.value for member in of if member.since > version)
        return dataclasses.replace(
            spec, to_wire=lambda value: int(value) & known, from_wire=lambda raw: of(raw & known)
        )
    from_wire = spec.from_wire
    assert from_wire is not None

    def to_wire(value: Dated | Unknown) -> int:
        said = value.as_of(version) if isinstance(value, Dated) else value
        if said is None:
            raise FieldRangeError(
                name, f"{value} came after {dotted(version)}, and nothing stands for it there"
            )
        return int(said)

    def known_or_not(raw: int) -> Any:
        value = from_wire(raw)
        return value if isinstance(value, Unknown) or _since(value) <= version else Unknown(raw)

    return dataclasses.replace(spec, to_wire=to_wire, from_wire=known_or_not)
