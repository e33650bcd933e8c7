"""`bwc evidence show|find|verify|export` of recordings of a camera whose clock was wrong."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.documents.annotation_file import AnnotationFile
from bwc_protocol.evidence import UNBOUNDED_MS, ClockState, Manifest
from bwc_protocol.evidence.annotations import AnnotationRecord
from bwc_protocol.messages.recordings import AnnotationKind
from bwc_sdk.evidence.camera_clock import CameraClock
from bwc_sdk.evidence.naming import recording_name
from bwc_sdk.host.host_time import HostTime
from tests.evidence.conftest import stored

Bwc = Callable[..., Any]

S = 1_000_000_000
HOURS_3 = 3 * 3_600 * S


@pytest.fixture(scope="module")
def offloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings. Nobody writes into it."""
    return stored("sim:?seed=3&recordings=2&mib=1", tmp_path_factory.mktemp("offloaded"))


@pytest.fixture
def store(offloaded: Path, tmp_path: Path) -> Path:
    """A copy: of the first recording a host with a right clock found the camera's three hours behind, of the second
    nothing was measured."""
    offloaded = Path(shutil.copytree(offloaded, tmp_path / "store"))
    first, second = records(offloaded)
    measured = CameraClock(
        offset_ns=HOURS_3,
        uncertainty_ns=1_000_000,
        revision=first.manifest.clock_revision,
        state=ClockState.SYNCED,
        stated_uncertainty_ns=50_000_000,
        measured_utc_ns=first.manifest.ended_utc_ns + HOURS_3 + S,
        measured_by="dock-7",
        host_time=HostTime(True, 1_000, "chrony"),
    ).plain()
    first.write(camera_clock=measured)
    second.write(camera_clock=None, camera_clock_unknown="unsupported")
    return offloaded


class Record:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.document = json.loads(path.read_bytes())
        start, _, digits = path.name.removesuffix(".custody.json").rpartition("_")
        name = f"{start.rpartition('_')[0]}_{digits}.manifest"
        self.manifest_path = path.parent / name
        self.manifest = Manifest.decode(self.manifest_path.read_bytes())

    def write(self, **changes: object) -> None:
        self.path.chmod(0o600)
        self.path.write_bytes(json.dumps(self.document | changes).encode())


def records(store: Path) -> list[Record]:
    found = [Record(path) for path in store.glob("*.custody.json")]
    return sorted(found, key=lambda one: one.manifest.sequence)


def iso(ns: int) -> str:
    return datetime.datetime.fromtimestamp(ns / S, datetime.UTC).isoformat()


def test_show_tells_the_times_as_they_were_written_and_as_they_were(bwc: Bwc, store: Path) -> None:
    manifest = records(store)[0].manifest
    shown = bwc("evidence", "show", str(store), "1", "--json").document
    row = shown["recording"]
    assert shown["manifest"]["started_utc_ns"] == manifest.started_utc_ns
    assert row["clock_offset_ns"] == HOURS_3 and row["clock_measured_by"] == "dock-7"
    assert row["host_clock_synchronised"] is True and row["clock_offset_unknown"] is None
    assert row["true_started_utc"] > row["started_utc"] and row["clock_offset_uncertainty_ns"] > 0
    text = bwc("evidence", "show", str(store), "1").out
    assert f"started_utc_ns\t{manifest.started_utc_ns}\n" in text
    assert f"true_started_utc_ns\t{manifest.started_utc_ns + HOURS_3}\n" in text
    assert "clock_measured_by\tdock-7" in text and "3 h 00 min behind" in text


def test_show_tells_why_an_offset_is_not_known(bwc: Bwc, store: Path) -> None:
    row = bwc("evidence", "show", str(store), "2", "--json").document["recording"]
    assert row["clock_offset_unknown"] == "not-measured" and row["true_started_utc"] is None
    text = bwc("evidence", "show", str(store), "2").out
    assert "not measured: unsupported" in text and "clock_offset_unknown\tnot-measured\n" in text
    (one, *_) = records(store)
    one.write(camera_clock=one.document["camera_clock"] | {"revision": 77})
    row = bwc("evidence", "show", str(store), "1", "--json").document["recording"]
    assert row["clock_offset_unknown"] == "set-since" and row["true_started_utc"] is None


def test_show_tells_when_something_was_said_by_true_time_beside_the_cameras(bwc: Bwc, store: Path) -> None:
    one = records(store)[0]
    before = one.manifest.ended_utc_ns + S // 2
    later = before + HOURS_3  # by a clock that the host may have set since
    for path in store.glob(f"{one.manifest_path.stem}*.annotations"):
        path.unlink()
    said = tuple(statement(at) for at in (before, later))
    file = AnnotationFile(
        camera=one.manifest.camera,
        recording_id=one.manifest.recording_id,
        manifest_sha256=one.manifest.sha256,
        records=tuple(record.encode() for record in said),
        signature=b"",
    )
    (store / f"{one.manifest_path.stem}_{file.head.hex()[:16]}.annotations").write_bytes(file.encode())
    told = bwc("evidence", "show", str(store), "1", "--json").document["annotations"]
    assert [(row["utc_ns"], row["true_utc_ns"]) for row in told] == [
        (before, before + HOURS_3),
        (later, None),
    ]
    text = bwc("evidence", "show", str(store), "1").out
    assert f"said.0\t{before}\t{before + HOURS_3}\tcategory\t" in text
    assert f"said.1\t{later}\tunknown\tcategory\t" in text


def statement(utc_ns: int) -> AnnotationRecord:
    return AnnotationRecord(
        utc_ns=utc_ns,
        kind=int(AnnotationKind.CATEGORY),
        actor="kim",
        text="traffic",
        hold="",
        case="",
        authority="",
    )


def test_find_asks_for_true_time_unless_it_is_told_to_ask_for_the_cameras(bwc: Bwc, store: Path) -> None:
    manifest = records(store)[0].manifest
    middle = (manifest.started_utc_ns + manifest.ended_utc_ns) // 2

    def found(at_ns: int, *more: str) -> list[int]:
        span = ("--from", iso(at_ns - S), "--to", iso(at_ns + S))
        document = bwc("evidence", "find", str(store), *span, *more, "--json").document
        return [one["sequence"] for one in document["recordings"]]

    assert found(middle + HOURS_3) == [1] and found(middle) == []
    assert found(middle + HOURS_3, "--camera-time") == [] and found(middle, "--camera-time") == [1]


def test_what_has_no_time_of_day_is_told_beside_what_is_found(bwc: Bwc, store: Path, tmp_path: Path) -> None:
    second = records(store)[1]
    without = without_time(second.manifest)
    rename(store, second, without)
    ran = bwc("evidence", "find", str(store), "--from", "2000-01-01")
    assert "of 1 nobody knows when they were made" in ran.err
    assert without.recording_id.hex()[:8] in ran.err
    document = bwc("evidence", "find", str(store), "--from", "2000-01-01", "--json").document
    assert [one["sequence"] for one in document["recordings"]] == [1]
    assert [one["sequence"] for one in document["time_unknown"]] == [2]
    assert bwc("evidence", "find", str(store), "--json").document["time_unknown"] == []
    bag = tmp_path / "bag"
    bwc("evidence", "export", str(store), "--to", str(bag), "--from", "2000-01-01", "--allow-insecure")
    assert "nobody knows when it was made" in (bag / "left-out.csv").read_text()


def test_verify_tells_a_clock_that_was_off_and_calls_nothing_altered(bwc: Bwc, store: Path) -> None:
    found = bwc("evidence", "verify", str(store), "--lab", "--json").document["findings"]
    (off,) = [one for one in found if one["kind"] == "clock-off"]
    assert (
        off["severity"] == "warning"
        and off["sequence"] == 1
        and off["detail"].startswith("10800.000 s behind")
    )


def test_verify_names_the_camera_of_a_finding_that_is_about_no_file(bwc: Bwc, store: Path) -> None:
    camera = records(store)[0].manifest.camera
    out = bwc("evidence", "verify", str(store), "--lab").out
    (line,) = [one for one in out.splitlines() if "clock-off" in one]
    assert line.split("\t")[2:5] == ["clock-off", camera, "1"]


def without_time(manifest: Manifest) -> Manifest:
    return dataclasses.replace(
        manifest, clock_state=ClockState.UNSET, clock_uncertainty_ms=UNBOUNDED_MS, clock_revision=0
    )


def rename(store: Path, one: Record, manifest: Manifest) -> None:
    """Puts another manifest in the place of one, under the names that it would have."""
    before = one.manifest_path.name.removesuffix(".manifest").rpartition("_")[2]
    after = recording_name(manifest.camera, manifest.recording_id, manifest.sha256).rpartition("_")[2]
    for path in store.iterdir():
        if before in path.name:
            path.rename(store / path.name.replace(before, after))
    path = store / one.manifest_path.name.replace(before, after)
    path.chmod(0o600)
    path.write_bytes(manifest.encode())
