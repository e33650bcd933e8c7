"""Holds, cases and reviews: placed by many, lifted one by one and by few (spec: Recording)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from bwc_protocol.declare import ANYONE
from bwc_protocol.messages.recordings import ANNOTATORS, RELEASERS
from bwc_protocol.messages.recordings import AnnotationState as State
from bwc_sdk import Annotation, AnnotationKind, AuditKind, ErrorCode, Mark, RecordingEntry, Role
from bwc_sdk.sync import SyncCamera
from hil_tests.device.bench import Bench
from hil_tests.testkit.abilities import free_recording, need
from hil_tests.testkit.refusals import refused
from hil_tests.verdicts import not_tested

WHY: Final = "hil test"
FIRST: Final = "hil-1"
SECOND: Final = "hil-2"
NEVER: Final = "hil-never"
CASE: Final = "HIL-2026-17"
ANOTHER_CASE: Final = "HIL-2026-18"
COURT: Final = "hil court"


class Held:
    """The newest recording that nobody holds, whoever says what of it."""

    def __init__(self, entry: RecordingEntry) -> None:
        self._found = entry

    @property
    def named(self) -> Any:
        """For commands."""
        return {"recording": self._found.recording, "manifest_sha256": self._found.manifest_sha256}

    def listed(self, camera: SyncCamera) -> RecordingEntry:
        """As it is listed now."""
        return camera.recordings.page(after=self._found.sequence - 1, limit=1).recordings[0]

    def said(self, camera: SyncCamera) -> tuple[Annotation, ...]:
        """All that was said of it, and that the chain's head in the listing stands for."""
        return camera.recordings.read_annotations(self.listed(camera))

    def hold(self, camera: SyncCamera, hold: str, *, case: str = CASE) -> State:
        return camera.recordings.hold(reason=WHY, hold=hold, case=case, authority=COURT, **self.named)

    def lift(self, camera: SyncCamera, hold: str) -> State:
        return camera.recordings.lift(reason=WHY, hold=hold, **self.named)

    def is_held(self, camera: SyncCamera) -> bool:
        return bool(self.listed(camera).marks & Mark.HELD)


@pytest.fixture
def held(connect_as: Callable[[Role], SyncCamera]) -> Iterator[Held]:
    """Whatever becomes of the test, its holds are lifted."""
    with connect_as(Role.BENCH) as camera:
        chosen = Held(free_recording(camera))
    yield chosen
    with connect_as(Role.BENCH) as camera:
        placed = {one.hold for one in chosen.said(camera) if one.kind is AnnotationKind.HELD}
        for hold in placed & {FIRST, SECOND}:
            chosen.lift(camera, hold)


@pytest.mark.rule("REC-035")
def test_it_is_held_until_the_last_of_several_holds_is_lifted(
    connect_as: Callable[[Role], SyncCamera], held: Held
) -> None:
    with connect_as(Role.BENCH) as camera:
        assert [held.hold(camera, one).holds for one in (FIRST, SECOND)] == [1, 2]
        one_left = held.lift(camera, FIRST)
        assert one_left.holds == 1 and one_left.marks & Mark.HELD
        assert held.is_held(camera)
        assert held.lift(camera, FIRST) == one_left, "it was lifted already: nothing is added"
        none_left = held.lift(camera, SECOND)
        assert none_left.holds == 0 and not none_left.marks & Mark.HELD
        assert not held.is_held(camera)
        last = [(one.kind, one.hold) for one in held.said(camera)[-4:]]
    held_, lifted = AnnotationKind.HELD, AnnotationKind.LIFTED
    assert last == [(held_, FIRST), (held_, SECOND), (lifted, FIRST), (lifted, SECOND)]


@pytest.mark.rule("REC-021", "REC-035")
def test_a_hold_of_the_same_id_is_no_second_one_and_states_its_case_anew(
    connect_as: Callable[[Role], SyncCamera], held: Held
) -> None:
    with connect_as(Role.BENCH) as camera:
        placed = held.hold(camera, FIRST)
        assert held.hold(camera, FIRST) == placed, "repeated: nothing is added"
        anew = held.hold(camera, FIRST, case=ANOTHER_CASE)
        assert (anew.holds, anew.annotations) == (1, placed.annotations + 1)
        before, last = held.said(camera)[-2:]
        assert (before.case, last.case) == (CASE, ANOTHER_CASE), "what was said before is never changed"
        assert (last.hold, last.authority, last.text) == (FIRST, COURT, WHY)
        assert held.lift(camera, FIRST).holds == 0, "lifting it once is enough"


@pytest.mark.rule("REC-035")
def test_a_hold_that_was_never_placed_cannot_be_lifted(
    connect_as: Callable[[Role], SyncCamera], held: Held
) -> None:
    with connect_as(Role.BENCH) as camera:
        held.hold(camera, FIRST)
        before = held.listed(camera)
        with refused(ErrorCode.NOT_FOUND):
            held.lift(camera, NEVER)
        assert held.listed(camera) == before


@pytest.mark.rule("ROL-001", "REC-035")
@pytest.mark.parametrize("role", [role for role in Role if role in ANYONE and role not in RELEASERS], ids=str)
def test_who_may_place_a_hold_does_not_lift_one(
    connect_as: Callable[[Role], SyncCamera], bwc_bench: Bench, held: Held, role: Role
) -> None:
    """A stolen dock, say: it holds what it likes, and frees nothing. The records office does."""
    records = Role.RECORDS if bwc_bench.identities.has(Role.RECORDS) else Role.BENCH
    if not bwc_bench.identities.has(role):
        not_tested(f"this bench has no identity for the role {role}")
    with connect_as(role if role in ANNOTATORS else Role.BENCH) as camera:
        held.hold(camera, FIRST)
    with connect_as(role) as camera:
        with refused(ErrorCode.NOT_PERMITTED):
            held.lift(camera, FIRST)
        assert held.is_held(camera)
    with connect_as(records) as camera:
        assert held.lift(camera, FIRST).holds == 0
        assert held.said(camera)[-1].actor == camera.host_name


@pytest.mark.rule("REC-021", "REC-033", "AUD-004")
def test_a_case_is_kept_with_who_said_so_and_the_last_one_counts(
    connect_as: Callable[[Role], SyncCamera], held: Held
) -> None:
    with connect_as(Role.BENCH) as camera:
        head = camera.audit.head().sequence
        first = camera.recordings.case(case=CASE, **held.named)
        assert camera.recordings.case(case=CASE, **held.named) == first, "repeated: nothing is added"
        state = camera.recordings.case(case=ANOTHER_CASE, **held.named)
        assert (state.case, state.annotations) == (ANOTHER_CASE, first.annotations + 1)
        assert state.annotations_sha256 == held.listed(camera).annotations_sha256
        one, two = held.said(camera)[-2:]
        assert [(said.kind, said.case) for said in (one, two)] == [
            (AnnotationKind.CASE, CASE),
            (AnnotationKind.CASE, ANOTHER_CASE),
        ]
        assert two.actor == camera.host_name
        kinds = [entry.kind for entry in camera.audit.entries(after=head)]
        assert kinds.count(AuditKind.ANNOTATED) == 2, "each statement is on record, and only those"


@pytest.mark.rule("REC-033")
def test_a_review_is_kept_with_its_note(connect_as: Callable[[Role], SyncCamera], held: Held) -> None:
    with connect_as(Role.BENCH) as camera:
        note = f"{WHY} {held.listed(camera).annotations}"  # another one in each run on the same device
        state = camera.recordings.review(note=note, **held.named)
        *_, last = held.said(camera)
        assert (last.kind, last.text, last.actor) == (AnnotationKind.REVIEWED, note, camera.host_name)
        listed = held.listed(camera)
        assert (state.annotations, state.annotations_sha256) == (
            listed.annotations,
            listed.annotations_sha256,
        )


@pytest.mark.rule("REC-031")
@pytest.mark.parametrize("category", ["first-amendment-only", "First Amendment activity", "FIRST AMENDMENT"])
def test_a_category_of_solely_first_amendment_activity_is_refused(
    connect_as: Callable[[Role], SyncCamera], held: Held, category: str
) -> None:
    with connect_as(Role.BENCH) as camera:
        need(camera, ErrorCode.PURPOSE_REFUSED)
        before = held.listed(camera)
        with refused(ErrorCode.PURPOSE_REFUSED):
            camera.recordings.categorise(category=category, **held.named)
        assert held.listed(camera) == before


@pytest.mark.rule("REC-005")
def test_what_names_another_manifest_is_a_conflict_and_says_nothing(
    connect_as: Callable[[Role], SyncCamera], held: Held
) -> None:
    with connect_as(Role.BENCH) as camera:
        before, other = held.listed(camera), held.named | {"manifest_sha256": bytes(32)}
        recordings = camera.recordings
        asked: tuple[Callable[[], object], ...] = (
            lambda: recordings.hold(reason=WHY, hold=FIRST, **other),
            lambda: recordings.lift(reason=WHY, hold=FIRST, **other),
            lambda: recordings.categorise(category=WHY, **other),
            lambda: recordings.case(case=CASE, **other),
            lambda: recordings.review(note=WHY, **other),
        )
        for ask in asked:
            with refused(ErrorCode.CONFLICT):
                ask()
        assert held.listed(camera) == before
