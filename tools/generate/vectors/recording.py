"""Vectors of the recording container and of the log's hash chain (spec: Recording, Audit log)."""

from typing import Any

import cbor2

from bwc_protocol import evidence
from bwc_protocol.evidence import (
    AnnotationRecord,
    Circumstances,
    EvidenceError,
    Interval,
    Manifest,
    Protection,
    SegmentFacts,
    Wrap,
)
from bwc_protocol.messages.audit import AuditEntry
from tools.generate import sample_evidence
from tools.generate.vectors import sealing as vectors_sealing
from tools.generate.vectors import types as vectors_types
from tools.generate.vectors.plain_values import cbor_shown, shown


def types() -> dict[str, Any]:
    """What its fields are."""
    return {
        "manifest": vectors_types.manifest(Manifest),
        "segment": vectors_types.manifest(SegmentFacts),
        "interval": vectors_types.manifest(Interval),
        "circumstances": vectors_types.manifest(Circumstances),
        "protection": vectors_types.manifest(Protection),
        "wrap": vectors_types.manifest(Wrap),
        "annotation": vectors_types.manifest(AnnotationRecord),
        "audit": vectors_types.fields(AuditEntry),
    }


def record() -> dict[str, Any]:
    """The content of `recording.json`."""
    first = sample_evidence.manifest()
    second = sample_evidence.manifest(segments=2, sequence=2, previous=first.sha256)
    third = sample_evidence.manifest(sequence=3, previous=second.sha256, stated=True)
    return {
        "types": types(),
        "segments": [_segment(0), _segment(1)],
        "manifests": [_manifest(first), _manifest(second), _manifest(third)],
        "refused": [*_refused(first), *_refused_circumstances(third)],
        "later": _later(first),
        "annotations": _annotations(first),
        "sealed": vectors_sealing.record(),
        "audit": [{"previous_sha256": previous.hex(), "entry": shown(entry)} for previous, entry in _chain()],
    }


def _segment(number: int) -> dict[str, Any]:
    stored, table = sample_evidence.stored(number), sample_evidence.table(number)
    return {
        "rule": "stored byte i is (7 i + segment) modulo 256",
        "segment": number,
        "size_bytes": len(stored),
        "chunk_size": sample_evidence.CHUNK,
        "chunks": [
            {"offset": offset, "size": size, "sha256": evidence.chunk_digest(table, index).hex()}
            for index in range(evidence.chunk_count(len(stored), sample_evidence.CHUNK))
            for offset, size in [evidence.chunk_span(index, len(stored), sample_evidence.CHUNK)]
        ],
        "table": table.hex(),
        "table_sha256": evidence.table_sha256(table).hex(),
    }


def _manifest(manifest: Manifest) -> dict[str, Any]:
    keys = manifest.keys()
    stated = manifest.to_map()
    fields = {name: cbor_shown(stated[key.number]) for name, key in keys.items() if key.number in stated}
    return {"fields": fields, "hex": manifest.encode().hex(), "sha256": manifest.sha256.hex()}


def _refused(good: Manifest) -> list[dict[str, Any]]:
    raw, facts = good.encode(), good.to_map()
    segment = facts[19][0]
    cases: list[tuple[str, bytes]] = [
        ("the last byte is missing", raw[:-1]),
        ("a byte follows", raw + b"\x00"),
        ("not the shortest form of a number", b"\xb8\x14" + raw[1:]),
        ("keys out of order", cbor2.dumps({1: facts[1], 0: facts[0], **{k: facts[k] for k in range(2, 20)}})),
        ("a tag", cbor2.dumps(facts | {15: cbor2.CBORTag(0, "2026-01-01T00:00:00Z")}, canonical=True)),
        ("a float", cbor2.dumps(facts | {8: 1.5}, canonical=True)),
        ("a text key", cbor2.dumps(facts | {"x": 1}, canonical=True)),
        ("a missing key", cbor2.dumps({k: v for k, v in facts.items() if k != 17}, canonical=True)),
        ("another version of the form", cbor2.dumps(facts | {0: 2}, canonical=True)),
        ("no segment", cbor2.dumps(facts | {19: []}, canonical=True)),
        ("97 segments", cbor2.dumps(facts | {19: [segment] * 97}, canonical=True)),
        ("a control character in a name", cbor2.dumps(facts | {1: "BWC\n42"}, canonical=True)),
        ("ends before it begins", cbor2.dumps(facts | {7: facts[6] - 1}, canonical=True)),
        ("a mute interval beyond the end", cbor2.dumps(facts | {11: [{0: 0, 1: 60_001}]}, canonical=True)),
        ("more pre-event footage than footage", cbor2.dumps(facts | {10: 60_001}, canonical=True)),
        ("a hash of 31 bytes", cbor2.dumps(facts | {4: bytes(31)}, canonical=True)),
        ("a byte outside printable ASCII in a name", cbor2.dumps(facts | {1: "BWC-é"}, canonical=True)),
        ("no name of a camera", cbor2.dumps(facts | {1: ""}, canonical=True)),
        ("an empty interval", cbor2.dumps(facts | {11: [{0: 5, 1: 5}]}, canonical=True)),
        ("intervals that overlap", cbor2.dumps(facts | {12: _spans((0, 20), (19, 30))}, canonical=True)),
        ("intervals out of order", cbor2.dumps(facts | {11: _spans((40, 50), (0, 10))}, canonical=True)),
        (
            "more than 65,536 chunks",
            cbor2.dumps(facts | {19: [segment | {0: (1 << 28) + 1}]}, canonical=True),
        ),
        ("an empty segment", cbor2.dumps(facts | {19: [segment | {0: 0}]}, canonical=True)),
        (
            "a segment of more than 15 minutes",
            cbor2.dumps(facts | {19: [segment | {5: 900_001}]}, canonical=True),
        ),
        ("a key twice", b"\xb5" + raw[1:3] + raw[1:]),
        ("a map of indefinite length", b"\xbf" + raw[1:] + b"\xff"),
        ("undefined", cbor2.dumps(facts | {99: cbor2.undefined}, canonical=True)),
        ("nested too deep", cbor2.dumps(facts | {99: [[[[[[[[[0]]]]]]]]]}, canonical=True)),
        ("too long", cbor2.dumps(facts | {99: bytes(16_384)}, canonical=True)),
        ("no map", cbor2.dumps([facts[0]], canonical=True)),
        ("a chunk size below 4,096", cbor2.dumps(facts | {19: [segment | {1: 4095}]}, canonical=True)),
        ("a revision of the clock that is nought", cbor2.dumps(facts | {22: 0}, canonical=True)),
        ("circumstances that say nothing", cbor2.dumps(facts | {20: None}, canonical=True)),
        (
            "a reason that is not given, and stands there",
            cbor2.dumps(facts | {11: [{0: 0, 1: 9, 2: 0}]}, canonical=True),
        ),
    ]
    return _told(cases)


def _refused_circumstances(good: Manifest) -> list[dict[str, Any]]:
    facts = good.to_map()
    stated = facts[20]
    cases = [
        (why, cbor2.dumps(facts | {20: changed}, canonical=True))
        for why, changed in (
            ("circumstances without a key", {k: v for k, v in stated.items() if k != 8}),
            ("an event that nobody gave", stated | {2: 0}),
            ("somebody who gave no reason", stated | {3: 0}),
            ("a pseudonym of nobody", stated | {6: ""}),
            ("a holder with a control character", stated | {6: "K\n1"}),
            ("an event beyond a byte", stated | {1: 256}),
            ("a vocabulary without a version", stated | {0: 0}),
        )
    ]
    return _told(cases)


def _told(cases: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    found = []
    for why, data in cases:
        try:
            Manifest.decode(data)
        except EvidenceError as error:
            found.append({"why": why, "rule": error.rule, "hex": data.hex()})
            continue
        raise AssertionError(f"{why}: the manifest is accepted")
    return found


def _spans(*intervals: tuple[int, int]) -> list[dict[int, int]]:
    return [{0: start, 1: end} for start, end in intervals]


def _later(good: Manifest) -> dict[str, Any]:
    """A manifest of a newer camera: the keys that this version does not know are kept, and so is the hash."""
    newer = cbor2.dumps(good.to_map() | {99: "appended", 1000: [1, 2]}, canonical=True)
    manifest = Manifest.decode(newer)
    return {"hex": newer.hex(), "sha256": manifest.sha256.hex(), "keys": [99, 1000]}


def _annotations(manifest: Manifest) -> dict[str, Any]:
    head = evidence.annotation_root(manifest.sha256)
    found: dict[str, Any] = {"manifest_sha256": manifest.sha256.hex(), "root": head.hex(), "chain": []}
    for record in sample_evidence.annotations():
        head = evidence.annotation_head(head, (record,))
        fields = {name: cbor_shown(getattr(record, name)) for name in AnnotationRecord.keys()}  # noqa: SIM118  # a class method, and no mapping
        found["chain"].append({"fields": fields, "hex": record.encode().hex(), "head": head.hex()})
    return found


def _chain() -> list[tuple[bytes, Any]]:
    first, second = sample_evidence.audit_entries()
    return [(bytes(32), first), (first.sha256, second)]
