"""Tables on a terminal. Loaded only there; every text goes in as it is, never as markup."""

from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bwc_sdk.cli.output import Facts, Rows
from bwc_sdk.cli.text import clean

UNBROKEN: Final = 28
"""Cells up to this long are not broken while longer ones give way: times, names of settings."""

GAP: Final = 3
"""Columns between two cells."""


def draw(part: Facts | Rows) -> None:
    """Draws one part of a result on stdout."""
    console = Console(highlight=False, emoji=False, markup=False)
    console.print(_facts(part) if isinstance(part, Facts) else _rows(part, console.width))


def _facts(part: Facts) -> Table:
    table = Table(title=_title(part.title), title_justify="left", box=None, show_header=False, padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for one in part.facts:
        table.add_row(Text(clean(one.label)), Text(clean(one.shown)))
    return table


def _rows(part: Rows, width: int) -> Table | Text:
    if not part.plain:
        return Text(clean(f"{part.title}: {part.empty}" if part.title else part.empty))
    table = Table(title=_title(part.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    shown = part.shown if part.shown is not None else [[str(cell) for cell in row] for row in part.plain]
    columns = [max(map(len, cells)) for cells in zip(part.headings, *shown, strict=True)]
    fits = sum(one + GAP for one in columns if one <= UNBROKEN) <= width
    for heading, longest in zip(part.headings, columns, strict=True):
        table.add_column(Text(clean(heading)), overflow="fold", no_wrap=fits and longest <= UNBROKEN)
    for row in shown:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table


def _title(title: str) -> Text | None:
    return Text(clean(title), style="bold") if title else None
