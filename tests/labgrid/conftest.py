"""A lab for these tests: they start its coordinator and its exporters, in an environment of labgrid's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.testkit.labgrid_bench import LabgridBench, NoLabgrid, lab_python

collect_ignore = ["inside"]  # what runs where labgrid is installed: test_inside.py starts it


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python with labgrid. Where it cannot be had, the tests are skipped, but never in CI."""
    try:
        return lab_python()
    except NoLabgrid as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"labgrid cannot be installed here: {error}")


@pytest.fixture
def bench(python: Path, tmp_path: Path) -> Iterator[LabgridBench]:
    """A coordinator; a test starts the exporters."""
    with LabgridBench(python, tmp_path) as bench:
        yield bench
