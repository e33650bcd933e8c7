"""What an end knows of the protocol: which messages there are, and how they are written and read (spec: Versions).

There is one for each version. That of the newest is the declarations themselves; an older one is theirs as `since`
has it, and an end that speaks at most that version is what such a device or host was.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final, Protocol, TypeVar

from bwc_protocol.conversation.endings import Ending
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, Codec, Control, Event, Request, Wire
from bwc_protocol.versions import NEWEST, Version


class _Declared(Protocol):
    since: Version


D = TypeVar("D", bound=_Declared)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The protocol as one version has it."""

    version: Version
    commands: Mapping[int, type[Request[Any]]]
    events: Mapping[int, type[Event]]
    controls: Mapping[int, type[Control]]
    codec: Callable[[Wire | type[Wire]], Codec]
    """By which a value, or the values of a class, are written and read."""

    def ending(self, ending: Ending) -> Ending:
        """How that is said."""
        return ending._replace(reset=ending.reset.as_of(self.version) or ending.reset)


PRESENT: Final = Dialect(NEWEST, COMMANDS, EVENTS, CONTROLS, attrgetter("codec"))


class _Known(Mapping[int, D]):
    """Of what is declared that which a version has."""

    def __init__(self, declared: Mapping[int, D], version: Version) -> None:
        self._declared, self._version = declared, version

    def __getitem__(self, opcode: int) -> D:
        found = self._declared[opcode]
        if found.since > self._version:
            raise KeyError(opcode)
        return found

    def __iter__(self) -> Iterator[int]:
        return (opcode for opcode, declared in self._declared.items() if declared.since <= self._version)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def dialect_of(version: Version) -> Dialect:
    """What an end knows that speaks at most this version. A newer one than is declared here is the newest that is."""
    if version >= NEWEST:
        return PRESENT
    from bwc_protocol.declare.older import codec_as_of  # nobody else needs it

    return Dialect(
        version,
        _Known(COMMANDS, version),
        _Known(EVENTS, version),
        _Known(CONTROLS, version),
        lambda value: codec_as_of(value.codec, version),
    )
