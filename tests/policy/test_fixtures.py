"""What real policies say, held against one another: each pair with the answer that a reader of both would give."""

from __future__ import annotations

import pytest

from tests.policy.packs import against, answers, pack, rule

TWO_SHIFTS = {"hours": 24, "alternatives": ["end-of-shift", "end-of-next-shift"]}
BUSINESS_DAY = {"hours": 96, "alternatives": ["next-business-day"]}
DHS = ["emergency-call", "planned-arrest", "warrant"]
DOJ = ["planned-arrest", "warrant"]
COLORADO = ["call-for-service", "entering-premises", "welfare-check", "enforcement-contact"]
ILLINOIS_STOPS = ["victim-or-witness-asked", "confidential-informant", "other-recording"]
NEW_JERSEY = ["first-amendment-only", "breaks", "restrooms", "counselling"]
UNLESS_UNSAFE = {"when": ["routine", "critical-incident"], "demand": {"kind": "required"}}


def low(days: int, **classes: int) -> dict[str, object]:
    """Retention of at least so many days."""
    return {"default": {"low": days}, "classes": {name: {"low": one} for name, one in classes.items()}}


CASES = [
    ("record.pre_event_s", "at_least", {"value": 120}, {"value": 30}, "stricter", "CBP against FWS"),
    ("record.pre_event_s", "at_least", {"value": 30}, {"value": 120}, "weaker", "FWS against CBP"),
    ("record.pre_event_s", "at_least", {"value": 30}, {"value": 30}, "equal", "FWS against Illinois"),
    ("record.endurance_h", "at_least", {"value": 12}, {"value": 10}, "stricter", "12 h against Illinois"),
    ("record.endurance_h", "at_least", {"value": 9}, {"value": 10}, "weaker", "9 h against Illinois"),
    ("record.activate_on", "must_include", {"values": DHS}, {"values": DOJ}, "stricter", "DHS against DOJ"),
    ("record.activate_on", "must_include", {"values": DOJ}, {"values": DHS}, "weaker", "DOJ against DHS"),
    (
        "record.activate_on",
        "must_include",
        {"values": COLORADO},
        {"values": DHS},
        "incomparable",
        "Colorado against DHS",
    ),
    (
        "record.activate_on",
        "must_include",
        {"values": [*COLORADO, *DHS]},
        {"values": DHS},
        "stricter",
        "Colorado and DHS against DHS",
    ),
    (
        "record.may_stop_for",
        "only_from",
        {"values": ILLINOIS_STOPS[:2]},
        {"values": ILLINOIS_STOPS},
        "stricter",
        "what Illinois says must be, against all that may be",
    ),
    (
        "record.may_stop_for",
        "only_from",
        {"values": [*ILLINOIS_STOPS, "privacy"]},
        {"values": ILLINOIS_STOPS},
        "weaker",
        "one reason more than Illinois",
    ),
    (
        "record.may_stop_for",
        "only_from",
        {"values": ["privacy", "tactics"]},
        {"values": ILLINOIS_STOPS},
        "incomparable",
        "other reasons than Illinois",
    ),
    (
        "record.may_stop_for",
        "only_from",
        {"values": []},
        {"values": ILLINOIS_STOPS},
        "stricter",
        "none at all",
    ),
    ("record.mute", "only_from", {"values": []}, {"values": ["privacy"]}, "stricter", "never muted"),
    ("record.stop_requires_reason", "required", {}, {}, "equal", "IACP"),
    ("record.stop_requires_reason", "required", {"value": False}, {}, "weaker", "no reason against IACP"),
    (
        "use.forbidden",
        "forbidden",
        {"values": NEW_JERSEY},
        {"values": ["first-amendment-only"]},
        "stricter",
        "New Jersey against DHS",
    ),
    (
        "use.forbidden",
        "forbidden",
        {"values": ["automated-analytics"]},
        {"values": ["first-amendment-only"]},
        "incomparable",
        "New Hampshire against DHS",
    ),
    ("upload.deadline", "deadline", TWO_SHIFTS, TWO_SHIFTS, "equal", "CBP against ICE"),
    ("upload.deadline", "deadline", BUSINESS_DAY, TWO_SHIFTS, "incomparable", "Durham against CBP"),
    (
        "upload.deadline",
        "deadline",
        {"hours": 12, "alternatives": ["end-of-shift"]},
        TWO_SHIFTS,
        "stricter",
        "end of shift against CBP",
    ),
    (
        "upload.deadline",
        "deadline",
        {"hours": 36, "alternatives": ["end-of-shift"]},
        TWO_SHIFTS,
        "incomparable",
        "fewer ways, and longer",
    ),
    ("retention.days", "per_class", low(90), low(60), "stricter", "Florida against California"),
    ("retention.days", "per_class", low(90), low(90), "equal", "Minnesota against Florida"),
    ("retention.days", "per_class", low(90, flagged=730), low(90), "stricter", "Illinois against Minnesota"),
    ("retention.days", "per_class", low(90), low(90, flagged=730), "weaker", "Minnesota against Illinois"),
    (
        "retention.days",
        "per_class",
        {"default": {"low": 30, "high": 180}},
        low(60),
        "incomparable",
        "New Hampshire against California",
    ),
    (
        "retention.days",
        "per_class",
        low(3650),
        {"default": {"low": 30, "high": 180}},
        "incomparable",
        "longer is not always stricter",
    ),
    ("category.default", "required", {}, {}, "equal", "Kansas City against San Diego"),
    (
        "review.sample",
        "at_least_per",
        {"count": 1, "period_d": 1},
        {"count": 20, "period_d": 30},
        "stricter",
        "Chicago against twenty a month",
    ),
    (
        "review.sample",
        "at_least_per",
        {"count": 60, "period_d": 30},
        {"count": 1, "period_d": 1},
        "incomparable",
        "more of them, and seldom",
    ),
    ("training.max_age_d", "at_most", {"value": 180}, {"value": 365}, "stricter", "twice a year"),
    ("training.max_age_d", "at_most", {"value": 730}, {"value": 365}, "weaker", "every other year"),
    ("release.expedited_d", "at_most", {"value": 3}, {"value": 21}, "stricter", "DOJ against Colorado"),
    ("release.expedited_d", "at_most", {"value": 45}, {"value": 21}, "weaker", "Colorado's longest way"),
    ("equipment.agency_owned", "required", {}, {"value": False}, "stricter", "FWS against nothing"),
    ("report.independent_audit_y", "at_most", {"value": 2}, {"value": 2}, "equal", "Minnesota"),
    (
        "report.independent_audit_y",
        "at_most",
        {"value": 3},
        {"value": 2},
        "weaker",
        "seldomer than Minnesota",
    ),
]


@pytest.mark.parametrize(
    ("name", "kind", "ours", "theirs", "answer", "who"), CASES, ids=[c[5] for c in CASES]
)
def test_a_pair_of_policies(
    name: str, kind: str, ours: dict[str, object], theirs: dict[str, object], answer: str, who: str
) -> None:
    found = against(
        pack("ours", rule(name, kind, **ours)), pack("theirs", rule(name, kind, **theirs), level="department")
    )
    told = answers(found)
    assert told.get(name, "equal") == answer, who
    assert found.meets is (answer in ("equal", "stricter"))


def test_notice_unless_unsafe_is_less_than_notice_always_and_more_than_none() -> None:
    always = pack("always", rule("notice.persons", "required"))
    unless = pack("unless", rule("notice.persons", "conditional", **UNLESS_UNSAFE))
    assert answers(against(unless, always)) == {"notice.persons": "weaker"}
    assert answers(against(always, unless)) == {"notice.persons": "stricter"}
    assert answers(against(pack("silent"), unless)) == {"notice.persons": "weaker"}


def test_a_condition_of_all_circumstances_is_none() -> None:
    every = {"when": ["routine", "unsafe", "critical-incident"], "demand": {"kind": "required"}}
    a, b = (
        pack("a", rule("notice.persons", "conditional", **every)),
        pack("b", rule("notice.persons", "required")),
    )
    assert answers(against(a, b)) == {"notice.persons": "equal"}


def test_hours_alone_are_short_for_a_deadline_of_hours() -> None:
    ours, theirs = (pack(str(h), rule("upload.deadline", "at_most", value=h)) for h in (24, 72))
    assert answers(against(ours, theirs)) == {"upload.deadline": "stricter"}


def test_days_alone_are_short_for_one_class() -> None:
    ours = pack("ours", rule("retention.days", "at_least", value=90))
    assert answers(against(ours, pack("theirs", rule("retention.days", "per_class", **low(60))))) == {
        "retention.days": "stricter"
    }
    assert answers(against(ours, pack("theirs", rule("retention.days", "within", low=30, high=180)))) == {
        "retention.days": "incomparable"
    }


def test_a_rule_that_is_missing_is_weaker_unless_the_department_lacks_it_too() -> None:
    department = pack("department", rule("record.pre_event_s", "at_least", value=30), level="department")
    found = against(pack("agency", rule("training.max_age_d", "at_most", value=365)), department)
    assert answers(found) == {"record.pre_event_s": "weaker", "training.max_age_d": "stricter"}
    assert not found.meets
    assert against(pack("agency"), pack("department")).meets
