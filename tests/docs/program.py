"""A reader's program: an example in Python as a process of its own, on simulated devices instead of the named ones."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

from tests.docs.shell import environment

SIMULATED: Final = {
    '"serial:/dev/ttyACM0"': '"sim:?seed=7&recordings=2&mib=1"',
    '"usb:1-4"': '"sim:?seed=7&station=3&recordings=1&mib=1"',
}
"""What stands in for the devices that the pages name."""
DESTINATION: Final = "/srv/evidence"
LATE_S: Final = 240.0
"""A program that takes two seconds took thirty on two processors with twenty others: no test is to be about that."""


def write(source: str, folder: Path, name: str) -> Path:
    """The example as a file, with a simulated device for each that it names, and a folder that is there."""
    for named, simulated in SIMULATED.items():
        source = source.replace(named, simulated)
    destination = folder / "evidence"
    destination.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(source.replace(DESTINATION, str(destination)), encoding="utf-8")
    return path


def run(path: Path) -> str:
    """Runs it to its end, which has to be a good one; what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", path],
        cwd=path.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LATE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_until(path: Path, text: str) -> list[str]:
    """Runs it until it has printed a text, then presses Ctrl-C; it has to end by that and not by itself. The lines that
    it printed until then."""
    with subprocess.Popen(
        [sys.executable, "-u", "-W", "error", path],
        cwd=path.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        late = threading.Timer(LATE_S, process.kill)
        late.start()
        said = []
        for line in process.stdout:
            said.append(line)
            if text in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
        code = process.wait()
        late.cancel()
    assert said and text in said[-1], "".join(said)
    assert code in (0, 130, -signal.SIGINT), rest
    return said


def run_tests(path: Path) -> str:
    """Runs it by pytest, as on a bench; the last line."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path],
        cwd=path.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LATE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1]
