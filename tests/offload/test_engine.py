"""The engine against a camera at its seam: plan, copy, resume, ask again, refuse."""

import asyncio
import json
from pathlib import Path

import pytest

from bwc_protocol.messages.recordings import Mark
from bwc_protocol.vocabulary import ErrorCode
from bwc_sdk.errors import (
    BwcError,
    CommandError,
    DestinationFull,
    DeviceLost,
    NoSuchRecording,
    NotADevice,
    ProtocolViolation,
    SessionRefused,
    StreamStalled,
)
from bwc_sdk.host.filesystem import OsFileSystem
from bwc_sdk.offload import (
    ChunkRejected,
    Connected,
    ConnectionLost,
    Finished,
    OffloadEvent,
    OffloadPolicy,
    Planned,
    Progress,
    Reconnected,
    RecordingFinished,
    RecordingStarted,
    Refused,
    Resumed,
    SegmentStored,
    StillOnCamera,
    StoredVerified,
)
from firmware_sim.virtual_time import run_virtual

pytestmark = pytest.mark.usefixtures("small_slabs")


def test_what_is_stored_is_what_the_camera_recorded(lab, tmp_path: Path) -> None:
    recordings = [lab.recording(1, (10_000, 4096)), lab.recording(2, (1,))]
    result, events = lab.run(lab.device(recordings), OsFileSystem(), tmp_path)
    assert result.complete
    for recording, outcome in zip(recordings, result.outcomes, strict=True):
        assert isinstance(outcome, StoredVerified) and not outcome.already_there
        for footage, facts, stored in zip(
            recording.footage, recording.manifest.segments, outcome.segments, strict=True
        ):
            assert stored.path.read_bytes() == footage
            assert stored.path.suffix == ".mp4" and stored.path.parent == tmp_path
            assert stored.path.stat().st_mode & 0o777 == 0o600
            assert (stored.size_bytes, stored.table_sha256) == (len(footage), facts.table_sha256)
            assert (
                stored.path.with_suffix(".table").read_bytes()
                == recording.tables[facts.size_bytes != 10_000 and len(recording.footage) > 1]
            )
            custody = json.loads(stored.path.with_suffix(".custody.json").read_text())
            assert custody["table_sha256"] == facts.table_sha256.hex()
            assert custody["camera"] == lab.serial and custody["simulator"] is True
    assert sorted(path.read_bytes() for path in tmp_path.glob("*.manifest")) == sorted(
        recording.manifest.encode() for recording in recordings
    )
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["lock-probe"]
    assert [type(event) for event in (*events[:2], events[-1])] == [Connected, Planned, Finished]
    first, second = ([kind for kind, number in map(of_recording, events) if number == n] for n in (1, 2))
    assert first == [RecordingStarted, SegmentStored, SegmentStored, RecordingFinished]
    assert second == [RecordingStarted, SegmentStored, RecordingFinished]


def of_recording(event: OffloadEvent) -> tuple[type, int]:
    """The kind of an event, and which recording it is about; 0 for none, and for progress."""
    match event:
        case RecordingStarted(entry=entry) | RecordingFinished(outcome=StoredVerified(entry=entry)):
            return type(event), entry.sequence
        case SegmentStored(recording=sequence):
            return type(event), sequence
        case _:
            return type(event), 0


def test_marked_and_held_recordings_come_first_then_the_oldest(lab, tmp_path: Path) -> None:
    recordings = [lab.recording(sequence, (100,)) for sequence in range(1, 6)]
    recordings[2].marks = Mark.HELD
    recordings[4].marks = Mark.MARKED
    result, _ = lab.run(lab.device(recordings), OsFileSystem(), tmp_path)
    assert [outcome.entry.sequence for outcome in result.outcomes] == [3, 5, 1, 2, 4]


def test_a_recording_that_is_asked_for_and_is_not_there_is_an_error_not_a_success(
    lab, tmp_path: Path
) -> None:
    device = lab.device([lab.recording(1, (100,))])
    with pytest.raises(NoSuchRecording, match="recording 7 is not on the camera") as caught:
        lab.run(device, OsFileSystem(), tmp_path, recordings=[1, 7])
    assert caught.value.numbers == (7,) and device.sent == 0
    result, _ = lab.run(device, OsFileSystem(), tmp_path, recordings=[1])
    assert result.complete


@pytest.mark.rule("REC-015")
def test_what_is_stored_already_is_verified_and_not_fetched_again(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    lab.run(device, OsFileSystem(), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    sent = device.sent
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.outcomes[0].already_there
    assert device.sent == sent
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_sidecars_that_a_crash_lost_are_written_again(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    lab.run(device, OsFileSystem(), tmp_path)
    for path in tmp_path.iterdir():
        if path.is_file() and path.suffix != ".mp4":
            path.unlink()
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.outcomes[0].already_there
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [
        ".chain",
        ".json",
        ".manifest",
        ".mp4",
        ".table",
    ]


@pytest.mark.parametrize("damage", ["a byte", "one less", "one more"])
def test_another_content_under_the_final_name_is_refused_and_not_touched(lab, tmp_path, damage) -> None:
    device = lab.device([lab.recording(1, (10_000,)), lab.recording(2, (100,))])
    lab.run(device, OsFileSystem(), tmp_path, recordings=[1])
    (path,) = tmp_path.glob("*.mp4*")
    good = path.read_bytes()
    wrong = {"a byte": good[:-1] + b"?", "one less": good[:-1], "one more": good + b"?"}[damage]
    path.write_bytes(wrong)
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], Refused) and "another content" in result.outcomes[0].reason
    assert isinstance(result.outcomes[1], StoredVerified)
    assert not result.complete
    assert path.read_bytes() == wrong


@pytest.mark.parametrize("suffix", [".table", ".manifest"])
def test_another_sidecar_under_its_final_name_is_refused_and_not_touched(lab, tmp_path, suffix) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    lab.run(device, OsFileSystem(), tmp_path)
    (path,) = tmp_path.glob("*" + suffix)
    path.write_bytes(b"another")
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], Refused)
    assert path.read_bytes() == b"another"


@pytest.mark.rule("REC-011")
def test_a_damaged_chunk_is_asked_for_again_and_only_it(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10 * lab.chunk,))])
    device.bad[1, 0, 4] = 2
    result, events = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert [event.chunk for event in events if isinstance(event, ChunkRejected)] == [4, 4]
    once_more = (1, 0, 4 * lab.chunk, lab.chunk)
    assert device.asked == [(1, 0, 0, 10 * lab.chunk), once_more, once_more]


def test_a_chunk_that_stays_damaged_leaves_the_recording_on_the_camera(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10 * lab.chunk,)), lab.recording(2, (100,))])
    device.bad[1, 0, 4] = 99
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera) and "chunk 4" in result.outcomes[0].reason
    assert isinstance(result.outcomes[1], StoredVerified)
    assert device.bad[1, 0, 4] == 96
    assert len(list(tmp_path.glob("*.mp4*"))) == 1


def test_a_camera_whose_every_chunk_is_damaged_is_given_up_early(lab, tmp_path: Path) -> None:
    chunks = 2_000
    device = lab.device([lab.recording(1, (chunks * lab.chunk,))], piece=lab.chunk)
    device.bad.update({(1, 0, chunk): 99 for chunk in range(chunks)})
    result, events = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert sum(isinstance(event, ChunkRejected) for event in events) < 200


def test_storage_that_fails_on_the_camera_is_tried_again_and_then_left_there(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10 * lab.chunk,)), lab.recording(2, (10 * lab.chunk,))])
    device.unreadable.update({(1, 0, 3): 2, (2, 0, 3): 99})
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StoredVerified)
    assert isinstance(result.outcomes[1], StillOnCamera)
    assert result.outcomes[1].error.code is ErrorCode.STORAGE_FAULT


def test_after_a_lost_connection_only_what_is_missing_is_fetched(lab, tmp_path: Path) -> None:
    size = 20 * lab.chunk
    device = lab.device(
        [lab.recording(1, (size,))], cut_at=[5 * lab.chunk + 10, 9 * lab.chunk, 9 * lab.chunk + 1]
    )
    result, events = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.reconnections == 3
    assert [offset for _, _, offset, _ in device.asked] == [
        0,
        5 * lab.chunk,
        8 * lab.chunk,
        8 * lab.chunk,
    ]
    assert device.sent == result.bytes_received < size + 3 * lab.chunk
    assert [event.attempt for event in events if isinstance(event, ConnectionLost)] == [1, 1, 2]
    assert sum(isinstance(event, Reconnected) for event in events) == 3


def test_a_new_process_finds_what_is_good_by_hashing_and_fetches_the_rest(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (20 * lab.chunk,))], cut_at=[12 * lab.chunk + 5])
    once = OffloadPolicy(attempts=0, reserve_bytes=0)
    result, _ = lab.run(device, OsFileSystem(), tmp_path, policy=once)
    assert isinstance(result.outcomes[0], StillOnCamera)
    (part,) = (tmp_path / ".incoming").glob("*.part")
    data = bytearray(part.read_bytes())
    data[2 * lab.chunk] ^= 1  # one chunk rots while nobody looks
    part.write_bytes(bytes(data))
    device.asked.clear()
    result, events = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert [event.bytes_kept for event in events if isinstance(event, Resumed)] == [11 * lab.chunk]
    assert device.asked == [
        (1, 0, 2 * lab.chunk, lab.chunk),
        (1, 0, 12 * lab.chunk, 8 * lab.chunk),
    ]


def test_a_camera_that_never_comes_back_is_given_up_after_bounded_attempts(lab, tmp_path: Path) -> None:
    recordings = [lab.recording(sequence, (10_000,)) for sequence in (1, 2, 3)]
    device = lab.device(recordings, cut_at=[12_000])
    device.connect_errors = [NotADevice("nothing answers") for _ in range(99)]
    policy = OffloadPolicy(attempts=5, reserve_bytes=0)
    result, events = lab.run(device, OsFileSystem(), tmp_path, policy=policy)
    kinds = [type(outcome) for outcome in result.outcomes]
    assert kinds == [StoredVerified, StillOnCamera, StillOnCamera]
    assert "nothing answers" in result.outcomes[2].reason
    waits = [event.wait_s for event in events if isinstance(event, ConnectionLost)]
    assert len(waits) == 5 and all(wait <= policy.longest_wait_s for wait in waits)


@pytest.mark.parametrize("error", [SessionRefused("no"), None])
def test_another_camera_or_a_refusal_is_not_tried_again(lab, tmp_path: Path, error: BwcError | None) -> None:
    device = lab.device([lab.recording(1, (10_000,))], cut_at=[5_000])
    if error is not None:
        device.connect_errors = [error]
    original = device.connect

    async def connect():
        camera = await original()
        if device.connections > 1:
            camera.identity = "CAM-0002"
        return camera

    device.connect = connect
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert device.connections == 2


def test_what_a_camera_sends_while_it_boots_is_not_its_last_word(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))], cut_at=[5_000])
    device.connect_errors.append(ProtocolViolation("half of an old message"))
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and device.connections == 3


def test_the_first_connection_fails_at_once(lab, tmp_path: Path) -> None:
    async def connect():
        raise NotADevice("nothing answers")

    device = lab.device([])
    device.connect = connect
    with pytest.raises(NotADevice):
        lab.run(device, OsFileSystem(), tmp_path)


def test_silence_is_judged_in_seconds_without_a_byte(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))], stall_at=5_000)
    job = lab.job(device, OsFileSystem(), tmp_path)

    async def main():
        loop = asyncio.get_running_loop()
        async for event in job:
            if isinstance(event, ConnectionLost):
                device.stall_at = -1
                return event, loop.time()

    event, at = run_virtual(main())
    assert isinstance(event.error, StreamStalled) and "30 s" in event.error.rule
    assert 30 <= at < 31


def test_a_recording_that_changes_between_list_and_read_is_listed_again_once(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    changed = lab.recording(1, (12_000,))
    assert changed.manifest.recording_id != device.recordings[0].manifest.recording_id
    object.__setattr__(changed.manifest, "recording_id", device.recordings[0].manifest.recording_id)

    def change() -> None:
        device.recordings[0] = changed

    device.before_open = change
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert result.outcomes[0].segments[0].path.read_bytes() == changed.footage[0]


def test_a_recording_that_changes_again_and_again_stays_on_the_camera(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    versions = iter(range(1, 100))
    identity = device.recordings[0].manifest.recording_id

    def change() -> None:
        changed = lab.recording(1, (10_000 + next(versions),))
        object.__setattr__(changed.manifest, "recording_id", identity)
        device.recordings[0] = changed

    device.before_open = change
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], StillOnCamera) and "again and again" in result.outcomes[0].reason
    assert not list(tmp_path.glob("*.mp4*"))


def test_a_recording_that_vanishes_is_reported_as_gone(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,)), lab.recording(2, (100,))])
    device.before_open = lambda: device.recordings.pop(0) if len(device.recordings) == 2 else None
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], Refused) and "no longer" in result.outcomes[0].reason
    assert isinstance(result.outcomes[1], StoredVerified)


@pytest.mark.parametrize(
    ("listed", "word"),
    [({"size_bytes": 1}, "size"), ({"segments": 9}, "segments"), ({"sequence": 9}, "sequence")],
)
def test_a_listing_that_contradicts_the_manifest_is_refused(lab, tmp_path: Path, listed, word) -> None:
    recording = lab.recording(1, (10_000,))
    recording.listed = listed
    result, _ = lab.run(lab.device([recording]), OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], Refused) and word in result.outcomes[0].reason


def test_a_manifest_of_another_camera_is_refused(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,), serial="CAM-0666")])
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], Refused) and "camera" in result.outcomes[0].reason


@pytest.mark.rule("REC-010")
def test_a_table_that_is_not_the_manifests_is_refused(lab, tmp_path: Path) -> None:
    recording = lab.recording(1, (10_000,))
    recording.tables[0] = bytes(len(recording.tables[0]))
    result, _ = lab.run(lab.device([recording]), OsFileSystem(), tmp_path)
    assert isinstance(result.outcomes[0], Refused)
    assert device_left_nothing_final(tmp_path)


def device_left_nothing_final(path: Path) -> bool:
    return not list(path.glob("*.mp4*"))


def test_a_full_destination_is_told_before_anything_is_copied(lab) -> None:
    disk = lab.disk()
    disk.capacity = 5_000
    device = lab.device([lab.recording(1, (10_000,)), lab.recording(2, (9_000,))])
    with pytest.raises(DestinationFull):
        lab.run(device, lab.files(disk))
    assert device.sent == 0


def test_what_is_stored_already_needs_no_room(lab) -> None:
    disk = lab.disk()
    device = lab.device([lab.recording(1, (10_000,)), lab.recording(2, (9_000,))])
    assert lab.run(device, lab.files(disk))[0].complete
    disk.capacity = 5
    result, _ = lab.run(device, lab.files(disk))
    assert result.complete and all(outcome.already_there for outcome in result.outcomes)


def test_what_fits_is_stored_and_the_rest_stays_on_the_camera(lab) -> None:
    disk = lab.disk()
    disk.capacity = 5_000
    device = lab.device([lab.recording(1, (10_000,)), lab.recording(2, (3_000,))])
    result, _ = lab.run(device, lab.files(disk))
    assert isinstance(result.outcomes[0], StillOnCamera)
    assert isinstance(result.outcomes[0].error, DestinationFull)
    assert isinstance(result.outcomes[1], StoredVerified)


def test_credit_never_exceeds_the_window(lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bwc_sdk.offload.chunk_sink.WINDOW_BYTES", 8 * lab.chunk)
    monkeypatch.setattr("bwc_sdk.offload.chunk_sink.CREDIT_STEP_BYTES", 2 * lab.chunk)
    device = lab.device([lab.recording(1, (300 * lab.chunk + 7,))])
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert device.granted_ahead <= 8 * lab.chunk


def test_a_reader_who_is_slow_gets_only_the_latest_progress(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (200 * lab.chunk,))], piece=lab.chunk)

    async def main():
        job = lab.job(device, OsFileSystem(), tmp_path)
        await anext(job)
        await asyncio.sleep(60)  # the copy goes on meanwhile
        return [event async for event in job]

    events = run_virtual(main())
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.bytes_done for event in progress] == [200 * lab.chunk]


def test_a_cancelled_offload_leaves_a_part_file_and_no_lock(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (200 * lab.chunk,))], piece=lab.chunk)

    async def main():
        job = lab.job(device, OsFileSystem(), tmp_path)
        async for event in job:
            if isinstance(event, Progress) and event.bytes_done > 100 * lab.chunk:
                break
        await job.aclose()
        with pytest.raises(RuntimeError):
            _ = job.result
        assert [event async for event in job]  # what was told before; then it ends
        return

    run_virtual(main())
    assert device_left_nothing_final(tmp_path)
    sent = device.sent
    result, events = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert any(isinstance(event, Resumed) for event in events)
    assert device.sent - sent < 101 * lab.chunk


def test_a_stream_of_another_length_than_was_asked_for_is_a_violation(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    original = device.connect

    async def connect():
        camera = await original()
        honest = camera.open

        async def open_longer(*arguments, **options):
            stream = await honest(*arguments, **options)
            stream.length += 1
            return stream

        camera.open = open_longer
        return camera

    device.connect = connect
    device.recordings.extend(lab.recording(sequence, (100,)) for sequence in range(2, 7))
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert all(isinstance(outcome, StillOnCamera) for outcome in result.outcomes)
    assert all(isinstance(outcome.error, ProtocolViolation) for outcome in result.outcomes)
    assert device.sent == 0 and device.connections == 6, "each is tried: the next may be a good one"


def test_one_recording_that_breaks_the_connection_does_not_keep_the_others(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(sequence, (100,)) for sequence in (1, 2, 3)])

    def break_off() -> None:
        if len(tried) < 4:  # the first recording, and three more attempts
            tried.append(device.connections)
            raise DeviceLost("it resets whenever this is read")

    tried: list[int] = []
    device.before_open = break_off
    policy = OffloadPolicy(attempts=3, reserve_bytes=0)
    result, _ = lab.run(device, OsFileSystem(), tmp_path, policy=policy)
    kinds = [type(outcome) for outcome in result.outcomes]
    assert kinds == [StillOnCamera, StoredVerified, StoredVerified]
    assert "resets" in result.outcomes[0].reason
    assert tried == [1, 2, 3, 4]


def test_a_listing_that_breaks_the_protocol_is_not_asked_for_again(lab, tmp_path: Path) -> None:
    device = lab.device([])
    original = device.connect

    async def connect():
        camera = await original()

        async def endless():
            raise ProtocolViolation("a listing that never ends")

        camera.list = endless
        return camera

    device.connect = connect
    with pytest.raises(ProtocolViolation):
        lab.run(device, OsFileSystem(), tmp_path)
    assert device.connections == 1


def test_a_table_that_does_not_come_is_trouble_of_the_line_not_of_the_disk(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    original = device.connect

    async def connect():
        camera = await original()
        if device.connections == 1:

            async def never(*_):
                raise TimeoutError

            camera.read_table = never
        return camera

    device.connect = connect
    result, _ = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete and result.reconnections == 1


def test_a_camera_that_is_busy_is_asked_again_when_it_says(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    busy = [CommandError("recordings.open", ErrorCode.BUSY, "", retry_after_s=4.0)]

    def refuse() -> None:
        if busy:
            raise busy.pop()

    device.before_open = refuse
    result, events = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    assert [event.wait_s for event in events if isinstance(event, ConnectionLost)] == [4.0]


def test_a_camera_that_wants_to_be_asked_next_week_is_asked_sooner(lab, tmp_path: Path) -> None:
    device = lab.device([lab.recording(1, (10_000,))])
    busy = [CommandError("recordings.open", ErrorCode.BUSY, "", retry_after_s=604_800.0)]

    def refuse() -> None:
        if busy:
            raise busy.pop()

    device.before_open = refuse
    result, events = lab.run(device, OsFileSystem(), tmp_path)
    assert result.complete
    longest = OffloadPolicy().longest_wait_s
    assert [event.wait_s for event in events if isinstance(event, ConnectionLost)] == [longest]


def test_a_reader_who_reads_nothing_pauses_the_copy(lab, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("bwc_sdk.offload.feed.FULL", 10)
    device = lab.device([lab.recording(sequence, (100,)) for sequence in range(1, 30)])

    async def main():
        job = lab.job(device, OsFileSystem(), tmp_path)
        await anext(job)
        await asyncio.sleep(3600)
        waiting = device.sent
        return waiting, await job.run()

    waiting, result = run_virtual(main())
    assert waiting < 5 * 100
    assert result.complete and device.sent == 29 * 100
