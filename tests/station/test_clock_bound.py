"""The bound that a station states of its clock holds, however long it took to make it (spec: Clock)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.evidence import ClockState
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim import scenarios
from firmware_sim.camera.camera import SimCamera
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_station
from firmware_sim.station.station import SimStation

Play = Callable[[Coroutine[Any, Any, Any]], Any]

NOON_NS = 1_800_014_400 * 1_000_000_000
SEEDS = range(100, 800, 100)
FOOTAGE_S = 0.9
"""How long the footage of one camera takes to make."""
WAIT_S = 0.4
"""From a station that is made to one that is served."""
FLOAT_NS = 1000
"""Seconds as floats: below 1 us."""


@dataclass
class System:
    """The system's clocks, as the module `time` gives them: moved by hand and by a loop in virtual time."""

    now_s: float = 50.0
    loop: asyncio.AbstractEventLoop | None = None
    loop_began_s: float = 0.0

    def follow(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop_began_s = self.loop.time()

    def monotonic(self) -> float:
        return self.now_s + (self.loop.time() - self.loop_began_s if self.loop is not None else 0.0)

    def time_ns(self) -> int:
        return NOON_NS + round(self.monotonic() * 1e9)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    """What the simulator takes for the system's time; making footage takes its while."""
    system, fill = System(), scenarios._fill

    def slowly(camera: SimCamera, count: int) -> None:
        fill(camera, count)
        system.now_s += FOOTAGE_S

    monkeypatch.setattr("firmware_sim.device.device_time.time", system)
    monkeypatch.setattr(scenarios, "_fill", slowly)
    return system


@pytest.fixture(params=SEEDS)
def made(request: pytest.FixtureRequest, system: System) -> Iterator[SimStation]:
    """A station of four cameras, made at the system's time as `bwc sim --station 4` does."""
    station = make_station(4, seed=request.param, recordings=1, mib=1, footage=Footage.SYNTHETIC)
    yield station
    station.close()


def within(device: SimStation | SimCamera, system: System) -> bool:
    error_ns = device.clock.utc_ns() - system.time_ns()
    return abs(error_ns) <= device.clock.uncertainty_ns() + FLOAT_NS


def test_the_bound_holds_as_made_after_hours_and_after_a_set(
    made: SimStation, system: System, play: Play
) -> None:
    def pass_hours(hours: int) -> None:
        made.time.skip(hours * 3600.0)
        system.now_s += hours * 3600.0

    async def scenario() -> None:
        system.now_s += WAIT_S
        system.follow()
        line = MemoryTransport(made)
        known = HostTime(True, 1000, "chrony")
        world = World(workers=InlineWorkers(), utc_ns=system.time_ns, host_time=lambda: known)
        async with bwc_sdk.connect_station(line, role=Role.BENCH, world=world, allow_insecure=True) as client:
            reading = await client.clock.read()
            assert reading.state is ClockState.SYNCED and reading.uncertainty_ns < 40_000_000
            assert within(made, system)
            measured = await client.clock.measure()
            assert abs(measured.offset_ns) <= reading.uncertainty_ns + measured.uncertainty_ns + FLOAT_NS
            for hours in (1, 8, 30):
                pass_hours(hours)
                assert within(made, system)
            await client.clock.sync(reason=ClockReason.ROUTINE, source=TimeSource.NTP)
            reading = await client.clock.read()
            assert reading.uncertainty_ns < 1_000_000 and within(made, system)
            pass_hours(12)
            assert within(made, system)

    play(scenario())


def test_cameras_that_waited_for_the_others_keep_theirs(system: System, play: Play) -> None:
    async def scenario() -> None:
        system.follow()
        devices: list[SimStation | SimCamera] = [station, *station.cameras()]
        for device in devices:
            device.time.follow(asyncio.get_running_loop())
            assert within(device, system)
            assert device.clock.state is ClockState.SYNCED

    station = make_station(16, seed=100, recordings=1, mib=1, footage=Footage.SYNTHETIC)
    play(scenario())
    station.close()


def test_a_camera_is_logged_at_the_time_when_it_was_docked(made: SimStation, system: System) -> None:
    last, _ = made.audit.head()
    entry = made.audit.read(last - 1, last).entries[-1]
    assert abs(entry.utc_ns - system.time_ns()) <= made.clock.uncertainty_ns()


def test_the_self_test_states_no_less_than_the_bound(made: SimStation, system: System, play: Play) -> None:
    async def scenario() -> None:
        system.follow()
        world = World(workers=InlineWorkers(), utc_ns=system.time_ns)
        async with bwc_sdk.connect_station(
            MemoryTransport(made), role=Role.BENCH, world=world, allow_insecure=True
        ) as client:
            report = await client.device.self_test()
            (step,) = [step for step in report.steps if step.name == "clock"]
            stated_ms = int(step.detail.removeprefix("within ").removesuffix(" ms"))
            bound_ns = made.clock.uncertainty_ns()
            assert bound_ns <= stated_ms * 1_000_000 < bound_ns + 1_000_000
            assert within(made, system)

    play(scenario())
