"""A camera behind an exporter's bridge, reached by a place: acquired, used, taken by one user at a time, released."""

import os
import re
import signal
from pathlib import Path

import pytest

from tools.testkit.labgrid_bench import LabgridBench, Running, ends

pytestmark = [pytest.mark.ci, pytest.mark.timeout(180)]

DOCS = Path(__file__).parents[2] / "docs" / "labgrid"
EXPORTER = DOCS / "exporter.yaml"
OF_A_LAB = DOCS / "test_one_camera.py"
BRIDGE = r"bridge to (\S+): process (\d+), port (\d+)"


def pytest_of(bench: LabgridBench, *words: str, fails: bool = False, **environment: str) -> str:
    options = ("-p", "no:cacheprovider", "-q", "--rootdir", str(bench.folder), "-c", "/dev/null")
    return bench.run("-m", "pytest", *options, *words, fails=fails, **environment)


def practice(bench: LabgridBench) -> Running:
    """The simulated camera of the page's exporter file, as the place `cam1`."""
    exporter = bench.export(EXPORTER)
    bench.place("cam1", "cellar/practice/*", "model=practice")
    return exporter


def test_acquired_used_and_released(bench: LabgridBench) -> None:
    exporter = practice(bench)
    assert not re.search(BRIDGE, exporter.log.read_text()), "nothing runs for a place that nobody has"
    bench.client("-p", "cam1", "acquire")
    process = int(exporter.await_said(BRIDGE)[2])
    said = pytest_of(bench, str(OF_A_LAB), "--lg-env", str(DOCS / "place.yaml"))
    assert "1 passed" in said
    bench.client("-p", "cam1", "release")
    exporter.await_said(f"bridge of process {process} ended")
    assert ends(process)


def test_the_same_test_runs_at_a_desk(bench: LabgridBench) -> None:
    assert "1 passed" in pytest_of(bench, str(OF_A_LAB), "--lg-env", str(DOCS / "simulator.yaml"))


def test_one_user_has_a_place(bench: LabgridBench) -> None:
    practice(bench)
    bench.client("-p", "cam1", "lock")
    said = bench.client("-p", "cam1", "lock", fails=True, LG_USERNAME="somebody")
    assert "already acquired" in said
    words = (str(OF_A_LAB), "--lg-env", str(DOCS / "place.yaml"))
    assert "1 passed" not in pytest_of(bench, *words, fails=True, LG_USERNAME="somebody")
    assert "1 passed" in pytest_of(bench, *words)


def test_a_place_is_reserved_by_its_tags(bench: LabgridBench) -> None:
    practice(bench)
    said = bench.client("reserve", "--wait", "--shell", "model=practice")
    token = re.search(r"LG_TOKEN=(\w+)", said)
    assert token is not None, said
    bench.client("-p", "+", "lock", LG_TOKEN=token[1])
    words = (str(OF_A_LAB), "--lg-env", str(DOCS / "reserved.yaml"))
    assert "1 passed" in pytest_of(bench, *words, LG_TOKEN=token[1])


def test_a_bridge_ends_with_an_exporter_that_is_killed(bench: LabgridBench) -> None:
    exporter = practice(bench)
    bench.client("-p", "cam1", "acquire")
    process = int(exporter.await_said(BRIDGE)[2])
    exporter.kill()
    assert ends(process)


def test_a_bridge_that_ended_is_started_anew(bench: LabgridBench) -> None:
    exporter = practice(bench)
    bench.client("-p", "cam1", "acquire")
    first = exporter.await_said(BRIDGE)
    os.kill(int(first[2]), signal.SIGKILL)
    second = exporter.await_said(BRIDGE, times=2)
    assert second[2] != first[2]
    assert "1 passed" in pytest_of(bench, str(OF_A_LAB), "--lg-env", str(DOCS / "place.yaml"))
