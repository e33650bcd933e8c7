"""The time of a simulated device goes on from the moment that it is made, in the world in which it was made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from bwc_protocol.bindings.ble import PAIRING_WINDOW_S
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.device_time import DeviceTime
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.station.station import SimStation
from firmware_sim.virtual_time import run_virtual

NOON_NS = 1_800_014_400 * 1_000_000_000
WAIT_S = 90.0


@dataclass
class System:
    """The system's clocks, as the module `time` gives them, moved by hand."""

    now_s: float = 50.0

    def monotonic(self) -> float:
        return self.now_s

    def time_ns(self) -> int:
        return NOON_NS + round(self.now_s * 1e9)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    system = System()
    monkeypatch.setattr("firmware_sim.device.device_time.time", system)
    return system


async def live(device_time: DeviceTime, seconds: float) -> float:
    device_time.follow(asyncio.get_running_loop())
    await asyncio.sleep(seconds)
    return device_time()


def test_made_at_the_systems_time_it_runs_before_anybody_serves_it(system: System) -> None:
    device_time = DeviceTime()
    assert (device_time(), device_time.utc_ns()) == (0.0, system.time_ns())
    system.now_s += WAIT_S
    assert (device_time(), device_time.utc_ns()) == (WAIT_S, system.time_ns())


def test_what_it_waited_is_not_lost_when_it_is_served_in_virtual_time(system: System) -> None:
    device_time = DeviceTime()
    system.now_s += WAIT_S
    assert run_virtual(live(device_time, 10.0)) == pytest.approx(WAIT_S + 10.0)
    system.now_s += WAIT_S
    assert device_time() == pytest.approx(WAIT_S + 10.0), "from then on it is the loop's"


def test_made_by_a_scenario_it_stands_at_its_instant_until_a_loop_drives_it(system: System) -> None:
    device_time = DeviceTime(utc_ns=7)
    system.now_s += WAIT_S
    assert (device_time(), device_time.utc_ns()) == (0.0, 7)
    assert run_virtual(live(device_time, 2.0)) == 2.0
    assert device_time.utc_ns() == 2_000_000_007


def test_between_loops_in_real_time_it_runs_on() -> None:
    device_time = DeviceTime()
    first = asyncio.run(live(device_time, 0.0))
    assert asyncio.run(live(device_time, 0.0)) > first
    assert device_time() > first


@pytest.fixture(params=["camera", "station"])
def device(request: pytest.FixtureRequest, system: System) -> SimCamera | SimStation:
    made: SimCamera | SimStation
    if request.param == "camera":
        made = make_camera(recordings=1, mib=1, footage=Footage.SYNTHETIC)
    else:
        made = make_station(2, recordings=1, mib=1, footage=Footage.SYNTHETIC)
    request.addfinalizer(made.close)
    return made


def test_the_clock_of_a_device_that_waits_to_be_served_keeps_its_bound(
    device: SimCamera | SimStation, system: System
) -> None:
    for one in (device, *device.cameras()):
        for _ in range(3):
            system.now_s += WAIT_S
            assert abs(one.clock.utc_ns() - system.time_ns()) <= one.clock.uncertainty_ns()
        assert one.uptime_s == int(system.now_s - 50.0)


def test_what_ends_by_itself_ends_though_nobody_serves_the_camera(system: System) -> None:
    camera = make_camera()
    assert camera.radio.press() and camera.radio.window_open
    system.now_s += PAIRING_WINDOW_S + 1
    assert not camera.radio.window_open
    camera.close()
