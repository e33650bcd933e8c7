"""A slow device behind a bridge looks like any `tcp:`: footage over it is refused all the same, by what is measured."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.audit import AuditKind
from bwc_sdk.bridge import Bridge
from bwc_sdk.errors import SlowLink
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadPolicy, StillOnCamera, link_speed, offload, offload_station
from bwc_sdk.transport.ble import FOOTAGE_RATE
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400 * 1_000_000_000
MIB = 1_048_576
WORLD = World(workers=InlineWorkers())


@pytest.fixture
def make() -> Iterator[Callable[..., SimCamera]]:
    made: list[SimCamera] = []

    def new(**options: Any) -> SimCamera:
        made.append(make_camera(seed=5, footage=Footage.SYNTHETIC, utc_ns=NOON_NS, **options))
        return made[-1]

    yield new
    for one in made:
        one.close()


def opened(camera: SimCamera) -> int:
    """How often footage was opened, by the camera's own log."""
    return sum(entry.kind is AuditKind.OFFLOAD_READ for entry in camera.audit.read(0, 1_000).entries)


async def bridged(camera: SimCamera, rate: float, store: Path, policy: OffloadPolicy | None = None) -> Any:
    async with Bridge(lambda: MemoryTransport(camera, rate=rate)) as bridge:
        return await offload(bridge.uri, store, policy=policy, world=WORLD, allow_insecure=True).run()


def test_footage_through_a_bridge_to_a_slow_device_is_refused_with_the_time_it_would_take(
    make, tmp_path: Path
) -> None:
    camera = make(recordings=2, mib=16)
    with pytest.raises(SlowLink) as caught:
        run_virtual(bridged(camera, FOOTAGE_RATE, tmp_path), limit_s=600)
    assert caught.value.size_bytes == 32 * MIB
    assert caught.value.estimate_s == pytest.approx(32 * MIB / FOOTAGE_RATE, rel=0.2)
    assert not list(tmp_path.rglob("*.part")) and opened(camera) == 1


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules for a little footage: what takes longer than ten seconds is too long."""
    monkeypatch.setattr(link_speed, "MEASURED_FROM_BYTES", 1 * MIB)
    monkeypatch.setattr(link_speed, "TOO_LONG_S", 10.0)


def test_leave_lets_it_and_what_is_stored_needs_none(make, soon, tmp_path: Path) -> None:
    camera = make(recordings=2, mib=1)
    with pytest.raises(SlowLink):
        run_virtual(bridged(camera, FOOTAGE_RATE, tmp_path))
    allowed = OffloadPolicy(allow_slow=True)
    assert run_virtual(bridged(camera, FOOTAGE_RATE, tmp_path, allowed), limit_s=3_600).complete
    before = opened(camera)
    assert run_virtual(bridged(camera, FOOTAGE_RATE, tmp_path)).complete
    assert opened(camera) == before, "nothing is to come, and nothing is measured"


@pytest.mark.parametrize(("rate", "mib"), [(2e6, 2), (150_000, 2)])
def test_a_link_that_is_fast_enough_is_not_judged_by_the_time(make, soon, tmp_path: Path, rate, mib) -> None:
    assert run_virtual(bridged(make(recordings=1, mib=mib), rate, tmp_path), limit_s=3_600).complete


def test_little_footage_is_copied_over_any_link_without_measuring(make, tmp_path: Path) -> None:
    camera = make(recordings=1, mib=1)
    assert run_virtual(bridged(camera, FOOTAGE_RATE, tmp_path), limit_s=3_600).complete
    assert opened(camera) == 1, "by the copying alone"


def test_a_link_that_breaks_while_it_is_measured_is_not_refused(make, soon, tmp_path: Path) -> None:
    camera = make(recordings=1, mib=2)
    count = 0

    async def connect() -> Any:
        nonlocal count
        count += 1
        transport = MemoryTransport(camera, rate=150_000)
        client = await bwc_sdk.connect(transport, role=Role.DOCK_OFFLOAD, world=WORLD, allow_insecure=True)
        if count == 1:
            client.recordings.open = unlucky(client)
        return client

    def unlucky(client: Any) -> Any:
        async def fails(*args: Any, **options: Any) -> Any:
            await client.close()
            return await type(client.recordings).open(client.recordings, *args, **options)

        return fails

    async def scenario() -> Any:
        return await offload(connect, tmp_path, world=WORLD, allow_insecure=True).run()

    result = run_virtual(scenario(), limit_s=3_600)
    assert result.complete and result.reconnections == 1


def test_a_camera_that_cannot_read_on_tells_nothing_of_its_link(make, soon, tmp_path: Path) -> None:
    """Its link is slow, and what came of the first recording before its flash failed would say so: the copying finds
    out what is the matter, and leaves that recording on the camera."""
    camera = make(recordings=1, mib=2)
    (stored,) = camera.listing(0, 9)
    camera.storage.rot(stored.recording_id, 0, bad=range(100_000, 100_001))
    (outcome,) = run_virtual(bridged(camera, FOOTAGE_RATE, tmp_path), limit_s=3_600).outcomes
    assert isinstance(outcome, StillOnCamera) and "cannot be read" in outcome.reason


def test_a_recording_that_is_less_than_a_measure_is_measured_by_the_time_that_it_took(
    make, soon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end is the end of the measure: who waited on would take any link for a slow one."""
    monkeypatch.setattr(link_speed, "PROBE_BYTES", 4 * MIB)
    monkeypatch.setattr(link_speed, "PROBE_S", 300.0)
    camera = make(recordings=2, mib=1)
    assert run_virtual(bridged(camera, 2e6, tmp_path), limit_s=3_600).complete


def test_a_slow_link_is_told_by_a_recording_that_is_less_than_a_measure(
    make, soon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_speed, "PROBE_BYTES", 4 * MIB)
    monkeypatch.setattr(link_speed, "PROBE_S", 300.0)
    with pytest.raises(SlowLink):
        run_virtual(bridged(make(recordings=2, mib=1), FOOTAGE_RATE, tmp_path), limit_s=3_600)


def test_a_link_on_which_nothing_came_was_not_measured(
    make, soon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_speed, "PROBE_S", 1e-6)
    camera = make(recordings=1, mib=2)
    assert run_virtual(bridged(camera, FOOTAGE_RATE, tmp_path), limit_s=3_600).complete


def test_bays_that_share_a_line_are_not_judged_by_their_part_of_it(soon, tmp_path: Path) -> None:
    station = make_station(4, seed=5, recordings=2, mib=1, footage=Footage.SYNTHETIC, utc_ns=NOON_NS)

    async def connect() -> Any:
        transport = MemoryTransport(station, rate=400_000)
        return await bwc_sdk.connect_station(
            transport, role=Role.DOCK_OFFLOAD, world=WORLD, allow_insecure=True
        )

    async def scenario() -> Any:
        return await offload_station(connect, tmp_path, world=WORLD, allow_insecure=True).run()

    try:
        assert run_virtual(scenario(), limit_s=3_600).complete
    finally:
        station.close()
