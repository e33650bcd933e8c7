"""What a device says beside what it said: field by field, with those left out that are not the same twice."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bwc_protocol.conversation.message import Flag, Message
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, MalformedMessage, Wire, to_plain
from bwc_protocol.messages.core import ErrorReply
from hil_tests.replay.varying import Nature, nature_of


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was not as recorded."""

    where: str
    """File and line of what was recorded."""
    message: str
    """As the specification calls it."""
    field: str
    """Which field of it; "" for the message as a whole."""
    expected: Any
    """As it was recorded, in words of the specification."""
    observed: Any


Varied = Counter[Nature]
"""How many fields were otherwise, and may be, by the reason."""


def declared(message: Message) -> type[Wire] | None:
    """What declares the body of a message; None: nothing that is known here."""
    if message.flags == Flag.ERROR:
        return ErrorReply
    if message.flags == Flag.EVENT:
        return EVENTS.get(message.opcode)
    command = COMMANDS.get(message.opcode)
    if message.flags == Flag.REPLY:
        return command.reply if command is not None else None
    return CONTROLS.get(message.opcode) or command


def compare(
    name: str, where: str, recorded: Message, observed: Message, varied: Varied
) -> Iterator[Difference]:
    """The differences between two messages that are to be equal; counts in `varied` what may differ and does.

    What cannot be decoded, and what comes behind the fields that are known, is compared byte by byte.
    """
    if (recorded.opcode, recorded.flags) != (observed.opcode, observed.flags):
        yield Difference(where, name, "", shown(recorded), shown(observed))
        return
    kind = declared(recorded)
    first, first_rest = _decoded(kind, recorded.body)
    second, second_rest = _decoded(kind, observed.body)
    if first is None or second is None:
        if recorded.body != observed.body:
            yield Difference(where, name, "", shown(recorded), shown(observed))
        return
    for field, expected, came in _fields("", first, second, varied):
        yield Difference(where, name, field, to_plain(expected), to_plain(came))
    if first_rest != second_rest:
        yield Difference(where, name, "behind the fields that are known", first_rest.hex(), second_rest.hex())


def same_question(recorded: Message, asked: Message) -> bool:
    """Whether two requests ask the same."""
    return not list(compare("", "", recorded, asked, Counter()))


def shown(message: Message) -> Any:
    """A message in words of the specification."""
    kind = declared(message)
    value, _ = _decoded(kind, message.body)
    told = {"body": message.body.hex()} if value is None else to_plain(value)
    return {"error": told} if message.flags == Flag.ERROR else told


def _decoded(kind: type[Wire] | None, body: bytes) -> tuple[Any, bytes]:
    """The value, and what is behind it of a later version; None for bytes that are no such message."""
    if kind is None:
        return None, b""
    try:
        value = kind.codec.decode(body)
    except MalformedMessage:
        return None, b""
    return value, body[len(kind.codec.encode(value)) :]


def _fields(path: str, first: Any, second: Any, varied: Varied) -> Iterator[tuple[str, Any, Any]]:
    kind = type(first)
    for field in dataclasses.fields(kind):
        expected, came = getattr(first, field.name), getattr(second, field.name)
        if expected == came:
            continue
        nature = nature_of(kind, field.name)
        if nature is not None:
            varied[nature] += 1
            continue
        yield from _values(f"{path}{field.name}", expected, came, varied)


def _values(path: str, expected: Any, came: Any, varied: Varied) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(expected, tuple) and isinstance(came, tuple) and len(expected) == len(came):
        for at, (one, other) in enumerate(zip(expected, came, strict=True)):
            if one != other:
                yield from _values(f"{path}[{at}]", one, other, varied)
    elif isinstance(expected, Wire) and isinstance(came, Wire):
        yield from _fields(f"{path}.", expected, came, varied)
    else:
        yield path, expected, came
