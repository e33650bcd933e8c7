"""Standard output that is closed or full: told in one line, and nothing is sent in vain."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
SIM = "sim:?seed=4&recordings=1&mib=1"

needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def _shell(line: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-c", line.replace("bwc ", f"{sys.executable} -m bwc_sdk ", 1)],
        capture_output=True,
        text=True,
        timeout=50,
        env={key: value for key, value in os.environ.items() if not key.startswith("BWC_")},
        check=False,
    )


def test_a_closed_output_is_told_before_anything_is_opened() -> None:
    ran = _shell("bwc assign K1 --device tcp:127.0.0.1:1 >&-")
    assert ran.returncode == 9  # and not 3, for the port
    assert "standard output is closed" in ran.stderr and "report" not in ran.stderr
    assert _shell("bwc --version >&-").returncode == 9


def test_a_closed_standard_error_takes_nothing_from_the_result() -> None:
    ran = _shell(f"bwc battery --device '{SIM}' 2>&-")
    assert ran.returncode == 0 and "charge_pct" in ran.stdout
    assert _shell("bwc battery --device tcp:127.0.0.1:1 2>&-").returncode == 3


@needs_full
@pytest.mark.parametrize("line", [f"battery --device '{SIM}'", "raw --json", "--version", "--help"])
def test_a_full_output_is_no_fault_of_the_program(line: str) -> None:
    ran = _shell(f"bwc {line} > /dev/full")
    assert ran.returncode == 9
    assert "No space left" in ran.stderr
    assert "report it" not in ran.stderr and "Exception ignored" not in ran.stderr
