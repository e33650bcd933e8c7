"""What a connection counted can be read by any program: frames, repeats, and what was thrown away and why."""

import asyncio
import dataclasses
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import bwc_sdk
from bwc_protocol.conversation import EventReceived
from bwc_protocol.counting import Counts, Snapshot
from bwc_sdk import (
    ChannelCounters,
    Counters,
    DiscardReason,
    LinkCounters,
    MessageCounters,
    MessageDiscard,
    RecordingClosed,
    Role,
    StreamCounters,
    StreamDiscard,
    sync,
)
from bwc_sdk.errors import CommandTimeout, DeviceLost
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import OffloadPolicy, offload
from firmware_sim.faults.plan import FaultCount, FaultPlan
from firmware_sim.ports.memory import MemoryTransport, forget_sims
from firmware_sim.scenarios import Footage, make_camera, make_station
from firmware_sim.virtual_time import run_virtual

SNAPSHOTS = (Counters, LinkCounters, ChannelCounters, MessageCounters, StreamCounters)


@pytest.fixture(autouse=True)
def no_sims_left() -> Iterator[None]:
    yield
    forget_sims()


def played(scenario: Callable[[], Any]) -> Any:
    """Runs a scenario in virtual time."""
    return run_virtual(scenario(), limit_s=600)


# What they are


@pytest.mark.parametrize("kind", SNAPSHOTS)
def test_a_snapshot_is_frozen_documents_itself_and_can_be_kept(kind: type[Snapshot]) -> None:
    one = kind()
    assert kind.__doc__ and hash(one) == hash(kind()) and one == kind()
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.__setattr__(dataclasses.fields(kind)[0].name, 1)
    assert pickle.loads(pickle.dumps(one)) == one
    assert dataclasses.asdict(one)


def test_snapshots_are_added_and_taken_from_each_other_field_by_field() -> None:
    bad = Counts(DiscardReason, {DiscardReason.DUPLICATE: 2})
    one = Counters(link=LinkCounters(frames_in=3, discarded=bad), events_unread=1)
    assert one + one - one == one and (one + one).link.frames_in == 6
    assert (one + one).link.discarded[DiscardReason.DUPLICATE] == 4
    assert (one - one) == Counters() and bad.total == 2
    plain = one.plain()
    assert plain["link"]["discarded"]["duplicate"] == 2 and plain["link"]["discarded"]["stale_link"] == 0
    assert set(plain["streams"]["discarded"]) == {reason.name.lower() for reason in StreamDiscard}


# A camera


def test_a_sound_line_repeats_and_discards_nothing() -> None:
    async def scenario() -> None:
        async with bwc_sdk.connect(MemoryTransport(make_camera(seed=3)), allow_insecure=True) as camera:
            before = camera.counters
            await camera.battery.status()
            after = camera.counters
            assert before != after, "it is a snapshot"
            came = after - before
            assert (came.messages.requests, came.messages.replies, came.messages.refusals) == (1, 1, 0)
            assert came.channel.frames_out == 1 and came.channel.frames_in == 1
            assert came.link.frames_out >= 1 and came.link.bytes_in > came.channel.bytes_in > 0
            assert after.link.retransmissions == 0 and after.link.discarded.total == 0
            assert after.channel.discarded.total == 0

    played(scenario)


def test_what_is_damaged_or_comes_twice_is_counted_by_its_reason() -> None:
    async def scenario() -> None:
        faults = FaultCount(FaultPlan.parse("drop=0.05,duplicate=0.2,flip=1e-4", 5))
        async with bwc_sdk.connect(
            MemoryTransport(make_camera(seed=3), faults=faults), allow_insecure=True
        ) as camera:
            for _ in range(100):
                await camera.device.status()
            counted = camera.counters
            assert counted.link.discarded[DiscardReason.DUPLICATE] > 0
            assert counted.channel.discarded[DiscardReason.DUPLICATE] > 0
            damaged = counted.link.discarded[DiscardReason.HEADER_CRC] + counted.link.skipped_bytes
            assert damaged > 0 and counted.link.retransmissions == counted.channel.retransmissions > 0
            assert counted.messages.replies == 100

    played(scenario)


def test_the_counters_of_an_ended_connection_stay_as_they_were() -> None:
    async def scenario() -> None:
        camera = await bwc_sdk.connect(MemoryTransport(make_camera(seed=3)), allow_insecure=True)
        await camera.battery.status()
        live = camera.counters
        assert camera.error is None
        await camera.close()
        kept = camera.counters
        assert isinstance(camera.error, DeviceLost)
        assert kept.messages == live.messages and kept.link.frames_in >= live.link.frames_in
        with pytest.raises(DeviceLost):
            await camera.battery.status()
        assert camera.counters == kept

    played(scenario)


def test_events_that_nobody_read_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.connection.connection.EVENTS_MAX", 0)

    async def scenario() -> None:
        device = make_camera(seed=3, recordings=1, mib=1)
        async with bwc_sdk.connect(MemoryTransport(device), role=Role.BENCH, allow_insecure=True) as camera:
            await asyncio.sleep(0.1)
            device.wearer.start()
            await asyncio.sleep(5)
            assert camera.counters.events_unread == camera.counters.messages.events > 0

    played(scenario)


def test_of_events_that_nobody_reads_the_newest_are_kept() -> None:
    async def scenario() -> None:
        async with bwc_sdk.connect(MemoryTransport(make_camera(seed=3)), allow_insecure=True) as camera:
            for number in range(1_024 + 3):  # as many as are kept, and three more
                camera.connection.handle(EventReceived(RecordingClosed(recording=bytes(16), sequence=number)))
            assert camera.counters.events_unread == 3
            events = camera.events()
            kept = [await anext(events) for _ in range(1_024)]
            assert [one.sequence for one in kept if isinstance(one, RecordingClosed)] == list(range(3, 1_027))

    played(scenario)


def test_an_answer_for_which_nobody_waits_any_more_is_counted() -> None:
    async def scenario() -> None:
        async with bwc_sdk.connect(
            MemoryTransport(make_camera(seed=3), rate=4_000), allow_insecure=True
        ) as camera:
            camera.connection.call_timeout_s = 0.001
            with pytest.raises(CommandTimeout):
                await camera.battery.status()
            await asyncio.sleep(2)
            assert camera.counters.messages.discarded[MessageDiscard.LATE_REPLY] == 1
            assert camera.counters.messages.replies == 0

    played(scenario)


# Stations and bays


def test_each_bay_counts_its_own_channel_and_a_new_connection_begins_at_nothing() -> None:
    async def scenario() -> None:
        device = make_station(2, seed=3, recordings=1, mib=1, footage=Footage.SYNTHETIC)
        async with bwc_sdk.connect_station(MemoryTransport(device), allow_insecure=True) as station:
            async with station.camera(1) as one:
                for _ in range(10):
                    await one.device.status()
                async with station.camera(2) as two:
                    assert two.counters.channel.bytes_in < one.counters.channel.bytes_in
                    await two.device.status()
                    assert one.counters.messages.requests == 10 and two.counters.messages.requests == 1
                    assert two.counters.link.frames_in < one.counters.link.frames_in
            kept = one.counters
            async with station.camera(1) as again:
                assert one.counters == kept, "its bay goes on, and it does not"
                assert again.counters.messages.requests == 0
                assert again.counters.channel.frames_in < one.counters.channel.frames_in
            assert station.counters.link.frames_in > one.counters.link.frames_in
            assert station.counters.messages.requests == 0
        device.close()

    played(scenario)


# An offload


def test_an_offload_adds_up_what_all_of_its_connections_counted(tmp_path: Path) -> None:
    made: list[bwc_sdk.Camera] = []

    async def scenario() -> None:
        device = make_camera(seed=3, recordings=2, mib=1, footage=Footage.SYNTHETIC)
        faults = FaultCount(FaultPlan.parse("cut@400000,duplicate=0.05", 5))

        async def connect() -> bwc_sdk.Camera:
            made.append(
                await bwc_sdk.connect(
                    MemoryTransport(device, faults=faults), role=Role.DOCK_OFFLOAD, allow_insecure=True
                )
            )
            return made[-1]

        world = World(workers=InlineWorkers())
        result = await offload(
            connect, tmp_path, world=world, policy=OffloadPolicy(attempts=8), allow_insecure=True
        ).run()
        assert result.complete and result.reconnections == len(made) - 1 > 0
        whole = Counters()
        for camera in made:
            whole += camera.counters
        assert result.counters.link.frames_in > max(camera.counters.link.frames_in for camera in made)
        assert (
            result.counters.streams == whole.streams
            and result.counters.streams.bytes_in >= result.bytes_received
        )
        assert result.counters.channel.discarded == whole.channel.discarded
        assert result.counters.channel.discarded[DiscardReason.DUPLICATE] > 0

    played(scenario)


# For blocking programs


def test_the_blocking_twin_has_them_too(tmp_path: Path) -> None:
    uri = "sim:?seed=31&recordings=1&mib=1"
    with sync.connect(uri) as camera:
        before = camera.counters
        camera.battery.status()
        assert (camera.counters - before).messages.requests == 1
    result = sync.offload(uri, tmp_path).run()
    assert result.counters.streams.bytes_in >= result.bytes_received
    with sync.connect_station("sim:?seed=33&station=2") as station:
        station.device.status()
        assert station.error is None
        assert station.counters.messages.replies == 1
