"""The table of accidents in docs/security.md: each row is a test by this list, and each test of one is a row."""

import ast
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "security.md"
CA: Final = "tests/enrolment/test_accidents.py"
FIELD: Final = "tests/enrolment/test_accidents_in_the_field.py"

SHOWN_BY: Final[dict[str, tuple[str, ...]]] = {
    "the certificates of all devices have ended, and the cameras are full": (
        f"{CA}::test_all_certificates_have_ended_with_full_cameras",
    ),
    "the certificate of a dock has ended": (f"{FIELD}::test_the_certificate_of_a_dock_has_ended",),
    "the CA's host is lost": (
        f"{CA}::test_the_host_of_the_ca_is_lost_and_rebuilt_from_its_backup",
        f"{CA}::test_the_host_of_the_ca_is_lost_with_root_and_backup",
    ),
    "the root is lost": (f"{FIELD}::test_the_root_is_lost_and_the_standby_root_goes_on",),
    "a dock was stolen": (
        f"{CA}::test_a_dock_is_stolen_and_revoked",
        f"{CA}::test_a_stolen_dock_does_not_bring_the_list_that_denies_it",
    ),
    "an old deny list is brought": (
        f"{FIELD}::test_an_old_deny_list_is_brought_to_the_host_to_the_device_and_on_a_stick",
    ),
    "a deny list denies everybody": (f"{FIELD}::test_a_deny_list_denies_everybody",),
    "the floor was set too late": (f"{FIELD}::test_a_floor_was_set_too_late_and_the_next_list_lowers_it",),
    "the CA's clock was ten years ahead": (
        f"{CA}::test_the_clock_of_the_ca_was_ten_years_ahead",
        f"{CA}::test_a_ca_whose_clock_is_ten_years_ahead_issues_nothing_by_itself",
        f"{FIELD}::test_the_clock_of_the_ca_was_ten_years_ahead_and_devices_ask_none",
    ),
    "a camera's clock was set ten years ahead": (
        f"{FIELD}::test_the_clock_of_a_camera_was_set_ten_years_ahead",
    ),
    "a camera's clock was reset": (f"{FIELD}::test_the_clock_of_a_camera_was_reset",),
    "a camera was reset by its opened case": (f"{FIELD}::test_a_camera_was_reset_in_the_field",),
    "cameras of two agencies come to one dock": (
        f"{CA}::test_two_agencies_whose_cameras_come_to_one_dock",
        f"{FIELD}::test_cameras_of_two_agencies_stand_in_one_dock",
    ),
    "a lab's identity at a real camera, or the reverse": (
        f"{FIELD}::test_a_lab_identity_at_a_real_camera_and_the_reverse",
    ),
}


def rows() -> list[list[str]]:
    """The table's rows, cell by cell."""
    _, _, section = PAGE.read_text().partition("\n## Accidents of a fleet\n")
    assert section, f"{PAGE} has no section on accidents"
    section = section.partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names_in(path: str) -> set[str]:
    """The tests of a file, by name."""
    tree = ast.parse((ROOT / path).read_text())
    return {
        one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    }


def test_each_accident_of_the_page_is_a_test() -> None:
    assert [row[0] for row in rows()] == list(SHOWN_BY)
    assert all(len(row) == 3 and all(row) for row in rows()), "what becomes of it, and what to do"


@pytest.mark.parametrize("accident", SHOWN_BY)
def test_its_tests_are_there(accident: str) -> None:
    for shown in SHOWN_BY[accident]:
        path, name = shown.split("::")
        assert name in names_in(path), f"{shown} is to show what becomes of it when {accident}"


def test_each_test_of_an_accident_is_on_the_page() -> None:
    named = {shown for accident in SHOWN_BY.values() for shown in accident}
    assert named == {f"{path}::{name}" for path in (CA, FIELD) for name in names_in(path)}
