"""What a device says and refuses at the end of a shift: an empty battery, no room, a clock that went wrong, recordings
(spec: Battery, Storage, Clock, Recordings)."""

from __future__ import annotations

from typing import Final

import pytest

from bwc_sdk import (
    AuditKind,
    ClockReason,
    ErrorCode,
    Fault,
    Purpose,
    RecordingEntry,
    TimeSource,
    TriggerReason,
)
from bwc_sdk.errors import ClockImplausible
from bwc_sdk.sync import SyncCamera
from hil_tests.testkit.refusals import refused

S: Final = 1_000_000_000
HOURS_NS: Final = 3 * 3600 * S
NEAR_NS: Final = 120 * S
"""A device's own error, and what a test takes, beside three hours."""
LARGEST: Final = 128 << 20
"""More than is left on a storage that is nearly full, and no more than a bench can have made."""


# An empty battery


@pytest.mark.bwc_read_only
@pytest.mark.bwc_state(battery=3)
def test_a_battery_that_is_nearly_empty_is_a_fault_and_footage_comes_off_all_the_same(
    camera: SyncCamera,
) -> None:
    shown = camera.battery.status()
    assert shown.charge_pct <= 5
    status = camera.device.status()
    assert Fault.BATTERY_LOW in status.faults
    if shown.time_left_s is not None:
        assert shown.time_left_s < 4 * 3600, "of a charge of 3 %"
    for entry in camera.recordings.list()[:2]:
        assert camera.recordings.read_manifest(entry).sequence == entry.sequence


@pytest.mark.bwc_read_only
@pytest.mark.bwc_state(battery=90)
def test_a_battery_that_is_nearly_full_is_no_fault(camera: SyncCamera) -> None:
    assert camera.battery.status().charge_pct >= 85
    assert Fault.BATTERY_LOW not in camera.device.status().faults


# No room


@pytest.mark.bwc_state(recordings=2, storage_full=0.999)
def test_a_storage_that_is_nearly_full_says_so_and_lets_nothing_give_way(camera: SyncCamera) -> None:
    before, erased = camera.recordings.list(), camera.audit.head().sequence
    status = camera.storage.status()
    assert status.free_bytes <= status.capacity_bytes // 500 and status.recordings == len(before)
    if status.recording_time_left_s is not None:
        assert status.recording_time_left_s * 10_000 <= status.free_bytes + 10_000, "no slower than 10 kB/s"
    with refused(ErrorCode.FULL):
        camera.bench.fill(free_bytes=LARGEST // 2)
        camera.bench.record(after=camera.bench.state().last_sequence, duration_ms=1_000, size_bytes=LARGEST)
    assert camera.recordings.list() == before
    kinds = {entry.kind for entry in camera.audit.entries(after=erased)}
    assert not kinds & {AuditKind.ERASED, AuditKind.ERASED_FOR_ROOM}


# A clock that went wrong


@pytest.mark.bwc_read_only
@pytest.mark.bwc_state(clock_skew="+3h")
def test_a_clock_that_is_hours_ahead_is_measured_to_be_so_whatever_it_states(camera: SyncCamera) -> None:
    measured, reading = camera.clock.measure(), camera.clock.read()
    assert abs(measured.offset_ns + HOURS_NS) < NEAR_NS
    assert measured.uncertainty_ns < NEAR_NS, "an exchange bounds the error, not the device's word"
    assert measured.revision == reading.revision


@pytest.mark.rule("CLK-002")
@pytest.mark.bwc_state(clock_skew="-3h")
def test_a_clock_that_is_hours_behind_is_no_routine_for_the_device_and_for_the_host(
    camera: SyncCamera,
) -> None:
    """A person may correct it; a dock that finds it so reports it, and sets nothing."""
    found, reading = camera.clock.measure(), camera.clock.read()
    with pytest.raises(ClockImplausible):
        camera.clock.sync(reason=ClockReason.ROUTINE, source=TimeSource.NTP, host_uncertainty_ns=S // 1000)
    with refused(ErrorCode.IMPLAUSIBLE):
        camera.clock.set(
            offset_ns=found.offset_ns,
            uncertainty_ns=found.uncertainty_ns,
            reason=ClockReason.ROUTINE,
            source=TimeSource.NTP,
            revision=found.revision,
        )
    assert camera.clock.read().revision == reading.revision
    camera.clock.sync(reason=ClockReason.CORRECTION, source=TimeSource.OPERATOR, host_uncertainty_ns=S)
    assert abs(camera.clock.measure().offset_ns) < NEAR_NS


@pytest.mark.rule("CLK-007")
@pytest.mark.bwc_state(clock_skew="+3h")
def test_what_was_recorded_by_a_wrong_clock_states_that_time_for_ever(camera: SyncCamera) -> None:
    """Whoever reads it adds what was measured; the recording itself is never rewritten."""
    utc_ns = camera.clock.read().utc_ns
    made = camera.bench.record(after=camera.bench.state().last_sequence, duration_ms=1_000)
    before = camera.recordings.manifest(recording=made.recording)
    camera.bench.restore()
    assert camera.recordings.manifest(recording=made.recording) == before
    (entry,) = camera.recordings.page(after=made.sequence - 1, limit=1).recordings
    assert abs(entry.started_utc_ns - utc_ns) < NEAR_NS


# Recordings


@pytest.mark.bwc_read_only
@pytest.mark.rule("REC-006")
@pytest.mark.bwc_state(recordings=5)
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_each_recording_is_on_one_page_in_order_whatever_the_pages(camera: SyncCamera, limit: int) -> None:
    whole, after = camera.recordings.list(), 0
    found: list[RecordingEntry] = []
    assert len(whole) >= 5
    while True:
        page = camera.recordings.page(after=after, limit=limit)
        assert 1 <= len(page.recordings) <= limit and page.total == len(whole)
        found += page.recordings
        if not page.next:
            break
        after = page.next
    assert found == list(whole)


@pytest.mark.bwc_needs("bench")
def test_what_a_bench_had_made_can_be_told_from_evidence_for_ever(camera: SyncCamera) -> None:
    made = camera.bench.record(
        after=camera.bench.state().last_sequence, duration_ms=1_000, category="traffic"
    )
    (entry,) = camera.recordings.page(after=made.sequence - 1, limit=1).recordings
    said = camera.recordings.read_manifest(entry).circumstances
    assert entry.trigger is TriggerReason.BENCH and said is not None and said.purpose is Purpose.TEST
