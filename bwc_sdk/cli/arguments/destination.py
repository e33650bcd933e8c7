"""The directory of an offload as a command line names it: made on request, and named in what is advised."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.destination.faults import destination_error
from bwc_sdk.host.filesystem import FileSystem

Dest = Annotated[
    Path,
    typer.Argument(
        readable=False, metavar="DEST", help="Directory of the footage; --mkdir makes it, if it is missing."
    ),
]
Mkdir = Annotated[
    bool, typer.Option("--mkdir", help="Make the directory if it is missing, for this user alone.")
]
Deliver = Annotated[
    Path | None,
    typer.Option(
        "--deliver",
        "--desired",
        readable=False,
        metavar="DIR",
        help="Give each camera the desired state that DIR has for it, after its footage; see 'bwc desired sign'.",
    ),
]


def make_missing(files: FileSystem, path: Path) -> None:
    """Makes a directory, and those above it that are missing; the opening of a destination syncs the way to it.

    Raises `DestinationError`.
    """
    there, missing = path.absolute(), []
    while not os.path.lexists(there):
        missing.append(there.name)
        there = there.parent
    try:
        handle = files.open_directory(there)
        for name in reversed(missing):
            try:
                inside = files.open_inside(handle, name)
            finally:
                files.close(handle)
            handle = inside
        files.close(handle)
    except OSError as error:
        raise destination_error(error, "making it", path, opening=True) from error


def stopped(path: Path, on: str) -> str:
    """What Ctrl-C leaves behind, be it much or nothing; `on` is the camera, or the cameras."""
    return (
        f"what is stored is verified; what is not is still on {on}, and what had come of it is in "
        f"{path / '.incoming'}. Run the same command again to go on"
    )


def command(*words: str) -> str:
    """A command line that can be typed as it stands."""
    return shlex.join(("bwc", *words))
