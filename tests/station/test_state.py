"""A station in a state directory: after a restart it is the same one, with the same cameras (spec: Station)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.declare import Role
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import ClockReason, TimeSource
from bwc_protocol.messages.station import BayState
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError, InvalidUri
from bwc_sdk.host.host_time import HostTime
from bwc_sdk.host.world import InlineWorkers, World
from firmware_sim.control.hands import Hands
from firmware_sim.flash.flash import StateError, StateInUse
from firmware_sim.ports.memory import MemoryTransport, forget_sims
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.state.directory import StateOfAnother
from firmware_sim.station.station import SimStation

Play = Callable[[Coroutine[Any, Any, Any]], Any]
Restart = Callable[..., SimStation]

NOON_NS = 1_800_014_400 * 1_000_000_000
OFF_S = 3_600
KEPT = HostTime(True, 1_000_000, "chrony")


@pytest.fixture
def restart(tmp_path: Path) -> Iterator[Restart]:
    """Ends the station that lives in the directory, if there is one, and makes it again an hour later."""
    made: list[SimStation] = []

    def again(bays: int = 3, **options: Any) -> SimStation:
        for station in made:
            station.close()
        utc_ns = made[-1].time.utc_ns() + OFF_S * 10**9 if made else NOON_NS
        whole = {"seed": 100, "recordings": 2, "mib": 1, "footage": Footage.SYNTHETIC, **options}
        made.append(make_station(bays, state=tmp_path, utc_ns=utc_ns, **whole))
        return made[-1]

    yield again
    for station in made:
        station.close()


def contents(station: SimStation) -> list[tuple[str, list[bytes]]]:
    return [
        (camera.serial, [found.manifest_sha256 for found in camera.listing(0, 99)])
        for camera in station.cameras()
    ]


def kinds(station: SimStation) -> list[AuditKind]:
    last, _ = station.audit.head()
    return [entry.kind for entry in station.audit.read(0, last).entries]


def test_a_restart_gives_the_same_station_and_the_same_cameras_with_their_recordings(
    restart: Restart, tmp_path: Path
) -> None:
    first = restart()
    before, serial, log = contents(first), first.serial, first.audit.head()
    assert [path.name for path in sorted(tmp_path.glob("bay-*"))] == ["bay-01", "bay-02", "bay-03"]
    second = restart(seed=7, recordings=5)
    assert contents(second) == before and all(len(held) == 2 for _, held in before)
    assert second.serial == serial, "who it is does not hang on the options of the next start"
    assert second.boot_counter == 2 and [camera.boot_counter for camera in second.cameras()] == [2, 2, 2]
    assert second.audit.read(log[0], 1).previous_sha256 == log[1], "the log goes on"
    assert kinds(second).count(AuditKind.BOOT) == 2


def test_what_a_camera_records_away_from_its_bay_is_there_after_a_restart(restart: Restart) -> None:
    station = restart()
    hands = Hands(station)
    camera = hands.take(2)
    assert camera.wearer.start()
    camera.time.skip(5)
    camera.wearer.stop()
    serial, newest = camera.serial, camera.listing(0, 99)[-1].manifest_sha256
    hands.close()
    again = restart().bays[2].camera
    assert again is not None and again.serial == serial, "each stands in its own bay at the start"
    assert [found.manifest_sha256 for found in again.listing(0, 99)][2:] == [newest]


@pytest.mark.rule("STA-008")
def test_the_number_of_a_docking_never_comes_again(restart: Restart, play: Play) -> None:
    station = restart()
    station.dock(1, station.undock(1))
    assert [bay.docking for bay in station.bays.values()] == [2, 1, 1]
    station = restart()
    assert [bay.docking for bay in station.bays.values()] == [3, 2, 2]

    async def scenario() -> int:
        async with bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.BENCH, allow_insecure=True
        ) as host:
            with pytest.raises(CommandError) as refused:
                await host.bays.lease(bay=1, docking=2, label="of before", seconds=60)
            return refused.value.code

    assert play(scenario()) == ErrorCode.CONFLICT


@pytest.mark.rule("STA-010", "STA-011")
def test_a_quarantine_outlasts_a_restart_and_its_incident_is_counted_on(restart: Restart, play: Play) -> None:
    station = restart()
    station.bays[2].heat_dc = 700
    station.settle()
    assert station.bays[2].quarantined

    async def scenario(incident: int) -> None:
        async with bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.BENCH, allow_insecure=True
        ) as host:
            bay = await host.bays.bay(bay=2)
            assert bay.state is BayState.QUARANTINE and not bay.power and not bay.data
            with pytest.raises(CommandError):
                await host.bays.power(bay=2, on=True)
            released = await host.bays.release(bay=2, incident=incident)
            assert released.power and released.data

    station = restart()
    play(scenario(1))
    station = restart()
    assert not station.bays[2].quarantined, "a release is kept as well"
    station.bays[2].heat_dc = 700
    station.settle()
    assert station.bays[2].incident == 2


def test_switches_latch_and_leases_end(restart: Restart, play: Play) -> None:
    async def switch() -> None:
        async with bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.BENCH, allow_insecure=True
        ) as host:
            await host.bays.power(bay=1, on=False)
            await host.bays.data(bay=3, on=False)
            await host.bays.lease(bay=2, docking=1, label="SIM-1", seconds=3600)

    station = restart()
    play(switch())
    bays = restart().bays
    assert [bay.power for bay in bays.values()] == [False, True, True]
    assert [bay.data for bay in bays.values()] == [True, True, False]
    assert bays[1].charge_ma == 0
    assert not any(bay.label for bay in bays.values())


def test_what_changes_is_kept_at_once_since_the_power_may_fail(
    restart: Restart, play: Play, tmp_path: Path
) -> None:
    def kept() -> dict[str, Any]:
        found: dict[str, Any] = json.loads((tmp_path / f"{SimStation.state_name}.json").read_bytes())
        return found

    station = restart()
    assert kept()["boot_counter"] == 1

    async def scenario() -> None:
        world = World(utc_ns=station.time.utc_ns, workers=InlineWorkers(), host_time=lambda: KEPT)
        async with bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.BENCH, world=world, allow_insecure=True
        ) as host:
            station.dock(3, station.undock(3))
            assert kept()["bays"][2]["docking"] == 2
            await host.bays.power(bay=1, on=False)
            await host.bays.data(bay=1, on=False)
            assert kept()["bays"][0] == {**kept()["bays"][0], "power": False, "data": False}
            station.bays[2].heat_dc = 700
            station.settle()
            assert kept()["bays"][1]["quarantined"]
            station.bays[2].heat_dc = 0
            station.settle()
            await host.bays.release(bay=2, incident=1)
            assert not kept()["bays"][1]["quarantined"] and kept()["bays"][1]["incident"] == 1
            before = kept()["clock"]
            await host.clock.sync(reason=ClockReason.ROUTINE, source=TimeSource.NTP)
            assert kept()["clock"] != before

    play(scenario())


def test_the_time_is_kept_every_minute_though_nothing_happens(
    restart: Restart, play: Play, tmp_path: Path
) -> None:
    def kept_ns() -> int:
        return int(json.loads((tmp_path / f"{SimStation.state_name}.json").read_bytes())["saved_utc_ns"])

    station = restart()
    before = kept_ns()

    async def scenario() -> None:
        async with bwc_sdk.connect_station(MemoryTransport(station), role=Role.BENCH, allow_insecure=True):
            await asyncio.sleep(150)
            assert kept_ns() - before >= 60 * 10**9

    play(scenario())


def test_its_clock_runs_on_while_it_is_off(restart: Restart, play: Play) -> None:
    async def synchronise() -> None:
        world = World(utc_ns=station.time.utc_ns, workers=InlineWorkers(), host_time=lambda: KEPT)
        async with bwc_sdk.connect_station(
            MemoryTransport(station), role=Role.BENCH, world=world, allow_insecure=True
        ) as host:
            await host.clock.sync(reason=ClockReason.ROUTINE, source=TimeSource.NTP)

    station = restart()
    play(synchronise())
    revision = station.clock.revision
    station = restart()
    assert station.clock.revision == revision
    assert abs(station.clock.utc_ns() - station.time.utc_ns()) <= station.clock.uncertainty_ns()
    assert station.clock.uncertainty_ns() < 100_000_000


# Directories that are not its own


def test_another_number_of_bays_is_refused_and_changes_nothing(restart: Restart, tmp_path: Path) -> None:
    before = contents(restart(3))
    for bays in (2, 4):
        with pytest.raises(StateOfAnother, match=f"a station of 3 bays, not {bays}"):
            restart(bays)
    assert not (tmp_path / "bay-04").exists()
    assert contents(restart(3)) == before


def test_a_camera_and_a_station_do_not_take_each_others_directory(restart: Restart, tmp_path: Path) -> None:
    restart().close()
    with pytest.raises(StateOfAnother, match="lives a docking station, not a camera"):
        make_camera(state=tmp_path)
    alone = make_camera(state=tmp_path / "bay-02")
    assert alone.serial == "SIM-00000066", "a camera of the station may be served by itself"
    alone.close()
    with pytest.raises(StateOfAnother, match="lives a camera, not a docking station"):
        make_station(1, state=tmp_path / "bay-02")


def test_a_directory_in_use_or_damaged_is_said_so_and_let_go(restart: Restart, tmp_path: Path) -> None:
    station = restart()
    with pytest.raises(StateInUse):
        make_station(3, state=tmp_path)
    station.close()
    kept = tmp_path / f"{SimStation.state_name}.json"
    good = kept.read_bytes()
    for damage in (b"[]", b"{", b"{}", good.replace(b'"docking"', b'"docked"')):
        kept.write_bytes(damage)
        with pytest.raises(StateError):
            make_station(3, state=tmp_path)
    kept.write_bytes(good)
    restart()


def test_a_station_in_this_process_keeps_its_state_by_its_uri(tmp_path: Path, play: Play) -> None:
    async def boots(bays: int) -> tuple[str, int]:
        uri = f"sim:?station={bays}&recordings=0&state={tmp_path}"
        async with bwc_sdk.connect_station(uri, world=World(workers=InlineWorkers())) as host:
            return host.identity, host.peer.boot_counter

    name, boot = play(boots(2))
    forget_sims()
    assert (boot, play(boots(2))) == (1, (name, 2))
    forget_sims()
    with pytest.raises(InvalidUri, match="a station of 2 bays, not 3"):
        play(boots(3))
