"""The loop that docking-station software runs: cameras come and go, and nothing is lost or left behind."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import bwc_protocol
import bwc_sdk
from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import DestinationError, DeviceLost, VersionMismatch, WrongDevice
from bwc_sdk.offload import (
    CameraFailed,
    Connected,
    DestinationBack,
    DestinationLost,
    Finished,
    Interrupted,
    Progress,
    Resumed,
    StationBack,
    StationLost,
    dock_watch,
)
from bwc_sdk.offload.dock_watch import LOOK_S, RETRY_S
from bwc_sdk.offload.fleet_events import DESTINATION, STATION
from bwc_sdk.offload.station_link import StationLink
from firmware_sim.control.dock_script import DockScript
from firmware_sim.ports.memory import MemoryTransport
from firmware_sim.scenarios import Footage, make_camera
from tests.tiers import Tier, chosen
from tools.testkit.stores import camera_clocks

CYCLES = 20_000 if chosen() is Tier.NIGHT else 1_000
"""Dockings: two hundred and fifty a bay; at night those of a year."""
TRACED = CYCLES // 10
"""The last of them, in which every allocation is followed; it takes three times as long."""
HELD_MAX = 64
"""Bytes a docking by which what the SDK holds may grow: a hundredth of one connection. Measured: 0 to 10."""
ALONE = "BWC_TEST_ALONE"
"""Set in the process that has the one test to itself."""
RESIDENT_MAX = 4_096
"""Bytes a docking by which the whole process may grow: the devices' logs take 1,500."""


def test_an_interrupted_camera_resumes_in_another_bay(new_station, host, play, world, store) -> None:
    station = new_station(4, docked=2, mib=6)

    async def scenario() -> None:
        told: list[tuple[str, str]] = []
        serial = station.bays[1].camera.serial
        async with dock_watch(host(station), store, world=world, limit_bytes_per_s=200_000) as watch:
            async for tagged in watch:
                match tagged.event:
                    case Progress(bytes_done=done) if tagged.slot == "bay 1" and done > 2_000_000:
                        if station.bays[1].camera is not None:
                            camera = station.undock(1)
                    case Interrupted(identity=identity):
                        told.append((tagged.slot, "interrupted"))
                        assert identity == serial
                        station.dock(4, camera)
                    case Resumed(bytes_kept=kept):
                        told.append((tagged.slot, "resumed"))
                        assert kept >= 2_000_000
                    case Finished(result=result) if tagged.slot == "bay 4":
                        assert result.complete and result.identity == serial
                        break
        assert told == [("bay 1", "interrupted"), ("bay 4", "resumed")]

    play(scenario())


def test_a_camera_that_is_docked_later_joins(new_station, host, play, world, store) -> None:
    station = new_station(2)
    late = station.undock(2)

    async def scenario() -> None:
        finished: list[str] = []
        async with dock_watch(host(station), store, world=world) as watch:
            async for tagged in watch:
                if isinstance(tagged.event, Finished):
                    assert tagged.event.result.complete
                    finished.append(tagged.slot)
                    if len(finished) == 2:
                        break
                    asyncio.get_running_loop().call_later(100, station.dock, 2, late)
        assert finished == ["bay 1", "bay 2"]
        clocks = camera_clocks(store)
        assert len(clocks) == 2 and all(clocks)

    play(scenario())


def test_a_station_that_reboots_is_told_and_its_cameras_are_finished(
    new_station, host, play, world, store
) -> None:
    station = new_station(3)

    async def scenario() -> None:
        lost, finished = 0, set()
        async with dock_watch(host(station), store, world=world, limit_bytes_per_s=200_000) as watch:
            async for tagged in watch:
                match tagged.event:
                    case Progress() if not lost and station.running:
                        station.crash()
                    case StationLost():
                        lost += 1
                    case Finished(result=result) if result.complete:
                        finished.add(tagged.slot)
                        if len(finished) == 3:
                            break
        assert lost

    play(scenario())


def test_a_station_that_is_back_is_told_once_after_each_loss_and_not_at_the_first_connection(
    new_station, host, play, world, store
) -> None:
    station = new_station(1)
    connect = host(station)
    refusals = 0

    async def gone_for_a_while() -> bwc_sdk.DockingStation:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise DeviceLost("the cable is out")
        return await connect()

    async def scenario() -> None:
        nonlocal refusals
        told: list[type] = []

        async def read(watch) -> None:
            async for tagged in watch:
                if isinstance(tagged.event, StationLost | StationBack):
                    assert tagged.slot == STATION
                    told.append(type(tagged.event))

        async with dock_watch(gone_for_a_while, store, world=world, allow_insecure=True) as watch:
            reader = asyncio.create_task(read(watch))
            await asyncio.sleep(3 * LOOK_S)
            assert told == []
            for _ in range(2):
                told.clear()
                refusals = 2
                station.crash()
                await asyncio.sleep(10 * LOOK_S)
                assert refusals == 0
                assert told.count(StationBack) == 1 and told[-1] is StationBack
                assert told.count(StationLost) >= 3
            reader.cancel()
            await asyncio.wait([reader])

    play(scenario())


def test_a_watch_lends_the_station_that_it_has(new_station, host, play, world, store) -> None:
    """Nobody else can have it meanwhile, and a dock's program has lights, power and leases to see to."""
    station = new_station(2)

    async def scenario() -> None:
        labels, watch = {}, dock_watch(host(station), store, world=world)
        with pytest.raises(RuntimeError, match="does not run"):
            await watch.station()
        async with watch:
            async for tagged in watch:
                bay = int(tagged.slot.removeprefix("bay "))
                match tagged.event:
                    case Connected(identity=identity):
                        lent = await watch.station()
                        docking = (await lent.bays.bay(bay=bay)).docking
                        await lent.bays.lease(bay=bay, docking=docking, label=identity, seconds=600)
                    case Finished(result=result):
                        assert result.complete
                        labels[bay] = (await (await watch.station()).bays.bay(bay=bay)).label
                        if len(labels) == 2:
                            break
        assert labels == {bay: station.bays[bay].camera.serial for bay in (1, 2)}
        with pytest.raises(RuntimeError, match="does not run"):
            await watch.station()

    play(scenario())


def test_a_station_that_was_lost_is_lent_again_over_its_new_link(
    new_station, host, play, world, store
) -> None:
    station = new_station(1)

    async def scenario() -> None:
        async with dock_watch(host(station), store, world=world) as watch:
            async for tagged in watch:
                match tagged.event:
                    case Finished():
                        before = await watch.station()
                        station.crash()
                    case StationBack():
                        now = await watch.station()
                        assert now is not before and before.connection.error is not None
                        await now.bays.identify(bay=1, seconds=5)
                        break

    play(scenario())


def test_a_camera_that_failed_and_still_stands_there_is_tried_again(
    new_station, host, play, world, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = StationLink.camera
    attempts = 0

    async def fails_at_first(link: StationLink, bay: int) -> Camera:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise DeviceLost("contacts are dirty")
        return await connect(link, bay)

    monkeypatch.setattr(StationLink, "camera", fails_at_first)
    station = new_station(1)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        failed_s = 0.0
        async with dock_watch(host(station), store, world=world) as watch:
            async for tagged in watch:
                match tagged.event:
                    case CameraFailed():
                        failed_s = loop.time()
                    case Finished(result=result):
                        assert result.complete
                        assert RETRY_S <= loop.time() - failed_s <= RETRY_S + LOOK_S + 1
                        break
        assert failed_s

    play(scenario())


def test_whoever_stands_in_a_bay_when_the_link_is_back_is_offloaded_whatever_its_number(
    new_station, host, play, world, store
) -> None:
    """A station that booted counts its dockings anew: the number of another visit may be that of one that ended."""
    station = new_station(2, docked=2)
    links = []
    connect = host(station)

    async def connecting():
        links.append(await connect())
        return links[-1]

    async def scenario() -> None:
        swapped = 0
        finished: list[tuple[int, str]] = []
        async with dock_watch(connecting, store, world=world, allow_insecure=True) as watch:
            async for tagged in watch:
                if not isinstance(tagged.event, Finished):
                    continue
                finished.append((tagged.bay, tagged.event.result.identity))
                if len(finished) == 2:
                    numbers = station.bays[1].docking, station.bays[2].docking
                    one, two = station.undock(1), station.undock(2)
                    station.dock(1, two)
                    station.dock(2, one)
                    station.bays[1].docking, station.bays[2].docking = numbers
                    links[-1].connection.driver.transport.unplug()
                    swapped = len(finished)
                if swapped and len(finished) == 4:
                    break
        assert sorted(finished[:2]) != sorted(finished[2:]) and {bay for bay, _ in finished[2:]} == {1, 2}

    play(scenario())


def test_what_a_station_is_when_it_comes_back_does_not_end_the_watch(
    new_station, host, play, world, store
) -> None:
    """A station that boots into its old firmware, say: it was met before, and may be itself again soon."""
    station = new_station(1)
    links = []
    connect = host(station)
    wrong = [VersionMismatch("no version in common")]

    async def connecting():
        if links and wrong:
            raise wrong.pop()
        links.append(await connect())
        return links[-1]

    async def scenario() -> None:
        lost = []
        async with dock_watch(connecting, store, world=world, allow_insecure=True) as watch:
            async for tagged in watch:
                match tagged.event:
                    case Finished() if len(links) == 1:
                        links[0].connection.driver.transport.unplug()
                    case StationLost(error=error):
                        lost.append(type(error))
                    case StationBack():
                        break
        assert lost[-1] is VersionMismatch and not wrong

    play(scenario())


@pytest.mark.ci
@pytest.mark.timeout(180)  # ten seconds of work, which a busy machine may take much longer for
def test_thousands_of_dockings_leave_nothing_behind(request: pytest.FixtureRequest) -> None:
    """Tasks, handles, threads and memory are bounded by the number of bays, however many dockings there were.

    In a process of its own: what other tests left behind in this one goes on taking memory meanwhile.
    """
    if ALONE in os.environ:
        fixtures = ("new_station", "host", "play", "world", "store")
        leave_nothing_behind(*(request.getfixturevalue(name) for name in fixtures))
        return
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = (*(sys.executable, "-m", "pytest", "-q", "-n", "0"), "--tier", chosen(), request.node.nodeid)
    done = subprocess.run(
        command, cwd=request.config.rootpath, env=own | {ALONE: "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def leave_nothing_behind(new_station, host, play, world, store) -> None:
    station = new_station(4, docked=4)
    script = DockScript(station, seed=7, pause_s=0.5)
    seen: list[Footprint] = []
    traced: list[int] = []
    told: Counter[str] = Counter()

    async def scenario() -> None:
        async with dock_watch(host(station, rate=2e6), store, world=world) as watch:
            reader = asyncio.create_task(_read(watch, told))
            while script.cycles < CYCLES:
                for file in filter(Path.is_file, store.iterdir()):
                    file.unlink()  # so that there is something to copy again
                await script.run(script.cycles + CYCLES // 20)
                script.everybody_back()  # to be compared, all bays have to be full
                await asyncio.sleep(20)
                seen.append(footprint(watch))
                if script.cycles >= CYCLES - TRACED:
                    if tracemalloc.is_tracing():
                        traced.append(held_by_sdk())
                    else:
                        tracemalloc.start()
            reader.cancel()
            await asyncio.wait([reader])
        await asyncio.sleep(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    try:
        play(scenario())
    finally:
        tracemalloc.stop()
    assert told["Finished"] >= CYCLES // 2 and told["SegmentStored"] >= 40 and told["Interrupted"], told
    warm, *later = seen[1:]
    assert max(one.tasks for one in seen) <= 4 * 4 + 8
    assert max(one.visits for one in seen) <= 4
    assert max(one.handles for one in later) <= warm.handles + 8
    assert max(one.threads for one in later) <= warm.threads
    untraced = [one.resident_bytes for one in later[: -TRACED * 20 // CYCLES]]
    assert (untraced[-1] - warm.resident_bytes) / (CYCLES - TRACED) <= RESIDENT_MAX, untraced
    assert len(traced) == 2 and (traced[1] - traced[0]) / (TRACED // 2) <= HELD_MAX, traced


@dataclass
class Footprint:
    """What a process holds."""

    tasks: int
    handles: int
    threads: int
    visits: int
    resident_bytes: int


def footprint(watch) -> Footprint:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Footprint(
        tasks=len(asyncio.all_tasks()),
        handles=len(list(Path("/proc/self/fd").iterdir())),
        threads=threading.active_count(),
        visits=len(watch._visits),
        resident_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
    )


def held_by_sdk() -> int:
    """Bytes that the SDK and the protocol allocated and still hold. The logs of the simulated devices, which grow with
    every session as they must, are theirs, and so is the chain of hashes in them."""
    wanted = [
        tracemalloc.Filter(True, f"{Path(bwc_sdk.__file__).parent}/*"),
        tracemalloc.Filter(True, f"{Path(bwc_protocol.__file__).parent}/*"),
    ]
    ours = tracemalloc.take_snapshot().filter_traces(wanted)
    logs = tracemalloc.Filter(False, f"{Path(bwc_protocol.__file__).parent}/evidence/*")
    return sum(trace.size for trace in ours.filter_traces([logs]).traces)


async def _read(watch, told: Counter[str]) -> None:
    async for tagged in watch:
        told[type(tagged.event).__name__] += 1


def test_a_destination_that_moves_away_is_told_and_waited_for(
    new_station, host, play, world, store: Path
) -> None:
    """What stands at its path meanwhile is another directory, such as the empty one under a mount point."""
    station = new_station(1, mib=2)
    second = station.undock(1)
    elsewhere = store.with_name("elsewhere")

    async def scenario() -> None:
        told: list[type] = []
        async with dock_watch(host(station), store, world=world) as watch:
            loop = asyncio.get_running_loop()

            def move_away() -> None:
                store.rename(elsewhere)
                store.mkdir()
                station.dock(1, second)

            def move_back() -> None:
                assert not list(store.iterdir())
                store.rmdir()
                elsewhere.rename(store)

            loop.call_later(5, move_away)
            async for tagged in watch:
                told.append(type(tagged.event))
                match tagged.event:
                    case DestinationLost(error=error):
                        assert tagged.slot == DESTINATION and "not at its path" in error.rule
                        loop.call_later(200, move_back)
                    case Finished(result=result):
                        assert result.complete
                        break
        assert told[:2] == [DestinationLost, DestinationBack]
        assert told.count(DestinationLost) == 1

    play(scenario())
    assert list(store.glob("*.mp4*"))


def test_a_destination_that_cannot_be_used_ends_the_watch(
    new_station, host, play, world, tmp_path: Path
) -> None:
    async def scenario() -> None:
        with pytest.raises(DestinationError):
            await anext(dock_watch(host(new_station(1)), tmp_path / "missing", world=world))

    play(scenario())


def test_a_camera_in_place_of_the_station_is_a_mistake_and_not_tried_for_ever(play, world, store) -> None:
    device = make_camera(seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC)

    async def connect() -> bwc_sdk.DockingStation:
        return await bwc_sdk.connect_station(
            MemoryTransport(device),
            role=bwc_sdk.Role.DOCK_OFFLOAD,
            world=world,
            allow_insecure=True,
        )

    async def scenario() -> None:
        async with dock_watch(connect, store, world=world, allow_insecure=True) as watch:
            with pytest.raises(WrongDevice, match="not a station"):
                async for tagged in watch:
                    raise AssertionError(tagged)
        device.close()

    play(scenario())
