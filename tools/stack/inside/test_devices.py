"""`bwc devices --watch` on the kernel's own USB."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tools.stack.inside.camera import UsbCamera
from tools.stack.inside.program import Program, until

TOLD_S: Final = 5.0
"""A second, in a machine that is not a dozen times slower than its host."""


@pytest.fixture
def watching() -> Iterator[Program]:
    """`bwc devices --watch`, started."""
    program = Program("bwc", "devices", "--watch", "--json")
    yield program
    program.kill()


def changes(program: Program) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program.lines if line.startswith("{")]


def test_an_arrival_and_a_departure_are_told_soon_and_by_slot(camera: UsbCamera, watching: Program) -> None:
    slot = camera.plug()

    def arrived() -> dict[str, Any] | None:
        told = [one for one in changes(watching) if one["event"] == "arrived" and one["others"]]
        return told[0] if told else None

    def departed() -> dict[str, Any] | None:
        told = changes(watching)
        return told[-1] if told and told[-1]["event"] == "departed" else None

    told = until(arrived, f"arrival in {watching.output!r}", TOLD_S)
    assert (told["slot"], told["uri"], told["others"]) == (slot.port_path, slot.uri, list(slot.others))
    camera.pull()
    told = until(departed, f"departure in {watching.output!r}", TOLD_S)
    assert told["slot"] == slot.port_path
    names = [one["event"] for one in changes(watching)]
    assert names.count("arrived") == names.count("departed"), names
