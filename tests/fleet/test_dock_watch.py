"""The loop that docking-station software runs: cameras come and go, and nothing is lost or left behind."""

import asyncio
from pathlib import Path

import pytest

from bwc_sdk.camera import Camera
from bwc_sdk.errors import DestinationError, DeviceLost
from bwc_sdk.offload import CameraFailed, Finished, Interrupted, Progress, Resumed, StationLost, dock_watch
from bwc_sdk.offload.dock_watch import LOOK_S, RETRY_S
from bwc_sdk.offload.station_link import StationLink
from firmware_sim.dock_script import DockScript

CYCLES = 200
"""Dockings: fifty a bay."""


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


def test_officers_who_come_and_go_leave_nothing_behind(new_station, host, play, world, store) -> None:
    """Tasks, handles and visits are bounded by the number of bays, however many dockings there were."""
    station = new_station(4, docked=4)
    script = DockScript(station, seed=7, pause_s=5.0)

    async def scenario() -> None:
        tasks: list[int] = []
        handles: list[int] = []
        async with dock_watch(host(station), store, world=world) as watch:
            reader = asyncio.create_task(_read(watch))
            while script.cycles < CYCLES:
                await script.run(script.cycles + CYCLES // 4)
                await asyncio.sleep(200)
                tasks.append(len(asyncio.all_tasks()))
                handles.append(_handles())
            reader.cancel()
            await asyncio.wait([reader])
        assert max(tasks) <= 4 * 4 + 8
        assert max(handles) <= handles[0] + 8
        assert len(watch._visits) <= 4
        await asyncio.sleep(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    play(scenario())


def _handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _read(watch) -> None:
    async for _ in watch:
        pass


def test_a_destination_that_cannot_be_used_ends_the_watch(
    new_station, host, play, world, tmp_path: Path
) -> None:
    async def scenario() -> None:
        with pytest.raises(DestinationError):
            await anext(dock_watch(host(new_station(1)), tmp_path / "missing", world=world))

    play(scenario())
