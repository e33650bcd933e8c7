"""A defect of the program that one camera brings to light ends no other camera's offload, and is not silent."""

import asyncio
import logging
from pathlib import Path

import pytest

from bwc_sdk.clients.camera import Camera
from bwc_sdk.errors import ProgramFault
from bwc_sdk.offload import CameraFailed, Finished, OffloadResult, dock_watch, offload_station
from bwc_sdk.offload.dock_watch import RETRY_S
from bwc_sdk.offload.station_link import StationLink


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The camera in bay 2 cannot be connected to, by a defect, as often as this list is empty."""
    mended: list[int] = []
    connect = StationLink.camera

    async def fails(link: StationLink, bay: int) -> Camera:
        if bay == 2 and not mended:
            raise TypeError("that is no path")
        return await connect(link, bay)

    monkeypatch.setattr(StationLink, "camera", fails)
    return mended


def test_a_watch_tells_it_and_goes_on(
    new_station, host, play, world, store, defect: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        finished: set[str] = set()
        failures = 0
        begun = asyncio.get_running_loop().time()
        async with dock_watch(host(new_station(3)), store, world=world) as watch:
            async for tagged in watch:
                match tagged.event:
                    case CameraFailed(error=error):
                        assert isinstance(error, ProgramFault) and tagged.slot == "bay 2"
                        assert isinstance(error.__cause__, TypeError) and "that is no path" in str(error)
                        failures += 1
                        defect.append(1)
                    case Finished():
                        finished.add(tagged.slot)
                if len(finished) == 3:
                    break
        assert failures == 1 and asyncio.get_running_loop().time() - begun >= RETRY_S, "it was tried again"

    with caplog.at_level(logging.ERROR):
        play(scenario())
    assert [record.exc_info is not None for record in caplog.records] == [True], "with its traceback"


@pytest.mark.usefixtures("defect")
def test_an_offload_of_many_finishes_the_others(new_station, host, play, world, store) -> None:
    result = play(offload_station(host(new_station(3)), store, world=world).run())
    assert isinstance(result.cameras["bay 2"], ProgramFault) and not result.complete
    assert sum(isinstance(one, OffloadResult) and one.complete for one in result.cameras.values()) == 2


def test_a_destination_may_be_a_plain_string(new_station, host, play, world, store: Path) -> None:
    async def scenario() -> None:
        station = new_station(1)
        assert (await offload_station(host(station), str(store), world=world).run()).complete
        async with dock_watch(host(station), str(store), world=world) as watch:
            async for tagged in watch:
                if isinstance(tagged.event, Finished):
                    assert tagged.event.result.complete
                    break

    play(scenario())
