"""Whether today's code still reads and writes what a released version said (spec: Vectors).

Bodies are read by today's declarations, and written as an end of that version writes them. Scripts of behaviour are
played with an end of that version.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bwc_protocol.conversation.message import Message, MessageReader, build
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, MalformedMessage, Wire
from bwc_protocol.declare.older import codec_as_of
from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.evidence import (
    AnnotationRecord,
    EvidenceError,
    Manifest,
    annotation_head,
    annotation_root,
    cbor,
)
from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.frame import FrameParser, encode_frame
from bwc_protocol.link import LinkRole
from bwc_protocol.messages.audit import AuditEntry
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.session.preamble import OLDEST, NotAPreamble, Preamble, binding, choose_version
from bwc_protocol.versions import Version, dotted
from tools.generate.vectors import documents as vectors_documents
from tools.generate.vectors.plain_values import read, shown
from tools.testkit.behaviour import Player

Vector = dict[str, Any]


def broken_vectors(files: Mapping[str, Vector], version: Version) -> Iterator[str]:
    """Each vector of a frozen set that no longer holds, by what it is."""
    checks: dict[str, Callable[[Vector, Version], Iterator[str]]] = {
        "messages.json": _messages,
        "frames.json": _frames,
        "session.json": _session,
        "recording.json": _recording,
        "documents.json": _documents,
        "evidence.json": _evidence,
        "behaviour.json": _behaviour,
    }
    for name, file in files.items():
        for line in checks[name](file, version):
            yield f"{name}: {line}"


# Messages


def _messages(file: Vector, version: Version) -> Iterator[str]:
    for one in file["commands"]:
        declared = COMMANDS.get(one["opcode"])
        if declared is None:
            continue  # said by the declarations
        for case in one["requests"]:
            yield from _body(f"{one['name']}, request", declared, case, version)
        for case in one["replies"]:
            yield from _body(f"{one['name']}, reply", declared.reply, case, version)
    for kind, registry in (("events", EVENTS), ("controls", CONTROLS)):
        for one in file[kind]:
            for case in one["cases"] if one["opcode"] in registry else ():
                yield from _body(one["name"], registry[one["opcode"]], case, version)
    for one in file["errors"]:
        yield from _body(f"error {one['name']}", ErrorReply, one, version)
    for one in file["surplus"]:
        cls = _target(one)
        if (
            cls is not None
            and _cut(shown(cls.codec.decode(bytes.fromhex(one["body"]))), one["fields"]) != one["fields"]
        ):
            yield f"{one['name']}: surplus is no longer skipped"
    for one in file["malformed"]:
        cls = _target(one)
        if cls is None:
            continue
        try:
            codec_as_of(cls.codec, version).decode(bytes.fromhex(one["body"]))
        except MalformedMessage:
            continue
        yield f"{one['name']}: {one['why']} is no longer malformed"


def _body(where: str, cls: type[Wire], case: Vector, version: Version) -> Iterator[str]:
    body, told = bytes.fromhex(case["body"]), case.get("case", "")
    try:
        value = cls.codec.decode(body)
        if _cut(shown(value), case["fields"]) != case["fields"]:
            yield f"{where} {told}: it reads {shown(value)}"
        if codec_as_of(cls.codec, version).encode(value) != body:
            yield f"{where} {told}: an end of {dotted(version)} would write it otherwise"
    except (MalformedMessage, ValueError) as error:
        yield f"{where} {told}: {error}"
        return
    (message,) = MessageReader().feed(bytes.fromhex(case["message"]))
    if not isinstance(message, Message) or message.body != body:
        yield f"{where} {told}: its message has another body"
    elif build(message.opcode, message.flags, message.request, body).hex() != case["message"]:
        yield f"{where} {told}: its message is written otherwise"


def _cut(now: Any, was: Any) -> Any:
    """Of what is read now that which was there then."""
    if isinstance(was, dict) and isinstance(now, dict):
        return {name: _cut(now.get(name), value) for name, value in was.items()}
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [_cut(one, other) for one, other in zip(now, was, strict=True)]
    return now


def _target(one: Vector) -> type[Wire] | None:
    found = next((cls for cls in COMMANDS.values() if cls.name == one["name"]), None)
    return found.reply if found is not None and one["of"] == "reply" else found


# Below and above them


def _frames(file: Vector, version: Version) -> Iterator[str]:
    for one in file["frames"]:
        raw = bytes.fromhex(one["hex"])
        if [encode_frame(frame) for frame in FrameParser(61_440).feed(raw, 0.0)] != [raw]:
            yield f"frame {one['name']}"
    for one in file["streams"]:
        parser = FrameParser(one["max_payload"])
        found = [*parser.feed(bytes.fromhex(one["hex"]), 0.0), *parser.expire(1.0)]
        if [encode_frame(frame).hex() for frame in found] != one["frames"]:
            yield f"stream: {one['about']}"


def _session(file: Vector, version: Version) -> Iterator[str]:
    for one in file["preambles"]:
        raw = bytes.fromhex(one["hex"])
        try:
            good = Preamble.decode(raw).encode() == raw
        except NotAPreamble:
            good = False
        if good is ("refused" in one):
            yield f"preamble {one['hex']}"
    for one in file["versions"]:
        host, device = bytes.fromhex(one["host"]), bytes.fromhex(one["device"])
        chosen = choose_version(Preamble.decode(host), Preamble.decode(device))
        if (chosen and list(chosen)) != one["chosen"] or binding(host, device).hex() != one[
            "preambles_sha256"
        ]:
            yield f"the version chosen of {one['host']} and {one['device']}"


def _recording(file: Vector, version: Version) -> Iterator[str]:
    for one in [*file["manifests"], file["later"]]:
        yield from _manifest(one)
    for one in file["refused"]:
        try:
            Manifest.decode(bytes.fromhex(one["hex"]))
        except EvidenceError:
            continue
        yield f"a manifest is no longer refused: {one['why']}"
    said = file["annotations"]
    head = annotation_root(bytes.fromhex(said["manifest_sha256"]))
    for one in said["chain"]:
        head = annotation_head(head, (AnnotationRecord.from_map(cbor.decode(bytes.fromhex(one["hex"]))),))
        if head.hex() != one["head"]:
            yield f"the chain of annotations at {one['head']}"
    for one in file["audit"]:
        entry = read(AuditEntry, one["entry"])
        if entry_sha256(entry, bytes.fromhex(one["previous_sha256"])) != entry.sha256:
            yield f"the log at entry {entry.sequence}"


def _manifest(one: Vector) -> Iterator[str]:
    raw = bytes.fromhex(one["hex"])
    try:
        manifest = Manifest.decode(raw)
    except EvidenceError as error:
        yield f"manifest {one['sha256']}: {error}"
        return
    if manifest.encode() != raw or manifest.sha256.hex() != one["sha256"]:
        yield f"manifest {one['sha256']} has another hash"


def _documents(file: Vector, version: Version) -> Iterator[str]:
    for one in file["documents"]:
        try:
            vectors_documents._check(bytes.fromhex(one["hex"]))
        except DocumentRefused as error:
            yield f"{one['kind']} {one['sha256']}: {error}"
    for one in file["refused"]:
        try:
            vectors_documents._check(bytes.fromhex(one["hex"]))
        except DocumentRefused as error:
            if error.check.value != one["check"]:
                yield f"{one['why']}: refused by {error.check.value}, and was by {one['check']}"
            continue
        yield f"no longer refused: {one['why']}"


def _evidence(file: Vector, version: Version) -> Iterator[str]:
    for one in file["manifests"]:
        yield from _manifest(one)


# Behaviour


def _behaviour(file: Vector, version: Version) -> Iterator[str]:
    for script in file["scripts"]:
        where = f"{script['layer']}, {script['under_test']}: {script['name']}"
        try:
            said = [step for step in replayed(script, version).steps if "out" in step]
        except (KeyError, RuntimeError) as error:  # it had ended before the script was over
            yield f"{where}: {error!r}"
            continue
        if said != [step for step in script["steps"] if "out" in step]:
            yield where


def replayed(script: Vector, version: Version) -> Player:
    """Plays what a script has come in to an end of that version; nothing of what it has go out is known to it."""
    player = Player(LinkRole(script["under_test"]), (OLDEST, version))
    for step in script["steps"]:
        at_s = step["at_ms"] / 1000
        if "out" in step:
            continue
        if at_s > player.now:
            player.wait(at_s - player.now)
        if "in" in step:
            player.feed(bytes.fromhex(step["in"]))
        else:
            player.do(step["do"])
    player.wait(max(0.0, script["steps"][-1]["at_ms"] / 1000 - player.now))
    return player
