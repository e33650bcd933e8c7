"""Small packs for tests, and a library of nothing but them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from bwc_sdk.policy.comparison import Difference, difference
from bwc_sdk.policy.inheritance import effective
from bwc_sdk.policy.pack import Pack
from bwc_sdk.policy.reading import Library
from bwc_sdk.policy.waivers import WaiverUse

DAY = datetime.date(2026, 11, 30)
CITED = {"source": "a test", "place": "1"}


def rule(
    name: str, kind: str, *, status: str = "verified", dates: Any = None, **demand: Any
) -> dict[str, Any]:
    """A rule as a file has it."""
    found = {"id": name, "demand": {"kind": kind, **demand}, "status": status, "citation": CITED}
    return {**found, **(dates or {})}


def pack(name: str, *rules: dict[str, Any], level: str = "agency", **more: Any) -> Pack:
    """A pack of these rules."""
    return Pack.model_validate(
        {
            "pack": 1,
            "id": name,
            "title": name,
            "level": level,
            "vocabulary": 1,
            "rules": list(rules),
            **more,
        }
    )


def against(
    ours: Pack,
    theirs: Pack,
    *others: Pack,
    on: datetime.date = DAY,
    waivers: tuple[WaiverUse, ...] = (),
) -> Difference:
    """The comparison of two packs, where others may be parents and laws."""
    library = Library([ours, theirs, *others])
    return difference(effective(ours, on, library), effective(theirs, on, library), waivers)


def answers(found: Difference) -> dict[str, str]:
    """The answer of each rule."""
    return {row.rule: str(row.answer) for row in found.rows}


def write(path: Path, text: str) -> Path:
    """A file."""
    path.write_text(text, encoding="utf-8")
    return path
