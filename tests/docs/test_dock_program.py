"""The page's dock does what it says: what is stored stands in its table, once, however often it is docked; and a light
says that it is at work before it says anything else."""

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
@pytest.mark.timeout(2.5 * program.LATE_S)
def test_what_is_stored_stands_in_the_table_once(tmp_path: Path) -> None:
    path = program.write(example(), tmp_path, "dock.py")
    for _ in range(2):  # a station whose cameras come again
        *said, complete = program.run_until(path, "complete")
        slot = complete.partition(" SIM-")[0]
        assert next(line for line in said if line.startswith(slot)).rstrip() == f"{slot} light: busy"
    table = sqlite3.connect(tmp_path / "evidence.sqlite")
    rows = table.execute("SELECT camera, recording, path, by_host FROM stored").fetchall()
    assert rows and len({(camera, stored) for camera, _, stored, _ in rows}) == len(rows)
    for camera, recording, stored, host in rows:
        assert camera.startswith("SIM-") and len(recording) == 32 and host == "dock-1"
        assert (tmp_path / "evidence" / Path(stored).name).is_file()
