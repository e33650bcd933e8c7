"""What is stricter than what: each kind of demand is a partial order, and a policy their product.

One demand meets another if whoever keeps the first keeps the second. All answers follow from that: each meets the
other (equal), the first alone (stricter), the second alone (weaker), neither (incomparable: a person decides).
Nothing at all, None, is what every demand meets.
"""

from __future__ import annotations

import enum
import math
from fractions import Fraction
from typing import TypeVar

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

S = TypeVar("S", bound=enum.StrEnum | str)


class Answer(enum.StrEnum):
    """How a demand stands to another."""

    EQUAL = "equal"
    STRICTER = "stricter"
    WEAKER = "weaker"
    INCOMPARABLE = "incomparable"
    """Each asks for something that the other does not: a person decides."""


class Conflict(Exception):
    """Raised when nothing keeps both of two demands, or nothing that this language can say."""


def compare(ours: Demand | None, theirs: Demand | None) -> Answer:
    """How `ours` stands to `theirs`."""
    return _ANSWERS[meets(ours, theirs), meets(theirs, ours)]


_ANSWERS = {
    (True, True): Answer.EQUAL,
    (True, False): Answer.STRICTER,
    (False, True): Answer.WEAKER,
    (False, False): Answer.INCOMPARABLE,
}


def meets(ours: Demand | None, theirs: Demand | None) -> bool:
    """Whether whoever keeps `ours` keeps `theirs`."""
    ours, theirs = canonical(ours), canonical(theirs)
    if theirs is None:
        return True
    if ours is None:
        return False
    if isinstance(ours, Conditional) or isinstance(theirs, Conditional):
        our, their = _conditional(ours), _conditional(theirs)
        return set(our.when) >= set(their.when) and meets(our.demand, their.demand)
    match ours, theirs:
        case AtLeast(value=a), AtLeast(value=b):
            return a >= b
        case AtMost(value=a), AtMost(value=b):
            return a <= b
        case Within(), Within():
            return inside(ours, theirs)
        case AtLeastPer(), AtLeastPer():
            return ours.period_d <= theirs.period_d and _rate(ours) >= _rate(theirs)
        case (MustInclude(values=a), MustInclude(values=b)) | (Forbidden(values=a), Forbidden(values=b)):
            return set(a) >= set(b)
        case OnlyFrom(values=a), OnlyFrom(values=b):
            return set(a) <= set(b)
        case Required(), Required():
            return True  # one that asks for nothing is None by now
        case PerClass(), PerClass():
            return inside(ours.default, theirs.default) and all(
                inside(ours.of(name), theirs.of(name)) for name in {*ours.classes, *theirs.classes}
            )
        case Deadline(), Deadline():
            return ours.hours <= theirs.hours and set(ours.alternatives) <= set(theirs.alternatives)
    return False  # demands of two kinds say nothing of each other


def inside(ours: Range, theirs: Range) -> bool:
    """Whether a range lies within another: a bound that is left out is wider than any."""
    low = theirs.low is None or (ours.low is not None and ours.low >= theirs.low)
    high = theirs.high is None or (ours.high is not None and ours.high <= theirs.high)
    return low and high


def canonical(demand: Demand | None) -> Demand | None:
    """The one form of all that ask for the same; None for what asks for nothing."""
    match demand:
        case AtLeast(value=0) | Required(value=False) | AtLeastPer(count=0):
            return None
        case MustInclude(values=()) | Forbidden(values=()):
            return None
        case MustInclude() | Forbidden() | OnlyFrom():
            return demand.model_copy(update={"values": _sorted(demand.values)})
        case Within():
            low, high = _bounds(demand)
            return None if low is high is None else Within(low=low, high=high)
        case PerClass():
            return _canonical_classes(demand)
        case Deadline():
            return demand.model_copy(update={"alternatives": _sorted(demand.alternatives)})
        case Conditional():
            inner = canonical(demand.demand)
            if inner is None or not demand.when:
                return None
            if set(demand.when) == set(Circumstance):
                return inner
            return demand.model_copy(update={"when": _sorted(demand.when), "demand": inner})
    return demand


def unkeepable(demand: Demand | None) -> str:
    """Why nobody can keep a demand, in words; "" where somebody can: of times and days 0 is none."""
    match demand:
        case Deadline(hours=0):
            return "It is to be done within 0 h"
        case AtMost(value=0):
            return "It may be 0 at most"
        case Within(high=0):
            return "It may be 0 at most"
        case PerClass():
            every = [("default", demand.default), *sorted(demand.classes.items())]
            none = [name for name, one in every if one.high == 0]
            return f"0 d at most for the class {', '.join(none)}" if none else ""
    return ""


def _canonical_classes(demand: PerClass) -> PerClass | None:
    default = _range(demand.default)
    others = {name: _range(one) for name, one in sorted(demand.classes.items())}
    classes = {name: one for name, one in others.items() if one != default}
    if not classes and default == Range():
        return None
    return PerClass(default=default, classes=classes)


def _range(one: Range) -> Range:
    low, high = _bounds(one)
    return Range(low=low, high=high)


def _bounds(one: Range) -> tuple[int | None, int | None]:
    return one.low or None, one.high  # no less than nothing is no bound


def _sorted(words: tuple[S, ...]) -> tuple[S, ...]:
    return tuple(sorted(set(words)))


def _rate(one: AtLeastPer) -> Fraction:
    return Fraction(one.count, one.period_d)


def _conditional(demand: Demand) -> Conditional:
    if isinstance(demand, Conditional):
        return demand
    return Conditional(when=tuple(Circumstance), demand=demand)


def join(one: Demand | None, other: Demand | None) -> Demand | None:
    """What keeps both, and no more than that. Raises `Conflict` where nothing does."""
    one, other = canonical(one), canonical(other)
    if meets(one, other):
        return one
    if meets(other, one):
        return other
    assert one is not None and other is not None  # else one of them were met
    if isinstance(one, Conditional) or isinstance(other, Conditional):
        return _join_conditional(_conditional(one), _conditional(other))
    match one, other:
        case Within(), Within():
            both = _join_range(one, other)
            return Within(low=both.low, high=both.high)
        case AtLeastPer(), AtLeastPer():
            period = min(one.period_d, other.period_d)
            return AtLeastPer(count=math.ceil(max(_rate(one), _rate(other)) * period), period_d=period)
        case MustInclude(values=a), MustInclude(values=b):
            return MustInclude(values=_sorted((*a, *b)))
        case Forbidden(values=a), Forbidden(values=b):
            return Forbidden(values=_sorted((*a, *b)))
        case OnlyFrom(values=a), OnlyFrom(values=b):
            return OnlyFrom(values=_sorted(tuple(set(a) & set(b))))
        case PerClass(), PerClass():
            names = sorted({*one.classes, *other.classes})
            classes = {name: _join_range(one.of(name), other.of(name), name) for name in names}
            return canonical(PerClass(default=_join_range(one.default, other.default), classes=classes))
        case Deadline(), Deadline():
            return _join_deadline(one, other)
    raise Conflict("the one is asked for in another way than the other")


def _join_range(one: Range, other: Range, name: str = "") -> Range:
    lows = [low for low in (one.low, other.low) if low is not None]
    highs = [high for high in (one.high, other.high) if high is not None]
    low, high = max(lows, default=None), min(highs, default=None)
    if low is not None and high is not None and low > high:
        of = f" of class {name}" if name else ""
        raise Conflict(f"no value{of} is at least {low} and at most {high}")
    return Range(low=low, high=high)


def _join_deadline(one: Deadline, other: Deadline) -> Deadline:
    both: set[Alternative] = set(one.alternatives) & set(other.alternatives)
    if not both:
        raise Conflict("no way to keep the one deadline is a way to keep the other")
    return Deadline(hours=min(one.hours, other.hours), alternatives=_sorted(tuple(both)))


def _join_conditional(one: Conditional, other: Conditional) -> Demand | None:
    if set(one.when) == set(other.when):
        inner = join(one.demand, other.demand)
        assert inner is not None and not isinstance(inner, Conditional)
        return Conditional(when=one.when, demand=inner)
    if meets(one.demand, other.demand) and meets(other.demand, one.demand):
        return canonical(Conditional(when=_sorted((*one.when, *other.when)), demand=one.demand))
    raise Conflict("they apply in different circumstances, and ask for different things there")
