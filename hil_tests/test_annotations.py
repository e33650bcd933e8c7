"""What is said of a recording later is kept beside it, and nothing erases it (spec: Recordings)."""

import pytest

from bwc_sdk import AnnotationKind, ErrorCode, Mark, RecordingEntry
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.abilities import free_recording
from hil_tests.testkit.refusals import refused


class Newest:
    """The newest recording that nobody holds, and what can be said of it."""

    def __init__(self, camera: SyncCamera, entry: RecordingEntry) -> None:
        self.entry = entry
        self._camera = camera
        self._id, self._manifest = entry.recording, entry.manifest_sha256

    def mark(self, marked: bool) -> Mark:
        state = self._camera.recordings.mark(
            recording=self._id, manifest_sha256=self._manifest, marked=marked
        )
        return Mark(state.marks)

    def categorise(self, category: str) -> str:
        state = self._camera.recordings.categorise(
            recording=self._id, manifest_sha256=self._manifest, category=category
        )
        return state.category

    def hold(self) -> None:
        self._camera.recordings.hold(recording=self._id, manifest_sha256=self._manifest, reason="hil test")

    def release(self) -> None:
        self._camera.recordings.lift(recording=self._id, manifest_sha256=self._manifest, reason="hil test")

    def listed(self) -> RecordingEntry:
        """As it is listed now."""
        listing = self._camera.recordings.page(after=self.entry.sequence - 1, limit=1).recordings
        return listing[0]


@pytest.fixture
def newest(camera: SyncCamera) -> Newest:
    return Newest(camera, free_recording(camera))


def test_an_annotation_is_kept_with_time_and_author(camera: SyncCamera, newest: Newest) -> None:
    before = camera.recordings.annotations_all(newest.entry.recording)
    marked = not newest.entry.marks & Mark.MARKED
    assert bool(newest.mark(marked) & Mark.MARKED) == marked
    try:
        *earlier, last = camera.recordings.annotations_all(newest.entry.recording)
        assert tuple(earlier) == before, "what was said before is never changed"
        assert last.kind is (AnnotationKind.MARKED if marked else AnnotationKind.UNMARKED)
        assert last.actor == camera.host_name
        assert last.utc_ns <= camera.clock.read().utc_ns
    finally:
        newest.mark(not marked)


def test_a_category_shows_in_listing_and_annotations(camera: SyncCamera, newest: Newest) -> None:
    assert newest.categorise("hil test") == "hil test"
    try:
        assert newest.listed().category == "hil test"
        last = camera.recordings.annotations_all(newest.entry.recording)[-1]
        assert (last.kind, last.text) == (AnnotationKind.CATEGORY, "hil test")
    finally:
        newest.categorise(newest.entry.category)


def test_annotating_changes_no_fact_of_the_manifest(camera: SyncCamera, newest: Newest) -> None:
    newest.hold()
    try:
        listed = newest.listed()
        assert listed.marks & Mark.HELD
        assert listed.annotations == newest.entry.annotations + 1
        assert listed.manifest_sha256 == newest.entry.manifest_sha256
        camera.recordings.read_manifest(listed)
    finally:
        newest.release()
    assert not newest.listed().marks & Mark.HELD


def test_an_annotation_of_another_manifest_is_a_conflict(camera: SyncCamera, newest: Newest) -> None:
    with refused(ErrorCode.CONFLICT):
        camera.recordings.mark(recording=newest.entry.recording, manifest_sha256=bytes(32))
