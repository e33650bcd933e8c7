"""`bwc spec`."""

from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.shipped import SPECIFICATION, VECTORS, specification, vectors, write_new

app = verbs()


@app.command("spec")
@local_verb
def spec(
    settings: Settings,
    output: Output,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--to",
            readable=False,
            metavar="DIR",
            help="Write it and the golden vectors into a folder instead.",
        ),
    ] = None,
) -> None:
    """Print the specification of the protocol, in Markdown.

    With --to it is written as README.md, with the golden vectors in a folder beside it: all that is needed to write a
    camera, a docking station or a host in any language.
    """
    text, golden = specification(), vectors()
    if folder is None:
        output.show({"specification": {"text": text, "vectors": list(golden)}})
        if not output.as_json:
            output.write(text.rstrip("\n"))
        return
    written = write_new(folder, {SPECIFICATION: text} | {f"{VECTORS}/{k}": v for k, v in golden.items()})
    output.show({"written": [str(path) for path in written]})
    for path in [] if output.as_json else written:
        output.line(path)
