"""`bwc check`, as a supervisor runs it before the shift."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bwc_sdk.cli.exit_codes import ExitCode

Bwc = Callable[..., Any]

CAMERA = "sim:?seed=7&recordings=1&mib=1"
OTHER = "sim:?seed=8"
STATION = "sim:?seed=25&station=2&recordings=1&mib=1"
EASY = ("--lab", "--hours", "1", "--pool")
"""What a simulated camera is good for as it comes."""


def test_a_camera_that_is_not_fit_is_told_with_reasons_and_what_to_do(bwc: Bwc) -> None:
    ran = bwc("check", "--device", CAMERA, "--lab", "--json")
    assert ran.code == 24 and ran.document["fit"] is False
    (camera,) = ran.document["cameras"]
    unfit = {one["check"] for one in camera["checks"] if one["standing"] == "unfit"}
    assert unfit == {"battery", "assignment"} and camera["identity"].startswith("SIM-")
    said = bwc("check", "--device", CAMERA, "--lab").err
    assert "not fit, assignment: it is assigned to nobody; try: assign it: 'bwc assign OFFICER'" in said


def test_a_camera_that_is_fit_exits_with_nought(bwc: Bwc) -> None:
    ran = bwc("check", "--device", CAMERA, *EASY)
    assert ran.code == 0 and "not fit" not in ran.err
    first = ran.out.splitlines()[0].split("\t")
    assert first[0] == CAMERA and first[2] == "true"


def test_settings_that_drifted_are_named(bwc: Bwc, tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text(bwc("config", "show", "--toml", "--device", CAMERA, "--lab").out)
    assert bwc("check", "--device", CAMERA, *EASY, "--profile", str(profile)).code == 0
    profile.write_text('"recording.pre_event_s" = 119\n"no.such" = true\n')
    ran = bwc("check", "--device", CAMERA, *EASY, "--profile", str(profile), "--json")
    (found,) = [one for one in ran.document["cameras"][0]["checks"] if one["check"] == "configuration"]
    assert ran.code == 24 and "recording.pre_event_s is 30, not 119" in found["detail"]
    assert "no.such is none of its settings" in found["detail"]


def test_a_record_is_appended_and_never_rewritten(bwc: Bwc, tmp_path: Path) -> None:
    bwc("check", "--device", CAMERA, *EASY, "--record", str(tmp_path))
    before = (tmp_path / "checks.jsonl").read_bytes()
    bwc("check", "--device", CAMERA, "--lab", "--record", str(tmp_path))
    after = (tmp_path / "checks.jsonl").read_bytes()
    assert after.startswith(before) and len(after.splitlines()) == 2
    first, second = map(json.loads, after.splitlines())
    assert (first["fit"], second["fit"]) == (True, False)
    assert first["slot"] == CAMERA and first["carried_by"] is None and first["checked_by"]


def test_the_directory_of_the_record_is_made(bwc: Bwc, tmp_path: Path) -> None:
    kept = tmp_path / "absent" / "checks"
    assert bwc("check", "--device", CAMERA, *EASY, "--record", str(kept)).code == 0
    assert len((kept / "checks.jsonl").read_text().splitlines()) == 1
    assert kept.stat().st_mode & 0o007 == 0


def test_a_record_that_cannot_be_kept_is_an_error_before_a_camera_is_asked(bwc: Bwc, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = bwc("check", "--device", "tcp:127.0.0.1:1", "--lab", "--record", str(tmp_path / "file"))
    assert ran.code == 9 and "the record of checks cannot be kept" in ran.err and "try:" in ran.err


def test_a_record_that_is_lost_at_the_end_takes_no_result_with_it(bwc: Bwc, tmp_path: Path) -> None:
    (tmp_path / "checks.jsonl").mkdir()  # no file can be there
    ran = bwc("check", "--device", CAMERA, "--lab", "--record", str(tmp_path))
    assert ran.out.startswith(CAMERA) and "not fit, assignment" in ran.err
    assert ran.code == 9 and "the record of checks cannot be kept" in ran.err and "try:" in ran.err


def test_one_that_cannot_be_reached_keeps_no_other_one(bwc: Bwc) -> None:
    nobody = "tcp:127.0.0.1:1"
    ran = bwc("check", "--device", CAMERA, "--also", nobody, *EASY, "--json")
    reached, lost = ran.document["cameras"]
    assert ran.code == 24 and (reached["fit"], lost["fit"]) == (True, False)
    assert "nobody answers" in lost["error"]["rule"]
    assert f"{nobody}: nobody answers" in bwc("check", "--device", CAMERA, "--also", nobody, *EASY).err
    assert bwc("check", "--device", nobody, "--lab").code == 3


def test_all_bays_of_a_station_are_checked(bwc: Bwc) -> None:
    ran = bwc("check", "--station", STATION, *EASY, "--json")
    assert [one["slot"] for one in ran.document["cameras"]] == ["bay 1", "bay 2"]
    assert ran.code == 0 and len({one["identity"] for one in ran.document["cameras"]}) == 2


@pytest.mark.parametrize(
    "words", [("--station", STATION, "--device", CAMERA), ("--station", STATION, "--also", CAMERA)]
)
def test_a_station_is_by_itself(bwc: Bwc, words: tuple[str, ...]) -> None:
    assert bwc("check", *words, "--lab").code == 2


def test_a_roster_with_a_bad_line_asks_no_camera(bwc: Bwc, tmp_path: Path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("officer,training valid until\nK1,soon\n")
    ran = bwc("check", "--device", CAMERA, *EASY, "--roster", str(roster))
    assert ran.code == ExitCode.BAD_CONFIG and "line 2" in ran.err and "soon" in ran.err
