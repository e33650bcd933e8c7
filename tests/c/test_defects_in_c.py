"""Each defect of the camera in C is found by the conformance suite, under the number of the rule that it breaks."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bwc_sdk import ClockReason, Role, TimeSource
from bwc_sdk.sync import connect

DEFECTS = re.findall(r'X\((\w+), "([\w-]+)"', Path("protocol/c/core/defects.h").read_text(encoding="utf-8"))

pytestmark = [pytest.mark.night, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("name", "rule"), DEFECTS, ids=[name for name, _ in DEFECTS])
def test_the_suite_says_which_rule_is_broken(
    build: Callable[[str], Path], tmp_path: Path, name: str, rule: str
) -> None:
    command = [build("smallest_checked"), "--tcp", "0", "--defect", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as camera:
        assert camera.stdout is not None
        uri = camera.stdout.readline().strip()
        judge = [sys.executable, "-m", "bwc_sdk", "conformance", "--device", uri, "--allow-insecure"]
        try:
            if rule.startswith("CLK"):  # whose limits hold for a clock that was set before
                with connect(uri, role=Role.BENCH, allow_insecure=True) as host:
                    host.clock.sync(
                        reason=ClockReason.BENCH, source=TimeSource.PTP, host_uncertainty_ns=1_000_000
                    )
            subprocess.run(
                [*judge, "--only", rule, "--report", tmp_path], capture_output=True, timeout=280, check=False
            )
        finally:
            camera.kill()
    judged = json.loads((tmp_path / "conformance.json").read_text(encoding="utf-8"))["requirements"][rule]
    assert judged["verdict"] == "FAIL", judged["why"]
