"""The recording engine states what it recorded, no more and no less, and a power cut costs no closed chunk."""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bwc_protocol.evidence import (
    MAX_INTERVALS,
    MAX_SEGMENTS,
    NO_SHA256,
    UNBOUNDED_MS,
    ClockState,
    Interval,
    Manifest,
    TriggerReason,
    chunk_count,
    table_sha256,
    verify_table,
)
from bwc_protocol.messages.identity import CameraState
from bwc_protocol.messages.recordings import AnnotationKind
from firmware_sim.camera.open_recording import RecorderSettings
from firmware_sim.camera.recorder import JOURNAL_EVERY_MS, Recorder
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import FootageSource, Mp4Footage, SyntheticFootage
from firmware_sim.physics.clock import DeviceClock, Oscillator
from firmware_sim.state.directory import StateDirectory
from firmware_sim.storage.blobs import chunk_table
from firmware_sim.storage.open_footage import CHUNKS, FOOTAGE
from firmware_sim.storage.storage import Storage, StorageFull, StoredRecording
from tests.tiers import times

NOW_NS = 1_760_000_000_000_000_000
CHUNK = 65_536
RATE = 100_000
MIB = 1 << 20
PLAIN = RecorderSettings(pre_event_s=30, post_event_s=10, segment_s=60, chunk_size=CHUNK)


@dataclass
class Bench:
    """A recorder under a clock that is moved by hand."""

    capacity: int = 1 << 40
    state: StateDirectory | None = None
    footage: FootageSource = field(default_factory=lambda: SyntheticFootage(RATE))
    settings: RecorderSettings = PLAIN
    now_s: float = 500.0
    closed: list[StoredRecording] = field(default_factory=list)
    seed: int = 1

    def __post_init__(self) -> None:
        self.storage = Storage(self.capacity, self.state)
        self.clock = DeviceClock(lambda: self.now_s, Oscillator(0.0, 0.0, 0.0, 100.0))
        self.clock.set_utc_ns(NOW_NS, 3_000_000)
        self.recorder = self.boot()

    def boot(self) -> Recorder:
        self.recorder = Recorder(
            self.storage,
            self.clock,
            lambda: self.now_s,
            self.footage,
            random.Random(self.seed),
            camera="SIM-1",
            firmware_sha256=b"F" * 32,
            boot_counter=7,
            settings=self.settings,
            closed=self.closed.append,
        )
        self.seed += 1
        return self.recorder

    def wait(self, seconds: float) -> None:
        """Lets time pass as an owner does: from deadline to deadline."""
        end_s = self.now_s + seconds
        while (due_s := self.recorder.next_deadline_s) is not None and due_s < end_s:
            self.now_s = max(self.now_s, due_s) + 1e-6
            self.recorder.advance()
        self.now_s = end_s
        self.recorder.advance()

    def record(self, seconds: float) -> Manifest:
        self.recorder.start(TriggerReason.OFFICER_BUTTON)
        self.wait(seconds)
        self.recorder.close_now()
        return self.closed[-1].manifest


@pytest.fixture
def device() -> Iterator[Callable[[Path], StateDirectory]]:
    """Opens state directories, and closes them when the test is over."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(StateDirectory(path)))


def assert_holds(storage: Storage, recording: StoredRecording) -> None:
    """What is stored is what the manifest states."""
    assert Manifest.decode(recording.manifest_bytes) == recording.manifest
    for facts, table, blob in zip(
        recording.manifest.segments, recording.tables, recording.blobs, strict=True
    ):
        verify_table(table, facts)
        assert blob.size_bytes == facts.size_bytes
        assert chunk_table(blob, facts.chunk_size) == table
    assert recording is storage.get(recording.recording_id)


# From the button to the manifest


def test_a_recording_has_its_pre_event_footage_its_post_event_footage_and_all_between() -> None:
    bench = Bench()
    bench.wait(100)
    bench.recorder.start(TriggerReason.HOLSTER)
    assert bench.recorder.state is CameraState.RECORDING
    bench.wait(20)
    bench.recorder.stop()
    assert bench.recorder.state is CameraState.POST_EVENT
    bench.wait(9)
    assert bench.recorder.state is CameraState.POST_EVENT and not bench.closed
    bench.wait(2)
    assert bench.recorder.state is CameraState.READY

    recording = bench.closed[0]
    facts = recording.manifest
    assert_holds(bench.storage, recording)
    assert facts.trigger is TriggerReason.HOLSTER
    assert (facts.pre_event_requested_s, facts.pre_event_achieved_ms) == (30, 30_000)
    assert facts.started_utc_ns == pytest.approx(NOW_NS + 70e9, abs=1e6)
    assert facts.duration_ms == 60_000 == (facts.ended_utc_ns - facts.started_utc_ns) // 10**6
    assert facts.size_bytes == 60 * RATE
    assert (facts.boot_counter, facts.firmware_sha256, facts.cut) == (7, b"F" * 32, False)
    assert (facts.clock_state, facts.clock_uncertainty_ms) == (
        ClockState.SYNCED,
        14,
    )  # 3 ms and 100 s of 100 ppm
    assert (facts.sequence, facts.previous_sha256) == (1, NO_SHA256)


def test_pre_event_footage_is_what_there_was_not_what_was_asked_for() -> None:
    bench = Bench()
    bench.wait(12.5)
    assert bench.recorder.buffered_ms == 12_500
    facts = bench.record(5)
    assert (facts.pre_event_requested_s, facts.pre_event_achieved_ms, facts.duration_ms) == (
        30,
        12_500,
        17_500,
    )


def test_footage_of_one_recording_is_not_the_pre_event_footage_of_the_next() -> None:
    bench = Bench()
    bench.record(50)
    bench.wait(4)
    assert bench.record(5).pre_event_achieved_ms == 4_000


def test_a_camera_that_slept_has_no_pre_event_footage() -> None:
    bench = Bench()
    bench.wait(60)
    bench.recorder.sleep()
    assert bench.recorder.state is CameraState.SLEEPING
    bench.wait(60)
    bench.recorder.wake()
    bench.wait(3)
    assert bench.record(5).pre_event_achieved_ms == 3_000


def test_a_trigger_during_post_event_goes_on_with_the_same_recording() -> None:
    bench = Bench()
    first = bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(5)
    bench.recorder.stop()
    bench.wait(5)
    assert bench.recorder.start(TriggerReason.VEHICLE) == first
    bench.wait(60)
    assert bench.recorder.state is CameraState.RECORDING
    bench.recorder.close_now()
    assert [r.manifest.trigger for r in bench.closed] == [TriggerReason.OFFICER_BUTTON]
    assert bench.closed[0].manifest.duration_ms == 70_000


def test_a_recording_keeps_the_settings_that_it_began_with() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.BENCH)
    bench.recorder.settings = replace(PLAIN, segment_s=5, policy_id="new", post_event_s=0)
    bench.wait(20)
    bench.recorder.close_now()
    assert len(bench.closed[0].manifest.segments) == 1 and bench.closed[0].manifest.policy_id == ""
    assert bench.record(12).policy_id == "new"


def test_segments_follow_each_other_without_a_gap() -> None:
    bench = Bench()
    facts = bench.record(150)
    assert [s.duration_ms for s in facts.segments] == [60_000, 60_000, 30_000]
    begins = [(s.started_utc_ns - facts.started_utc_ns) // 10**6 for s in facts.segments]
    assert begins == [0, 60_000, 120_000]
    assert_holds(bench.storage, bench.closed[0])


def test_how_often_time_is_looked_at_changes_nothing() -> None:
    often, once = Bench(), Bench()
    one = often.record(130)
    once.recorder.start(TriggerReason.OFFICER_BUTTON)
    once.now_s += 130
    once.recorder.close_now()
    assert once.closed[0].manifest == one


def test_the_chain_goes_from_recording_to_recording() -> None:
    bench = Bench()
    first, second = bench.record(5), bench.record(5)
    assert (second.sequence, second.previous_sha256) == (2, first.sha256)
    assert first.recording_id != second.recording_id


def test_a_manifest_that_is_full_is_followed_by_another_without_a_gap() -> None:
    bench = Bench(settings=replace(PLAIN, segment_s=10, pre_event_s=0))
    bench.record(MAX_SEGMENTS * 10 + 25)
    first, second = (recording.manifest for recording in bench.closed)
    assert len(first.segments) == MAX_SEGMENTS and first.duration_ms == MAX_SEGMENTS * 10_000
    assert second.started_utc_ns == pytest.approx(first.ended_utc_ns, abs=2e6)
    assert (second.duration_ms, second.trigger) == (25_000, first.trigger)


def test_mute_and_stealth_are_stated_to_the_millisecond() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    for seconds, mute, stealth in ((10, True, False), (5, False, True), (5, True, True), (10, True, False)):
        bench.wait(seconds)
        bench.recorder.set_mute(mute)
        bench.recorder.set_stealth(stealth)
    bench.wait(1)
    bench.recorder.close_now()
    facts = bench.closed[0].manifest
    assert facts.mute == (Interval(start_ms=10_000, end_ms=15_000), Interval(start_ms=20_000, end_ms=31_000))
    assert facts.stealth == (Interval(start_ms=15_000, end_ms=30_000),)
    assert bench.record(3).mute == (Interval(start_ms=0, end_ms=3_000),)


def test_more_mute_intervals_than_a_manifest_holds_leave_the_last_one_on() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    for number in range(2 * MAX_INTERVALS + 10):
        bench.wait(1)
        bench.recorder.set_mute(number % 2 == 0)
    bench.wait(100)
    bench.recorder.close_now()
    facts = bench.closed[0].manifest
    assert len(facts.mute) == MAX_INTERVALS and facts.mute[-1].end_ms == facts.duration_ms


def test_the_marker_becomes_an_annotation_not_a_fact_of_the_manifest() -> None:
    bench = Bench()
    assert not bench.recorder.mark()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(4)
    assert bench.recorder.mark()
    bench.wait(1)
    bench.recorder.close_now()
    recording = bench.closed[0]
    assert recording.marked
    (annotation,) = recording.annotations
    assert (annotation.kind, annotation.actor) == (AnnotationKind.MARKED, "SIM-1")
    assert annotation.utc_ns == recording.manifest.started_utc_ns + 4_000_000_000


@pytest.mark.rule("CLK-007")
def test_a_clock_that_is_set_while_recording_touches_no_stamp() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(10)
    bench.clock.set_utc_ns(NOW_NS + 10**15, 0)
    bench.wait(10)
    bench.recorder.close_now()
    facts = bench.closed[0].manifest
    assert facts.started_utc_ns == NOW_NS and facts.ended_utc_ns == NOW_NS + 20 * 10**9


def test_a_recording_under_an_unset_clock_says_so() -> None:
    bench = Bench()
    bench.clock.reset()
    facts = bench.record(5)
    assert (facts.clock_state, facts.clock_uncertainty_ms) == (ClockState.UNSET, UNBOUNDED_MS)


def test_a_press_of_no_length_leaves_nothing() -> None:
    bench = Bench(settings=replace(PLAIN, post_event_s=0))
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.recorder.stop()
    assert bench.recorder.state is CameraState.READY and not bench.closed
    assert bench.record(1).sequence == 1


# Full


def test_a_full_storage_ends_the_recording_and_keeps_all_that_fits() -> None:
    bench = Bench(capacity=100 * RATE)
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(300)
    assert bench.recorder.state is CameraState.READY and bench.recorder.full
    facts = bench.closed[0].manifest
    assert facts.duration_ms == 100_000 and bench.storage.free_bytes == 0
    assert_holds(bench.storage, bench.closed[0])
    with pytest.raises(StorageFull):
        bench.recorder.start(TriggerReason.OFFICER_BUTTON)


def test_room_that_a_recording_has_taken_is_no_longer_free() -> None:
    bench = Bench(capacity=1000 * RATE)
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(90)
    assert bench.storage.free_bytes == pytest.approx(910 * RATE, abs=2)
    bench.recorder.close_now()
    assert bench.storage.free_bytes == pytest.approx(910 * RATE, abs=2)


def test_footage_larger_than_expected_costs_segments_never_the_recording() -> None:
    bench = Bench(capacity=100 * RATE, footage=SyntheticFootage(RATE, segment_bytes=40 * RATE))
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(60 + 10)
    bench.recorder.close_now()
    assert len(bench.closed[0].manifest.segments) == 2
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(10)
    bench.recorder.close_now()
    assert len(bench.closed) == 1 and bench.recorder.full


# Power cuts


def test_a_power_cut_keeps_every_whole_chunk() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.recorder.set_mute(True)
    bench.wait(75)
    bench.recorder.power_cut()
    assert not len(bench.storage)
    recovered = bench.boot().recover_after_power_cut()
    assert recovered is not None and recovered.recording is not None
    facts = recovered.recording.manifest
    assert_holds(bench.storage, recovered.recording)
    assert facts.cut and facts.boot_counter == 7 and facts.sequence == 1
    assert facts.segments[0].size_bytes == 60 * RATE and facts.segments[0].duration_ms == 60_000
    assert facts.segments[1].size_bytes == 15 * RATE // CHUNK * CHUNK
    assert 0 < recovered.lost_ms < CHUNK * 1000 / RATE + 1
    assert facts.mute == (Interval(start_ms=0, end_ms=facts.duration_ms),)
    assert bench.boot().recover_after_power_cut() is None
    assert bench.record(5).previous_sha256 == facts.sha256


def tear(bench: Bench, lines: int) -> list[int]:
    """The last writes of footage did not reach the flash; how much of each segment did."""
    flash = bench.storage.open_footage._commits.flash
    assert isinstance(flash, MemoryFlash)
    head, *written = flash.contents()[FOOTAGE].splitlines(keepends=True)
    left = written[: max(0, len(written) - lines)]
    flash.truncate(FOOTAGE, len(head) + sum(map(len, left)))
    sizes: dict[int, int] = {}
    for line in left:
        segment, _, end, *_ = json.loads(line[9:])
        sizes[segment] = end
    return list(sizes.values())


@pytest.mark.parametrize("torn", [1, 3, 20, 1000])
def test_chunks_that_were_torn_by_the_cut_are_not_stated(torn: int) -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(75)
    bench.recorder.power_cut()
    left = tear(bench, torn)
    recovered = bench.boot().recover_after_power_cut()
    assert recovered is not None
    if not left:
        assert recovered.recording is None
        return
    assert recovered.recording is not None
    assert_holds(bench.storage, recovered.recording)
    assert [s.size_bytes for s in recovered.recording.manifest.segments] == left
    assert sum(left) < 60 * RATE + 15 * RATE // CHUNK * CHUNK


def test_a_chunk_that_is_not_what_was_journalled_ends_the_recording() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(20)
    bench.recorder.power_cut()
    flash = bench.storage.open_footage._commits.flash
    assert isinstance(flash, MemoryFlash)
    lines = flash.contents()[CHUNKS].splitlines(keepends=True)
    *facts, hashes = json.loads(lines[5][9:])
    before = sum(len(json.loads(line[9:])[-1]) // 64 for line in lines[1:5])
    data = json.dumps([*facts, "00" + hashes[2:]]).encode()
    lines[5] = b"%08x %s\n" % (zlib.crc32(data), data)
    flash.remove(CHUNKS)
    flash.create(CHUNKS, b"".join(lines))
    recovered = bench.boot().recover_after_power_cut()
    assert recovered is not None and recovered.recording is not None
    assert_holds(bench.storage, recovered.recording)
    assert recovered.recording.manifest.size_bytes == before * CHUNK


def test_footage_of_a_given_size_lasts_as_long_as_it_was_recorded() -> None:
    bench = Bench(footage=SyntheticFootage(segment_bytes=3 * MIB))
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(75)
    bench.recorder.power_cut()
    recovered = bench.boot().recover_after_power_cut()
    assert recovered is not None and recovered.recording is not None
    assert_holds(bench.storage, recovered.recording)
    first, second = recovered.recording.manifest.segments
    assert (first.size_bytes, first.duration_ms) == (3 * MIB, 60_000)
    assert second.size_bytes == 3 * MIB and 14_000 <= second.duration_ms <= 15_000


def test_nothing_is_stated_behind_a_chunk_that_is_missing_though_it_is_there() -> None:
    """A recording is what was filmed from its begin on, without a gap."""
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(75)
    bench.recorder.power_cut()
    flash = bench.storage.open_footage._commits.flash
    assert isinstance(flash, MemoryFlash)
    lines = flash.contents()[FOOTAGE].splitlines(keepends=True)
    _, begin, *_ = json.loads(lines[7][9:])
    data = b"".join(lines[:7] + lines[8:])
    flash.remove(FOOTAGE)
    flash.create(FOOTAGE, data)
    recovered = bench.boot().recover_after_power_cut()
    assert recovered is not None and recovered.recording is not None
    assert_holds(bench.storage, recovered.recording)
    assert [s.size_bytes for s in recovered.recording.manifest.segments] == [begin]
    assert recovered.lost_ms > 60_000


def test_footage_of_another_recording_is_not_taken_for_that_of_this_one() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(5)
    recording_id = bench.recorder.recording_id
    assert recording_id is not None
    assert bench.storage.open_footage.read(recording_id, lambda _segment, filmed: filmed)
    assert bench.storage.open_footage.read(bytes(16), lambda _segment, filmed: filmed) == []


def test_a_cut_before_the_first_whole_chunk_leaves_no_recording_and_no_gap() -> None:
    bench = Bench()
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(0.3)
    bench.recorder.power_cut()
    recovered = bench.boot().recover_after_power_cut()
    assert recovered is not None and recovered.recording is None
    assert recovered.lost_ms == 0, "nothing of it had been journalled"
    assert bench.record(5).sequence == 1


def test_a_cut_while_nothing_is_recorded_costs_nothing() -> None:
    bench = Bench()
    kept = bench.record(5)
    bench.recorder.power_cut()
    assert bench.boot().recover_after_power_cut() is None
    assert [r.manifest for r in bench.storage.page(0, 9)] == [kept]


@settings(max_examples=times(25), deadline=None)
@given(st.floats(0.1, 200), st.floats(0, 40), st.integers(0, 4))
@example(seconds=0.25, pre_s=0.6875, torn=0)
def test_whenever_the_power_goes_what_is_closed_holds(seconds: float, pre_s: float, torn: int) -> None:
    bench = Bench()
    bench.wait(pre_s)
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(seconds)
    recorded_ms = bench.recorder.elapsed_ms
    bench.recorder.power_cut()
    tear(bench, torn)
    recovered = bench.boot().recover_after_power_cut()
    assert recovered is not None
    if recovered.recording is not None:
        assert_holds(bench.storage, recovered.recording)
        journalled_ms = recovered.recording.manifest.duration_ms + recovered.lost_ms
        assert recorded_ms - JOURNAL_EVERY_MS - CHUNK * 1000 / RATE <= journalled_ms <= recorded_ms
    if torn == 0 and recovered.recording is not None:
        assert recovered.lost_ms <= CHUNK * 1000 / RATE + 1
    elif torn == 0:  # within its first second, which is stored as a whole
        assert recovered.lost_ms <= JOURNAL_EVERY_MS


def test_a_simulator_that_is_killed_recovers_from_its_directory(
    device: Callable[[Path], StateDirectory], tmp_path: Path
) -> None:
    state = device(tmp_path)
    bench = Bench(state=state)
    kept = bench.record(5)
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.recorder.mark()
    bench.wait(75.4)
    state.close()  # killed here: nothing more is written

    again = Bench(state=device(tmp_path), seed=9)
    recovered = again.recorder.recover_after_power_cut()
    assert recovered is not None and recovered.recording is not None
    facts = recovered.recording.manifest
    assert_holds(again.storage, recovered.recording)
    assert facts.cut and facts.previous_sha256 == kept.sha256 and recovered.recording.marked
    assert [s.size_bytes for s in facts.segments] == [60 * RATE, 15 * RATE // CHUNK * CHUNK]
    assert again.boot().recover_after_power_cut() is None


def test_a_kill_between_storing_and_clearing_the_journal_stores_nothing_twice(
    device: Callable[[Path], StateDirectory], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = device(tmp_path)
    bench = Bench(state=state)
    bench.recorder.start(TriggerReason.OFFICER_BUTTON)
    bench.wait(5)
    monkeypatch.setattr(bench.storage, "keep_journal", lambda journal: None)
    bench.recorder.close_now()
    state.close()
    again = Bench(state=device(tmp_path))
    assert again.recorder.recover_after_power_cut() is None
    assert len(again.storage) == 1
    assert again.storage.journal() is None


# Recordings of the past, and real footage


def test_a_camera_comes_with_recordings_of_the_past() -> None:
    bench = Bench(footage=SyntheticFootage(segment_bytes=3 * MIB + 5))
    recording = bench.recorder.backfill(NOW_NS - 10**15, 50_000, pre_event_ms=30_000, marked=True)
    assert recording is not None and recording.marked
    assert_holds(bench.storage, recording)
    assert recording.manifest.size_bytes == 3 * MIB + 5
    assert recording.manifest.started_utc_ns == NOW_NS - 10**15
    assert bench.recorder.state is CameraState.READY and not bench.closed
    assert bench.record(5).previous_sha256 == recording.manifest_sha256


def test_the_same_seed_makes_the_same_recordings() -> None:
    one, other = (Bench().record(20) for _ in range(2))
    assert one == other


def test_real_footage_is_recorded_and_hashed(tmp_path: Path) -> None:
    bench = Bench(footage=Mp4Footage(tmp_path), settings=replace(PLAIN, segment_s=2))
    facts = bench.record(3)
    recording = bench.closed[0]
    assert_holds(bench.storage, recording)
    for index, segment in enumerate(facts.segments):
        data = bench.storage.read(facts.recording_id, index, 0, segment.size_bytes)
        assert data[4:8] == b"ftyp"
        assert table_sha256(recording.tables[index]) == segment.table_sha256
        assert chunk_count(segment.size_bytes, segment.chunk_size) == len(recording.tables[index]) // 32
