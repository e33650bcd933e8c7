"""A comparison of two policies as a page for people."""

from __future__ import annotations

from typing import Final

from bwc_sdk.policy.auditor_signed import LAB
from bwc_sdk.policy.comparison import QUERY_VERSION, Difference, Row, Verdict, document
from bwc_sdk.policy.inheritance import InForce
from bwc_sdk.policy.order import Answer
from bwc_sdk.policy.page import Bar, Page, Plot, Table, Tone, counted
from bwc_sdk.policy.waivers import Waived
from bwc_sdk.policy.wording import demand_text

VERDICTS: Final = {
    Verdict.EXCEEDS: "Meets or exceeds: every rule is the same or stricter",
    Verdict.MEETS: "Meets: every rule is the same",
    Verdict.MEETS_BY_WAIVER: "Meets or exceeds but for what is waived",
    Verdict.FALLS_SHORT: "Falls short",
}
ONLY_WARNS: Final = "only recalled: warns"
_TONES: Final = {
    Answer.EQUAL: Tone.GOOD,
    Answer.STRICTER: Tone.GOOD,
    Answer.WEAKER: Tone.BAD,
    Answer.INCOMPARABLE: Tone.BAD,
}


def page(found: Difference) -> Page:
    """The page."""
    facts = [
        ("policy", f"{found.ours.pack.id} ({found.ours.pack.title})"),
        ("against", f"{found.theirs.pack.id} ({found.theirs.pack.title})"),
        ("as in force on", found.on.isoformat()),
        *([("to be met from", found.due.isoformat())] if found.due else []),
        ("SHA-256 of the inputs", str(document(found)["inputs_sha256"])),
        ("query", f"policy-diff, version {QUERY_VERSION}"),
    ]
    notes = ["'recalled' marks what nobody looked up: as a demand it warns, and never blocks."]
    notes += [pack.note for pack in (found.ours.pack, found.theirs.pack) if pack.note]
    verdict = found.verdict
    tone = Tone.BAD if verdict is Verdict.FALLS_SHORT else Tone.GOOD
    plot = Plot(
        "Rules by answer",
        [_bar(found, one) for one in Answer],
    )
    return Page(
        f"{found.ours.pack.id} against {found.theirs.pack.id}",
        _headline(found),
        Tone.WARNS if verdict is Verdict.MEETS_BY_WAIVER or (found.meets and found.warnings) else tone,
        facts,
        [plot],
        [_rules(found), _remarks(found), _waivers(found)],
        notes,
    )


def _headline(found: Difference) -> str:
    said = f"{LAB} a waiver. {VERDICTS[found.verdict]}" if found.lab else VERDICTS[found.verdict]
    if not found.meets or not found.warnings:
        return said
    short = sum(row.only_warns for row in found.rows)
    what = f"{counted(short, 'rule')} short of" if short else f"{counted(found.warnings, 'remark')} on"
    said = said.removesuffix(": every rule is the same")
    return f"{said}, with a warning: {what} what is only recalled"


def _bar(found: Difference, answer: Answer) -> Bar:
    rows = [row for row in found.rows if row.answer is answer]
    warns = bool(rows) and all(row.short and not row.blocks for row in rows)
    return Bar(str(answer), len(rows), Tone.WARNS if warns else _TONES[answer])


def shortest_first(found: Difference) -> list[Row]:
    """What falls short, then what is incomparable, then the rest; of each what blocks before what does not."""
    order = (Answer.WEAKER, Answer.INCOMPARABLE)
    return sorted(
        found.rows,
        key=lambda row: (order.index(row.answer) if row.answer in order else len(order), not row.blocks),
    )


def _rules(found: Difference) -> Table:
    return Table(
        "Rule by rule",
        ["answer", "rule", found.ours.pack.id, found.theirs.pack.id, "what it says"],
        [
            [
                answer_shown(row),
                row.rule,
                _side(row.rule, row.ours),
                _side(row.rule, row.theirs),
                row.sentence,
            ]
            for row in shortest_first(found)
        ],
        [_tone(row) for row in shortest_first(found)],
    )


def answer_shown(row: Row) -> str:
    """The answer, and what it does."""
    if row.waived is not None:
        return f"{row.answer}, {_waived(row.waived)}"
    return f"{row.answer} ({ONLY_WARNS})" if row.only_warns else str(row.answer)


def sentence_shown(row: Row) -> str:
    """The sentence, and why a rule that is weaker does not block: where the answer is to stay one word."""
    if row.waived is not None:
        return f"{row.sentence} ({_waived(row.waived)})"
    return f"{row.sentence} ({ONLY_WARNS})" if row.only_warns else row.sentence


def _waived(one: Waived) -> str:
    return f"waived until {one.until} by {one.by}: {one.reason}"


def sources_shown(row: Row) -> str:
    """Where both sides stand, and how sure that is."""
    sides = (("ours", row.ours), ("theirs", row.theirs))
    return "; ".join(
        f"{name}: {', '.join(map(str, one.citations))} ({one.status})"
        for name, one in sides
        if one is not None
    )


def _tone(row: Row) -> Tone:
    if row.short and not row.blocks:
        return Tone.WARNS
    return _TONES[row.answer]


def _side(rule: str, one: InForce | None) -> str:
    if one is None:
        return "nothing"
    cited = "; ".join(str(citation) for citation in one.citations)
    return f"{demand_text(rule, one.demand)} ({one.status}: {cited})"


def _remarks(found: Difference) -> Table:
    return Table(
        "What a person has to look at",
        ["what", "rule", "why"],
        [[str(one.trouble), one.rule or "-", one.sentence] for one in found.remarks],
        [Tone.WARNS if one.recalled else Tone.BAD for one in found.remarks],
    )


def _waivers(found: Difference) -> Table:
    return Table(
        "Waivers",
        ["file", "rule", "holds", "why"],
        [
            [
                one.file,
                one.waived.rule,
                "yes",
                f"until {one.waived.until} by {one.waived.by}: {one.waived.reason}",
            ]
            if one.waived
            else [one.file, "-", "no", one.why_not]
            for one in found.waivers
        ],
        empty="None was given.",
    )
