"""What is said to whoever stands before a bay: what came of a camera in, verdict out (spec: Station).

| what came of it | verdict |
|---|---|
| its check, by what `of_check` says | TAKE_ME, BUSY while all it lacks is charge, NEEDS_ATTENTION or DO_NOT_USE |
| a step that found something and has no verdict of its own, or failed | NEEDS_ATTENTION |
| a desired state that it did not take; the camera out of reach | NEEDS_ATTENTION |
| a recording that is not stored | NEEDS_ATTENTION |
| a recording that it closed and does not list | DO_NOT_USE |

The worst counts, once the offload has ended; until then it is BUSY. Without a check nobody knows: NONE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.errors import BwcError
from bwc_sdk.offload.events import (
    DesiredStateRefused,
    Finished,
    FollowUpFailed,
    OffloadEvent,
    StepDone,
    StepFailed,
)
from bwc_sdk.offload.fleet_events import CameraFailed
from bwc_sdk.offload.outcome import StoredVerified

if TYPE_CHECKING:
    from bwc_sdk.fitness.facts import Facts
    from bwc_sdk.fitness.verdict import Verdict

WORSE: Final = (
    BayVerdict.NONE,
    BayVerdict.TAKE_ME,
    BayVerdict.BUSY,
    BayVerdict.NEEDS_ATTENTION,
    BayVerdict.DO_NOT_USE,
)
"""Each is worse than the one before it."""


def worse(one: BayVerdict, other: BayVerdict) -> BayVerdict:
    """The worse of two."""
    return max(one, other, key=WORSE.index)


@dataclass(frozen=True, slots=True)
class Course:
    """What came of one camera in one docking, until now."""

    worst: BayVerdict = BayVerdict.NONE
    ended: bool = False
    """Whether its offload has."""
    why: str = ""
    """What made it the worst."""

    @property
    def verdict(self) -> BayVerdict:
        """What is to be said of it."""
        return self.worst if self.ended else BayVerdict.BUSY

    @property
    def reason(self) -> str:
        """Why, for a line of text; "" where nothing is against it, and until its offload has ended."""
        good = (BayVerdict.NONE, BayVerdict.TAKE_ME)
        return "" if not self.ended or self.worst in good else self.why

    def then(self, event: OffloadEvent | CameraFailed) -> Course:
        """With what came next."""
        found = _found(event)
        worst = worse(self.worst, found)
        why = self.why if worst is self.worst else _why(event)
        return Course(worst, self.ended or isinstance(event, Finished | CameraFailed), why)


def _found(event: OffloadEvent | CameraFailed) -> BayVerdict:
    match event:
        case StepDone(verdict=BayVerdict.NONE, good=False):
            return BayVerdict.NEEDS_ATTENTION
        case StepDone(verdict=verdict):
            return verdict
        case StepFailed() | DesiredStateRefused() | CameraFailed() | FollowUpFailed(cut_short=True):
            return BayVerdict.NEEDS_ATTENTION
        case Finished(result=result) if result.missing:
            return BayVerdict.DO_NOT_USE
        case Finished(result=result) if not result.complete:
            return BayVerdict.NEEDS_ATTENTION
        case _:
            return BayVerdict.NONE


def _why(event: OffloadEvent | CameraFailed) -> str:
    match event:
        case StepDone(step=step, detail=detail):
            return f"{step}: {detail}"
        case StepFailed(step=step, error=error):
            return f"{step}: {error.rule}"
        case DesiredStateRefused(error=error):
            return f"desired: {error.rule}"
        case CameraFailed(error=error) | FollowUpFailed(error=error):
            return error.rule
        case Finished(result=result) if result.missing:
            return "it closed recordings that it does not list"
        case Finished(result=result):
            left = sum(not isinstance(one, StoredVerified) for one in result.outcomes)
            return f"{left} {'recording is' if left == 1 else 'recordings are'} not stored"
        case _:
            return ""


def of_check(facts: Facts, verdict: Verdict) -> BayVerdict:
    """What a check comes to: TAKE_ME of a camera that is fit; DO_NOT_USE where it is a danger, where it would not
    record, or where what it records would be no evidence; BUSY where all that it lacks is charge."""
    from bwc_sdk.fitness.judging import BATTERY_FAULTS, IT_RECORDS
    from bwc_sdk.fitness.verdict import Check, Standing

    reasons = verdict.reasons
    unfit = {one.check for one in reasons if one.standing is Standing.UNFIT and one.detail != IT_RECORDS}
    charger = not isinstance(facts.battery, BwcError) and facts.battery.state in BATTERY_FAULTS
    full = not isinstance(facts.storage, BwcError) and facts.storage.full
    ended = facts.certificate_days is not None and facts.certificate_days < 0
    if unfit & {Check.CLOCK, Check.SELF_TEST, Check.STATE} or charger or full or ended:
        return BayVerdict.DO_NOT_USE
    if {one.check for one in reasons} == {Check.BATTERY} and unfit:
        return BayVerdict.BUSY
    return BayVerdict.NEEDS_ATTENTION if reasons else BayVerdict.TAKE_ME
