"""What is in force on a day: a pack with what it takes over from those above it, and the laws that it is under.

Downwards only tightening is allowed. What does not tighten, and what nothing can keep together, is told and never
resolved here: the pack's own value stands, so that everybody sees it.
"""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass, field
from typing import Final

from bwc_sdk.errors import PolicyError
from bwc_sdk.policy.catalogue import RULES
from bwc_sdk.policy.demands import Demand
from bwc_sdk.policy.order import Answer, Conflict, compare, join, meets
from bwc_sdk.policy.pack import Category, Citation, Pack, Rule, Status
from bwc_sdk.policy.reading import Library
from bwc_sdk.policy.wording import demand_text

LEVELS_MAX: Final = 8
"""Packs above one another: department, agency and unit are three."""


class Trouble(enum.StrEnum):
    """What is wrong with an inheritance."""

    LOOSENS = "loosens"
    """A pack asks for less than one above it."""
    UNDECIDED = "undecided"
    """A pack asks for something else than one above it: neither more nor less."""
    CONFLICT = "conflict"
    """Nothing keeps all that is asked for."""
    NOT_IN_FORCE = "not-in-force"
    """A pack holds not on that day."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A rule as a pack states it."""

    pack: str
    rule: Rule
    demand: Demand | None


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds for one rule: what is asked for, and who says so."""

    demand: Demand | None
    stated: tuple[Stated, ...]
    """Whose words it is; several where each asks for a part."""

    @property
    def status(self) -> Status:
        """The least sure of them."""
        order = list(Status)
        return max((one.rule.status for one in self.stated), key=order.index)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Where it stands."""
        return tuple(one.rule.citation for one in self.stated)

    @property
    def packs(self) -> tuple[str, ...]:
        """The packs that say so."""
        return tuple(one.pack for one in self.stated)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about an inheritance that a person has to look at."""

    trouble: Trouble
    rule: str
    """Its id; "" where it is about a pack."""
    sentence: str
    upper: str = ""
    """The pack above, where there is one that is not kept."""
    recalled: bool = False
    """It rests on a rule that nobody looked up: it warns, and never blocks."""


@dataclass(frozen=True, slots=True)
class Effective:
    """A policy as it is in force on a day."""

    pack: Pack
    on: datetime.date
    rules: dict[str, InForce]
    """In the order of the catalogue."""
    remarks: tuple[Remark, ...] = ()
    packs: tuple[Pack, ...] = field(default=())
    """All that went into it, this one first."""

    @property
    def settings(self) -> dict[str, bool | int | str]:
        """Settings that follow from no rule, the nearest pack's last word."""
        found: dict[str, bool | int | str] = {}
        for one in reversed(self.packs):
            found.update(one.settings)
        return found

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories of the nearest pack that has any."""
        return next((one.categories for one in self.packs if one.categories), ())

    @property
    def default_category(self) -> str:
        """The category of what nobody categorised, or nothing."""
        return next((one.default_category for one in self.packs if one.default_category), "")

    def demand(self, rule: str) -> Demand | None:
        """What a rule asks for, or None."""
        found = self.rules.get(rule)
        return None if found is None else found.demand


def effective(pack: Pack, on: datetime.date, library: Library) -> Effective:
    """What is in force of a pack on a day. Raises `PolicyError` where a parent or a law is not to be had."""
    return _effective(pack, on, library, ())


def _effective(pack: Pack, on: datetime.date, library: Library, below: tuple[str, ...]) -> Effective:
    if pack.id in below:
        raise PolicyError((f"{pack.id}: is above itself: {' under '.join((*below, pack.id))}",))
    if len(below) >= LEVELS_MAX:
        raise PolicyError((f"{pack.id}: more than {LEVELS_MAX} packs above one another",))
    remarks = []
    if not pack.in_force(on):
        remarks.append(Remark(Trouble.NOT_IN_FORCE, "", f"{pack.id} is not in force on {on}."))
    path = (*below, pack.id)
    above: list[Effective] = []
    if pack.parent is not None:
        above.append(_effective(library.find(pack.parent, pack.parent_sha256), on, library, path))
    above += [_effective(library.find(law), on, library, path) for law in pack.laws]
    for one in above:
        remarks += [remark for remark in one.remarks if remark not in remarks]

    stated = pack.rules_on(on)
    rules: dict[str, InForce] = {}
    for name in RULES:
        asked = [one.rules[name] for one in above if name in one.rules]
        taken, conflict = _together(asked)
        if conflict:
            remarks.append(_conflict(name, asked, conflict))
        own = stated.get(name)
        if own is None:
            if taken is not None:
                rules[name] = taken
            continue
        demand = pack.asks(own)
        rules[name] = InForce(demand, (Stated(pack.id, own, demand),))
        for upper in asked:
            if not meets(demand, upper.demand):
                remarks.append(_loosens(name, pack.id, rules[name], upper))
    packs = list(
        dict.fromkeys((pack.id, pack.sha256) for pack in (pack, *(p for a in above for p in a.packs)))
    )
    known = {(one.id, one.sha256): one for one in (pack, *(p for a in above for p in a.packs))}
    return Effective(pack, on, rules, tuple(remarks), tuple(known[key] for key in packs))


def _together(asked: list[InForce]) -> tuple[InForce | None, str]:
    """What keeps all of them, and why there is nothing that does."""
    taken: InForce | None = None
    conflict = ""
    for one in asked:
        if taken is None:
            taken = one
            continue
        try:
            demand = join(taken.demand, one.demand)
        except Conflict as error:
            conflict = str(error)
            continue  # the first one stands, beside the remark
        if demand == taken.demand:
            continue
        taken = one if demand == one.demand else InForce(demand, (*taken.stated, *one.stated))
    return taken, conflict


def _conflict(name: str, asked: list[InForce], why: str) -> Remark:
    said = "; ".join(f"{', '.join(one.packs)}: {demand_text(name, one.demand)}" for one in asked)
    about = RULES[name].about
    return Remark(
        Trouble.CONFLICT,
        name,
        f"{about[0].upper()}{about[1:]}: {why} ({said}). A person has to decide.",
        recalled=any(one.status is Status.RECALLED for one in asked),
    )


def _loosens(name: str, pack: str, own: InForce, upper: InForce) -> Remark:
    undecided = compare(own.demand, upper.demand) is Answer.INCOMPARABLE
    about = RULES[name].about
    how = "neither more nor less" if undecided else "less"
    return Remark(
        Trouble.UNDECIDED if undecided else Trouble.LOOSENS,
        name,
        f"{about[0].upper()}{about[1:]}: {pack} says “{demand_text(name, own.demand)}”, "
        f"{', '.join(upper.packs)} above it “{demand_text(name, upper.demand)}”: that is {how}, "
        "and only more is allowed.",
        upper=upper.packs[0],
        recalled=upper.status is Status.RECALLED,
    )
