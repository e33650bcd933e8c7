"""Encryption of footage: what is sealed opens as what it was, for whom it was, and as nothing else."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from bwc_protocol import evidence as ev
from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import sealing
from firmware_sim.device.seeded_wrap import seeded_wrap
from tools.generate.vectors import sealing as vectors_sealing
from tools.testkit import fixed_agency

KEY = bytes(range(32))
RECORDING = b"R" * 16
VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "protocol/vectors/recording.json").read_text(encoding="utf-8")
)["sealed"]


def private(name: str = "recipient") -> ec.EllipticCurvePrivateKey:
    return fixed_agency.key(name)


def protection(*names: str, key: bytes = KEY, recording: bytes = RECORDING) -> ev.Protection:
    return ev.Protection(
        wraps=tuple(sealing.wrap_key(key, private(name).public_key(), recording) for name in names)
    )


def rule_of(error: pytest.ExceptionInfo[ev.EvidenceError]) -> str:
    return error.value.rule


# Chunks


@pytest.mark.rule("REC-047")
@given(st.integers(0, 95), st.integers(0, 65_535), st.binary(max_size=300))
def test_a_chunk_is_aes_gcm_under_its_number(segment: int, chunk: int, plain: bytes) -> None:
    stored = sealing.Sealer(KEY).seal_chunk(segment, chunk, plain)
    nonce = segment.to_bytes(4, "little") + chunk.to_bytes(8, "little")
    assert stored == AESGCM(KEY).encrypt(nonce, plain, None) and len(stored) == len(plain) + 16
    assert sealing.Sealer(KEY).open_chunk(segment, chunk, memoryview(stored)) == plain


@pytest.mark.parametrize(
    ("key", "segment", "chunk", "change"),
    [
        (KEY[::-1], 1, 2, lambda stored: stored),
        (KEY, 0, 2, lambda stored: stored),
        (KEY, 1, 3, lambda stored: stored),
        (KEY, 2, 1, lambda stored: stored),
        (KEY, 1, 2, lambda stored: stored[:-1]),
        (KEY, 1, 2, lambda stored: stored[1:]),
        (KEY, 1, 2, lambda stored: stored[:15]),
        (KEY, 1, 2, lambda _stored: b""),
        (KEY, 1, 2, lambda stored: stored + b"\0"),
    ],
)
def test_a_chunk_opens_as_itself_alone(key: bytes, segment: int, chunk: int, change: Any) -> None:
    stored = sealing.Sealer(KEY).seal_chunk(1, 2, b"what was filmed")
    with pytest.raises(ev.EvidenceError, match=f"chunk {chunk} of segment {segment}") as error:
        sealing.Sealer(key).open_chunk(segment, chunk, change(stored))
    assert rule_of(error) == "seal-chunk"


def test_every_flipped_bit_of_a_chunk_is_found() -> None:
    sealer = sealing.Sealer(KEY)
    stored = sealer.seal_chunk(0, 0, b"filmed")
    for bit in range(len(stored) * 8):
        flipped = bytearray(stored)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ev.EvidenceError):
            sealer.open_chunk(0, 0, flipped)


@given(st.integers(1, 1 << 36), st.integers(ev.MIN_CHUNK_SIZE, ev.CHUNK_SIZE))
def test_stored_and_plain_sizes_say_the_same(plain_bytes: int, chunk_size: int) -> None:
    stored = sealing.stored_size(plain_bytes, chunk_size)
    assert sealing.plain_size(stored, chunk_size) == plain_bytes
    whole, rest = divmod(plain_bytes, chunk_size - 16)
    assert stored == whole * chunk_size + (rest + 16 if rest else 0)


# Keys


@pytest.mark.rule("REC-049")
def test_each_recipient_opens_the_key_of_this_recording_alone() -> None:
    found = protection("one", "two")
    assert [len(wrap.sealed) for wrap in found.wraps] == [113, 113]
    for name in ("one", "two"):
        assert sealing.unwrap_key(found, private(name), RECORDING) == KEY
        with pytest.raises(ev.EvidenceError) as error:
            sealing.unwrap_key(found, private(name), b"S" * 16)
        assert rule_of(error) == "protection-sealed"
    with pytest.raises(ev.EvidenceError) as error:
        sealing.unwrap_key(found, private("three"), RECORDING)
    assert rule_of(error) == "protection-recipient"


@pytest.mark.rule("REC-049")
def test_a_wrap_that_is_put_under_another_recipient_does_not_open() -> None:
    one, two = protection("one", "two").wraps
    swapped = ev.Protection(wraps=(dataclasses.replace(one, sealed=two.sealed), two))
    with pytest.raises(ev.EvidenceError) as error:
        sealing.unwrap_key(swapped, private("one"), RECORDING)
    assert rule_of(error) == "protection-sealed"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_wrapped_key_of_another_length_is_none(size: int) -> None:
    with pytest.raises(ev.EvidenceError) as error:
        sealing.unwrap_key(protection("one", key=bytes(size)), private("one"), RECORDING)
    assert rule_of(error) == "protection-sealed"


@pytest.mark.parametrize("kem", [ev.KeySuite.ECDH_ES_A256KW, Unknown(77)])
@pytest.mark.rule("REC-050")
def test_another_way_of_wrapping_is_kept_and_refused_only_by_who_opens(kem: ev.KeySuite | Unknown) -> None:
    whole = vectors_sealing.manifest()
    assert whole.protection is not None
    later = dataclasses.replace(whole, protection=dataclasses.replace(whole.protection, kem=kem))
    again = ev.Manifest.decode(later.encode())
    assert again == later and again.protection is not None
    with pytest.raises(ev.EvidenceError) as error:
        sealing.unwrap_key(again.protection, private(), again.recording_id)
    assert rule_of(error) == "protection-kem"


@pytest.mark.rule("REC-050")
def test_a_cipher_suite_of_later_is_kept() -> None:
    whole = vectors_sealing.manifest()
    segments = tuple(dataclasses.replace(one, cipher_suite=Unknown(9)) for one in whole.segments)
    for protected in (whole.protection, None):
        later = dataclasses.replace(whole, segments=segments, protection=protected)
        assert ev.Manifest.decode(later.encode()) == later


def test_a_certificate_names_its_recipient_and_two_of_one_key_are_one() -> None:
    certificates = [fixed_agency.certificate(name) for name in ("dock", "auditor", "dock")]
    found = sealing.protect(KEY, RECORDING, certificates)
    assert [wrap.recipient for wrap in found.wraps] == [
        sealing.recipient_id(private(name).public_key()) for name in ("dock", "auditor")
    ]
    assert sealing.unwrap_key(found, private("auditor"), RECORDING) == KEY


# Names


@pytest.mark.rule("REC-090")
def test_a_name_opens_again_whatever_its_length_and_the_length_does_not_show() -> None:
    sealer = sealing.Sealer(KEY)
    for name in ("K", "K1-Müller north", "ü" * 64):
        sealed = sealer.seal_name(name)
        assert len(sealed) == 144 and sealer.open_name(sealed) == name
    kept = VECTORS["name"]
    opener = sealing.Sealer(vectors_sealing.KEY)
    assert opener.open_name(bytes.fromhex(kept["sealed"])) == kept["name"]
    assert opener.seal_name(kept["name"]).hex() == kept["sealed"]
    for name in ("", "ü" * 65, "K\0"):
        with pytest.raises(ValueError, match="a name has"):
            sealer.seal_name(name)


def test_every_flipped_bit_and_every_cut_of_a_name_is_found() -> None:
    sealer = sealing.Sealer(KEY)
    sealed = sealer.seal_name("K1 north")
    flipped = [
        sealed[:at] + bytes([sealed[at] ^ 1 << bit]) + sealed[at + 1 :]
        for at in range(len(sealed))
        for bit in range(8)
    ]
    chunk = sealer.seal_chunk(0, 0, b"K1 north".ljust(128, b"\0"))
    for other in (*flipped, *(sealed[:size] for size in range(len(sealed))), sealed + b"\0", chunk):
        with pytest.raises(ev.EvidenceError) as error:
            sealer.open_name(other)
        assert rule_of(error) == "seal-name"


def test_a_name_that_is_none_is_refused_though_it_was_sealed() -> None:
    cipher = AESGCM(KEY)
    for plain in (bytes(128), b"K\n1".ljust(128, b"\0"), b"K\x001".ljust(128, b"\0"), b"\xff" * 128):
        with pytest.raises(ev.EvidenceError) as error:
            sealing.Sealer(KEY).open_name(cipher.encrypt(sealing.nonce_of(0xFFFF_FFFF, 0), plain, None))
        assert rule_of(error) == "seal-name"


# Challenges


@pytest.mark.rule("REC-054")
def test_a_challenge_opens_for_its_camera_and_no_wrapped_key_is_one() -> None:
    key = private()
    sealed = sealing.challenge(KEY, key.public_key(), "BWC-1")
    assert sealing.answer(sealed, key, "BWC-1") == KEY
    stolen = sealing.wrap_key(KEY, key.public_key(), RECORDING).sealed
    for other, camera, opener in (
        (sealed, "BWC-2", key),
        (stolen, "BWC-1", key),
        (sealed, "BWC-1", private("x")),
    ):
        with pytest.raises(ev.EvidenceError) as error:
            sealing.answer(other, opener, camera)
        assert rule_of(error) == "proof-sealed"


@pytest.mark.parametrize("sealed", [b"", b"\x04" + bytes(112), bytes(160)])
def test_what_is_no_wrap_at_all_is_refused_and_nothing_else(sealed: bytes) -> None:
    with pytest.raises(ev.EvidenceError):
        sealing.answer(sealed, private(), "BWC-1")


# Manifest


@pytest.mark.rule("REC-050", "REC-091")
@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["why"])
def test_what_does_not_hold_together_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ev.EvidenceError) as error:
        ev.Manifest.decode(bytes.fromhex(vector["hex"]))
    assert rule_of(error) == vector["rule"]


def test_the_largest_protection_leaves_room_in_a_manifest() -> None:
    wraps = tuple(ev.Wrap(recipient=bytes([at] * 32), sealed=bytes(160)) for at in range(4))
    whole = vectors_sealing.manifest()
    segments = (whole.segments[0],) * ev.MAX_SEGMENTS
    ended = whole.started_utc_ns + 96 * 60_000_000_000
    largest = dataclasses.replace(
        whole, segments=segments, protection=ev.Protection(wraps=wraps), ended_utc_ns=ended
    )
    assert len(largest.encode()) < ev.MANIFEST_MAX - 4_096


# Vectors


@pytest.mark.rule("REC-047", "REC-049")
def test_the_vectors_open_and_are_made_again() -> None:
    whole = ev.Manifest.decode(bytes.fromhex(VECTORS["manifest"]["hex"]))
    assert whole == vectors_sealing.manifest() and whole.protection is not None
    for wrap in VECTORS["wraps"]:
        key = ec.derive_private_key(int(wrap["private_key"], 16), ec.SECP256R1())
        assert sealing.unwrap_key(whole.protection, key, whole.recording_id).hex() == VECTORS["content_key"]
        made = seeded_wrap(vectors_sealing.KEY, key.public_key(), bytes.fromhex(wrap["info"]))
        assert made.hex() == wrap["sealed"]
    sealer = sealing.Sealer(vectors_sealing.KEY)
    for segment in VECTORS["segments"]:
        stored, size = vectors_sealing.sealed(segment["segment"]), segment["chunk_size"]
        plain = b""
        for index, chunk in enumerate(segment["chunks"]):
            piece = stored[index * size : (index + 1) * size]
            assert (piece[:16].hex(), piece[-16:].hex()) == (chunk["begins"], chunk["tag"])
            assert hashlib.sha256(piece).hexdigest() == chunk["sha256"]
            plain += sealer.open_chunk(segment["segment"], index, piece)
        assert plain == bytes((7 * i + segment["segment"]) % 256 for i in range(segment["plain_bytes"]))
    challenge = VECTORS["challenge"]
    key = ec.derive_private_key(int(challenge["private_key"], 16), ec.SECP256R1())
    opened = sealing.answer(bytes.fromhex(challenge["sealed"]), key, challenge["camera"])
    assert opened.hex() == challenge["opened"]


# The lab


def test_a_lab_opens_with_what_it_has_and_other_labs_do_not(lab_pair: Any) -> None:
    lab, again, other = lab_pair
    found = sealing.protect(KEY, RECORDING, lab.recipients)
    assert sealing.unwrap_key(found, again.recipient().key, RECORDING) == KEY
    with pytest.raises(ev.EvidenceError):
        sealing.unwrap_key(found, other.recipient().key, RECORDING)


@pytest.fixture(scope="module")
def lab_pair() -> tuple[Any, Any, Any]:
    from bwc_protocol.lab.agency import LabAgency

    entropy = iter(range(1, 10_000)).__next__
    draw = lambda size: entropy().to_bytes(size)  # noqa: E731  # as short as its use
    lab = LabAgency.make(draw)
    return lab, LabAgency.decode(lab.encode(), draw), LabAgency.make(draw)
