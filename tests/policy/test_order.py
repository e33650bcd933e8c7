"""Each kind of demand is a partial order, with what nobody asks for below it, and a join above any two."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bwc_sdk.policy.demands import AtLeast, Conditional, Demand, OnlyFrom, PerClass, Range, Required
from bwc_sdk.policy.order import Answer, Conflict, canonical, compare, join, meets
from bwc_sdk.policy.pack import Pack
from bwc_sdk.policy.vocabulary import Circumstance
from tests.policy.demands import FAMILIES, KINDS, anything
from tests.policy.packs import CITED, against, pack
from tests.tiers import times

MIRRORED = {
    Answer.EQUAL: Answer.EQUAL,
    Answer.STRICTER: Answer.WEAKER,
    Answer.WEAKER: Answer.STRICTER,
    Answer.INCOMPARABLE: Answer.INCOMPARABLE,
}


def _only(words: list[str]) -> Demand:
    return OnlyFrom(values=tuple(words))


each_kind = pytest.mark.parametrize("kind", FAMILIES)


@each_kind
@given(data=st.data())
@settings(max_examples=times(25), deadline=None)
def test_it_is_an_order(kind: str, data: st.DataObject) -> None:
    a, b, c = (data.draw(FAMILIES[kind]) for _ in range(3))
    assert meets(a, a), "reflexive"
    assert not (meets(a, b) and meets(b, c)) or meets(a, c), "transitive"
    assert not (meets(a, b) and meets(b, a)) or canonical(a) == canonical(b), "antisymmetric"


@each_kind
@given(data=st.data())
@settings(max_examples=times(20), deadline=None)
def test_the_answers_of_both_sides_fit_together(kind: str, data: st.DataObject) -> None:
    a, b = data.draw(FAMILIES[kind]), data.draw(FAMILIES[kind])
    assert compare(b, a) is MIRRORED[compare(a, b)]
    assert compare(a, canonical(a)) is Answer.EQUAL, "however it is written"


@given(a=anything, b=anything, c=anything)
@settings(max_examples=times(100), deadline=None)
def test_it_is_an_order_across_kinds_as_well(a: Demand | None, b: Demand | None, c: Demand | None) -> None:
    assert not (meets(a, b) and meets(b, c)) or meets(a, c)
    assert not (meets(a, b) and meets(b, a)) or canonical(a) == canonical(b)
    assert meets(a, None)


@each_kind
@given(data=st.data())
@settings(max_examples=times(25), deadline=None)
def test_to_tighten_never_makes_weaker(kind: str, data: st.DataObject) -> None:
    """What keeps both of two demands keeps each of them, and asks for no more than any other that does."""
    a, b, other = (data.draw(FAMILIES[kind]) for _ in range(3))
    try:
        both = join(a, b)
    except Conflict:
        assert compare(a, b) is Answer.INCOMPARABLE
        return
    assert meets(both, a) and meets(both, b)
    assert compare(both, a) in (Answer.EQUAL, Answer.STRICTER)
    if kind != "at_least_per" and meets(other, a) and meets(other, b):
        assert meets(other, both), "the least that does"


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=times(10), deadline=None)
def test_a_demand_survives_its_file_form(kind: str, data: st.DataObject) -> None:
    demand = data.draw(KINDS[kind])
    assert type(demand).model_validate(demand.model_dump(mode="json")) == demand


def test_a_class_that_nobody_named_takes_the_default_and_never_nothing() -> None:
    kept = PerClass(default=Range(low=90), classes={"traffic": Range(low=30)})
    asked = PerClass(default=Range(low=60), classes={"flagged": Range(low=90)})
    assert compare(kept, asked) is Answer.INCOMPARABLE, "traffic is kept too short, all else longer"
    assert compare(PerClass(default=Range(low=90)), asked) is Answer.STRICTER
    assert compare(PerClass(default=Range(low=60)), asked) is Answer.WEAKER


def test_a_condition_of_all_circumstances_is_written_as_none() -> None:
    """A waiver is bound to the one form of a value: how it is written must not matter."""
    every = Conditional(when=tuple(Circumstance), demand=AtLeast(value=3))
    assert canonical(every) == AtLeast(value=3)
    some = Conditional(when=(Circumstance.UNSAFE, Circumstance.ROUTINE), demand=AtLeast(value=3))
    turned = Conditional(when=(Circumstance.ROUTINE, Circumstance.UNSAFE), demand=AtLeast(value=3))
    assert canonical(some) == canonical(turned) != canonical(every)


def test_what_asks_for_nothing_is_nothing() -> None:
    assert compare(AtLeast(value=0), None) is Answer.EQUAL
    assert compare(Required(value=False), None) is Answer.EQUAL
    assert compare(None, Required()) is Answer.WEAKER


def test_demands_of_two_kinds_do_not_compare() -> None:
    assert compare(AtLeast(value=3), Required()) is Answer.INCOMPARABLE


# A policy is the product of its rules

OF_RULES = {
    "record.pre_event_s": FAMILIES["at_least"],
    "training.max_age_d": FAMILIES["at_most"],
    "retention.days": FAMILIES["per_class"],
    "record.mute": st.none() | st.lists(st.sampled_from(["privacy", "tactics"])).map(_only),
    "upload.deadline": FAMILIES["deadline"],
    "notice.persons": FAMILIES["required"],
}
policies = st.fixed_dictionaries(OF_RULES)


def held(name: str, asked: dict[str, Demand | None]) -> Pack:
    """A pack that asks for this."""
    rules = [
        {"id": rule, "demand": one.model_dump(mode="json"), "status": "verified", "citation": CITED}
        for rule, one in asked.items()
        if one is not None
    ]
    return pack(name, *rules)


@given(a=policies, b=policies, c=policies)
@settings(max_examples=times(15), deadline=None)
def test_whole_policies_are_ordered_as_their_rules_are(
    a: dict[str, Demand | None], b: dict[str, Demand | None], c: dict[str, Demand | None]
) -> None:
    one, other, third = held("a", a), held("b", b), held("c", c)
    assert against(one, one).meets
    ab, bc, ac = against(one, other).meets, against(other, third).meets, against(one, third).meets
    assert not (ab and bc) or ac
    assert ab is all(meets(a[rule], b[rule]) for rule in OF_RULES)
    if ab and against(other, one).meets:
        assert {str(row.answer) for row in against(one, other).rows} <= {"equal"}


@given(asked=policies, more=policies)
@settings(max_examples=times(15), deadline=None)
def test_to_tighten_a_rule_never_makes_a_policy_fall_short(
    asked: dict[str, Demand | None], more: dict[str, Demand | None]
) -> None:
    tightened = dict(asked)
    for rule, demand in more.items():
        try:
            tightened[rule] = join(asked[rule], demand)
        except Conflict:
            continue
    before, after = held("before", asked), held("after", tightened)
    assert against(after, before).meets
    child = held("child", tightened).model_copy(update={"parent": "before"})
    assert not against(child, before).remarks, "a child that tightens is told of nothing"
