"""`bwc udev`."""

from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs
from bwc_sdk.shipped import UDEV_RULE, udev_rule, write_new

app = verbs()


@app.command("udev")
@local_verb
def udev(
    settings: Settings,
    output: Output,
    folder: Annotated[
        Path | None,
        typer.Option("--to", readable=False, metavar="DIR", help="Write it there instead, as 70-bwc.rules."),
    ] = None,
) -> None:
    """Print the udev rule that lets users open cameras on Linux.

    Install it by: bwc udev | sudo tee /etc/udev/rules.d/70-bwc.rules && sudo udevadm control --reload && sudo
    udevadm trigger
    """
    rule = udev_rule()
    if folder is None:
        output.show({"udev": {"name": UDEV_RULE, "text": rule}})
        if not output.as_json:
            output.write(rule.rstrip("\n"))
        return
    written = write_new(folder, {UDEV_RULE: rule})
    output.show({"written": [str(path) for path in written]})
    for path in [] if output.as_json else written:
        output.line(path)
