"""Demands as hypothesis draws them: every kind, few words and small numbers, so that two of them often meet."""

from __future__ import annotations

from hypothesis import strategies as st

from bwc_sdk.policy.demands import (
    AtLeast,
    AtLeastPer,
    AtMost,
    Conditional,
    Deadline,
    Demand,
    Forbidden,
    MustInclude,
    OnlyFrom,
    PerClass,
    Range,
    Required,
    Within,
)
from bwc_sdk.policy.vocabulary import Alternative, Circumstance

numbers = st.integers(0, 4)
words = st.lists(st.sampled_from(["arrest", "warrant", "search", "us-x/128"]), max_size=4).map(tuple)
bounds = st.tuples(st.none() | numbers, st.none() | numbers).filter(
    lambda both: both[0] is None or both[1] is None or both[0] <= both[1]
)
ranges = bounds.map(lambda both: Range(low=both[0], high=both[1]))
classes = st.dictionaries(st.sampled_from(["flagged", "traffic", "other"]), ranges, max_size=3)
alternatives = st.lists(st.sampled_from(list(Alternative)), min_size=1, max_size=3).map(tuple)

KINDS: dict[str, st.SearchStrategy[Demand]] = {
    "at_least": st.builds(AtLeast, value=numbers),
    "at_most": st.builds(AtMost, value=numbers),
    "within": bounds.map(lambda both: Within(low=both[0], high=both[1])),
    "at_least_per": st.builds(AtLeastPer, count=numbers, period_d=st.integers(1, 4)),
    "must_include": st.builds(MustInclude, values=words),
    "forbidden": st.builds(Forbidden, values=words),
    "only_from": st.builds(OnlyFrom, values=words),
    "required": st.builds(Required, value=st.booleans()),
    "per_class": st.builds(PerClass, default=ranges, classes=classes),
    "deadline": st.builds(Deadline, hours=numbers, alternatives=alternatives),
}


def conditional(of: st.SearchStrategy[Demand]) -> st.SearchStrategy[Demand]:
    """The same demands, in some circumstances alone."""
    when = st.lists(st.sampled_from(list(Circumstance)), max_size=3).map(tuple)
    return st.builds(Conditional, when=when, demand=of)


FAMILIES: dict[str, st.SearchStrategy[Demand | None]] = {
    name: st.none() | plain | conditional(plain) for name, plain in KINDS.items()
}
"""What one rule may ask for: nothing, a demand of its kind, or one with a condition."""
anything: st.SearchStrategy[Demand | None] = st.one_of(*FAMILIES.values())
