"""Fixtures by which tests act on a device beside its link. Imports nothing of the SDK before one is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.run.under_test import UnderTest

if TYPE_CHECKING:
    from hil_tests.actuators.actuator import Actuator
    from hil_tests.actuators.at_device import Actuators
    from hil_tests.device.bench import Bench

RESTARTS: Final = "bwc_restarts"
MOVED: Final = pytest.StashKey[list[str]]()
"""What was moved in a test, in its item's stash."""


def add_options(group: pytest.OptionGroup) -> None:
    """The option of this room."""
    group.addoption(
        "--bwc-attended",
        action="store_true",
        help='somebody is at the bench, and does what actuators with driver = "person" ask for',
    )


def actuators_there(device: UnderTest) -> dict[str, Actuator]:
    """What is at a device under test: what the bench file names; at a simulator for which it names nothing what each
    has."""
    if device.entry is not None and (device.entry.actuators or device.entry.bays):
        return dict(device.entry.actuators)
    from hil_tests.actuators.simulator import all_simulated

    return all_simulated(device.uri, device.control)


def may_have_restarted(item: pytest.Item) -> bool:
    """Whether a test may have made its device restart without a word to it: by an actuator, or by hands of its own."""
    return bool(item.stash.get(MOVED, None)) or item.get_closest_marker(RESTARTS) is not None


@pytest.fixture
def actuators(
    request: pytest.FixtureRequest, bwc_under_test: UnderTest, bwc_guarded: Bench
) -> Iterator[Actuators]:
    """The switches and buttons at the device, each of which tells what it cuts. What a test leaves off is on again
    after it; what needs one that the bench has not is not tested."""
    from hil_tests.actuators.at_device import Actuators
    from hil_tests.device.restarting import when_answering

    there = Actuators(
        bwc_guarded.identity,
        actuators_there(bwc_under_test),
        attended=request.config.getoption("--bwc-attended"),
    )
    request.node.stash[MOVED] = there.moved
    yield there
    off = there.left_off
    there.restore()
    if off:
        bwc_guarded.hang_up()
        when_answering(bwc_guarded)
