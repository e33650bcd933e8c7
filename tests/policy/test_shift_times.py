"""Deadlines by the end of a shift: what was stored in time, by the clock on the wall of where it was."""

from __future__ import annotations

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bwc_sdk.errors import PolicyError
from bwc_sdk.policy.check import check_recordings
from bwc_sdk.policy.demands import Deadline
from bwc_sdk.policy.figures import read_figures
from bwc_sdk.policy.inheritance import effective
from bwc_sdk.policy.reading import Library
from bwc_sdk.policy.shift_times import ShiftTimes, read_shift_times
from bwc_sdk.policy.vocabulary import Alternative
from tests.policy.packs import DAY, pack, rule, write
from tests.policy.recordings import NOON_NS, manifest, seen

ZONE = "America/New_York"
THREE = ShiftTimes(shifts=1, zone=ZONE, changes=("22:00", "06:00", "14:00"))


def _at(text: str) -> int:
    return round(datetime.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp() * 1e9)


def _due(ended: str, *ways: str, hours: int = 1_000) -> int | None:
    deadline = Deadline(hours=hours, alternatives=tuple(Alternative(one) for one in ways))
    return THREE.due_ns(_at(ended), deadline)


@pytest.mark.parametrize(
    ("ended", "way", "due"),
    [
        ("2026-11-30 13:59:59", "end-of-shift", "2026-11-30 14:00"),
        ("2026-11-30 14:00", "end-of-shift", "2026-11-30 22:00"),
        ("2026-11-30 23:30", "end-of-shift", "2026-12-01 06:00"),
        ("2026-11-30 13:00", "end-of-next-shift", "2026-12-01 14:00"),
        ("2026-11-30 23:30", "end-of-next-shift", "2026-12-02 06:00"),
        ("2026-10-31 23:30", "end-of-shift", "2026-11-01 06:00"),  # the night that is an hour longer
        ("2026-11-30 13:00", "next-business-day", "2026-12-02 00:00"),  # Monday: the end of Tuesday
        ("2026-11-27 13:00", "next-business-day", "2026-12-01 00:00"),  # Friday: the end of Monday
    ],
)
def test_each_way_ends_by_the_clock_on_the_wall(ended: str, way: str, due: str) -> None:
    assert _due(ended, way) == _at(due)


def test_the_longest_way_counts_and_no_way_is_longer_than_the_hours() -> None:
    assert _due("2026-11-30 13:00", "end-of-shift", "end-of-next-shift") == _at("2026-12-01 14:00")
    assert _due("2026-11-30 13:00", "end-of-next-shift", hours=24) == _at("2026-12-01 13:00")
    assert _due("2026-11-30 13:00", "end-of-shift", "hours") is None
    assert _due("2026-11-30 13:00", "next-scheduled-day-off") is None, "nobody said when that is"


def test_late_by_the_end_of_the_shift_is_late_although_the_hours_are_not_over() -> None:
    asks = rule("upload.deadline", "deadline", hours=24, alternatives=["end-of-shift"])
    one = pack("north", asks)
    policy = effective(one, DAY, Library([one]))
    named = {"policy_sha256": bytes.fromhex(one.sha256)}
    recordings = [seen(manifest(1, **named), stored_h=2), seen(manifest(2, **named), stored_h=9)]
    by_shift = ShiftTimes(shifts=1, changes=("00:00", "08:00", "16:00"))
    assert NOON_NS % (86_400 * 10**9) == 12 * 3600 * 10**9, "both were made between 12:00 and 14:00"
    (late,) = check_recordings(policy, recordings, now_ns=None, shifts=by_shift)
    assert (str(late.kind), late.sequence, late.counts) == ("late-offload", 2, True)
    assert late.sentence.endswith("9.0 h after it ended, and at most 2.83 h are allowed (end-of-shift).")
    (note,) = check_recordings(policy, recordings, now_ns=None)
    assert (str(note.kind), note.counts) == ("cannot-tell", False)
    assert note.sentence.startswith(
        "The deadline is by end-of-shift: without --shifts only its longest way, 24 h,"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("changes = ['6:00']\nshifts = 1", "'6:00' is no time of the day such as 06:00"),
        ("changes = ['24:00']\nshifts = 1", "'24:00' is no time"),
        ("changes = []\nshifts = 1", "changes: "),
        ("changes = ['06:00']\nshifts = 1\nzone = 'Amerika'", "there is no 'Amerika' such as"),
        ("changes = ['06:00']\nshifts = 1\nzone = '../../etc/passwd'", "zone: there is no"),
        ("changes = ['06:00']\nshifts = 2", "shifts: "),
        ("changes = ['06:00']\nshifts = 1\nnote = 'x'", "note: "),
        ("changes = [", "not TOML"),
    ],
)
def test_a_file_that_is_none_is_told_with_where_one_stands(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "shifts.toml"
    file.write_text(text)
    with pytest.raises(PolicyError) as told:
        read_shift_times(file)
    assert said in "\n".join(told.value.problems) and "docs/policy.md" in told.value.advice


def test_all_that_is_wrong_is_told_at_once_each_by_its_key(tmp_path: Path) -> None:
    path = write(tmp_path / "badshifts.toml", "shifts = 1\nchanges = ['25:00', '6']\nzone = 'Amerika'\n")
    with pytest.raises(PolicyError) as told:
        read_shift_times(path)
    assert told.value.problems == (
        "badshifts.toml: changes: '25:00' is no time of the day such as 06:00; '6' is no time of the day such as 06:00",
        "badshifts.toml: zone: there is no 'Amerika' such as America/New_York",
    )


def test_a_problem_of_the_whole_file_has_one_colon(tmp_path: Path) -> None:
    site = "[[sites]]\nsite = 'A'\nphase = 'B'\nplanned = 1\nissued = 1\n"
    with pytest.raises(PolicyError) as told:
        read_figures(write(tmp_path / "f.toml", f"figures = 1\n{site}{site}"))
    assert told.value.problems == ("f.toml: a site stands there twice for the same phase",)
