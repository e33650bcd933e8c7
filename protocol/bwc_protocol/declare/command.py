"""Commands, events and the classes that carry them (spec: Messages, Commands).

A command is one decorated class: its fields are the request, its type argument is the reply. Below it
stands one line in the subject's client class; the simulator registers one handler. Nothing else lists it.
"""

import dataclasses
import inspect
from collections.abc import Callable, Coroutine
from typing import (
    Any,
    Concatenate,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    dataclass_transform,
    get_args,
)

from bwc_protocol.declare import fields as f
from bwc_protocol.declare.codec import Codec
from bwc_protocol.declare.describe import class_help, field_line, method_help, method_signature, steps_help
from bwc_protocol.declare.request import ANYONE as ANYONE
from bwc_protocol.declare.request import CAMERAS as CAMERAS
from bwc_protocol.declare.request import COMMANDS as COMMANDS
from bwc_protocol.declare.request import CONTROLS as CONTROLS
from bwc_protocol.declare.request import DEVICES as DEVICES
from bwc_protocol.declare.request import EVENTS as EVENTS
from bwc_protocol.declare.request import NO_ROLE as NO_ROLE
from bwc_protocol.declare.request import REFUSED_FIRST as REFUSED_FIRST
from bwc_protocol.declare.request import REFUSED_LAST as REFUSED_LAST
from bwc_protocol.declare.request import STATIONS as STATIONS
from bwc_protocol.declare.request import Control as Control
from bwc_protocol.declare.request import Effect as Effect
from bwc_protocol.declare.request import Event as Event
from bwc_protocol.declare.request import Handlers as Handlers
from bwc_protocol.declare.request import Refusals as Refusals
from bwc_protocol.declare.request import Request as Request
from bwc_protocol.declare.request import Role as Role
from bwc_protocol.declare.request import StreamDirection as StreamDirection
from bwc_protocol.declare.request import Wire as Wire
from bwc_protocol.versions import V1_0, Version
from bwc_protocol.vocabulary import ErrorCode, PeerKind

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

C = TypeVar("C", bound=type[Wire])
Q = TypeVar("Q", bound=type[Request[Any]])
V = TypeVar("V", bound=type[Event])
K = TypeVar("K", bound=type[Control])


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(
        f.u8, f.u16, f.u32, f.u64, f.i16, f.i32, f.i64, f.opt_u16, f.opt_u32, f.opt_i64,
        f.boolean, f.choice, f.flags, f.blob, f.text, f.record, f.items,
    ),
)  # fmt: skip
def wire(cls: C) -> C:
    """Makes a class of declared fields a frozen, slotted dataclass with a codec, whose `help()` tells of each field."""
    doc = inspect.cleandoc(cls.__doc__ or "")
    made: Any = dataclasses.dataclass(frozen=True, kw_only=True, slots=True)(cls)
    made.codec = Codec(made, doc)
    made.__doc__ = class_help(doc, made.codec)
    # Only their values are read again: so `help()` tells of each field where it lists them.
    made.__slots__ = {name: field_line(name, spec) for name, spec in made.codec.fields.items()}
    return made  # type: ignore[no-any-return]  # dataclass() gives back its argument's type


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(
        f.u8, f.u16, f.u32, f.u64, f.i16, f.i32, f.i64, f.opt_u16, f.opt_u32, f.opt_i64,
        f.boolean, f.choice, f.flags, f.blob, f.text, f.record, f.items,
    ),
)  # fmt: skip
def command(
    opcode: int,
    name: str,
    *,
    roles: Role,
    effect: Effect = Effect.READS,
    guard: str = "",
    stream: StreamDirection | None = None,
    answered_by: frozenset[PeerKind] = CAMERAS,
    errors: Refusals = (),
    verdicts: Refusals = (),
    since: Version = V1_0,
    while_expired: bool = False,
    signed: bool = False,
) -> Callable[[Q], Q]:
    """Declares a command. `name` is `subject.method`; `guard` names the field that is its precondition;
    `answered_by` the kinds of device that have it, `errors` what it finds itself, in order of precedence;
    `verdicts`, `while_expired` and `signed` are as in `Request`."""

    def declare(cls: Q) -> Q:
        made: Any = wire(cls)
        if (effect is Effect.GUARDED) != bool(guard) or (guard and guard not in made.codec.fields):
            raise TypeError(f"{name}: a guarded command names the field that guards it")
        if not made.codec.doc:
            raise TypeError(f"{name}: a command says in one line what it does")
        made.opcode, made.name, made.roles, made.effect = opcode, name, roles, effect
        made.codec.name = name
        made.guard, made.stream, made.since = guard, stream, since
        if guard and ErrorCode.CONFLICT not in dict(errors):
            raise TypeError(f"{name}: a guarded command says when it is answered CONFLICT")
        made.answered_by, made.errors = answered_by, errors
        if verdicts and stream is not StreamDirection.TO_DEVICE:
            raise TypeError(f"{name}: a verdict is given on what was uploaded")
        made.verdicts, made.while_expired, made.signed = verdicts, while_expired, signed
        made.reply = get_args(vars(made)["__orig_bases__"][0])[0]
        COMMANDS.add(opcode, made)
        return cast(Q, made)

    return declare


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(
        f.u8, f.u16, f.u32, f.u64, f.i16, f.i32, f.i64, f.opt_u16, f.opt_u32, f.opt_i64,
        f.boolean, f.choice, f.flags, f.blob, f.text, f.record, f.items,
    ),
)  # fmt: skip
def event(opcode: int, name: str, *, since: Version = V1_0) -> Callable[[V], V]:
    """Declares an event. Opcodes of events and commands share one space."""

    def declare(cls: V) -> V:
        made: Any = wire(cls)
        made.opcode, made.name, made.since = opcode, name, since
        made.codec.name = name
        if COMMANDS.made(opcode):
            raise TypeError(f"opcode {opcode:#06x} is declared twice")
        EVENTS.add(opcode, made)
        return cast(V, made)

    return declare


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(
        f.u8, f.u16, f.u32, f.u64, f.i16, f.i32, f.i64, f.opt_u16, f.opt_u32, f.opt_i64,
        f.boolean, f.choice, f.flags, f.blob, f.text, f.record, f.items,
    ),
)  # fmt: skip
def control(opcode: int, name: str, *, since: Version = V1_0) -> Callable[[K], K]:
    """Declares a control message; its opcode is below 0x0100."""

    def declare(cls: K) -> K:
        made: Any = wire(cls)
        made.opcode, made.name, made.since = opcode, name, since
        made.codec.name = name
        if opcode > 0xFF:
            raise TypeError(f"control opcode {opcode:#06x} is out of range")
        CONTROLS.add(opcode, made)
        return cast(K, made)

    return declare


class Caller(Protocol):
    """What a subject's methods are sent through."""

    async def call(self, request: Request[R], /) -> R: ...


class Subject:
    """The commands of one subject, as methods."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, member in vars(cls).items():
            if hasattr(member, "request"):
                member.__name__, member.__qualname__ = name, f"{cls.__qualname__}.{name}"
                member.__module__ = cls.__module__

    def __init__(self, caller: Caller) -> None:
        self._caller = caller


def method(request: Callable[P, Request[R]]) -> Callable[Concatenate[Subject, P], Coroutine[Any, Any, R]]:
    """The method that sends `request` and gives its reply, both typed by the declaration."""

    def send(self: Subject, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return self._caller.call(request(*args, **kwargs))

    declared = cast("type[Request[Any]]", request)
    send.__doc__ = method_help(declared)
    send.__signature__ = method_signature(declared)  # type: ignore[attr-defined]  # what `help()` shows
    send.request = request  # type: ignore[attr-defined]  # read by the generator of the blocking twin
    return send


def sends(*requests: type[Request[Any]]) -> Callable[[F], F]:
    """Marks a method that sends these commands, one after the other: its `help()` tells who may call it, what it
    raises and where the specification tells of it, behind what is written of it by hand."""

    def mark(function: F) -> F:
        function.__doc__ = steps_help(inspect.cleandoc(function.__doc__ or ""), requests)
        function.sends = requests  # type: ignore[attr-defined]  # read by the generator of the blocking twin
        return function

    return mark
