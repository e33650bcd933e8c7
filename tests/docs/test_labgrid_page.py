"""What the page on labgrid shows of a file stands in that file, which the tests of tests/labgrid use."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_what_it_shows_stands_in_the_files() -> None:
    page = (DOCS / "labgrid.md").read_text(encoding="utf-8")
    files = {
        path.name: path.read_text(encoding="utf-8") for path in (DOCS / "labgrid").iterdir() if path.is_file()
    }
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(shown) >= 2
    for block in shown:
        assert any(block in text for text in files.values()), block
    assert [name for name in files if f"(labgrid/{name})" not in page] == [], (
        "a file that the page does not name"
    )


def test_every_resource_and_driver_is_on_it() -> None:
    page = (DOCS / "labgrid.md").read_text(encoding="utf-8")
    registered = re.findall(
        r"\bBWC\w+|NetworkBWC\w+", (DOCS.parent / "bwc_sdk/labgrid/__init__.py").read_text()
    )
    assert {f"`{name}`" for name in registered if f"`{name}`" not in page} == set()
