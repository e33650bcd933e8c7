"""A watch that the system ends, as a service manager does, leaves no light that speaks for it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bwc_protocol.messages.station import BayVerdict
from bwc_sdk.sync import connect_station

ENDS_S = 45.0


@contextmanager
def running(*argv: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "bwc_sdk", *argv], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.ci
@pytest.mark.timeout(180)
def test_a_watch_that_the_system_ends_takes_its_verdicts_back(tmp_path: Path) -> None:
    with running("sim", "--station", "1", "--recordings", "1", "--listen", "tcp:127.0.0.1:0") as station:
        assert station.stdout is not None
        uri = station.stdout.readline().strip()
        steps = ("--steps", "check", "--json", "--device", uri)
        with running("dock", "watch", str(tmp_path), *steps) as watch:
            assert watch.stdout is not None
            for line in watch.stdout:
                if json.loads(line)["event"] == "camera_result":
                    break  # a light that speaks for it holds for a minute and a half
            watch.send_signal(signal.SIGTERM)
            assert watch.wait(ENDS_S) == 130
        with connect_station(uri) as there:
            assert there.bays.bay(bay=1).verdict is BayVerdict.NONE
