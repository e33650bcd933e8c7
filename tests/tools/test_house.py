"""The house is drawn as it is: no arrow back up, no circle between files (CONTRIBUTING, "Where things go")."""

import tomllib
from pathlib import Path

import pytest

from tools.generate import house

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def arrows() -> house.Arrows:
    return house.imports()


def test_no_files_import_each_other_in_a_circle(arrows: house.Arrows) -> None:
    assert len(arrows) > 300
    assert house.circle(arrows) == []


def test_no_rooms_import_each_other_in_a_circle(arrows: house.Arrows) -> None:
    assert house.circle(house.between_rooms(arrows)) == []


def test_a_circle_is_found_whether_it_runs_at_import_in_a_function_or_for_a_type(
    arrows: house.Arrows,
) -> None:
    # `discovery.usb` imports `transport.usb` in a function alone: that arrow is known, so one back is a circle.
    assert "bwc_sdk.transport.usb" in arrows["bwc_sdk.discovery.usb"]
    changed = {**arrows, "bwc_sdk.transport.usb": {*arrows["bwc_sdk.transport.usb"], "bwc_sdk.discovery.usb"}}
    assert {"bwc_sdk.transport.usb", "bwc_sdk.discovery.usb"} <= set(house.circle(changed))
    # `errors` imports `link_seen` for a type alone.
    assert "bwc_sdk.link_seen" in arrows["bwc_sdk.errors"]


def test_only_arrows_that_nothing_longer_implies_are_drawn() -> None:
    arrows = {"a": {"b", "c"}, "b": {"c"}, "c": set[str]()}
    assert house.without_detours(arrows) == {"a": {"b"}, "b": {"c"}, "c": set()}
    assert house.order(arrows) == ["a", "b", "c"]


def test_contributing_draws_the_house_as_it_is(arrows: house.Arrows) -> None:
    page = house.PAGE.read_text(encoding="utf-8")
    assert house.drawn(page, arrows) == page, "run python -m tools.generate.house"


def test_each_package_has_a_contract_that_names_all_its_rooms() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    held = {name for one in linter["contracts"] if one.get("exhaustive") for name in one["containers"]}
    assert held == {"bwc_protocol", "bwc_sdk", "bwc_sdk.cli", "firmware_sim"}
