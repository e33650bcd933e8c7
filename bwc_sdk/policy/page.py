"""A report for people, before it is Markdown or HTML: a title, facts, plots and tables. Same content, same bytes."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from bwc_sdk.policy.pack import canonical_json


class Tone(enum.StrEnum):
    """How a value is to be taken; colour is never the only thing that says so."""

    GOOD = "good"
    PLAIN = "plain"
    WARNS = "warns"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot."""

    label: str
    value: int
    tone: Tone = Tone.PLAIN
    of: int | None = None
    """What it is a part of: drawn behind it."""
    told: bool = True
    """Whether the value is one that somebody told; nothing is drawn or counted of what nobody did."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars under one another, on one scale."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Table:
    """Things of one kind; `tones` has one for each row."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    tones: Sequence[Tone] = ()
    empty: str = "Nothing."


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    verdict: str
    tone: Tone
    facts: Sequence[tuple[str, str]]
    plots: Sequence[Plot] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    """What a reader should know before believing any of it."""


def counted(number: int, thing: str) -> str:
    """A number of things: "1 error", "2 errors"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def to_json(document: Mapping[str, Any]) -> str:
    """A document as a file: sorted, so that the same inputs give the same bytes."""
    return canonical_json(document).decode() + "\n"


def _flat(text: str) -> str:
    """One line, without anything that no reader can see."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


_MARKDOWN: Final = str.maketrans({one: f"\\{one}" for one in "\\`*_[]<>|#~"})


def _md(text: str) -> str:
    return _flat(text).translate(_MARKDOWN)


def to_markdown(page: Page) -> str:
    """The report in Markdown; a plot becomes a table."""
    lines = [f"# {_md(page.title)}", "", f"**{_md(page.verdict)}**", ""]
    lines += [f"- {_md(name)}: {_md(value)}" for name, value in page.facts]
    if page.notes:
        lines += ["", *(f"> {_md(note)}" for note in page.notes)]
    for plot in page.plots:
        lines += ["", f"## {_md(plot.title)}", "", "| what | count |", "|---|---|"]
        lines += [f"| {_md(bar.label)} | {_of(bar)} |" for bar in plot.bars]
    for table in page.tables:
        lines += ["", f"## {_md(table.title)}", ""]
        if not table.rows:
            lines.append(_md(table.empty))
            continue
        lines.append(f"| {' | '.join(map(_md, table.headings))} |")
        lines.append("|" + "---|" * len(table.headings))
        lines += [f"| {' | '.join(map(_md, row))} |" for row in table.rows]
    return "\n".join(lines) + "\n"


def _of(bar: Bar) -> str:
    if not bar.told:
        return "not told"
    return str(bar.value) if bar.of is None else f"{bar.value} of {bar.of}"


def to_html(page: Page) -> str:
    """The report as one file of HTML that needs no other, loads nothing and runs nothing."""
    body = [
        f"<h1>{_text(page.title)}</h1>",
        f'<p class="verdict {page.tone}">{_text(page.verdict)}</p>',
        "<dl>",
        *(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in page.facts),
        "</dl>",
        *(f'<p class="note">{_text(note)}</p>' for note in page.notes),
        *map(_svg, page.plots),
        *map(_table, page.tables),
    ]
    head = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(page.title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head><body>",
    ]
    return "\n".join([*head, *body, "</body></html>"]) + "\n"


def _text(text: str) -> str:
    return escape(_flat(text))


def _table(table: Table) -> str:
    if not table.rows:
        return f"<h2>{_text(table.title)}</h2>\n<p>{_text(table.empty)}</p>"
    tones = list(table.tones) or [Tone.PLAIN] * len(table.rows)
    rows = [
        f'<tr class="{tone}">' + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>"
        for row, tone in zip(table.rows, tones, strict=True)
    ]
    headings = "".join(f'<th scope="col">{_text(one)}</th>' for one in table.headings)
    return (
        f"<h2>{_text(table.title)}</h2>\n<div><table>\n<thead><tr>{headings}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


_LABEL: Final = 220
_LABEL_MAX: Final = 30
_WIDTH: Final = 360
_STEP: Final = 26


def _svg(plot: Plot) -> str:
    """Bars, drawn by hand: every length is a whole number, so that the bytes are the same everywhere."""
    most = max((max(bar.value, bar.of or 0) for bar in plot.bars), default=0) or 1
    height = _STEP * len(plot.bars) + 4
    lines = [
        f"<h2>{_text(plot.title)}</h2>",
        f'<svg role="img" viewBox="0 0 {_LABEL + _WIDTH + 110} {height}" aria-label="{_text(plot.title)}">',
    ]
    for number, bar in enumerate(plot.bars):
        y = number * _STEP + 4
        if bar.of is not None:
            lines.append(
                f'<rect class="of" x="{_LABEL}" y="{y}" width="{bar.of * _WIDTH // most}" height="18"/>'
            )
        width = bar.value * _WIDTH // most
        lines += [
            f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{_text(_short(bar.label))}'
            f"<title>{_text(bar.label)}</title></text>",
            f'<rect class="{bar.tone}" x="{_LABEL}" y="{y}" width="{width}" height="18"/>',
            f'<text x="{_LABEL + max(width, (bar.of or 0) * _WIDTH // most) + 6}" y="{y + 14}">{_of(bar)}</text>',
        ]
    return "\n".join([*lines, "</svg>"])


def _short(label: str) -> str:
    """As much of a name as stands beside a bar; the whole is its title."""
    return label if len(label) <= _LABEL_MAX else f"{label[: _LABEL_MAX - 1]}…"


_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #8886;padding:.3rem .5rem;"
    "text-align:left;vertical-align:top}div{overflow-x:auto}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0;overflow-wrap:anywhere}"
    ".verdict{font-size:1.3rem;font-weight:bold;padding:.5rem 1rem;border-left:.5rem solid}"
    ".verdict.good{border-color:#2a7f3f}.verdict.warns{border-color:#b7791f}.verdict.bad{border-color:#b02a2a}"
    "tr.bad td:first-child{border-left:.3rem solid #b02a2a}"
    "tr.warns td:first-child{border-left:.3rem solid #b7791f}"
    "tr.good td:first-child{border-left:.3rem solid #2a7f3f}"
    ".note{border-left:.3rem solid #8888;padding-left:.7rem}"
    "svg{max-width:45rem;width:100%;font:13px system-ui,sans-serif}svg text{fill:currentColor}"
    "rect{fill:#5577aa}rect.good{fill:#2a7f3f}rect.warns{fill:#b7791f}rect.bad{fill:#b02a2a}rect.of{fill:#8884}"
)
