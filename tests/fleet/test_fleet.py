"""Many cameras at once: all are finished, equals at the same time, and one that fails is that camera's affair."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from bwc_protocol.messages.recordings import Mark
from bwc_sdk.errors import BwcError, DestinationError
from bwc_sdk.offload import (
    CameraEvent,
    CameraFailed,
    Finished,
    FleetJob,
    OffloadPolicy,
    OffloadResult,
    RecordingFinished,
    SegmentStored,
    StoredVerified,
    offload_many,
    offload_station,
)
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.scenarios import Footage, make_camera
from tools.testkit.stores import camera_clocks

MIB = 1_048_576
NOON_NS = 1_800_014_400 * 1_000_000_000
FAST = OffloadPolicy(attempts=2, silence_s=5.0)


def count(plan: str) -> FaultCount:
    return FaultCount(FaultPlan.parse(plan))


async def timed(job: FleetJob) -> tuple[list[CameraEvent], dict[str, float]]:
    """All events, and when each camera was finished."""
    loop = asyncio.get_running_loop()
    begun, events, ends = loop.time(), [], {}
    async for tagged in job:
        events.append(tagged)
        if isinstance(tagged.event, Finished):
            ends[tagged.slot] = loop.time() - begun
    return events, ends


def spread(ends: Iterable[float]) -> float:
    return max(ends) / min(ends)


@pytest.mark.parametrize("bays", [4, 16])
def test_equal_cameras_end_within_one_and_a_half_times_of_each_other(
    bays, new_station, host, play, world, store
) -> None:
    station = new_station(bays)

    async def scenario() -> None:
        job = offload_station(host(station, rate=2e6), store, world=world)
        _, ends = await timed(job)
        assert job.result.complete and set(ends) == {f"bay {bay}" for bay in range(1, bays + 1)}
        assert spread(ends.values()) <= 1.5
        assert len({path for path in store.rglob("*") if path.stat().st_size == MIB}) == bays

    play(scenario())


def test_events_and_results_of_a_station_name_their_bay_by_its_number(
    new_station, host, play, world, store
) -> None:
    station = new_station(3)
    station.undock(2)

    async def scenario() -> None:
        job = offload_station(host(station), store, world=world)
        events, _ = await timed(job)
        assert {(tagged.slot, tagged.bay) for tagged in events} == {("bay 1", 1), ("bay 3", 3)}
        result = job.result
        assert result.bays == {1: result.cameras["bay 1"], 3: result.cameras["bay 3"]}
        clocks = camera_clocks(store)
        assert len(clocks) == 2 and all(clocks)

    play(scenario())


@pytest.mark.parametrize("bays", [4, 16])
def test_the_budget_is_kept_and_shared_fairly(bays, new_station, host, play, world, store) -> None:
    station = new_station(bays)
    limit = 500_000

    async def scenario() -> None:
        job = offload_station(host(station), store, world=world, limit_bytes_per_s=limit)
        _, ends = await timed(job)
        assert job.result.complete
        assert spread(ends.values()) <= 1.5
        least_s = bays * MIB / limit
        assert 0.95 * least_s <= max(ends.values()) <= 1.1 * least_s + 1.0

    play(scenario())


def test_marked_and_held_recordings_come_first_across_cameras(new_station, host, play, world, store) -> None:
    station = new_station(2, docked=1, recordings=3)  # of three the second is marked, and the third held
    ordinary = make_camera(seed=900, recordings=1, mib=1, footage=Footage.SYNTHETIC, utc_ns=NOON_NS)
    station.dock(2, ordinary)

    async def scenario() -> None:
        job = offload_station(host(station), store, world=world, limit_bytes_per_s=1_000_000)
        events, _ = await timed(job)
        assert job.result.complete
        order = [
            (tagged.slot, bool(tagged.event.outcome.entry.marks & (Mark.MARKED | Mark.HELD)))
            for tagged in events
            if isinstance(tagged.event, RecordingFinished)
        ]
        assert order[:2] == [("bay 1", True)] * 2, "the other camera has only ordinary footage, and waits"
        assert sorted(order[2:]) == [("bay 1", False), ("bay 2", False)]

    play(scenario())


@pytest.mark.parametrize("fault", ["stall@300000", "cut@300000"])
def test_one_camera_that_stalls_or_vanishes_is_reported_and_the_others_are_finished(
    fault, new_station, host, play, world, store
) -> None:
    station = new_station(4)
    victim = station.undock(3)
    station.dock(3, victim, count(fault))

    async def scenario() -> None:
        job = offload_station(host(station), store, world=world, policy=FAST, limit_bytes_per_s=1_000_000)
        async for tagged in job:
            if tagged.slot == "bay 3" and isinstance(tagged.event, SegmentStored):
                pytest.fail("it was to fail before")
            if station.bays[3].camera is not None and type(tagged.event).__name__ == "ConnectionLost":
                station.undock(3)  # and it does not come back
        result = job.result
        assert not result.complete
        failed = result.cameras.pop("bay 3")
        assert isinstance(failed, BwcError) or not failed.complete
        assert len(result.cameras) == 3 and result.complete

    play(scenario())
    victim.close()


def test_a_camera_that_cannot_be_reached_is_an_event_of_its_own(
    new_station, host, play, world, store
) -> None:
    station = new_station(2)

    async def scenario() -> None:
        async with await host(station)() as client:
            cameras = {"one": lambda: client.camera(1), "none": lambda: client.camera(9)}
            job = offload_many(cameras, store, world=world, policy=FAST)
            events, ends = await timed(job)
            assert [tagged.slot for tagged in events if isinstance(tagged.event, CameraFailed)] == ["none"]
            assert all(tagged.bay is None for tagged in events) and job.result.bays == {}
            assert set(ends) == {"one"} and isinstance(job.result.cameras["none"], BwcError)
            one = job.result.cameras["one"]
            assert isinstance(one, OffloadResult) and isinstance(one.outcomes[0], StoredVerified)

    play(scenario())


def test_a_destination_that_cannot_be_used_is_told_once_before_anything_is_copied(
    new_station, host, play, world, tmp_path: Path
) -> None:
    async def scenario() -> None:
        job = offload_station(host(new_station(2)), tmp_path / "missing", world=world)
        with pytest.raises(DestinationError):
            await job.run()

    play(scenario())


def test_a_fleet_that_is_closed_leaves_no_task_and_goes_on_later(
    new_station, host, play, world, store
) -> None:
    station = new_station(4, mib=6)

    async def scenario() -> None:
        async with offload_station(host(station), store, world=world, limit_bytes_per_s=2_000_000) as job:
            await anext(job)
            await asyncio.sleep(8)
        await asyncio.sleep(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        again = await offload_station(host(station), store, world=world).run()
        assert again.complete
        kept = [one.bytes_kept for one in again.cameras.values() if isinstance(one, OffloadResult)]
        assert all(kept)

    play(scenario())
