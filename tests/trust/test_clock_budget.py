"""A host alone moves a camera's clock by a day at most, however many steps it takes."""

from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.messages.clock import ClockReason, ReadClock, SetClock, TimeAssurance, TimeSource
from bwc_protocol.vocabulary import ErrorCode

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS


async def step(host: Any, offset_ns: int, reason: ClockReason = ClockReason.CORRECTION) -> ErrorCode | None:
    """What the device says against a step; None when it was taken."""
    revision = (await host.ask(ReadClock())).revision
    request = SetClock(
        offset_ns=offset_ns,
        uncertainty_ns=0,
        reason=reason,
        source=TimeSource.NTP,
        revision=revision,
        assurance=TimeAssurance.VERIFIED,
    )
    said = await host.answer(request)
    return said if isinstance(said, ErrorCode) else None


@pytest.mark.rule("CLK-015")
@pytest.mark.parametrize("way", [1, -1])
def test_no_host_alone_moves_a_clock_by_more_than_a_day(
    new_device: Callable[..., Any], host_at: Callable[..., Any], play: Callable[..., Any], way: int
) -> None:
    camera = new_device()

    async def scenario() -> None:
        before = camera.clock.utc_ns()
        dock = await host_at(camera, role=Role.DOCK_OFFLOAD)
        taken = [await step(dock, way * 5 * HOUR_NS) for _ in range(6)]
        assert taken == [None] * 4 + [ErrorCode.IMPLAUSIBLE] * 2
        assert await step(dock, way * 300 * 10**9, ClockReason.ROUTINE) is None
        assert abs(camera.clock.utc_ns() - before) < DAY_NS
        assert await step(dock, way * -20 * HOUR_NS) is None, "the way back is open"
        assert await step(dock, way * 20 * HOUR_NS) is None

    play(scenario())


@pytest.mark.rule("CLK-015")
def test_the_sum_survives_a_reboot_and_begins_anew_when_the_clock_is_set_first(
    new_device: Callable[..., Any], host_at: Callable[..., Any], play: Callable[..., Any]
) -> None:
    camera = new_device()

    async def scenario() -> None:
        dock = await host_at(camera, role=Role.DOCK_OFFLOAD)
        assert await step(dock, 20 * HOUR_NS) is None
        kept = camera.clock.snapshot()
        camera.clock.restore(kept)
        assert await step(dock, 20 * HOUR_NS) is ErrorCode.IMPLAUSIBLE
        camera.clock.reset()
        assert await step(dock, camera.true_utc_ns(), ClockReason.FIRST_SET) is None
        assert await step(dock, 20 * HOUR_NS) is None

    play(scenario())
