"""What needs no coordinator: resources, drivers and strategy, in one run of pytest where labgrid is installed."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ci, pytest.mark.timeout(240)]

INSIDE = Path(__file__).with_name("inside")


def test_in_an_environment_with_labgrid(python: Path, tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LG_", "PYTEST_"))}
    words = ("-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path), "-W", "error")
    done = subprocess.run(
        [python, "-m", "pytest", *words, str(INSIDE)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_without_labgrid_it_says_what_to_install(tmp_path: Path) -> None:
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "bwc_sdk.labgrid.exporter"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (
        done.returncode == 1 and "pip install 'bwc-sdk[labgrid]', in an environment of its own" in done.stderr
    )
