"""`bwc people`: who has which camera, and the end of somebody's part."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bwc_sdk.cli.arguments.technician import technician_of, whoever_believes
from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output, Rows
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import common_options, local_verb, verbs
from bwc_sdk.provisioning import Records
from bwc_sdk.provisioning.ending import end_part
from bwc_sdk.provisioning.holders import Fact, Holder, Source, holders
from bwc_sdk.provisioning.records import RESTORE

app = verbs(
    no_args_is_help=True,
    help="Who has which camera, by the records of 'bwc provision', and the end of somebody's part.",
)
common_options(app)
ANOTHER: Final = "--identity DIR or --lab says whom to believe; what was changed is provisioned again"
RecordsDir = Annotated[
    Path,
    typer.Option(
        "--records", metavar="DIR", readable=False, help="Where the records of 'bwc provision' are."
    ),
]


@app.command("show")
@local_verb
def show(
    settings: Settings,
    output: Output,
    records: RecordsDir,
    desired: Annotated[
        Path | None,
        typer.Option(
            "--desired",
            metavar="DIR",
            readable=False,
            help="Directory that docks deliver from: what is signed there is told, too. That of 'bwc people end --out' "
            "is known already.",
        ),
    ] = None,
    checks: Annotated[
        Path | None,
        typer.Option(
            "--checks",
            metavar="DIR",
            readable=False,
            help="What cameras said of it themselves, as 'bwc check --record DIR' kept it.",
        ),
    ] = None,
) -> int:
    """Who has which camera since when, who signed that, and what was said since; each with where it comes from.

    A record is of the moment in which it was made. A desired state counts from the docking that delivers it, of which
    no file here knows: a check of the camera does. Exits with 18 if something is not as it was signed.
    """
    believed = whoever_believes(settings)
    with Records.opened(records, make=False, reading=True) as kept:
        found = holders(kept, believed, desired=desired, checks=checks)
    names = ["camera", "officer", "unit", "since", "record"]
    rows = [_row(one) for one in found]
    said = [[one.serial_number, *_said(fact)] for one in found for fact in one.since]
    output.show(
        {
            "people": [
                dict(zip(names, row, strict=True)) | {"said_since": [_document(fact) for fact in one.since]}
                for one, row in zip(found, rows, strict=True)
            ]
        },
        Rows("people", names, rows, empty="no records"),
        *(
            [Rows("said since", ["camera", "what", "says", "when", "by", "file"], said, section="since")]
            if said
            else []
        ),
    )
    if unbelieved := sum(one.unbelieved for one in found):
        output.note(f"{unbelieved} of {len(found)} have a signature that does not count; try: {ANOTHER}")
    if broken := sum(bool(one.earlier_trouble) for one in found):
        output.note(f"{broken} of {len(found)} have an earlier record that is not as it was; try: {RESTORE}")
    return ExitCode.BAD_DOCUMENT if unbelieved or broken else ExitCode.SUCCESS


def _row(one: Holder) -> list[str]:
    if one.record is None:
        return [one.serial_number, "not known", "", "", "none is here"]
    document = one.record.document
    return [
        one.serial_number,
        one.record.officer or "nobody",
        str(document["assignment"].get("unit", "")),
        str(document.get("made_utc", "")),
        "; ".join(
            part for part in (one.trouble or f"signed by {one.signed_by}", one.earlier_trouble) if part
        ),
    ]


def _said(fact: Fact) -> list[str]:
    whose = (fact.officer or "nobody") + (f" ({fact.unit})" if fact.unit else "")
    by = fact.trouble or fact.by
    match fact.source:
        case Source.BEGUN:
            what = f"{whose} was about to be given it" if fact.officer else "a run did not come to its record"
            words = "begun", f"{what}: provision again"
        case Source.ENDED:
            words = "ended", f"{whose} ended on {fact.day}"
        case Source.DESIRED_STATE:
            by = fact.trouble or f"signed by {fact.by}"
            words = f"desired state {fact.counter}", f"{whose}, from the docking that delivers it"
        case Source.CHECK:
            words = "check", f"{whose}, said the camera itself"
    return [*words, fact.utc, by, str(fact.path)]


def _document(fact: Fact) -> dict[str, object]:
    return {
        "source": str(fact.source),
        "officer": fact.officer or "nobody",
        "unit": fact.unit,
        "ended_on": fact.day or None,
        "utc": fact.utc or None,
        "counter": fact.counter or None,
        "by": fact.by or None,
        "trouble": fact.trouble or None,
        "file": str(fact.path),
    }


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
    identity = None if out is None else technician_of(settings)
    with Records.opened(records, make=False) as kept:
        ended = end_part(
            officer, roster=roster, records=kept, out=out, identity=identity, day=day, utc_s=int(now_s)
        )
    if roster is not None and ended.member is None:
        output.note(f"{roster} has no line of {officer!r}")
    if on is not None and ended.day != day:
        output.note(
            f"{roster} says {ended.day} already, and that stays: another day is written there by hand"
        )
    if ended.cameras and out is None:
        output.note(
            f"still with {officer!r}: {', '.join(ended.cameras)}; --out DIR signs what takes them back"
        )
    output.show(
        {
            "ended": {
                "officer": officer,
                "day": ended.day.isoformat(),
                "line": None if ended.member is None else ended.member.line,
                "cameras": list(ended.cameras),
                "documents": [str(path) for path in ended.documents],
            }
        },
        Facts("ended", [fact("officer", officer), fact("day", ended.day.isoformat())]),
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
