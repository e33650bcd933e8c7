"""Vectors of encrypted footage: a key, chunks under it, its wraps, and a challenge (spec: Encryption)."""

import hashlib
from dataclasses import replace
from typing import Any, Final

import cbor2

from bwc_protocol.evidence import (
    TAG_SIZE,
    CipherSuite,
    Circumstances,
    EvidenceError,
    Manifest,
    Protection,
    SegmentFacts,
    chunk_count,
    chunk_span,
    sealing,
    table_sha256,
)
from bwc_protocol.evidence.chunks import ChunkHasher
from firmware_sim.device.seeded_wrap import seeded_wrap
from tools.generate import sample_evidence
from tools.generate.sample_evidence import CHUNK
from tools.generate.vectors.plain_values import cbor_shown
from tools.testkit import fixed_agency

KEY: Final = bytes(range(0x40, 0x60))
"""The content key."""
SECRET: Final = bytes(range(0x80, 0xA0))
"""What a camera sends as a challenge."""
NAME: Final = "K1-Müller north"
"""Who carried the camera."""
RECIPIENTS: Final = ("recipient", "recipient off line")
"""Names of their keys."""
_PLAIN: Final = CHUNK - TAG_SIZE


def sealed(segment: int) -> bytes:
    """The stored bytes of a segment of the samples, encrypted."""
    plain, sealer = sample_evidence.stored(segment), sealing.Sealer(KEY)
    cut = (plain[at : at + _PLAIN] for at in range(0, len(plain), _PLAIN))
    return b"".join(sealer.seal_chunk(segment, chunk, piece) for chunk, piece in enumerate(cut))


def manifest(**changes: Any) -> Manifest:
    """That of a recording of two encrypted segments."""
    plain = sample_evidence.manifest(segments=2, sequence=4)
    found = plain.recording_id
    wraps = tuple(
        sealing.wrap_key(KEY, fixed_agency.key(name).public_key(), found, seeded_wrap) for name in RECIPIENTS
    )
    facts = tuple(_facts(at, one) for at, one in enumerate(plain.segments))
    return replace(plain, segments=facts, protection=Protection(wraps=wraps), **changes)


def _facts(segment: int, plain: SegmentFacts) -> SegmentFacts:
    stored = sealed(segment)
    hasher = ChunkHasher(CHUNK)
    hasher.update(stored)
    return replace(
        plain,
        size_bytes=len(stored),
        cipher_suite=CipherSuite.AES_256_GCM,
        table_sha256=table_sha256(hasher.table()),
    )


def record() -> dict[str, Any]:
    """What `recording.json` has of it."""
    whole = manifest()
    recording_id = whole.recording_id
    protection = whole.protection
    assert protection is not None
    challenged = fixed_agency.key(RECIPIENTS[0])
    return {
        "content_key": KEY.hex(),
        "recording_id": recording_id.hex(),
        "segments": [_segment(0), _segment(1)],
        "wraps": [
            {
                "private_key": f"{fixed_agency.private_number(name):064x}",
                "recipient": wrap.recipient.hex(),
                "info": (sealing.CONTENT_KEY + recording_id + wrap.recipient).hex(),
                "sealed": wrap.sealed.hex(),
            }
            for name, wrap in zip(RECIPIENTS, protection.wraps, strict=True)
        ],
        "challenge": {
            "private_key": f"{fixed_agency.private_number(RECIPIENTS[0]):064x}",
            "camera": fixed_agency.CAMERA,
            "sealed": sealing.challenge(
                SECRET, challenged.public_key(), fixed_agency.CAMERA, seeded_wrap
            ).hex(),
            "opened": SECRET.hex(),
        },
        "name": {"name": NAME, "sealed": sealing.Sealer(KEY).seal_name(NAME).hex()},
        "manifest": _manifest(whole),
        "refused": _refused(whole),
    }


def _segment(number: int) -> dict[str, Any]:
    stored = sealed(number)
    return {
        "rule": "byte i of what was filmed is (7 i + segment) modulo 256",
        "segment": number,
        "plain_bytes": len(sample_evidence.stored(number)),
        "size_bytes": len(stored),
        "chunk_size": CHUNK,
        "chunks": [
            {
                "nonce": sealing.nonce_of(number, index).hex(),
                "begins": stored[at : at + 16].hex(),
                "tag": stored[: at + size][-TAG_SIZE:].hex(),
                "sha256": hashlib.sha256(stored[at : at + size]).hexdigest(),
            }
            for index in range(chunk_count(len(stored), CHUNK))
            for at, size in [chunk_span(index, len(stored), CHUNK)]
        ],
    }


def _manifest(whole: Manifest) -> dict[str, Any]:
    stated = whole.to_map()
    fields = {
        name: cbor_shown(stated[key.number]) for name, key in whole.keys().items() if key.number in stated
    }
    return {"fields": fields, "hex": whole.encode().hex(), "sha256": whole.sha256.hex()}


def _named(facts: dict[int, Any], name: bytes, more: dict[int, Any] | None = None) -> dict[int, Any]:
    """With circumstances that have an encrypted name."""
    said = Circumstances(holder="p-00", pseudonym=True).to_map()
    return facts | {20: said | (more or {}) | {9: name}}


def _refused(good: Manifest) -> list[dict[str, Any]]:
    facts = good.to_map()
    first, protection = facts[19][0], facts[21]
    wrap = protection[1][0]
    without = {k: v for k, v in facts.items() if k != 21}
    without |= {19: [one | {2: 0} for one in facts[19]]}
    found = []
    for why, changed in (
        ("encrypted, and no key", {k: v for k, v in facts.items() if k != 21}),
        ("a key, and a segment that is not encrypted", facts | {19: [first | {2: 0}, facts[19][1]]}),
        ("a last chunk without footage", facts | {19: [first | {0: CHUNK + 16}, facts[19][1]]}),
        ("protection that says nothing", facts | {21: None}),
        ("no wrap", facts | {21: protection | {1: []}}),
        ("five wraps", facts | {21: protection | {1: [wrap | {0: bytes([i] * 32)} for i in range(5)]}}),
        ("a recipient twice", facts | {21: protection | {1: [wrap, wrap]}}),
        ("a wrapped key of 161 bytes", facts | {21: protection | {1: [wrap | {1: bytes(161)}]}}),
        ("a name that is encrypted, and no key", _named(without, bytes(144))),
        ("an encrypted name of 143 bytes", _named(facts, bytes(143))),
        ("an encrypted name beside an officer", _named(facts, bytes(144), {7: False})),
        ("an encrypted name that is none", _named(facts, b"")),
        ("a recipient of 31 bytes", facts | {21: protection | {1: [wrap | {0: bytes(31)}]}}),
    ):
        data = cbor2.dumps(changed, canonical=True)
        try:
            Manifest.decode(data)
        except EvidenceError as error:
            found.append({"why": why, "rule": error.rule, "hex": data.hex()})
            continue
        raise AssertionError(f"{why}: the manifest is accepted")
    return found
