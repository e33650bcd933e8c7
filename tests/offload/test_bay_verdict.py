"""What is said to whoever stands before a bay follows from what came of its camera, and from nothing else."""

from __future__ import annotations

from functools import reduce
from itertools import permutations
from pathlib import Path
from typing import Any
from unittest.mock import sentinel

import pytest

from bwc_protocol.messages.battery import ChargeState
from bwc_protocol.messages.identity import CameraState, Fault
from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.errors import DeviceLost
from bwc_sdk.fitness import Facts, judge
from bwc_sdk.offload import (
    CameraFailed,
    Connected,
    DesiredStateRefused,
    Finished,
    FollowUp,
    FollowUpFailed,
    Missing,
    NotErased,
    OffloadResult,
    Outcome,
    ReceiptNotDelivered,
    Refused,
    StepDone,
    StepFailed,
    StillOnCamera,
    StoredVerified,
)
from bwc_sdk.offload.bay_verdict import WORSE, Course, of_check
from bwc_sdk.offload.steps import IN_A_DOCK
from tests.fitness.test_judging import ADRIFT, GOOD, REFUSED, but

NONE, GREEN, BUSY = BayVerdict.NONE, BayVerdict.TAKE_ME, BayVerdict.BUSY
ATTENTION, RED = BayVerdict.NEEDS_ATTENTION, BayVerdict.DO_NOT_USE
LOST = DeviceLost("it is gone")
ENTRY: Any = sentinel.entry

CHECKED = StepDone("check", True, "", GREEN)
CHARGES = StepDone("check", False, "battery", BUSY)
UNFIT = StepDone("check", False, "clock", RED)
CLOCK_SET = StepDone("clock", True, "")
OWN = StepDone("lens", False, "scratched")


def ended(*outcomes: Outcome, missing: tuple[Missing, ...] = ()) -> Finished:
    """The end of an offload."""
    return Finished(OffloadResult("CAM-1", outcomes, 0, 0, 0, missing=missing))


STORED = ended(StoredVerified(ENTRY, (), already_there=False))
LEFT = ended(StoredVerified(ENTRY, (), already_there=False), StillOnCamera(ENTRY, "no room"))


def said(*events: Any) -> BayVerdict:
    """What is said behind these."""
    return reduce(Course.then, events, Course()).verdict


@pytest.mark.rule("STA-019")
@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ((), BUSY),
        ((Connected("CAM-1", True, True), CHECKED), BUSY),
        ((STORED,), NONE),
        ((CLOCK_SET, STORED), NONE),
        ((CHECKED, STORED), GREEN),
        ((CLOCK_SET, CHECKED, ended()), GREEN),
        ((CHARGES, STORED), BUSY),
        ((UNFIT, STORED), RED),
        ((CHECKED, LEFT), ATTENTION),
        ((CHECKED, ended(Refused(ENTRY, "another hash"))), ATTENTION),
        ((CHECKED, ended(missing=(Missing(3, 4, "not listed"),))), RED),
        ((StepFailed("clock", LOST), CHECKED, STORED), ATTENTION),
        ((StepFailed("check", LOST), STORED), ATTENTION),
        ((OWN, CHECKED, STORED), ATTENTION),
        ((StepDone("lens", False, "broken", RED), CHECKED, STORED), RED),
        ((StepDone("lens", True, "clean"), CHECKED, STORED), GREEN),
        ((DesiredStateRefused(LOST), CHECKED, STORED), ATTENTION),
        ((FollowUpFailed(FollowUp.DELIVERY, None, LOST), CHECKED, STORED), ATTENTION),
        ((FollowUpFailed(FollowUp.ERASING, 3, LOST), CHECKED, STORED), GREEN),
        ((ReceiptNotDelivered(3, Path("r"), LOST), NotErased(3, "held"), CHECKED, STORED), GREEN),
        ((CHECKED, CameraFailed(LOST)), ATTENTION),
        ((CameraFailed(LOST),), ATTENTION),
    ],
)
def test_the_worst_that_came_of_a_camera_is_said_and_nothing_good_without_a_check(
    events: tuple[Any, ...], verdict: BayVerdict
) -> None:
    assert said(*events) is verdict


def test_it_does_not_depend_on_the_order_of_what_was_found() -> None:
    for events in permutations((CLOCK_SET, OWN, CHECKED, UNFIT, StepFailed("own", LOST))):
        assert said(*events, STORED) is RED


def test_every_verdict_has_its_place() -> None:
    assert sorted(WORSE) == sorted(BayVerdict)


@pytest.mark.rule("STA-019")
@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (GOOD, GREEN),
        (but(certificate_days=20), GREEN),
        (but(battery={"charge_pct": 40}), BUSY),
        (but(battery={"charge_pct": 40}, certificate_days=3), ATTENTION),
        (but(certificate_days=3), ATTENTION),
        (but(certificate_days=-1), RED),
        (but(storage={"recording_time_left_s": 60}), ATTENTION),
        (but(storage={"full": True}), RED),
        (but(battery={"state": ChargeState.FAULT}), RED),
        (but(battery={"state": ChargeState.STOPPED_BY_TEMPERATURE}), RED),
        (but(host_time=ADRIFT), GREEN),
        (but(status={"state": CameraState.FAULT}), RED),
        (but(status={"faults": Fault.SENSOR}), RED),
        (but(status={"seized_for": "2026-17"}), RED),
        (but(self_test={"passed": False}), RED),
        (but(clock=REFUSED), ATTENTION),
        (but(battery=REFUSED), ATTENTION),
    ],
)
def test_a_danger_or_what_is_no_evidence_is_not_to_be_used_and_what_is_charged_is_waited_for(
    facts: Facts, verdict: BayVerdict
) -> None:
    judged = judge(facts, IN_A_DOCK)
    assert of_check(facts, judged) is verdict
    assert judged.fit is (verdict is GREEN)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((CHECKED,), ""),
        ((CHECKED, STORED), ""),
        ((UNFIT,), ""),
        ((UNFIT, STORED), "check: clock"),
        ((OWN, UNFIT, STORED), "check: clock"),
        ((OWN, CHECKED, STORED), "lens: scratched"),
        ((StepFailed("clock", LOST), STORED), "clock: it is gone"),
        ((DesiredStateRefused(LOST), CHECKED, STORED), "desired: it is gone"),
        ((CameraFailed(LOST),), "it is gone"),
        ((CHECKED, LEFT), "1 recording is not stored"),
        ((CHARGES, STORED), "check: battery"),
    ],
)
def test_what_is_said_has_its_reason_beside_it(events: tuple[Any, ...], reason: str) -> None:
    assert reduce(Course.then, events, Course()).reason == reason
