"""Demands and answers in words."""

from __future__ import annotations

from bwc_sdk.policy.catalogue import RULES, RuleInfo
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
from bwc_sdk.policy.order import Answer


def demand_text(rule: str, demand: Demand | None) -> str:
    """What a demand asks for, in a few words."""
    info = RULES[rule]
    match demand:
        case None:
            return "nothing"
        case AtLeast(value=value):
            return f"at least {_count(value, info)}"
        case AtMost(value=value):
            return f"at most {_count(value, info)}"
        case Within():
            return range_text(demand, info)
        case AtLeastPer():
            days = "every day" if demand.period_d == 1 else f"every {demand.period_d} days"
            return f"at least {demand.count} {days}"
        case MustInclude(values=values):
            return f"all of {_words(values)}"
        case Forbidden(values=values):
            return f"never {_words(values)}"
        case OnlyFrom(values=values):
            return f"only {_words(values)}" if values else "for no reason at all"
        case Required():
            return info.asks if demand.value else f"not: {info.asks}"
        case PerClass():
            classes = "".join(
                f"; {name}: {range_text(one, info)}" for name, one in sorted(demand.classes.items())
            )
            return f"{range_text(demand.default, info)}{classes}"
        case Deadline():
            ways = " or ".join(str(one).replace("-", " ") for one in demand.alternatives)
            if tuple(demand.alternatives) == ("hours",):
                return f"within {demand.hours} h"
            return f"by {ways}, at most {demand.hours} h"
        case Conditional():
            when = ", ".join(str(one).replace("-", " ") for one in demand.when) or "nothing"
            return f"when {when}: {demand_text(rule, demand.demand)}"


def range_text(one: Range, info: RuleInfo) -> str:
    """A range in words."""
    match one.low, one.high:
        case None, None:
            return "any"
        case low, None:
            return f"at least {_count(low or 0, info)}"
        case None, high:
            return f"at most {_count(high or 0, info)}"
        case low, high:
            return f"{low} to {_count(high or 0, info)}"


def _count(value: int, info: RuleInfo) -> str:
    return f"{value} {info.unit}" if info.unit else str(value)


def _words(values: tuple[str, ...]) -> str:
    return ", ".join(values) or "nothing"


_ANSWERS = {
    Answer.EQUAL: "the same",
    Answer.STRICTER: "stricter",
    Answer.WEAKER: "weaker",
    Answer.INCOMPARABLE: "neither the one nor the other, so that a person decides",
}


def answer_text(
    rule: str, answer: Answer, ours: Demand | None, theirs: Demand | None, names: tuple[str, str]
) -> str:
    """A sentence for one line of a comparison."""
    about = RULES[rule].about
    subject = about[0].upper() + about[1:]
    our, their = names
    return (
        f"{subject}: {our} says “{demand_text(rule, ours)}”, {their} “{demand_text(rule, theirs)}”: "
        f"{_ANSWERS[answer]}."
    )
