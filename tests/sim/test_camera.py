"""The camera as a device: power, time, what it keeps, and what it tells without being asked."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bwc_protocol.evidence import ClockState, TriggerReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.battery import BatteryAlarm
from bwc_protocol.messages.config import Setting, SettingType
from bwc_protocol.messages.identity import CameraState, Fault, StateChanged
from bwc_protocol.messages.recordings import RecordingClosed
from firmware_sim.camera.camera import SimCamera
from firmware_sim.device.device import BOOT_S
from firmware_sim.device.device_time import DeviceTime
from firmware_sim.flash.flash import StateError
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.scenarios import make_camera
from firmware_sim.state.directory import StateDirectory
from firmware_sim.storage.blobs import SyntheticBlob
from firmware_sim.virtual_time import run_virtual

NewCamera = Callable[..., SimCamera]


def kinds(camera: SimCamera) -> list[AuditKind]:
    last, _ = camera.audit.head()
    return [entry.kind for entry in camera.audit.read(0, last).entries]


def configure(camera: SimCamera, key: str, number: int) -> None:
    type_ = camera.settings.rules[key].type
    camera.settings.stage(camera.settings.revision, [Setting(key=key, type=type_, number=number)])
    camera.settings.commit(camera.settings.revision)
    camera.apply_settings()


class Served:
    """Stands for a port."""

    deserted = False

    def __init__(self) -> None:
        self.dropped: list[bool] = []

    def drop(self, orderly: bool) -> None:
        self.dropped.append(orderly)


def boot_again(camera: SimCamera) -> None:
    camera.time.skip(BOOT_S)
    assert camera.awake()


# Being the same device


def test_the_same_seed_gives_the_same_camera(new_camera: NewCamera) -> None:
    one, same, other = (new_camera(recordings=4, seed=seed) for seed in (5, 5, 6))
    assert one.serial == same.serial != other.serial
    hashes = [[r.manifest_sha256 for r in c.listing(0, 9)] for c in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert one.clock.utc_ns() == same.clock.utc_ns() != other.clock.utc_ns()
    assert one.battery.snapshot() == same.battery.snapshot() != other.battery.snapshot()


def test_recordings_were_made_before_now_and_do_not_overlap(new_camera: NewCamera) -> None:
    camera = new_camera(recordings=20, seed=3)
    manifests = [recording.manifest for recording in camera.listing(0, 20)]
    assert manifests[-1].ended_utc_ns < camera.true_utc_ns()
    for before, after in pairwise(manifests):
        assert before.ended_utc_ns <= after.started_utc_ns


def test_a_device_lives_on_in_its_state_directory(new_camera: NewCamera, tmp_path: Path) -> None:
    camera = new_camera(recordings=3, state=tmp_path)
    configure(camera, "recording.pre_event_s", 77)
    configure(camera, "trigger.peer", 0)
    listed = [recording.manifest_sha256 for recording in camera.listing(0, 9)]
    camera.time.skip(100)
    charge, head = camera.battery.state.charge, camera.audit.head()
    at_ns = camera.clock.utc_ns()
    camera.close()
    off_s = 1_000
    later = new_camera(recordings=9, seed=2, state=tmp_path, utc_ns=camera.true_utc_ns() + off_s * 10**9)
    assert later.serial == camera.serial, "the directory is the device, whatever the seed"
    assert later.boot_counter == 2
    assert [recording.manifest_sha256 for recording in later.listing(0, 9)] == listed
    assert later.settings.number("recording.pre_event_s") == 77
    assert later.settings["trigger.peer"] is False, "a boot makes pending settings effective"
    assert later.battery.state.charge == pytest.approx(charge, abs=0.01)
    assert later.clock.utc_ns() - at_ns == pytest.approx(off_s * 10**9, rel=1e-4), "it ran on while off"
    assert later.audit.head()[0] > head[0]
    assert kinds(later).count(AuditKind.BOOT) == 2


def test_two_simulators_cannot_be_the_same_device(new_camera: NewCamera, tmp_path: Path) -> None:
    new_camera(state=tmp_path)
    with pytest.raises(StateError, match="in use"):
        new_camera(state=tmp_path)


def test_a_damaged_state_is_an_error_and_lets_go_of_the_directory(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    directory.save("device", {"serial": "SIM-1"})
    directory.close()
    with pytest.raises(StateError, match="cannot be read"):
        make_camera(state=tmp_path)
    StateDirectory(tmp_path).close()


# Power


@pytest.mark.rule("AUD-004")
def test_a_reboot_counts_takes_pending_settings_and_drops_hosts_in_order(camera: SimCamera) -> None:
    port = Served()
    camera.serve_by(port)
    configure(camera, "trigger.holster", 0)
    camera.request_reboot(0.2)
    camera.settle()
    assert camera.running, "the reply has to leave first"
    camera.time.skip(0.2)
    camera.settle()
    assert not camera.running
    assert port.dropped == [True]
    assert not camera.awake(), "it boots"
    boot_again(camera)
    assert camera.boot_counter == 2
    assert camera.uptime_s == 0
    assert camera.settings["trigger.holster"] is False


def test_a_crash_while_recording_leaves_a_recording_that_is_cut(camera: SimCamera) -> None:
    camera.wearer.start()
    camera.time.skip(10)
    camera.settle()
    port = Served()
    camera.serve_by(port)
    camera.crash()
    assert port.dropped == [False]
    boot_again(camera)
    newest = camera.listing(3, 1)[0]
    assert newest.manifest.cut
    assert newest.manifest.duration_ms <= 10_000
    assert kinds(camera)[-2:] == [AuditKind.BOOT, AuditKind.RECORDING_CLOSED]


def test_a_crash_takes_what_is_in_memory_and_leaves_what_is_on_the_flash(camera: SimCamera) -> None:
    configure(camera, "recording.pre_event_s", 77)
    camera.settings.stage(
        camera.settings.revision, [Setting(key="alarm.battery_low_pct", type=SettingType.INT, number=33)]
    )
    first = camera.listing(0, 1)[0]
    camera.storage.rot(first.recording_id, 0, flip_at=5)
    camera.time.skip(30)
    camera.settle()
    rotten, charge, wear = (
        first.blobs[0].read(0, 10),
        camera.battery.snapshot(),
        camera.storage.emmc.written_bytes,
    )
    log, storage, settings = camera.audit.head(), camera.storage, camera.settings
    camera.assignment = replace(camera.assignment, officer="nobody kept this")
    camera.crash()
    boot_again(camera)
    assert camera.storage is not storage and camera.settings is not settings
    assert camera.settings.number("recording.pre_event_s") == 77
    assert camera.settings.staged() == [] and camera.assignment.officer == ""
    assert camera.audit.holds(*log)
    again = camera.listing(0, 1)[0]
    assert again.manifest == first.manifest and again.blobs[0].read(0, 10) == rotten
    assert camera.battery.snapshot() == pytest.approx(charge, rel=1e-3), "a cell is no memory"
    assert camera.storage.emmc.written_bytes >= wear


def test_a_crash_loses_what_was_not_synced(camera: SimCamera) -> None:
    flash = camera.storage._state.flash
    flash.create("unsynced", b"1")
    assert isinstance(flash, MemoryFlash) and flash.unsynced
    camera.crash()
    assert flash.unsynced == []
    boot_again(camera)


def test_an_orderly_end_closes_the_recording(camera: SimCamera) -> None:
    camera.wearer.start()
    camera.time.skip(10)
    camera.go_down()
    newest = camera.listing(3, 1)[0]
    assert not newest.manifest.cut
    assert newest.manifest.duration_ms == pytest.approx(10_000, abs=50)


def test_an_empty_battery_switches_it_off_and_the_dock_wakes_it(camera: SimCamera) -> None:
    camera.undock()
    camera.wearer.start()
    for _ in range(24 * 20):
        camera.time.skip(180)
        camera.settle()
        if not camera.running:
            break
    assert not camera.running, "no cell lasts a day of recording"
    assert camera.battery.charge_pct == 0
    camera.time.skip(3_600)
    assert not camera.awake(), "nothing wakes it but the dock"
    camera.dock()
    boot_again(camera)
    assert camera.clock.state is not ClockState.UNSET, "the reserve kept the clock"
    assert not camera.listing(3, 1)[0].manifest.cut


def test_a_deep_discharge_loses_the_time_and_the_log_says_so(camera: SimCamera) -> None:
    camera.undock()
    camera.battery.state.charge = 0.002
    camera.time.skip(1)
    camera.settle()
    assert not camera.running
    camera.time.skip(1)
    camera.settle()
    camera.dock()
    boot_again(camera)
    assert camera.clock.state is ClockState.UNSET
    assert camera.report.faults & Fault.CLOCK_UNSET
    assert AuditKind.CLOCK_LOST in kinds(camera)


def test_undocking_makes_settings_effective_that_wait_for_it(camera: SimCamera) -> None:
    configure(camera, "recording.segment_s", 60)
    assert camera.recorder.settings.segment_s == 900
    camera.undock()
    assert camera.recorder.settings.segment_s == 60


# The wearer


def test_the_configuration_decides_what_the_wearer_and_triggers_may_do(camera: SimCamera) -> None:
    wearer = camera.wearer
    assert not wearer.start(TriggerReason.REMOTE), "off by default"
    assert not wearer.mute(True)
    assert not wearer.stealth(True)
    for key in ("remote_activation", "mute.allowed", "stealth.allowed"):
        configure(camera, key, 1)
    camera.undock()
    assert wearer.start(TriggerReason.REMOTE)
    assert wearer.mute(True)
    assert wearer.stealth(True)
    camera.time.skip(4)
    assert wearer.mark()
    wearer.stop()
    newest = camera.listing(3, 1)[0]
    assert newest.manifest.trigger is TriggerReason.REMOTE
    assert newest.manifest.mute
    assert newest.manifest.stealth
    assert newest.marked
    assert not wearer.mark(), "nothing is being recorded"


def test_a_full_storage_refuses_a_recording_and_says_so(camera: SimCamera, desk: Any) -> None:
    camera.storage.capacity_bytes = camera.storage.used_bytes
    assert not camera.wearer.start()
    assert AuditKind.STORAGE_FULL in kinds(camera)
    assert camera.report.faults & Fault.STORAGE_FULL


# What it tells


def test_hosts_are_told_of_states_and_closed_recordings(camera: SimCamera, desk: Any) -> None:
    camera.wearer.start()
    camera.time.skip(5)
    camera.wearer.stop()
    faults = Fault.UNASSIGNED
    newest = camera.listing(3, 1)[0]
    assert desk.told == [
        StateChanged(state=CameraState.RECORDING, faults=faults),
        RecordingClosed(recording=newest.recording_id, sequence=4),
        StateChanged(state=CameraState.READY, faults=faults),
    ]


def test_an_alarm_is_told_once_when_it_begins(camera: SimCamera, desk: Any) -> None:
    camera.undock()
    camera.battery.state.charge = 0.15
    for _ in range(3):
        camera.time.skip(1)
        camera.settle()
    alarms = [event for event in desk.told if isinstance(event, BatteryAlarm)]
    assert len(alarms) == 1
    assert alarms[0].charge_pct <= 15


def test_the_due_time_of_a_camera_is_that_of_whatever_comes_first(camera: SimCamera) -> None:
    camera.settle()
    begun = camera.time()
    assert camera.deadline() == begun + 10.0, "it is looked at now and then"
    camera.request_reboot(0.2)
    assert camera.deadline() == pytest.approx(begun + 0.2)
    camera.time.skip(0.2)
    camera.settle()
    assert camera.deadline() == pytest.approx(begun + 0.2 + BOOT_S)


def test_marks_of_the_listing_are_those_of_the_shift(new_camera: NewCamera, desk_type: Any) -> None:
    camera = new_camera(recordings=12)
    marked = [r.sequence for r in camera.listing(0, 99) if r.marked]
    held = [r.sequence for r in camera.listing(0, 99) if r.held]
    assert marked == [2, 6, 10]
    assert held == [3, 8]
    assert not any(r.manifest.cut for r in camera.listing(0, 99))


# Time


def test_device_time_goes_on_from_loop_to_loop_and_never_back() -> None:
    device_time = DeviceTime(utc_ns=0)

    async def live(seconds: float) -> float:
        device_time.follow(asyncio.get_running_loop())
        await asyncio.sleep(seconds)
        return device_time()

    assert run_virtual(live(100.0)) == 100.0
    assert run_virtual(live(50.0)) == 150.0
    device_time.skip(1_000)
    assert device_time() == 1_150.0
    assert run_virtual(live(1.0), start_s=7.0) == 1_151.0
    assert asyncio.run(live(0.0)) == pytest.approx(1_151.0, abs=5.0)


def test_a_camera_that_comes_with_many_recordings_makes_none_of_their_bytes_and_syncs_once(
    new_camera: NewCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty thousand start in seconds: nothing is done for each that takes as long as its footage or the disk."""
    syncs, waits = list[str](), list[int]()
    monkeypatch.setattr(SyntheticBlob, "read", lambda blob, offset, size: pytest.fail("its bytes were made"))
    monkeypatch.setattr(os, "sync", lambda: syncs.append("all of it"))
    monkeypatch.setattr(os, "fsync", waits.append)
    first = new_camera(recordings=300, state=tmp_path)
    assert syncs == ["all of it"], "what it comes with is durable before anybody is served"
    assert len(waits) < 30
    kept = [found.manifest for found in first.listing(0, 999)]
    assert len(kept) == 300
    first.close()
    again = new_camera(recordings=300, state=tmp_path)
    assert [found.manifest for found in again.listing(0, 999)] == kept
    assert len(syncs) == 1


def test_a_kill_within_the_making_leaves_whole_recordings(tmp_path: Path, new_camera: NewCamera) -> None:
    class Killed(BaseException):
        pass

    def dies(*_args: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sync", dies)
        with pytest.raises(Killed):
            make_camera(recordings=5, mib=1, state=tmp_path)
    camera = new_camera(recordings=5, state=tmp_path)
    assert len(camera.storage) == 5
    assert camera.storage.damaged == ()
    assert camera.storage.next_sequence == 6
