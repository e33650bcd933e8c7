"""What is said of a closed recording: a chain of its own, and holds that are lifted one by one."""

from __future__ import annotations

from typing import Any

import pytest

from bwc_protocol.declare import Role
from bwc_protocol.evidence import annotation_head, annotation_root
from bwc_protocol.messages.recordings import (
    AnnotationKind,
    AssignCase,
    CategoriseRecording,
    EraseRecording,
    HoldRecording,
    LiftHold,
    ListRecordings,
    Mark,
    MarkRecording,
    ReadAnnotations,
    RecordingEntry,
    ReviewRecording,
)
from bwc_protocol.vocabulary import ErrorCode
from firmware_sim.camera.camera import SimCamera


def listed(desk: Any) -> RecordingEntry:
    return desk.ask(ListRecordings()).recordings[0]


@pytest.fixture
def named(desk: Any) -> dict[str, bytes]:
    entry = listed(desk)
    return {"recording": entry.recording, "manifest_sha256": entry.manifest_sha256}


@pytest.mark.rule("REC-035")
def test_each_hold_is_lifted_by_itself_and_one_is_enough(desk: Any, named: dict[str, bytes]) -> None:
    desk.ask(HoldRecording(reason="court", hold="a", case="24-7", authority="judge", **named))
    two = desk.ask(HoldRecording(reason="request", hold="b", **named))
    assert two.holds == 2
    assert desk.refused(LiftHold(reason="typo", hold="c", **named)) is ErrorCode.NOT_FOUND
    assert desk.refused(LiftHold(reason="the unnamed one", **named)) is ErrorCode.NOT_FOUND
    one = desk.ask(LiftHold(reason="over", hold="a", **named))
    assert (one.holds, one.marks & Mark.HELD) == (1, Mark.HELD)
    assert desk.ask(LiftHold(reason="over", hold="a", **named)) == one, "lifted again: nothing is added"
    assert (
        desk.refused(EraseRecording(annotations_sha256=listed(desk).annotations_sha256, **named))
        is ErrorCode.HELD
    )
    none = desk.ask(LiftHold(reason="over", hold="b", **named))
    assert (none.holds, none.marks & Mark.HELD) == (0, Mark(0))
    assert (
        desk.refused(EraseRecording(annotations_sha256=listed(desk).annotations_sha256, **named))
        is ErrorCode.NEEDS_RECEIPT
    )
    assert desk.ask(HoldRecording(reason="again", hold="a", **named)).holds == 1


def test_a_hold_says_its_case_and_authority(desk: Any, named: dict[str, bytes]) -> None:
    desk.ask(HoldRecording(reason="court", hold="a", case="24-7", authority="judge", **named))
    again = desk.ask(HoldRecording(reason="court", hold="a", case="24-8", authority="judge", **named))
    assert again.holds == 1, "said anew, and no second hold"
    *_, first, last = desk.ask(ReadAnnotations(recording=named["recording"])).annotations
    assert (first.kind, first.hold, first.case, first.authority, first.text) == (
        AnnotationKind.HELD,
        "a",
        "24-7",
        "judge",
        "court",
    )
    assert last.case == "24-8"


@pytest.mark.rule("REC-035")
def test_a_dock_places_a_hold_and_does_not_lift_one() -> None:
    assert Role.DOCK_OFFLOAD in HoldRecording.roles and Role.DOCK_OFFLOAD not in LiftHold.roles


@pytest.mark.rule("REC-033")
def test_the_listing_states_the_head_of_all_that_was_said(desk: Any, named: dict[str, bytes]) -> None:
    heads = [listed(desk).annotations_sha256]
    for request in (
        MarkRecording(marked=True, **named),
        CategoriseRecording(category="theft", **named),
        HoldRecording(reason="court", hold="a", **named),
        AssignCase(case="24-7", **named),
        ReviewRecording(note="face visible", **named),
        LiftHold(reason="over", hold="a", **named),
    ):
        state = desk.ask(request)
        entry = listed(desk)
        assert (state.annotations_sha256, state.annotations) == (entry.annotations_sha256, entry.annotations)
        assert desk.ask(request) == state, "repeated: nothing is added"
        heads.append(state.annotations_sha256)
        said = desk.ask(ReadAnnotations(recording=named["recording"])).annotations
        assert annotation_head(annotation_root(named["manifest_sha256"]), said) == state.annotations_sha256
    assert len(set(heads)) == len(heads)
    assert state.case == "24-7"


def test_the_chain_is_the_same_after_a_restart(camera: SimCamera, desk: Any, named: dict[str, bytes]) -> None:
    desk.ask(HoldRecording(reason="court", hold="a", case="24-7", authority="judge", **named))
    desk.ask(HoldRecording(reason="other", hold="b", **named))
    told = desk.ask(LiftHold(reason="over", hold="b", **named))
    camera.crash()
    camera.time.skip(60)
    camera.settle()
    entry = camera.recording(named["recording"])
    assert entry.annotations_sha256 == told.annotations_sha256 and entry.holds == {"a": ("24-7", "judge")}


def test_nobody_reads_a_head_that_is_not_kept(
    camera: SimCamera, desk: Any, named: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = listed(desk)
    seen: list[bytes] = []

    def fails(*_: Any) -> None:
        seen.append(camera.recording(named["recording"]).annotations_sha256)
        raise OSError("no")

    monkeypatch.setattr(camera._directory.commits, "commit", fails)
    assert desk.refused(MarkRecording(**named)) is ErrorCode.STORAGE_FAULT
    assert seen == [before.annotations_sha256], "told before it is durable"
    assert listed(desk) == before
