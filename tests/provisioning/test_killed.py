"""Provisioning is killed in the middle, again and again: what is done is done once, and at the end all of it is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tiers import seeds

BAYS = 4
PATIENCE_S = 40.0


@contextmanager
def station() -> Iterator[str]:
    command = (sys.executable, "-m", "bwc_sdk", "sim", "--recordings", "0", "--station", str(BAYS))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)


@pytest.mark.ci
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", seeds(1))
def test_what_was_done_before_a_kill_is_done_once(seed: int, tmp_path: Path) -> None:
    (tmp_path / "patrol.toml").write_text("recording.pre_event_s = 120\n")
    (tmp_path / "officers.csv").write_text("officer\n" + "".join(f"A-{n}\n" for n in range(2 * BAYS)))
    files = ("patrol.toml", "--roster", "officers.csv", "--records", "records")
    with station() as uri:
        words = ("provision", *files, "--station", uri, "--lab", "--source", "operator", "--json")
        command = (sys.executable, "-m", "bwc_sdk", *words)
        for lines in (5 + seed % 7, 11 + seed % 11, 17 + seed % 13):
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
                assert process.stdout is not None
                for _ in range(lines):
                    if not process.stdout.readline():
                        break
                process.kill()
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        provisioned = {}
        for line in done.stdout.splitlines():
            event = json.loads(line)
            if event.get("event") == "provisioned":
                provisioned[event["serial_number"]] = event["officer"]
    assert sorted(provisioned.values()) == [f"A-{n}" for n in range(BAYS)], "the first four, each once"
    assert not list((tmp_path / "records").glob("*.begun.json"))
