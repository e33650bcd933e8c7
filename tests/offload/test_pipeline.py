"""What is done beside the footage: preparing the next recordings, finishing the former ones."""

import asyncio
from collections import Counter
from functools import wraps
from itertools import pairwise
from typing import Any

import pytest

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.destination.free_room import Room
from bwc_sdk.destination.segment_file import SegmentFile
from bwc_sdk.errors import CommandError
from bwc_sdk.host.world import InlineWorkers, World
from bwc_sdk.offload import (
    OffloadJob,
    OffloadPolicy,
    Progress,
    RecordingFinished,
    RecordingStarted,
    Resumed,
    StillOnCamera,
    StoredVerified,
)
from bwc_sdk.offload.pipeline import AHEAD, FINISHING_MAX
from firmware_sim.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("small_slabs")


class SlowMedium(InlineWorkers):
    """Work that waits for the medium takes a second; the sync of footage ten."""

    async def wait(self, work: Any, *args: Any) -> Any:
        called = args[0] if args else work
        await asyncio.sleep(10 if getattr(called, "__name__", "") == "settle" else 1)
        return work(*args)


def recordings(lab, count: int, segments: int = 1) -> list:
    return [lab.recording(number, (3 * lab.chunk,) * segments) for number in range(1, count + 1)]


def play(lab, device, files):
    """Runs an offload on a medium that takes its time; its result and events."""

    async def main():
        job = lab.job(device, files, workers=SlowMedium())
        return [event async for event in job], job.result

    events, result = run_virtual(main())
    return result, events


@pytest.fixture
def uses(monkeypatch) -> list[tuple[str, str]]:
    """What is done with the files of segments: (written, read or settled, name)."""
    seen: list[tuple[str, str]] = []
    for name in ("store", "settle", "check", "publish"):
        real = getattr(SegmentFile, name)

        @wraps(real)
        def watched(self: SegmentFile, *args: Any, _name: str = name, _real: Any = real) -> Any:
            seen.append((_name, self.final))
            return _real(self, *args)

        monkeypatch.setattr(SegmentFile, name, watched)
    return seen


@pytest.mark.parametrize("segments", [1, 3])
def test_what_is_received_is_finished_while_the_next_arrives_and_never_what_is_still_written(
    lab, uses, segments: int
) -> None:
    result, _ = play(lab, lab.device(recordings(lab, 4, segments)), lab.files(lab.disk()))
    assert result.complete
    files = list(dict.fromkeys(name for _, name in uses))
    assert len(files) == 4 * segments
    for one, following in pairwise(files):
        mine = [use for use, name in uses if name == one]
        assert mine == sorted(mine, key=["store", "settle", "check", "publish"].index)
        assert uses.index(("store", following)) < uses.index(("publish", one)), "the next one waited for it"


def test_no_more_is_prepared_and_nothing_more_finished_than_the_bounds_say(lab) -> None:
    count = AHEAD + FINISHING_MAX + 5
    device, disk = lab.device(recordings(lab, count)), lab.disk()
    files = lab.files(disk)
    most = 0

    def look(step: int, operation: str) -> None:
        nonlocal most
        most = max(most, len(files.open_handles) - 2)  # without the destination's own two

    files.before = look
    result, events = play(lab, device, files)
    assert result.complete
    # One is received, and a sidecar or custody record may be open for each that is finished or prepared.
    assert AHEAD + 1 < most <= 2 * (AHEAD + 1 + FINISHING_MAX)
    under_way = peak = 0
    for event in events:
        under_way += isinstance(event, RecordingStarted) - isinstance(event, RecordingFinished)
        peak = max(peak, under_way)
    assert 1 < peak <= FINISHING_MAX + 1


def test_what_the_medium_does_not_give_back_is_received_again_between_the_others(lab) -> None:
    device, disk = lab.device(recordings(lab, 3)), lab.disk()
    result, _ = play(lab, device, lab.files(disk, flip_on_medium=lab.chunk + 1))
    assert result.complete and all(isinstance(one, StoredVerified) for one in result.outcomes)
    again = [(sequence, offset) for sequence, _, offset, _ in device.asked if offset]
    assert again == [(1, lab.chunk)]


def test_what_cannot_be_prepared_is_no_outcome(lab) -> None:
    device = lab.device(recordings(lab, 3))
    real, calls = device.find, []

    def find(entry):
        calls.append(entry.sequence)
        if entry.sequence > 1 and calls.count(entry.sequence) == 1:
            raise CommandError("recordings.open", ErrorCode.STORAGE_FAULT, "busy with something else")
        return real(entry)

    device.find = find
    result, _ = play(lab, device, lab.files(lab.disk()))
    assert result.complete and {calls.count(number) > 1 for number in (2, 3)} == {True}


def test_an_offload_that_is_stopped_holds_nothing_of_what_was_prepared_or_finished(lab) -> None:
    device, disk = lab.device(recordings(lab, 9)), lab.disk()
    files = lab.files(disk)

    async def stop(after: int) -> None:
        job = lab.job(device, files, workers=SlowMedium())
        async for event in job:
            after -= isinstance(event, RecordingStarted)
            if not after:
                break
        await job.aclose()

    for after in (1, 3, 5):
        run_virtual(stop(after))
        assert not files.open_handles
        assert not any(inode.locked_by for inode in disk.live[".incoming"].values())
    assert play(lab, device, files)[0].complete


@pytest.mark.parametrize("half_seconds", range(1, 80))
def test_an_offload_that_is_stopped_at_any_moment_holds_nothing(lab, half_seconds: int) -> None:
    """Also while it opens its destination, or asks for room for what was prepared already."""
    device, disk = lab.device(recordings(lab, 4)), lab.disk()
    disk.capacity = 4 * 3 * lab.chunk + 100
    files = lab.files(disk)

    async def main() -> None:
        job = OffloadJob(
            device.connect,
            "/store",
            recordings=None,
            world=World(files=files, workers=SlowMedium()),
            policy=OffloadPolicy(reserve_bytes=0),
            room=Room(),
        )
        run = asyncio.create_task(job.run())
        await asyncio.sleep(half_seconds / 2 + 0.25)
        run.cancel()
        await asyncio.wait([run])

    run_virtual(main())
    assert not files.open_handles
    assert not any(inode.locked_by for inode in disk.live[".incoming"].values())


def test_segments_of_one_recording_take_their_names_one_after_the_other(lab) -> None:
    """They share the manifest: one that takes it back must not have been enough for another."""
    device = lab.device(recordings(lab, 3, segments=3))
    at_it: list[int] = []
    most: Counter[int] = Counter()

    class Watched(InlineWorkers):
        async def wait(self, work: Any, *args: Any) -> Any:
            if getattr(work, "__name__", "") != "_take_names":
                return work(*args)
            sequence = work.__self__._entry.sequence
            at_it.append(sequence)
            most[sequence] = max(most[sequence], at_it.count(sequence))
            most[0] = max(most[0], len(at_it))
            await asyncio.sleep(10)
            at_it.remove(sequence)
            return work(*args)

    result, _ = lab.run(device, lab.files(lab.disk()), workers=Watched())
    assert result.complete
    assert {most[number] for number in (1, 2, 3)} == {1} and most[0] > 1


def test_nothing_is_told_of_a_recording_before_it_started(lab) -> None:
    """What an earlier attempt left is looked through ahead; a reader hears of it in the order of the recordings."""
    device, disk = lab.device(recordings(lab, 4), piece=lab.chunk), lab.disk()
    for number in (1, 2, 3, 4):
        device.cut_at = [device.sent + 2 * lab.chunk]
        once = OffloadPolicy(attempts=0, reserve_bytes=0)
        assert not lab.run(device, lab.files(disk), recordings=[number], policy=once)[0].complete
    result, events = play(lab, device, lab.files(disk))
    assert result.complete and result.bytes_kept == 4 * 2 * lab.chunk
    begun: set[int] = set()
    resumed = 0
    for event in events:
        if isinstance(event, RecordingStarted):
            begun.add(event.entry.sequence)
        if isinstance(event, Resumed | Progress):
            assert event.recording in begun
            resumed += isinstance(event, Resumed)
    assert resumed == 4


@pytest.mark.parametrize("stored", [True, False])
def test_what_was_prepared_and_removed_meanwhile_is_fetched_anew(lab, stored: bool) -> None:
    """A clean-up job takes away a final name, or a part file, while it is held open for its turn."""
    device, disk = lab.device(recordings(lab, 3)), lab.disk()
    if stored:
        assert lab.run(device, lab.files(disk))[0].complete

    async def main():
        job = lab.job(device, lab.files(disk), workers=SlowMedium())
        async for event in job:
            if isinstance(event, RecordingStarted) and event.entry.sequence == 2:
                for directory, ending in (("", ".mp4"), (".incoming", ".part")):
                    for name in [name for name in disk.live[directory] if name.endswith(ending)]:
                        disk.change((directory, name, None))
        return job.result

    result = run_virtual(main())
    there = disk.final()
    for outcome in result.outcomes:
        if isinstance(outcome, StoredVerified):
            assert all(segment.path.name in there for segment in outcome.segments), "said to be stored"
    assert isinstance(result.outcomes[2], StoredVerified)
    assert lab.run(device, lab.files(disk))[0].complete


def test_a_final_file_that_goes_while_it_is_verified_is_not_stored(lab) -> None:
    device, disk = lab.device(recordings(lab, 1)), lab.disk()
    assert lab.run(device, lab.files(disk))[0].complete
    files = lab.files(disk)

    def before(step: int, operation: str) -> None:
        if operation == "drop_cache":
            for name in [name for name in disk.live[""] if name.endswith(".mp4")]:
                disk.change(("", name, None))

    files.before = before
    (outcome,) = lab.run(device, files)[0].outcomes
    assert isinstance(outcome, StillOnCamera) and "removed or replaced" in outcome.reason
    assert outcome.error is not None and "cleans up" in outcome.error.advice
    assert lab.run(device, lab.files(disk))[0].complete


def test_what_is_kept_counts_once_however_often_it_is_taken_up(lab) -> None:
    """A recording that is released, for room or behind too many that stall, is looked through again."""
    small = lab.recording(1, (lab.chunk,))
    device, disk = lab.device([small, *recordings(lab, 3)[1:]], piece=lab.chunk), lab.disk()
    for number in (2, 3):
        device.cut_at = [device.sent + 2 * lab.chunk]
        once = OffloadPolicy(attempts=0, reserve_bytes=0)
        lab.run(device, lab.files(disk), recordings=[number], policy=once)
    disk.capacity = lab.chunk * 5
    files = lab.files(disk)

    async def main():
        job = OffloadJob(
            device.connect,
            "/store",
            recordings=None,
            world=World(files=files, workers=SlowMedium()),
            policy=OffloadPolicy(reserve_bytes=0),
            room=Room(),
        )
        return await job.run()

    result = run_virtual(main())
    assert result.complete and result.bytes_kept == 2 * 2 * lab.chunk
