"""The subset of `hil_tests` that is marked for this, in a process of its own as a bench runs it."""

import re
from pathlib import Path
from typing import Final

from tools.stack.inside.bluetooth import AUDIBLE, switch_on
from tools.stack.inside.camera import simulator
from tools.stack.inside.program import Program

SUITE_S: Final = 300.0
"""Some ten times what it takes on an idle machine: one that others use is slow now and then."""
TEST_S: Final = 60
PASSED_MIN: Final = 7
"""A marker that got lost must not pass as a success."""
IN_THE_AIR: Final = "not (assignment or bench_moves or one_bad or offload or roles)"
"""BlueZ takes two seconds to disconnect, and every test connects three times: these few try each kind of message."""


def start(uri: str, where: Path, *options: str) -> Program:
    """Runs the subset on the device at `uri`."""
    words = ["--pyargs", "hil_tests", "-v", "-p", "no:cacheprovider", "-m", "bwc_stack"]
    words += ["-o", f"timeout={TEST_S}", "--durations=5", "--bwc-seed=0", "--bwc-device", uri, *options]
    return Program("pytest", *words, directory=where)


def passes(run: Program) -> None:
    """Waits for it; asserts that every test passed, and none was skipped."""
    try:
        code = run.code(SUITE_S)
    finally:
        print(run.output)
    assert code == 0
    summary = run.lines[-1]
    passed = re.search(r"(\d+) passed", summary)
    assert passed is not None and int(passed[1]) >= PASSED_MIN, summary
    assert "skipped" not in summary, summary


class AirSuite:
    """The suite on a camera in the air, under way."""

    def __init__(self, where: Path) -> None:
        self._camera = simulator("--listen", "ble:vhci", *AUDIBLE)
        uri = self._camera.line(0)
        switch_on()
        self._run = start(uri, where, "-k", IN_THE_AIR)

    def passes(self) -> None:
        """Waits for it, and asserts that it passed."""
        passes(self._run)

    def stop(self) -> None:
        """Ends it; its adapter leaves the machine. Idempotent."""
        self._run.kill()
        self._camera.kill()
