"""Department, agency, unit, and the laws beside them: what is in force, and what is told."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from bwc_sdk.errors import PolicyError
from bwc_sdk.policy.demands import AtLeast, MustInclude, PerClass, Range
from bwc_sdk.policy.inheritance import Effective, Trouble, effective
from bwc_sdk.policy.pack import Pack
from bwc_sdk.policy.reading import Library, shipped_pack
from tests.policy.packs import DAY, against, answers, pack, rule

DEPARTMENT = pack(
    "department",
    rule("record.pre_event_s", "at_least", value=30),
    rule("record.activate_on", "must_include", values=["arrest"]),
    rule("training.max_age_d", "at_most", value=365, status="recalled"),
    level="department",
)


def in_force(one: Pack, *others: Pack, on: datetime.date = DAY) -> Effective:
    """What is in force of the first."""
    return effective(one, on, Library([one, *others]))


def troubles(found: Effective) -> list[tuple[str, str]]:
    """What is told, and of which rule."""
    return [(str(one.trouble), one.rule) for one in found.remarks]


def test_a_unit_takes_over_what_it_does_not_say() -> None:
    agency = pack("agency", rule("record.pre_event_s", "at_least", value=60), parent="department")
    unit = pack("unit", rule("record.endurance_h", "at_least", value=8), parent="agency", level="unit")
    found = in_force(unit, agency, DEPARTMENT)
    assert list(found.rules) == [
        "record.pre_event_s",
        "record.endurance_h",
        "record.activate_on",
        "training.max_age_d",
    ]
    assert found.demand("record.pre_event_s") == AtLeast(value=60)
    assert found.rules["record.pre_event_s"].packs == ("agency",)
    assert [one.id for one in found.packs] == ["unit", "agency", "department"]
    assert not found.remarks
    assert answers(against(unit, DEPARTMENT, agency))["record.activate_on"] == "equal"


@pytest.mark.parametrize(
    ("stated", "trouble"),
    [
        (rule("record.pre_event_s", "at_least", value=29), Trouble.LOOSENS),
        (rule("record.activate_on", "must_include", values=["search"]), Trouble.UNDECIDED),
        (rule("record.pre_event_s", "at_least", value=30), None),
        (rule("record.pre_event_s", "at_least", value=31), None),
    ],
)
def test_downwards_only_tightening_is_allowed(stated: dict[str, object], trouble: Trouble | None) -> None:
    agency = pack("agency", stated, parent="department")
    found = in_force(agency, DEPARTMENT)
    assert troubles(found) == ([] if trouble is None else [(str(trouble), stated["id"])])
    assert against(agency, pack("nothing"), DEPARTMENT).meets is (trouble is None)


def test_what_loosens_is_not_set_right_in_silence() -> None:
    agency = pack("agency", rule("record.pre_event_s", "at_least", value=5), parent="department")
    assert in_force(agency, DEPARTMENT).demand("record.pre_event_s") == AtLeast(value=5)


def test_against_its_own_parent_a_weaker_rule_is_told_once() -> None:
    agency = pack("agency", rule("record.pre_event_s", "at_least", value=5), parent="department")
    found = against(agency, DEPARTMENT)
    assert not found.meets and answers(found)["record.pre_event_s"] == "weaker" and not found.remarks


def test_below_a_rule_that_is_only_recalled_is_told_and_does_not_block() -> None:
    agency = pack("agency", rule("training.max_age_d", "at_most", value=700), parent="department")
    found = in_force(agency, DEPARTMENT)
    assert troubles(found) == [("loosens", "training.max_age_d")]
    assert against(agency, pack("nothing"), DEPARTMENT).meets


NH = pack("nh", rule("retention.days", "within", low=30, high=180), level="law")
LONG = pack("long", rule("retention.days", "at_least", value=730), level="law")
IL = pack(
    "il",
    rule("retention.days", "per_class", default={"low": 90}, classes={"flagged": {"low": 730}}),
    level="law",
)


def test_a_law_joins_what_the_agency_takes_over() -> None:
    department = pack("department", rule("retention.days", "at_least", value=60), level="department")
    found = in_force(pack("agency", parent="department", laws=["nh"]), department, NH)
    assert found.demand("retention.days") == PerClass(default=Range(low=60, high=180))
    assert found.rules["retention.days"].packs == ("department", "nh"), "both say a part of it"
    assert not found.remarks


def test_laws_in_conflict_are_told_and_never_resolved() -> None:
    for agency in (
        pack("agency", laws=["nh", "long"]),
        pack("agency", rule("retention.days", "at_least", value=730), laws=["nh", "long"]),
    ):
        found = in_force(agency, NH, LONG)
        assert ("conflict", "retention.days") in troubles(found)
        (told,) = [one for one in found.remarks if one.trouble is Trouble.CONFLICT]
        assert (
            "at least 730 and at most 180" in told.sentence
            and "nh" in told.sentence
            and "long" in told.sentence
        )
        assert not against(agency, pack("nothing"), NH, LONG).meets


def test_a_conflict_of_one_class_names_it() -> None:
    found = in_force(pack("agency", laws=["nh", "il"]), NH, IL)
    (told,) = found.remarks
    assert told.trouble is Trouble.CONFLICT and "of class flagged" in told.sentence


def test_an_agency_below_a_law_is_told() -> None:
    agency = pack("agency", rule("retention.days", "at_least", value=30), laws=["il"])
    assert troubles(in_force(agency, IL)) == [("loosens", "retention.days")]


def test_the_day_decides_and_a_pack_that_holds_not_is_told() -> None:
    late = pack("late", rule("record.endurance_h", "at_least", value=8), effective_from="2026-12-01")
    found = in_force(late)
    assert troubles(found) == [("not-in-force", "")] and not found.rules
    assert not in_force(late, on=datetime.date(2026, 12, 1)).remarks
    assert not against(pack("agency"), late).meets, "what does not hold is met by nobody"


def test_what_is_only_recalled_above_a_rule_that_was_read_hides_nothing_of_it() -> None:
    read = pack("read", rule("record.pre_event_s", "at_least", value=30), level="department")
    hearsay = rule("record.pre_event_s", "at_least", value=60, status="recalled")
    asking = pack("asking", hearsay, parent="read", level="department")
    law = pack("law", hearsay, level="law")
    joined = pack("joined", parent="read", laws=["law"], level="department")
    for theirs in (asking, joined):
        for seconds, good in ((20, False), (30, True), (45, True), (60, True)):
            ours = pack("ours", rule("record.pre_event_s", "at_least", value=seconds))
            assert against(ours, theirs, read, law).meets is good, (theirs.id, seconds)
            child = pack("child", rule("record.pre_event_s", "at_least", value=seconds), parent=theirs.id)
            assert against(child, pack("nothing"), theirs, read, law).meets is good


def test_a_conflict_with_what_is_only_recalled_is_told_and_does_not_block() -> None:
    hearsay = pack("hearsay", rule("retention.days", "at_least", value=730, status="recalled"), level="law")
    agency = pack("agency", laws=["nh", "hearsay"])
    assert troubles(in_force(agency, NH, hearsay)) == [("conflict", "retention.days")]
    assert against(agency, pack("nothing"), NH, hearsay).meets


def test_a_word_is_followed_from_pack_to_pack() -> None:
    def own(number: int, maps_to: str) -> dict[str, object]:
        return {"family": "events", "number": number, "name": "x", "maps_to": maps_to}

    agency = pack("agency", parent="department", own_words=[own(128, "arrest")])
    asks = rule("record.activate_on", "must_include", values=["200"])
    unit = pack("unit", asks, parent="agency", own_words=[own(200, "agency/128")])
    found = in_force(unit, agency, DEPARTMENT)
    assert found.demand("record.activate_on") == MustInclude(values=("arrest",)) and not found.remarks
    circle = pack("circle", parent="agency", own_words=[own(200, "circle/201"), own(201, "circle/200")])
    assert in_force(circle, agency, DEPARTMENT).rules


def test_many_ways_to_the_same_pack_are_walked_once() -> None:
    """Eight levels of eight laws each would be sixteen million ways."""
    levels = [
        [
            pack(f"l{depth}-{n}", laws=[f"l{depth + 1}-{m}" for m in range(8)] if depth < 6 else [])
            for n in range(8)
        ]
        for depth in range(7)
    ]
    found = in_force(levels[0][0], *(one for level in levels for one in level))
    assert len(found.packs) == 1 + 6 * 8


def test_nobody_is_above_himself() -> None:
    a, b = pack("a", parent="b"), pack("b", parent="a")
    with pytest.raises(PolicyError, match="is above itself"):
        in_force(a, b)
    chain = [pack(f"p{n}", parent=f"p{n + 1}") for n in range(12)]
    with pytest.raises(PolicyError, match="more than 8"):
        in_force(*chain)


def test_a_parent_may_be_named_by_its_hash() -> None:
    agency = pack("agency", parent="department", parent_sha256=DEPARTMENT.sha256)
    assert in_force(agency, DEPARTMENT).demand("record.pre_event_s") == AtLeast(value=30)
    with pytest.raises(PolicyError, match="has the hash"):
        in_force(pack("agency", parent="department", parent_sha256="0" * 64), DEPARTMENT)


def test_a_parent_whose_file_is_wrong_is_told_by_what_is_wrong_with_it(tmp_path: Path) -> None:
    child = pack("child", parent="above")
    (tmp_path / "profile.toml").write_text('id = "above"\nrecording.pre_event_s = 30\n')
    (tmp_path / "notes.toml").write_text("pack = ")
    with pytest.raises(PolicyError, match="no pack of this id is here"):
        effective(child, DAY, Library([child], [tmp_path]))
    (tmp_path / "above.toml").write_text(
        'pack = 1\nid = "above"\ntitle = "Above"\nlevel = "departmnt"\nvocabulary = 1\n'
    )
    with pytest.raises(PolicyError, match=r"above\.toml: level: .*did you mean department"):
        effective(child, DAY, Library([child], [tmp_path]))
    (tmp_path / "dhs.toml").write_text('pack = 1\nid = "us-dhs-2023"\nlevel = "department"\nvocabulary = 1\n')
    with pytest.raises(PolicyError, match=r"dhs\.toml: title: Field required"):
        effective(pack("child", parent="us-dhs-2023"), DAY, Library([], [tmp_path]))
    pinned = pack("child", parent="us-dhs-2023", parent_sha256=shipped_pack("us-dhs-2023").sha256)
    assert effective(pinned, DAY, Library([], [tmp_path])).packs[1].id == "us-dhs-2023"
    (tmp_path / "again.toml").write_text(
        'pack = 1\nid = "above"\ntitle = "Above"\nlevel = "department"\nvocabulary = 1\n'
    )
    assert effective(child, DAY, Library([child], [tmp_path])).packs[1].id == "above"
