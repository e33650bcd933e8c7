"""`bwc people`: who has which camera, with where each fact comes from, and the end of somebody's part."""

from __future__ import annotations

import re
from pathlib import Path

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.identity.desired import desired_path, read_desired
from tests.cli.conftest import Desk, Ran


def test_somebodys_part_ends_in_the_roster_and_at_the_next_docking(desk: Desk) -> None:
    desk.provision()
    out = desk.folder / "desired"
    files = ("--records", str(desk.records), "--roster", str(desk.roster), "--out", str(out))
    ran = desk.run("people", "end", "Ä-01", *files, "--on", "2026-11-01", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["ended"]["cameras"] == [desk.serials[0]]
    assert desk.roster.read_bytes() == "Officer;Unit;ended\r\nÄ-01;K9;2026-11-01\r\nB-02;K9\r\n".encode(
        "utf-8-sig"
    )
    found = read_desired(out, desk.serials[0])
    assert found is not None and found[0].assignment is not None and found[0].assignment.officer == ""
    delivered = desk.run("desired", "deliver", str(out), "-d", f"{desk.station}&bay=1")
    assert delivered.code == 0, delivered.err
    assert "officer\t\n" in desk.run("assign", "-d", f"{desk.station}&bay=1").out
    shown = desk.run("people", "show", "--records", str(desk.records)).out
    assert "ended\tÄ-01 ended on 2026-11-01" in shown
    again = desk.run("people", "end", "Ä-01", *files, "--on", "2026-11-02")
    assert again.code == 0 and b"2026-11-01" in desk.roster.read_bytes(), "the first day stays"


def test_an_end_that_is_to_come_takes_no_camera_back_today(desk: Desk) -> None:
    desk.provision()
    out = desk.folder / "desired"
    files = ("--records", str(desk.records), "--roster", str(desk.roster))
    ran = desk.run("people", "end", "Ä-01", *files, "--out", str(out), "--on", "2999-12-31")
    assert ran.code == ExitCode.BAD_CONFIG and "is to come" in ran.err
    assert not out.exists() and b"2999" not in desk.roster.read_bytes()
    assert desk.run("people", "end", "Ä-01", *files, "--on", "2999-12-31").code == 0
    assert b"2999-12-31" in desk.roster.read_bytes()


def test_nobody_knows_whoever_is_in_neither(desk: Desk) -> None:
    desk.provision()
    ran = desk.run("people", "end", "Z-99", "--records", str(desk.records), "--roster", str(desk.roster))
    assert ran.code == ExitCode.BAD_CONFIG and "neither the roster nor the records know 'Z-99'" in ran.err


def test_a_record_that_was_changed_is_shown_as_such(desk: Desk) -> None:
    desk.provision()
    path = desk.records / f"{desk.serials[0]}.provisioned.json"
    path.write_bytes(path.read_bytes().replace("Ä-01".encode(), "Ö-01".encode()))
    ran = desk.run("people", "show", "--records", str(desk.records))
    assert ran.code == ExitCode.BAD_DOCUMENT and "the signature does not hold" in ran.out


def test_an_earlier_record_that_is_gone_is_told_as_that_and_the_signature_counts_still(desk: Desk) -> None:
    desk.provision()
    desk.provision()
    (desk.records / f"{desk.serials[0]}.provisioned-0001.json").unlink()
    ran = desk.run("people", "show", "--records", str(desk.records))
    assert ran.code == ExitCode.BAD_DOCUMENT
    (line,) = (line for line in ran.out.splitlines() if line.startswith(desk.serials[0]))
    assert "signed by " in line and f"{desk.serials[0]}.provisioned-0001.json is missing" in line
    assert "1 of 2 have an earlier record that is not as it was; try: restore it" in ran.err
    assert "signature that does not count" not in ran.err


def end(desk: Desk, officer: str, out: Path) -> Ran:
    files = ("--records", str(desk.records), "--roster", str(desk.roster), "--out", str(out))
    return desk.run("people", "end", officer, *files, "--on", "2026-11-01")


def said_since(desk: Desk, camera: str, *words: str) -> list[dict[str, object]]:
    ran = desk.run("people", "show", "--records", str(desk.records), "--json", *words)
    assert ran.code == 0, ran.err
    (row,) = [one for one in ran.document["people"] if one["camera"] == camera]
    found: list[dict[str, object]] = row["said_since"]
    return found


def test_what_takes_a_camera_back_is_told_with_who_signed_it_and_where(desk: Desk) -> None:
    desk.provision()
    camera, out = desk.serials[0], desk.folder / "desired"
    assert said_since(desk, camera) == []
    end(desk, "Ä-01", out)
    ended, state = said_since(desk, camera)
    assert (ended["source"], ended["ended_on"], ended["officer"]) == ("ended", "2026-11-01", "Ä-01")
    assert (state["source"], state["officer"], state["counter"]) == ("desired-state", "nobody", 1)
    assert state["file"] == str(desired_path(out, camera)) and state["by"] and state["utc"]
    text = desk.run("people", "show", "--records", str(desk.records)).out
    assert "desired state 1\tnobody, from the docking that delivers it" in text
    assert desk.people()[camera] == "Ä-01", "what the record says stays what it says"
    assert end(desk, "Ä-01", out).code == 0
    assert [one["counter"] for one in said_since(desk, camera)] == [None, 2]


def test_that_a_dock_took_a_camera_back_is_known_once_it_is_checked(desk: Desk) -> None:
    desk.provision()
    camera, out, checks = desk.serials[0], desk.folder / "desired", desk.folder / "checks"
    check = ("check", "--station", desk.station, "--record", str(checks), "--no-self-test")
    desk.run(*check)
    words = ("--checks", str(checks))
    assert [(one["source"], one["officer"]) for one in said_since(desk, camera, *words)] == [
        ("check", "Ä-01")
    ]
    end(desk, "Ä-01", out)
    bay = f"{desk.station}&bay=1"
    assert desk.run("desired", "deliver", str(out), "-d", bay).code == 0
    desk.run(*check)
    *_, last = said_since(desk, camera, *words)
    assert (last["source"], last["officer"], last["file"]) == (
        "check",
        "nobody",
        str(checks / "checks.jsonl"),
    )
    text = desk.run("people", "show", "--records", str(desk.records), *words).out
    assert "check\tnobody, said the camera itself" in text
    desk.roster.write_text("officer\nN-09\nB-02\n")
    desk.provision()
    found = said_since(desk, camera, "--desired", str(out))
    assert found == [], "the new record is of a camera that had taken the state"
    kept = checks / "checks.jsonl"
    kept.write_text(re.sub(r'"utc": "20\d\d', '"utc": "2001', kept.read_text()))
    assert said_since(desk, camera, *words) == [], "what is older than the record is not told"


def test_a_state_that_a_camera_has_not_taken_is_told_beside_a_newer_record(desk: Desk) -> None:
    desk.provision()
    camera, out = desk.serials[0], desk.folder / "desired"
    end(desk, "Ä-01", out)
    desk.run(
        "return",
        str(desk.folder / "store"),
        "--mkdir",
        "--records",
        str(desk.records),
        "--station",
        desk.station,
    )
    desk.roster.write_text("officer\nN-09\n")
    desk.provision()
    assert desk.people()[camera] == "N-09"
    assert said_since(desk, camera, "--desired", str(out)) == [], "what ended the part of Ä-01 was taken"
    words = ("--camera", camera, "--out", str(out), "--officer", "")
    assert desk.run("desired", "sign", str(desk.folder / "patrol.toml"), *words).code == 0
    (state,) = said_since(desk, camera, "--desired", str(out))
    assert state["officer"] == "nobody", "the next dock that delivers it takes the camera from N-09"


def test_a_camera_without_a_record_is_told_by_what_is_signed_for_it(desk: Desk) -> None:
    out = desk.folder / "desired"
    desk.roster.write_text(f"officer;unit;serial number\nA;K9;{desk.serials[0]}\n")
    profile = str(desk.folder / "patrol.toml")
    files = ("--roster", str(desk.roster), "--records", str(desk.records), "--out", str(out))
    assert desk.run("provision", profile, *files).code == 0
    assert desk.people() == {}
    (state,) = said_since(desk, desk.serials[0], "--desired", str(out))
    assert (state["officer"], state["unit"]) == ("A", "K9")
    path = desired_path(out, desk.serials[0])
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # of the signature
    path.write_bytes(bytes(data))
    ran = desk.run("people", "show", "--records", str(desk.records), "--desired", str(out))
    assert ran.code == ExitCode.BAD_DOCUMENT and "the desired state is refused" in ran.out


def test_a_run_that_did_not_come_to_its_record_is_told(desk: Desk) -> None:
    desk.provision()
    begun = desk.records / "CAM-9.begun.json"
    begun.write_text('{"serial_number": "CAM-9", "officer": "Z-09"}')
    (one,) = said_since(desk, "CAM-9")
    assert (one["source"], one["officer"], one["file"]) == ("begun", "Z-09", str(begun))


def test_whoever_has_two_cameras_gives_both_back(desk: Desk) -> None:
    desk.provision()
    desk.roster.write_text(f"officer;serial number\nÄ-01;{desk.serials[2]}\n")
    desk.provision()
    ran = desk.run(
        "people", "end", "Ä-01", "--records", str(desk.records), "--out", str(desk.folder / "out"), "--json"
    )
    assert ran.document["ended"]["cameras"] == [desk.serials[0], desk.serials[2]]


def test_the_day_that_a_roster_says_already_is_the_one_that_is_told(desk: Desk) -> None:
    desk.provision()
    end(desk, "Ä-01", desk.folder / "desired")
    ran = desk.run(
        *("people", "end", "Ä-01", "--records", str(desk.records), "--roster", str(desk.roster)),
        *("--on", "2026-11-20"),
    )
    assert "day\t2026-11-01" in ran.out and "says 2026-11-01 already" in ran.err


def test_what_was_signed_at_an_end_stays_known_when_the_end_is_repeated_without(desk: Desk) -> None:
    desk.provision()
    end(desk, "Ä-01", desk.folder / "desired")
    assert desk.run("people", "end", "Ä-01", "--records", str(desk.records)).code == 0
    assert [one["source"] for one in said_since(desk, desk.serials[0])] == ["ended", "desired-state"]
