"""The codes that a command finds itself come in the order of its declaration (spec: Error codes).

Each ladder begins with a request in which everything is wrong, and mends one thing after the other.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bwc_protocol.declare import COMMANDS, Request, Role, Unknown
from bwc_protocol.evidence import TriggerReason
from bwc_protocol.messages.assignment import Assign, ClearAssignment
from bwc_protocol.messages.battery import ReadBattery
from bwc_protocol.messages.clock import ClockReason, SetClock, TimeAssurance, TimeSource
from bwc_protocol.messages.config import (
    UPLOAD_REFUSED,
    VALUES_REFUSED,
    ApplyConfig,
    ReadConfig,
    Setting,
    SettingType,
    StageConfig,
    UploadConfig,
)
from bwc_protocol.messages.identity import Reboot
from bwc_protocol.messages.recordings import (
    AssignCase,
    CategoriseRecording,
    DeliverReceipt,
    EraseRecording,
    HoldRecording,
    LiftHold,
    ListRecordings,
    MarkRecording,
    OpenSegment,
    OpenTable,
    ReadAnnotations,
    ReadManifest,
    ReadRelease,
    ReviewRecording,
)
from bwc_protocol.vocabulary import ErrorCode, PeerKind
from firmware_sim.camera.camera import SimCamera
from firmware_sim.storage import storage

DAY_NS = 86_400 * 1_000_000_000
CENTURY_NS = 36_525 * DAY_NS
Ladder = list[Request[Any]]


def codes(command: type[Request[Any]]) -> list[ErrorCode]:
    return [code for code, _ in command.errors]


def ladders(camera: SimCamera, desk: Any) -> dict[str, Ladder]:
    """For each command the requests, from the one in which all is wrong to the one in which one thing is."""
    entry = desk.ask(ListRecordings()).recordings[0]
    absent, other = b"\xee" * 16, b"\xee" * 32
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    unnamed = {"recording": absent, "manifest_sha256": other}
    unlike = {"recording": entry.recording, "manifest_sha256": other}
    old = {"annotations_sha256": entry.annotations_sha256}
    found: dict[str, Ladder] = {
        "recordings.manifest": [ReadManifest(recording=absent)],
        "recordings.annotations": [ReadAnnotations(recording=absent)],
        "recordings.release": [ReadRelease(recording=absent)],
        "recordings.receipt": [
            DeliverReceipt(recording=who, receipt=b"") for who in (absent, entry.recording)
        ],
        "recordings.table": [OpenTable(segment=9, **who) for who in (unnamed, unlike, named)],
        "recordings.open": [
            OpenSegment(**{"segment": 9, "offset": entry.size_bytes, "length": 0, **who})
            for who in (unnamed, unlike, named, {**named, "segment": 0})
        ],
        "recordings.erase": [
            EraseRecording(**who) for who in ({**unnamed, **old}, {**unlike, **old}, _held(desk, named))
        ],
        "battery.status": [ReadBattery(cell=1)],
        "config.read": [ReadConfig(view=Unknown(9))],
        "config.commit": [ApplyConfig(revision=99)],
        "config.upload": [UploadConfig(revision=99, length=1, sha256=bytes(32))],
        "assignment.assign": [
            Assign(officer=" ", revision=99),
            Assign(officer=" ", revision=camera.assignment.revision),
        ],
        "assignment.clear": [ClearAssignment(revision=99)],
        "device.reboot": [Reboot(boot_counter=99)],
    }
    annotating: list[Callable[..., Request[Any]]] = [
        lambda **who: MarkRecording(marked=True, **who),
        lambda **who: CategoriseRecording(category="incident", **who),
        lambda **who: HoldRecording(reason="", **who),
        lambda **who: LiftHold(reason="", **who),
        lambda **who: AssignCase(case="7", **who),
        lambda **who: ReviewRecording(note="", **who),
    ]
    for make in annotating:
        found[make(**named).name] = [make(**who) for who in (unnamed, unlike)]
    found["recordings.lift"].append(LiftHold(reason="", hold="never placed", **named))
    refused = "first-amendment-only"
    found["recordings.categorise"] = [
        CategoriseRecording(category=refused, **who) for who in (unnamed, unlike, named)
    ]
    return found


def _held(desk: Any, named: dict[str, bytes]) -> dict[str, bytes]:
    state = desk.ask(HoldRecording(reason="", **named))
    return {**named, "annotations_sha256": state.annotations_sha256}


@pytest.mark.rule("MSG-018")
def test_what_a_command_finds_itself_comes_in_the_order_of_its_declaration(
    camera: SimCamera, desk: Any
) -> None:
    for name, ladder in ladders(camera, desk).items():
        (command,) = (c for c in COMMANDS.values() if c.name == name)
        found = [desk.refused(request) for request in ladder]
        declared = codes(command)
        # What needs the device in another state than the first rungs is looked at below.
        assert found == declared[: len(found)], name
        assert declared[len(found) :] in (
            [],
            [ErrorCode.FULL],
            [ErrorCode.WRONG_STATE],
            [ErrorCode.NEEDS_RECEIPT, ErrorCode.WRONG_STATE, ErrorCode.FULL],
            codes(DeliverReceipt)[2:],
        )


@pytest.mark.rule("MSG-018")
def test_every_camera_command_that_finds_errors_has_a_ladder(camera: SimCamera, desk: Any) -> None:
    with_errors = {c.name for c in COMMANDS.values() if c.errors and PeerKind.CAMERA in c.answered_by}
    trust = {
        name for name in with_errors if name.startswith("trust.")
    }  # of a camera that is enrolled: `test_trust`
    bench = {name for name in with_errors if name.startswith("bench.")}  # `test_bench_commands`
    assert with_errors - trust - bench == set(ladders(camera, desk)) | {"clock.set", "config.stage"}


@pytest.mark.rule("MSG-018")
def test_the_last_rungs_of_some_commands(
    camera: SimCamera, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = desk.ask(ListRecordings()).recordings[0]
    named = {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}
    head = entry.annotations_sha256
    assert desk.refused(EraseRecording(annotations_sha256=head, **named)) is ErrorCode.NEEDS_RECEIPT
    monkeypatch.setattr(storage, "MAX_ANNOTATIONS", 0)
    assert desk.refused(MarkRecording(marked=True, **named)) is ErrorCode.FULL
    camera.recorder.start(TriggerReason.OFFICER_BUTTON)
    assert desk.refused(Reboot(boot_counter=camera.boot_counter)) is ErrorCode.WRONG_STATE


@pytest.mark.rule("MSG-018")
@pytest.mark.rule("CLK-013")
def test_the_clock_is_refused_in_the_order_of_its_declaration(
    new_camera: Callable[..., SimCamera], desk_type: Callable[..., Any]
) -> None:
    camera = new_camera(recordings=1)
    desk = desk_type(camera, Role.TECHNICIAN)
    revision = camera.clock.revision
    wrong = SetClock(
        offset_ns=CENTURY_NS,
        uncertainty_ns=61 * 10**9,
        reason=Unknown(99),
        source=TimeSource.UNSYNCHRONISED,
        revision=revision + 7,
        assurance=TimeAssurance.UNVERIFIED,
    )
    ladder = [wrong]
    for mend in (
        {"reason": ClockReason.BENCH},
        {"revision": revision},
        {"reason": ClockReason.FIRST_SET},
        {"source": TimeSource.NTP},
        {"reason": ClockReason.ROUTINE},
        {"offset_ns": 10**9},
        {"offset_ns": 0},
    ):
        ladder.append(replace(ladder[-1], **mend))
    camera.clock.moved_ns = 86_400 * 10**9  # by steps before these, to the limit
    found = [desk.refused(request) for request in ladder]
    camera.clock.reset()
    beyond = replace(
        ladder[-1],
        revision=camera.clock.revision,
        reason=ClockReason.FIRST_SET,
        uncertainty_ns=60 * 10**9,
        offset_ns=2 * CENTURY_NS,
    )
    found.append(desk.refused(beyond))
    assert found == codes(SetClock)


@pytest.mark.rule("CLK-013")
def test_each_limit_of_a_set_is_where_it_is_said_to_be(
    new_camera: Callable[..., SimCamera], desk_type: Callable[..., Any]
) -> None:
    camera = new_camera(recordings=1)
    desk = desk_type(camera, Role.TECHNICIAN)

    def sets(reason: ClockReason, offset_ns: int, uncertainty_ns: int = 0) -> ErrorCode | None:
        request = SetClock(
            offset_ns=offset_ns,
            uncertainty_ns=uncertainty_ns,
            reason=reason,
            source=TimeSource.NTP,
            revision=camera.clock.revision,
        )
        answer = desk._put(request)
        return answer if isinstance(answer, ErrorCode) else None

    implausible = ErrorCode.IMPLAUSIBLE
    for reason, step_s in ((ClockReason.ROUTINE, 300), (ClockReason.CORRECTION, 86_400)):
        for way in (1, -1):
            assert sets(reason, way * step_s * 10**9) is None
            assert sets(reason, way * (step_s * 10**9 + 1)) is implausible
    assert sets(ClockReason.ROUTINE, 0, 60 * 10**9) is None
    assert sets(ClockReason.ROUTINE, 0, 60 * 10**9 + 1) is implausible
    for earliest, latest in ((1_704_067_200, 4_102_444_800),):
        for at_s, code in ((earliest - 1, ErrorCode.OUT_OF_RANGE), (earliest + 1, None)):
            camera.clock.reset()
            assert sets(ClockReason.FIRST_SET, at_s * 10**9 - camera.clock.utc_ns()) is code
        for at_s, code in ((latest + 1, ErrorCode.OUT_OF_RANGE), (latest - 1, None)):
            camera.clock.reset()
            assert sets(ClockReason.FIRST_SET, at_s * 10**9 - camera.clock.utc_ns()) is code


@pytest.mark.rule("MSG-018")
def test_settings_are_judged_in_their_order_and_the_first_that_does_not_fit_decides(desk: Any) -> None:
    gain = Setting(key="audio.gain_db", type=SettingType.INT, number=99)
    cases = [
        (99, Setting(key="no.such", type=SettingType.BOOL)),
        (1, Setting(key="no.such", type=SettingType.BOOL)),
        (1, replace(gain, number=1)),  # a second time, behind one that fits
        (1, replace(gain, type=SettingType.BOOL)),
        (1, Setting(key="recording.purpose", type=SettingType.TEXT, text="first-amendment-only")),
        (1, gain),
    ]
    first = replace(gain, number=2)
    found = []
    for revision, setting in cases:
        settings = (first, setting) if setting.number == 1 else (setting,)
        found.append(desk.refused(StageConfig(revision=revision, settings=settings)))
    assert found == codes(StageConfig)
    assert found[1:] == [code for code, _ in VALUES_REFUSED]
    two = (replace(gain, type=SettingType.BOOL), Setting(key="no.such", type=SettingType.BOOL))
    assert desk.refused(StageConfig(revision=1, settings=two)) is ErrorCode.WRONG_TYPE


def test_verdicts_on_an_upload_name_what_staging_would() -> None:
    assert [code for code, _ in UPLOAD_REFUSED][3:] == [code for code, _ in VALUES_REFUSED]
