"""The golden vectors hold in both directions, and leave no command and no frame type out."""

import json
from typing import Any

import pytest

from bwc_protocol import evidence
from bwc_protocol.conversation.message import (
    STREAM_DATA,
    Flag,
    Message,
    MessageReader,
    StreamBytes,
    build,
    build_data,
)
from bwc_protocol.declare import COMMANDS, CONTROLS, EVENTS, MalformedMessage, Wire
from bwc_protocol.evidence import AnnotationRecord, ChunkHasher, EvidenceError, Manifest, cbor
from bwc_protocol.evidence.audit_hash import entry_sha256
from bwc_protocol.frame import FrameParser, FrameType, encode_frame
from bwc_protocol.messages.audit import AuditEntry
from bwc_protocol.messages.core import ErrorReply, SessionInfo
from bwc_protocol.session.insecure import insecure_session
from bwc_protocol.session.interface import SessionSide
from bwc_protocol.session.preamble import NotAPreamble, Preamble, binding, choose_version
from bwc_protocol.vocabulary import ErrorCode
from tools.generate import write_vectors
from tools.generate.vectors import frames as vectors_frames
from tools.generate.vectors.plain_values import read, shown
from tools.testkit.pair import device_end, host_end

Vector = dict[str, Any]
FILES: dict[str, Vector] = {
    name: json.loads((write_vectors.FOLDER / name).read_text(encoding="utf-8"))
    for name in write_vectors.RECORDERS
}
MESSAGES, FRAMES = FILES["messages.json"], FILES["frames.json"]
SESSION, RECORDING = FILES["session.json"], FILES["recording.json"]


@pytest.mark.rule("MSG-017")
@pytest.mark.parametrize("name", list(write_vectors.RECORDERS))
def test_the_files_are_what_the_recorder_writes(name: str) -> None:
    text = (write_vectors.FOLDER / name).read_text(encoding="utf-8")
    assert text == write_vectors.rendered(name), (
        "run python -m tools.generate.write_vectors, and read the difference"
    )
    assert json.loads(text)["format"] == write_vectors.FORMAT


def test_every_command_event_control_and_error_has_a_vector() -> None:
    assert [v["name"] for v in MESSAGES["commands"]] == [c.name for _, c in sorted(COMMANDS.items())]
    assert [v["name"] for v in MESSAGES["events"]] == [c.name for _, c in sorted(EVENTS.items())]
    assert {v["name"] for v in MESSAGES["controls"]} | {"error"} == {c.name for c in CONTROLS.values()}
    assert {v["name"] for v in MESSAGES["errors"]} >= {code.name for code in ErrorCode}
    for vector in MESSAGES["commands"]:
        assert vector["requests"] and vector["replies"], vector["name"]


def holds(cls: type[Wire], opcode: int, flags: int, case: Vector) -> None:
    """The vector's fields, body and message stand for each other."""
    value = read(cls, case["fields"])
    body = cls.codec.encode(value)
    assert body.hex() == case["body"]
    assert shown(cls.codec.decode(body)) == case["fields"]
    assert cls.codec.decode(body) == value
    (message,) = MessageReader().feed(bytes.fromhex(case["message"]))
    assert isinstance(message, Message)
    assert (message.opcode, message.flags, message.body) == (opcode, flags, body)
    assert build(opcode, flags, message.request, body).hex() == case["message"]


@pytest.mark.parametrize("vector", MESSAGES["commands"], ids=lambda v: v["name"])
def test_commands_hold_in_both_directions(vector: Vector) -> None:
    declared = COMMANDS[vector["opcode"]]
    for case in vector["requests"]:
        holds(declared, vector["opcode"], 0, case)
    for case in vector["replies"]:
        holds(declared.reply, vector["opcode"], Flag.REPLY, case)


def test_events_controls_and_errors_hold_in_both_directions() -> None:
    for vector in MESSAGES["events"]:
        for case in vector["cases"]:
            holds(EVENTS[vector["opcode"]], vector["opcode"], Flag.EVENT, case)
    for vector in MESSAGES["controls"]:
        for case in vector["cases"]:
            holds(CONTROLS[vector["opcode"]], vector["opcode"], 0, case)
    for vector in MESSAGES["errors"]:
        holds(ErrorReply, vector["opcode"], Flag.ERROR, vector)


def test_pieces_of_streams_hold_in_both_directions() -> None:
    for vector in MESSAGES["data"]:
        data = bytes.fromhex(vector["data"])
        message = bytes.fromhex(vector["message"])
        assert build_data(vector["stream"], int(vector["offset"]), data) == message
        assert MessageReader().feed(message) == [StreamBytes(vector["stream"], int(vector["offset"]), data)]
        assert int.from_bytes(message[4:6], "little") == STREAM_DATA


def target(vector: Vector) -> type[Wire]:
    (declared,) = (c for c in COMMANDS.values() if c.name == vector["name"])
    return declared.reply if vector["of"] == "reply" else declared


@pytest.mark.parametrize("vector", MESSAGES["surplus"], ids=lambda v: v["name"])
def test_surplus_of_a_newer_version_is_skipped(vector: Vector) -> None:
    assert shown(target(vector).codec.decode(bytes.fromhex(vector["body"]))) == vector["fields"]


@pytest.mark.parametrize("vector", MESSAGES["malformed"], ids=lambda v: v["why"])
def test_malformed_bodies_are_refused(vector: Vector) -> None:
    with pytest.raises(MalformedMessage):
        target(vector).codec.decode(bytes.fromhex(vector["body"]))


def test_every_frame_type_and_reason_has_a_vector() -> None:
    assert {v["header"]["type"] for v in FRAMES["frames"]} == set(FrameType)


@pytest.mark.parametrize(
    ("vector", "frame"),
    list(zip(FRAMES["frames"], vectors_frames.frames(), strict=True)),
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_frames_hold_in_both_directions(vector: Vector, frame: object) -> None:
    raw = bytes.fromhex(vector["hex"])
    (parsed,) = FrameParser(61_440).feed(raw, 0.0)
    assert parsed == frame
    assert vectors_frames.shown(parsed) == vector
    assert encode_frame(parsed) == raw


@pytest.mark.rule("FRM-002")
@pytest.mark.parametrize("vector", FRAMES["streams"], ids=lambda v: v["about"])
@pytest.mark.parametrize("step", [1, 7, 4096])
def test_the_same_frames_are_found_however_damaged_bytes_are_cut(vector: Vector, step: int) -> None:
    raw = bytes.fromhex(vector["hex"])
    parser = FrameParser(vector["max_payload"])
    found = [f for at in range(0, len(raw), step) for f in parser.feed(raw[at : at + step], 0.0)]
    found += parser.expire(1.0)
    assert [encode_frame(frame).hex() for frame in found] == vector["frames"]


def test_preambles_hold_in_both_directions() -> None:
    for vector in SESSION["preambles"]:
        raw = bytes.fromhex(vector["hex"])
        if "refused" in vector:
            with pytest.raises(NotAPreamble):
                Preamble.decode(raw)
            continue
        preamble, fields = Preamble.decode(raw), vector["fields"]
        assert preamble.encode() == raw
        assert [list(preamble.oldest), list(preamble.newest)] == [fields["oldest"], fields["newest"]]
        assert (preamble.kind, preamble.max_plaintext) == (fields["kind"], fields["max_plaintext"])
        assert preamble.protection == fields["protection"]
        assert preamble.random.hex() == fields["random"]
    for vector in SESSION["versions"]:
        host, device = bytes.fromhex(vector["host"]), bytes.fromhex(vector["device"])
        chosen = choose_version(Preamble.decode(host), Preamble.decode(device))
        assert (None if chosen is None else list(chosen)) == vector["chosen"]
        assert binding(host, device).hex() == vector["preambles_sha256"]


@pytest.mark.rule("SES-006")
def test_bindings_hold_in_both_directions() -> None:
    protections = set()
    for vector in SESSION["bindings"]:
        host, device = (bytes.fromhex(vector["preambles"][end]) for end in ("host", "device"))
        assert binding(host, device).hex() == vector["preambles_sha256"]
        protections.add(Preamble.decode(host).protection)
        for said in vector["session_infos"].values():
            (message,) = MessageReader().feed(bytes.fromhex(said["message"]))
            assert isinstance(message, Message) and message.opcode == SessionInfo.opcode
            info = SessionInfo.codec.decode(message.body)
            assert info == read(SessionInfo, said["fields"])
            assert info.preambles_sha256.hex() == vector["preambles_sha256"]
            old = (info.major, info.minor) < (1, 2)
            assert message.body + bytes(4 if old else 0) == SessionInfo.codec.encode(info)
    assert protections == {0, 1}


def test_session_records_hold() -> None:
    from bwc_protocol.declare import Role

    first, *others = SESSION["records"]
    server = insecure_session(SessionSide(False, "x", Role.BENCH, bytes))
    assert server.receive(bytes.fromhex(first["hex"])) == []
    assert server.peer is not None
    assert (server.peer.identity, server.peer.roles) == (first["identity"], first["roles"])
    for vector in others:
        if vector["record"] == "data":
            plaintext = b"".join(server.receive(bytes.fromhex(vector["hex"])))
            assert plaintext.hex() == vector["plaintext"]
    assert others[-3]["alert"] == 0
    server.receive(bytes.fromhex(others[-3]["hex"]))
    assert server.closed


@pytest.mark.parametrize("by", ["host", "device"])
def test_each_side_says_what_the_conversation_vector_says(by: str) -> None:
    """One side is the code, the other is the vector."""
    from bwc_protocol.conversation import Established, RequestReceived
    from bwc_protocol.messages.battery import ReadBattery
    from tools.generate.trace import STATUS

    side = host_end() if by == "host" else device_end()
    side.start(0.0)
    for turn in SESSION["conversation"]["said"]:
        raw = bytes.fromhex(turn["hex"])
        if turn["by"] != by:
            side.receive(raw, 0.0)
            continue
        said = b"".join(side.outgoing(0, 512))
        while len(said) < len(raw) or not said:
            _act(side, Established, RequestReceived, ReadBattery, STATUS)
            more = b"".join(side.outgoing(0, 512))
            assert more, "the code has nothing more to say, the vector has"
            said += more
        assert said == raw


def _act(side: Any, established: Any, received: Any, read_battery: Any, status: Any) -> None:
    for event in side.events():
        if isinstance(event, established) and side._host:
            side.request(read_battery(cell=0))
            return
        if isinstance(event, received):
            side.reply(event.request_id, status)
            return
    if side._host:
        side.close()


def test_chunk_tables_hold() -> None:
    for vector in RECORDING["segments"]:
        stored = bytes((7 * i + vector["segment"]) % 256 for i in range(vector["size_bytes"]))
        hasher = ChunkHasher(vector["chunk_size"])
        hasher.update(stored)
        assert hasher.table().hex() == vector["table"] == "".join(c["sha256"] for c in vector["chunks"])
        assert evidence.table_sha256(hasher.table()).hex() == vector["table_sha256"]
        assert sum(chunk["size"] for chunk in vector["chunks"]) == vector["size_bytes"]


def test_manifests_hold_in_both_directions() -> None:
    for vector in RECORDING["manifests"]:
        raw = bytes.fromhex(vector["hex"])
        manifest = Manifest.decode(raw)
        assert manifest.encode() == raw and manifest.sha256.hex() == vector["sha256"]
        assert manifest.sequence == vector["fields"]["sequence"]
        assert str(manifest.started_utc_ns) == vector["fields"]["started_utc_ns"]
        assert len(manifest.segments) == len(vector["fields"]["segments"])
    first, second, third = RECORDING["manifests"]
    assert third["fields"]["previous_sha256"] == second["sha256"]
    assert "circumstances" in third["fields"] and "circumstances" not in first["fields"]
    assert second["fields"]["previous_sha256"] == first["sha256"]


@pytest.mark.parametrize("vector", RECORDING["refused"], ids=lambda v: v["why"])
def test_manifests_that_break_a_rule_are_refused_by_it(vector: Vector) -> None:
    with pytest.raises(EvidenceError) as refused:
        Manifest.decode(bytes.fromhex(vector["hex"]))
    assert refused.value.rule == vector["rule"]


def test_what_a_newer_camera_appended_keeps_its_hash() -> None:
    vector = RECORDING["later"]
    manifest = Manifest.decode(bytes.fromhex(vector["hex"]))
    assert manifest.encode().hex() == vector["hex"] and manifest.sha256.hex() == vector["sha256"]
    assert [key for key, _ in manifest.later] == vector["keys"]


def test_annotations_chain() -> None:
    vector = RECORDING["annotations"]
    head = evidence.annotation_root(bytes.fromhex(vector["manifest_sha256"]))
    assert head.hex() == vector["root"]
    for one in vector["chain"]:
        record = AnnotationRecord.from_map(cbor.decode(bytes.fromhex(one["hex"])))
        assert record.encode().hex() == one["hex"] and record.text == one["fields"]["text"]
        head = evidence.annotation_head(head, (record,))
        assert head.hex() == one["head"]


def test_the_log_chains() -> None:
    for vector in RECORDING["audit"]:
        entry = read(AuditEntry, vector["entry"])
        assert entry_sha256(entry, bytes.fromhex(vector["previous_sha256"])) == entry.sha256
    first, second = RECORDING["audit"]
    assert second["previous_sha256"] == first["entry"]["sha256"]
