"""`bwc evidence verify PATH...`."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, rows_of
from bwc_sdk.cli.printing.text import size
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb

Stores = Annotated[
    list[Path],
    typer.Argument(readable=False, metavar="STORE...", help="Directories that offloads stored into."),
]
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--root", metavar="FILE", help="Root certificates of the agency to believe, such as its agency.pem."
    ),
]
DenyListFile = Annotated[
    Path | None,
    typer.Option(
        "--deny-list", metavar="FILE", help="The agency's deny list; else the one beside the identity."
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="Read everything but the footage itself.")]
CODES: Final = {
    "verified": ExitCode.SUCCESS,
    "verified in part": ExitCode.HASHES_ONLY,
    "hashes only": ExitCode.HASHES_ONLY,
    "findings": ExitCode.EVIDENCE_MISMATCH,
    "empty": ExitCode.USAGE,
}


@local_verb
def verify(
    settings: Settings,
    output: Output,
    stores: Stores,
    root: Roots = None,
    deny_list: DenyListFile = None,
    quick: Quick = False,
) -> int:
    """Whether everything that is stored is what cameras of the agency recorded, and whether anything is missing.

    Believes the roots that --root names, else those of --identity, of --lab, or of what is configured on this host.
    Where there are none it compares hashes alone, says so, and exits with 19. Exits with 14 if anything is not what was
    recorded, or missing: each finding says which file it is about, and what it means.
    """
    from bwc_sdk.evidence.believing import whom_to_believe
    from bwc_sdk.evidence.verify import verify_stores

    believed = (
        None
        if settings.allow_insecure
        else whom_to_believe(
            roots=tuple(root or ()), identity=settings.identity, lab=settings.lab, deny_list=deny_list
        )
    )
    with showing_progress(output) as progress:
        report = verify_stores(stores, believed=believed, quick=quick, progress=progress)
    show(output, report, believes=believed is not None)
    return CODES[report.verdict]


def show(output: Output, report: Any, *, believes: bool) -> None:
    """Prints a report."""
    from bwc_sdk.evidence.findings import Severity, Verdict

    document = {
        "verdict": str(report.verdict),
        "quick": report.quick,
        "recordings": report.recordings,
        "signed": report.signed,
        "segments": report.segments,
        "receipts": report.receipts,
        "receipts_one_site": report.one_site,
        "left_out": report.left_out,
        "bytes_hashed": report.bytes_hashed,
        "cameras": {camera: list(span) for camera, span in report.cameras.items()},
        "findings": [_plain(finding) for finding in report.findings],
    }
    facts = [
        fact("verdict", str(report.verdict)),
        fact("recordings", report.recordings),
        fact("signed", report.signed),
        fact("segments", report.segments),
        fact("receipts", report.receipts),
        fact("bytes_hashed", report.bytes_hashed, size(report.bytes_hashed)),
    ]
    if report.one_site:
        shown = f"{report.one_site}: one host was dock and destination, and nobody else has seen that copy"
        facts.append(fact("receipts_one_site", report.one_site, shown))
    worst = sorted(report.findings, key=lambda finding: list(Severity).index(finding.severity))
    output.show(
        document,
        Facts("evidence", facts),
        rows_of(
            "findings",
            (
                [
                    fact("severity", str(finding.severity)),
                    fact("kind", str(finding.kind)),
                    fact("camera", finding.camera),
                    fact("recording", finding.recording if finding.sequence is None else finding.sequence),
                    fact("file", finding.file),
                    fact("detail", finding.detail),
                ]
                for finding in worst
            ),
            section="finding",
            empty="nothing was found",
        ),
    )
    if output.terminal and not output.as_json:
        for kind, count in Counter(finding.kind for finding in worst).items():
            output.write(f"  {kind} ({count}): {kind.meaning}")
    output.flush()
    if report.quick:
        output.note("the footage itself was not read (--quick)")
    if report.verdict is Verdict.PART:
        output.note(
            f"all that is here is what cameras signed; {report.left_out} recordings or files were left out, "
            "by the word of whoever exported this, and of nobody else"
        )
    if report.verdict is Verdict.HASHES_ONLY:
        why = (
            "there is no camera's signature over some of it, or none that counts"
            if believes
            else "nobody was named who is to be believed: --root FILE, --identity DIR or --lab"
        )
        output.note(f"hashes agree, and that is all: {why}")


def _plain(finding: Any) -> dict[str, Any]:
    return dataclasses.asdict(finding) | {"kind": str(finding.kind), "severity": str(finding.severity)}


@contextmanager
def showing_progress(output: Output) -> Iterator[Callable[[Any], None] | None]:
    """A line on a terminal's stderr; nothing else wants to know."""
    if output.as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(stderr=True), transient=True, refresh_per_second=4) as live:
        yield lambda now: live.update(
            Text(f"{now.recordings} of {now.of} recordings, {size(now.bytes_hashed)} hashed")
        )
