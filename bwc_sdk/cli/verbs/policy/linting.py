"""`bwc policy lint` and `bwc policy compile`."""

from __future__ import annotations

from typing import Annotated

import typer

from bwc_sdk.cli.arguments.policy.options import (
    HtmlFile,
    MarkdownFile,
    On,
    PackName,
    Packs,
    effective_of,
    tell,
    told_files,
    write_reports,
)
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb


@local_verb
def lint(
    settings: Settings,
    output: Output,
    pack: PackName,
    on: On = None,
    packs: Packs = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
) -> int:
    """What is wrong with a policy by itself: rules that undo one another, and what audits have found to be missing.

    Each finding says which rule it is about, what follows, and what to do. Exits with 22 if there is an error; warnings
    and notes are for whoever reads them. What rests on a rule that is only recalled is never an error.
    """
    policy = effective_of(pack, on, packs)
    from bwc_sdk.policy.linter import lint as look
    from bwc_sdk.policy.policy_fault import Severity
    from bwc_sdk.policy.policy_page import lint_document, lint_page

    faults = look(policy)
    tell(
        output,
        lint_document(policy, faults),
        lint_page(policy, faults),
        Rows(
            title="findings",
            headings=["severity", "code", "rule", "what follows", "what to do"],
            plain=[[str(one.severity), one.code, one.rule or "-", one.sentence, one.todo] for one in faults],
            empty="nothing is wrong with it",
        ),
        markdown=markdown,
        html=html,
    )
    wrong = any(one.severity is Severity.ERROR for one in faults)
    return ExitCode.NOT_MET if wrong else ExitCode.SUCCESS


@local_verb
def compile_(
    settings: Settings,
    output: Output,
    pack: PackName,
    on: On = None,
    packs: Packs = None,
    toml: Annotated[
        bool,
        typer.Option(
            "--toml", help="Only the profile, as a file for 'bwc config apply' or 'bwc desired sign'."
        ),
    ] = False,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
) -> None:
    """What follows from a policy: the cameras' profile, categories, retention, deadlines, and what is looked at when a
    camera is given out; and which rules no device can hold.

    Nothing follows while 'bwc policy lint' finds an error.
    """
    policy = effective_of(pack, on, packs)
    from bwc_sdk.policy.compiling import compile_policy, document, gate_command
    from bwc_sdk.policy.policy_page import compile_page

    compiled, found = compile_policy(policy), policy.pack
    written = write_reports(compile_page(compiled), markdown, html)
    told_files(output, written)
    if toml:
        from bwc_sdk.clients.configuration import to_toml

        output.write(f"# Follows from {found.id}, SHA-256 {found.sha256}.")
        output.write(to_toml(compiled.profile).rstrip("\n"))
        return
    held = (
        ("deadlines", compiled.deadlines),
        ("gate", compiled.gate),
        ("afterwards", compiled.afterwards),
        ("by_people", compiled.by_people),
    )
    output.show(
        document(compiled),
        Facts("pack", [fact("id", found.id), fact("sha256", found.sha256)]),
        Rows(
            title="profile",
            headings=["setting", "value", "rule"],
            plain=[[key, value, compiled.because[key] or "-"] for key, value in compiled.profile.items()],
            section="profile",
        ),
        Rows(
            title="categories",
            headings=["category", "class", "kept"],
            plain=[list(one) for one in compiled.categories],
            section="categories",
        ),
        *(
            Rows(
                title=_TITLES[name],
                headings=["rule", "asks for", "by what"],
                plain=[[one.rule, one.asks, one.how or "-"] for one in rules],
                section=name,
            )
            for name, rules in held
        ),
    )
    output.note(f"before a shift: {gate_command(compiled.policy)}")


_TITLES = {
    "deadlines": "deadlines",
    "gate": "looked at when a camera is given out",
    "afterwards": "looked at on recordings: 'bwc policy check'",
    "by_people": "no device can hold these alone",
}
