"""`bwc people`: who has which camera, and the end of somebody's part."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bwc_protocol.declare import Role
from bwc_sdk.cli.arguments.identity_choice import identity_to_sign
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import common_options, local_verb, verbs
from bwc_sdk.errors import BwcError
from bwc_sdk.provisioning import Records, verify_record
from bwc_sdk.provisioning.ending import end_part

app = verbs(
    no_args_is_help=True,
    help="Who has which camera, by the records of 'bwc provision', and the end of somebody's part.",
)
common_options(app)
RecordsDir = Annotated[
    Path,
    typer.Option(
        "--records", metavar="DIR", readable=False, help="Where the records of 'bwc provision' are."
    ),
]


@app.command("show")
@local_verb
def show(settings: Settings, output: Output, records: RecordsDir) -> int:
    """Who has which camera since when, and who signed that. Exits with 18 if a record is not as it was signed."""
    believed = identity_to_sign(settings, Role.TECHNICIAN, None)
    rows, bad = [], False
    with Records.opened(records, make=False) as kept:
        for record in kept.all():
            try:
                signed = f"signed by {verify_record(record, believed).name}"
            except BwcError as error:
                signed, bad = error.rule, True
            document = record.document
            day = kept.ended_on(record)
            rows.append(
                [
                    record.serial_number,
                    f"{record.officer or 'nobody'}{f', ended on {day}' if day else ''}",
                    str(document["assignment"].get("unit", "")),
                    str(document.get("made_utc", "")),
                    signed,
                ]
            )
    names = ["camera", "officer", "unit", "since", "record"]
    output.show(
        {"people": [dict(zip(names, row, strict=True)) for row in rows]},
        Rows("people", names, rows, empty="no records"),
    )
    return ExitCode.BAD_DOCUMENT if bad else ExitCode.SUCCESS


@app.command("end")
@local_verb
def end(
    settings: Settings,
    output: Output,
    officer: Annotated[str, typer.Argument(metavar="OFFICER", help="By the agency's identifier.")],
    records: RecordsDir,
    roster: Annotated[
        Path | None,
        typer.Option(
            "--roster", metavar="CSV", readable=False, help="Write the day into this roster, column 'ended'."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            readable=False,
            help="Sign what takes the cameras back, into this directory that docks deliver from.",
        ),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="YYYY-MM-DD", help="The first day without; today, in UTC.")
    ] = None,
) -> None:
    """End somebody's part: in the roster, and for the cameras that he or she has.

    Each is taken back at its next docking, by a desired state that a technician signs here; its footage stays his or
    hers. 'bwc return' does it at once for a camera that is here.
    """
    now_s = time.time()
    try:
        day = datetime.fromtimestamp(now_s, UTC).date() if on is None else datetime.fromisoformat(on).date()
    except ValueError as error:
        raise typer.BadParameter(f"{on!r} is no day as 2026-12-31") from error
    identity = None if out is None else identity_to_sign(settings, Role.TECHNICIAN, None)
    with Records.opened(records, make=False) as kept:
        ended = end_part(
            officer, roster=roster, records=kept, out=out, identity=identity, day=day, utc_s=int(now_s)
        )
    if roster is not None and ended.member is None:
        output.note(f"{roster} has no line of {officer!r}")
    if ended.cameras and out is None:
        output.note(
            f"still with {officer!r}: {', '.join(ended.cameras)}; --out DIR signs what takes them back"
        )
    output.show(
        {
            "ended": {
                "officer": officer,
                "day": day.isoformat(),
                "line": None if ended.member is None else ended.member.line,
                "cameras": list(ended.cameras),
                "documents": [str(path) for path in ended.documents],
            }
        },
        Facts("ended", [fact("officer", officer), fact("day", day.isoformat())]),
        Rows(
            "cameras",
            ["camera", "taken back by"],
            [
                [camera, str(path)]
                for camera, path in zip(
                    ended.cameras, ended.documents or ("",) * len(ended.cameras), strict=True
                )
            ],
            empty=f"{officer} has no camera",
        ),
    )
