"""Whether one policy meets or exceeds another: rule by rule, on a day."""

from __future__ import annotations

import datetime
import enum
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from bwc_sdk.policy.catalogue import RULES
from bwc_sdk.policy.inheritance import Effective, InForce, Remark, Trouble
from bwc_sdk.policy.order import Answer, compare, meets
from bwc_sdk.policy.pack import Pack, Status, canonical_json
from bwc_sdk.policy.waivers import Waived, WaiverUse, value_sha256
from bwc_sdk.policy.wording import answer_text, demand_text

QUERY_VERSION: Final = 2
"""Raised when the same inputs give another answer than before."""


class Verdict(enum.StrEnum):
    """What the whole comparison comes to."""

    EXCEEDS = "exceeds"
    """Each rule is the same or stricter, and one is stricter."""
    MEETS = "meets"
    """Each rule is the same, or weaker or incomparable where that only warns; then others may be stricter."""
    MEETS_BY_WAIVER = "meets-by-waiver"
    """It does but for rules that somebody waived, for a reason and until a day."""
    FALLS_SHORT = "falls-short"
    """A rule is weaker or cannot be compared, or something is in conflict, and nobody waived it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rule."""

    rule: str
    answer: Answer
    ours: InForce | None
    theirs: InForce | None
    sentence: str
    waived: Waived | None = None

    @property
    def short(self) -> bool:
        """Whether it is weaker or incomparable."""
        return self.answer in (Answer.WEAKER, Answer.INCOMPARABLE)

    @property
    def warns(self) -> bool:
        """Whether it rests on a rule that nobody looked up."""
        return any(one is not None and one.status is Status.RECALLED for one in (self.ours, self.theirs))

    @property
    def only_warns(self) -> bool:
        """Whether it is short of what is asked for by hearsay alone, and nobody waived it."""
        return self.short and not self.blocks and self.waived is None

    @property
    def blocks(self) -> bool:
        """Whether it keeps the policy from meeting the other. What the other asks for by hearsay alone never does."""
        ours = None if self.ours is None else self.ours.demand
        firm = None if self.theirs is None else self.theirs.firm
        return self.short and not meets(ours, firm) and self.waived is None


@dataclass(frozen=True, slots=True)
class Difference:
    """The comparison of two policies."""

    ours: Effective
    theirs: Effective
    rows: tuple[Row, ...]
    remarks: tuple[Remark, ...]
    waivers: tuple[WaiverUse, ...] = ()
    """All that were looked at, and what became of each."""

    @property
    def on(self) -> datetime.date:
        """The day that is looked at."""
        return self.ours.on

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        if any(row.blocks for row in self.rows) or any(_blocks(one) for one in self.remarks):
            return Verdict.FALLS_SHORT
        if any(row.waived for row in self.rows):
            return Verdict.MEETS_BY_WAIVER
        exceeds = any(row.answer is Answer.STRICTER for row in self.rows) and not self.warnings
        return Verdict.EXCEEDS if exceeds else Verdict.MEETS

    @property
    def lab(self) -> str:
        """Id of a lab by whose waiver a rule is let be; of none empty."""
        return next((row.waived.lab for row in self.rows if row.waived is not None and row.waived.lab), "")

    @property
    def meets(self) -> bool:
        """Whether it meets or exceeds."""
        return self.verdict is not Verdict.FALLS_SHORT

    @property
    def warnings(self) -> int:
        """How many rules are short of what is only recalled, and how many remarks are: neither blocks."""
        return sum(row.only_warns for row in self.rows) + sum(one.recalled for one in self.remarks)

    @property
    def due(self) -> datetime.date | None:
        """The day until which the other policy leaves time."""
        pack = self.theirs.pack
        if pack.comply_within_d is None or pack.effective_from is None:
            return None
        return pack.effective_from + datetime.timedelta(days=pack.comply_within_d)


def _blocks(remark: Remark) -> bool:
    return not remark.recalled


def difference(ours: Effective, theirs: Effective, waivers: Iterable[WaiverUse] = ()) -> Difference:
    """Compares two policies as they are in force on one day."""
    given = tuple(waivers)
    valid = {
        (one.waived.rule, one.waived.values_sha256): one.waived for one in given if one.waived is not None
    }
    names = (ours.pack.id, theirs.pack.id)
    rows = []
    for rule in RULES:
        our, their = ours.rules.get(rule), theirs.rules.get(rule)
        if our is None and their is None:
            continue
        a, b = None if our is None else our.demand, None if their is None else their.demand
        answer = compare(a, b)
        short = answer in (Answer.WEAKER, Answer.INCOMPARABLE)
        waived = valid.get((rule, value_sha256(a, b))) if short else None
        rows.append(Row(rule, answer, our, their, answer_text(rule, answer, a, b, names), waived))
    remarks = [*ours.remarks, *(one for one in theirs.remarks if one not in ours.remarks)]
    return Difference(ours, theirs, tuple(rows), tuple(_without_doubles(remarks, rows, theirs)), given)


def _without_doubles(remarks: list[Remark], rows: list[Row], theirs: Effective) -> Iterable[Remark]:
    """A rule that is weaker than the other policy's is told once where that policy is the parent as well."""
    short = {row.rule for row in rows if row.short}
    above = {one.id for one in theirs.packs}
    for one in remarks:
        twice = one.trouble in (Trouble.LOOSENS, Trouble.UNDECIDED) and one.rule in short
        if not (twice and one.upper in above):
            yield one


def document(found: Difference) -> dict[str, Any]:
    """The comparison for machines: the same for the same inputs."""
    inputs = [
        *({"role": "agency", "pack": one.id, "sha256": one.sha256} for one in found.ours.packs),
        *({"role": "department", "pack": one.id, "sha256": one.sha256} for one in found.theirs.packs),
        *({"role": "waiver", "sha256": one.sha256} for one in found.waivers),
    ]
    return {
        "query": {"name": "policy-diff", "version": QUERY_VERSION, "on": found.on.isoformat()},
        "inputs": inputs,
        "inputs_sha256": hashlib.sha256(canonical_json(inputs)).hexdigest(),
        "agency": found.ours.pack.id,
        "department": found.theirs.pack.id,
        "verdict": str(found.verdict),
        "meets": found.meets,
        "lab": found.lab,
        "warnings": found.warnings,
        "due": None if found.due is None else found.due.isoformat(),
        "counts": {str(answer): sum(row.answer is answer for row in found.rows) for answer in Answer},
        "rules": [_row(row) for row in found.rows],
        "remarks": [
            {
                "trouble": str(one.trouble),
                "rule": one.rule,
                "sentence": one.sentence,
                "blocks": _blocks(one),
            }
            for one in found.remarks
        ],
        "waivers": [one.plain() for one in found.waivers],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "rule": row.rule,
        "answer": str(row.answer),
        "blocks": row.blocks,
        "warns": row.warns,
        "sentence": row.sentence,
        "agency": _side(row.rule, row.ours),
        "department": _side(row.rule, row.theirs),
        "waived": None if row.waived is None else row.waived.plain(),
    }


def _side(rule: str, one: InForce | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "value": None if one.demand is None else one.demand.model_dump(mode="json", exclude_none=True),
        "text": demand_text(rule, one.demand),
        "status": str(one.status),
        "packs": list(one.packs),
        "citations": [str(citation) for citation in one.citations],
    }


def packs_of(found: Difference) -> tuple[Pack, ...]:
    """All packs that it rests on."""
    return (*found.ours.packs, *found.theirs.packs)
