"""The physical reset: keys and footage go, what is left says so; and it ends, however often the power is lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.documents.refusal import DocumentRefused
from bwc_protocol.documents.reset_record import ResetCause, verify_reset_record
from bwc_protocol.link import ResetReason
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.trust import Enroll, ReadResetRecord
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.control.camera_control import CameraControl
from firmware_sim.control.hands import Hands
from firmware_sim.control.station_control import StationControl
from firmware_sim.flash.flash import PowerLost
from firmware_sim.flash.memory_flash import MemoryFlash
from tests.tiers import times
from tools.testkit import agencies
from tools.testkit.device_host import HostRefused
from tools.testkit.enrolling import entries, installation

New = Callable[..., Any]
Play = Callable[[Any], Any]
At = Callable[..., Any]
VENDOR = agencies.lab().factory_root.certificate


def boot(device: Any) -> None:
    device.time.skip(5)
    device.settle()
    assert device.running


@pytest.mark.rule("TRU-007")
@pytest.mark.rule("TRU-008")
def test_a_reset_leaves_a_record_and_a_camera_to_be_enrolled(
    new_device: New, enroller_at: At, host_at: At, play: Play
) -> None:
    camera = new_device(recordings=3)
    log, head = camera.audit.head(), camera.storage.last_manifest_sha256
    keys = (camera.trust.kept.key, camera.trust.kept.factory_key)

    async def scenario() -> None:
        host = await host_at(camera)
        assert await host.refused(ReadResetRecord()) is ErrorCode.NOT_FOUND
        assert camera.reset_by_opening() == ""
        boot(camera)
        assert not camera.has_footage and camera.storage.next_sequence == 1
        with pytest.raises(HostRefused) as refused:
            await host_at(camera)
        assert refused.value.reason is ResetReason.NOT_ENROLLED
        camera.press_enroll()
        enroller = await enroller_at(camera)
        told = verify_reset_record((await enroller.ask(ReadResetRecord())).record, (VENDOR,))
        assert (told.device, told.cause, told.generation) == (camera.serial, ResetCause.OPENED_CASE, 0)
        assert (told.recordings, told.held, told.last_manifest_sha256) == (3, 1, head)
        assert told.log_sequence >= log[0] and camera.audit.holds(told.log_sequence, told.log_sha256)
        assert await enroller.upload(Enroll, (await installation(enroller, agencies.real())).encode()) is None

    play(scenario())
    kept = camera.trust.kept
    assert kept.generation == 1 and kept.factory_key == keys[1] and kept.key != keys[0]
    assert len(entries(camera, AuditKind.RESET)) == 1
    assert camera.wearer.start()


def test_a_record_that_somebody_changed_or_made_does_not_verify(new_device: New) -> None:
    camera = new_device(recordings=1)
    camera.reset_by_opening()
    record = camera.trust.kept.reset_record
    assert verify_reset_record(record, (VENDOR,)).recordings == 1
    with pytest.raises(DocumentRefused):
        verify_reset_record(record.replace(b"SIM-00000001", b"SIM-00000002"), (VENDOR,))
    with pytest.raises(DocumentRefused):
        verify_reset_record(record, agencies.real().anchors)


def test_a_second_reset_counts_on(new_device: New) -> None:
    camera = new_device(recordings=1)
    for generation in (1, 2):
        camera.reset_by_opening()
        boot(camera)
        assert camera.trust.kept.generation == generation


def test_a_camera_that_is_off_can_be_reset(new_device: New) -> None:
    camera = new_device(recordings=1)
    camera.go_down()
    assert camera.reset_by_opening() == ""
    boot(camera)
    assert not camera.has_footage and not camera.trust.enrolled


def test_a_recording_that_runs_goes_as_well(new_device: New) -> None:
    camera = new_device()
    assert camera.wearer.start()
    camera.time.skip(30)
    camera.settle()
    camera.reset_by_opening()
    boot(camera)
    assert not camera.has_footage and camera.recorder.recording_id is None


@pytest.mark.rule("TRU-007")
def test_power_lost_at_any_moment_of_a_reset_leaves_all_or_nothing(new_device: New) -> None:
    """Old: enrolled with all footage. New: no key and no footage, once it has booted. Nothing between."""

    def reset(flash: MemoryFlash) -> None:
        camera = new_device(recordings=2, state=flash)
        flash.before = _cut(flash.operations + cut)
        camera.reset_by_opening()
        boot(camera)
        flash.before = None
        assert not camera.has_footage

    ended = 0
    for seed in range(times(1)):
        for cut in range(200):
            flash = MemoryFlash()
            try:
                reset(flash)
            except PowerLost:
                flash.before = None
                flash.lose_power(random.Random(f"{seed} {cut}"))
                again = new_device(state=flash)
                if again.trust.enrolled:
                    assert len(again.storage) == 2 and not again.storage.damaged
                else:
                    assert not again.has_footage and not again.trust.kept.key
                    assert again.trust.kept.generation == 1 and not again.trust.kept.destroying
                    assert verify_reset_record(again.trust.kept.reset_record, (VENDOR,)).recordings == 2
                continue
            ended += 1
            break
    assert ended == times(1), "the last cut came after the last operation"


def _cut(at: int) -> Callable[[int, str, str], None]:
    def before(number: int, operation: str, name: str) -> None:
        if number >= at:
            raise PowerLost

    return before


def test_hands_press_and_open_by_lines_of_text(new_device: New) -> None:
    camera = new_device(enrolled=False)
    control = CameraControl(camera)
    assert (control.answer(b"enroll") or "").startswith(f"ok enroll camera={camera.serial}")
    assert camera.trust.window.left_s == 120
    assert (control.answer(b"reset") or "").startswith("ok reset ")
    enrolled = CameraControl(new_device(seed=2))
    assert enrolled.answer(b"enroll") == "error refused: it is enrolled, by Harbour Police"
    station = new_device(bays=1, seed=30, enrolled=False)
    hands = StationControl(Hands(station))
    assert hands.answer(b"enroll") == f"ok enroll station={station.serial}"
    assert (hands.answer(b"camera 1 enroll") or "").startswith("ok camera enroll ")
    assert hands.answer(b"reset") == "ok reset state=off"
