"""What the device says of its recordings is signed, and nothing can be left out (spec: Signatures of recordings)."""

from __future__ import annotations

from typing import Any

import pytest

from bwc_protocol.documents.annotation_head import verify_annotation_head
from bwc_protocol.messages.recordings import ReadTombstones
from bwc_sdk import Mark, RecordingEntry
from bwc_sdk.identity.host_identity import HostIdentity
from bwc_sdk.sync import SyncCamera
from hil_tests.device.bench import Bench
from hil_tests.testkit.abilities import free_recording, need, need_agency
from hil_tests.verdicts import not_tested

FIRST: bytes = bytes(32)
"""What the first manifest of a camera names as the one before."""


def _shows_its_agency(signer: Any, camera: SyncCamera) -> None:
    """Who signed is who speaks: a camera of this name, agency and lab. Its certificate may have been renewed since."""
    shown = camera.peer.certificate
    assert shown is not None
    assert (signer.name, signer.agency, signer.lab) == (shown.name, shown.agency, shown.lab)


@pytest.mark.rule("REC-040", "REC-042")
@pytest.mark.bwc_read_only
def test_every_manifest_is_signed_by_the_device_that_gives_it(camera: SyncCamera, bwc_bench: Bench) -> None:
    own = need_agency(bwc_bench)
    need(camera, ReadTombstones)  # signatures came with it
    for entry in camera.recordings.list():
        given = camera.recordings.read_signed_manifest(entry)
        assert given.signature, f"nobody signed recording {entry.sequence}"
        _shows_its_agency(given.signed_by(own.anchors, own.lab), camera)


@pytest.mark.rule("REC-007", "REC-017", "REC-070")
@pytest.mark.bwc_read_only
def test_every_number_is_a_recording_or_a_tombstone_and_names_the_one_before(camera: SyncCamera) -> None:
    """From 1 to the last one: so that nothing can be left out, neither by a thief nor by a fault."""
    need(camera, ReadTombstones)
    listing = camera.recordings.list()
    total = camera.recordings.page(after=2**32 - 1).total
    if len(listing) != total:
        not_tested(
            f"the device closed {total} recordings and can list {len(listing)}: it needs a repair first"
        )
    known = {
        one.tombstone.sequence: one.tombstone.manifest_sha256 for one in camera.recordings.read_tombstones()
    }
    assert not known.keys() & {entry.sequence for entry in listing}, "what was erased is listed"
    known |= {entry.sequence: entry.manifest_sha256 for entry in listing}
    assert sorted(known) == list(range(1, len(known) + 1)), "numbers are missing, or used twice"
    for entry in listing:
        before = known.get(entry.sequence - 1, FIRST)
        assert camera.recordings.read_manifest(entry).previous_sha256 == before, f"recording {entry.sequence}"


@pytest.mark.rule("TRU-008")
@pytest.mark.bwc_read_only
def test_manifests_state_the_generation_that_the_device_is_in(camera: SyncCamera) -> None:
    """What was recorded before a reset went with it."""
    generation = camera.trust.read().generation
    for entry in camera.recordings.list():
        stated = camera.recordings.read_manifest(entry).circumstances
        if stated is not None:
            assert stated.generation == generation


@pytest.mark.rule("REC-067")
@pytest.mark.bwc_read_only
def test_tombstones_are_signed_numbered_without_gaps_and_chained(
    camera: SyncCamera, bwc_bench: Bench
) -> None:
    need(camera, ReadTombstones)
    need_agency(bwc_bench)
    erased = camera.recordings.read_tombstones()  # verifies each, and the chain
    assert [one.tombstone.counter for one in erased] == list(range(1, len(erased) + 1))


@pytest.mark.rule("REC-033", "REC-036")
@pytest.mark.bwc_read_only
def test_what_was_said_of_recordings_is_signed_up_to_the_last_word(
    camera: SyncCamera, bwc_bench: Bench
) -> None:
    own = need_agency(bwc_bench)
    need(camera, ReadTombstones)
    for entry in camera.recordings.list():
        if entry.annotations:
            _require_signed(camera, own, entry)


@pytest.mark.rule("REC-033", "REC-036")
def test_each_word_more_is_signed_at_once(camera: SyncCamera, bwc_bench: Bench) -> None:
    own = need_agency(bwc_bench)
    need(camera, ReadTombstones)
    chosen = free_recording(camera)
    for marked in (not chosen.marks & Mark.MARKED, bool(chosen.marks & Mark.MARKED)):
        camera.recordings.mark(
            recording=chosen.recording, manifest_sha256=chosen.manifest_sha256, marked=marked
        )
        listed = camera.recordings.page(after=chosen.sequence - 1, limit=1).recordings[0]
        assert listed.annotations > chosen.annotations
        _require_signed(camera, own, listed)


def _require_signed(camera: SyncCamera, own: HostIdentity, entry: RecordingEntry) -> None:
    """That the device signed the head which is listed."""
    said = camera.recordings.read_signed_annotations(entry)
    assert said is not None and said.head == entry.annotations_sha256
    assert said.signature, f"nobody signed what is said of recording {entry.sequence}"
    _shows_its_agency(verify_annotation_head(said.signed_head(own.lab), said.signature, own.anchors), camera)
