"""`bwc evidence export PATH... --to DIR`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb
from bwc_sdk.cli.verbs.evidence.decrypting import Keys
from bwc_sdk.cli.verbs.evidence.deriving import By, user_name
from bwc_sdk.cli.verbs.evidence.find import (
    Begin,
    CameraName,
    CameraTime,
    Case,
    Category,
    Event,
    Held,
    Officer,
    question,
)
from bwc_sdk.cli.verbs.evidence.verify import DenyListFile, Roots, showing_progress

if TYPE_CHECKING:
    from bwc_sdk.evidence.statements import Believed


@local_verb
def export(
    settings: Settings,
    output: Output,
    paths: Annotated[
        list[Path],
        typer.Argument(
            readable=False, metavar="PATH...", help="Stores, or files in one: those recordings alone."
        ),
    ],
    to: Annotated[
        Path, typer.Option("--to", readable=False, metavar="DIR", help="The bag: nothing may be there yet.")
    ],
    recording: Annotated[
        list[str] | None,
        typer.Option(
            "--recording",
            metavar="RECORDING",
            help="Number, first digits of the id, or stored name; repeatable.",
        ),
    ] = None,
    officer: Officer = None,
    begin: Begin = None,
    end: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="Footage up to then; a day with all its hours."),
    ] = None,
    case: Case = None,
    held: Held = False,
    category: Category = None,
    event: Event = None,
    camera: CameraName = None,
    camera_time: CameraTime = False,
    recipient: Annotated[
        list[Path] | None,
        typer.Option(
            "--recipient",
            readable=False,
            metavar="CERT",
            help="Certificate of somebody who is to open what is encrypted; repeatable.",
        ),
    ] = None,
    decrypt: Annotated[
        bool, typer.Option("--decrypt", help="Also put plain films of what is encrypted beside it.")
    ] = False,
    derived_only: Annotated[
        bool, typer.Option("--derived-only", help="Registered copies alone, without their originals.")
    ] = False,
    given_to: Annotated[
        str, typer.Option("--for", metavar="TEXT", help="To whom it goes, for the custody record.")
    ] = "",
    by: By = None,
    organization: Annotated[
        str | None,
        typer.Option(
            "--organization", metavar="TEXT", help="Whose recordings they are; else the agency of the root."
        ),
    ] = None,
    key: Keys = None,
    root: Roots = None,
    deny_list: DenyListFile = None,
) -> int:
    """Give recordings away as a bag (BagIt, RFC 8493), with all that it takes to verify them off line.

    Without a question all of the stores. What is encrypted stays so, and opens for the agency's recipients; for each
    --recipient the content keys are wrapped anew, and --decrypt adds plain films: both take a key (--key, the
    identity's, or the lab's). left-out.csv says what is not in it and why, README.txt how to verify it. The stores keep
    a record of it, which their custody chain names. The bag gets its name when it is whole, and replaces nothing. Exits
    with 14 if something of it is not what was recorded: it goes out as it is.
    """
    from bwc_sdk.cli.running.on_camera import ask_on_terminal
    from bwc_sdk.destination.export import Asked
    from bwc_sdk.destination.export import export as exported
    from bwc_sdk.evidence.believing import whom_to_believe
    from bwc_sdk.evidence.findings import Severity, Verdict
    from bwc_sdk.evidence.recipient_keys import keys_at_hand
    from bwc_sdk.evidence.search import Wanted
    from bwc_sdk.identity.ca.agency_file import read_certificates

    wanted = question(officer, begin, end, case, held, category, event, camera, by_camera=camera_time)
    believed = (
        None
        if settings.allow_insecure
        else whom_to_believe(
            roots=tuple(root or ()), identity=settings.identity, lab=settings.lab, deny_list=deny_list
        )
    )
    asked = Asked(
        recordings=tuple(recording or ()),
        wanted=None if wanted == Wanted() else wanted,
        recipients=tuple(read_certificates(path)[0] for path in recipient or ()),
        decrypt=decrypt,
        derived_only=derived_only,
        given_to=given_to,
        by=by or user_name(),
        organization=_agency(believed) if organization is None else organization,
    )
    keys = partial(keys_at_hand, key or (), settings.identity, lab=settings.lab, ask=ask_on_terminal)
    with showing_progress(output) as progress:
        done = exported(paths, to, asked, keys=keys, believed=believed, progress=progress)
    document = done.document
    output.show(
        document | {"bag": str(done.path), "left_out_reasons": list(done.left_out)},
        Facts(
            "export",
            [
                fact("bag", str(done.path)),
                fact("recordings", len(document["recordings"])),
                fact("verdict", str(done.report.verdict)),
                fact("given_to", given_to, given_to or "nobody is named"),
                fact("recipients", tuple(one["name"] for one in document["recipients"])),
                fact("decrypted", decrypt),
                fact("left_out", done.left_out),
            ],
        ),
    )
    for one in done.report.findings:
        if one.severity is Severity.ERROR:
            output.note(f"{one.kind}: {one.file}: {one.detail}")
    findings = done.report.verdict is Verdict.FINDINGS
    return ExitCode.EVIDENCE_MISMATCH if findings else ExitCode.SUCCESS


def _agency(believed: Believed | None) -> str:
    """Whose recordings they are, by the root."""
    if believed is None:
        return ""
    from bwc_protocol.certificates.facts import read_certificate

    return read_certificate(believed.roots[0]).agency
