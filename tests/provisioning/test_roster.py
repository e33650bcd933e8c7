"""A roster is read as spreadsheets write it, and what is not clear is named."""

import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_sdk.errors import HostFileError, RosterError
from bwc_sdk.provisioning.roster import FILE_MAX, PROBLEMS_MAX, Member, Roster, parse_roster, read_roster
from tests.tiers import times

HERE = Path("officers.csv")


def parse(text: str) -> Roster:
    return parse_roster(text, HERE)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "sep={}{}"])
def test_columns_are_parted_as_a_spreadsheet_does_it(separator: str, newline: str, before: str) -> None:
    inside = ";" if separator == "\t" else separator  # of a tab nobody can see that it is there
    lines = [
        ["Officer", "unit", "Serial_Number", "Training valid until"],
        ["A-1", "K9", "SIM-1", "2027-01-31"],
        ["B-2", f'"Nord{inside} Süd"', "", ""],
    ]
    text = before.format(separator, newline) + newline.join(separator.join(line) for line in lines) + newline
    first = 3 if before else 2
    assert parse(text).members == (
        Member(first, "A-1", "K9", "SIM-1", "", datetime.date(2027, 1, 31)),
        Member(first + 1, "B-2", f"Nord{inside} Süd"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_letters_of_every_language_come_through_with_a_mark_and_without(
    encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "officers.csv"
    path.write_bytes("officer;unit\nÄ-7;Größe\n".encode(encoding))
    assert read_roster(path).members == (Member(2, "Ä-7", "Größe"),)


def test_letters_in_an_encoding_that_is_not_said_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "officers.csv"
    path.write_bytes("officer;unit\nA-1;Nord\nÄ-7;Größe\n".encode("cp1252"))
    with pytest.raises(RosterError, match="line 3: that is no UTF-8") as caught:
        read_roster(path)
    assert "CSV UTF-8" in caught.value.advice


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("officer\n", "names nobody"),
        ("name;unit\nA;B\n", "no column 'officer'; what its first line names is name, unit"),
        ("officer;Officer\nA;B\n", "two columns 'officer'"),
        ("officer;unit\n;K9\n", "line 2 names no officer"),
        ("officer\nA\n\nA\n", "line 4 has the officer 'A' of line 2"),
        ("officer;slot\nA;1\nB;1\n", "line 3 has the slot '1' of line 2"),
        ("officer;serial number\nA;S\nB;S\n", "line 3 has the serial number 'S' of line 2"),
        ("officer;serial number;slot\nA;S;1\n", "line 2 has a serial number and a slot"),
        ("officer;unit\nA;B;C\n", "line 2 has 3 columns, and the first line 2"),
        ("officer;ended\nA;31.12.2026\n", "line 2 ended '31.12.2026' is no day as 2026-12-31"),
        ("officer;ended\nA;2026-02-31\n", "line 2 ended '2026-02-31' is no day"),
        ("officer;ended\nA;20261231\n", "no day"),
        (f"officer\n{'A' * 65}\n", "line 2 officer 'AAAA.*…' is longer than 64 bytes"),
        ("officer\nA\x07\n", "line 2 has something in 'officer' that cannot be printed"),
        ('officer;unit\n"A;B\n', "is no table"),
    ],
)
def test_what_is_not_clear_is_named_by_its_line(text: str, wrong: str) -> None:
    with pytest.raises(RosterError, match=wrong) as caught:
        parse(text)
    assert caught.value.advice


def test_every_line_that_is_wrong_is_told_up_to_a_bound() -> None:
    with pytest.raises(RosterError) as caught:
        parse("officer;unit\n" + ";K9\n" * (PROBLEMS_MAX + 5))
    assert len(caught.value.problems) == PROBLEMS_MAX + 1
    assert caught.value.problems[-1] == "and 5 more"


def test_a_cell_of_two_lines_counts_as_the_lines_that_it_takes() -> None:
    with pytest.raises(RosterError, match=r"line 2 has something in 'unit'.*; line 4 names no officer"):
        parse('officer;unit\nA;"two\nlines"\n;K9\n')


def test_columns_that_mean_nothing_here_are_told() -> None:
    found = parse("officer,Name,Rank\nA,Ann,1\n")
    assert found.ignored == ("Name", "Rank")


@pytest.mark.parametrize("slip", ["trainig valid until", "serial nr number", "Oficer", "units"])
def test_a_column_that_is_nearly_one_of_ours_is_no_other(slip: str) -> None:
    """It would switch off what the right one is for."""
    with pytest.raises(RosterError, match="has a column") as caught:
        parse(f"officer,{slip}\nA,1\n")
    assert "if that is meant" in caught.value.advice


def test_who_has_ended_carries_no_camera_from_that_day_on() -> None:
    member = parse("officer,ended\nA,2026-12-31\n").members[0]
    assert member.active(datetime.date(2026, 12, 30)) and not member.active(datetime.date(2026, 12, 31))


def test_a_file_that_cannot_be_read_and_one_that_is_too_large_are_told(tmp_path: Path) -> None:
    with pytest.raises(HostFileError, match="cannot be read"):
        read_roster(tmp_path / "none.csv")
    (tmp_path / "large.csv").write_bytes(b"x" * (FILE_MAX + 1))
    with pytest.raises(RosterError, match="longer than"):
        read_roster(tmp_path / "large.csv")


@settings(max_examples=times(200))
@given(st.text(max_size=200) | st.text(alphabet='officerAB1;,\t"\n-20', max_size=120))
def test_any_text_is_a_roster_or_told(text: str) -> None:
    try:
        found = parse(text)
    except RosterError as error:
        assert error.problems and error.advice
    else:
        assert len({one.officer for one in found.members}) == len(found.members) > 0
