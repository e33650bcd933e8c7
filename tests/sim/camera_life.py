"""A day in the life of a simulated camera, step by step, and what must be true of it after any loss of power.

Each step is one thing that a wearer or a host asks for. What they were told at its end is the camera's word: it holds
after every restart. Within a step it may have happened or not, but each thing wholly, and with its entry in the log.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from bwc_protocol.documents.device_statement import verify_device_statement
from bwc_protocol.evidence import (
    AUDIT_ROOT_SHA256,
    ActivationEvent,
    Circumstances,
    GivenBy,
    Manifest,
    Purpose,
    StopReason,
    verify_table,
)
from bwc_protocol.messages.assignment import Assign, ClearAssignment
from bwc_protocol.messages.audit import AuditKind
from bwc_protocol.messages.clock import ClockReason, SetClock, TimeSource
from bwc_protocol.messages.config import ApplyConfig, ConfigView, Setting, SettingType, StageConfig
from bwc_protocol.messages.identity import SelfTest
from bwc_protocol.messages.recordings import (
    AssignCase,
    CategoriseRecording,
    EraseRecording,
    HoldRecording,
    LiftHold,
    MarkRecording,
    OpenSegment,
    ReviewRecording,
)
from firmware_sim.camera.camera import SimCamera
from firmware_sim.camera.model import CameraOptions
from firmware_sim.camera.recorder import JOURNAL_EVERY_MS
from firmware_sim.device.audit_log import LogEntry
from firmware_sim.flash.memory_flash import MemoryFlash
from firmware_sim.footage.source import SyntheticFootage
from firmware_sim.storage.blobs import chunk_table
from firmware_sim.storage.storage import JOURNAL, Annotation, StoredRecording
from tools.testkit import agencies

NOON_NS: Final = 1_800_014_400 * 1_000_000_000
S: Final = 1_000_000_000
RATE: Final = 10_000
"""Bytes of footage a second: a chunk takes less than half a second."""
CHUNK: Final = 4_096
CHUNK_MS: Final = CHUNK * 1000 // RATE + 1
OFF_S: Final = 60


def made(flash: MemoryFlash, utc_ns: int = NOON_NS) -> SimCamera:
    """The camera that lives on this flash."""
    options = CameraOptions(
        seed=5,
        footage=SyntheticFootage(RATE),
        chunk_size=CHUNK,
        state=flash,
        agency=agencies.real(),
    )
    return SimCamera(options, utc_ns=utc_ns)


# What is asked of it


@dataclass
class Day:
    """The camera, and a host at its handlers."""

    camera: SimCamera
    desk: Any

    def wait(self, seconds: float) -> None:
        self.camera.time.skip(seconds)
        self.camera.settle()

    def configure(self, *settings: Setting) -> None:
        revision = self.camera.settings.revision
        self.desk.ask(StageConfig(revision=revision, settings=settings))
        self.desk.ask(ApplyConfig(revision=revision))

    def named(self, index: int) -> dict[str, bytes]:
        found = self.camera.listing(0, 99)[index]
        return {"recording": found.recording_id, "manifest_sha256": found.manifest_sha256}

    def head(self, index: int) -> bytes:
        return self.camera.listing(0, 99)[index].annotations_sha256

    def set_clock(self) -> None:
        self.desk.ask(
            SetClock(
                offset_ns=7 * S,
                uncertainty_ns=1000,
                reason=ClockReason.BENCH,
                source=TimeSource.NTP,
                revision=self.camera.clock.revision,
            )
        )


def _number(key: str, value: int) -> Setting:
    return Setting(key=key, type=SettingType.INT, number=value)


def _bool(key: str, value: bool) -> Setting:
    return Setting(key=key, type=SettingType.BOOL, number=value)


STEPS: Final[dict[str, Callable[[Day], object]]] = {
    "configure": lambda day: day.configure(
        _bool("mute.allowed", True),
        _bool("holder.pseudonym", True),
        _number("recording.pre_event_s", 2),
        _number("recording.segment_s", 30),
        _number("recording.post_event_s", 1),
    ),
    "configure again": lambda day: day.configure(
        _number("recording.pre_event_s", 3), _number("alarm.battery_low_pct", 20)
    ),
    "assign": lambda day: day.desk.ask(
        Assign(officer="K1", unit="north", revision=day.camera.assignment.revision)
    ),
    "undock": lambda day: day.camera.undock(),
    "buffer": lambda day: day.wait(5),
    "start": lambda day: day.camera.wearer.start(
        event=ActivationEvent.WARRANT, purpose=Purpose.LAW_ENFORCEMENT, by=GivenBy.APP
    ),
    "record": lambda day: day.wait(1.1),
    "record on": lambda day: day.wait(1.1),
    "mark": lambda day: day.camera.wearer.mark(),
    "mute": lambda day: day.camera.wearer.mute(True, StopReason.PRIVILEGED),
    "record muted": lambda day: day.wait(1.1),
    "unmute": lambda day: day.camera.wearer.mute(False),
    "into the next segment": lambda day: day.wait(24.5),
    "record more": lambda day: day.wait(1.1),
    "stop": lambda day: day.camera.wearer.stop(StopReason.VICTIM_OR_WITNESS_ASKED),
    "after the event": lambda day: day.wait(1.1),
    "hold": lambda day: day.desk.ask(HoldRecording(**day.named(0), reason="case 7")),
    "hold for another": lambda day: day.desk.ask(
        HoldRecording(**day.named(0), reason="asked for", hold="h", case="24-7", authority="judge")
    ),
    "say the case": lambda day: day.desk.ask(AssignCase(**day.named(0), case="24-7")),
    "review": lambda day: day.desk.ask(ReviewRecording(**day.named(0), note="face")),
    "categorise": lambda day: day.desk.ask(CategoriseRecording(**day.named(0), category="theft")),
    "mark by a host": lambda day: day.desk.ask(MarkRecording(**day.named(0), marked=False)),
    "set the clock": lambda day: day.set_clock(),
    "test itself": lambda day: day.desk.ask(SelfTest()),
    "read": lambda day: day.desk.ask(OpenSegment(**day.named(0), segment=0, offset=0, length=0)),
    "ask to erase": lambda day: day.desk.refused(
        EraseRecording(**day.named(0), annotations_sha256=day.head(0))
    ),
    "lift": lambda day: day.desk.ask(LiftHold(**day.named(0), reason="over")),
    "start again": lambda day: day.camera.wearer.start(),
    "record again": lambda day: day.wait(1.1),
    "clear": lambda day: day.desk.ask(ClearAssignment(revision=day.camera.assignment.revision)),
    "session ends": lambda day: day.desk.session.ended("over"),
    "record on again": lambda day: day.wait(2.2),
    "a minute passes": lambda day: day.wait(61),
    "go down": lambda day: day.camera.close(),
}


# What is known of it


@dataclass(frozen=True)
class Told:
    """What hosts and wearer know of a camera."""

    boots: int
    settings: tuple[Any, ...]
    assignment: Any
    clock: tuple[Any, ...]
    recordings: dict[bytes, tuple[Manifest, tuple[Annotation, ...]]]
    log: tuple[LogEntry, ...]
    open: tuple[bytes, int, Circumstances] | None
    """The recording in progress, how much of it must survive, and what was said of it."""


NOTHING: Final = Told(0, (), None, (), {}, (), None)


def told_by(camera: SimCamera) -> Told:
    last, _ = camera.audit.head()
    recorder = camera.recorder
    in_progress = None
    if recorder.recording_id is not None:
        assert recorder.elapsed_ms - recorder._journalled_ms <= JOURNAL_EVERY_MS
        assert recorder._open is not None
        said = recorder._open.circumstances
        in_progress = (recorder.recording_id, recorder._journalled_ms - CHUNK_MS, said)
    settings = camera.settings
    return Told(
        boots=camera.boot_counter,
        settings=(settings.revision, *settings.view(ConfigView.PENDING)),
        assignment=camera.assignment,
        clock=(camera.clock.revision, camera.clock.source, camera.clock.last_set_utc_ns),
        recordings={one.recording_id: (one.manifest, one.annotations) for one in camera.listing(0, 99)},
        log=camera.audit.read(0, last).entries,
        open=in_progress,
    )


class Moment:
    """The flash at one operation: what had been told by then, and what the step that it is part of was to bring."""

    def __init__(self, step: str, operation: str, flash: MemoryFlash) -> None:
        self.step, self.operation, self.flash = step, operation, flash
        self.before = self.after = NOTHING

    def __str__(self) -> str:
        return f"{self.step}: before {self.operation}"


def moments(desk_type: Any, flash: MemoryFlash | None = None) -> list[Moment]:
    """Every operation of the whole day."""
    flash = MemoryFlash() if flash is None else flash
    found: list[Moment] = []
    doing = "boot"

    def before(number: int, operation: str, name: str) -> None:
        found.append(Moment(doing, f"{operation} {name}", flash.copy()))

    flash.before = before
    told, since = NOTHING, 0
    camera = made(flash)
    day = Day(camera, desk_type(camera))

    def passed(now: Told) -> None:
        nonlocal told, since
        for moment in found[since:]:
            moment.before, moment.after = told, now
        told, since = now, len(found)

    passed(told_by(camera))
    for step, act in STEPS.items():
        doing = step
        act(day)
        passed(told_by(camera))
    found.append(Moment("over", "nothing", flash.copy()))
    passed(told)
    return found


# What must be true


def after_a_loss(moment: Moment, seed: int) -> None:
    """Loses power at this moment, and checks the camera that comes up, and goes on with it."""
    flash = moment.flash.copy()
    flash.lose_power(random.Random(seed))
    camera = made(flash, NOON_NS + OFF_S * S)
    check(camera, moment.before, moment.after)
    go_on(camera, flash)


def check(camera: SimCamera, before: Told, after: Told) -> None:
    """Nothing that was told is untrue now; of what was under way each thing has happened wholly, or not at all."""
    now = told_by(camera)
    assert camera.running and camera.unkept is None
    assert camera.storage.damaged == () and camera.missing() == []
    assert now.boots > before.boots, "a boot has a number of its own"
    fresh = before is NOTHING
    assert now.settings in (before.settings, after.settings) or fresh
    assert now.assignment in (before.assignment, after.assignment) or fresh
    assert now.clock in (before.clock, after.clock) or fresh
    _check_log(now, before)
    _check_recordings(camera, now, before, after)
    _check_one_step(now)


def _check_log(now: Told, before: Told) -> None:
    assert now.log[: len(before.log)] == before.log, "what was in the log is"
    previous = AUDIT_ROOT_SHA256
    for number, entry in enumerate(now.log, 1):
        assert entry.sequence == number and entry.follows(previous)
        previous = entry.sha256
    boots = [entry.boot_counter for entry in now.log if entry.kind is AuditKind.BOOT]
    assert boots == sorted(set(boots)) and boots[-1] == now.boots, "no boot's number comes twice"


def _check_recordings(camera: SimCamera, now: Told, before: Told, after: Told) -> None:
    for which, (manifest, notes) in before.recordings.items():
        assert which in now.recordings and now.recordings[which][0] == manifest, (
            "what was closed is as it was closed"
        )
        assert now.recordings[which][1] in (notes, after.recordings[which][1])
    previous = bytes(32)
    listed = camera.listing(0, 99)
    assert len(listed) == len(now.recordings), "nothing is stored twice"
    for number, one in enumerate(listed, 1):
        assert (one.sequence, one.manifest.previous_sha256) == (number, previous)
        previous = one.manifest_sha256
        _check_signature(camera, one)
        for facts, table, blob in zip(one.manifest.segments, one.tables, one.blobs, strict=True):
            verify_table(table, facts)
            assert blob.size_bytes == facts.size_bytes
            assert chunk_table(blob, facts.chunk_size) == table
    opened = {which for told in (before, after) if told.open is not None for which in (told.open[0],)}
    surplus = set(now.recordings) - set(before.recordings)
    assert surplus <= opened | set(after.recordings), "no recording comes from nowhere"
    if before.open is not None:
        which, safe_ms, said = before.open
        kept_ms = now.recordings[which][0].duration_ms if which in now.recordings else 0
        assert kept_ms >= safe_ms, "what was journalled is there"
        if which in now.recordings and which not in after.recordings:
            later = after.open[2] if after.open is not None and after.open[0] == which else said
            assert _unended(now.recordings[which][0]) in (said, later), "what was said of it is there"
    for which in surplus:
        manifest = now.recordings[which][0]
        assert manifest.cut or manifest == after.recordings[which][0]
    assert camera.storage.journal() is None and now.open is None
    assert not camera.storage._state.flash.exists(f"{JOURNAL}.json")


def _check_signature(camera: SimCamera, recording: StoredRecording) -> None:
    """What is listed is signed, by this camera; development firmware signs nothing."""
    if camera.trust is None:
        assert not recording.signature
        return
    verify_device_statement(
        recording.manifest_bytes,
        recording.signature,
        agencies.real().anchors,
        lab="",
        camera=camera.serial,
    )


def _unended(manifest: Manifest) -> Circumstances:
    """What is stated, without what the camera itself says of the end."""
    said = manifest.circumstances
    assert said is not None
    if said.ending_by is not GivenBy.CAMERA:
        return said
    assert said.ending is StopReason.POWER_LOST and manifest.cut
    return replace(said, ending=StopReason.NOT_GIVEN, ending_by=GivenBy.NOBODY)


def _check_one_step(now: Told) -> None:
    """What is kept together with its entry in the log is there exactly if that is."""
    kinds = [entry.kind for entry in now.log]
    assert now.settings[0] - 1 == kinds.count(AuditKind.CONFIG_APPLIED)
    assigned = kinds.count(AuditKind.ASSIGNED) + kinds.count(AuditKind.ASSIGNMENT_CLEARED)
    assert now.assignment.revision - 1 == assigned
    assert now.boots == kinds.count(AuditKind.BOOT)
    assert now.clock[0] - 1 == kinds.count(AuditKind.CLOCK_SET)
    by_hosts = [one for _, notes in now.recordings.values() for one in notes if one.actor == "tester"]
    assert len(by_hosts) == kinds.count(AuditKind.ANNOTATED)


def go_on(camera: SimCamera, flash: MemoryFlash) -> None:
    """Life goes on: it records, and is the same after another restart."""
    before = told_by(camera)
    assert camera.wearer.start()
    camera.time.skip(3)
    camera.recorder.close_now()
    told = told_by(camera)
    assert len(told.recordings) == len(before.recordings) + 1
    camera.close()
    again = made(flash, camera.true_utc_ns())
    check(again, told, told)
    again.close()
