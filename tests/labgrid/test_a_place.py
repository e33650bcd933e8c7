"""A camera behind an exporter's bridge, reached by a place: acquired, used, taken by one user at a time, released."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.testkit.labgrid_bench import LabgridBench, ends

pytestmark = [pytest.mark.ci, pytest.mark.timeout(180)]

DOCS = Path(__file__).parents[2] / "docs" / "labgrid"
EXPORTER = DOCS / "exporter.yaml"
OF_A_LAB = DOCS / "test_one_camera.py"
BRIDGE = r"bridge to (\S+): process (\d+), port (\d+)"


@pytest.fixture(scope="module")
def lab(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabgridBench]:
    """The exporter file of the page, exported, with its simulated camera as the place `cam1`, which nobody has."""
    with LabgridBench(python, tmp_path_factory.mktemp("lab")) as bench:
        bench.export(EXPORTER)
        bench.place("cam1", "cellar/practice/*", "model=practice")
        yield bench


def by(bench: LabgridBench, file: str, *, fails: bool = False, **environment: str) -> str:
    """What the lab's own test says by that environment file."""
    return bench.suite(str(OF_A_LAB), "--lg-env", str(DOCS / file), fails=fails, **environment)


def test_acquired_used_and_released(lab: LabgridBench) -> None:
    before = len(re.findall(BRIDGE, lab.exporter.said))
    lab.acquire("cam1")
    process = int(lab.exporter.await_said(BRIDGE, times=before + 1)[2])
    started = len(re.findall(BRIDGE, lab.exporter.said))
    assert "1 passed" in by(lab, "place.yaml")
    lab.client("-p", "cam1", "release")
    lab.exporter.await_said(f"bridge of process {process} ended")
    assert ends(process)
    assert len(re.findall(BRIDGE, lab.exporter.said)) == started, "none runs for a place that nobody has"


def test_the_same_test_runs_at_a_desk(lab: LabgridBench) -> None:
    assert "1 passed" in by(lab, "simulator.yaml")


def test_one_user_has_a_place(lab: LabgridBench) -> None:
    lab.acquire("cam1")
    said = lab.client("-p", "cam1", "lock", fails=True, LG_USERNAME="somebody")
    assert "already acquired" in said
    assert "not acquired by your user" in by(lab, "place.yaml", fails=True, LG_USERNAME="somebody")
    lab.client("-p", "cam1", "release")


def test_a_place_is_reserved_by_its_tags(lab: LabgridBench) -> None:
    said = lab.client("reserve", "--wait", "--shell", "model=practice")
    token = re.search(r"LG_TOKEN=(\w+)", said)
    assert token is not None, said
    lab.acquire("+", LG_TOKEN=token[1])
    assert "1 passed" in by(lab, "reserved.yaml", LG_TOKEN=token[1])
    lab.client("-p", "cam1", "release")


def test_a_bridge_that_ended_is_started_anew_and_ends_with_an_exporter_that_is_killed(
    lab: LabgridBench,
) -> None:
    exporter = lab.export(EXPORTER, "attic")
    lab.place("cam2", "attic/practice/*")
    lab.acquire("cam2")
    first = exporter.await_said(BRIDGE)
    os.kill(int(first[2]), signal.SIGKILL)
    second = exporter.await_said(BRIDGE, times=2)
    assert second[2] != first[2]
    exporter.kill()
    assert ends(int(second[2]))
