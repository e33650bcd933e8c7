"""What `help()` tells of declared classes and of the methods that send them, from the declarations.

The errors are named as the SDK names them: that is where these methods are called.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from functools import reduce
from operator import and_
from typing import Any

from bwc_protocol.declare.codec import Codec
from bwc_protocol.declare.fields import FieldSpec
from bwc_protocol.declare.request import ANYONE, Effect, Request
from bwc_protocol.versions import V1_0


def field_line(name: str, spec: FieldSpec, default: Any = dataclasses.MISSING) -> str:
    """One field: what it means, its unit, its range or bound, and what stands for it when it is not given."""
    parts = [f"{name}: {spec.doc}"]
    if spec.unit:
        parts[0] += f" [{spec.unit}]"
    if spec.enum is not None:
        parts.append(f"`{spec.enum.__name__}`")
    elif spec.of is not None:
        parts.append(f"`{spec.of.__name__}`" + (f", at most {spec.bound}" if spec.kind == "items" else ""))
    elif spec.kind in ("text", "blob"):
        parts.append(f"at most {spec.bound} bytes")
    elif spec.bound is not None:
        parts.append(f"{spec.bound} bytes")
    elif spec.none is not None:
        parts.append("None: not known")
    elif spec.kind != "bool" and not spec.fills_code:
        parts.append(f"{spec.low} to {spec.high}")
    if spec.since != V1_0:
        parts.append(f"since {spec.since[0]}.{spec.since[1]}")
    if default is not dataclasses.MISSING:
        parts.append(f"{default!r} unless given")
    return "; ".join(parts)


def class_help(summary: str, codec: Codec) -> str:
    """The docstring of a declared class."""
    lines = [f"    {field_line(name, spec)}" for name, spec in codec.fields.items()]
    return "\n".join([summary, "", "Attributes:", *lines]) if lines else summary


def method_help(request: type[Request[Any]]) -> str:
    """The docstring of the method that sends a declared command."""
    defaults = {field.name: field.default for field in dataclasses.fields(request)}  # type: ignore[arg-type]  # every request is one
    arguments = [
        f"    {field_line(name, spec, defaults[name])}" for name, spec in request.codec.fields.items()
    ]
    lines = [request.codec.doc, ""]
    if arguments:
        lines += ["Arguments:", *arguments, ""]
    lines.append(f"Gives: `{request.reply.__name__}`. {request.reply.codec.doc.splitlines()[0]}")
    return "\n".join([*lines, *terms((request,))])


def steps_help(written: str, requests: tuple[type[Request[Any]], ...]) -> str:
    """The docstring of a method that sends several commands, from what was written of it by hand."""
    return "\n".join([written, "", *terms(requests)])


def terms(requests: tuple[type[Request[Any]], ...]) -> Iterator[str]:
    """Who may call, what it may raise, and where the specification tells of it."""
    names = [role.name for role in _allowed(requests)]
    yield f"Roles: {', '.join(map(str, names)) if names else 'any'}"
    yield "Raises:"
    yield from (f"    {line}" for line in _errors(requests, for_some=bool(names)))
    sections = ", ".join(f"`{request.name}` ({request.opcode:#06x})" for request in requests)
    yield f"Specification: {sections}"


def _allowed(requests: tuple[type[Request[Any]], ...]) -> list[Any]:
    """The roles that all of the commands allow; none where that is every role."""
    allowed = reduce(and_, (request.roles for request in requests))
    if ANYONE in allowed:
        return []
    return [role for role in type(allowed) if role in allowed]


def _errors(requests: tuple[type[Request[Any]], ...], *, for_some: bool) -> Iterator[str]:
    refused = "CommandError: refused"
    if for_some:
        refused += "; NOT_PERMITTED to another role"
    for guard in dict.fromkeys(request.guard for request in requests if request.guard):
        refused += f"; CONFLICT when `{guard}` is not the present one"
    yield refused
    if any(request.effect is Effect.READS for request in requests):
        yield "CommandTimeout: no reply came in time"
    if any(request.effect is not Effect.READS for request in requests):
        yield "OutcomeUnknown: no reply came, and it may have taken effect"
    if any(request.codec.fields for request in requests):
        yield "InvalidValue: a field cannot carry what was given; nothing was sent"
    yield "ProtocolViolation: the answer breaks the protocol"
    yield "DeviceLost, LinkError, SessionError: the connection ended"


def method_signature(request: type[Request[Any]]) -> inspect.Signature:
    """The signature of the method that sends a declared command."""
    own = inspect.signature(request)
    self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    return own.replace(parameters=[self, *own.parameters.values()], return_annotation=request.reply)
