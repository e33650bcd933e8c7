"""What is in force on a day: a pack with what it takes over from those above it, and the laws that it is under.

Downwards only tightening is allowed. What does not tighten, and what nothing can keep together, is told and never
resolved here: the pack's own value stands, so that everybody sees it.
"""

from __future__ import annotations

import datetime
import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bwc_sdk.errors import PolicyError
from bwc_sdk.policy.catalogue import RULES
from bwc_sdk.policy.demands import Conditional, Demand, Forbidden, MustInclude, OnlyFrom
from bwc_sdk.policy.order import Answer, Conflict, canonical, compare, join, meets
from bwc_sdk.policy.pack import Category, Citation, Pack, Rule, Status, canonical_json
from bwc_sdk.policy.reading import Library
from bwc_sdk.policy.vocabulary import Family
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
    firm: Demand | None
    """What of it is asked for by rules that somebody looked up, here or above: only that can block."""

    @property
    def status(self) -> Status:
        """The least sure of them."""
        order = list(Status)
        return max((one.rule.status for one in self.stated), key=order.index, default=Status.VERIFIED)

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
    def inputs_sha256(self) -> str:
        """SHA-256 of all that went into it: the packs, and the day."""
        made_of = [self.on.isoformat(), [[one.id, one.sha256] for one in self.packs]]
        return hashlib.sha256(canonical_json(made_of)).hexdigest()

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

    @property
    def firm(self) -> Effective:
        """The same policy without what nobody looked up: what is wrong by it blocks, all else warns."""
        rules = {
            name: InForce(
                one.firm,
                tuple(each for each in one.stated if each.rule.status is not Status.RECALLED),
                one.firm,
            )
            for name, one in self.rules.items()
            if one.firm is not None
        }
        return replace(self, rules=rules, remarks=tuple(one for one in self.remarks if not one.recalled))

    def demand(self, rule: str) -> Demand | None:
        """What a rule asks for, or None."""
        found = self.rules.get(rule)
        return None if found is None else found.demand


def effective(pack: Pack, on: datetime.date, library: Library) -> Effective:
    """What is in force of a pack on a day. Raises `PolicyError` where a parent or a law is not to be had."""
    return _Walk(on, library).of(pack, ())


@dataclass(frozen=True, slots=True)
class _Walk:
    """From a pack to all that are above it; each is looked at once, however many ways lead to it."""

    on: datetime.date
    library: Library
    done: dict[str, Effective] = field(default_factory=dict)

    def of(self, pack: Pack, below: tuple[str, ...]) -> Effective:
        if pack.id in below:
            raise PolicyError((f"{pack.id}: is above itself: {' under '.join((*below, pack.id))}",))
        if len(below) >= LEVELS_MAX:
            raise PolicyError((f"{pack.id}: more than {LEVELS_MAX} packs above one another",))
        if pack.sha256 not in self.done:
            self.done[pack.sha256] = self._of(pack, (*below, pack.id))
        return self.done[pack.sha256]

    def _of(self, pack: Pack, path: tuple[str, ...]) -> Effective:
        above: list[Effective] = []
        if pack.parent is not None:
            above.append(self.of(self.library.find(pack.parent, pack.parent_sha256), path))
        above += [self.of(self.library.find(law), path) for law in pack.laws]
        remarks: list[Remark] = []
        if not pack.in_force(self.on):
            remarks.append(Remark(Trouble.NOT_IN_FORCE, "", f"{pack.id} is not in force on {self.on}."))
        remarks += [remark for one in above for remark in one.remarks]
        every = {(one.id, one.sha256): one for one in (pack, *(each for one in above for each in one.packs))}
        packs = tuple(every.values())

        rules: dict[str, InForce] = {}
        stated = pack.rules_on(self.on)
        for name in RULES:
            asked = [one.rules[name] for one in above if name in one.rules]
            taken, conflict = _together(name, asked)
            if conflict is not None:
                remarks.append(conflict)
            own = stated.get(name)
            if own is None:
                if taken is not None:
                    rules[name] = taken
                continue
            demand = resolved(pack.asks(own), RULES[name].words, packs)
            hearsay = own.status is Status.RECALLED
            firm = demand if not hearsay else None if taken is None else taken.firm
            rules[name] = InForce(demand, (Stated(pack.id, own, demand),), firm)
            remarks += [
                _loosens(name, pack.id, rules[name], upper)
                for upper in asked
                if not meets(demand, upper.demand)
            ]
        return Effective(pack, self.on, rules, tuple(dict.fromkeys(remarks)), packs)


def resolved(demand: Demand | None, family: Family | None, packs: Sequence[Pack]) -> Demand | None:
    """A demand whose words of other packs are what those packs say that they map to."""
    if demand is None or family is None:
        return demand
    inner = demand.demand if isinstance(demand, Conditional) else demand
    assert isinstance(inner, MustInclude | Forbidden | OnlyFrom)
    values = tuple(resolved_word(word, family, packs) for word in inner.values)
    spelt = inner.model_copy(update={"values": values})
    whole = demand.model_copy(update={"demand": spelt}) if isinstance(demand, Conditional) else spelt
    return canonical(whole)


def resolved_word(word: str, family: Family, packs: Sequence[Pack]) -> str:
    """A word, followed from pack to pack: one that maps to another pack's own is what that one maps to."""
    known = {
        f"{pack.id}/{own.number}": own.maps_to
        for pack in reversed(packs)
        for own in pack.own_words
        if own.family is family and own.maps_to
    }
    for _ in range(len(known) + 1):  # a circle of packs that map to one another ends somewhere
        word = known.get(word, word)
    return word


def _together(name: str, asked: Sequence[InForce]) -> tuple[InForce | None, Remark | None]:
    """What keeps all of them; and a remark where nothing does, beside the first that stands."""
    taken: InForce | None = None
    conflict = ""
    firm_conflict = False
    for one in asked:
        if taken is None:
            taken = one
            continue
        firm, firm_why = _joined(taken.firm, one.firm)
        firm_conflict |= bool(firm_why)
        demand, why = _joined(taken.demand, one.demand)
        if why:
            conflict = why
            continue
        if demand == canonical(taken.demand):
            taken = replace(taken, firm=firm)
        elif demand == canonical(one.demand):
            taken = replace(one, firm=firm)
        else:
            taken = InForce(demand, (*taken.stated, *one.stated), firm)
    if not conflict:
        return taken, None
    return taken, _conflict(name, asked, conflict, recalled=not firm_conflict)


def _joined(one: Demand | None, other: Demand | None) -> tuple[Demand | None, str]:
    try:
        return join(one, other), ""
    except Conflict as error:
        return one, str(error)


def _conflict(name: str, asked: Sequence[InForce], why: str, *, recalled: bool) -> Remark:
    said = "; ".join(f"{', '.join(one.packs)}: {demand_text(name, one.demand)}" for one in asked)
    about = RULES[name].about
    sentence = f"{about[0].upper()}{about[1:]}: {why} ({said}). A person has to decide."
    return Remark(Trouble.CONFLICT, name, sentence, recalled=recalled)


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
        recalled=meets(own.demand, upper.firm),
    )
