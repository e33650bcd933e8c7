"""What a benchmark found, as a row for people and as JSON."""

from __future__ import annotations

import dataclasses
import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HEADINGS: Final = ("benchmark", "ratio", "rounds", "aim", "n", "ours", "beside", "more")


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison. `ours` and `beside` are medians in `unit`; the ratio of the two may be quoted."""

    benchmark: str
    unit: str
    ours: float
    beside: float
    n: int
    aim: str
    low: float
    """Lowest ratio of a single round: with `high`, how far to trust the ratio."""
    high: float
    more: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Ours to what it is beside: of medians."""
        return self.ours / self.beside

    def row(self) -> tuple[str, ...]:
        """The cells under `HEADINGS`."""
        more = ", ".join(f"{name} {_short(value)}" for name, value in self.more.items())
        spread = f"{self.low:.2f}-{self.high:.2f}"
        figures = (f"{_short(self.ours)} {self.unit}", f"{_short(self.beside)} {self.unit}")
        return (self.benchmark, f"{self.ratio:.2f}", spread, self.aim, str(self.n), *figures, more)


def compare(
    benchmark: str,
    unit: str,
    ours: Sequence[float],
    beside: Sequence[float],
    *,
    aim: str,
    more: dict[str, float] | None = None,
) -> Result:
    """A result out of the figures of interleaved rounds, one of each a round."""
    ratios = [one / other for one, other in zip(ours, beside, strict=True)]
    return Result(
        benchmark=benchmark,
        unit=unit,
        ours=statistics.median(ours),
        beside=statistics.median(beside),
        n=len(ratios),
        aim=aim,
        low=min(ratios),
        high=max(ratios),
        more=more or {},
    )


def table(results: Sequence[Result]) -> str:
    """The results under their headings, for a terminal."""
    rows = [HEADINGS, *(result.row() for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def write_json(results: Sequence[Result], path: Path) -> None:
    """The results and where they were measured."""
    document = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "results": [dataclasses.asdict(result) | {"ratio": result.ratio} for result in results],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
