"""Tables on a terminal. Loaded only there; every text goes in as it is, never as markup.

No word is broken while there is another way: on a narrow terminal the columns that do not fit stand below their row.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bwc_sdk.cli.printing.parts import Facts, Rows
from bwc_sdk.cli.printing.text import clean

UNBROKEN: Final = 28
"""Cells up to this long are not folded: times, names of settings."""
FOLDED_MIN: Final = 20
"""Columns that a cell needs in which sentences are folded; in fewer nobody reads them."""
GAP: Final = 3
"""Columns between two cells."""
INDENT: Final = 4
"""Columns before what stands below its row."""
NARROW: Final = 40
"""A terminal of fewer columns has none to spare for indents."""
NOTHING: Final = frozenset({"", "-"})
"""Cells that say nothing: left out where they would take a line."""


def draw(part: Facts | Rows) -> None:
    """Draws one part of a result on stdout."""
    console = Console(highlight=False, emoji=False, markup=False)
    for one in _facts(part, console.width) if isinstance(part, Facts) else _rows(part, console.width):
        console.print(one, overflow="fold")


Drawn = Iterator[Table | Text | Padding]


def _facts(part: Facts, width: int) -> Drawn:
    facts = [(clean(one.label), clean(one.shown)) for one in part.facts]
    labels = max((cell_len(label) for label, _ in facts), default=0)
    values = max((cell_len(value) for _, value in facts), default=0)
    if labels + min(values, FOLDED_MIN) + 2 * GAP <= width:
        table = Table(
            title=_title(part.title), title_justify="left", box=None, show_header=False, padding=(0, 2)
        )
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in facts:
            table.add_row(Text(label), Text(value))
        yield table
        return
    if part.title:
        yield Text(clean(part.title), style="bold")
    for label, value in facts:
        yield Text(f"{label}: {value}")


def _rows(part: Rows, width: int) -> Drawn:
    if not part.plain:
        yield Text(clean(f"{part.title}: {part.empty}" if part.title else part.empty))
        return
    headings = [clean(one) for one in part.headings]
    shown = part.shown if part.shown is not None else [[str(cell) for cell in row] for row in part.plain]
    columns = [
        max(cell_len(clean(line)) for cell in cells for line in cell.split("\n") or [""])
        for cells in zip(headings, *shown, strict=True)
    ]
    needed = [
        _needed(longest, cells) for longest, cells in zip(columns, zip(*shown, strict=True), strict=True)
    ]
    if sum(needed) + GAP * len(needed) <= width:
        yield _table(part, headings, columns, shown)
        return
    if part.title:
        yield Text(clean(part.title), style="bold")
    yield from _stacked(headings, columns, shown, width)


def _needed(longest: int, cells: Sequence[str]) -> int:
    """Columns in which no word of a column is broken."""
    if longest <= UNBROKEN:
        return longest
    words = max((cell_len(word) for cell in cells for word in clean(cell).split()), default=0)
    return max(FOLDED_MIN, min(words, longest))


def _table(
    part: Rows, headings: Sequence[str], columns: Sequence[int], shown: Sequence[Sequence[str]]
) -> Table:
    table = Table(title=_title(part.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading, longest in zip(headings, columns, strict=True):
        table.add_column(Text(heading), overflow="fold", no_wrap=longest <= UNBROKEN)
    for row in shown:
        table.add_row(*(Text("\n".join(map(clean, cell.split("\n")))) for cell in row))
    return table


def _stacked(
    headings: Sequence[str], columns: Sequence[int], shown: Sequence[Sequence[str]], width: int
) -> Drawn:
    """As many columns as fit side by side; the others below each row, by name."""
    beside, taken = 0, 0
    for longest in columns:
        if taken + longest > width:
            break
        beside, taken = beside + 1, taken + longest + GAP
    beside = max(beside, 1)  # the first one is what the row is about, folded if it has to be
    yield Text(_beside(headings[:beside], columns), style="bold")
    for row in shown:
        cells = [clean(", ".join(cell.split("\n"))) for cell in row]
        yield Text(_beside(cells[:beside], columns))
        below = [
            f"{heading}: {cell}"
            for heading, cell in zip(headings[beside:], cells[beside:], strict=True)
            if cell not in NOTHING
        ]
        for line in below if width < NARROW else ["; ".join(below)]:
            yield Padding(Text(line, style="dim"), (0, 0, 0, _indent(width)))


def _beside(cells: Sequence[str], columns: Sequence[int]) -> str:
    padded = (
        set_cell_size(cell, max(one, cell_len(cell))) for cell, one in zip(cells, columns, strict=False)
    )
    return (" " * GAP).join(padded).rstrip()


def _indent(width: int) -> int:
    return INDENT if width >= NARROW else 1


def _title(title: str) -> Text | None:
    return Text(clean(title), style="bold") if title else None
