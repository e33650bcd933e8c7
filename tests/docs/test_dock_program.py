"""The page's dock does what it says: what is stored stands in its table, once, however often it is docked."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.docs import program

PAGE = Path(__file__).parents[2] / "docs" / "dock-programs.md"
LINES_MAX = 64


def example() -> str:
    section = PAGE.read_text("utf-8").partition("## A dock in sixty lines")[2]
    return section.partition("```python\n")[2].partition("```")[0]


def test_it_has_the_lines_that_its_heading_says() -> None:
    assert 50 <= len([line for line in example().splitlines() if line.strip()]) <= LINES_MAX


@pytest.mark.ci  # the page's example is run once by everybody
@pytest.mark.timeout(120)
def test_what_is_stored_stands_in_the_table_once(tmp_path: Path) -> None:
    path = program.write(example(), tmp_path, "dock.py")
    for _ in range(2):  # a station whose cameras come again
        program.run_until(path, "complete")
    table = sqlite3.connect(tmp_path / "evidence.sqlite")
    rows = table.execute("SELECT camera, recording, path, by_host FROM stored").fetchall()
    assert 1 <= len(rows) <= 3 and len(set(rows)) == len(rows)
    for camera, recording, stored, host in rows:
        assert camera.startswith("SIM-") and len(recording) == 32 and host == "dock-1"
        assert (tmp_path / "evidence" / Path(stored).name).is_file()
