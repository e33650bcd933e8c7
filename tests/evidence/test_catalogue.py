"""What a store says of its recordings is told from its files alone, whatever they hold."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.evidence import Manifest
from bwc_protocol.evidence.annotations import AnnotationRecord
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_sdk.errors import InvalidValue, NoSuchRecording
from bwc_sdk.evidence.catalogue import Described, catalogue
from bwc_sdk.evidence.description import COLUMNS, document, row
from bwc_sdk.evidence.naming import ANNOTATIONS_SUFFIX
from bwc_sdk.evidence.search import Wanted, moment, the_one
from bwc_sdk.evidence.store import Store
from tests.tiers import times

Find = Callable[[str], Path]
DAY_NS = 86_400 * 10**9


@pytest.fixture
def store(store: Path) -> Path:
    """The store, of whose recordings nothing is said yet."""
    for path in store.glob(f"*{ANNOTATIONS_SUFFIX}"):
        path.unlink()
    return store


def all_of(path: Path) -> list[Described]:
    with Store.open(path) as store:
        return list(catalogue(store))


def note(kind: AnnotationKind, **said: str) -> AnnotationRecord:
    texts = {"actor": "A. Clerk", "text": "", "hold": "", "case": "", "authority": ""}
    return AnnotationRecord(utc_ns=5, kind=int(kind), **(texts | said))


def say(store: Path, sequence: int, *said: AnnotationRecord) -> Path:
    """Leaves a file of annotations beside a recording, as an offload does."""
    (path,) = (
        one for one in store.glob("*.manifest") if Manifest.decode(one.read_bytes()).sequence == sequence
    )
    manifest = Manifest.decode(path.read_bytes())
    file = AnnotationFile(
        camera=manifest.camera,
        recording_id=manifest.recording_id,
        manifest_sha256=manifest.sha256,
        records=tuple(one.encode() for one in said),
        signature=b"",
    )
    stored = store / f"{path.stem}_{file.head.hex()[:16]}{ANNOTATIONS_SUFFIX}"
    stored.write_bytes(file.encode())
    return stored


HELD = (
    note(AnnotationKind.CATEGORY, text="theft"),
    note(AnnotationKind.HELD, hold="h1", case="24-7", authority="court", text="asked for"),
    note(AnnotationKind.HELD, hold="h2", case="24-9", authority="chief"),
    note(AnnotationKind.LIFTED, hold="h2"),
    note(AnnotationKind.CASE, case="24-1"),
    note(AnnotationKind.MARKED),
    note(AnnotationKind.REVIEWED, actor="B", text="seen"),
    note(AnnotationKind.ASSIGNMENT, text="K1 north"),
)


def test_recordings_come_by_camera_and_number_whatever_their_names(offloaded: Path) -> None:
    found = [one.manifest for one in all_of(offloaded)]
    assert [one.sequence for one in found if one] == [1, 2, 3, 4]
    assert [row(one) for one in all_of(offloaded)] == [row(one) for one in all_of(offloaded)]
    assert all(tuple(row(one)) == COLUMNS for one in all_of(offloaded))


def test_what_was_said_of_a_recording_is_told_from_the_store(store: Path) -> None:
    say(store, 2, *HELD[:2])
    say(store, 2, *HELD)
    second = all_of(store)[1]
    told = row(second)
    assert (told["category"], told["cases"], told["held"], told["holds"]) == (
        "theft",
        ["24-1", "24-7"],
        True,
        ["h1"],
    )
    assert (told["marked"], told["reviewed_by"], told["annotations"]) == (True, "B", len(HELD))
    (hold,) = document(second)["holds"]
    assert hold == {"id": "h1", "case": "24-7", "authority": "court", "reason": "asked for"}
    assert not second.trouble
    json.dumps(document(second))


def test_of_a_recording_of_which_nothing_is_here_nobody_says_that_it_is_not_held(store: Path) -> None:
    assert [row(one)["held"] for one in all_of(store)] == [None] * 4


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), [1, 2, 3, 4]),
        (Wanted(held=True), [2]),
        (Wanted(case="24-7"), [2]),
        (Wanted(case="24-9"), []),
        (Wanted(case="24-1"), [2]),
        (Wanted(category="Theft"), [2]),
        (Wanted(officer="k1"), [2]),
        (Wanted(officer="k1 north"), [2]),
        (Wanted(officer="k"), []),
        (Wanted(camera="sim-00000007"), [1, 2, 3, 4]),
        (Wanted(camera="SIM-0000000"), []),
    ],
)
def test_recordings_are_found_by_what_is_said_of_them(
    store: Path, wanted: Wanted, numbers: list[int]
) -> None:
    say(store, 2, *HELD)
    found = [one for one in all_of(store) if wanted.is_it(one)]
    assert [row(one)["sequence"] for one in found] == numbers


def test_recordings_are_found_by_the_time_in_which_they_have_footage(offloaded: Path) -> None:
    second = all_of(offloaded)[1]
    assert second.manifest
    begin, end = second.manifest.started_utc_ns, second.manifest.ended_utc_ns
    for from_ns, to_ns, found in [
        (begin, begin + 1, True),
        (end, None, True),
        (end + 1, None, False),
        (None, begin, False),
        (None, begin + 1, True),
    ]:
        assert Wanted(from_ns=from_ns, to_ns=to_ns, by_camera=True).is_it(second) is found


def test_a_day_is_meant_with_all_its_hours() -> None:
    assert moment("1970-01-02") == DAY_NS and moment("1970-01-02", end=True) == 2 * DAY_NS
    assert moment("1970-01-02T01:00:00+01:00", end=True) == DAY_NS
    for wrong in ("tomorrow", "", "9999-12-32", "9999-12-31"):
        with pytest.raises(InvalidValue):
            moment(wrong, end=True)


def test_one_recording_is_named_by_number_id_name_or_file(offloaded: Path) -> None:
    with Store.open(offloaded) as store:
        files = store.recordings[0]
        whole = files.recording.hex()
        for which in (
            whole,
            whole[:8].upper(),
            files.name,
            files.segments[0].sealed,
            files.segments[0].custody,
        ):
            assert the_one(store, which or "").files is files
        assert the_one(store, "3").manifest and row(the_one(store, "3"))["sequence"] == 3
        for which in ("", "0", "9" * 30, "zz", "nothing.mp4", "²"):
            with pytest.raises(NoSuchRecording):
                the_one(store, which)


@pytest.mark.rule("REC-039")
def test_a_statement_about_another_recording_is_told_and_not_believed(store: Path) -> None:
    of_second = say(store, 2, *HELD)
    first = next(one for one in store.glob("*.manifest") if Manifest.decode(one.read_bytes()).sequence == 1)
    of_second.rename(store / f"{first.stem}_{of_second.stem[-16:]}{ANNOTATIONS_SUFFIX}")
    found = all_of(store)[0]
    assert found.head is None and not found.standing.holds
    (trouble,) = found.trouble
    assert "about another recording" in trouble


def test_a_manifest_under_another_name_describes_nothing(store: Path, one_of: Find) -> None:
    path = one_of(".manifest")
    path.rename(store / path.name.replace(path.stem[-16:], "0" * 16))
    troubles = [one.trouble for one in all_of(store) if one.manifest is None]
    assert len(troubles) == 2 and any("another recording" in text for one in troubles for text in one)


ENDINGS = (
    ".manifest",
    ".manifest.cose",
    ".tombstone",
    "_000.custody.json",
    f"_{'0' * 16}.annotations",
    f"_{'0' * 16}_archive-1.receipt",
)


@settings(
    max_examples=times(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.one_of(
        st.binary(max_size=400), st.just(b"[" * 9_000), st.just(b'{"version": 1, "stored_utc": 7}')
    ),
    ending=st.sampled_from(ENDINGS),
)
def test_arbitrary_bytes_in_any_file_are_told_and_hide_nothing_else(
    store: Path, data: bytes, ending: str
) -> None:
    stem = min(store.glob("*.manifest")).stem
    name = stem + ending
    if "custody" in ending:
        name = min(store.glob("*.custody.json")).name
    path = store / name
    before = path.read_bytes() if path.exists() else None
    if before is not None:
        path.chmod(0o600)
    path.write_bytes(data)
    try:
        found = all_of(store)
        assert len(found) == 4
        assert sum(bool(one.trouble) for one in found) == (
            0 if data.startswith(b'{"v') and "custody" in ending else 1
        )
        assert all(json.dumps([row(one), document(one)]) for one in found)
    finally:
        path.unlink() if before is None else path.write_bytes(before)
