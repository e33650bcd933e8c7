"""Recordings are listed whole and in order, and each hashes to what was listed (spec: Recordings)."""

import hashlib
import itertools

import pytest

from bwc_protocol.evidence import SEGMENT_MAX_S
from bwc_sdk import ErrorCode, Mark, RecordingEntry
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.refusals import refused

NO_RECORDING = bytes(16)


@pytest.mark.bwc_read_only
def test_the_listing_is_ordered_and_names_each_recording_once(camera: SyncCamera) -> None:
    listing = camera.recordings.list()
    sequences = [entry.sequence for entry in listing]
    assert sequences == sorted(set(sequences))
    assert len({entry.recording for entry in listing}) == len(listing)
    assert all(entry.segments >= 1 and entry.size_bytes > 0 for entry in listing)


@pytest.mark.bwc_read_only
@pytest.mark.parametrize("limit", [1, 2, 256])
def test_pages_of_any_size_give_the_same_listing(camera: SyncCamera, limit: int) -> None:
    whole = camera.recordings.list()
    found: list[RecordingEntry] = []
    after = 0
    while True:
        page = camera.recordings.page(after=after, limit=limit)
        assert len(page.recordings) <= limit
        assert page.total == len(whole)
        found.extend(page.recordings)
        if not page.next:
            break
        assert page.next == page.recordings[-1].sequence > after
        after = page.next
    assert tuple(found) == whole


@pytest.mark.bwc_read_only
def test_a_cursor_behind_the_last_recording_finds_nothing(camera: SyncCamera) -> None:
    page = camera.recordings.page(after=2**32 - 1)
    assert page.recordings == ()
    assert page.next == 0


# Manifest and tables


@pytest.mark.bwc_stack
@pytest.mark.bwc_read_only
def test_every_manifest_hashes_to_what_was_listed_and_tells_the_same_facts(camera: SyncCamera) -> None:
    for entry in camera.recordings.list():
        manifest = camera.recordings.read_manifest(entry)
        assert manifest.camera == camera.identity
        assert manifest.recording_id == entry.recording
        assert manifest.sequence == entry.sequence
        assert manifest.started_utc_ns == entry.started_utc_ns
        assert len(manifest.segments) == entry.segments
        assert sum(segment.size_bytes for segment in manifest.segments) == entry.size_bytes
        assert all(segment.duration_ms <= SEGMENT_MAX_S * 1000 for segment in manifest.segments)
        assert bool(entry.marks & Mark.CUT) == manifest.cut


@pytest.mark.bwc_read_only
def test_manifests_chain_so_that_a_gap_shows(camera: SyncCamera) -> None:
    listing = camera.recordings.list()
    for before, after in itertools.pairwise(listing):
        if after.sequence == before.sequence + 1:
            assert camera.recordings.read_manifest(after).previous_sha256 == before.manifest_sha256


def test_every_chunk_table_is_the_one_in_the_manifest(camera: SyncCamera) -> None:
    for entry in camera.recordings.list():
        manifest = camera.recordings.read_manifest(entry)
        for number, segment in enumerate(manifest.segments):
            table = camera.recordings.read_table(entry, manifest, number)
            assert hashlib.sha256(table).digest() == segment.table_sha256


@pytest.mark.bwc_read_only
def test_a_recording_that_does_not_exist_is_refused(camera: SyncCamera) -> None:
    with refused(ErrorCode.NOT_FOUND):
        camera.recordings.manifest(recording=NO_RECORDING)
    with refused(ErrorCode.NOT_FOUND):
        camera.recordings.annotations(recording=NO_RECORDING)
