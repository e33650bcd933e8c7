"""A camera in the air of the kernel's own Bluetooth: hci_vhci, BlueZ, D-Bus and stock bleak."""

import json
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tools.stack.inside.bluetooth import AUDIBLE, switch_on
from tools.stack.inside.camera import simulator
from tools.stack.inside.program import Program
from tools.stack.inside.pulling import lost_while_read

Makes = Callable[..., Program]
NO_PORT: Final = 3
"""Exit code (docs/errors.md): no such port, or it may not be opened."""


@pytest.fixture
def camera() -> Iterator[Makes]:
    """Makes a camera in the air of this machine's adapter, which is on."""
    made: list[Program] = []

    def make(*options: str) -> Program:
        made.append(simulator("--listen", "ble:vhci", *options))
        made[0].line(0)
        switch_on()
        return made[0]

    yield make
    made[0].kill()


def heard() -> list[str]:
    """What `bwc devices --ble` hears."""
    program = Program("bwc", "devices", "--ble", "--json")
    assert program.code() == 0, program.output
    found = json.loads("\n".join(program.lines))
    return [one["uri"] for one in found["devices"] if one["uri"].startswith("ble:")]


def test_a_machine_without_an_adapter_is_told_so() -> None:
    program = Program("bwc", "devices", "--ble")
    assert program.code() == NO_PORT
    assert "Bluetooth cannot be used" in program.output
    assert "plug a Bluetooth adapter in" in program.output


def test_a_camera_that_is_switched_off_while_it_is_read_is_lost_once_and_soon(camera: Makes) -> None:
    one = camera(*AUDIBLE)
    assert heard() == [one.line(0)]
    lost_while_read(one.line(0), one.kill)


def test_a_camera_that_hangs_up_while_it_is_read_is_lost_once_and_soon(camera: Makes) -> None:
    lost_while_read(camera(*AUDIBLE, "--faults", "cut@60000").line(0), lambda: None)


def test_a_camera_that_may_not_be_heard_is_not(camera: Makes) -> None:
    camera()
    assert heard() == []
