"""A camera in a bay that does not list all that it closed: told, never complete, and not read through each minute."""

import asyncio

from bwc_sdk.offload import Connected, Finished, RecordingsMissing, dock_watch, offload_station
from bwc_sdk.offload.dock_watch import RETRY_S


def test_a_watch_tells_it_and_does_not_begin_again_and_again(new_station, host, play, world, store) -> None:
    station = new_station(2, recordings=3)
    station.bays[1].camera.lose_recording()

    async def scenario() -> None:
        told: list[tuple[int | None, type]] = []
        async with dock_watch(host(station), store, world=world) as watch:

            async def read() -> None:
                async for tagged in watch:
                    told.append((tagged.bay, type(tagged.event)))
                    if isinstance(tagged.event, Finished):
                        assert tagged.event.result.complete is (tagged.bay == 2)

            reading = asyncio.create_task(read())
            await asyncio.sleep(5 * RETRY_S)
            reading.cancel()
            await asyncio.wait([reading])
        assert told.count((1, Connected)) == told.count((1, Finished)) == 1
        assert told.count((1, RecordingsMissing)) == 1 and (2, RecordingsMissing) not in told

    play(scenario())


def test_a_station_is_complete_only_with_all_of_all_cameras(new_station, host, play, world, store) -> None:
    station = new_station(2, recordings=3)
    station.bays[1].camera.lose_recording()
    result = play(offload_station(host(station), store, world=world).run())
    assert not result.complete
    assert [(one.first, one.last) for one in result.cameras["bay 1"].missing] == [(1, 1)]
    assert result.cameras["bay 2"].complete
