"""Who is to carry which camera, where cameras and roster do not agree."""

import datetime
from pathlib import Path

from bwc_sdk.provisioning.choosing import Candidate, choose
from bwc_sdk.provisioning.roster import Member, parse_roster

TODAY = datetime.date(2026, 11, 30)


def chosen(text: str, *carried: str) -> list[str]:
    """Officers of cameras C1, C2, …, which `carried` carry now."""
    cameras = [Candidate(f"C{n}", frozenset({str(n)}), officer) for n, officer in enumerate(carried, 1)]
    found = choose(cameras, parse_roster(text, Path("officers.csv")), TODAY, {})
    return [one.officer if isinstance(one, Member) else "" for one in found]


def test_two_cameras_that_both_say_they_are_somebodys_are_not_both_kept() -> None:
    assert chosen("officer\nA\nB\n", "A", "A") == ["A", "B"]


def test_who_is_named_for_one_camera_is_not_kept_on_another() -> None:
    assert chosen("officer;slot\nA;2\nB;\n", "A", "") == ["B", "A"]


def test_whose_part_has_ended_is_passed_over() -> None:
    assert chosen("officer;ended\nA;2026-11-30\nB;2026-12-01\n", "") == ["B"]
