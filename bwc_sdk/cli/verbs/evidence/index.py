"""`bwc evidence index STORE`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bwc_sdk.cli.printing.output import Output
from bwc_sdk.cli.printing.text import clean
from bwc_sdk.cli.running.options import Settings
from bwc_sdk.cli.running.verb import local_verb

FORMULAS: Final = ("=", "+", "-", "@")
"""What begins a formula for a spreadsheet: an officer's text must not become one."""

Where = Annotated[
    Path, typer.Argument(readable=False, metavar="STORE", help="Directory that offloads stored into.")
]


@local_verb
def index(
    settings: Settings,
    output: Output,
    store: Where,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Comma-separated values, with a first line of names (the default).")
    ] = False,
) -> None:
    """A line for each recording of a store: CSV, or with --json one document.

    The same files give the same bytes, in the order of camera and number. What it says is what the files say:
    'bwc evidence verify' tells whether that is true.
    """
    if as_csv and output.as_json:
        raise typer.BadParameter("--csv and --json exclude each other")
    from bwc_sdk.evidence.catalogue import catalogue
    from bwc_sdk.evidence.description import COLUMNS, row
    from bwc_sdk.evidence.store import Store

    with Store.open(store) as opened:
        rows = (row(found) for found in catalogue(opened))
        if output.as_json:
            _document(output, rows)
            return
        output.write(csv_line(COLUMNS))
        for one in rows:
            output.write(csv_line(one.values()))


def _document(output: Output, rows: Iterable[dict[str, Any]]) -> None:
    # Written as it is read: a store of years does not fit in memory as one text.
    before = '{"recordings": ['
    for one in rows:
        output.write(before + json.dumps(one))
        before = ", "
    output.write(f"{before if before != ', ' else ''}]}}")


def csv_line(values: Iterable[object]) -> str:
    """One line of RFC 4180, without its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list():
            return _text("; ".join(map(str, value)))
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    shown = clean(text)
    return f"'{shown}" if shown.startswith(FORMULAS) else shown
