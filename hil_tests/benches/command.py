"""`bwc bench`: looks whether a bench is ready for the night."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import common_options, local_verb, verbs
from bwc_sdk.host.required_packages import lacking_for
from hil_tests.benches.bench_file import read_bench
from hil_tests.benches.finding import Finding, Grade

app = verbs()
common_options(app)


@app.command("check")
@local_verb
def check(
    settings: Settings,
    output: Output,
    file: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The bench file.")],
    still: Annotated[
        bool, typer.Option("--still", help="Move no actuator: only look whether each could be moved.")
    ] = False,
    lose_power: Annotated[
        bool,
        typer.Option(
            "--lose-power",
            help="Try also what takes all supply, at simulators and devices that are expendable.",
        ),
    ] = False,
    attended: Annotated[
        bool, typer.Option("--attended", help="Somebody is there who does what actuators ask a person for.")
    ] = False,
) -> int:
    """Prove a bench before the night: each device answers, each actuator moves what it should and nothing else.

    Looks also at the host's clock, at key files and certificates (14 days), at locks and at the drivers' programs. On
    a device nothing is changed. Exits with 0 if the night can begin, 23 if it would fail.
    """
    try:
        import pytest  # noqa: F401  # the extra's, and missing without it
    except ImportError as error:
        raise lacking_for("bench", "'bwc bench'") from error
    from hil_tests.benches.checking import BenchCheck, Extent

    for option, given in (("--device", settings.device), ("--identity", settings.identity)):
        if given is not None:
            raise typer.BadParameter(f"{option} says nothing here: the bench file does")
    bench = read_bench(file)
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if sys.stderr.isatty():  # some take half a minute to be found
            output.note(f"{finding.where}: {finding.grade}")

    BenchCheck(bench, Extent(move=not still, lose_power=lose_power, attended=attended), tell).run()
    problems = sum(one.grade is Grade.PROBLEM for one in findings)
    output.show(
        {
            "bench": {
                "file": str(file),
                "ready": not problems,
                "findings": [one.plain() for one in findings],
            }
        },
        Rows(
            title="",
            headings=["where", "state", "found", "what to do"],
            plain=[[one.where, one.grade.value, one.found, one.advice or "-"] for one in findings],
        ),
    )
    return ExitCode.BENCH_NOT_READY if problems else ExitCode.SUCCESS
