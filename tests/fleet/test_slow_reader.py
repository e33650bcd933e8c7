"""A reader who is slow bounds what waits for it, and in the end halts the offloads (`FleetStream`)."""

import asyncio

import pytest

from bwc_sdk.offload import Finished, fleet_stream, offload_station


def test_what_waits_for_a_reader_is_bounded_and_everything_arrives(
    new_station, host, play, world, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_stream, "FULL", 7)
    monkeypatch.setattr("bwc_sdk.offload.feed.FULL", 5)

    async def scenario() -> None:
        job = offload_station(host(new_station(4, recordings=6)), store, world=world)
        finished = 0
        await anext(job)
        await asyncio.sleep(600)
        waiting = len(job._events)
        assert waiting == 7, "the queue is full, and no event more is in it"
        stored = len(list(store.glob("*.mp4*")))
        assert stored < 4 * 6, "the offloads wait for their reader"
        async for tagged in job:
            assert len(job._events) <= 7
            finished += isinstance(tagged.event, Finished)
        assert finished == 4 and job.result.complete
        assert len(list(store.glob("*.mp4*"))) == 4 * 6

    play(scenario())
