"""`bwc conformance`: judges a device, checks a report, and compares two."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.cli.running.failure import NoDeviceNamed
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import acting, local_verb, verbs
from bwc_sdk.errors import TransportError
from bwc_sdk.host.required_packages import lacking_for
from hil_tests.conformance import difference, folder
from hil_tests.conformance.report import PAGE, Report, read
from hil_tests.conformance.words import headline, summary
from hil_tests.judging.verdict import Conformity

if TYPE_CHECKING:
    import pytest

    from hil_tests.conformance.suite import Run

CODES: Final = {
    Conformity.CONFORMING: ExitCode.SUCCESS,
    Conformity.BROKEN: ExitCode.NOT_CONFORMING,
    Conformity.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}
AGAIN_S: Final = 1.0
"""Pause between two rounds of --watch: a device that was just flashed boots meanwhile."""
STATUS_MAX: Final = 100

app = verbs(subcommand_metavar="[VERB ...]")


def conformance(
    settings: Settings,
    output: Output,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="DIR", readable=False, help="Where the report goes; made if it is missing."
        ),
    ] = None,
    only: Annotated[
        str,
        typer.Option(
            "--only", metavar="LNK,CHN", help="Only these families of rules, or single ones: LNK-003."
        ),
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Judge again and again, and tell what changed, until Ctrl-C.")
    ] = False,
    expendable: Annotated[
        str | None,
        typer.Option(
            "--expendable", metavar="ID", help="The device of this serial number may be changed by tests."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="What a device should do counts as what it must do.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            help="Another order of the tests, as a report names it; without it, or 0, as they are written.",
        ),
    ] = None,
    bench: Annotated[
        Path | None,
        typer.Option(
            "--bench",
            metavar="FILE",
            readable=False,
            help="A bench file: it says which device, who is expected there, by whose keys, and what acts on it.",
        ),
    ] = None,
    use: Annotated[
        str | None,
        typer.Option("--use", metavar="NAME", help="Which device of the bench file; default its only one."),
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            metavar="tcp:HOST:PORT",
            help="Be a device, and judge the host that connects; port 0 takes any that is free.",
        ),
    ] = None,
) -> int:
    """Judge a device by the numbered rules of the specification; with --listen, a host.

    Writes conformance.json, signed by this bench, and conformance.html into --report. On a device that does not call
    itself a simulator only what changes nothing is tested, unless --expendable names it. Exits with 0 if it conforms
    in all that was tested, 20 if it breaks a rule, 21 if somebody has to look: BWC_DEVICE and BWC_IDENTITY are not
    looked at, so that no other device is judged by mistake.
    """
    if listen is not None:
        if settings.device is not None or watch or expendable is not None or strict or bench or use or seed:
            raise typer.BadParameter(
                "--listen judges a host: --device, --bench, --use, --watch, --expendable, --strict and --seed say "
                "nothing to it"
            )
        from hil_tests.conformance.listening import judge_hosts

        found, folder_of = judge_hosts(settings, output, listen, _folder(settings, report), only)
        _tell(found, folder_of, output)
        return CODES[found.conformity]
    run = _run(settings, report, only, expendable, strict, bench, use, seed)
    from hil_tests.conformance import suite

    if watch:
        _watch(run, output)
    suite.check(run)
    progress = _Progress(output)
    found = suite.judge(run, progress, progress.tell)
    _tell(found, run.folder, output)
    return CODES[found.conformity]


acting(app, conformance)


@app.command("verify")
@local_verb
def verify(
    settings: Settings,
    output: Output,
    path: Annotated[Path, typer.Argument(metavar="DIR", readable=False, help="The folder of the report.")],
) -> None:
    """Check that a report is what a bench signed, with its page and its wire logs."""
    believed = identity_to_sign(settings, Role.AUDITOR, None)
    report, signer = folder.verify(path, believed)
    lab = f", lab {signer.lab}" if signer.lab else ""
    output.show(
        {
            "verified": {
                "signed_by": signer.name,
                "agency": signer.agency,
                "lab": signer.lab,
                "verdict": str(report.conformity),
                "identity": report.device.identity,
                "is": report.device.nature,
            }
        }
    )
    if not output.as_json:
        output.write(clean(f"signed by {signer.name} of {signer.agency}{lab}; nothing was changed since"))
        output.write(clean(headline(report)))


@app.command("diff")
@local_verb
def diff(
    settings: Settings,
    output: Output,
    before: Annotated[Path, typer.Argument(metavar="BEFORE", readable=False, help="The folder of a report.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", readable=False, help="That of a later one.")],
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance",
            min=0.0,
            max=1000.0,
            metavar="PERCENT",
            help="By how much a measurement may differ unsaid.",
        ),
    ] = difference.TOLERANCE_PCT,
) -> int:
    """What changed from one report to another, as by an update of the firmware.

    Exits with 20 if something is worse: a verdict, or a measurement that is beyond its limit now. No signature is
    checked: 'bwc conformance verify' does that.
    """
    found = difference.compare(read(before), read(after), tolerance)
    document = {"difference": {**dataclasses.asdict(found), "worse": found.worse}}
    output.show(
        document,
        Rows(
            "device",
            ["what", "before", "after"],
            [[o.name, o.before, o.after] for o in found.facts],
            section="device",
        ),
        Rows(
            "rules",
            ["rule", "before", "after", "", "why"],
            [
                [o.number, o.before or "-", o.after or "-", _worse(o.worse), o.why.partition("\n")[0] or "-"]
                for o in found.rules
            ],
            section="rule",
        ),
        Rows(
            "measurements",
            ["what", "before", "after", "unit", "change", ""],
            [
                [
                    o.name,
                    _number(o.before),
                    _number(o.after),
                    o.unit,
                    _percent(o.changed_pct),
                    _worse(o.worse),
                ]
                for o in found.values
            ],
            section="measurement",
        ),
    )
    return int(ExitCode.NOT_CONFORMING) if found.worse else 0


def _worse(worse: bool) -> str:
    return "WORSE" if worse else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+g} %"


def _run(
    settings: Settings,
    report: Path | None,
    only: str,
    expendable: str | None,
    strict: bool,
    bench: Path | None,
    use: str | None,
    seed: int | None,
) -> Run:
    """What is asked for. Raises `MissingExtra`, `InvalidValue`, and for wrong usage what ends as such."""
    if use is not None and bench is None:
        raise typer.BadParameter("--use names a device of a bench file: name that, too, by --bench FILE")
    if settings.device is None and bench is None:
        raise NoDeviceNamed(
            "no device is named",
            advice="name the one to judge: --device URI, or --bench FILE; BWC_DEVICE is not looked at",
        )
    where = _folder(settings, report)
    try:
        import pytest  # noqa: F401  # the extra's, and missing without it
    except ImportError as error:
        raise lacking_for("bench", "'bwc conformance'") from error
    from hil_tests.conformance.suite import Run
    from hil_tests.judging.rules import Scope
    from hil_tests.run.order import AS_WRITTEN

    return Run(
        device=settings.device,
        folder=where,
        bench=bench,
        use=use,
        only=",".join(Scope.parse(only).wanted),
        expendable=expendable,
        identity=settings.identity,
        allow_insecure=settings.allow_insecure,
        strict=strict,
        seed=seed or AS_WRITTEN,
    )


def _folder(settings: Settings, report: Path | None) -> Path:
    """Where the report goes. Raises `BadParameter` without one, and for options that are not for this verb."""
    if report is None:
        raise typer.BadParameter("say where the report goes: --report DIR")
    for option, given in (
        ("--role", settings.role),
        ("--timeout", settings.timeout_s),
        ("--capture", settings.capture),
    ):
        if given is not None:
            raise typer.BadParameter(f"{option} is not for this verb: its tests choose for themselves")
    return report


def _tell(report: Report, where: Path, output: Output) -> None:
    output.show(
        {
            "conformance": {
                "verdict": str(report.conformity),
                "is": report.device.nature,
                "identity": report.device.identity,
                "counts": report.counts,
                "broken": {
                    number: {
                        "sentence": one.sentence,
                        "tests": [
                            {"name": t.name, "expected": t.expected, "observed": t.observed}
                            for t in one.tests
                            if t.observed
                        ],
                    }
                    for number, one in report.broken().items()
                },
                "report": str(where / PAGE),
                "signed_by": report.signed_by,
            }
        }
    )
    if not output.as_json:
        for line in summary(report, where):
            output.write(clean(line))


def _watch(run: Run, output: Output) -> None:
    """Judges round after round; ends by Ctrl-C alone. The first verdict is told whole, of the others what changed."""
    from hil_tests.conformance import suite

    before: Report | None = None
    waiting = False
    while True:
        try:
            suite.check(run)
        except TransportError as error:
            if not waiting:
                output.note(f"waiting for the device: {error.rule}")
            waiting = True
            time.sleep(AGAIN_S)
            continue
        waiting = False
        found = suite.judge(run, _Progress(output))
        if before is None:
            _tell(found, run.folder, output)
        else:
            _tell_change(before, found, output)
        output.flush()
        before = found
        time.sleep(AGAIN_S)


def _tell_change(before: Report, after: Report, output: Output) -> None:
    changes = difference.compare(before, after).rules
    changed: list[dict[str, Any]] = [
        {"rule": one.number, "before": one.before, "after": one.after, "worse": one.worse, "why": one.why}
        for one in changes
    ]
    if output.as_json:
        output.show(
            {"round": {"at": after.started_utc, "verdict": str(after.conformity), "changed": changed}}
        )
        return
    broken = ", ".join(after.broken()) or "none"
    output.write(clean(f"{after.started_utc} {after.conformity}, broken: {broken}"))
    for one in changes:
        why = f": {one.why.partition(chr(10))[0]}" if one.why else ""
        output.write(clean(f"  {one.number} {one.before} -> {one.after}{why}"))


class _Progress:
    """How far a run is, on stderr: one line that moves on a terminal, and otherwise what fails as it fails."""

    def __init__(self, output: Output) -> None:
        self._told = not output.as_json
        self._err = sys.stderr
        self._moves = self._told and self._err.isatty()

    def __call__(self, done: int, of: int, report: pytest.TestReport) -> None:
        if not self._told:
            return
        if report.failed:
            self._say(f"{report.nodeid}: {report.outcome}\n")
        if self._moves:
            line = f"{done} of {of} {report.nodeid}"[:STATUS_MAX] if done < of else ""
            self._say(line)

    def tell(self, about: str) -> None:
        """A line of its own, before the first test."""
        if self._told:
            self._say(f"{about}\n")

    def _say(self, line: str) -> None:
        start = "\r\x1b[K" if self._moves else ""
        self._err.write(start + clean(line.rstrip("\n")) + ("\n" if line.endswith("\n") else ""))
        self._err.flush()
