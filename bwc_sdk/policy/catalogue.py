"""The rules that there are: a closed list of a version. What each is about, of which kind, and where it acts."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from bwc_sdk.policy.demands import AtLeast, AtMost, Deadline, Demand, PerClass, Range, Within
from bwc_sdk.policy.vocabulary import Alternative, Family

CATALOGUE_VERSION: Final = 1
"""Raised when rules are added; none is ever taken away or given another meaning."""


class Place(enum.StrEnum):
    """Where a rule acts."""

    CONFIGURATION = "configuration"
    """A setting of the camera follows from it."""
    RELEASE = "release"
    """It is looked at when a camera is given out."""
    RECORDINGS = "recordings"
    """It is looked at afterwards, on recordings and how they were stored."""
    PEOPLE = "people"
    """No device can hold it, and no file shows it: an agency sees to it by other means."""


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What is known of a rule, whatever a pack asks for by it."""

    about: str
    """What it is about, as the subject of a sentence."""
    kind: str
    unit: str = ""
    words: Family | None = None
    acts: tuple[Place, ...] = (Place.PEOPLE,)
    asks: str = ""
    """Of a rule of the kind `required`: what has to be so."""


C, G, R, P = Place.CONFIGURATION, Place.RELEASE, Place.RECORDINGS, Place.PEOPLE
RULES: Final[dict[str, RuleInfo]] = {
    "record.pre_event_s": RuleInfo("the pre-event buffer", "at_least", "s", acts=(C, R)),
    "record.post_event_s": RuleInfo("what is recorded after the stop", "at_least", "s", acts=(C,)),
    "record.endurance_h": RuleInfo("how long a camera can record", "at_least", "h", acts=(G,)),
    "record.activate_on": RuleInfo(
        "what is to be recorded", "must_include", words=Family.EVENTS, acts=(C, R, P)
    ),
    "record.may_stop_for": RuleInfo(
        "why a recording may end before its event does", "only_from", words=Family.REASONS, acts=(R,)
    ),
    "record.stop_requires_reason": RuleInfo(
        "the reason of a stop", "required", acts=(R,), asks="a recording that ends has its reason"
    ),
    "record.event_required": RuleInfo(
        "the event of a recording", "required", acts=(R,), asks="a recording says what it was begun for"
    ),
    "record.mute": RuleInfo("why sound may be off", "only_from", words=Family.REASONS, acts=(C, R)),
    "record.start_by": RuleInfo(
        "what may start a recording", "only_from", words=Family.TRIGGERS, acts=(C, R)
    ),
    "record.date_and_time": RuleInfo(
        "date and time of a recording", "required", acts=(C,), asks="a recording has its date and time"
    ),
    "use.forbidden": RuleInfo(
        "what cameras must not be used for", "forbidden", words=Family.USES, acts=(C, R, P)
    ),
    "notice.persons": RuleInfo(
        "notice to who is recorded", "required", acts=(C, P), asks="people are told that they are recorded"
    ),
    "upload.deadline": RuleInfo("when footage has to be stored", "deadline", "h", acts=(R,)),
    "retention.days": RuleInfo("how long footage is kept", "per_class", "d", acts=(P,)),
    "category.default": RuleInfo(
        "the category of what nobody categorised",
        "required",
        acts=(C,),
        asks="what nobody categorised is not of the class that is kept shortest",
    ),
    "category.required": RuleInfo(
        "the category of a recording",
        "required",
        acts=(R,),
        asks="somebody gives each recording its category",
    ),
    "review.sample": RuleInfo("how many recordings are looked at", "at_least_per", acts=(P,)),
    "training.required": RuleInfo(
        "training", "required", acts=(G, P), asks="who carries a camera is trained"
    ),
    "training.max_age_d": RuleInfo("how old training may be", "at_most", "d", acts=(G, P)),
    "release.expedited_d": RuleInfo("when footage of an incident is released", "at_most", "d"),
    "equipment.individually_assigned": RuleInfo(
        "who has a camera", "required", acts=(G,), asks="each camera is assigned to one person"
    ),
    "equipment.agency_owned": RuleInfo(
        "whose a camera is", "required", acts=(G, P), asks="cameras are the agency's own"
    ),
    "equipment.duties": RuleInfo("duties of the agency", "must_include", words=Family.DUTIES, acts=(G, P)),
    "equipment.preshift_check": RuleInfo(
        "the check before a shift", "required", acts=(G,), asks="a camera is checked before its shift"
    ),
    "officer.duties": RuleInfo("duties of an officer", "must_include", words=Family.DUTIES),
    "privacy.compliance": RuleInfo("privacy", "required", asks="the department's privacy policies are kept"),
    "report.independent_audit_y": RuleInfo("how often others audit", "at_most", "y"),
}


def lifted(rule: str, demand: Demand) -> Demand | None:
    """A demand in the kind of its rule, if it is of that kind or of one that is short for it; else None."""
    wanted = RULES[rule].kind
    if demand.kind == wanted:
        return demand
    match wanted, demand:
        case "deadline", AtMost(value=hours):
            return Deadline(hours=hours, alternatives=(Alternative.HOURS,))
        case "per_class", AtLeast(value=low):
            return PerClass(default=Range(low=low))
        case "per_class", AtMost(value=high):
            return PerClass(default=Range(high=high))
        case "per_class", Within():
            return PerClass(default=Range(low=demand.low, high=demand.high))
    return None
