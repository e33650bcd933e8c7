"""What is done beside the footage: preparing the next recordings, finishing the former ones."""

import asyncio
from functools import wraps
from itertools import pairwise
from typing import Any

import pytest

from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import CommandError
from bwc_sdk.host.world import InlineWorkers
from bwc_sdk.offload import RecordingFinished, RecordingStarted, StoredVerified
from bwc_sdk.offload.pipeline import AHEAD, FINISHING_MAX
from bwc_sdk.offload.segment_file import SegmentFile
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
