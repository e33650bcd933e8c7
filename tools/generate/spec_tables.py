"""Writes the generated parts of `protocol/README.md`, from the declarations.

python -m tools.generate.spec_tables           writes them
python -m tools.generate.spec_tables --check   fails when they are stale
"""

import enum
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from bwc_protocol import frame, messages, vocabulary
from bwc_protocol.declare import (
    ANYONE,
    COMMANDS,
    CONTROLS,
    EVENTS,
    REFUSED_FIRST,
    REFUSED_LAST,
    V1_0,
    Effect,
    Event,
    FieldSpec,
    Refusals,
    Request,
    Role,
    StreamDirection,
    Wire,
    forbidden_code_points,
)
from bwc_protocol.evidence import circumstances, protection
from bwc_protocol.evidence import vocabulary as evidence_vocabulary
from bwc_protocol.messages import config
from bwc_protocol.session import insecure, interface
from tools.generate.source_docs import member_docs
from tools.generate.spec import (
    authorisation,
    cddl,
    certificates,
    documents,
    endings,
    example,
    parameters,
    transitions,
    usb,
)
from tools.generate.spec.layouts import LAYOUTS, layout
from tools.generate.spec.markdown import numbers, table

SPECIFICATION: Final = Path(__file__).parents[2] / "protocol" / "README.md"
_MARKED: Final = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[a-z0-9-]+) -->\n).*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)

_ELSEWHERE: Final = {
    "PeerKind": "preamble",
    "ErrorCode": "error-codes",
    "Role": "roles",
    "ClockState": "clock",
    "TriggerReason": "recording",
}
"""Enumerations that more than one section uses, and the section that lists their values."""

_EFFECTS: Final = {
    Effect.READS: "reads",
    Effect.REPEATABLE: "repeatable",
    Effect.GUARDED: "guarded",
    Effect.ONCE: "once",
}


# Records


def fields(cls: type[Wire]) -> str:
    """The table of a declared class's fields."""
    if not cls.codec.fields:
        return "No fields."
    defaults = {name: _default(cls, name) for name in cls.codec.fields}
    rows = [
        (f"`{name}`", _type(spec), _range(spec), _meaning(spec) + defaults[name])
        for name, spec in cls.codec.fields.items()
    ]
    return table(("field", "type", "range", "meaning"), rows)


def _default(cls: type[Wire], name: str) -> str:
    spec = cls.codec.fields[name]
    if spec.since == V1_0:
        return ""
    default = cls.__dataclass_fields__[name].default  # type: ignore[attr-defined]  # every @wire class is a dataclass
    shown = f"`{default.name}`" if isinstance(default, enum.Enum) else repr(default)
    return f" (since {spec.since[0]}.{spec.since[1]}; else {shown})"


def _type(spec: FieldSpec) -> str:
    if spec.kind == "enum" and spec.enum is not None:
        return f"u8 {_link(spec.enum)}"
    if spec.kind == "flags" and spec.enum is not None:
        return f"u32 {_link(spec.enum)}"
    if spec.of is not None:
        return f"{spec.kind} of {_link(spec.of)}"
    return spec.kind


def _range(spec: FieldSpec) -> str:
    if spec.kind in ("text", "blob"):
        return f"at most {spec.bound} bytes"
    if spec.kind == "items":
        return f"at most {spec.bound}"
    natural = spec.subcon.sizeof() * 8 if spec.low is not None else 0
    if not natural or spec.enum is not None or spec.kind == "bool":
        return ""
    widest = {(0, 2**natural - 1), (-(2 ** (natural - 1)), 2 ** (natural - 1) - 1)}
    if spec.kind.endswith("?") or (spec.low, spec.high) in widest:
        return ""
    return f"{spec.low} to {spec.high}"


def _meaning(spec: FieldSpec) -> str:
    return f"{spec.doc} [{spec.unit}]" if spec.unit else spec.doc


def _link(of: type[Any]) -> str:
    return f"[{of.__name__}](#{_ELSEWHERE.get(of.__name__, of.__name__.lower())})"


def _roles(roles: Role) -> str:
    named = ["any"] if ANYONE in roles else []
    listed = roles & ~ANYONE if named else roles
    return ", ".join([*named, *(f"`{role.name}`" for role in Role if role in listed)])


def _kinds(kinds: frozenset[vocabulary.PeerKind]) -> str:
    return ", ".join(kind.name.lower() for kind in vocabulary.PeerKind if kind in kinds)


# Commands


def command_index() -> str:
    """All commands and events on one page."""
    rows = [
        (
            f"`{opcode:#06x}`",
            f"[`{cls.name}`](#{_anchor(cls.name)})",
            _kinds(cls.answered_by),
            _roles(cls.roles),
            _EFFECTS[cls.effect],
            _doc(cls),
        )
        for opcode, cls in sorted(COMMANDS.items())
    ]
    return table(("opcode", "command", "answered by", "roles", "effect", "what it does"), rows)


def event_index() -> str:
    """All events."""
    rows = [
        (f"`{op:#06x}`", f"[`{cls.name}`](#{_anchor(cls.name)})", _doc(cls))
        for op, cls in sorted(EVENTS.items())
    ]
    return table(("opcode", "event", "when it is told"), rows)


def _anchor(name: str) -> str:
    return name.replace(".", "").lower()


def _doc(cls: type[Any]) -> str:
    doc = cls.codec.doc if issubclass(cls, Wire) else inspect.cleandoc(cls.__doc__ or "")
    return " ".join(doc.split())


def subject(cls: type[Any]) -> str:
    """The commands and events of one subject, with every record and enumeration that no earlier one uses."""
    name = cls.__name__.lower()
    requests = [c for _, c in sorted(COMMANDS.items()) if c.name.split(".")[0] == name]
    events = [c for _, c in sorted(EVENTS.items()) if c.name.split(".")[0] == name]
    parts = [_command(request) for request in requests] + [_event(event) for event in events]
    used = _used(cls)
    earlier = messages.SUBJECTS[: messages.SUBJECTS.index(cls)]
    listed = {title for other in earlier for title in _used(other)} | _ELSEWHERE.keys()
    if name == "config":
        used["ConfigDocument"] = f"{_doc(config.ConfigDocument)}\n\n{fields(config.ConfigDocument)}"
    parts += [f"#### {title}\n\n{text}" for title, text in used.items() if title not in listed]
    return "\n\n".join(parts)


def _used(cls: type[Any]) -> dict[str, str]:
    """Every record and enumeration of a subject, by name, with its text."""
    name = cls.__name__.lower()
    used: dict[str, str] = {}
    for _, request in sorted(COMMANDS.items()):
        if request.name.split(".")[0] == name:
            _collect(request.codec.fields.values(), used)
            _collect(request.reply.codec.fields.values(), used)
    for _, told in sorted(EVENTS.items()):
        if told.name.split(".")[0] == name:
            _collect(told.codec.fields.values(), used)
    return used


def _command(cls: type[Request[Any]]) -> str:
    facts = [
        f"opcode `{cls.opcode:#06x}`",
        f"answered by: {_kinds(cls.answered_by)}",
        f"roles: {_roles(cls.roles)}",
        f"effect: {_EFFECTS[cls.effect]}",
    ]
    if cls.guard:
        facts.append(f"precondition: `{cls.guard}`")
    if cls.signed:
        facts.append("authority: the signatures of what it carries")
    if cls.stream is not None:
        way = "from the device" if cls.stream is StreamDirection.FROM_DEVICE else "to the device"
        facts.append(f"opens a stream {way}")
    if cls.since != V1_0:
        facts.append(f"since {cls.since[0]}.{cls.since[1]}")
    if cls.while_expired:
        facts.append("also while the device's certificate is expired")
    if cls.codec.fields:
        facts.append(f"request: at most {cls.codec.size_max:,} bytes")
    lines = [f"#### `{cls.name}`", "", _doc(cls), "", " · ".join(facts), "", "Request:", "", fields(cls), ""]
    reply = "Reply" if cls.reply.__module__.endswith("core") else f"Reply, `{cls.reply.__name__}`"
    lines += [f"{reply}: {_doc(cls.reply)}", "", fields(cls.reply)]
    if cls.errors:
        lines += ["", f"Errors, in this order: {_refusals(cls.errors)}."]
    if cls.verdicts:
        lines += ["", f"Verdicts on the upload, in this order: {_refusals(cls.verdicts)}."]
    return "\n".join(lines)


def _refusals(errors: Refusals) -> str:
    return "; ".join(f"`{code.name}` ({when})" for code, when in errors)


def precedence() -> str:
    """The codes that any command may be answered with, around those that it finds itself."""
    own = [("…", "what the command finds itself, in the order that stands with it", "below")]
    rows = [(f"`{code.name}`", when, "before") for code, when in REFUSED_FIRST]
    rows += own + [(f"`{code.name}`", when, "last") for code, when in REFUSED_LAST]
    return table(("#", "code", "when"), [(str(n), code, when) for n, (code, when, _) in enumerate(rows, 1)])


def largest_requests() -> str:
    """The longest body of each request that has one, the longest first."""
    longest = sorted((-c.codec.size_max, c.opcode, c) for c in COMMANDS.values() if c.codec.fields)
    rows = [(f"[`{c.name}`](#{_anchor(c.name)})", f"{-size:,}") for size, _, c in longest]
    return table(("command", "largest body of its request, bytes"), rows)


def _event(cls: type[Event]) -> str:
    return f"#### `{cls.name}`\n\n{_doc(cls)}\n\nopcode `{cls.opcode:#06x}` · event\n\n{fields(cls)}"


def _collect(specs: Iterable[FieldSpec], used: dict[str, str]) -> None:
    for spec in specs:
        if spec.of is not None and spec.of.__name__ not in used:
            used[spec.of.__name__] = f"{_doc(spec.of)}\n\n{fields(spec.of)}"
            _collect(spec.of.codec.fields.values(), used)
        elif spec.enum is not None and spec.enum.__name__ not in used:
            used[spec.enum.__name__] = f"{_doc(spec.enum)}\n\n{numbers(spec.enum)}"


def controls() -> str:
    """Every control message."""
    parts = []
    for opcode, cls in sorted(CONTROLS.items()):
        parts.append(f"#### `{cls.name}`\n\n{_doc(cls)}\n\nopcode `{opcode:#04x}`\n\n{fields(cls)}")
    return "\n\n".join(parts)


def effects() -> str:
    """What each effect of a command means for its repetition."""
    docs = member_docs(Effect)
    return table(
        ("effect", "what becomes of a command whose reply never came"),
        [(_EFFECTS[e], docs[e.name]) for e in Effect],
    )


def code_points() -> str:
    """The code points that no text has."""
    runs = [f"U+{a:04X}" if a == b else f"U+{a:04X} to U+{b:04X}" for a, b in forbidden_code_points.RANGES]
    return f"{', '.join(runs)}. (Unicode {forbidden_code_points.UNICODE}.)"


# The document

SECTIONS: Final[dict[str, Callable[[], str]]] = {
    **{name: partial(layout, name) for name in LAYOUTS},
    "frame-types": lambda: numbers(frame.FrameType),
    "reset-reasons": lambda: numbers(frame.ResetReason),
    "bye-reasons": lambda: numbers(frame.ByeReason),
    "handshake-body": lambda: fields(insecure._Hello),
    "alerts": lambda: numbers(interface.Alert),
    "usb-descriptors": usb.descriptors,
    "endings": endings.endings,
    "tls-alerts": endings.tls_alerts,
    "certificate-profile": certificates.profile,
    "certificate-oids": certificates.oids,
    "certificate-checks": certificates.checks,
    **transitions.TABLES,
    "peer-kinds": lambda: numbers(vocabulary.PeerKind),
    "error-codes": lambda: numbers(vocabulary.ErrorCode),
    "roles": lambda: numbers(Role),
    "authorisation": authorisation.authorisation,
    "effects": effects,
    "forbidden-code-points": code_points,
    "precedence": precedence,
    "largest-requests": largest_requests,
    "command-index": command_index,
    "event-index": event_index,
    "controls": controls,
    **{f"subject-{cls.__name__.lower()}": partial(subject, cls) for cls in messages.SUBJECTS},
    "manifest-cddl": cddl.manifest,
    **documents.TABLES,
    "clock-states": lambda: numbers(evidence_vocabulary.ClockState),
    "trigger-reasons": lambda: numbers(evidence_vocabulary.TriggerReason),
    "annotation-cddl": cddl.annotation,
    "activation-events": lambda: numbers(circumstances.ActivationEvent),
    "stop-reasons": lambda: numbers(circumstances.StopReason),
    "purposes": lambda: numbers(circumstances.Purpose),
    "given-by": lambda: numbers(circumstances.GivenBy),
    "cipher-suites": lambda: numbers(evidence_vocabulary.CipherSuite),
    "key-suites": lambda: numbers(protection.KeySuite),
    "parameters": parameters.parameters,
    "example-exchange": example.exchange,
    "example-manifest": example.manifest,
    "example-audit": example.audit_entry,
    "example-crc": example.checksums,
}


def render(text: str) -> str:
    """`text` with every generated part made anew. Raises `KeyError` for a marker without a generator."""
    return _MARKED.sub(
        lambda m: m["begin"] + SECTIONS[m["name"]]() + "\n" + m["end"], with_every_subject(text)
    )


def with_every_subject(text: str) -> str:
    """`text` with a section for a subject that is new, behind that of the subject before it."""
    for before, cls in pairwise(messages.SUBJECTS):
        name = f"subject-{cls.__name__.lower()}"
        end = f"<!-- end: subject-{before.__name__.lower()} -->\n"
        if name not in markers(text):
            section = f"### {cls.__name__}\n\n<!-- generated: {name} -->\n<!-- end: {name} -->\n"
            text = text.replace(end, f"{end}\n{section}")
    return text


def markers(text: str) -> list[str]:
    """The names of the generated parts in `text`, in their order."""
    return [match["name"] for match in _MARKED.finditer(text)]


def main(arguments: list[str]) -> int:
    """Gives the exit code."""
    before = SPECIFICATION.read_text(encoding="utf-8")
    after = render(before)
    if arguments == ["--check"]:
        if before != after:
            print(f"{SPECIFICATION} is stale: run python -m tools.generate.spec_tables", file=sys.stderr)
        return int(before != after)
    SPECIFICATION.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
