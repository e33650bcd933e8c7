"""No record of a camera is ever written over: each has a name of its own, and names the one before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bwc_sdk.errors import DocumentError
from bwc_sdk.provisioning import Record, Records, records, verify_record
from bwc_sdk.provisioning.history import number_in, page_beside, signature_of
from tests.provisioning.conftest import done, roster


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json"))


def newest(folder: Path) -> tuple[Record, tuple[Record, ...]]:
    with Records.opened(folder) as kept:
        (record,) = kept.all()
        return record, kept.earlier(record)


def test_a_second_run_leaves_the_record_of_the_first_as_it_was(
    new_station, bench, folder, technician
) -> None:
    station = new_station(1)
    station.bays[1].camera.clock.set_utc_ns(station.bays[1].camera.clock.utc_ns() - 100 * 10**9, 1_000_000)
    (first,) = done(bench(station, roster())).values()
    page = page_beside(first.path).read_bytes()
    (second,) = done(bench(station, roster())).values()
    assert first.path != second.path and first.path.read_bytes() == first.data
    assert page_beside(first.path).read_bytes() == page and b"30 \xe2\x86\x92 60" in page
    for record in (first, second):
        assert verify_record(record, technician).name == "tester"
    assert first.document["changed"] and first.document["clock"]["before"]["offset_ns"] > 99 * 10**9
    assert second.document["earlier_record"] == first.path.name
    assert second.document["earlier_record_sha256"] == first.sha256
    record, before = newest(folder)
    assert record.data == second.data, "under the name of always stands the newest"
    assert [one.data for one in before] == [first.data]


def test_a_run_that_changed_nothing_but_the_clock_says_so_and_where_the_changes_stand(
    new_station, bench
) -> None:
    station = new_station(1)
    (first,) = done(bench(station, roster())).values()
    (second,) = done(bench(station, roster())).values()
    assert first.document["this_run_changed"] == ["settings", "assignment", "clock"]
    assert second.document["this_run_changed"] == ["clock"]
    page = page_beside(second.path).read_text()
    assert "the clock only" in page and first.path.name in page


def test_a_record_that_an_earlier_version_left_is_kept_before_anything_takes_its_place(
    new_station, bench, folder, technician
) -> None:
    station = new_station(1)
    (first,) = done(bench(station, roster())).values()
    for beside in (first.path, signature_of(first.path), page_beside(first.path)):
        beside.unlink()  # as it was when the newest was all there was
    (second,) = done(bench(station, roster())).values()
    (kept,) = newest(folder)[1]
    assert kept.data == first.data and second.document["number"] == 2
    assert verify_record(kept, technician).name == "tester" and page_beside(kept.path).exists()


@pytest.mark.parametrize("killed_at", range(1, 7))
def test_a_run_that_is_killed_anywhere_loses_no_record_and_forks_no_chain(
    new_station, bench, folder, technician, monkeypatch, killed_at: int
) -> None:
    from bwc_sdk.provisioning import history

    station, left = new_station(1), killed_at
    (first,) = done(bench(station, roster())).values()
    real = history.replace

    def dying(path: Path, data: bytes, **more: int) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        real(path, data, **more)

    for module in (history, records):
        monkeypatch.setattr(module, "replace", dying)
    try:
        bench(station, roster())
    except KeyboardInterrupt:
        pass
    monkeypatch.undo()
    (last,) = done(bench(station, roster())).values()
    record, before = newest(folder)
    assert record.data == last.data and before[-1].data == first.data
    assert [number_in(one.path.name, record.path) or 0 for one in before] == list(range(len(before), 0, -1))
    assert len([name for name in names(folder) if "provisioned-" in name]) == len(before) + 1
    for one in (record, *before):
        assert verify_record(one, technician).name == "tester"


@pytest.mark.parametrize(
    ("harm", "says"), [(Path.unlink, "is missing"), (lambda path: path.write_bytes(b"{}"), "no record")]
)
def test_an_earlier_record_that_is_gone_or_another_is_told(
    new_station, bench, folder, technician, harm, says: str
) -> None:
    station = new_station(1)
    (first,) = done(bench(station, roster())).values()
    bench(station, roster())
    harm(first.path)
    with pytest.raises(DocumentError, match=says):
        newest(folder)


def test_an_earlier_record_with_another_word_is_told(new_station, bench, folder) -> None:
    station = new_station(1)
    (first,) = done(bench(station, roster())).values()
    bench(station, roster())
    first.path.write_bytes(first.data.replace(b'"A-01"', b'"A-07"'))
    with pytest.raises(DocumentError, match="is not as a later record names it"):
        newest(folder)


@pytest.mark.parametrize(
    "name", ["../X.provisioned-0001.json", "Y.provisioned-0001.json", "X.provisioned.json", 7]
)
def test_a_record_that_names_what_is_no_earlier_one_of_its_camera_is_told(
    tmp_path: Path, name: object
) -> None:
    document = {"camera": {"serial_number": "X"}, "earlier_record": name}
    record = Record(tmp_path / "X.provisioned.json", b"", document)
    with pytest.raises(DocumentError, match="names no earlier record"):
        Records(tmp_path).earlier(record)
