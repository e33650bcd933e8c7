"""Cameras and docking stations: which tests are about which, and the hands at a station. Imports nothing of the SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from hil_tests.run.running import ON_THE_WIRE
from hil_tests.run.under_test import UnderTest
from hil_tests.verdicts import not_applicable

if TYPE_CHECKING:
    from hil_tests.device.bench import Bench
    from hil_tests.run.station_hands import StationHands

ANY_DEVICE: Final = "bwc_any_device"


def only_of_its_kind(request: pytest.FixtureRequest, bench: Bench) -> None:
    """Skips at a docking station what is about a camera. A raw test finds out by itself what answers it."""
    if not bench.is_station or not ON_THE_WIRE.isdisjoint(request.fixturenames):
        return
    if request.node.get_closest_marker(ANY_DEVICE) is None:
        not_applicable(
            f"it is about cameras, and {bench.identity} is a docking station (?bay=1 names the camera in bay 1)"
        )


@pytest.fixture
def station_hands(bwc_under_test: UnderTest, bwc_bench: Bench) -> Iterator[StationHands]:
    """Somebody who stands at the docking station under test; skips where nobody does. All is put back afterwards."""
    if not bwc_bench.is_station:
        not_applicable(f"it is about docking stations, and {bwc_bench.identity} is a camera")
    from hil_tests.run.station_hands import hands_at

    hands = hands_at(bwc_under_test)
    yield hands
    hands.put_back()
