"""What lies in a store, by its names alone; nothing in it is followed, waited for or believed."""

import os
from pathlib import Path

import pytest

from bwc_sdk.errors import HostFileError
from bwc_sdk.evidence.naming import recording_name, segment_name
from bwc_sdk.evidence.store import Store

ID, SHA = bytes(range(16)), bytes(range(100, 132))
OTHER = b"\xaa" * 16


@pytest.mark.parametrize("camera", ["BWC-000042", "Kamera Nr. 7", "-", "A" * 64])
def test_the_files_of_a_recording_are_found_whatever_its_camera_is_called(
    tmp_path: Path, camera: str
) -> None:
    whole, first = recording_name(camera, ID, SHA), segment_name(camera, ID, 0, SHA)
    names = {
        "manifest": f"{whole}.manifest",
        "signature": f"{whole}.manifest.cose",
        "tombstone": f"{whole}.tombstone",
    }
    segment = {"footage": f"{first}.mp4", "table": f"{first}.table", "custody": f"{first}.custody.json"}
    heads = [f"{whole}_{digit * 16}.annotations" for digit in "0a"]
    receipts = [f"{whole}_{'0' * 16}_{place}.receipt" for place in ("archive-1", "b.example.org")]
    objects = [f"{whole}_{'0' * 16}_archive-1.objects"]
    for name in (*names.values(), *segment.values(), *heads, *receipts, *objects):
        (tmp_path / name).touch()
    with Store.open(tmp_path) as store:
        (found,) = store.recordings
        assert not store.foreign
    assert {key: getattr(found, key) for key in names} == names
    assert {key: getattr(found.segments[0], key) for key in segment} == segment
    assert (found.annotations, found.receipts, found.objects) == (heads, receipts, objects)
    assert found.recording == ID and found.name == whole


def test_sealed_segments_have_a_name_of_their_own(tmp_path: Path) -> None:
    (tmp_path / f"{segment_name('C-1', ID, 7, SHA)}.mp4.sealed").touch()
    with Store.open(tmp_path) as store:
        (found,) = store.recordings
    assert found.segments[7].sealed and not found.segments[7].footage


@pytest.mark.parametrize(
    "name",
    [
        "holiday.mp4",
        "lost+found",
        f"{recording_name('C-1', ID, SHA)}.exe",
        f"{recording_name('C-1', ID, SHA)}_x.manifest",
        f"{recording_name('C-1', ID, SHA)}.annotations",
        f"{recording_name('c-1', ID, SHA)[24:]}.manifest",
        f"{segment_name('C-1', ID, 0, SHA)}.mp4 (copy)",
        "\x1b[2J",
    ],
)
def test_what_no_offload_wrote_is_foreign(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with Store.open(tmp_path) as store:
        assert store.foreign == (name,) and not store.recordings


def test_what_is_unfinished_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / ".incoming").mkdir()
    for name in ("a.part", "b.part", "lock-probe"):
        (tmp_path / ".incoming" / name).touch()
    with Store.open(tmp_path) as store:
        assert store.unfinished == ("a.part", "b.part")


def test_nothing_but_a_plain_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"secret")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with Store.open(tmp_path) as store:
        assert store.read("file", 6) == b"secret" and store.read("file", 2) == b"sec"
        for name in ("link", "directory", "pipe", "../file", "absent"):
            with pytest.raises(OSError, match=r".+"):
                store.read(name, 6) if name != "../file" else store.read("directory/../link", 6)


@pytest.mark.parametrize("make", [lambda path: None, Path.touch])
def test_what_is_no_store_is_told(tmp_path: Path, make) -> None:
    make(tmp_path / "there")
    with pytest.raises(HostFileError, match="cannot be read"):
        Store.open(tmp_path / "there")
