"""`bwc devices --watch`: a line a change."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bwc_sdk.discovery.slots import Slot
from bwc_sdk.discovery.watching import Arrived, Departed

Bwc = Callable[..., Any]
SLOT = Slot("serial:/dev/ttyACM0", "1-4.2", "1209:0001", "camera\x1b[2J", True)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the verb asks for; the watch ends by itself, as none does."""
    asked: dict[str, Any] = {}

    async def watch(**options: Any) -> AsyncIterator[Arrived | Departed]:
        asked.update(options)
        yield Arrived("1-4.2", SLOT)
        yield Departed("1-4.2", SLOT)

    monkeypatch.setattr("bwc_sdk.discovery.watching.watch", watch)
    monkeypatch.delitem(__import__("sys").modules, "bwc_sdk.cli.verbs.devices_watch", raising=False)
    return asked


def test_a_line_of_json_a_change(bwc: Bwc, given: dict[str, Any]) -> None:
    lines = [json.loads(line) for line in bwc("devices", "--watch", "--json").out.splitlines()]
    assert [(one["event"], one["slot"], one["uri"]) for one in lines] == [
        ("arrived", "1-4.2", "serial:/dev/ttyACM0"),
        ("departed", "1-4.2", "serial:/dev/ttyACM0"),
    ]
    assert all(one["utc"] and one["utc_ns"] > 0 for one in lines)
    assert given == {"uarts": False, "ble": False, "hci": ""}


def test_a_line_of_text_a_change_that_steers_no_terminal(bwc: Bwc, given: dict[str, Any]) -> None:
    ran = bwc("devices", "--watch", "--all", "--ble")
    assert [line.split("\t")[:3] for line in ran.out.splitlines()] == [
        ["arrived", "1-4.2", "serial:/dev/ttyACM0"],
        ["departed", "1-4.2", "serial:/dev/ttyACM0"],
    ]
    assert all(line.endswith("Z") for line in ran.out.splitlines())
    assert "\x1b" not in ran.out
    assert given == {"uarts": True, "ble": True, "hci": ""}


def test_watching_opens_nothing_and_so_identifies_nobody(bwc: Bwc, given: dict[str, Any]) -> None:
    assert bwc("devices", "--watch", "--identify").code == 2
    assert given == {}
