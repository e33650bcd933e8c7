"""Footage by radio: refused with what it would take, unless allowed; then it works and resumes (spec: BLE)."""

from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import CHUNK_SIZE
from bwc_sdk import World
from bwc_sdk.errors import SlowLink
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.offload import ConnectionLost, OffloadPolicy, Progress, StoredVerified, offload
from bwc_sdk.transport.ble import FOOTAGE_RATE
from firmware_sim.ports.ble import BlePort
from tools.testkit.air import Air, connecting, in_the_air

SIZE = 200_000
ALLOWED = OffloadPolicy(allow_slow=True)


async def _dock(air: Air, port: BlePort) -> Any:
    """What connects, each time anew."""
    host = await air.host()

    async def connect() -> Any:
        return await connecting(host, port.uri, role=Role.DOCK_OFFLOAD)

    return connect


async def _offload(air: Air, port: BlePort, store: Path, policy: OffloadPolicy | None = None) -> Any:
    job = offload(
        await _dock(air, port),
        store,
        policy=policy,
        world=World(workers=InlineWorkers()),
    )
    return await job.run()


def test_footage_is_refused_with_the_time_that_it_would_take_and_nothing_is_copied(tmp_path: Path) -> None:
    async def use(air: Air) -> SlowLink:
        port = await air.camera(recordings=3, segment_bytes=SIZE)
        with pytest.raises(SlowLink) as caught:
            await _offload(air, port, tmp_path)
        return caught.value

    error = in_the_air(use)
    assert error.size_bytes == 3 * SIZE
    assert error.estimate_s == pytest.approx(3 * SIZE / FOOTAGE_RATE)
    assert "min" in error.rule and "--allow-slow" in error.advice
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".part", ".mp4")]


def test_the_time_is_told_in_hours_where_it_is_hours() -> None:
    assert "67 h 20 min" in str(SlowLink(10_800_000_000, 242_424.0))


def test_allowed_footage_arrives_and_a_second_offload_needs_no_leave(tmp_path: Path) -> None:
    async def use(air: Air) -> tuple[Any, Any]:
        port = await air.camera(recordings=2, segment_bytes=SIZE)
        first = await _offload(air, port, tmp_path, ALLOWED)
        return first, await _offload(air, port, tmp_path)

    first, second = in_the_air(use)
    assert first.complete and first.bytes_received == 2 * SIZE
    assert second.complete and second.bytes_received == 0


def test_an_allowed_offload_goes_on_where_the_radio_broke_off(tmp_path: Path) -> None:
    size = 3 * CHUNK_SIZE + 1000

    async def use(air: Air) -> tuple[Any, list[Any]]:
        port = await air.camera(recordings=1, segment_bytes=size)
        world = World(workers=InlineWorkers())
        job = offload(await _dock(air, port), tmp_path, policy=ALLOWED, world=world)
        seen: list[Any] = []
        async for event in job:
            seen.append(event)
            if isinstance(event, Progress) and event.bytes_done == CHUNK_SIZE:
                port.pull()
        return job.result, seen

    result, seen = in_the_air(use)
    assert result.complete and isinstance(result.outcomes[0], StoredVerified)
    assert result.reconnections == 1
    assert any(isinstance(event, ConnectionLost) for event in seen)
    assert result.bytes_received <= size + CHUNK_SIZE, "what was verified did not come again"
