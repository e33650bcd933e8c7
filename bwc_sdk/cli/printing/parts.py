"""The parts of which a result is made for people: the values of one thing, and tables of things."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bwc_sdk.cli.printing.facts import Fact


@dataclass(frozen=True, slots=True)
class Facts:
    """Values of one thing. A pipe gets `name<TAB>value` lines.

    `section` goes before each name where a verb prints several things: within one output no key is repeated.
    """

    title: str
    facts: Sequence[Fact]
    section: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Things of one kind. A pipe gets one line a thing, values separated by tabs, without headings.

    `shown` has what a terminal gets where that differs from the plain values. With a `section` each line begins
    with it and the number of the thing, from 0: for a verb that prints more than one table.
    """

    title: str
    headings: Sequence[str]
    plain: Sequence[Sequence[object]]
    shown: Sequence[Sequence[str]] | None = None
    empty: str = "none"
    section: str = ""


def rows_of(title: str, things: Iterable[Sequence[Fact]], *, empty: str = "none", section: str = "") -> Rows:
    """A table of things that have the same facts."""
    listed = list(things)
    return Rows(
        title=title,
        headings=[one.label for one in listed[0]] if listed else [],
        plain=[[one.plain for one in row] for row in listed],
        shown=[[one.shown for one in row] for row in listed],
        empty=empty,
        section=section,
    )
