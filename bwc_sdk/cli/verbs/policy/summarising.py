"""`bwc policy summarise` and `bwc policy report`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.arguments.policy.options import (
    Against,
    DenyLists,
    HtmlFile,
    MarkdownFile,
    On,
    PackName,
    Packs,
    Roots,
    Shifts,
    Stores,
    WaiverFiles,
    day_of,
    pack_of,
    require_policy,
    tell,
    whom,
)
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb
from bwc_sdk.cli.verbs.policy.comparing import compared
from bwc_sdk.errors import InvalidValue

if TYPE_CHECKING:
    import datetime

    from bwc_sdk.policy.figures import Figures


@local_verb
def summarise(
    settings: Settings,
    output: Output,
    pack: PackName,
    against: Against,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="FILE", readable=False, help="File to write to, such as north.summary."
        ),
    ],
    store: Stores = None,
    shifts: Shifts = None,
    check: Annotated[
        list[Path] | None,
        typer.Option(
            "--check",
            metavar="FILE",
            readable=False,
            help="What 'bwc policy check PACK --device URI --json' printed of a camera; several times for several.",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures",
            metavar="FILE",
            readable=False,
            help="Cameras planned and issued by site and phase, and training (TOML).",
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(
            "--roster",
            metavar="FILE",
            readable=False,
            help="Roster of 'bwc provision': how many officers there are, and are trained; no name is told.",
        ),
    ] = None,
    on: On = None,
    packs: Packs = None,
    waiver: WaiverFiles = None,
    root: Roots = None,
    deny_list: DenyLists = None,
) -> None:
    """Sign what an agency tells its department: how its policy stands to the department's, and counts.

    No footage leaves it, no name of a person, no camera: numbers of recordings, findings and cameras alone. An auditor
    of the agency signs (role 'auditor'). 'bwc policy report' puts the summaries of several agencies side by side.
    """
    day = day_of(on)
    found = compared(settings, pack, against, day, packs, waiver, root, deny_list)
    from bwc_protocol.declare import Role
    from bwc_sdk.identity.document_files import require_new, write_document
    from bwc_sdk.policy.figures import doubtful, read_figures
    from bwc_sdk.policy.shift_times import read_shift_times
    from bwc_sdk.policy.summary import configured_by, sign_summary
    from bwc_sdk.policy.summary import summarise as make
    from bwc_sdk.policy.whole_check import check_all

    require_new(out)
    given = read_figures(figures) if figures is not None else None
    if roster is not None:
        given = _with_roster(given, roster, day)
    times = read_shift_times(shifts) if shifts is not None else None
    summary = make(
        found,
        checked=check_all(found.ours, store, shifts=times) if store else None,
        configured=configured_by(check, found.ours.pack.sha256) if check else None,
        figures=given,
    )
    identity = identity_to_sign(settings, Role.AUDITOR, None)
    if found.lab and not identity.lab:
        raise InvalidValue(
            "a waiver that counts here is of a lab, and an agency's summary would not say so",
            advice="leave it out, or name the department's by --root",
        )
    write_document(out, sign_summary(identity, summary, int(time.time())))
    doubts = () if given is None else doubtful(given)
    for one in doubts:
        output.note(f"signed, and is that right? {one}")
    output.show(
        {
            "file": str(out),
            "by": identity.name,
            "summary": summary.model_dump(mode="json"),
            "doubts": list(doubts),
        },
        Facts(
            "summary",
            [
                fact("agency", summary.agency.id),
                fact("verdict", str(summary.verdict)),
                fact("recordings", None if summary.recordings is None else summary.recordings.recordings),
                fact("by", identity.name),
                fact("file", str(out)),
            ],
        ),
    )


def _with_roster(given: Figures | None, roster: Path, day: datetime.date) -> Figures:
    """The figures with training as the roster has it. Raises `RosterError`, `HostFileError`, `BadParameter`."""
    from bwc_sdk.policy.figures import Figures, Training
    from bwc_sdk.provisioning.roster import read_roster

    if given is not None and given.training is not None:
        raise typer.BadParameter(
            "--roster and [training] of --figures say the same thing twice: give one of them"
        )
    active = [one for one in read_roster(roster).members if one.active(day)]
    valid = sum(one.training_until is not None and one.training_until >= day for one in active)
    training = Training(officers=len(active), valid=valid)
    return Figures(figures=1, sites=() if given is None else given.sites, training=training)


@local_verb
def report(
    settings: Settings,
    output: Output,
    directories: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", readable=False, help="Directories with summaries (*.summary)."),
    ],
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="PACK",
            help="The department's policy: who compared with another version is told.",
        ),
    ] = None,
    root: Annotated[
        list[Path] | None,
        typer.Option(
            "--root",
            metavar="FILE",
            readable=False,
            help="Root certificates of the agencies; several times for several. Without: those of --identity, or "
            "of what is configured here; a lab's count by --lab alone.",
        ),
    ] = None,
    deny_list: DenyLists = None,
    on: On = None,
    packs: Packs = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
) -> int:
    """The department's view: which agencies meet or exceed its policy, cameras issued against the plan by site and
    phase, training, late offloads, drift.

    Only summaries count that somebody signed who is believed, and of each agency the newest. Exits with 0 only when
    every agency meets or exceeds, by one version of the department's policy, and no summary was refused; else with 22.
    """
    require_policy()
    from bwc_sdk.policy.auditor_signed import LAB, signer_text
    from bwc_sdk.policy.department import document, read_report
    from bwc_sdk.policy.department_page import page

    believed, denied = whom(settings, root, deny_list)
    department = pack_of(against, packs)[0] if against is not None else None
    found = read_report(directories, believed, on=day_of(on), department=department, denied=denied)
    if not found.agencies and not found.refused:
        output.note(f"no summary (*.summary) lies in {', '.join(map(str, directories))}")
    tell(
        output,
        document(found),
        page(found),
        Facts(
            "report",
            [
                fact("meets", found.meets),
                *([fact("signed by", LAB)] if found.lab else []),
                fact("agencies", len(found.agencies)),
                fact("refused", len(found.refused)),
                fact("on", found.on.isoformat()),
            ],
        ),
        Rows(
            title="agencies",
            headings=["agency", "verdict", "planned", "issued", "late", "drifted", "signed by"],
            plain=[
                [
                    one.summary.agency.id,
                    str(one.summary.verdict),
                    sum(site.planned for site in one.summary.sites) if one.summary.sites else None,
                    sum(site.issued for site in one.summary.sites) if one.summary.sites else None,
                    None if one.summary.recordings is None else one.summary.recordings.late,
                    None if one.summary.configured is None else one.summary.configured.drifted,
                    signer_text(one.signer.name, one.signer.lab),
                ]
                for one in found.agencies
            ],
            section="agencies",
        ),
        Rows(
            title="refused",
            headings=["file", "why"],
            plain=[[one.file, one.why] for one in found.refused],
            section="refused",
        ),
        markdown=markdown,
        html=html,
    )
    return ExitCode.SUCCESS if found.meets else ExitCode.NOT_MET
