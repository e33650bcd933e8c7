"""`bwc evidence derive SOURCE --copy FILE --tool TEXT --reason TEXT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.cli.printing.facts import fact
from bwc_sdk.cli.printing.output import Facts, Output
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb

By = Annotated[
    str | None,
    typer.Option("--by", metavar="TEXT", help="Who does it; without it the name of the user on this host."),
]


@local_verb
def derive(
    settings: Settings,
    output: Output,
    source: Annotated[
        Path,
        typer.Argument(
            readable=False,
            metavar="SOURCE",
            help="In a store: the segment it was made from, the manifest for all of them, or an earlier copy.",
        ),
    ],
    copy: Annotated[
        Path,
        typer.Option(
            "--copy",
            readable=False,
            metavar="FILE",
            help="The copy; it is brought into the store, and stays.",
        ),
    ],
    tool: Annotated[
        str, typer.Option("--tool", metavar="TEXT", help="What made it, with its version: 'ffmpeg 7.1'.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why: 'faces of bystanders redacted'.")
    ],
    by: By = None,
) -> None:
    """Register a copy that was redacted or trimmed: from which recording, by which tool, why, by whom.

    What it was made from is read back first, and has to be what was recorded. A record with the hashes of both lies
    beside the copy, and this host's custody chain names it: 'bwc evidence verify' finds what changes later, 'show'
    tells it, and 'export --derived-only' gives copies away without their originals.
    """
    from bwc_sdk.destination.derive import derive as registered

    done = registered(source, copy, tool=tool, reason=reason, by=by or user_name())
    output.show(
        done.document | {"record": str(done.record), "fresh": done.fresh},
        Facts(
            "derived copy",
            [
                fact("copy", str(done.copy)),
                fact("sha256", done.document["copy"]["sha256"]),
                fact("sources", tuple(one["file"] for one in done.document["sources"])),
                fact("tool", done.document["tool"]),
                fact("reason", done.document["reason"]),
                fact("by", done.document["by"]),
                fact("record", str(done.record)),
            ],
        ),
    )
    if not done.fresh:
        output.note("it was registered before; nothing changed")


def user_name() -> str:
    """The name of the user on this host."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise typer.BadParameter("this user has no name: say --by who does it") from None
