"""A lab for these tests: they start its coordinator and its exporters, in an environment of labgrid's own."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.testkit.labgrid_bench import LabgridBench, NoLabgrid, lab_python

collect_ignore = ["inside"]  # what runs where labgrid is installed: test_inside.py starts it

DOCS = Path(__file__).parents[2] / "docs" / "labgrid"
BOARD = """
board:
  BWCSerialCamera:
    port: {port}
    serial_number: SIM-00000007
"""


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
    """Neither exporter nor coordinator runs before a test exports something."""
    with LabgridBench(python, tmp_path) as bench:
        yield bench


@pytest.fixture
def served(bench: LabgridBench) -> Callable[..., Path]:
    """Has a camera served by a process of its own, of these options, on a serial line that an exporter without any keys
    passes on as place `cam1`; its hands take lines by a pipe beside the environment file. Gives that file."""
    folder = bench.folder

    def serve(*options: str) -> Path:
        for name in ("switches.yaml", "simulator_hands.py"):
            shutil.copy(DOCS / name, folder / name)
        os.mkfifo(folder / "control")
        line = folder / "board"
        words = ("--listen", f"pty:{line}", "--control", str(folder / "control"), "--footage", "synthetic")
        camera = bench.start("camera", "-m", "bwc_sdk", "sim", *words, *(options or ("--seed", "7")))
        camera.await_said(f"serial:{line}")
        (folder / "exporter.yaml").write_text(BOARD.format(port=line))
        (folder / "cellar-home").mkdir()
        keyless = {
            key: value for key, value in bench.environment.items() if not key.startswith(("BWC_", "XDG_"))
        }
        bench.export(folder / "exporter.yaml", environment={**keyless, "HOME": str(folder / "cellar-home")})
        bench.place("cam1", "cellar/board/*")
        bench.acquire("cam1")
        return folder / "switches.yaml"

    return serve
