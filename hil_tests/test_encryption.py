"""What the device encrypts its recipients can open, and each part only as what it is (spec: Encryption)."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from bwc_protocol.evidence import DIGEST_SIZE, CipherSuite, EvidenceError, Manifest, chunk_count, sealing
from bwc_protocol.evidence.protection import KeySuite
from bwc_protocol.evidence.vocabulary import TAG_SIZE
from bwc_protocol.messages.recordings import OpenSegment
from bwc_protocol.messages.trust import ChallengeRecipient
from bwc_sdk import AuditKind, ErrorCode, RecordingEntry
from bwc_sdk.evidence.decrypt import RecipientKey
from bwc_sdk.sync import SyncCamera
from bwc_sdk.sync.loop import loop_thread
from hil_tests.device.bench import Bench
from hil_tests.testkit.abilities import need, need_footage_link
from hil_tests.testkit.refusals import refused
from hil_tests.verdicts import not_applicable, not_tested

NOBODY = bytes(32)
"""Names no key."""
SECRET_SIZE = 32


def _encrypted(camera: SyncCamera) -> list[tuple[RecordingEntry, Manifest]]:
    """The encrypted recordings, the smallest ones first; skips where there is none."""
    listing = sorted(camera.recordings.list(), key=lambda entry: entry.size_bytes)
    found = [(entry, camera.recordings.read_manifest(entry)) for entry in listing]
    sealed = [(entry, manifest) for entry, manifest in found if manifest.protection is not None]
    if not sealed:
        if not camera.peer.secure or not camera.trust.read().recipients:
            not_applicable("the device encrypts for nobody")
        not_tested("the device has no recording that is encrypted")
    return sealed


@pytest.fixture
def recipient(camera: SyncCamera, bwc_bench: Bench) -> RecipientKey:
    """Somebody for whom this device encrypts, and whose key the bench has."""
    need(camera, ChallengeRecipient)
    if not camera.trust.read().recipients:
        not_applicable("the device encrypts for nobody")
    keys = bwc_bench.identities.recipients()
    if not keys:
        not_tested(
            "the bench has no key of an evidence recipient: 'bwc ca issue CA evidence-recipient --out KEYS'"
        )
    return keys[0]


def _named(recipient: RecipientKey) -> bytes:
    return sealing.recipient_id(recipient.key.public_key())


@pytest.mark.rule("REC-045", "REC-046")
@pytest.mark.bwc_read_only
def test_recordings_are_encrypted_for_every_recipient_or_for_nobody(
    camera: SyncCamera, bwc_bench: Bench
) -> None:
    """Recipients come with the enrolment and stay: each recording has the same, in the same order."""
    need(camera, ChallengeRecipient)
    recipients = len(camera.trust.read().recipients)
    own = {_named(key) for key in bwc_bench.identities.recipients()}
    seen: set[bytes] = set()
    orders: set[tuple[bytes, ...]] = set()
    for entry in camera.recordings.list():
        manifest = camera.recordings.read_manifest(entry)
        suites = {segment.cipher_suite for segment in manifest.segments}
        if not recipients:
            assert manifest.protection is None and suites == {CipherSuite.NONE}
            continue
        protection = manifest.protection
        assert protection is not None and suites == {CipherSuite.AES_256_GCM}, f"recording {entry.sequence}"
        assert protection.kem is KeySuite.HPKE_P256
        assert 1 <= len(protection.wraps) <= recipients  # two certificates of one key are one recipient
        orders.add(tuple(wrap.recipient for wrap in protection.wraps))
        for wrap in protection.wraps:
            assert wrap.sealed not in seen, "two recordings share a wrapped key"
            seen.add(wrap.sealed)
    assert len(orders) <= 1
    for order in orders:
        assert own <= set(order), "it does not encrypt for whom it was told to"


@pytest.mark.rule("REC-047", "REC-048", "REC-049")
def test_stored_chunks_are_in_the_table_and_open_with_a_recipient_s_key(
    camera: SyncCamera, bwc_bench: Bench, recipient: RecipientKey
) -> None:
    """The table is over what is stored; the chunk opens under its own number, and under no other one."""
    need_footage_link(bwc_bench)
    entry, manifest = _encrypted(camera)[0]
    assert manifest.protection is not None
    sealer = sealing.Sealer(sealing.unwrap_key(manifest.protection, recipient.key, entry.recording))
    for number, segment in enumerate(manifest.segments[:2]):
        table = camera.recordings.read_table(entry, manifest, number)
        last = chunk_count(segment.size_bytes, segment.chunk_size) - 1
        for chunk in {0, last}:
            stored = _stored(camera, entry, manifest, number, chunk)
            assert hashlib.sha256(stored).digest() == table[chunk * DIGEST_SIZE :][:DIGEST_SIZE]
            plain = sealer.open_chunk(number, chunk, stored)
            assert len(plain) == len(stored) - TAG_SIZE
            assert plain not in stored, "it is not encrypted"
            with pytest.raises(EvidenceError, match="does not open"):
                sealer.open_chunk(number, chunk + 1, stored)


def _stored(camera: SyncCamera, entry: RecordingEntry, manifest: Manifest, number: int, chunk: int) -> bytes:
    """One chunk as the device has it."""
    segment = manifest.segments[number]
    offset = chunk * segment.chunk_size
    length = min(segment.chunk_size, segment.size_bytes - offset)
    request = OpenSegment(
        recording=entry.recording,
        manifest_sha256=entry.manifest_sha256,
        segment=number,
        offset=offset,
        length=length,
    )
    return loop_thread().run(camera._twin.connection.read_stream(request, max_bytes=length))


@pytest.mark.bwc_state(recordings=2)
@pytest.mark.rule("REC-045", "REC-049")
def test_each_recording_has_a_key_of_its_own_that_is_bound_to_it(
    camera: SyncCamera, recipient: RecipientKey
) -> None:
    found = _encrypted(camera)
    if len(found) < 2:
        not_tested("it takes two encrypted recordings")
    keys = set()
    for entry, manifest in found:
        assert manifest.protection is not None
        keys.add(sealing.unwrap_key(manifest.protection, recipient.key, entry.recording))
        other = next(one for one, _ in found if one.recording != entry.recording)
        with pytest.raises(EvidenceError) as caught:
            sealing.unwrap_key(manifest.protection, recipient.key, other.recording)
        assert caught.value.rule == "protection-sealed"
    assert len(keys) == len(found), "two recordings have one content key"


# Proof of opening


@pytest.mark.rule("REC-053")
def test_who_gives_the_bytes_back_has_proved_it_and_the_device_keeps_when(
    camera: SyncCamera, recipient: RecipientKey
) -> None:
    head, before_ns = camera.audit.head().sequence, camera.clock.read().utc_ns
    proof = camera.trust.prove_opening(recipient, camera.identity)
    assert proof.recipient == _named(recipient)
    assert before_ns <= proof.utc_ns <= camera.clock.read().utc_ns
    assert proof in camera.trust.read().proofs
    assert AuditKind.OPENING_PROVED in [entry.kind for entry in camera.audit.entries(after=head)]


@pytest.mark.rule("REC-053")
def test_other_bytes_prove_nothing_and_use_the_challenge_up(
    camera: SyncCamera, recipient: RecipientKey
) -> None:
    before, named = camera.trust.read().proofs, _named(recipient)
    opened = _opened(camera, recipient)
    for wrong in (bytes(SECRET_SIZE), opened[:-1] + bytes([opened[-1] ^ 1])):
        opened = _opened(camera, recipient)
        with refused(ErrorCode.CONFLICT):
            camera.trust.prove(recipient=named, opened=wrong)
        with refused(ErrorCode.CONFLICT):
            camera.trust.prove(recipient=named, opened=opened)
    assert camera.trust.read().proofs == before


@pytest.mark.rule("REC-053")
def test_a_challenge_is_fresh_answered_once_and_ends_the_one_before(
    camera: SyncCamera, recipient: RecipientKey
) -> None:
    named = _named(recipient)
    first, second = _opened(camera, recipient), _opened(camera, recipient)
    assert first != second and len(first) == len(second) == SECRET_SIZE
    camera.trust.prove(recipient=named, opened=second)
    for again in (second, first):
        with refused(ErrorCode.CONFLICT):
            camera.trust.prove(recipient=named, opened=again)


@pytest.mark.rule("REC-053")
def test_who_is_no_recipient_is_asked_nothing_and_proves_nothing(camera: SyncCamera) -> None:
    need(camera, ChallengeRecipient)
    if not camera.peer.secure:
        not_applicable("development firmware has no recipients, and is asked for none")
    before = camera.trust.read().proofs
    with refused(ErrorCode.NOT_FOUND):
        camera.trust.challenge(recipient=NOBODY)
    with refused(ErrorCode.NOT_FOUND):
        camera.trust.prove(recipient=NOBODY, opened=bytes(SECRET_SIZE))
    assert camera.trust.read().proofs == before


@pytest.mark.rule("REC-054")
def test_a_challenge_is_told_from_a_content_key(camera: SyncCamera, recipient: RecipientKey) -> None:
    """Else a stolen recording's key could be had as the answer to a challenge, or the reverse."""
    sealed = camera.trust.challenge(recipient=_named(recipient)).sealed
    for entry, manifest in _encrypted(camera)[:1]:
        assert manifest.protection is not None
        wraps = tuple(dataclasses.replace(one, sealed=sealed) for one in manifest.protection.wraps)
        with pytest.raises(EvidenceError) as caught:
            sealing.unwrap_key(
                dataclasses.replace(manifest.protection, wraps=wraps), recipient.key, entry.recording
            )
        assert caught.value.rule == "protection-sealed"
    with pytest.raises(EvidenceError):
        sealing.answer(sealed, recipient.key, "another camera")


def _opened(camera: SyncCamera, recipient: RecipientKey) -> bytes:
    """What a new challenge opens to."""
    given = camera.trust.challenge(recipient=_named(recipient))
    return sealing.answer(given.sealed, recipient.key, camera.identity)
