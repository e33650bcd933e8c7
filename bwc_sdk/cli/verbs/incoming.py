"""`bwc incoming list|clean`."""

from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.cli.exit_codes import ExitCode
from bwc_sdk.cli.printing.output import Output, Rows
from bwc_sdk.cli.printing.text import size
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import common_options, local_verb, verbs
from bwc_sdk.destination.incoming import Unfinished, remove_unfinished, unfinished

Where = Annotated[
    Path, typer.Argument(readable=False, metavar="DEST", help="Directory that offloads store into.")
]

app = verbs(no_args_is_help=True, help="Show and remove what interrupted offloads left behind.")
common_options(app)


@app.command("list")
@local_verb
def list_unfinished(settings: Settings, output: Output, destination: Where) -> None:
    """What is unfinished in a destination, and whether an offload is at work on it.

    The next offload of the camera goes on with what is good of it; it need not be removed.
    """
    _show(output, "unfinished", unfinished(destination), "in use", "interrupted")


@app.command("clean")
@local_verb
def clean_unfinished(
    settings: Settings,
    output: Output,
    destination: Where,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="As 'bwc incoming list' shows them.")
    ] = None,
    every: Annotated[bool, typer.Option("--yes", "-y", help="All that no offload is at work on.")] = False,
) -> int:
    """Remove what interrupted offloads left, and nothing that an offload is at work on.

    Needs the names of what is to go, or --yes for all. Nothing is lost by it: the footage is on its camera, and is
    fetched again from the beginning. Exits with 7 if something that was named is in use.
    """
    if not names and not every:
        raise typer.BadParameter("name what is to go, as 'bwc incoming list' shows it, or give --yes")
    there = remove_unfinished(destination, names or None)
    _show(output, "cleaned", there, "in use: it stayed", "removed")
    return ExitCode.BUSY if names and any(one.in_use for one in there) else ExitCode.SUCCESS


def _show(output: Output, key: str, there: tuple[Unfinished, ...], busy: str, free: str) -> None:
    output.show(
        {key: [{"name": one.name, "size_bytes": one.size_bytes, "in_use": one.in_use} for one in there]},
        Rows(
            title="",
            headings=["name", "size", "state"],
            plain=[[one.name, one.size_bytes, busy if one.in_use else free] for one in there],
            shown=[[one.name, size(one.size_bytes), busy if one.in_use else free] for one in there],
            empty="nothing is unfinished",
        ),
    )
