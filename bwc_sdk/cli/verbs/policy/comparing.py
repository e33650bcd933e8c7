"""`bwc policy diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bwc_sdk.cli.arguments.policy.options import (
    Against,
    DenyLists,
    HtmlFile,
    MarkdownFile,
    On,
    PackName,
    Packs,
    Roots,
    WaiverFiles,
    day_of,
    pack_of,
    tell,
    whom,
)
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb

if TYPE_CHECKING:
    import datetime

    from bwc_sdk.policy.comparison import Difference

WAIVERS_MAX = 1_000
"""Files of a directory that are looked at: a department with ten agencies has some dozens."""


@local_verb
def diff(
    settings: Settings,
    output: Output,
    pack: PackName,
    against: Against,
    on: On = None,
    packs: Packs = None,
    waiver: WaiverFiles = None,
    root: Roots = None,
    deny_list: DenyLists = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
) -> int:
    """Whether one policy meets or exceeds another, rule by rule.

    Each rule is equal, stricter, weaker or incomparable, with both values and both sources. Exits with 0 only when no
    rule is weaker or incomparable (a waiver may let one be), and nothing is in conflict; with 22 otherwise. What is
    asked for by a rule that is only recalled warns, and never blocks. A rule that PACK does not have is weaker, unless
    it takes it over from its parent.
    """
    found = compared(settings, pack, against, day_of(on), packs, waiver, root, deny_list)
    from bwc_sdk.policy.comparison import document
    from bwc_sdk.policy.comparison_page import page

    tell(output, document(found), page(found), *_shown(found), markdown=markdown, html=html)
    for use in found.waivers:
        if use.waived is None:
            output.note(f"waives nothing: {use.file}: {use.why_not}")
    return ExitCode.SUCCESS if found.meets else ExitCode.NOT_MET


def compared(
    settings: Settings,
    name: str,
    against: str,
    on: datetime.date,
    packs: list[Path] | None,
    waivers: list[Path] | None = None,
    roots: list[Path] | None = None,
    deny_lists: list[Path] | None = None,
) -> Difference:
    """The comparison that the options ask for. Raises `PolicyError`, `HostFileError`, `IdentityError`."""
    ours, library = pack_of(name, packs)
    theirs, other = pack_of(against, packs)
    from bwc_sdk.policy.comparison import difference
    from bwc_sdk.policy.inheritance import effective

    uses = []
    if waivers:
        from bwc_sdk.policy.waivers import WAIVER_MAX, look_at_waiver

        believed, denied = whom(settings, roots, deny_lists)
        for file in _files(waivers):
            data = _read(file, WAIVER_MAX)
            uses.append(
                look_at_waiver(
                    data, file.name, believed, agency=ours.id, department=theirs.id, on=on, denied=denied
                )
            )
    library.also(theirs)
    return difference(effective(ours, on, library), effective(theirs, on, other), uses)


def _files(given: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in given:
        found += (
            sorted(one for one in path.iterdir() if one.is_file())[:WAIVERS_MAX] if path.is_dir() else [path]
        )
    return found


def _read(file: Path, most: int) -> bytes:
    from bwc_sdk.identity.document_files import read_document

    return read_document(file, most)


def _shown(found: Difference) -> list[Facts | Rows]:
    from bwc_sdk.policy.auditor_signed import LAB
    from bwc_sdk.policy.comparison_page import answer_shown, sentence_shown, shortest_first, sources_shown

    rows = shortest_first(found)
    return [
        Facts(
            "policy",
            [
                fact("verdict", str(found.verdict)),
                *([fact("signed by", LAB)] if found.lab else []),
                *([fact("warnings", found.warnings)] if found.warnings else []),
                fact("agency", found.ours.pack.id),
                fact("department", found.theirs.pack.id),
                fact("on", found.on.isoformat()),
            ],
        ),
        Rows(
            title="rules",
            headings=["answer", "rule", "what it says", "sources"],
            plain=[[str(row.answer), row.rule, sentence_shown(row), sources_shown(row)] for row in rows],
            shown=[[answer_shown(row), row.rule, row.sentence, sources_shown(row)] for row in rows],
            section="rules",
        ),
        Rows(
            title="to be looked at",
            headings=["what", "rule", "why"],
            plain=[[str(one.trouble), one.rule, one.sentence] for one in found.remarks],
            section="remarks",
        ),
    ]
