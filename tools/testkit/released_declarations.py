"""Whether today's declarations only append to what a released version had (spec: MSG-017).

A frozen set says of every command, record and enumeration what it was. Of today's declarations all that is `since` that
version or an older one has to be just that, and nothing of it may be gone.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.versions import V1_0, Version, dotted
from tools.generate.vectors import documents, evidence, recording, session, types

Vector = dict[str, Any]
Fields = list[Vector]


def changed_declarations(files: Mapping[str, Vector], version: Version) -> Iterator[str]:
    """What is no longer as a frozen set has it, or says that it was there and was not."""
    messages = files["messages.json"]
    for kind, declared in (("command", COMMANDS), ("event", EVENTS), ("control", CONTROLS)):
        frozen = {one["opcode"]: one for one in messages[f"{kind}s"]}
        if kind == "control":
            frozen[ErrorReply.opcode] = {"name": ErrorReply.name, "types": messages["error_types"]}
        yield from _opcodes(kind, frozen, declared, version)
    today = types.records_and_enumerations()
    frozen = messages["types"]
    for name, fields in frozen["records"].items():
        yield from _fields(f"record {name}", fields, today["records"].get(name), version)
    for name, members in frozen["enumerations"].items():
        since = today["since"].get(name, {})
        yield from _members(name, members, today["enumerations"].get(name), since, version)
    others = {
        "recording.json": recording.types,
        "documents.json": documents.types,
        "evidence.json": evidence.types,
        "session.json": session.types,
    }
    for name, of_file in others.items():
        now = of_file()
        for what, fields in files[name]["types"].items():
            if isinstance(fields, list):
                yield from _fields(f"{name}: {what}", fields, now.get(what), version)
            elif isinstance(fields, dict):
                yield from _members(f"{name}: {what}", fields, now.get(what), {}, None)


class _Declared(Protocol):
    name: Any
    since: Any


def _opcodes(
    kind: str, frozen: Mapping[int, Vector], declared: Mapping[int, Any], version: Version
) -> Iterator[str]:
    for opcode, was in frozen.items():
        now = declared.get(opcode)
        where = f"{kind} {was['name']} ({opcode:#06x})"
        if now is None or now.since > version:
            yield f"{where} is gone, or came later than the version that had it"
            continue
        if now.name != was["name"]:
            yield f"{where} is now {now.name}: an opcode is never used again"
            continue
        if dotted(now.since) != was.get("since", dotted(V1_0)):
            yield f"{where} is now since {dotted(now.since)}"
        if kind == "command":
            yield from _fields(f"{where}, request", was["request_types"], types.fields(now), version)
            yield from _fields(f"{where}, reply", was["reply_types"], types.fields(now.reply), version)
        else:
            yield from _fields(where, was["types"], types.fields(now), version)
    for opcode, now in declared.items():
        if now.since <= version and opcode not in frozen:
            yield f"{kind} {now.name} ({opcode:#06x}) says since {dotted(now.since)}, and was not released with it"


def _fields(where: str, was: Fields, now: Fields | None, version: Version) -> Iterator[str]:
    if now is None:
        yield f"{where} is gone"
        return
    known = [one for one in now if _version(one.get("since", dotted(V1_0))) <= version]
    for at, field in enumerate(was):
        if at >= len(known):
            yield f"{where}: the field {field['field']} is gone, or came later"
        elif known[at] != field:
            yield f"{where}: field {at} was {_told(field)}, and is {_told(known[at])}"
    for field in known[len(was) :]:
        since = field.get("since", dotted(V1_0))
        yield f"{where}: the field {field['field']} says since {since}, and was not released with it"
    if now[: len(known)] != known:
        yield f"{where}: a later field stands before one of {dotted(version)}"


def _members(
    name: str,
    was: Mapping[str, int],
    now: Mapping[str, int] | None,
    since: Mapping[str, str],
    version: Version | None,
) -> Iterator[str]:
    if now is None:
        yield f"the enumeration {name} is gone"
        return
    for member, number in was.items():
        if now.get(member) != number:
            yield f"{name}.{member} was {number}, and is {now.get(member, 'gone')}"
        elif version is not None and _version(since.get(member, dotted(V1_0))) > version:
            yield f"{name}.{member} was released with {dotted(version)}, and says since {since[member]}"
    for member in [one for one in now if one not in was]:
        if version is not None and _version(since.get(member, dotted(V1_0))) <= version:
            yield f"{name}.{member} does not say since when it is: it was not released with {dotted(version)}"


def _version(text: str) -> Version:
    major, minor = text.split(".")
    return int(major), int(minor)


def _told(field: Vector) -> str:
    return ", ".join(f"{key} {value}" for key, value in field.items())
