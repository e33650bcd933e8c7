"""The recording container: one encoding a manifest, and nothing hostile gets past it."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol import evidence as ev
from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import cbor

U32 = 0xFFFF_FFFF
I63 = (1 << 63) - 1


def segment(**changes: Any) -> ev.SegmentFacts:
    facts: dict[str, Any] = {
        "size_bytes": 3_000_000,
        "table_sha256": bytes(range(32)),
        "started_utc_ns": 1_700_000_000_000_000_000,
        "duration_ms": 60_000,
    }
    return ev.SegmentFacts(**(facts | changes))


def manifest(**changes: Any) -> ev.Manifest:
    facts: dict[str, Any] = {
        "camera": "SIM-0001",
        "recording_id": b"R" * 16,
        "sequence": 7,
        "previous_sha256": ev.NO_SHA256,
        "trigger": ev.TriggerReason.OFFICER_BUTTON,
        "started_utc_ns": 1_700_000_000_000_000_000,
        "ended_utc_ns": 1_700_000_060_000_000_000,
        "boot_counter": 3,
        "pre_event_requested_s": 30,
        "pre_event_achieved_ms": 12_000,
        "clock_state": ev.ClockState.SYNCED,
        "clock_uncertainty_ms": 20,
        "policy_id": "",
        "policy_sha256": ev.NO_SHA256,
        "firmware_sha256": b"F" * 32,
        "segments": (segment(),),
    }
    return ev.Manifest(**(facts | changes))


def largest() -> ev.Manifest:
    full = segment(
        size_bytes=ev.MAX_CHUNKS * ev.CHUNK_SIZE,
        cipher_suite=Unknown(255),
        started_utc_ns=I63,
        duration_ms=900_000,
    )
    spans = tuple(
        ev.Interval(start_ms=70_000 + i * 1_000_000, end_ms=70_001 + i * 1_000_000)
        for i in range(ev.MAX_INTERVALS)
    )
    return manifest(
        camera="c" * 64,
        sequence=U32,
        trigger=Unknown(255),
        started_utc_ns=I63,
        ended_utc_ns=I63,
        boot_counter=U32,
        pre_event_requested_s=600,
        pre_event_achieved_ms=600_000,
        mute=spans,
        stealth=spans,
        clock_state=Unknown(255),
        clock_uncertainty_ms=ev.UNBOUNDED_MS,
        policy_id="p" * 64,
        segments=(full,) * ev.MAX_SEGMENTS,
    )


names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64)
digests = st.binary(min_size=32, max_size=32)
segments = st.builds(
    ev.SegmentFacts,
    size_bytes=st.integers(1, ev.MAX_CHUNKS * ev.MIN_CHUNK_SIZE),
    chunk_size=st.integers(ev.MIN_CHUNK_SIZE, ev.CHUNK_SIZE),
    cipher_suite=st.sampled_from([ev.CipherSuite.NONE, Unknown(9)]),
    table_sha256=digests,
    started_utc_ns=st.integers(-I63 - 1, I63),
    duration_ms=st.integers(1_000, 900_000),
)


@st.composite
def manifests(draw: st.DrawFn) -> ev.Manifest:
    marks = sorted(draw(st.sets(st.integers(0, 1_000), max_size=8)))
    spans = tuple(ev.Interval(start_ms=a, end_ms=b) for a, b in zip(marks[::2], marks[1::2], strict=False))
    began = draw(st.integers(-I63 - 1, I63))
    return manifest(
        camera=draw(names),
        recording_id=draw(st.binary(min_size=16, max_size=16)),
        sequence=draw(st.integers(1, U32)),
        previous_sha256=draw(digests),
        trigger=draw(st.sampled_from([*ev.TriggerReason, Unknown(200)])),
        started_utc_ns=began,
        ended_utc_ns=draw(st.integers(began, I63)),
        boot_counter=draw(st.integers(0, U32)),
        pre_event_requested_s=draw(st.integers(0, 600)),
        pre_event_achieved_ms=draw(st.integers(0, 1_000)),
        mute=spans,
        stealth=spans[:1],
        clock_state=draw(st.sampled_from([*ev.ClockState, Unknown(77)])),
        clock_uncertainty_ms=draw(st.integers(0, U32)),
        policy_id=draw(names | st.just("")),
        policy_sha256=draw(digests),
        cut=draw(st.booleans()),
        segments=tuple(draw(st.lists(segments, min_size=1, max_size=4))),
    )


@given(manifests())
def test_a_manifest_comes_back_as_it_went_and_hashes_the_same(made: ev.Manifest) -> None:
    data = made.encode()
    assert ev.Manifest.decode(data) == made
    assert made.sha256 == hashlib.sha256(data).digest()


@given(st.binary(max_size=300) | manifests().map(lambda m: m.encode()), st.data())
def test_arbitrary_bytes_give_a_manifest_or_an_evidence_error(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 4))):
        if damaged:
            damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    try:
        read = ev.Manifest.decode(bytes(damaged))
    except ev.EvidenceError:
        return
    assert read.encode() == bytes(damaged)


def test_the_largest_manifest_fits_its_bound_with_room_for_later_fields() -> None:
    assert len(largest().encode()) < ev.MANIFEST_MAX - 5 * 1024
    assert ev.Manifest.decode(largest().encode()) == largest()


def test_the_encoding_of_a_known_manifest_never_changes() -> None:
    data = manifest(mute=(ev.Interval(start_ms=5, end_ms=9),)).encode()
    assert hashlib.sha256(data).hexdigest() == KNOWN_SHA256
    assert cbor2.loads(data)[11] == [{0: 5, 1: 9}]


KNOWN_SHA256 = "36ffeca6edea7ae3da1d79b6b86637c729cf1091e0e85f58425227cb450126e2"


@pytest.mark.rule("REC-003")
def test_fields_of_a_newer_camera_are_kept_and_hash_the_same() -> None:
    newer = cbor2.loads(manifest().encode())
    newer[40] = [1, {0: b"later"}]
    newer[19][0][9] = 5
    data = cbor2.dumps(newer, canonical=True)
    read = ev.Manifest.decode(data)
    assert read.sequence == 7
    assert read.encode() == data and read.sha256 == hashlib.sha256(data).digest()


@pytest.mark.rule("MSG-015")
def test_a_number_without_a_name_is_kept_as_unknown() -> None:
    read = ev.Manifest.decode(manifest(trigger=Unknown(99)).encode())
    assert read.trigger == Unknown(99)


@pytest.mark.rule("REC-002")
@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "cbor-truncated"),
        (b"\xa0\x00", "cbor-surplus"),
        (b"\xbf\x00\x01\xff", "cbor-type"),  # a map without a length
        (b"\xa1\x18\x01\x02", "cbor-deterministic"),  # 1 in two bytes
        (b"\xa2\x02\x00\x01\x00", "cbor-deterministic"),  # keys out of order
        (b"\xa2\x01\x00\x01\x00", "cbor-deterministic"),  # a key twice
        (b"\xa1\x61a\x00", "cbor-key"),
        (b"\xa1\x00\xc2\x41\x01", "cbor-type"),  # a tag
        (b"\xa1\x00\xfb" + bytes(8), "cbor-type"),  # a float
        (b"\xa1\x00\xf7", "cbor-type"),  # undefined
        (b"\xa1\x00\x5b" + b"\xff" * 8, "cbor-truncated"),  # a string of 2^64 - 1 bytes
        (b"\x9b" + b"\xff" * 8, "cbor-truncated"),  # an array of as many items
        (b"\x81" * 1000, "cbor-depth"),
        (b"\xa1\x00\x61\xff", "cbor-value"),  # text that is not UTF-8
        (b"\xa0", "manifest-missing"),
        (b"\x80", "manifest-map"),
        (bytes(ev.MANIFEST_MAX + 1), "manifest-size"),
    ],
)
def test_what_is_no_manifest_is_refused_by_rule(data: bytes, rule: str) -> None:
    with pytest.raises(ev.EvidenceError) as caught:
        ev.Manifest.decode(data)
    assert caught.value.rule == rule


@pytest.mark.rule("REC-002")
@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        (0, 2, "manifest-version"),
        (1, "", "manifest-camera"),
        (1, "x" * 65, "manifest-camera"),
        (1, "\x1b[2J", "manifest-camera"),
        (1, "caméra", "manifest-camera"),
        (2, b"short", "manifest-recording-id"),
        (3, 0, "manifest-sequence"),
        (3, True, "manifest-sequence"),
        (3, 1 << 32, "manifest-sequence"),
        (5, 256, "manifest-trigger"),
        (5, -1, "manifest-trigger"),
        (7, 0, "manifest-time"),
        (9, 601, "manifest-pre-event-requested-s"),
        (10, 60_001, "manifest-pre-event"),
        (11, [{0: 5, 1: 5}], "interval-order"),
        (11, [{0: 5, 1: 9}, {0: 8, 1: 10}], "manifest-mute"),
        (12, [{0: 5, 1: 60_001}], "manifest-stealth"),
        (12, [{0: i, 1: i + 1} for i in range(65)], "manifest-stealth"),
        (18, 1, "manifest-cut"),
        (19, [], "manifest-segments"),
        (19, [7], "segment-map"),
        (19, [{}], "segment-missing"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_rule(key: int, value: Any, rule: str) -> None:
    plain = cbor2.loads(manifest().encode()) | {key: value}
    with pytest.raises(ev.EvidenceError) as caught:
        ev.Manifest.decode(cbor2.dumps(plain, canonical=True))
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"size_bytes": 0}, "segment-size-bytes"),
        ({"size_bytes": ev.MAX_CHUNKS * ev.CHUNK_SIZE + 1}, "segment-size-bytes"),
        ({"chunk_size": 0}, "segment-chunk-size"),
        ({"chunk_size": ev.CHUNK_SIZE + 1}, "segment-chunk-size"),
        ({"chunk_size": 4096, "size_bytes": 4096 * ev.MAX_CHUNKS + 1}, "segment-chunks"),
        ({"duration_ms": 900_001}, "segment-duration-ms"),
        ({"table_sha256": bytes(31)}, "segment-table-sha256"),
    ],
)
def test_a_segment_out_of_bounds_cannot_be_made(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ev.EvidenceError) as caught:
        segment(**changes)
    assert caught.value.rule == rule


def test_a_record_of_evidence_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        manifest().sequence = 8


@given(st.binary(max_size=400), st.integers(1, 64), st.data())
def test_a_table_does_not_depend_on_how_the_bytes_came(data: bytes, size: int, draw: st.DataObject) -> None:
    hasher, at, completed = ev.ChunkHasher(size), 0, 0
    while at < len(data):
        step = draw.draw(st.integers(1, len(data) - at))
        completed += hasher.update(memoryview(data)[at : at + step])
        at += step
    spans = [ev.chunk_span(i, len(data), size) for i in range(ev.chunk_count(len(data), size))]
    expected = b"".join(hashlib.sha256(data[o : o + n]).digest() for o, n in spans)
    assert hasher.table() == expected
    assert completed == len(data) // size == len(hasher.closed) // 32
    assert hasher.size_bytes == len(data) == sum(n for _, n in spans)


def test_a_table_is_checked_against_the_manifest() -> None:
    hasher = ev.ChunkHasher()
    hasher.update(bytes(2_500_000))
    facts = segment(size_bytes=2_500_000, table_sha256=ev.table_sha256(hasher.table()))
    ev.verify_table(hasher.table(), facts)
    assert ev.chunk_digest(hasher.table(), 2) == hashlib.sha256(bytes(2_500_000 - 2 * ev.CHUNK_SIZE)).digest()
    for table, rule in ((hasher.table()[:-32], "table-length"), (bytes(96), "table-hash")):
        with pytest.raises(ev.EvidenceError) as caught:
            ev.verify_table(table, facts)
        assert caught.value.rule == rule


@pytest.mark.parametrize("index", [-1, 3])
def test_a_chunk_outside_its_segment_does_not_exist(index: int) -> None:
    with pytest.raises(IndexError):
        ev.chunk_span(index, 2_500_000)
    with pytest.raises(IndexError):
        ev.chunk_digest(bytes(96), index)


@given(
    st.recursive(st.integers(0, 1 << 64) | st.binary() | st.booleans() | st.none(), st.lists, max_leaves=8)
)
def test_deterministic_cbor_reads_what_it_writes(value: Any) -> None:
    try:
        assert cbor.decode(cbor.encode(value)) == value
    except ev.EvidenceError as error:
        assert error.rule in ("cbor-depth", "cbor-type")  # nested too deep; 2^64 needs a tag


RULE_OF = {
    "REC-022": {
        "cbor-truncated",
        "cbor-surplus",
        "cbor-deterministic",
        "cbor-type",
        "cbor-key",
        "cbor-depth",
        "manifest-size",
    },
    "REC-029": {"interval-reason", "manifest-circumstances", "manifest-clock-revision"},
    "REC-030": {"circumstances-ending", "circumstances-event", "circumstances-pseudonym"},
    "REC-023": {
        "manifest-missing",
        "circumstances-missing",
        "manifest-version",
        "manifest-map",
        "manifest-previous-sha256",
    },
    "REC-024": {"manifest-camera"},
    "REC-025": {"manifest-time"},
    "REC-026": {"manifest-pre-event"},
    "REC-027": {"manifest-mute", "manifest-stealth", "interval-order"},
    "REC-028": {"segment-chunks"},
    "REC-002": {
        "manifest-segments",
        "segment-chunk-size",
        "segment-size-bytes",
        "segment-duration-ms",
        "circumstances-holder",
        "circumstances-vocabulary",
    },
}


@pytest.mark.rule("REC-022")
@pytest.mark.rule("REC-023")
@pytest.mark.rule("REC-024")
@pytest.mark.rule("REC-025")
@pytest.mark.rule("REC-026")
@pytest.mark.rule("REC-027")
@pytest.mark.rule("REC-028")
def test_each_rule_of_a_manifest_has_a_vector_that_breaks_it_alone() -> None:
    refused = json.loads((Path(__file__).parents[2] / "protocol/vectors/recording.json").read_text())[
        "refused"
    ]
    found = {vector["rule"] for vector in refused}
    assert found == set().union(*RULE_OF.values())


# Circumstances, and what else was appended


STATED = ev.Circumstances(
    event=ev.ActivationEvent.ARREST, event_by=ev.GivenBy.APP, holder="K1 Müller", pseudonym=True, generation=3
)


@pytest.mark.rule("REC-029")
def test_a_manifest_of_before_has_the_hash_that_it_had_and_states_no_circumstances() -> None:
    of_before = manifest(mute=(ev.Interval(start_ms=0, end_ms=9),))
    assert set(of_before.to_map()) == set(range(20)) and set(of_before.to_map()[11][0]) == {0, 1}
    again = ev.Manifest.decode(of_before.encode())
    assert again.circumstances is None and again.mute[0].reason is ev.StopReason.NOT_GIVEN
    assert again.sha256 == of_before.sha256


@pytest.mark.rule("REC-029")
@pytest.mark.parametrize("silent", [{20: None}, {22: 0}, {11: [{0: 0, 1: 9, 2: 0}]}])
def test_what_says_nothing_is_absent(silent: dict[int, Any]) -> None:
    data = cbor2.dumps(manifest().to_map() | silent, canonical=True)
    with pytest.raises(ev.EvidenceError, match="absent where it says nothing"):
        ev.Manifest.decode(data)


@pytest.mark.rule("REC-030")
@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"event": ev.ActivationEvent.SEARCH}, "circumstances-event"),
        ({"event_by": ev.GivenBy.DOCK}, "circumstances-event"),
        ({"ending": Unknown(200)}, "circumstances-ending"),
        ({"ending_by": Unknown(9)}, "circumstances-ending"),
        ({"pseudonym": True}, "circumstances-pseudonym"),
        ({"holder": "K\n1"}, "circumstances-holder"),
        ({"holder": "ü" * 33}, "circumstances-holder"),
        ({"vocabulary": 0}, "circumstances-vocabulary"),
    ],
)
def test_circumstances_that_contradict_themselves_are_refused(changes: dict[str, Any], rule: str) -> None:
    with pytest.raises(ev.EvidenceError) as error:
        ev.Circumstances(**changes)
    assert error.value.rule == rule


@pytest.mark.rule("REC-030")
def test_words_of_agencies_and_of_later_versions_are_kept() -> None:
    stated = dataclasses.replace(
        STATED,
        vocabulary=9,
        event=Unknown(200),
        ending=Unknown(99),
        ending_by=Unknown(77),
        purpose=Unknown(128),
    )
    made = manifest(circumstances=stated)
    assert ev.Manifest.decode(made.encode()) == made
    later = cbor2.dumps(made.to_map() | {20: made.to_map()[20] | {99: "more"}}, canonical=True)
    assert ev.Manifest.decode(later).encode() == later


def test_the_largest_manifest_with_all_circumstances_fits() -> None:
    spans = tuple(dataclasses.replace(one, reason=Unknown(255)) for one in largest().mute)
    said = dataclasses.replace(STATED, event=Unknown(255), holder="h" * 64, generation=U32)
    made = dataclasses.replace(largest(), mute=spans, stealth=spans, circumstances=said)
    assert len(made.encode()) < ev.MANIFEST_MAX - 4_096


def test_numbers_of_the_vocabulary_are_never_given_to_something_else() -> None:
    for of in (ev.ActivationEvent, ev.StopReason, ev.Purpose, ev.GivenBy):
        assert all(member < ev.AGENCY_FIRST for member in of) and of(0)._name_ in ("NOT_GIVEN", "NOBODY")
        for member in of:
            assert ev.word_of(of, str(member)) is member
    for number in ("127", "256", "-1", "0128", "٢٠٠", "", "12٣"):
        assert ev.word_of(ev.Purpose, number) is None
    assert ev.word_of(ev.Purpose, "128") == Unknown(128)
