"""What the camera answers: from real state, within its own limits, and with nothing changed by a refusal."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bwc_protocol.conversation.stream import MAX_STREAMS, StreamFault
from bwc_protocol.declare import COMMANDS, Handlers, Request, Role
from bwc_protocol.evidence import Manifest, TriggerReason, verify_table
from bwc_protocol.messages import SUBJECTS
from bwc_protocol.messages.assignment import Assign, ClearAssignment, ReadAssignment
from bwc_protocol.messages.audit import AuditKind, ReadAudit, ReadAuditHead
from bwc_protocol.messages.battery import ChargeState, ReadBattery
from bwc_protocol.messages.clock import ReadClock
from bwc_protocol.messages.config import (
    ApplyConfig,
    ConfigApplied,
    ConfigDocument,
    ConfigView,
    ReadConfig,
    ReadConfigState,
    ReadSchema,
    Setting,
    SettingType,
    StageConfig,
    UploadConfig,
)
from bwc_protocol.messages.identity import (
    CameraState,
    Fault,
    Identify,
    ReadCapabilities,
    ReadStatus,
    Reboot,
    SelfTest,
    TestResult,
)
from bwc_protocol.messages.recordings import (
    AnnotationKind,
    CategoriseRecording,
    EraseRecording,
    HoldRecording,
    LiftHold,
    ListRecordings,
    Mark,
    MarkRecording,
    OpenSegment,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    RecordingEntry,
)
from bwc_protocol.messages.storage import PreEol, ReadStorage, ReadStorageHealth
from bwc_protocol.messages.trust import CarryOut, ProveOpening
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.handlers import CAMERA
from firmware_sim.personalities import small
from tools.generate import samples

ABSENT = b"\xee" * 16


def fields(command: type[Request[Any]]) -> set[str]:
    return set(command.codec.fields)


def entries(desk: Any) -> list[RecordingEntry]:
    return list(desk.ask(ListRecordings()).recordings)


def log(camera: SimCamera, kind: AuditKind) -> list[str]:
    last, _ = camera.audit.head()
    return [entry.detail for entry in camera.audit.read(0, last).entries if entry.kind is kind]


# The registry and the dispatcher


GUARDED = [
    command
    for command in COMMANDS.values()
    if command.guard and PeerKind.CAMERA in command.answered_by and command not in (CarryOut, ProveOpening)
]
"""But for orders and proofs, which need a camera that is enrolled (`test_orders`, `test_opening_proof`)."""


@pytest.mark.rule("MSG-010")
@pytest.mark.parametrize("command", GUARDED, ids=lambda command: command.name)
def test_a_precondition_that_does_not_hold_is_a_conflict_without_any_effect(
    camera: SimCamera, desk: Any, command: type[Request[Any]]
) -> None:
    def state() -> list[object]:
        return [
            desk.ask(reading)
            for reading in (ReadAssignment(), ReadClock(), ReadConfigState(), ReadStatus(), ListRecordings())
        ]

    right = {
        name: value for name, value in (("recording", entries(desk)[0].recording),) if name in fields(command)
    }
    wish = replace(samples.typical(command), **right)
    before, (last, _) = state(), camera.audit.head()
    assert desk.refused(wish) is ErrorCode.CONFLICT
    assert state() == before and desk.told == [] and not desk.uploads
    done = {entry.kind for entry in camera.audit.read(last, 10).entries}
    assert done <= {AuditKind.REFUSED, AuditKind.ERASE_REFUSED}


def test_every_declared_command_has_a_handler() -> None:
    assert SUBJECTS
    assert CAMERA.missing() == set()
    assert set(CAMERA.by_opcode) <= set(COMMANDS)


@pytest.mark.rule("MSG-001")
def test_a_handler_that_fails_is_an_answer_and_not_the_end_of_the_device(
    camera: SimCamera, desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken: Handlers[Any] = Handlers()
    broken.by_opcode = {**CAMERA.by_opcode, ReadStatus.opcode: lambda session, request: 1 / 0}
    desk.session._handlers = broken
    assert desk.refused(ReadStatus()) is ErrorCode.INTERNAL
    assert "device.status failed" in caplog.text
    assert desk.ask(Identify()).serial == camera.serial


# Identity, state, maintenance


def test_identity_and_capabilities_are_those_of_a_simulator(camera: SimCamera, desk: Any) -> None:
    identity = desk.ask(Identify())
    assert identity.simulator
    assert identity.serial == "SIM-00000001"
    assert identity.boot_counter == 1
    assert desk.ask(ReadCapabilities()).config_keys == len(camera.settings.rules)


def test_status_follows_what_the_camera_does(camera: SimCamera, desk: Any) -> None:
    assert desk.ask(ReadStatus()).state is CameraState.READY
    camera.wearer.start()
    assert desk.ask(ReadStatus()).state is CameraState.RECORDING
    camera.time.skip(5)
    camera.wearer.stop()
    status = desk.ask(ReadStatus())
    assert status.state is CameraState.READY
    assert status.uptime_s == 5


def test_a_reboot_of_another_boot_or_while_recording_is_refused(camera: SimCamera, desk: Any) -> None:
    assert desk.refused(Reboot(boot_counter=2)) is ErrorCode.CONFLICT
    camera.wearer.start()
    assert desk.refused(Reboot(boot_counter=1)) is ErrorCode.WRONG_STATE
    assert not log(camera, AuditKind.REBOOT_REQUESTED)


def test_the_self_test_passes_on_a_healthy_camera_and_is_logged(camera: SimCamera, desk: Any) -> None:
    report = desk.ask(SelfTest())
    assert report.passed
    assert {step.name for step in report.steps} >= {
        "storage",
        "battery",
        "clock",
        "sensor",
        "audio",
        "assignment",
    }
    assert log(camera, AuditKind.SELF_TEST) == ["passed"]


def test_the_self_test_tells_what_a_wearer_sees_hears_and_feels(camera: SimCamera, desk: Any) -> None:
    """Lights, tones and vibration have no other trace that a bench without a person could read."""

    def indicators() -> tuple[TestResult, str]:
        (step,) = [step for step in desk.ask(SelfTest()).steps if step.name == "indicators"]
        return step.result, step.detail

    def configure(**values: int) -> None:
        changes = tuple(
            Setting(key=key.replace("__", "."), type=SettingType.BOOL, number=value)
            for key, value in values.items()
        )
        revision = desk.ask(ReadConfigState()).revision
        desk.ask(StageConfig(revision=revision, settings=changes))
        desk.ask(ApplyConfig(revision=revision))

    assert indicators() == (TestResult.PASSED, "front light 80 %, tones, vibration")
    configure(indicator__tones=0)
    assert indicators() == (TestResult.PASSED, "front light 80 %, vibration")
    configure(indicator__front_led=0, haptics__enabled=0)
    assert indicators() == (TestResult.SKIPPED, "all off by configuration")
    configure(indicator__front_led=1, stealth__allowed=1)
    camera.undock()  # from then on the wearer may go dark
    camera.wearer.start()
    assert camera.wearer.stealth(True)
    assert indicators() == (TestResult.SKIPPED, "all off: stealth")


def overheat(camera: SimCamera) -> None:
    camera.battery.state.temperature_c = 70.0
    camera.settle()


@pytest.mark.parametrize(
    ("harm", "step"),
    [
        (lambda camera: camera.clock.reset(), "clock"),
        (lambda camera: camera.storage.emmc.fail_blocks(10**6), "storage"),
        (overheat, "battery"),
        (lambda camera: camera.storage.rot(camera.listing(2, 1)[0].recording_id, 0, flip_at=5), "recordings"),
        (
            lambda camera: camera.storage.rot(camera.listing(2, 1)[0].recording_id, 0, bad=range(9)),
            "recordings",
        ),
    ],
)
def test_the_self_test_finds_what_is_wrong(
    camera: SimCamera, desk: Any, harm: Callable[[SimCamera], object], step: str
) -> None:
    camera.time.skip(1)
    harm(camera)
    report = desk.ask(SelfTest())
    assert not report.passed
    assert [s.name for s in report.steps if s.result is TestResult.FAILED] == [step]


# Battery and storage


def test_the_battery_charges_in_the_dock_and_discharges_outside(camera: SimCamera, desk: Any) -> None:
    docked = desk.ask(ReadBattery())
    assert docked.state is ChargeState.CHARGING
    assert docked.current_ma > 0
    assert docked.time_left_s is None
    camera.undock()
    camera.time.skip(60)
    camera.settle()
    carried = desk.ask(ReadBattery())
    assert carried.current_ma < 0
    assert carried.time_left_s
    assert desk.refused(ReadBattery(cell=1)) is ErrorCode.NOT_FOUND


def test_storage_counts_recordings_and_tells_the_registers(camera: SimCamera, desk: Any) -> None:
    status = desk.ask(ReadStorage())
    assert status.recordings == 3
    assert status.held == 1
    assert status.capacity_bytes - status.free_bytes == 3 * 2 * 1_048_576
    assert status.recording_time_left_s == status.free_bytes // 750_000
    health = desk.ask(ReadStorageHealth())
    assert health.pre_eol is PreEol.NORMAL
    assert health.life_time_a == health.life_time_b == 1
    assert health.written_bytes > 3 * 2 * 1_048_576


# Configuration


def test_schema_and_values_come_in_pages_that_together_are_whole(camera: SimCamera, desk: Any) -> None:
    first = desk.ask(ReadSchema())
    assert (len(first.settings), first.next) == (32, 32)
    second = desk.ask(ReadSchema(start=first.next))
    assert second.next == 0
    assert [s.key for s in (*first.settings, *second.settings)] == list(camera.settings.rules)
    assert desk.ask(ReadConfig(view=ConfigView.EFFECTIVE)).revision == 1
    assert desk.ask(ReadSchema(start=500)).settings == ()


@pytest.mark.rule("AUD-004")
def test_an_apply_is_logged_told_and_reaches_the_recorder(camera: SimCamera, desk: Any) -> None:
    change = Setting(key="recording.pre_event_s", type=SettingType.INT, number=99)
    desk.ask(StageConfig(revision=1, settings=(change,)))
    assert camera.recorder.settings.pre_event_s == 30
    desk.ask(ApplyConfig(revision=1))
    assert camera.recorder.settings.pre_event_s == 99
    assert log(camera, AuditKind.CONFIG_APPLIED) == ["revision 2: recording.pre_event_s"]
    assert desk.told == [ConfigApplied(revision=2, effective=True)]
    assert desk.refused(ApplyConfig(revision=1)) is ErrorCode.CONFLICT


@pytest.mark.rule("CFG-006")
def test_what_a_session_staged_goes_with_it(camera: SimCamera, desk: Any) -> None:
    change = Setting(key="recording.pre_event_s", type=SettingType.INT, number=99)
    desk.ask(StageConfig(revision=1, settings=(change,)))
    desk.session.ended("the link was lost")
    assert camera.settings.state().staged == 0, "nobody applies half of what another one sent"


def test_an_uploaded_configuration_is_staged_after_its_last_byte(desk: Any) -> None:
    document = ConfigDocument(
        settings=tuple(
            Setting(key=f"indicator.{key}", type=SettingType.BOOL, number=0) for key in ("front_led", "tones")
        )
    )
    data = ConfigDocument.codec.encode(document)
    request = UploadConfig(revision=1, length=len(data), sha256=hashlib.sha256(data).digest())
    assert desk.upload(request, data) is None
    assert desk.ask(ReadConfigState()).staged == 2


@pytest.mark.rule("CFG-007")
def test_an_upload_that_is_not_what_was_announced_stages_nothing(desk: Any) -> None:
    data = ConfigDocument.codec.encode(ConfigDocument(settings=()))
    wrong = UploadConfig(revision=1, length=len(data), sha256=bytes(32))
    assert desk.upload(wrong, data) is ErrorCode.HASH_MISMATCH
    rubbish = b"\xff" * 3000
    right = UploadConfig(revision=1, length=3000, sha256=hashlib.sha256(rubbish).digest())
    assert desk.upload(right, rubbish) is ErrorCode.MALFORMED
    bad = ConfigDocument.codec.encode(ConfigDocument(settings=(Setting(key="nix", type=SettingType.INT),)))
    unknown = UploadConfig(revision=1, length=len(bad), sha256=hashlib.sha256(bad).digest())
    assert desk.upload(unknown, bad) is ErrorCode.UNKNOWN_SETTING
    assert desk.refused(replace(right, revision=2)) is ErrorCode.CONFLICT
    assert desk.ask(ReadConfigState()).staged == 0


# Recordings


@pytest.mark.rule("REC-006")
def test_the_listing_pages_through_all_recordings_in_order(
    new_camera: Callable[..., SimCamera], desk_type: Any
) -> None:
    desk = desk_type(new_camera(recordings=7))
    found, after = [], 0
    for _ in range(10):
        page = desk.ask(ListRecordings(after=after, limit=3))
        assert page.total == 7
        found += [entry.sequence for entry in page.recordings]
        after = page.next
        if not after:
            break
    assert found == [1, 2, 3, 4, 5, 6, 7]
    assert desk.ask(ListRecordings(after=7)).recordings == ()


@pytest.mark.rule("REC-001")
def test_manifest_table_and_footage_fit_what_is_listed(desk: Any) -> None:
    for entry in entries(desk):
        raw = desk.ask(ReadManifest(recording=entry.recording)).manifest
        assert hashlib.sha256(raw).digest() == entry.manifest_sha256
        facts = Manifest.decode(raw).segments[0]
        key: dict[str, Any] = {
            "recording": entry.recording,
            "manifest_sha256": entry.manifest_sha256,
            "segment": 0,
        }
        table = desk.read_stream(OpenTable(**key))
        verify_table(table, facts)
        data = desk.read_stream(OpenSegment(**key, offset=1_048_576, length=1_048_576))
        assert hashlib.sha256(data).digest() == table[32:64]
        assert len(desk.read_stream(OpenSegment(**key, offset=5, length=0))) == facts.size_bytes - 5


@pytest.mark.rule("AUD-004")
def test_each_read_of_footage_is_logged(camera: SimCamera, desk: Any) -> None:
    first = entries(desk)[0]
    key: dict[str, Any] = {
        "recording": first.recording,
        "manifest_sha256": first.manifest_sha256,
        "segment": 0,
    }
    desk.ask(OpenSegment(**key, offset=100, length=50))
    assert log(camera, AuditKind.OFFLOAD_READ) == ["recording 1, segment 0, 50 bytes from 100"]


@pytest.mark.rule("REC-005", "REC-016")
def test_an_opening_is_refused_for_what_is_not_there_or_has_changed(desk: Any) -> None:
    first = entries(desk)[0]
    good = OpenSegment(
        recording=first.recording, manifest_sha256=first.manifest_sha256, segment=0, offset=0, length=0
    )
    size = first.size_bytes
    changes: list[tuple[dict[str, Any], ErrorCode]] = [
        ({"recording": ABSENT}, ErrorCode.NOT_FOUND),
        ({"manifest_sha256": bytes(32)}, ErrorCode.CONFLICT),
        ({"segment": 1}, ErrorCode.NOT_FOUND),
        ({"segment": 65_535}, ErrorCode.NOT_FOUND),
        ({"offset": size}, ErrorCode.OUT_OF_RANGE),
        ({"offset": size, "length": 1}, ErrorCode.OUT_OF_RANGE),
        ({"offset": size + 1}, ErrorCode.OUT_OF_RANGE),
        ({"offset": 2, "length": 2**64 - 1}, ErrorCode.OUT_OF_RANGE),
        ({"offset": 2**64 - 1}, ErrorCode.OUT_OF_RANGE),
        ({"length": size + 1}, ErrorCode.OUT_OF_RANGE),
        ({"offset": 1, "length": size}, ErrorCode.OUT_OF_RANGE),
        ({"offset": 2**64 - 1, "length": 2**64 - 1}, ErrorCode.OUT_OF_RANGE),
    ]
    for change, code in changes:
        assert desk.refused(replace(good, **change)) is code
    assert not desk.streams


@pytest.mark.rule("REC-016")
def test_an_opening_announces_exactly_what_was_asked_for_and_at_least_a_byte(desk: Any) -> None:
    first = entries(desk)[0]
    size = first.size_bytes
    for offset, length, announced in (
        (0, 0, size),
        (0, size, size),
        (size - 1, 0, 1),
        (size - 1, 1, 1),
        (size - 7, 3, 3),
    ):
        request = OpenSegment(
            recording=first.recording,
            manifest_sha256=first.manifest_sha256,
            segment=0,
            offset=offset,
            length=length,
        )
        assert desk.ask(request).length == announced, (offset, length)


def test_a_flash_that_fails_ends_the_stream_and_shows_in_the_status(camera: SimCamera, desk: Any) -> None:
    first = entries(desk)[0]
    camera.storage.rot(first.recording, 0, bad=range(1000, 1001))
    with pytest.raises(StreamFault) as fault:
        desk.read_stream(
            OpenSegment(
                recording=first.recording,
                manifest_sha256=first.manifest_sha256,
                segment=0,
                offset=0,
                length=0,
            )
        )
    assert fault.value.code is ErrorCode.STORAGE_FAULT
    assert desk.ask(ReadStatus()).faults & Fault.STORAGE_ERROR


def test_a_recording_that_goes_while_it_is_read_ends_its_stream(camera: SimCamera, desk: Any) -> None:
    first = entries(desk)[0]
    key: dict[str, Any] = {
        "recording": first.recording,
        "manifest_sha256": first.manifest_sha256,
        "segment": 0,
    }
    desk.ask(OpenSegment(**key, offset=0, length=0))
    ((source, _),) = desk.streams.values()
    camera.vanished.add(first.recording)
    with pytest.raises(StreamFault) as fault:
        source.read(0, 10)
    assert fault.value.code is ErrorCode.NOT_FOUND
    assert len(entries(desk)) == desk.ask(ReadStorage()).recordings == 2


@pytest.mark.rule("AUD-004")
def test_annotations_add_up_name_who_made_them_and_may_be_repeated(camera: SimCamera, desk: Any) -> None:
    first = entries(desk)[0]
    key: dict[str, Any] = {"recording": first.recording, "manifest_sha256": first.manifest_sha256}
    before = first.annotations
    desk.ask(MarkRecording(**key))
    desk.ask(MarkRecording(**key))
    desk.ask(CategoriseRecording(**key, category="incident"))
    state = desk.ask(HoldRecording(**key, reason="court"))
    assert state.marks == Mark.MARKED | Mark.HELD
    assert state.category == "incident"
    assert state.annotations == before + 3
    assert len(log(camera, AuditKind.ANNOTATED)) == 3
    page = desk.ask(ReadAnnotations(recording=first.recording))
    assert page.next == 0
    assert [a.kind for a in page.annotations[before:]] == [
        AnnotationKind.MARKED,
        AnnotationKind.CATEGORY,
        AnnotationKind.HELD,
    ]
    assert {a.actor for a in page.annotations[before:]} == {"tester"}
    assert desk.ask(LiftHold(**key, reason="closed")).marks == Mark.MARKED
    assert desk.refused(MarkRecording(**{**key, "manifest_sha256": bytes(32)})) is ErrorCode.CONFLICT


def test_annotations_come_in_pages(camera: SimCamera, desk: Any) -> None:
    first = entries(desk)[0]
    key: dict[str, Any] = {"recording": first.recording, "manifest_sha256": first.manifest_sha256}
    for index in range(130):
        desk.ask(MarkRecording(**key, marked=index % 2 == 0))
    found, start = 0, 0
    for _ in range(5):
        page = desk.ask(ReadAnnotations(recording=first.recording, start=start))
        found += len(page.annotations)
        start = page.next
        if not start:
            break
    assert found == first.annotations + 130


@pytest.mark.rule("AUD-004", "REC-008", "REC-009")
def test_nothing_is_erased_without_a_receipt_and_each_attempt_is_logged(camera: SimCamera, desk: Any) -> None:
    held = next(entry for entry in entries(desk) if entry.marks & Mark.HELD)
    free = next(entry for entry in entries(desk) if not entry.marks & Mark.HELD)
    for entry, sha256, code in [
        (free, free.manifest_sha256, ErrorCode.NEEDS_RECEIPT),
        (held, held.manifest_sha256, ErrorCode.HELD),
        (free, bytes(32), ErrorCode.CONFLICT),
    ]:
        head = entry.annotations_sha256
        request = EraseRecording(recording=entry.recording, manifest_sha256=sha256, annotations_sha256=head)
        assert desk.refused(request) is code
    absent = EraseRecording(recording=ABSENT, manifest_sha256=bytes(32), annotations_sha256=bytes(32))
    assert desk.refused(absent) is ErrorCode.NOT_FOUND
    assert len(entries(desk)) == 3
    assert len(log(camera, AuditKind.ERASE_REFUSED)) == 4


# Assignment


@pytest.mark.rule("AUD-004")
def test_an_assignment_is_guarded_logged_and_goes_with_the_next_recording(
    camera: SimCamera, desk: Any
) -> None:
    before = desk.ask(ReadAssignment())
    assert not before.assigned
    state = desk.ask(Assign(officer="4711", unit="North", revision=before.revision))
    assert state.assigned
    assert state.since_utc_ns == camera.clock.utc_ns()
    again = Assign(officer="4712", revision=before.revision)
    assert desk.refused(again) is ErrorCode.CONFLICT
    assert desk.refused(Assign(officer="  ", revision=state.revision)) is ErrorCode.OUT_OF_RANGE
    camera.wearer.start(TriggerReason.VEHICLE)
    camera.time.skip(3)
    camera.wearer.stop()
    newest = camera.listing(3, 1)[0]
    assert (AnnotationKind.ASSIGNMENT, "4711 North") in [(a.kind, a.text) for a in newest.annotations]
    assert not desk.ask(ClearAssignment(revision=state.revision)).assigned
    assert log(camera, AuditKind.ASSIGNED) == [f"4711, unit North, {state.pseudonym}"]
    assert log(camera, AuditKind.ASSIGNMENT_CLEARED) == ["was 4711"]


# Audit log


def test_the_log_is_read_by_cursor_and_its_head_is_its_end(camera: SimCamera, desk: Any) -> None:
    for index in range(300):
        camera.audit.append(AuditKind.SELF_TEST, f"entry {index}")
    head = desk.ask(ReadAuditHead())
    after, seen = 0, []
    while True:
        page = desk.ask(ReadAudit(after=after))
        seen += page.entries
        if not page.entries:
            break
        after = page.entries[-1].sequence
    assert [entry.sequence for entry in seen] == list(range(head.first, head.sequence + 1))
    assert seen[-1].sha256 == head.sha256


# Roles are the conversation's business; a few commands ask for more


def test_no_handler_answers_a_request_that_was_not_declared_for_it() -> None:
    for opcode, request in COMMANDS.items():
        assert issubclass(request, Request)
        assert request.opcode == opcode
        whom_it_belongs_to = request.name in ("trust.request", "trust.enroll", "trust.renew")
        assert request.roles & (Role.AUDITOR | Role.BENCH) or whom_it_belongs_to, "a bench can do the rest"


# Where nothing is to be done, and where nothing is left


@pytest.mark.rule("CFG-009")
def test_a_commit_of_nothing_gives_the_state_and_leaves_no_trace(camera: SimCamera, desk: Any) -> None:
    before, logged = desk.ask(ReadConfigState()), camera.audit.head()
    assert desk.ask(ApplyConfig(revision=before.revision)) == before
    assert (camera.audit.head(), desk.told) == (logged, [])


@pytest.mark.rule("CFG-010")
def test_a_value_staged_again_replaces_the_first_and_a_refused_request_leaves_both(desk: Any) -> None:
    gain = Setting(key="audio.gain_db", type=SettingType.INT, number=1)
    for number in (1, 2):
        desk.ask(StageConfig(revision=1, settings=(replace(gain, number=number),)))
    assert (
        desk.refused(StageConfig(revision=1, settings=(replace(gain, number=99),))) is ErrorCode.OUT_OF_RANGE
    )
    assert desk.ask(ReadConfig(view=ConfigView.STAGED)).settings == (replace(gain, number=2),)


@pytest.mark.rule("REC-019")
@pytest.mark.rule("AUD-006")
def test_a_page_beyond_the_end_is_empty_and_no_error(camera: SimCamera, desk: Any) -> None:
    recording = entries(desk)[0].recording
    assert desk.ask(ReadSchema(start=60_000)).settings == () == desk.ask(ReadSchema(start=60_000)).settings
    assert desk.ask(ReadSchema(start=60_000)).next == 0
    values = desk.ask(ReadConfig(view=ConfigView.EFFECTIVE, start=60_000))
    assert (values.settings, values.next) == ((), 0)
    listing = desk.ask(ListRecordings(after=60_000))
    assert (listing.recordings, listing.next, listing.total) == ((), 0, 3)
    annotations = desk.ask(ReadAnnotations(recording=recording, start=60_000))
    assert (annotations.annotations, annotations.next) == ((), 0)
    head = desk.ask(ReadAuditHead())
    for after in (head.sequence, head.sequence + 1_000):
        page = desk.ask(ReadAudit(after=after))
        assert (page.entries, page.previous_sha256, page.last) == ((), head.sha256, head.sequence)


@pytest.mark.rule("REC-020")
@pytest.mark.parametrize("beyond", [(0, 1), (1, 0), (-1, 2), (5, 5)])
def test_reading_beyond_the_end_is_out_of_range_and_never_cut_short(
    desk: Any, beyond: tuple[int, int]
) -> None:
    entry = entries(desk)[0]
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256, "segment": 0}
    past, length = beyond
    request = OpenSegment(offset=entry.size_bytes + past, length=length, **named)
    assert desk.refused(request) is ErrorCode.OUT_OF_RANGE
    assert len(desk.read_stream(OpenSegment(offset=entry.size_bytes - 1, length=1, **named))) == 1
    assert len(desk.read_stream(OpenSegment(offset=entry.size_bytes - 1, length=0, **named))) == 1


@pytest.mark.rule("REC-021")
def test_a_repeated_annotation_adds_nothing_to_recording_or_log(camera: SimCamera, desk: Any) -> None:
    entry = entries(desk)[0]
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    for request in (
        MarkRecording(marked=True, **named),
        CategoriseRecording(category="incident", **named),
        HoldRecording(reason="one", **named),
    ):
        first, logged = desk.ask(request), camera.audit.head()
        assert desk.ask(request) == first and camera.audit.head() == logged
    assert desk.ask(HoldRecording(reason="another", **named)) == first


@pytest.mark.rule("CLK-014")
def test_only_a_clock_that_is_not_set_has_no_bound(camera: SimCamera, desk: Any) -> None:
    assert desk.ask(ReadClock()).uncertainty_ns < (1 << 64) - 1
    camera.clock.reset()
    assert desk.ask(ReadClock()).uncertainty_ns == (1 << 64) - 1


@pytest.mark.rule("STR-012")
def test_even_a_small_camera_takes_a_table_beside_footage(camera: SimCamera, desk: Any) -> None:
    assert 2 <= desk.ask(ReadCapabilities()).max_streams <= MAX_STREAMS
    small(camera)
    stated = desk.ask(ReadCapabilities())
    assert (stated.max_streams, stated.max_requests, stated.max_request) == (2, 1, 512)
