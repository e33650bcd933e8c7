"""What a camera says of a recording beside its bytes: what it was for, why it ended, who carried it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bwc_protocol.declare import Unknown
from bwc_protocol.evidence import (
    MAX_SEGMENTS,
    ActivationEvent,
    Circumstances,
    GivenBy,
    Manifest,
    Purpose,
    StopReason,
    TriggerReason,
)
from bwc_protocol.messages.assignment import Assign, ReadAssignment
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.config import ApplyConfig, Setting, SettingType, StageConfig
from bwc_protocol.messages.recordings import (
    AnnotationKind,
    CategoriseRecording,
    ListRecordings,
    ReadAnnotations,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.recorder import Said
from firmware_sim.control.camera_control import CameraControl
from firmware_sim.device.refusal import Refusal


def configure(desk: Any, *settings: Setting) -> None:
    revision = desk.session.camera.settings.revision
    desk.ask(StageConfig(revision=revision, settings=settings))
    desk.ask(ApplyConfig(revision=revision))


def word(key: str, text: str) -> Setting:
    return Setting(key=key, type=SettingType.TEXT, text=text)


def switch(key: str, on: bool = True) -> Setting:
    return Setting(key=key, type=SettingType.BOOL, number=on)


def recorded(camera: SimCamera, **start: Any) -> Manifest:
    assert camera.wearer.start(**start)
    camera.time.skip(3)
    camera.wearer.stop()
    camera.settle()
    return newest(camera)


def newest(camera: SimCamera) -> Manifest:
    return camera.listing(0, 99)[-1].manifest


def said_of(camera: SimCamera) -> Circumstances:
    stated = newest(camera).circumstances
    assert stated is not None
    return stated


def test_nobody_says_anything_and_that_is_what_it_says(camera: SimCamera) -> None:
    recorded(camera)
    assert said_of(camera) == Circumstances(generation=0)


def test_what_the_wearer_says_stands_in_the_manifest(camera: SimCamera) -> None:
    say = CameraControl(camera).answer
    assert str(say(b"record start event=warrant purpose=law-enforcement by=app")).startswith("ok")
    camera.time.skip(3)
    assert str(say(b"record stop event-over")).startswith("ok")
    stated = said_of(camera)
    assert (stated.event, stated.event_by) == (ActivationEvent.WARRANT, GivenBy.APP)
    assert (stated.ending, stated.ending_by) == (StopReason.EVENT_OVER, GivenBy.BUTTON)
    assert stated.purpose is Purpose.LAW_ENFORCEMENT and stated.vocabulary == 1


def test_an_agency_has_words_of_its_own_and_nobody_has_the_others(camera: SimCamera) -> None:
    say = CameraControl(camera).answer
    assert str(say(b"record start event=200")).startswith("ok")
    camera.time.skip(3)
    for wrong in (b"127", b"256", b"luck", b"power-lost"):
        assert str(say(b"record stop " + wrong)).startswith("error usage")
    assert str(say(b"record stop 128")).startswith("ok")
    stated = said_of(camera)
    assert (stated.event, stated.ending) == (Unknown(200), Unknown(128))
    assert Manifest.decode(newest(camera).encode()) == newest(camera)
    for wrong in (b"by=dock", b"event=99", b"colour=red", b"holster holster", b"event=arrest event=search"):
        assert str(say(b"record start " + wrong)).startswith("error usage")
    assert camera.recorder.recording_id is None


@pytest.mark.parametrize(
    ("trigger", "event"),
    [
        (TriggerReason.HOLSTER, ActivationEvent.WEAPON_DRAWN),
        (TriggerReason.VEHICLE, ActivationEvent.EMERGENCY_DRIVE),
    ],
)
def test_a_trigger_says_what_it_knows(
    camera: SimCamera, trigger: TriggerReason, event: ActivationEvent
) -> None:
    recorded(camera, trigger=trigger)
    assert (said_of(camera).event, said_of(camera).event_by) == (event, GivenBy.TRIGGER)


def test_a_dock_says_it_for_the_shift_and_the_wearer_says_more(camera: SimCamera, desk: Any) -> None:
    configure(desk, word("recording.event", "planned-arrest"), word("recording.purpose", "training"))
    recorded(camera)
    assert (said_of(camera).event, said_of(camera).event_by) == (
        ActivationEvent.PLANNED_ARREST,
        GivenBy.DOCK,
    )
    assert said_of(camera).purpose is Purpose.TRAINING
    recorded(camera, event=ActivationEvent.SEARCH)
    assert (said_of(camera).event, said_of(camera).event_by) == (ActivationEvent.SEARCH, GivenBy.BUTTON)
    assert said_of(camera).purpose is Purpose.TRAINING


def test_pressed_again_before_it_ended_the_reason_for_its_end_is_taken_back(
    camera: SimCamera, desk: Any
) -> None:
    configure(desk, Setting(key="recording.post_event_s", type=SettingType.INT, number=5))
    assert camera.wearer.start()
    camera.time.skip(3)
    camera.wearer.stop(StopReason.MISTAKE)
    assert camera.wearer.start(event=ActivationEvent.ARREST)
    camera.time.skip(3)
    camera.wearer.stop()
    camera.time.skip(6)
    camera.settle()
    stated = said_of(camera)
    assert (stated.ending, stated.ending_by) == (StopReason.NOT_GIVEN, GivenBy.NOBODY)
    assert stated.event is ActivationEvent.ARREST


# First Amendment


@pytest.mark.rule("REC-031")
def test_solely_first_amendment_activity_is_refused_wherever_it_is_set(camera: SimCamera, desk: Any) -> None:
    listed = desk.ask(ListRecordings()).recordings[0]
    named = {"recording": listed.recording, "manifest_sha256": listed.manifest_sha256}
    logged = camera.audit.head()
    for text in ("first-amendment-only", "First Amendment", "first_amendment_activity", "1st amendment only"):
        asked = CategoriseRecording(category=text, **named)
        assert desk.refused(asked) is ErrorCode.PURPOSE_REFUSED
        staged = StageConfig(revision=camera.settings.revision, settings=(word("recording.purpose", text),))
        assert desk.refused(staged) is ErrorCode.PURPOSE_REFUSED
    with pytest.raises(Refusal, match="PURPOSE_REFUSED"):
        camera.wearer.start(purpose=Purpose.FIRST_AMENDMENT_ONLY)
    said = str(CameraControl(camera).answer(b"record start purpose=first-amendment-only"))
    assert said.startswith("error refused: purpose-refused: recording solely First Amendment activity")
    assert camera.recorder.recording_id is None and camera.audit.head() == logged
    assert desk.ask(ListRecordings()).recordings[0] == listed
    for text in ("protest with arrest", "first aid", "amendment"):
        desk.ask(CategoriseRecording(category=text, **named))


# Who carried it


def test_the_holder_is_who_carried_it_when_it_began(camera: SimCamera, desk: Any) -> None:
    desk.ask(Assign(officer="K1", unit="north", revision=camera.assignment.revision))
    assert camera.wearer.start()
    camera.time.skip(3)
    desk.ask(Assign(officer="K2", revision=camera.assignment.revision))
    camera.wearer.stop()
    assert (said_of(camera).holder, said_of(camera).pseudonym) == ("K1", False)


def test_where_the_agency_says_so_nothing_that_leaves_with_footage_names_the_officer(
    camera: SimCamera, desk: Any
) -> None:
    configure(desk, switch("holder.pseudonym"))
    state = desk.ask(Assign(officer="K1-Muster", unit="north", revision=camera.assignment.revision))
    recorded(camera)
    stated = said_of(camera)
    assert stated.pseudonym and stated.holder == state.pseudonym == desk.ask(ReadAssignment()).pseudonym
    assert b"K1-Muster" not in newest(camera).encode()
    notes = desk.ask(ReadAnnotations(recording=newest(camera).recording_id)).annotations
    assert [one.text for one in notes if one.kind is AnnotationKind.ASSIGNMENT] == [state.pseudonym]
    assert "K1-Muster" not in str(notes)
    entries = camera.audit.read(0, camera.audit.head()[0]).entries
    (assigned,) = (one for one in entries if one.kind is AuditKind.ASSIGNED)
    assert "K1-Muster" in assigned.detail and state.pseudonym in assigned.detail, "only the log joins them"
    again = desk.ask(Assign(officer="K1-Muster", unit="north", revision=camera.assignment.revision))
    assert again.pseudonym != state.pseudonym


# How it ended


def test_what_the_camera_does_by_itself_it_says_itself(new_camera: Callable[..., SimCamera]) -> None:
    camera = new_camera(recordings=0)
    assert camera.wearer.start()
    camera.time.skip(3)
    camera.request_reboot(0.0)
    camera.settle()
    assert (said_of(camera).ending, said_of(camera).ending_by) == (StopReason.SWITCHED_OFF, GivenBy.CAMERA)


def test_a_full_storage_is_its_reason(new_camera: Callable[..., SimCamera]) -> None:
    camera = new_camera(recordings=0)
    camera.storage.capacity_bytes = 8 << 20
    assert camera.wearer.start()
    while camera.recorder.recording_id is not None:
        camera.time.skip(5)
        camera.settle()
    assert said_of(camera).ending is StopReason.STORAGE_FULL


@pytest.mark.rule("REC-032")
@pytest.mark.parametrize("reason", [StopReason.NOT_GIVEN, StopReason.PRIVACY])
def test_after_a_loss_of_power_it_says_what_was_said(
    camera: SimCamera, desk: Any, reason: StopReason
) -> None:
    configure(desk, Setting(key="recording.post_event_s", type=SettingType.INT, number=30))
    assert camera.wearer.start(event=ActivationEvent.TRAFFIC_STOP)
    camera.time.skip(3)
    camera.wearer.stop(reason)
    camera.time.skip(3)
    camera.settle()
    camera.crash()
    camera.time.skip(60)
    camera.settle()
    assert newest(camera).cut and said_of(camera).event is ActivationEvent.TRAFFIC_STOP
    asked = (reason, GivenBy.BUTTON) if reason else (StopReason.POWER_LOST, GivenBy.CAMERA)
    assert (said_of(camera).ending, said_of(camera).ending_by) == asked


def test_a_recording_that_goes_on_in_another_says_so_and_what_it_is_for(camera: SimCamera, desk: Any) -> None:
    configure(desk, Setting(key="recording.segment_s", type=SettingType.INT, number=30))
    camera.undock()
    before = len(camera.listing(0, 99))
    assert camera.wearer.start(event=ActivationEvent.SEARCH, purpose=Purpose.LAW_ENFORCEMENT)
    for _ in range(MAX_SEGMENTS * 30 // 60 + 1):
        camera.time.skip(60)
        camera.settle()
    camera.wearer.stop(StopReason.EVENT_OVER)
    first, second = (one.manifest.circumstances for one in camera.listing(0, 99)[before:])
    assert first is not None and second is not None
    assert (first.ending, first.ending_by) == (StopReason.CONTINUED, GivenBy.CAMERA)
    assert (second.event, second.purpose, second.ending) == (
        first.event,
        first.purpose,
        StopReason.EVENT_OVER,
    )


def test_mute_and_stealth_say_why(camera: SimCamera, desk: Any) -> None:
    configure(desk, switch("mute.allowed"), switch("stealth.allowed"))
    camera.undock()
    say = CameraControl(camera).answer
    assert str(say(b"stealth on tactics")).startswith("ok")
    assert camera.wearer.start()
    for line in (b"mute on privileged", b"mute off", b"mute on", b"mute off", b"mute on 130", b"stealth off"):
        camera.time.skip(1)
        assert str(say(line)).startswith("ok")
    camera.time.skip(1)
    camera.wearer.stop()
    stated = newest(camera)
    assert [one.reason for one in stated.mute] == [
        StopReason.PRIVILEGED,
        StopReason.NOT_GIVEN,
        Unknown(130),
    ]
    assert [one.reason for one in stated.stealth] == [StopReason.TACTICS]
    assert str(say(b"mute on luck")).startswith("error usage")


def test_a_reason_that_cannot_be_kept_is_not_taken_and_the_recording_goes_on(camera: SimCamera) -> None:
    assert camera.wearer.start()

    def fails(*_: Any, **__: Any) -> None:
        raise OSError("no")

    keep, camera.storage.keep_journal = camera.storage.keep_journal, fails
    with pytest.raises(OSError, match="no"):
        camera.wearer.stop(StopReason.PRIVACY)
    assert camera.recorder.recording_id is not None
    with pytest.raises(OSError, match="no"):
        camera.recorder.start(TriggerReason.OFFICER_BUTTON, None, Said(ActivationEvent.ARREST))
    camera.storage.keep_journal = keep
    camera.time.skip(3)
    camera.wearer.stop()
    assert said_of(camera).ending is StopReason.NOT_GIVEN
