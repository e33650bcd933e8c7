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


@pytest.mark.parametrize("broken", ["gone", "full"])
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"battery --device {SIM}", 0),
        ("battery --device tcp:127.0.0.1:1", 3),
        ("battery --json --device tcp:127.0.0.1:1", 3),
        (f"config get no.such --device {SIM}", 8),
        (f"offload DEST --device {SIM}", 0),
        ("no-such-verb", 2),
    ],
)
def test_a_standard_error_that_cannot_be_written_takes_nothing_from_the_result(
    line: str, code: int, broken: str, tmp_path: Path
) -> None:
    """An offload whose log is full, or whose `2>&1 | head` has seen enough, goes on and says how it ended."""
    if broken == "full" and not FULL.exists():
        pytest.skip("this system has no /dev/full")
    if broken == "full":
        nowhere = os.open(FULL, os.O_WRONLY)
    else:
        reader, nowhere = os.pipe()
        os.close(reader)
    argv = [str(tmp_path) if word == "DEST" else word for word in line.split()]
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "bwc_sdk", *argv],
            stdout=subprocess.PIPE,
            stderr=nowhere,
            timeout=50,
            env={key: value for key, value in os.environ.items() if not key.startswith("BWC_")},
            check=False,
        )
    finally:
        os.close(nowhere)
    assert ran.returncode == code
    assert bool(ran.stdout) is (code == 0)


@needs_full
@pytest.mark.parametrize("line", [f"battery --device '{SIM}'", "raw --json", "--version", "--help"])
def test_a_full_output_is_no_fault_of_the_program(line: str) -> None:
    ran = _shell(f"bwc {line} > /dev/full")
    assert ran.returncode == 9
    assert "No space left" in ran.stderr
    assert "report it" not in ran.stderr and "Exception ignored" not in ran.stderr
