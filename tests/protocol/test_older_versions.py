"""Ends of an older minor version follow from the declarations: what was appended since is not there for them."""

import pickle
from typing import Any

import pytest

from bwc_protocol.conversation import (
    ErrorReceived,
    EventReceived,
    Failed,
    FailReason,
    ReplyReceived,
    RequestReceived,
)
from bwc_protocol.conversation.counters import MessageDiscard
from bwc_protocol.conversation.dialect import PRESENT, dialect_of
from bwc_protocol.declare import COMMANDS, EVENTS, NO_ROLE, Event, FieldSpec, Request, Role, Unknown, Wire
from bwc_protocol.declare.older import codec_as_of
from bwc_protocol.declare.registry import Registry
from bwc_protocol.evidence import Manifest
from bwc_protocol.frame import ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import ReadClock
from bwc_protocol.messages.core import ErrorReply
from bwc_protocol.messages.identity import Capability, DeviceCapabilities
from bwc_protocol.messages.recordings import HoldRecording
from bwc_protocol.versions import NEWEST, V1_0, V1_1, V1_2, Version
from bwc_protocol.vocabulary import ErrorCode
from bwc_protocol.word import Dated, Words
from tools.generate import sample_evidence, samples
from tools.testkit.pair import Pair, device_end, host_end

OLDER: list[Version] = [(1, minor) for minor in range(NEWEST[1])]
EVERY: list[Version] = [*OLDER, NEWEST]


def later_than(version: Version, cls: type[Wire]) -> bool:
    """Whether a class, or what lies in it, has a field that came later."""
    return any(
        spec.since > version or (spec.of is not None and later_than(version, spec.of))
        for spec in cls.codec.fields.values()
    )


# Fields


@pytest.mark.rule("MSG-026")
@pytest.mark.parametrize("version", EVERY)
def test_what_an_older_end_writes_is_the_beginning_of_what_the_present_reads(version: Version) -> None:
    each = [(cls, make(cls)) for cls in samples.every_message() for make in (samples.least, samples.typical)]
    for cls, value in each:
        older = codec_as_of(cls.codec, version)
        try:
            body = older.encode(value)
        except ValueError:
            continue  # it says what that version cannot say
        again = cls.codec.decode(body)
        assert older.encode(again) == body
        assert older.decode(cls.codec.encode(again)) == again, "surplus is skipped"
        for name, spec in cls.codec.fields.items():
            if spec.since > version:
                assert getattr(again, name) == cls.__dataclass_fields__[name].default


@pytest.mark.parametrize("version", OLDER)
def test_a_class_of_which_nothing_came_later_is_written_as_ever(version: Version) -> None:
    for cls in samples.every_message():
        codec = codec_as_of(cls.codec, version)
        if later_than(version, cls):
            assert codec is not cls.codec
            assert len(codec.encode(samples.least(cls))) <= len(cls.codec.encode(samples.least(cls)))
        assert codec is codec_as_of(cls.codec, version), "made once"
    assert dialect_of(NEWEST) is dialect_of((1, 250)) is dialect_of((2, 0)) is PRESENT


@pytest.mark.rule("MSG-026")
def test_nested_records_are_cut_as_well() -> None:
    listing: Any = COMMANDS[0x0601].reply
    page = samples.typical(listing)
    again = listing.codec.decode(codec_as_of(listing.codec, V1_1).encode(page))
    assert [e.sequence for e in again.recordings] == [e.sequence for e in page.recordings]
    assert all(not any(entry.annotations_sha256) for entry in again.recordings)
    assert page.recordings[0].annotations_sha256 != again.recordings[0].annotations_sha256


# Enumerations


def enumerations() -> list[type[Any]]:
    """Every enumeration and set of flags of a message."""
    found: dict[str, type[Any]] = {}

    def gather(specs: Any) -> None:
        for spec in specs:
            assert isinstance(spec, FieldSpec)
            if spec.enum is not None:
                found[spec.enum.__name__] = spec.enum
            if spec.of is not None:
                gather(spec.of.codec.fields.values())

    for cls in samples.every_message():
        gather(cls.codec.fields.values())
    return list(found.values())


def test_every_enumeration_of_a_message_knows_the_version_of_its_members() -> None:
    later = set()
    for of in enumerations():
        assert issubclass(of, Dated | Words), of
        for member in of:
            assert V1_0 <= member.since <= NEWEST and int(member) == member.value
            assert pickle.loads(pickle.dumps(member)) is member
            later |= {str(member.name)} if member.since > V1_0 else set()
    assert {"LAB", "BENCH", "PURPOSE_REFUSED", "SESSIONS_COUNTED"} <= later


@pytest.mark.rule("MSG-026")
def test_a_value_that_did_not_exist_is_never_said() -> None:
    said = DeviceCapabilities(
        capabilities=Capability.SIMULATOR | Capability.LAB | Capability.BENCH,
        max_streams=8,
        max_requests=16,
        battery_cells=1,
        config_keys=3,
    )
    older = DeviceCapabilities.codec.decode(codec_as_of(DeviceCapabilities.codec, V1_1).encode(said))
    assert older.capabilities == Capability.SIMULATOR
    refusal = ErrorReply(code=ErrorCode.PURPOSE_REFUSED, retry_after_ms=0, detail="why")
    codec = codec_as_of(ErrorReply.codec, V1_0)
    assert ErrorReply.codec.decode(codec.encode(refusal)).code is ErrorCode.OUT_OF_RANGE
    assert codec.decode(ErrorReply.codec.encode(refusal)).code == Unknown(20)
    assert ErrorCode.PURPOSE_REFUSED.as_of(V1_2) is ErrorCode.PURPOSE_REFUSED
    assert AuditKind.ERASED.as_of(V1_1) is None and AuditKind.SESSIONS_COUNTED.as_of(V1_0) is None
    assert ResetReason.REFUSED.as_of(V1_1) is ResetReason.PROTOCOL


@pytest.mark.rule("MSG-026")
def test_a_value_for_which_nothing_stands_is_an_error_and_no_other_value() -> None:
    entry: Any = COMMANDS[0x0801].reply.codec.fields["entries"].of
    one = samples.typical(entry)
    later = entry(**{name: getattr(one, name) for name in entry.codec.fields} | {"kind": AuditKind.ERASED})
    with pytest.raises(ValueError, match=r"kind: erased came after 1\.1"):
        codec_as_of(entry.codec, V1_1).encode(later)


# Manifests


def test_a_manifest_of_an_older_device_has_the_keys_of_its_time() -> None:
    stated = sample_evidence.manifest(stated=True)
    older = stated.as_of(V1_1)
    assert set(older.to_map()) == set(range(20))
    assert [set(one) for one in older.to_map()[11]] == [{0, 1}]
    assert Manifest.decode(older.encode()) == older
    assert stated.as_of(NEWEST) == stated


# Conversations


def joined(host: Version, device: Version, **more: Any) -> Pair:
    """A conversation of two ends that each speak at most a version, at READY."""
    pair = Pair(host_end(versions=(V1_0, host), **more), device_end(versions=(V1_0, device)))
    pair.run()
    return pair


def ask(pair: Pair, request: Request[Any], reply: Wire | None) -> Any:
    """What a host makes of the answer; None: the device refuses it by itself."""
    pair.host_events.clear()
    pair.device_events.clear()
    number = pair.host.request(request)
    pair.run()
    got = [event for event in pair.device_events if isinstance(event, RequestReceived)]
    if got and reply is not None:
        pair.device.reply(number, reply)
        pair.run()
    (event,) = pair.host_events
    return event, got


@pytest.mark.rule("MSG-016")
@pytest.mark.rule("MSG-026")
@pytest.mark.parametrize("device", EVERY)
@pytest.mark.parametrize("host", EVERY)
def test_two_ends_of_any_versions_speak_the_older_of_the_two(host: Version, device: Version) -> None:
    pair = joined(host, device)
    assert pair.host.peer is not None and pair.device.peer is not None
    assert pair.host.peer.version == pair.device.peer.version == min(host, device)
    for opcode, command in COMMANDS.items():
        if command.since > host:
            continue
        event, got = ask(pair, samples.typical(command), as_said_by(device, command.reply))
        if command.since > device:
            assert isinstance(event, ErrorReceived) and event.error.code is ErrorCode.UNSUPPORTED, command
            continue
        if Role.BENCH not in command.roles or not got:
            assert isinstance(event, ErrorReceived), command
            continue
        assert isinstance(event, ReplyReceived), (command, event)
        for name, spec in command.reply.codec.fields.items():
            if spec.since > min(host, device):
                assert getattr(event.reply, name) == command.reply.__dataclass_fields__[name].default, name
        for name, spec in command.codec.fields.items():
            if spec.since > min(host, device):
                assert getattr(got[0].request, name) == command.__dataclass_fields__[name].default, name
        if command.stream is not None:
            pair.host.cancel(event.request_id)
            pair.run()
        assert opcode == command.opcode


def as_said_by(version: Version, cls: type[Wire]) -> Wire:
    """A reply that says only what the version has."""
    try:
        codec_as_of(cls.codec, version).encode(samples.typical(cls))
    except ValueError:
        made: Wire = samples.least(cls)
        return made
    typical: Wire = samples.typical(cls)
    return typical


@pytest.mark.rule("MSG-026")
def test_a_device_that_would_say_what_it_cannot_say_can_still_refuse() -> None:
    pair = joined(NEWEST, V1_0)
    number = pair.host.request(ReadClock())
    pair.run()
    pair.device.refuse(number, ErrorCode.UNTRUSTED, "a document")
    pair.run()
    (event,) = [event for event in pair.host_events if isinstance(event, ErrorReceived)]
    assert event.error.code is ErrorCode.OUT_OF_RANGE


@pytest.mark.rule("MSG-026")
def test_an_event_that_came_later_is_not_sent_and_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No version has appended one yet: so one that is there comes later, in this test alone."""
    (opcode, known), *_ = EVENTS.items()
    monkeypatch.setattr(known, "since", V1_1)
    for device, host, comes in [(V1_0, NEWEST, False), (V1_1, V1_0, False), (V1_1, V1_1, True)]:
        pair = joined(host, device)
        pair.host_events.clear()
        made: Event = samples.least(known)
        pair.device.send_event(made)
        pair.run()
        assert any(isinstance(event, EventReceived) for event in pair.host_events) is comes
        unknown = pair.host.message_counters.discarded[MessageDiscard.UNKNOWN_EVENT]
        assert unknown == (1 if device >= V1_1 and host < V1_1 else 0), (
            "skipped, and the conversation goes on"
        )
    assert isinstance(EVENTS, Registry) and opcode in EVENTS


@pytest.mark.rule("MSG-026")
def test_a_control_message_that_came_later_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    from bwc_protocol.messages.core import StreamCancel

    monkeypatch.setattr(StreamCancel, "since", V1_1)
    pair = joined(NEWEST, V1_0)
    pair.host._send_control(1, StreamCancel(code=0))
    pair.run()
    (failed,) = [event for event in pair.device_events if isinstance(event, Failed)]
    assert failed.reason is FailReason.PROTOCOL and "no control message" in failed.detail


def test_a_host_that_is_refused_by_an_older_device_is_told_by_the_word_of_its_time() -> None:
    pair = Pair(host_end(roles=NO_ROLE), device_end(versions=(V1_0, V1_1)))
    pair.run()
    assert pair.device.ending is not None and pair.device.ending.reset is ResetReason.PROTOCOL
    newer = Pair(host_end(roles=NO_ROLE), device_end())
    newer.run()
    assert newer.device.ending is not None and newer.device.ending.reset is ResetReason.REFUSED


@pytest.mark.rule("MSG-026")
def test_fields_of_a_request_that_came_later_are_not_seen_by_an_older_device() -> None:
    pair = joined(NEWEST, V1_0)
    hold = HoldRecording(
        recording=bytes(16), manifest_sha256=bytes(32), reason="why", hold="one", case="2026-1", authority="x"
    )
    _, (got,) = ask(pair, hold, samples.least(HoldRecording.reply))
    assert got.request == HoldRecording(recording=bytes(16), manifest_sha256=bytes(32), reason="why")
