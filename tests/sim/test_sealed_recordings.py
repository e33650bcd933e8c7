"""A camera encrypts what it records for its recipients, whatever happens to its power, and keeps no key of it."""

from __future__ import annotations

import random
import secrets

import pytest

from bwc_protocol.evidence import CipherSuite, Manifest, TriggerReason, chunk_count, chunk_span, sealing
from bwc_protocol.lab.agency import LabAgency
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.flash.flash import StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import FootageSource, Mp4Footage, SyntheticFootage
from firmware_sim.scenarios import Footage, make_camera
from firmware_sim.storage.blobs import (
    MemoryBlob,
    SealedBlob,
    SyntheticBlob,
    chunk_table,
    first_bytes,
    synthetic_of,
)
from firmware_sim.storage.storage import StoredRecording
from tests.sim import camera_life
from tests.sim.conftest import NOON_NS, Desk
from tests.tiers import seeds
from tools.testkit import agencies

CHUNK = 4_096
KEY = bytes(range(32))
LAB = LabAgency.make(secrets.token_bytes)


def filmed(recording: StoredRecording, agency: LabAgency = LAB) -> list[bytes]:
    """What a recipient sees of the segments; every chunk authenticates."""
    manifest = recording.manifest
    assert manifest.protection is not None
    sealer = sealing.Sealer(
        sealing.unwrap_key(manifest.protection, agency.recipient().key, manifest.recording_id)
    )
    found = []
    for number, (facts, blob) in enumerate(zip(manifest.segments, recording.blobs, strict=True)):
        assert facts.cipher_suite is CipherSuite.AES_256_GCM and blob.size_bytes == facts.size_bytes
        spans = (
            chunk_span(at, facts.size_bytes, facts.chunk_size)
            for at in range(chunk_count(facts.size_bytes, facts.chunk_size))
        )
        found.append(
            b"".join(
                sealer.open_chunk(number, at, blob.read(offset, size))
                for at, (offset, size) in enumerate(spans)
            )
        )
    return found


# What is stored


@pytest.mark.parametrize("plain_bytes", [1, 4_079, 4_080, 4_081, 12_240, 100_000])
def test_a_sealed_blob_is_the_ciphertext_of_its_chunks_wherever_it_is_read(plain_bytes: int) -> None:
    plain = SyntheticBlob(7, plain_bytes, grows=True)
    blob, sealer = SealedBlob(plain, KEY, 3, CHUNK), sealing.Sealer(KEY)
    data = bytes(plain.read(0, plain_bytes))
    whole = b"".join(
        sealer.seal_chunk(3, at, data[begin : begin + 4_080])
        for at, begin in enumerate(range(0, plain_bytes, 4_080))
    )
    assert blob.size_bytes == len(whole) and bytes(blob.read(0, len(whole) + 9)) == whole
    rng = random.Random(plain_bytes)
    for _ in range(20):
        offset, size = rng.randrange(len(whole)), rng.randrange(1, 10_000)
        assert bytes(blob.read(offset, size)) == whole[offset : offset + size]
    assert chunk_table(blob, CHUNK) == chunk_table(MemoryBlob(whole), CHUNK)
    for chunks in range(len(whole) // CHUNK):
        begin = first_bytes(blob, chunks * CHUNK)
        assert bytes(begin.read(0, 1 << 20)) == whole[: chunks * CHUNK]
        assert synthetic_of(begin) is not None, "it still needs no room"


@pytest.mark.rule("REC-045")
@pytest.mark.rule("REC-048")
def test_what_a_camera_of_a_lab_records_opens_for_its_recipient() -> None:
    camera = make_camera(
        seed=1, recordings=3, footage=Footage.SYNTHETIC, utc_ns=NOON_NS, agency=LAB, chunk_bytes=CHUNK
    )
    keys = set()
    for recording in camera.listing(0, 10):
        manifest = Manifest.decode(recording.manifest_bytes)
        protection = manifest.protection
        assert protection is not None
        assert [wrap.recipient for wrap in protection.wraps] == [
            sealing.recipient_id(LAB.recipient().key.public_key())
        ]
        keys.add(sealing.unwrap_key(protection, LAB.recipient().key, manifest.recording_id))
        for segment, plain in enumerate(filmed(recording)):
            blob = recording.blobs[segment]
            assert isinstance(blob, SealedBlob)
            assert plain == bytes(blob.plain.read(0, blob.plain.size_bytes))
    assert len(keys) == 3, "each recording has a key of its own"


@pytest.mark.rule("REC-046")
@pytest.mark.parametrize("lab", [None, LAB])
def test_without_recipients_footage_is_stored_as_it_is_recorded(lab: LabAgency | None) -> None:
    camera = make_camera(
        seed=1, recordings=1, footage=Footage.SYNTHETIC, utc_ns=NOON_NS, agency=lab, sealed=False
    )
    manifest = camera.listing(0, 1)[0].manifest
    assert manifest.protection is None
    assert {facts.cipher_suite for facts in manifest.segments} == {CipherSuite.NONE}


def test_with_mib_it_is_that_many_as_stored() -> None:
    camera = make_camera(seed=1, recordings=1, mib=2, utc_ns=NOON_NS, agency=LAB)
    (recording,) = camera.listing(0, 9)
    assert recording.manifest.size_bytes == 2 << 20 and recording.manifest.protection is not None


def sealed_camera(flash: MemoryFlash, footage: FootageSource, **more: object) -> SimCamera:
    options = CameraOptions(
        seed=5,
        footage=footage,
        chunk_size=CHUNK,
        state=flash,
        agency=LAB,
        **more,
    )
    return SimCamera(options, utc_ns=NOON_NS)


@pytest.mark.rule("REC-045")
def test_of_real_footage_that_is_closed_ciphertext_is_stored_and_no_key() -> None:
    flash = MemoryFlash()
    camera = sealed_camera(flash, Mp4Footage())
    camera.wearer.start(TriggerReason.OFFICER_BUTTON)
    journal = camera.storage.journal()
    assert journal is not None
    key = journal["key"]
    camera.time.skip(2)
    camera.recorder.close_now()
    (recording,) = camera.listing(0, 9)
    assert b"ftyp" in filmed(recording)[0][:64]
    everything = b"".join(flash.contents().values())
    assert len(everything) > recording.manifest.size_bytes
    assert len(key) == 64 and key.encode() not in everything and bytes.fromhex(key) not in everything


def test_the_room_that_is_left_is_counted_with_what_encryption_adds() -> None:
    """A recording that fills the storage is stored, and not given up for a few bytes."""
    camera = sealed_camera(MemoryFlash(), SyntheticFootage(10_000), capacity_bytes=200_000)
    camera.wearer.start(TriggerReason.OFFICER_BUTTON)
    camera.time.skip(60)
    camera.settle()
    (recording,) = camera.listing(0, 9)
    assert 199_000 < recording.manifest.size_bytes <= 200_000 and camera.recorder.full
    assert filmed(recording)


# Power


@pytest.mark.rule("REC-052")
@pytest.mark.parametrize("seed", seeds(1))
def test_whenever_the_power_goes_what_is_there_opens(seed: int) -> None:
    day = camera_life.moments(Desk)
    opened = 0
    for number, moment in enumerate(day):
        flash = moment.flash.copy()
        flash.lose_power(random.Random(seed * len(day) + number))
        try:
            camera = camera_life.made(flash, camera_life.NOON_NS + camera_life.OFF_S * camera_life.S)
            camera_life.check(camera, moment.before, moment.after)
            for recording in camera.listing(0, 99):
                opened += len(filmed(recording, agencies.real()))
        except (AssertionError, StateError) as error:
            raise AssertionError(f"{moment}, number {number}, seed {seed}") from error
    assert opened > len(day)


@pytest.mark.rule("REC-052")
def test_a_recording_that_lost_its_power_has_the_wraps_of_before_and_ends_at_a_whole_chunk() -> None:
    flash = MemoryFlash()
    camera = sealed_camera(flash, SyntheticFootage(10_000))
    camera.wearer.start(TriggerReason.OFFICER_BUTTON)
    journal = camera.storage.journal()
    assert journal is not None
    camera.time.skip(7.3)
    camera.settle()
    flash.lose_power(random.Random(1))
    again = sealed_camera(flash, SyntheticFootage(10_000))
    (recording,) = again.listing(0, 9)
    manifest = recording.manifest
    assert manifest.cut and manifest.protection is not None
    assert manifest.size_bytes and manifest.size_bytes % CHUNK == 0
    assert (
        sealing.unwrap_key(manifest.protection, LAB.recipient().key, manifest.recording_id).hex()
        == journal["key"]
    )
    (plain,) = filmed(recording)
    blob = recording.blobs[0]
    assert isinstance(blob, SealedBlob) and plain == bytes(blob.plain.read(0, 1 << 20))


def test_the_same_seed_records_the_same_ciphertext() -> None:
    runs = []
    for _ in range(2):
        camera = sealed_camera(MemoryFlash(), SyntheticFootage(10_000))
        camera.wearer.start(TriggerReason.OFFICER_BUTTON)
        camera.time.skip(9)
        camera.recorder.close_now()
        runs.append([one.manifest_bytes for one in camera.listing(0, 9)])
    assert runs[0] == runs[1] and len(runs[0]) == 1
