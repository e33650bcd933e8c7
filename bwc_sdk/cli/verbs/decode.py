"""`bwc decode`."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from bwc_sdk.capture.decoding import Decoded, decode_file
from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.readable import dumps
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb, verbs

app = verbs()


@app.command("decode")
@local_verb
def decode(
    settings: Settings,
    output: Output,
    file: Annotated[Path, typer.Argument(readable=False, help="What --capture or BWC_CAPTURE wrote.")],
    messages: Annotated[bool, typer.Option("--messages", help="Leave the frames out.")] = False,
) -> None:
    """Print a capture file in the specification's words."""
    torn: list[int] = []
    found = (one for one in decode_file(file, torn.append) if not messages or one.layer != "frame")
    if output.as_json:
        _document(output, found, torn)
        return
    for one in found:
        output.write(line_of(one))
    if torn:
        output.note(f"note: the capture ends inside line {torn[0]}, as when its writer was killed")


def _document(output: Output, found: Iterable[Decoded], torn: list[int]) -> None:
    # Written as it is read: a capture of a whole day does not fit in memory.
    separator = '{"capture": ['
    for one in found:
        output.write(separator + dumps(dataclasses.asdict(one)))
        separator = ", "
    head = "" if separator == ", " else separator
    output.write(f'{head}], "ends_inside_line": {json.dumps(torn[0] if torn else None)}}}')


def line_of(one: Decoded) -> str:
    """One line for people and for grep."""
    arrow = {"host": "->", "device": "<-"}.get(one.sender, "  ")
    numbers = {"channel": one.channel} if one.channel else {}
    fields = " ".join(f"{name}={_value(value)}" for name, value in (numbers | one.fields).items())
    problem = f"  ! {one.problem}" if one.problem else ""
    return clean(f"{one.t:12.6f} {arrow} {one.layer:7} {one.name} {fields}{problem}".rstrip())


def _value(value: object) -> str:
    if isinstance(value, dict | list | str):
        return json.dumps(value, ensure_ascii=False)
    return "unknown" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
