"""`bwc provision`, `return` and `people` in this process: a station of the lab, a profile and a roster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bwc_sdk.cli.exit_codes import ExitCode
from tests.cli.conftest import PTP, Bwc, Desk, Ran, benches


def events(ran: Ran) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


def test_a_bench_is_provisioned_and_what_is_left_is_listed(desk: Desk) -> None:
    ran = desk.provision()
    assert ran.code == ExitCode.INCOMPLETE
    lines = ran.out.splitlines()
    done = sorted(line.split("\t")[:4] for line in lines[:2])
    assert done == [
        ["bay 1", desk.serials[0], "Ä-01", "1 setting changed"],
        ["bay 2", desk.serials[1], "B-02", "1 setting changed"],
    ]
    assert lines[2].split("\t")[:4] == [
        *("bay 3", desk.serials[2], "choose"),
        f"nobody of officers.csv is left for {desk.serials[2]}",
    ]
    assert desk.people() == {desk.serials[0]: "Ä-01", desk.serials[1]: "B-02"}
    assert (
        desk.run("config", "get", "recording.pre_event_s", "-d", f"{desk.station}&bay=1")
        .out.strip()
        .endswith("120")
    )


def test_a_plan_is_told_and_nothing_done(desk: Desk) -> None:
    ran = desk.provision("--plan")
    first = ran.out.splitlines()[0].split("\t")
    assert first[:3] == ["bay 1", desk.serials[0], "nobody → Ä-01 (K9)"]
    assert first[4].startswith("1 recording is on it: offload first")
    assert first[5] == "recording.pre_event_s: 30 → 120"
    assert desk.people() == {}


def test_json_has_a_line_an_event_and_the_rest_last(desk: Desk) -> None:
    told = events(desk.provision("--json"))
    assert [one["event"] for one in told if "event" in one].count("provisioned") == 2
    (left,) = told[-1]["left"]
    assert (left["place"], left["step"], left["error"]["class"]) == ("bay 3", "choose", "RosterError")


def test_cameras_by_themselves_are_provisioned_too(desk: Desk, bwc: Bwc) -> None:
    uris = [f"sim:?seed={next(benches)}" for _ in range(2)]
    words = ("provision", str(desk.folder / "patrol.toml"), "--records", str(desk.records), *PTP, "--lab")
    ran = bwc(*words, "--also", uris[1], device=uris[0])
    assert ran.code == 0, ran.err
    assert sorted(line.split("\t")[0] for line in ran.out.splitlines()) == sorted(uris)


def test_a_camera_goes_back_once_its_footage_is_stored(desk: Desk) -> None:
    desk.provision()
    store = str(desk.folder / "store")
    back = ("return", store, "--mkdir", "--records", str(desk.records), "--station", desk.station)
    ran = desk.run(*back)
    assert ran.code == 0, ran.err
    assert set(desk.people().values()) == {"nobody"}
    said = {one[0]: one[2:4] for one in (line.split("\t") for line in ran.out.splitlines()) if len(one) == 5}
    assert said["bay 1"] == ["nobody", "taken back from Ä-01"]
    assert said["bay 3"] == ["nobody", "was nobody's already"]
    page = (desk.records / f"{desk.serials[0]}.provisioned.html").read_text()
    assert "<h1>Taken back</h1>" in page and "a simulator, not for service</p>\n</div></div>" in page
    assert desk.run("evidence", "verify", store).code == 0
    assert len(list((desk.folder / "store").glob("*.mp4*"))) == 3


def test_whoever_has_footage_that_cannot_be_stored_keeps_the_camera(desk: Desk) -> None:
    desk.provision()
    store = desk.folder / "store"
    store.write_text("a file, and no directory")
    ran = desk.run("return", str(store), "--records", str(desk.records), "--station", desk.station)
    assert ran.code == ExitCode.BAD_DESTINATION
    assert desk.people()[desk.serials[0]] == "Ä-01"


def test_whose_camera_is_not_here_is_told(desk: Desk) -> None:
    desk.roster.write_text("officer;slot\nA;1\nB;2\nC;9\n")
    ran = desk.provision("--plan")
    assert "not here: line 4 C (slot 9)" in ran.err
    (left,) = ran.out.splitlines()[2:]
    assert "line 4 C (slot 9) wait for cameras that are not here" in left
    told = events(desk.provision("--plan", "--json"))
    assert [one["officer"] for one in told[0]["members"]] == ["C"]


def test_who_has_no_camera_yet_is_told(desk: Desk) -> None:
    desk.roster.write_text("officer;ended\nA;\nB;\nC;\nD;\nE;2001-01-01\n")
    assert "no camera yet" not in desk.provision("--plan").err
    assert f"1 of {desk.roster} have no camera yet: line 5 D" in desk.provision().err
    desk.roster.write_text("officer\nA\nB\nC\n")
    assert "no camera yet" not in desk.provision().err


def test_cameras_that_are_not_here_are_provisioned_by_what_docks_deliver(desk: Desk) -> None:
    last = desk.serials[-1]
    desk.roster.write_text(f"officer;serial number\nby-number;{last}\nnobody-knows-where;\n")
    out = desk.folder / "desired"
    profile = str(desk.folder / "patrol.toml")
    files = ("--roster", str(desk.roster), "--records", str(desk.records), "--out", str(out))
    ran = desk.run("provision", profile, *files, "--json")
    assert ran.code == ExitCode.INCOMPLETE
    assert [one["camera"] for one in ran.document["signed"]] == [last]
    assert [one["officer"] for one in ran.document["left"]] == ["nobody-knows-where"]
    bay = f"{desk.station}&bay=3"
    assert desk.run("desired", "deliver", str(out), "-d", bay).code == 0
    assert "officer\tby-number\n" in desk.run("assign", "-d", bay).out
    assert "120" in desk.run("config", "get", "recording.pre_event_s", "-d", bay).out
    ran = desk.run("provision", profile, *files, "--station", desk.station)
    assert ran.code == ExitCode.USAGE and "--out asks no camera" in ran.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--also", "sim:"), "--station is by itself"),
        (("--plan", "--enroll"), "--plan changes nothing"),
    ],
)
def test_options_that_do_not_go_together_are_told(desk: Desk, words: tuple[str, ...], says: str) -> None:
    ran = desk.provision(*words)
    assert ran.code == ExitCode.USAGE and says in ran.err


def test_a_bad_roster_is_told_before_any_camera_is_asked(desk: Desk) -> None:
    desk.roster.write_text("officer\nA\nA\n")
    ran = desk.provision("--json")
    assert ran.code == ExitCode.BAD_CONFIG
    assert ran.error["rule"].endswith("line 3 has the officer 'A' of line 2") and not desk.records.exists()
