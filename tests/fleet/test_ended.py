"""An event that says "ended" comes when it has ended: the camera is free for whoever hears it, the result there."""

import asyncio
from functools import partial

import pytest

from bwc_sdk.errors import DeviceBusy
from bwc_sdk.offload import (
    CameraFailed,
    Connected,
    Finished,
    RecordingFinished,
    StationLost,
    dock_watch,
    offload,
    offload_station,
)
from bwc_sdk.offload.station_link import StationLink
from firmware_sim.personalities import PERSONALITIES


def test_finished_finds_the_bay_free_and_the_result_there(new_station, host, play, world, store) -> None:
    async def scenario() -> None:
        async with await host(new_station(1), rate=2e5)() as station:
            job = offload(partial(station.camera, 1), store, world=world)
            async for event in job:
                if isinstance(event, Connected):
                    with pytest.raises(DeviceBusy) as busy:
                        await station.camera(1)
                    assert "Finished" in busy.value.advice
                if isinstance(event, Finished):
                    assert job.result is event.result
                    async with station.camera(1) as camera:
                        assert (await camera.device.status()).uptime_s >= 0
            assert job.result.complete

    play(scenario())


def test_finished_of_a_watch_finds_the_bay_free(new_station, host, play, world, store) -> None:
    async def scenario() -> None:
        async with dock_watch(host(new_station(2), rate=2e5), store, world=world) as watch:
            free = set()
            async for tagged in watch:
                if isinstance(tagged.event, Finished):
                    async with (await watch.station()).camera(tagged.bay) as camera:
                        await camera.battery.status()
                    free.add(tagged.bay)
                if len(free) == 2:
                    break

    play(scenario())


def test_a_camera_that_failed_is_free(new_station, host, play, world, store) -> None:
    station = new_station(2)
    PERSONALITIES["stuck-listing"](station.bays[1].camera)

    async def scenario() -> None:
        async with dock_watch(host(station, rate=2e5), store, world=world) as watch:
            async for tagged in watch:
                if isinstance(tagged.event, CameraFailed):
                    async with (await watch.station()).camera(tagged.bay) as camera:
                        await camera.battery.status()
                    break

    play(scenario())


def test_a_station_that_is_lost_has_no_link_open_any_more(new_station, host, play, world, store) -> None:
    station = new_station(1)
    links = []
    connect = host(station)

    async def connecting():
        links.append(await connect())
        return links[-1]

    async def scenario() -> None:
        async with dock_watch(connecting, store, world=world, allow_insecure=True) as watch:
            async for tagged in watch:
                if isinstance(tagged.event, Finished):
                    links[0].connection.driver.transport.unplug()
                if isinstance(tagged.event, StationLost):
                    assert links[0].connection.driver.transport._pipe is None, "closed"
                    break

    play(scenario())


def test_what_became_of_a_recording_is_told_when_its_files_are_free(
    new_station, host, play, world, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        files = world.files
        locks: set[int] = set()
        lock, close = files.lock, files.close
        monkeypatch.setattr(files, "lock", lambda file: (locks.add(file), lock(file))[1], raising=False)
        monkeypatch.setattr(files, "close", lambda file: (locks.discard(file), close(file))[1], raising=False)
        async for tagged in offload_station(host(new_station(1)), store, world=world):
            if isinstance(tagged.event, RecordingFinished):
                assert not locks
        await asyncio.sleep(0)

    play(scenario())


def test_a_link_that_is_live_is_not_tidied_away(new_station, host, play) -> None:
    async def scenario() -> None:
        link = StationLink(host(new_station(1)))
        station = await link.station()
        await link.tidy()
        assert await link.station() is station and station.connection.error is None
        await link.close()

    play(scenario())
