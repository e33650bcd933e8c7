"""What a test changed of a device's clock is put back; a host whose own clock was set meanwhile says so."""

import time
from itertools import count

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_sdk.host.world import World
from bwc_sdk.sync import SyncCamera, connect
from hil_tests.device.keepsake import CLOCK_TOLERANCE_NS, Keepsake

S = 1_000_000_000
seeds = count(7_400)


def moves_the_clock(camera: SyncCamera) -> None:
    camera.clock.set(
        offset_ns=7 * S,
        uncertainty_ns=0,
        reason=ClockReason.BENCH,
        source=TimeSource.UNSYNCHRONISED,
        revision=camera.clock.read().revision,
    )


@pytest.mark.parametrize("step_s", [0, -200, 100])
def test_a_clock_is_put_back_by_a_host_whose_own_is_steady(step_s: int) -> None:
    off_ns = 0
    world = World(utc_ns=lambda: time.time_ns() + off_ns)
    uri = f"sim:?seed={next(seeds)}&recordings=0"
    with connect(uri, role=Role.BENCH, world=world) as camera:
        found = Keepsake.take(camera)
        moves_the_clock(camera)
        off_ns = step_s * S
        if step_s:
            with pytest.raises(AssertionError, match="this host's clock was set by"):
                found.restore(camera)
        else:
            now = found.restore(camera)
            assert abs(now.clock.offset_ns - found.clock.offset_ns) < CLOCK_TOLERANCE_NS


def test_a_step_of_the_host_is_nothing_to_a_clock_that_no_test_touched() -> None:
    off_ns = 0
    world = World(utc_ns=lambda: time.time_ns() + off_ns)
    with connect(f"sim:?seed={next(seeds)}&recordings=0", role=Role.BENCH, world=world) as camera:
        found = Keepsake.take(camera)
        off_ns = 100 * S
        found.restore(camera)
        assert not found.changed(camera)
