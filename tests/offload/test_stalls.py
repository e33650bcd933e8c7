"""What stalls, or only trickles, makes way for the rest and is given up in the end."""

import asyncio
from pathlib import Path

import pytest

from bwc_sdk.errors import CommandTimeout, DeviceLost, ProgramFault, StreamStalled
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import (
    ConnectionLost,
    OffloadPolicy,
    RecordingFinished,
    RecordingPostponed,
    RecordingStarted,
    StillOnCamera,
    StoredVerified,
)
from bwc_sdk.offload.pipeline import AHEAD
from firmware_sim.virtual_time import run_virtual

POLICY = OffloadPolicy(attempts=2, reserve_bytes=0)
SILENT = (0, 1.0)


def run(lab, device, path: Path, policy: OffloadPolicy = POLICY):
    """Result, events, and how long it took."""

    async def main():
        job = lab.job(device, OsFileSystem(), path, policy=policy)
        events = [event async for event in job]
        return job.result, events, asyncio.get_running_loop().time()

    return run_virtual(main())


@pytest.mark.parametrize(
    ("drip", "given_up"),
    [
        (SILENT, True),
        ((1, 10.0), True),
        ((1023, 30.1), True),
        ((100, 3.0), True),
        ((100, 2.5), False),
        ((1024, 29.9), False),
    ],
)
def test_a_stream_has_a_rate_below_which_it_is_given_up(lab, tmp_path: Path, drip, given_up: bool) -> None:
    device = lab.device([lab.recording(1, (20_000,))], drips={1: drip})
    result, events, took_s = run(lab, device, tmp_path)
    if not given_up:
        assert result.complete
        return
    (outcome,) = result.outcomes
    assert isinstance(outcome, StillOnCamera) and isinstance(outcome.error, StreamStalled)
    assert outcome.error.window_s == 30 and outcome.error.came_bytes < 1024
    lost = [event.error for event in events if isinstance(event, ConnectionLost)]
    assert len(lost) == 2 and all(isinstance(error, StreamStalled) for error in lost)
    assert [event.attempts_left for event in events if isinstance(event, RecordingPostponed)] == [2, 1]
    assert 90 <= took_s < 100, "three attempts of 30 s"


def test_the_last_bytes_of_a_stream_are_fewer_and_have_the_same_time(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (700,))], drips={1: (100, 4.0)})
    assert run(lab, device, tmp_path)[0].complete


def test_what_a_stream_may_lack_is_the_policys(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (2_000,))], drips={1: (10, 1.0)})
    policy = OffloadPolicy(attempts=0, reserve_bytes=0, silence_s=5.0, least_bytes=51)
    assert not run(lab, device, tmp_path, policy)[0].complete
    policy = OffloadPolicy(attempts=0, reserve_bytes=0, silence_s=5.0, least_bytes=40)
    assert run(lab, device, tmp_path, policy)[0].complete


def test_recordings_that_stall_go_to_the_end_and_the_good_ones_are_stored_first(lab, tmp_path: Path) -> None:
    device = lab.device(
        [lab.recording(sequence, (10_000,)) for sequence in range(1, 11)],
        drips=dict.fromkeys((1, 2, 3, 4), SILENT),
    )
    result, events, took_s = run(lab, device, tmp_path)
    assert [type(outcome) for outcome in result.outcomes] == [StillOnCamera] * 4 + [StoredVerified] * 6
    ended = [event.outcome.entry.sequence for event in events if isinstance(event, RecordingFinished)]
    assert ended == [5, 6, 7, 8, 9, 10, 1, 2, 3, 4]
    turns = [event.recording for event in events if isinstance(event, RecordingPostponed)]
    assert turns == [1, 2, 3, 4] * 2, "each as often as any other"
    assert took_s < 4 * 3 * 35
    assert not list(tmp_path.glob("*.lock")) and device.sent == 60_000


def test_a_recording_that_gets_on_between_its_stalls_is_stored_in_the_end(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10 * lab.chunk,)), lab.recording(2, (100,))], piece=lab.chunk)
    stalls = iter(range(3 * lab.chunk, 10 * lab.chunk, 2 * lab.chunk + 100))

    def stall_again() -> None:
        device.stall_at = next((at for at in stalls if at > device.sent), -1)

    device.before_open = stall_again
    result, events, _ = run(lab, device, tmp_path, OffloadPolicy(attempts=1, reserve_bytes=0))
    assert result.complete
    postponed = [event.attempts_left for event in events if isinstance(event, RecordingPostponed)]
    assert len(postponed) > 1 and set(postponed) == {1}, "none of its attempts was fruitless"
    started = [event.entry.sequence for event in events if isinstance(event, RecordingStarted)]
    assert started == [1, 2]


def test_a_manifest_that_does_not_come_is_a_stall_of_that_recording(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2)])
    original = device.connect

    async def connect():
        camera = await original()
        honest = camera.read_manifest

        async def read_manifest(entry):
            if entry.sequence == 1:
                raise CommandTimeout("no reply to recordings.manifest in 10 s")
            return await honest(entry)

        camera.read_manifest = read_manifest
        return camera

    device.connect = connect
    result, events, _ = run(lab, device, tmp_path)
    assert [type(outcome) for outcome in result.outcomes] == [StillOnCamera, StoredVerified]
    assert sum(isinstance(event, RecordingPostponed) for event in events) == 2


def test_a_recording_that_runs_into_a_defect_does_not_keep_the_others(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2)])
    original = device.connect

    async def connect():
        camera = await original()
        honest = camera.read_manifest

        async def read_manifest(entry):
            if entry.sequence == 1:
                raise ValueError("min() iterable argument is empty")
            return await honest(entry)

        camera.read_manifest = read_manifest
        return camera

    device.connect = connect
    result, _, _ = run(lab, device, tmp_path)
    one, other = result.outcomes
    assert isinstance(one, StillOnCamera) and isinstance(one.error, ProgramFault)
    assert isinstance(one.error.__cause__, ValueError)
    assert isinstance(other, StoredVerified)
    assert device.connections == 2, "whatever is under way on the old connection is none of the next one's"


@pytest.mark.parametrize("lost", [False, True], ids=["given up", "out of reach"])
def test_a_recording_that_waits_for_its_next_turn_holds_its_file_and_gives_it_back(
    lab, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bwc_sdk.offload.queue.HOLDING_MAX", 3)
    disk = lab.disk()
    files = lab.files(disk)
    device = lab.device(
        [lab.recording(sequence, (10_000,)) for sequence in range(1, 20)],
        drips=dict.fromkeys(range(1, 19), SILENT),
    )
    held = []

    def lose() -> None:
        held.append(sum(inode.locked_by > 0 for inode in disk.live[".incoming"].values()))
        if lost and len(held) == 19:
            device.connect_errors.extend([DeviceLost("unplugged")] * 10)

    device.before_open = lose
    result, _ = lab.run(device, files, policy=POLICY)
    assert isinstance(result.outcomes[18], StoredVerified) and not result.complete
    assert max(held) > 3 and max(held) <= 3 + 1 + AHEAD, (
        "the one under way, those that wait, and those that come next"
    )
    assert not files.open_handles


def test_an_offload_that_is_stopped_gives_back_what_waits(lab) -> None:
    files = lab.files(lab.disk())
    device = lab.device(
        [lab.recording(sequence, (10_000,)) for sequence in range(1, 16)],
        drips=dict.fromkeys(range(1, 16), SILENT),
    )

    async def main() -> None:
        job = lab.job(device, files)
        async for event in job:
            if isinstance(event, RecordingPostponed) and event.recording == 6:
                break
        await job.aclose()

    run_virtual(main())
    assert not files.open_handles


def test_a_defect_while_a_recording_is_finished_is_its_own_affair(lab) -> None:
    met: list[int] = []

    def before(step: int, operation: str) -> None:
        if operation == "drop_cache" and not met:
            met.append(step)
            raise ValueError("a defect")

    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2, 3)])
    files = lab.files(lab.disk(), before)
    result, _ = lab.run(device, files)
    found = [type(outcome) for outcome in result.outcomes]
    assert sorted(kind.__name__ for kind in found) == ["StillOnCamera", "StoredVerified", "StoredVerified"]
    (failed,) = [outcome for outcome in result.outcomes if isinstance(outcome, StillOnCamera)]
    assert isinstance(failed.error, ProgramFault) and not files.open_handles
